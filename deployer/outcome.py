"""What came of a verb for one target, and the exit code of the whole run. "Could not look" is a type of its own."""

from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from deployer.drift import Drift
from deployer.findings import Finding
from deployer.model import Json
from deployer.model import NotApplicable
from deployer.model import Platform
from deployer.origins import Origin
from deployer.origins import Origins
from deployer.plan import Change
from deployer.plan import Plan
from deployer.state import Key
from deployer.state import Resource
from deployer.state import Unmanaged
from deployer.tally import Ahead
from deployer.trials import Trial
from deployer.trials import Unit

DONE, FAILED, DIFFERENT, PARTIAL = 0, 1, 2, 3
"""The exit codes that scripts rely on; the command line adds 64 for a usage error."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an outcome belongs. `target` is None when a tenant's file could not be used at all."""

    tenant: str
    target: str | None = None
    emulated: bool = False
    """Whether it is the embedded emulator that answers there: then nothing is said to be verified."""

    def __str__(self) -> str:
        return f"{self.tenant}/{self.target}" if self.target else self.tenant


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that stays as it is in this target, although it changes in others that hold the same object."""

    key: Key
    path: tuple[str, ...]
    """Keys from the root of the canonical body; behind `query`, `let NAME` stands for a part of it."""
    value: Json
    origin: Origin | None = None
    """Where it comes from, where it is another value than the others get."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The target was read whole and compared."""

    place: Place
    plan: Plan
    origins: Origins = field(default_factory=dict)
    """Of what is to be created or changed, where it was asked for."""
    ahead: Ahead = field(default_factory=Ahead)
    """The requests that carrying it out will take."""
    kept: tuple[Kept, ...] = ()
    """What other targets of the run change, and this one does not."""


@dataclass(frozen=True, slots=True)
class Drifted:
    """The target was read whole, and every difference was weighed."""

    place: Place
    plan: Plan
    drift: Drift


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The target could not be looked at, or not to the end: nothing may be concluded about it."""

    place: Place
    error: str
    platform: Platform | None = None
    """What stands there; None where no file says so any more."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """We stopped before any write: faults in files, what a platform cannot express, a plan over limits or outdated."""

    place: Place
    findings: tuple[Finding, ...]
    refused: bool = False
    """Whether it is a plan over its limits, which fails the whole run."""
    platform: Platform | None = None
    """What stands at a target that was looked at; None of a whole file."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One change that is not known to have happened, and why; `tried` is False when it was not even sent."""

    change: Change
    error: str
    tried: bool = True


@dataclass(frozen=True, slots=True)
class Applied:
    """The plan was carried out as far as it went."""

    place: Place
    plan: Plan
    done: tuple[Change, ...]
    failures: tuple[Failure, ...] = ()


class Answer(StrEnum):
    """The three answers of a verify level."""

    PASS = "pass"  # noqa: S105 - an answer
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Level:
    """One question asked of one object, its answer, and the reason where it is not a plain pass."""

    key: Key
    level: str
    answer: Answer
    reason: str = ""
    """Of a pass: a remark that is worth a line of its own."""
    setting: str = ""
    """Of an unknown: what to set so that it becomes known, e.g. `elasticsearch: {url, credential}` in the target."""
    awaited: bool = False
    """Of an unknown: whether time alone can make it known, so that `verify --wait` looks again."""


LEVELS = ("present", "equal", "enabled", "ran", "healthy", "data")
"""What verify asks, in this order. The first three of every object that has them, the last three of enabled rules:
has it run since it was written, how did its last run end, does the data that it reads arrive."""


@dataclass(frozen=True, slots=True)
class RunsAs:
    """Whose rights a live rule runs with."""

    key: Key
    owner: str | None
    """The user whose rights they are; None if it is not known, or if the rule runs with nobody's."""
    api_key: bool | None = None
    """True: an API key that came with the last write. False: one that was made of the login of whoever wrote it."""
    warning: str = ""
    """Why somebody should care, e.g. because the rule stops when a person leaves. Never a failure."""
    note: str = ""
    """Why it is not known."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a provider answers of one rule beyond what `read` shows."""

    levels: tuple[Level, ...]
    """ran, healthy and data, each once."""
    runs_as: RunsAs | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """Every object was read back; `required` are the levels that count."""

    place: Place
    levels: tuple[Level, ...]
    required: tuple[str, ...]
    unmanaged: tuple[Unmanaged, ...] = ()
    not_applicable: tuple[NotApplicable, ...] = ()
    runs_as: tuple[RunsAs, ...] = ()
    """Of every rule that the platform tells it of."""

    def worst(self) -> Answer:
        """The worst answer among the required levels."""
        answers = {level.answer for level in self.levels if level.level in self.required}
        return next((answer for answer in (Answer.FAIL, Answer.UNKNOWN) if answer in answers), Answer.PASS)

    def awaited(self) -> tuple[Level, ...]:
        """The required answers that time alone can make known."""
        return tuple(level for level in self.levels if level.awaited and level.level in self.required)


class Fate(StrEnum):
    """What came of a live rule that was to be taken over."""

    ADOPTED = "adopted"
    KNOWN = "known"
    """Git has it already."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Adoption:
    """One live rule that was to be taken over into Git, and what came of it."""

    live: Resource
    fate: Fate
    digest: str = ""
    """Of its body as the platform gave it."""
    rule: str = ""
    """Its id in Git."""
    reason: str = ""
    """Why it is refused, or in what way Git knows it."""
    files: tuple[str, ...] = ()
    """The files that hold it, those that were there before included."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """The target was read whole, and rules of it were taken over into Git. Nothing was written there."""

    place: Place
    adoptions: tuple[Adoption, ...]
    dry_run: bool = False
    notes: tuple[str, ...] = ()

    def those(self, fate: Fate) -> tuple[Adoption, ...]:
        """The rules of which this came."""
        return tuple(one for one in self.adoptions if one.fate is fate)

    @property
    def code(self) -> int:
        """Done, or not at all, or in part."""
        if not self.those(Fate.REFUSED):
            return DONE
        return PARTIAL if len(self.those(Fate.REFUSED)) < len(self.adoptions) else FAILED


@dataclass(frozen=True, slots=True)
class Taken:
    """One live value that was taken over into Git."""

    target: str
    key: Key
    path: str
    """Of the field; empty for an entry as a whole."""
    git: Json
    """What Git said; None where it said nothing."""
    live: Json
    place: tuple[str | int, ...]
    """Where in the tenant's file it stands now."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """One difference that was not taken over, and what to do about it."""

    target: str
    key: Key
    path: str
    reason: str
    lines: tuple[str, ...] = ()
    """What to write by hand, where that may help."""
    advice: bool = False
    """Whether nothing is left undone: it only needs a word."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of taking the drift of one tenant over into its file."""

    place: Place
    file: str
    taken: tuple[Taken, ...]
    left: tuple[Left, ...]
    effects: tuple[str, ...] = ()
    """Other objects of the tenant that come out otherwise with it."""
    diff: str = ""
    written: bool = False
    refused: str = ""
    """Why nothing was written although something could be taken over."""

    @property
    def code(self) -> int:
        """Done, or not at all, or in part."""
        undone = bool(self.refused) or any(not one.advice for one in self.left)
        done = bool(self.taken) and not self.refused
        return (PARTIAL if done else FAILED) if undone else DONE


@dataclass(frozen=True, slots=True)
class Backtested:
    """Rules of the target were run over the past. Nothing was changed there."""

    place: Place
    trials: tuple[Trial, ...]
    since: datetime
    until: datetime
    spare: tuple[Unit, ...] = ()
    """Of the tenant's last target: what hid nothing in any rule of any of its targets, all of it looked at."""

    @property
    def code(self) -> int:
        """Done, or not at all, or in part: what was not looked at is never taken for a quiet day."""
        if all(trial.whole for trial in self.trials):
            return DONE
        return PARTIAL if any(trial.looked_at for trial in self.trials) else FAILED


Outcome: TypeAlias = Planned | Drifted | Unreadable | Stopped | Applied | Verified | Pulled | Adopted | Backtested


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What one rule did in one target."""

    tenant: str
    target: str
    rule: str
    detected: tuple[str, ...] = ()
    """Titles of the alerts in the emulator."""
    silenced: tuple[str, ...] = ()
    """Titles of what the rule would have found without the tenant's allowlists, and did not."""
    note: str = ""
    """Why it did not run, if it did not."""
    warning: str = ""
    """What the platform warns of although it ran: no index to read, say, or more alerts than it makes at once."""


def name(outcome: Outcome) -> str:
    """The word for an outcome in machine output."""
    match outcome:
        case Planned() | Drifted():
            return "planned"
        case Unreadable():
            return "unreadable"
        case Stopped():
            return "failed"
        case Verified():
            return "verified"
        case Adopted(dry_run=dry):
            return "planned" if dry else _TAKEN[outcome.code]
        case Backtested(code=code):
            return {DONE: "backtested", PARTIAL: "partial", FAILED: "failed"}[code]
        case Pulled(taken=taken, written=written, refused=refused):
            return "planned" if taken and not (written or refused) else _TAKEN[outcome.code]
        case Applied(plan=plan, done=done, failures=failures):
            return "applied" if not failures else "partial" if done or plan.unchanged else "failed"


_TAKEN = {DONE: "applied", PARTIAL: "partial", FAILED: "failed"}
"""Of what was taken over into Git, in the words that scripts know."""
