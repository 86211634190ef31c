"""Undo a run by its journal: bring every object that it wrote back to what it was, as long as nobody wrote it since.

Per object, live is compared with what the journal says (body and mark):

    live is what was there before the run     nothing to do, or the write never happened
    live is what the run left                 undone: created -> deleted, updated -> as before, deleted -> created again
    neither                                   somebody was there since: left alone, and said with who and when

What people keep in an object and Git does not manage (actions, notes, foreign lists) stays as it is now; only an object
that is created again gets it from the journal. A rollback is a plan like any other: it is shown, it has limits, it is
written through the same checks and into a journal of its own, by which it can be undone.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

from deployer.apply import apply
from deployer.crew import Job
from deployer.errors import CannotStart
from deployer.errors import Declined
from deployer.findings import Finding
from deployer.fleet import Approve
from deployer.fleet import Fleet
from deployer.journal import Journal
from deployer.limits import check_limits
from deployer.manifest.load import Manifest
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.outcome import Stopped
from deployer.plan import Plan
from deployer.plan import matches
from deployer.providers.base import Provider
from deployer.request import Consent
from deployer.request import Selection
from deployer.request import chosen
from deployer.rollback.runs import Run
from deployer.rollback.runs import Where
from deployer.rollback.runs import listed
from deployer.rollback.undo import seen_again
from deployer.rollback.undo import told_until
from deployer.rollback.undo import undo
from deployer.shards import Shard
from deployer.state import Kind
from deployer.state import LiveState


def rollback(
    fleet: Fleet,
    run: Run,
    consent: Consent,
    approve: Approve | None = None,
    record: Journal | None = None,
    *,
    dry: bool = False,
) -> list[Outcome]:
    """Undo `run` on the targets that it wrote to and that `fleet` selects; every one of them has an outcome.

    With `dry` nothing is written, and what would be is planned. `fleet` must have been made by `narrowed`.
    """
    globs = fleet.selection.rules
    shown: dict[Place, str] = {}

    def plan(provider: Provider, job: Job) -> tuple[Plan, LiveState]:
        made, live = undo(provider, job, run.writes[_place(job)], globs)
        check_limits(made, consent.widen(fleet.manifest.environment.limits))
        return made, live

    def show(provider: Provider, job: Job) -> Outcome:
        if stopped := _unfit(run, job):
            return stopped
        made, _ = plan(provider, job)
        shown[job.place] = made.digest
        return Planned(job.place, made)

    def carry_out(provider: Provider, job: Job) -> Outcome:
        if stopped := _unfit(run, job):
            return stopped
        made, live = plan(provider, job)
        if approve is not None and shown.get(job.place) != made.digest:
            message = "it is not as it was when the plan was shown; nothing was written, run again"
            return Stopped(job.place, (Finding("changed-since-shown", message),))
        made = seen_again(provider, job, made, live)
        done = apply(job.place, made, provider, fleet.stopping, record)
        return told_until(done, job, run.writes[_place(job)])

    def over(verb: Callable[[Provider, Job], Outcome]) -> list[Outcome]:
        outcomes = [*_lost(run, fleet), *(fleet.over(verb, record) if fleet.selection.tenants else ())]
        outcomes = [one for one in outcomes if one.place.target is None or _where_of(one.place) in run.writes]
        return sorted(outcomes, key=lambda outcome: (outcome.place.tenant, outcome.place.target or ""))

    if dry:
        return over(show)
    if approve is not None and not _approved(fleet, approve, over(show)):
        raise Declined("Nothing was undone.")
    return over(carry_out)


def _approved(fleet: Fleet, approve: Approve, outcomes: list[Outcome]) -> bool:
    """Whoever interrupts while the plan is made is not asked to approve half of it."""
    return not fleet.stopping() and approve(outcomes)


def narrowed(
    manifest: Manifest, run: Run, tenants: Sequence[str], rules: Sequence[str], shard: Shard | None = None
) -> Selection:
    """The part of the environment that undoing `run` is about, by the names of its tenants; none of a `shard` without.

    Shards are those of the environment, not of the run: a tenant is in the same one whatever the verb.
    Raise `CannotStart` for a glob that matches nothing that the run wrote.
    """
    there = {tenant for tenant, _ in run.writes}
    for glob in tenants:
        if not any(matches(tenant, [glob]) for tenant in there):
            raise CannotStart(f"the run wrote to no tenant that matches {glob!r}, but to {listed(sorted(there))}")
    live = {one.key.id for told in run.writes.values() for one in told if one.key.kind is Kind.RULE}
    names = live | {rule.id for rule in manifest.rules.values() if rule.live_id in live}
    for glob in rules:
        if not any(matches(name, [glob]) for name in names):
            raise CannotStart(f"the run wrote no rule that matches {glob!r}, but {listed(sorted(names)) or 'none'}")
    wanted = chosen(manifest, Selection(tuple(tenants), (), shard=shard))
    return Selection(tuple(tenant for tenant in sorted(there) if tenant in wanted), tuple(rules))


def _unfit(run: Run, job: Job) -> Outcome | None:
    """What is said of a target that the run is not about, or whose name stands for another place by now."""
    where = _place(job)
    if where not in run.writes:
        return Stopped(job.place, ())
    then = run.addresses.get(where)
    if then is not None and then != job.target.address:
        text = f"the run wrote to {then}, and this target is now {job.target.address}; nothing was undone"
        return Stopped(job.place, (Finding("target-moved", text, location=job.target.location),))
    return None


def _lost(run: Run, fleet: Fleet) -> Iterator[Outcome]:
    """The targets of the run that nobody can reach any more, because no file of the environment names them."""
    manifest = fleet.manifest
    there = {(tenant.name, target.name) for tenant in manifest.tenants for target in tenant.targets}
    for where, writes in sorted(run.writes.items()):
        tenant, target = where
        if tenant in fleet.selection.tenants and where not in there and tenant not in manifest.broken_tenants:
            file = f"environments/{manifest.environment.name}/tenants/{tenant}.yaml"
            text = f"the run wrote {len(writes)} objects there, and {file} does not name it any more"
            yield Stopped(Place(tenant, target), (Finding("target-gone", f"{text}; nothing was undone there"),))


def _where_of(place: Place) -> Where:
    return place.tenant, place.target or ""


def _place(job: Job) -> Where:
    return _where_of(job.place)
