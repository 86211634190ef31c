"""The exit code of a run: what each of its outcomes makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.outcome import DIFFERENT
from deployer.outcome import DONE
from deployer.outcome import FAILED
from deployer.outcome import PARTIAL
from deployer.outcome import Adopted
from deployer.outcome import Answer
from deployer.outcome import Applied
from deployer.outcome import Backtested
from deployer.outcome import Drifted
from deployer.outcome import Outcome
from deployer.outcome import Planned
from deployer.outcome import Pulled
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.outcome import name
from deployer.waves import CODE
from deployer.waves import Went


@dataclass(frozen=True, slots=True)
class Weight:
    """What one outcome makes of the exit code of its run."""

    code: int
    decides: bool = False
    """Whether the whole run has failed with it: a plan over its limits, a required level that fails."""


def exit_code(outcomes: Sequence[Outcome], waves: Sequence[Went] = ()) -> int:
    """The exit code of a run over all its targets; no outcome at all is a failure, never "clean".

    Of a run in waves, what failed its verification is not done, though it was applied.
    """
    code = joint([weigh(outcome) for outcome in outcomes])
    return PARTIAL if code == DONE and not all(wave.clean for wave in waves) else code


def joint(weights: Sequence[Weight]) -> int:
    """The exit code of outcomes that weigh so much, of one run or of several that are looked at as one."""
    codes = {one.code for one in weights}
    if any(one.decides for one in weights) or codes <= {FAILED}:
        return FAILED
    return PARTIAL if codes & {FAILED, PARTIAL} else max(codes)


def weigh(outcome: Outcome) -> Weight:
    """What one outcome makes of the exit code."""
    refused = isinstance(outcome, Stopped) and outcome.refused
    return Weight(_code(outcome), refused or (isinstance(outcome, Verified) and outcome.worst() is Answer.FAIL))


def _code(outcome: Outcome) -> int:
    match outcome:
        case Planned(plan=plan):
            return DIFFERENT if plan.changes else DONE
        case Drifted(drift=drift):
            return PARTIAL if drift.untold else DIFFERENT if drift.found else DONE
        case Unreadable() | Stopped():
            return FAILED
        case Applied():
            return {"applied": DONE, "partial": PARTIAL, "failed": FAILED}[name(outcome)]
        case Pulled() | Adopted() | Backtested():
            return outcome.code
        case Verified():
            return {Answer.PASS: DONE, Answer.FAIL: FAILED, Answer.UNKNOWN: PARTIAL}[outcome.worst()]


def not_begun(outcome: Outcome) -> bool:
    """Whether the run stopped before the wave that the target is in."""
    return isinstance(outcome, Stopped) and any(finding.code == CODE for finding in outcome.findings)
