"""How many requests a change of an object in a Kibana space takes. Pure.

Every write stands between two looks at the object (`base.carry_out`), but a create, which needs none before. A rule is
written with the ids that its lists have at that moment.
"""

from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.staging import steps
from deployer.state import Kind
from deployer.tally import Ahead

_VALUE_PAGE = 5000


def cost(plan: Plan, host: str) -> Ahead:
    """All of a plan's changes. Before them the space is asked for the privileges, and its host once for its status."""
    found = [_change(step.change) for step in steps(plan.changes) if not step.change.blocked]
    return sum(found, Ahead(reads=1, once=frozenset({host}))) if found else Ahead()


def _change(change: Change) -> Ahead:
    match change.key.kind:
        case Kind.VALUE_LIST:
            return _value_list(change)
        case Kind.DATA_VIEW | Kind.LIST | Kind.ITEM if isinstance(change, Delete):
            return Ahead(reads=3, writes=1, least=True)  # who else uses it is looked up page by page
        case Kind.RULE if not isinstance(change, Delete):
            foreign = change.desired.carried if isinstance(change, Create) else {}
            lists = [*change.desired.body.get("exceptions_list", ()), *foreign.get("exceptions_list", ())]
            return Ahead(reads=len(lists) + _looks(change), writes=1)
        case _:
            return Ahead(reads=_looks(change), writes=1)


def _looks(change: Change) -> int:
    return 1 if isinstance(change, Create) else 2


def _value_list(change: Change) -> Ahead:
    """Its values come in one upload and go one by one; that all of them are seen takes a look at least."""
    live = set() if isinstance(change, Create) else set(change.live.body["values"])
    if isinstance(change, Delete):
        return Ahead(reads=_pages(len(live)) + 1, writes=1)
    wanted = set(change.desired.body["values"])
    gone, come = len(live - wanted), bool(wanted - live)
    before = 1 if isinstance(change, Create) else _pages(len(live))  # whether the space has value lists at all
    made = 1 if isinstance(change, Create) else 0
    reads = before + int(come or gone > 0) + _pages(len(wanted))
    return Ahead(reads, made + int(come) + gone + 1, least=True)


def _pages(values: int) -> int:
    """Requests to read a list of so many values: itself, and its values page by page until one is not full."""
    return 2 + values // _VALUE_PAGE
