"""What came of running cases. Pure values, which the reports read."""

from dataclasses import dataclass
from enum import StrEnum

from deployer.findings import Finding
from deployer.findings import Location
from deployer.model import Platform


class Outcome(StrEnum):
    """What came of a case on one platform."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"
    """No engine of ours can run it. Neither good nor bad, and never taken for either."""


@dataclass(frozen=True, slots=True)
class Tested:
    """One case on one platform."""

    rule: str
    platform: Platform
    name: str
    outcome: Outcome
    reason: str
    """One or more lines; empty where it passed."""
    location: Location


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that came of a run."""

    cases: tuple[Tested, ...]
    findings: tuple[Finding, ...]
    """Halves of the rules that no case shows to fire, or to keep still."""
    rules: tuple[str, ...]
    """Ids of the rules that were asked for, also those without a case."""
