"""How many requests a change of an object in a workspace takes. Pure.

Every write stands between two looks at the object (`base.carry_out`), a create, too: ARM's is an upsert. Before the
first rule that runs and reads a watchlist, log queries are asked whether they see the list.
"""

from collections.abc import Sequence

from deployer.plan import Change
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.staging import steps
from deployer.state import Kind
from deployer.tally import Ahead


def cost(plan: Plan) -> Ahead:
    """All of a plan's changes. Of watchlists the least: Azure works them in by itself, and is asked until it has."""
    changes = [step.change for step in steps(plan.changes) if not step.change.blocked]
    read = _lists_to_see(changes)
    return sum((Ahead(2, 1, least=one.key.kind is Kind.WATCHLIST) for one in changes), Ahead(read, least=read > 0))


def _lists_to_see(changes: Sequence[Change]) -> int:
    """How many watchlists the rules that are written, and run, read."""
    rules = [one for one in changes if one.key.kind is Kind.RULE and not isinstance(one, Delete)]
    running = (one.desired for one in rules if one.desired.body.get("enabled") is not False)
    return len({need for rule in running for need in rule.needs if need.kind is Kind.WATCHLIST})
