"""Write what is live in a tenant into Git, where that is what is meant to stay.

Every target is read, nothing is written to any. What drifted goes into the tenant's own file: fields of rules into
overlays, exception items into `allowlists:`, or, if that is asked for, all of it into `accepted:`. The edited file is
loaded again before it is written, and must then make exactly what is live, and change nothing else.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from datetime import date

from deployer.crew import Job
from deployer.fleet import Fleet
from deployer.manifest.document import Document
from deployer.manifest.replacing import replace_text
from deployer.narrowing import concerned
from deployer.narrowing import narrow
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.outcome import Pulled
from deployer.plan import Cause
from deployer.plan import Claim
from deployer.plan import Plan
from deployer.plan import Update
from deployer.plan import make_plan
from deployer.providers.base import Provider
from deployer.pull.draft import Draft
from deployer.pull.proof import fault
from deployer.pull.sights import Sight
from deployer.pull.sights import Wish
from deployer.pull.taking import take
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Resource
from deployer.state import as_json


@dataclass(frozen=True, slots=True)
class _Raw:
    """What a target really holds: outcomes that leave the fleet have the run's secrets taken out."""

    job: Job
    bodies: Mapping[Key, str]


def pull(fleet: Fleet, wish: Wish, trusted_hosts: Sequence[str] | None = None) -> list[Outcome]:
    """One outcome for each tenant that was read, and one for each target that could not be."""
    raw: dict[Place, _Raw] = {}

    def look(provider: Provider, job: Job) -> Outcome:
        if wish.target not in (None, job.target.name):
            return Planned(job.place, _NOTHING)
        live = provider.read(job.desired)
        plan = _with_lapsed(make_plan(job.desired, live), job, live, wish.today)
        plan = _with_strangers(plan, provider, job, live, fleet.selection.rules)
        raw[job.place] = _Raw(
            job, {change.key: as_json(change.live.body) for change in plan.changes if hasattr(change, "live")}
        )
        return Planned(job.place, plan)

    outcomes = fleet.over(look)
    seen: dict[str, list[Sight]] = {}
    for outcome in outcomes:
        if isinstance(outcome, Planned) and outcome.place in raw:
            one = raw[outcome.place]
            seen.setdefault(outcome.place.tenant, []).append(Sight(one.job, outcome.plan, one.bodies))
    rest = [outcome for outcome in outcomes if not isinstance(outcome, Planned)]
    pulled = [_pulled(fleet, name, sights, wish, trusted_hosts) for name, sights in seen.items()]
    return sorted([*rest, *pulled], key=lambda one: (one.place.tenant, one.place.target or ""))


_NOTHING = Plan((), (), (), (), (), 0)


def _with_lapsed(plan: Plan, job: Job, live: LiveState, today: date) -> Plan:
    """The plan, and as drift what was accepted until a day that is over: it is still there."""
    lapsed: dict[Key, set[str]] = {}
    for one in plan.accepted:
        if not one.acceptance.covers(today):
            lapsed.setdefault(one.key, set()).add(one.field.path)
    standing = tuple(one for one in job.desired.accepted if one.covers(today))
    changes = {change.key: change for change in plan.changes}
    for change in make_plan(replace(job.desired, accepted=standing), live).changes if lapsed else ():
        if isinstance(change, Update) and change.key in lapsed:
            before = changes.get(change.key)
            if isinstance(before, Update) and before.cause is not Cause.PENDING:
                changes[change.key] = replace(change, cause=before.cause)
                continue
            # A write meanwhile has put the accepted value under our mark: without the acceptance it looks pending.
            fields = tuple(field for field in change.fields if field.path in lapsed[change.key])
            changes[change.key] = replace(change, cause=Cause.DRIFT, fields=fields)
    return replace(plan, changes=tuple(changes.values()))


def _with_strangers(plan: Plan, provider: Provider, job: Job, live: LiveState, globs: Sequence[str]) -> Plan:
    """The plan for the selected rules, and what was added by hand to lists of theirs as further claims."""
    keys = concerned(job.desired, live, globs) if globs else None
    plan = narrow(plan, job.desired, live, globs) if globs else plan
    if not any(one.kind is Kind.ITEM for one in live.unmanaged):
        return plan
    lists = {key for key in job.desired.resources if key.kind is Kind.LIST and (keys is None or key in keys)}
    strangers = [
        one
        for one in provider.everything(job.desired)
        if isinstance(one, Resource) and one.key.kind is Kind.ITEM and one.needs[0] in lists
        if not job.desired.concerns(one)
    ]
    claims = [Claim(one, one, job.desired.mark(one), (), "added by hand") for one in strangers]
    return replace(plan, changes=(*plan.changes, *claims))


def _pulled(
    fleet: Fleet, name: str, sights: Sequence[Sight], wish: Wish, trusted_hosts: Sequence[str] | None
) -> Pulled:
    """The outcome for one tenant; its file is written last, if it is written at all."""
    tenant = next(one for one in fleet.manifest.tenants if one.name == name)
    path = tenant.location.path
    document = fleet.manifest.documents.get(path) or Document(path, None)
    draft = Draft.of(fleet.manifest, tenant, document, fleet.root)
    taken, left = take(draft, sights, wish)
    found = Pulled(Place(name), path, tuple(taken), tuple(left))
    if not taken:
        return found
    text, effects, problem = fault(fleet, draft, sights, taken, trusted_hosts)
    if problem is None and not wish.dry_run:
        problem = replace_text(fleet.root, path, draft.text, text)
    found = replace(found, diff=draft.difference(text))
    if problem is not None:
        return replace(found, refused=problem)
    return replace(found, effects=effects, written=not wish.dry_run)
