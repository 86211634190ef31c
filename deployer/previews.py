"""What rules would have found in the past, for `backtest`: alerts, and what could not be looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deployer.model import Json


@dataclass(frozen=True, slots=True)
class PastAlert:
    """An alert that a rule would have raised."""

    at: datetime
    """When the rule would have run, UTC."""
    about: Mapping[str, Json]
    """What tells alerts of one run apart, in the rule's order: the fields grouped by, the columns of entities."""
    measures: Mapping[str, Json]
    """What else the alert says and fewer events would change: counts, sums, first and last times."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A span of time that was not looked at, or not wholly."""

    since: datetime
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What one rule would have found between two moments."""

    alerts: tuple[PastAlert, ...]
    """In the order of time."""
    runs: int
    """Runs of the rule that were answered."""
    gaps: tuple[Gap, ...] = ()
    """Anything here makes the preview a part: it must not be shown as the whole."""
    notes: tuple[str, ...] = ()
    """What the platform said besides, such as warnings of the rule's runs; each once."""
    requests: int = 0
    seams: tuple[datetime, ...] = ()
    """Where it was put together of parts, because a platform could not answer the whole at once: near them a rule that
    remembers its alerts may raise one a run earlier or later. Compare only previews of the same parts."""
    quiet: bool = False
    """Whether in a part of the span there was no event to look at, or that is not known; `notes` say more. That an
    entry hid nothing then is no reason to take it out."""

    @property
    def whole(self) -> bool:
        """Whether every run of the span was answered in full."""
        return not self.gaps
