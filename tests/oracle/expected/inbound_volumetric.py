"""t1583.005-inbound-volumetric on Sentinel: many public sources and requests on one service in five minutes."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from typing import Any

from tests.oracle.allowed import SENTINEL
from tests.oracle.allowed import Allowed
from tests.oracle.allowed import holds
from tests.oracle.allowed import within
from tests.oracle.day import Row
from tests.oracle.expected.sentinel_common import time_of
from tests.oracle.rows import Expected
from tests.oracle.rows import Some

KEYS = ("DestinationIP", "DestinationPort", "WindowStart")
ORDER = ("UniqueSourceIPs",)

HOUR, WINDOW, FRESH = timedelta(hours=1), timedelta(minutes=5), timedelta(minutes=45)
LOCAL = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"),
    *("::1/128", "fc00::/7", "fe80::/10"),
)
CATEGORY = {
    **dict.fromkeys((80, 443, 8080, 8443), "HTTP Flood / Web Attack"),
    **dict.fromkeys((22, 3389), "Credential Stuffing / Brute Force"),
    **dict.fromkeys((25, 587), "Spam Campaign"),
}
STOPPED = {
    *("deny", "denied", "block", "blocked", "drop", "dropped"),
    *("reset", "reset-both", "reset-client", "reset-server"),
}


def expect(rows: Iterable[Row], now: datetime, entries: Sequence[Allowed]) -> Iterator[Expected]:
    """The rows that the query must give."""
    groups: dict[tuple[str, int, datetime], list[Row]] = {}
    for row in rows:
        if _counts(row, now, entries):
            when = time_of(row)
            start = when.replace(minute=when.minute - when.minute % 5, second=0, microsecond=0)
            groups.setdefault((row["DestinationIP"], row["DestinationPort"], start), []).append(row)
    for key, members in groups.items():
        yield from _judge(key, members, now)


def _counts(row: Row, now: datetime, entries: Sequence[Allowed]) -> bool:
    source, port = row.get("SourceIP", ""), row.get("DestinationPort")
    if not source or not row.get("DestinationIP") or port not in CATEGORY or time_of(row) <= now - HOUR:
        return False
    if row.get("DeviceAction", "").lower() in STOPPED or within(source, LOCAL):
        return False
    host, process = row.get("DestinationHostName", ""), row.get("DestinationProcessName", "")
    scope = {"host": host, "process": process, "ip": source, "port": port}
    return not holds(entries, ("trusted_sources",), now, SENTINEL, **scope)


def _judge(key: tuple[Any, ...], members: Sequence[Row], now: datetime) -> Iterator[Expected]:
    sources = {row["SourceIP"] for row in members}
    requests = sum(max(row.get("EventCount", 1), 1) for row in members)
    first, last = min(map(time_of, members)), max(map(time_of, members))
    if len(sources) <= 50 or requests <= 500 or key[2] + WINDOW > now or last <= now - FRESH:
        return
    countries = {
        row["DeviceCustomString1"]
        for row in members
        if "country" in row.get("DeviceCustomString1Label", "").lower() and row["DeviceCustomString1"]
    }
    devices = {f"{row['DeviceVendor']} {row['DeviceProduct']}" for row in members}
    values = {
        **dict(zip(KEYS, key, strict=True)),
        "FirstSeen": first, "LastSeen": last, "AttackCategory": CATEGORY[key[1]],
        "UniqueSourceIPs": len(sources), "TotalRequests": requests,
    }  # fmt: skip
    sets = {
        "SourceCountries": _all(countries, 20),
        "SampleSourceIPs": _all(sources, 20),
        "ReportingDevices": _all(devices, 5),
    }
    yield Expected(values, {}, sets)


def _all(values: set[str], limit: int) -> Some:
    return Some([frozenset({value}) for value in values], limit)
