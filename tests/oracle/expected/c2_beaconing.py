"""t1583.005-c2-beaconing on Sentinel: one process that returns to one public address at a steady average rate."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from tests.oracle.allowed import SENTINEL
from tests.oracle.allowed import Allowed
from tests.oracle.allowed import holds
from tests.oracle.day import Row
from tests.oracle.expected.sentinel_common import DAY
from tests.oracle.expected.sentinel_common import FRESH
from tests.oracle.expected.sentinel_common import crossed
from tests.oracle.expected.sentinel_common import hour_of
from tests.oracle.expected.sentinel_common import reported
from tests.oracle.expected.sentinel_common import rounded
from tests.oracle.expected.sentinel_common import time_of
from tests.oracle.rows import Expected

KEYS = (*("DeviceName", "AccountName", "InitiatingProcessFileName", "InitiatingProcessId", "RemoteIP", "RemotePort"),)
ORDER = ("ConnectionCount",)

CATEGORIES = ("irc_servers", "proxies", "apm_vendors")
OUTCOMES = {
    "ConnectionSuccess": "success",
    "ConnectionFailed": "failure",
    "ConnectionSuccessAggregatedReport": "success",
    "ConnectionFailedAggregatedReport": "failure",
}
POLLING = {
    *("svchost.exe", "searchindexer.exe", "microsoftedgeupdate.exe", "onedrive.exe", "teams.exe", "outlook.exe"),
    *("msedge.exe", "chrome.exe", "firefox.exe"),
}
COMMON_PORTS = (80, 443, 53)


def expect(rows: Iterable[Row], now: datetime, entries: Sequence[Allowed]) -> Iterator[Expected]:
    """The rows that the query must give."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if _counts(row, now, entries):
            key = (
                row["DeviceName"], row["InitiatingProcessAccountName"], row.get("InitiatingProcessFileName", ""),
                row.get("InitiatingProcessId"), row.get("RemoteIP", ""), row.get("RemotePort"),
            )  # fmt: skip
            groups.setdefault(key, []).append(row)
    for key, members in groups.items():
        yield from _judge(key, members, now)


def _counts(row: Row, now: datetime, entries: Sequence[Allowed]) -> bool:
    process, port = row.get("InitiatingProcessFileName", ""), row.get("RemotePort")
    return (
        time_of(row) > now - DAY
        and row.get("RemoteIPType") == "Public"
        and row.get("ActionType") in OUTCOMES
        and process.lower() not in POLLING
        and port not in COMMON_PORTS
        and not holds(
            entries, CATEGORIES, now, SENTINEL,
            host=row["DeviceName"], process=process, ip=row.get("RemoteIP", ""), port=port,
        )
    )  # fmt: skip


def _judge(key: tuple[Any, ...], members: Sequence[Row], now: datetime) -> Iterator[Expected]:
    single: dict[tuple[str, datetime], int] = {}
    told: dict[tuple[str, datetime], int] = {}
    for row in members:
        cell = (OUTCOMES[row["ActionType"]], hour_of(time_of(row)))
        if row["ActionType"].endswith("Report"):
            told[cell] = told.get(cell, 0) + reported(row)
        else:
            single[cell] = single.get(cell, 0) + 1
    counts = {cell: max(single.get(cell, 0), told.get(cell, 0)) for cell in single.keys() | told.keys()}
    total = sum(counts.values())
    first, last = min(map(time_of, members)), max(map(time_of, members))
    minutes = crossed(first, last, 60)
    if total < 12 or minutes < 30 or last <= now - FRESH:
        return
    if not 4 <= total / (minutes / 60) <= 120:
        return
    score = "Critical" if total > 100 and minutes > 120 else "High" if total > 50 else "Medium" if total > 20 else "Low"
    values = {
        **dict(zip(KEYS, key, strict=True)),
        "Timestamp": last, "FirstSeen": first, "ConnectionCount": total,
        "FailedConnections": sum(number for (outcome, _), number in counts.items() if outcome == "failure"),
        "DurationMinutes": minutes, "ConnectionsPerHour": rounded(Fraction(total * 60, minutes), 1),
        "BeaconScore": score, "AlertSeverity": "High" if score == "Critical" else score,
    }  # fmt: skip
    chosen: dict[tuple[str, ...], frozenset[tuple[Any, ...]]] = {
        ("AccountDomain",): frozenset((row["InitiatingProcessAccountDomain"],) for row in members),
        ("SampleCommandLine",): frozenset((row["InitiatingProcessCommandLine"],) for row in members),
    }
    yield Expected(values, chosen)
