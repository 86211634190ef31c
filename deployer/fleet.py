"""One verb over many targets: side by side, each isolated from the others, none left out of the report."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from datetime import date
from datetime import datetime
from pathlib import Path

from deployer.apply import apply
from deployer.apply import ours_after
from deployer.crew import Crew
from deployer.crew import Job
from deployer.crew import Verb
from deployer.crew import jobs_of
from deployer.drift import assess
from deployer.drift import to_ask_about
from deployer.errors import Declined
from deployer.errors import InvalidManifest
from deployer.errors import Unrecorded
from deployer.evidence import left_behind
from deployer.evidence import witness_of
from deployer.explaining import explain
from deployer.findings import Finding
from deployer.journal import Journal
from deployer.journal import witnesses
from deployer.keeping import Keeping
from deployer.limits import check_limits
from deployer.looking import look
from deployer.looking import parts
from deployer.manifest.load import Manifest
from deployer.model import Assignment
from deployer.narrowing import concerned
from deployer.narrowing import narrow
from deployer.origins import Origins
from deployer.outcome import Drifted
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.outcome import Stopped
from deployer.outcome import Verified
from deployer.plan import Plan
from deployer.plan import make_plan
from deployer.plan import matches
from deployer.providers.base import Provider
from deployer.request import EVERYTHING
from deployer.request import ORDINARY
from deployer.request import Consent
from deployer.request import Selection
from deployer.request import chosen
from deployer.saved import SavedPlan
from deployer.saved import require_same_deal
from deployer.saved import stale
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import LiveState
from deployer.verify import Waiting
from deployer.verify import asked
from deployer.verify import until_known
from deployer.verify import verify
from deployer.workload import Workload

Approve = Callable[[Sequence[Outcome]], bool]


class Fleet:
    """The targets of one environment that a run is about. It may start the emulator.

    No outcome that leaves it holds a secret of the run, even where a live object or a server repeats one.
    """

    def __init__(
        self,
        manifest: Manifest,
        root: Path,
        *,
        selection: Selection = EVERYTHING,
        trusted_hosts: Sequence[str] | None = None,
        jobs: int | None = None,
        today: date | None = None,
    ) -> None:
        self.manifest = manifest
        self.root = root
        self.selection = selection
        self.chosen = chosen(manifest, selection)
        trusted = manifest.environment.trusted_hosts if trusted_hosts is None else trusted_hosts
        # The shards of a matrix run side by side, and have the budgets of a platform together.
        share = 1 / selection.shard.of if selection.shard else 1.0
        self.crew = Crew(manifest, root, trusted, jobs or jobs_of(), share)
        """Whose connections serve every verb that is called inside `with fleet.crew:`."""
        self._today = today or datetime.now(UTC).date()
        self._work = Workload(manifest, self.chosen)
        self._keeping = Keeping(manifest, self._wanted)

    def plan(self, consent: Consent = ORDINARY, *, explained: bool = False) -> list[Outcome]:
        """Read and compare every target; nothing is written. `explained` says where each new value comes from."""

        def one(provider: Provider, job: Job) -> Outcome:
            plan, _ = self._plan(provider, job, job.desired, consent)
            gone = {one.key: [each.keys for each in one.fields if each.after is None] for one in plan.changes}
            told = self._explained(job, gone) if explained else {}
            return Planned(job.place, plan, told, provider.cost(plan))

        with self.crew:
            return self._keeping.told(self._looks(one), self.crew.redact)

    def apply(
        self,
        consent: Consent = ORDINARY,
        approve: Approve | None = None,
        journal: Journal | None = None,
        saved: SavedPlan | None = None,
    ) -> list[Outcome]:
        """Plan every target, ask once if `approve` is given, and carry out exactly what was shown, or was `saved`.

        A target that is not as it was then is stopped before any write, the others are not. Every write is told to
        `journal` before it is sent and after it.
        """
        return self.over(self.approved(consent, approve, journal, saved), journal)

    def retire(
        self, consent: Consent = ORDINARY, approve: Approve | None = None, journal: Journal | None = None
    ) -> list[Outcome]:
        """Take everything that is ours out of the selected targets, within limits: the customer leaves."""
        return self.over(self.approved(consent, approve, journal, wish=_emptied), journal)

    def drift(self, folder: Path, today: date) -> list[Outcome]:
        """Read every target and weigh every difference; the journals in `folder` tell what was there.

        A target that the journals know and no tenant's file names any more is an outcome, too: nobody looks at it.
        """
        known = witnesses(folder, self.manifest.environment.name, self.manifest.environment.owner)

        def one(provider: Provider, job: Job) -> Outcome:
            live = provider.read(job.desired)
            plan = self._narrow(make_plan(job.desired, live, today=today), job.desired, live)
            plan = replace(plan, platform=job.target.platform)
            witness = witness_of(job.target, known)
            history = provider.edits(to_ask_about(plan), witness.since if witness else None)
            return Drifted(job.place, plan, assess(plan, job.desired, live, witness, history, today))

        return [*self._looks(one), *left_behind(self.manifest, known, self.chosen)]

    def approved(
        self,
        consent: Consent = ORDINARY,
        approve: Approve | None = None,
        journal: Journal | None = None,
        saved: SavedPlan | None = None,
        wish: Callable[[DesiredState], DesiredState] = lambda desired: desired,
    ) -> Verb:
        """What `apply` does to a target, to be done now or in parts. Shows everything and asks at once, if at all.

        Raises `Declined` for a no.
        """
        if saved is not None:
            require_same_deal(saved, self.chosen.dealt)
        shown: dict[Place, str] = {}

        def show(provider: Provider, job: Job) -> Outcome:
            plan, _ = self._plan(provider, job, wish(job.desired), consent)
            shown[job.place] = plan.digest
            return Planned(job.place, plan)

        def carry_out(provider: Provider, job: Job) -> Outcome:
            place, desired = job.place, wish(job.desired)
            plan, live = self._plan(provider, job, desired, consent)
            if approve is not None and shown.get(place) != plan.digest:
                message = "it is not as it was when the plan was shown; nothing was written, run again"
                return Stopped(place, (Finding("changed-since-shown", message),))
            reasons = stale(saved, place, plan, desired, live) if saved else ()
            if outdated := tuple(Finding("stale-plan", reason) for reason in reasons):
                return Stopped(place, outdated)
            applied = apply(place, plan, provider, self.crew.interrupted.is_set, journal)
            if journal:
                with suppress(Unrecorded):  # `drift` will then say that nobody can tell
                    ours = ours_after(applied, desired, live)
                    alike = {key: live.resources[key] for key in plan.unchanged if key in ours}
                    equal = {key: one.digest for key, one in alike.items() if not one.as_marked}
                    journal.settled(place, ours, desired.resources.keys() - ours, equal)
            return applied

        if approve is not None and not self._approved(approve, show):
            raise Declined("Nothing was applied.")
        return carry_out

    def _approved(self, approve: Approve, show: Verb) -> bool:
        with self.crew:
            outcomes = self._keeping.told(self._looks(show, alone=True), self.crew.redact)
        if self.stopping():
            raise Declined("Interrupted while the targets were looked at. Nothing was applied.")
        return approve(outcomes)

    def verify(
        self, waiting: Waiting | None = None, require: Sequence[str] = (), among: Collection[Place] | None = None
    ) -> list[Outcome]:
        """Read targets back and answer the verify levels; `waiting` looks again until those that count are known."""
        required = tuple(require) or self.manifest.environment.require

        def one(provider: Provider, job: Job) -> Outcome:
            desired = job.desired
            live = provider.read(desired)
            globs = self.selection.rules
            keys = concerned(desired, live, globs) if globs else None
            health = provider.health(asked(desired, live, keys))
            levels = verify(desired, live, health, self._today)
            idle = desired.not_applicable
            if keys is not None:
                levels = tuple(level for level in levels if level.key in keys)
                idle = tuple(item for item in idle if matches(item.rule, globs))
            runs_as = tuple(one.runs_as for _, one in sorted(health.items()) if one.runs_as)
            return Verified(job.place, levels, required, live.unmanaged, idle, runs_as)

        if waiting is None:
            return self._looks(one) if among is None else self.over(one, among=among)
        return until_known(lambda places: self.over(one, among=places or among), waiting, self.crew.interrupted.is_set)

    def places(self) -> tuple[list[Place], list[Stopped]]:
        """The selected targets, and the selected tenants that are stopped before anything is asked of any target."""
        jobs, stopped = self._work.whole()
        return [job.place for job in jobs], stopped

    def stopping(self) -> bool:
        """Whether the user asked to stop: a write under way is finished, and no other is begun."""
        return self.crew.interrupted.is_set()

    def desired(self) -> list[tuple[Place, DesiredState, Origins]]:
        """What every selected target is to hold and where each value comes from, narrowed to the selected rules.

        Asks nothing of any target. Raises `InvalidManifest` when it cannot be told of some selected tenant.
        """
        jobs, stopped = self._work.whole()
        faults = [fault for outcome in stopped for fault in outcome.findings]
        if faults:
            raise InvalidManifest(faults)
        narrowed = [(job, self._narrowed(job.desired)) for job in jobs]
        return [(job.place, state, self._explained(job, dict.fromkeys(state.resources, ()))) for job, state in narrowed]

    def _explained(self, job: Job, asked: Mapping[Key, Collection[tuple[str, ...]]]) -> Origins:
        return explain(self.manifest, job.assignment, job.desired, asked) if job.assignment else {}

    def _narrowed(self, desired: DesiredState) -> DesiredState:
        globs = self.selection.rules
        if not globs:
            return desired
        keys = concerned(desired, LiveState({}), globs)
        return replace(
            desired,
            resources={key: one for key, one in desired.resources.items() if key in keys},
            not_applicable=tuple(item for item in desired.not_applicable if matches(item.rule, globs)),
        )

    def _plan(self, provider: Provider, job: Job, desired: DesiredState, consent: Consent) -> tuple[Plan, LiveState]:
        live = provider.read(desired)
        with self.crew.computing:
            plan = make_plan(
                desired, live, adopt=consent.adopt, reenable=consent.reenable, rekey=consent.rekey, today=self._today
            )
            plan = replace(self._narrow(plan, desired, live), address=job.target.address, platform=job.target.platform)
            check_limits(plan, consent.widen(self.manifest.environment.limits))
        return plan, live

    def _narrow(self, plan: Plan, desired: DesiredState, live: LiveState) -> Plan:
        return narrow(plan, desired, live, self.selection.rules) if self.selection.rules else plan

    def over(
        self, verb: Verb, journal: Journal | None = None, *, among: Collection[Place] | None = None
    ) -> list[Outcome]:
        """What `verb` makes of every selected target, in a stable order; a tenant's broken file is an outcome, too.

        Targets are worked on side by side, as `Crew.over` has it. `among` narrows it to some of the targets.
        """
        jobs, stopped = self._work.whole()
        if among is not None:
            wanted = frozenset(among)
            jobs, stopped = [job for job in jobs if job.place in wanted], []
        return _ordered([*stopped, *self.crew.over(jobs, verb, journal)])

    def _looks(self, verb: Verb, *, alone: bool = False) -> list[Outcome]:
        """The same of a verb that writes nothing: targets are looked at while it is still made out what others hold,
        and where there are many by several processes; `alone` forbids that, because this one has more to do with them.
        """
        dealt = [] if alone else parts(self.manifest, self.chosen)
        with self.crew:
            if len(dealt) > 1:
                return _ordered(look(self.crew, self.manifest, dealt, verb))
            outcomes = self.crew.over(self._work.jobs(), verb, looks=True)
            return _ordered([*self._work.whole()[1], *outcomes])

    def _wanted(self) -> dict[Place, tuple[DesiredState, Assignment | None]]:
        return {job.place: (job.desired, job.assignment) for job in self._work.whole()[0]}


def _ordered(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda outcome: (outcome.place.tenant, outcome.place.target or ""))


def _emptied(desired: DesiredState) -> DesiredState:
    """Nothing is wanted there any more, at once."""
    return replace(desired, resources={}, not_applicable=(), accepted=(), grace_days=0, notes=())
