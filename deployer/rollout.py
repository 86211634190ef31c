"""`apply` through the waves of an environment: a wave is applied and verified before the next one begins.

What decides is asked of the targets each time: nothing is kept between runs. To go on after a stop is to run again:
what is done is found equal, is verified again without a write, and the run goes on behind it.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace

from deployer.crew import Verb
from deployer.errors import StalePlan
from deployer.findings import Finding
from deployer.fleet import Approve
from deployer.fleet import Fleet
from deployer.journal import Journal
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.request import Consent
from deployer.request import in_waves
from deployer.saved import SavedPlan
from deployer.shortfalls import shortfalls
from deployer.verify import Waiting
from deployer.verify import until_known
from deployer.waves import CODE
from deployer.waves import Stage
from deployer.waves import Verdict
from deployer.waves import Went
from deployer.waves import judged

_INTERRUPTED = "the run was interrupted"
_CUT_SHORT = "interrupted; if it was begun, the journal names what was written"
_NAMED = 5
"""Tenants of a wave that are named before it begins; of more their number."""


def apply(
    fleet: Fleet,
    consent: Consent,
    approve: Approve | None,
    journal: Journal | None,
    saved: SavedPlan | None,
    waiting: Waiting,
) -> tuple[list[Outcome], list[Went]]:
    """Apply to the selected targets wave by wave: every target has an outcome, every wave that concerns the run a word.

    Where the environment has no waves, all are applied to at once and nothing is verified. `waiting` gives the hands;
    how long a wave is waited for is its own. Raises what `Fleet.apply` does, and `StalePlan` for a plan of a wave that
    other tenants are in by now.
    """
    gone = _gone(saved, fleet) if saved else []
    parts = _parts(fleet, gone)
    if not parts:
        return _in_order([*fleet.apply(consent, approve, journal, saved), *gone]), []
    _require_all(saved, fleet)
    waiting.say(f"In waves: {', then '.join(map(_named, parts))}.")
    rollout = _Rollout(fleet, fleet.approved(consent, approve, journal, saved), journal, waiting)
    outcomes: list[Outcome] = []
    waves: list[Went] = []
    why = ""
    for part in parts:
        why = why or (_INTERRUPTED if rollout.stopping() else "")
        if why:
            done, went = _not_begun(part, why)
        else:
            done, went = rollout.through(part)
            if went.outcome is not Verdict.PASSED:
                why = _INTERRUPTED if went.interrupted else f"{part.stage.title} stopped the run"
        outcomes += done
        waves.append(went)
    told = {outcome.place for outcome in outcomes}
    return _in_order([*outcomes, *(one for one in gone if one.place not in told)]), waves


def _in_order(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda outcome: (outcome.place.tenant, outcome.place.target or ""))


def _gone(saved: SavedPlan, fleet: Fleet) -> list[Stopped]:
    """The targets that the plan would change, and that no tenant's file names any more: no other outcome tells of them.

    A tenant whose file is broken is told of as a whole.
    """
    places, stopped = fleet.places()
    known = {(place.tenant, place.target) for place in places}
    broken = {one.place.tenant for one in stopped}
    words = "the plan has changes for it, and no tenant's file names it any more; nothing was written there"
    return [
        Stopped(Place(tenant, target), (Finding("stale-plan", words),))
        for (tenant, target), steps in saved.targets.items()
        if steps and (tenant, target) not in known and tenant not in broken
    ]


@dataclass(frozen=True, slots=True)
class _Part:
    """A wave as far as the run is about it."""

    stage: Stage
    places: tuple[Place, ...]
    stopped: tuple[Stopped, ...]
    """Those of its tenants that are stopped before anything is asked of any target."""

    @property
    def tenants(self) -> tuple[str, ...]:
        named = (place.tenant for place in (*self.places, *(one.place for one in self.stopped)))
        return tuple(sorted(set(named)))


def _parts(fleet: Fleet, gone: Sequence[Stopped]) -> list[_Part]:
    """The waves that somebody of the run is in. A tenant that is, and one of whose targets has `gone`, fails there."""
    stages = in_waves(fleet.manifest)
    places, stopped = fleet.places() if stages else ([], [])
    stopped = [*stopped, *gone]
    found: list[_Part] = []
    for stage in stages:
        members = frozenset(stage.tenants)
        own = tuple(place for place in places if place.tenant in members)
        found.append(_Part(stage, own, tuple(one for one in stopped if one.place.tenant in members)))
    return [part for part in found if part.tenants]


def _require_all(saved: SavedPlan | None, fleet: Fleet) -> None:
    """A plan of one wave is of the tenants that were in it then: none of them may be passed over in silence."""
    if saved is None or fleet.selection.wave is None:
        return
    if gone := sorted({tenant for tenant, _ in saved.targets} - fleet.selection.wave):
        raise StalePlan(f"the plan is of a wave that {', '.join(gone)} is in no more; nothing was written, plan again")


def _named(part: _Part) -> str:
    names = part.tenants
    return f"{part.stage.title}: {', '.join(names) if len(names) <= _NAMED else f'{len(names)} tenants'}"


class _Rollout:
    """One run through the waves; remembers whether somebody wants it to end."""

    def __init__(self, fleet: Fleet, carry_out: Verb, journal: Journal | None, waiting: Waiting) -> None:
        self._fleet = fleet
        self._carry_out = carry_out
        self._journal = journal
        self._waiting = waiting
        self._interrupted = False

    def stopping(self) -> bool:
        """Whether somebody has interrupted the run."""
        return self._interrupted or self._fleet.stopping()

    def through(self, part: _Part) -> tuple[list[Outcome], Went]:
        """Apply to a wave and verify it. An interruption stops it, whatever is known by then."""
        title = part.stage.title.capitalize()
        done: list[Outcome] = [*part.stopped]
        unverified: dict[str, tuple[str, ...]] = {}
        note, cut_short = "", True
        with self._until_interrupted():
            self._waiting.say(f"{title} begins.")
            done += self._fleet.over(self._carry_out, self._journal, among=part.places) if part.places else []
            failed = shortfalls(part.places, done)
            if judged(part.stage, part.tenants, failed).outcome is Verdict.STOPPED:
                note = "the others were not verified" if len(failed) < len(part.tenants) else ""
            elif not self.stopping():
                unverified, note = self._unverified(part, failed)
            cut_short = self.stopping()
        told = {outcome.place for outcome in done}
        done += [Unreadable(place, _CUT_SHORT) for place in part.places if place not in told]
        went = judged(part.stage, part.tenants, {**unverified, **shortfalls(part.places, done)})
        if cut_short:
            lacking = f"{len(went.failed)} of {len(part.tenants)} tenants are not seen to pass" if went.failed else ""
            note = "interrupted before it was verified"
            went = replace(went, outcome=Verdict.STOPPED, reason=lacking, interrupted=True)
        went = replace(went, reason="; ".join(filter(None, (went.reason, note))))
        with self._until_interrupted():
            self._waiting.say(f"{title} {went.outcome}{f': {went.reason}' if went.reason else ''}.")
        return done, went

    def _unverified(self, part: _Part, failed: Collection[str]) -> tuple[dict[str, tuple[str, ...]], str]:
        """Those of the others that do not pass, each with its reasons: what was not seen to pass has not passed.

        And a word where the answers are of nothing: a level that no object there was asked fails nobody.
        """
        places = [place for place in part.places if place.tenant not in failed]
        outcomes = self._looked_at(part.stage, places)
        unverified = shortfalls(places, outcomes)
        asked = {level.level for outcome in outcomes if isinstance(outcome, Verified) for level in outcome.levels}
        idle = [level for level in part.stage.wave.gate.levels if level not in asked]
        return unverified, f"no object there was asked: {', '.join(idle)}" if idle and not unverified else ""

    def _looked_at(self, stage: Stage, places: Sequence[Place]) -> list[Outcome]:
        gate = stage.wave.gate

        def look(again: Collection[Place] | None) -> list[Outcome]:
            with self._noticing():
                return self._fleet.verify(require=gate.levels, among=places if again is None else again)

        def sleep(seconds: float) -> None:
            with self._noticing():
                self._waiting.sleep(seconds)

        if not gate.minutes:
            return look(None)
        return until_known(look, replace(self._waiting, seconds=gate.minutes * 60.0, sleep=sleep), self.stopping)

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Remember an interruption: whoever waits for answers makes do with those that are known by then."""
        try:
            yield
        except KeyboardInterrupt:
            self._interrupted = True
            raise

    @contextmanager
    def _until_interrupted(self) -> Iterator[None]:
        """End there, and go on behind it: what was done is still to be said."""
        with suppress(KeyboardInterrupt), self._noticing():
            yield


def _not_begun(part: _Part, why: str) -> tuple[list[Outcome], Went]:
    """What is said of a wave behind the end of the run. Tenants that are stopped by themselves keep their reasons."""
    finding = Finding(CODE, f"{part.stage.title} was not begun: {why}; nothing was written there")
    outcomes: list[Outcome] = [*part.stopped, *(Stopped(place, (finding,)) for place in part.places)]
    told = (part.stage.number, part.stage.wave.name, part.tenants)
    return outcomes, Went(*told, Verdict.NOT_BEGUN, reason=why, interrupted=why == _INTERRUPTED)
