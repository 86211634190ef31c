"""ISO 8601 durations. A rule's are read to be compared only: the emulator gives them back as they were sent.

How the real service echoes a duration is not settled.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def duration(value: Any) -> timedelta | None:
    """The duration, or None if it is none. Years and months have no fixed length and are refused."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None or not any(found.groups()):
        return None
    weeks, days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def timespan(value: str) -> str:
    """A duration as Kusto writes timespans: 05:00:00, 1.00:00:00. What is none is given back."""
    length = duration(value)
    if length is None:
        return value
    hours, seconds = divmod(length.seconds, 3600)
    clock = f"{hours:02d}:{seconds // 60:02d}:{seconds % 60:02d}"
    return f"{length.days}.{clock}" if length.days else clock
