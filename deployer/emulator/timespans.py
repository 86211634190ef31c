"""The `timespan` of a log query: an ISO 8601 duration up to now, or two of start, end and duration around a slash.

Source: timespanParam of OperationalInsights.json (v1), "an ISO8601 time period value".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.emulator.arm.durations import duration
from deployer.emulator.conditions import moment


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when, both included; None is open. The service holds it against TimeGenerated."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, when: datetime) -> bool:
        """Whether the moment lies in it."""
        return (self.start is None or when >= self.start) and (self.end is None or when <= self.end)


def parse(text: Any, now: datetime) -> Span | None:
    """The span, open on both sides when nothing is asked; None where the text is no timespan."""
    if text is None:
        return Span()
    if not isinstance(text, str):
        return None
    first, slash, second = text.partition("/")
    if not slash:
        length = duration(text)
        return None if length is None else Span(now - length, now)
    start, end = moment(first), moment(second)
    if start is None and end is not None and (length := duration(first)) is not None:
        start = end - length
    if end is None and start is not None and (length := duration(second)) is not None:
        end = start + length
    return Span(start, end) if start is not None and end is not None else None
