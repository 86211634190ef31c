"""Who is in which wave, and what came of each: pure, from the words of environment.yaml and the tenants' names alone.

Named tenants go first, each to the wave that names it. The others stand in the order of a hash of their names, and
shares are cut off from the beginning of that row: waves with shares of 10 % and 20 % hold as many together as 30 % are,
rounded up, and each at least one while there are any. So a tenant that comes or goes moves at most one other across the
border between two waves.
"""

import hashlib
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from enum import StrEnum
from fnmatch import fnmatchcase

from deployer.model import Wave

CODE = "wave"
"""Of the finding that says of a target why it was not begun."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A wave with those who are in it."""

    number: int
    """From 1, in the order of environment.yaml."""
    wave: Wave
    tenants: tuple[str, ...]

    @property
    def title(self) -> str:
        """For people: `wave 1 (canary)`."""
        return f"wave {self.number} ({self.wave.name})"


class Verdict(StrEnum):
    """What came of a wave."""

    PASSED = "passed"
    STOPPED = "stopped"
    NOT_BEGUN = "not begun"


@dataclass(frozen=True, slots=True)
class Went:
    """How a wave of a run went."""

    number: int
    name: str
    tenants: tuple[str, ...]
    """Those that the run is about."""
    outcome: Verdict
    failed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Tenants that failed, could not be read or cannot be told of, each with its reasons, the gravest first."""
    reason: str = ""
    """Why it was stopped or not begun; of one that passed, what is worth a word."""
    interrupted: bool = False
    """Whether it was somebody's wish that ended the run there: then nothing has to be wrong in the wave."""

    @property
    def clean(self) -> bool:
        """Whether it passed, and nobody in it failed."""
        return self.outcome is Verdict.PASSED and not self.failed


def stages(waves: Sequence[Wave], tenants: Iterable[str]) -> tuple[Stage, ...]:
    """Every wave with its members, by name; every tenant is in exactly one of them, if there is any wave.

    It does not depend on the order of `tenants`. The last wave takes everybody who is left.
    """
    everybody = sorted(set(tenants))
    homes: dict[str, int] = {}
    for name in everybody:
        home = next((index for index, wave in enumerate(waves) if names(wave, name)), None)
        if home is not None:
            homes[name] = home
    row = sorted((name for name in everybody if name not in homes), key=_rank)
    percent, taken = 0, 0
    for index, wave in enumerate(waves[:-1]):
        if wave.share is None:
            continue
        percent += wave.share
        upto = min(len(row), max(_rounded_up(percent, len(everybody)), taken + 1))
        homes |= dict.fromkeys(row[taken:upto], index)
        taken = upto
    homes |= dict.fromkeys(row[taken:], len(waves) - 1)
    return tuple(
        Stage(index + 1, wave, tuple(name for name in everybody if homes[name] == index))
        for index, wave in enumerate(waves)
    )


def find(told: Sequence[Stage], asked: str) -> Stage | None:
    """The wave of this number, from 1, or of this name."""
    return next((stage for stage in told if asked in (str(stage.number), stage.wave.name)), None)


def home(told: Sequence[Stage], tenant: str) -> Stage | None:
    """The wave that a tenant is in."""
    return next((stage for stage in told if tenant in stage.tenants), None)


def names(wave: Wave, tenant: str) -> bool:
    """Whether a wave names a tenant, by name or by glob."""
    return any(fnmatchcase(tenant, glob) for glob in wave.tenants)


def judged(stage: Stage, tenants: Collection[str], failed: Mapping[str, Sequence[str]]) -> Went:
    """Whether the next wave may begin, given who of the wave failed. Not if all did: then nobody was seen to pass."""
    most, all_but_one = stage.wave.gate.may_fail, len(tenants) - 1
    may = min(most, all_but_one)
    told = (stage.number, stage.wave.name, tuple(sorted(tenants)))
    why = f" (`may_fail` is {most}, but never all of a wave may)" if most > all_but_one else ""
    tally = f"{len(failed)} of {len(tenants)} tenants failed, {may or 'none'} may{why}" if failed else ""
    return Went(*told, Verdict.STOPPED if len(failed) > may else Verdict.PASSED, dict(sorted(failed.items())), tally)


def _rank(name: str) -> tuple[str, str]:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest(), name


def _rounded_up(percent: int, number: int) -> int:
    return -(-percent * number // 100)
