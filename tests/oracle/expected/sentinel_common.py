"""What several expectations for DeviceNetworkEvents share: the time of a row, its port, what it counts for."""

import json
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from fractions import Fraction
from typing import Any

DAY = timedelta(hours=24)
HOUR = timedelta(hours=1)
FRESH = timedelta(hours=1, minutes=15)
"""An alert is raised for what went on since the last run, and 15 minutes for logs that come late."""


def time_of(row: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(row["TimeGenerated"])


def hour_of(when: datetime) -> datetime:
    return when.replace(minute=0, second=0, microsecond=0)


def crossed(first: datetime, last: datetime, seconds: int) -> int:
    """How many full hours (3600) or minutes (60) of the clock began between the two."""
    return int(last.timestamp()) // seconds - int(first.timestamp()) // seconds


def reported(row: Mapping[str, Any]) -> int:
    """The number that an aggregated report stands for: 1 where it does not say."""
    extra = row.get("AdditionalFields")
    if isinstance(extra, str):
        extra = json.loads(extra)
    number = extra.get("uniqueEventsAggregated") if isinstance(extra, dict) else None
    if isinstance(number, str) and not number.isdecimal():
        number = None
    return 1 if number is None else int(number)


def rounded(value: Fraction, digits: int) -> float:
    """Halves away from zero."""
    scaled = value * 10**digits
    whole = (abs(scaled) + Fraction(1, 2)).__floor__()
    return (whole if scaled >= 0 else -whole) / 10**digits


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
