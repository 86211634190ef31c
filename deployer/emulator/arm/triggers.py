"""From the rows of a query to alerts: the trigger's threshold, and the grouping of events.

Source: https://learn.microsoft.com/azure/sentinel/scheduled-rules-overview (alert threshold, event grouping) and
sentinel-service-limits: at most 150 alerts a run, of which the last then stands for all events.
"""

from __future__ import annotations

import operator
import uuid
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Any
from typing import TypeAlias

MOST_ALERTS = 150
Rows: TypeAlias = Sequence[Mapping[str, Any]]
_OPERATORS: Mapping[str, Callable[[int, int], bool]] = {
    "GreaterThan": operator.gt,
    "LessThan": operator.lt,
    "Equal": operator.eq,
    "NotEqual": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run: `alerts` holds the rows of each alert, `recorded` says whether health knows of the run."""

    status: str
    message: str
    start: datetime
    end: datetime
    rows: Rows = ()
    alerts: Sequence[Rows] = ()
    reason: str = ""
    recorded: bool = True
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))


def triggers(properties: Mapping[str, Any], rows: Rows) -> list[Rows]:
    """The rows of each alert that the result raises; none when the threshold is not met."""
    if not _OPERATORS[properties["triggerOperator"]](len(rows), properties["triggerThreshold"]):
        return []
    grouping = (properties.get("eventGroupingSettings") or {}).get("aggregationKind")
    if grouping != "AlertPerResult" or not rows:
        return [rows]
    if len(rows) <= MOST_ALERTS:
        return [[row] for row in rows]
    return [*([row] for row in rows[: MOST_ALERTS - 1]), rows]
