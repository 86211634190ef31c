"""What of the differences of a tenant is taken over, and what is not and why."""

from collections.abc import Iterator
from collections.abc import Sequence

from deployer.outcome import Left
from deployer.outcome import Taken
from deployer.plan import Cause
from deployer.plan import Change
from deployer.plan import Claim
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Update
from deployer.providers.kibana.grouping import is_of_many
from deployer.pull import entries
from deployer.pull.accepting import PLACE
from deployer.pull.accepting import accept
from deployer.pull.accepting import lapsed_for_all
from deployer.pull.accepting import release
from deployer.pull.draft import Draft
from deployer.pull.fields import take_fields
from deployer.pull.sights import Sight
from deployer.pull.sights import Wish
from deployer.state import Key
from deployer.state import Kind

Results = tuple[list[Taken], list[Left]]


def take(draft: Draft, sights: Sequence[Sight], wish: Wish) -> Results:
    """Lay everything that can be taken over into the draft."""
    taken: list[Taken] = []
    left: list[Left] = []
    for sight in sights:
        rules: dict[str, list[Update]] = {}
        for change in sight.plan.changes:
            if isinstance(change, Update) and change.cause is Cause.PENDING:
                continue
            if sight.holds_a_secret(change):
                left.append(Left(sight.target, change.key, "", "it holds a credential of this run; take it out there"))
            elif reason := _reason(change, wish):
                left.append(Left(sight.target, change.key, "", reason, advice=_is_advice(change)))
            elif isinstance(change, Update) and (reason := lapsed_for_all(draft, sight.target, change, wish.today)):
                left.append(Left(sight.target, change.key, "", reason))
            elif wish.accept and isinstance(change, Update):
                taken += accept(draft, sight.target, change, wish.accept)
            elif isinstance(change, Update) and change.key.kind in (Kind.RULE, Kind.DATA_VIEW):
                rules.setdefault(_rule_of(sight, change.key), []).append(change)
            elif not wish.accept and change.key.kind is Kind.ITEM:
                _add((taken, left), entries.take(draft, sight, change, wish))
        for name, changes in sorted(rules.items()):
            rule = draft.rule(sight.target, name)
            _add((taken, left), take_fields(draft, sight.target, rule, changes, sight.job.desired.resources))
        left += _missing(sight, wish)
    for one in taken:
        if one.path and one.place[0] != PLACE:
            release(draft, one.target, one.key, {one.path}, wish.today)
    return taken, left


def _add(all: Results, some: Results) -> None:
    all[0].extend(some[0])
    all[1].extend(some[1])


def _reason(change: Change, wish: Wish) -> str | None:
    """Why a difference is none that `pull` takes over; None where it does, or where there is nothing to say."""
    match change:
        case Delete() | Create():
            return None
        case Claim(blocked="added by hand") if change.live is change.desired:
            return None
        case Claim():
            return "it carries no mark of ours: `apply --adopt` takes it over, and makes it what Git says"
        case Update(cause=Cause.UNKNOWN | Cause.CONFLICT):
            return str(change.blocked)
        case Update(live=live) if live.halted:
            return f"{live.halted}; mend the cause, then `apply --reenable`"
        case Update() if change.key.kind is Kind.LIST and not wish.accept:
            return "what a list is called is said by its category in rules/allowlists.yaml; the next apply puts it back"
        case Update() if change.key.kind is Kind.VALUE_LIST and not wish.accept:
            return (
                "it holds what the allowlist in Git says: add or take out an entry there, or in the shared list; the "
                "next apply puts it back"
            )
        case Update() if change.key.kind is Kind.WATCHLIST and not wish.accept:
            return "its values are allowlist entries: `allowlist add` what is to stay; the next apply undoes it"
        case _:
            return None


def _is_advice(change: Change) -> bool:
    """Whether it only needs a word: what stands in Git is what is live, and nothing is lost."""
    return isinstance(change, Claim) and not change.fields


def _rule_of(sight: Sight, key: Key) -> str:
    """The id in Git of the rule that an object is, or belongs to."""
    resources = sight.job.desired.resources
    rules = [one for one in resources.values() if one.key.kind is Kind.RULE]
    return next(one.git_id for one in rules if one.key == key or key in one.needs)


def _missing(sight: Sight, wish: Wish) -> Iterator[Left]:
    """A word on what is in Git and not in the target: whether it is new or was deleted there, nothing here tells."""
    for change in sight.plan.changes:
        if isinstance(change, Create) and not wish.removes(*entries.names(change)):
            out = "take it out of Git for this tenant" if change.key.kind is Kind.RULE else "name it with --removed"
            reason = f"in Git and not in the target, the next apply makes it; if it was deleted there on purpose, {out}"
            if change.key.kind in (Kind.RULE, Kind.ITEM) and not is_of_many(change.key):
                yield Left(sight.target, change.key, "", reason, advice=True)
