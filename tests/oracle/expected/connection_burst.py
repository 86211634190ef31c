"""t1584.005-connection-burst on Sentinel: 100 connections of one program in three slices of five minutes."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from datetime import timedelta

from tests.oracle.allowed import SENTINEL
from tests.oracle.allowed import Allowed
from tests.oracle.allowed import holds
from tests.oracle.allowed import within
from tests.oracle.day import Row
from tests.oracle.expected.sentinel_common import time_of
from tests.oracle.rows import Expected

KEYS = ("DeviceName", "InitiatingProcessFileName")
ORDER = ("ConnectionCount",)

HOUR, FRESH, SLICE = timedelta(hours=1), timedelta(minutes=45), timedelta(minutes=5)
COUNTED = ("ConnectionSuccess", "ConnectionAttempt", "ConnectionFailed")
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16")


def expect(rows: Iterable[Row], now: datetime, entries: Sequence[Allowed]) -> Iterator[Expected]:
    """The rows that the query must give."""
    windows: dict[tuple[str, str], dict[datetime, list[Row]]] = {}
    for row in rows:
        if _counts(row, now, entries):
            slice = slice_of(time_of(row))
            places = windows.setdefault((row["DeviceName"], row.get("InitiatingProcessFileName", "")), {})
            for back in range(3):
                places.setdefault(slice - back * SLICE, []).append(row)
    for key, places in windows.items():
        busy = [one for one in places.values() if len(one) > 100 and max(map(time_of, one)) > now - FRESH]
        most = max(map(len, busy), default=0)
        fullest = [_row(key, one) for one in busy if len(one) == most]
        if fullest:
            yield replace(fullest[0], others=tuple(fullest[1:]))


def slice_of(when: datetime) -> datetime:
    return when.replace(minute=when.minute - when.minute % 5, second=0, microsecond=0)


def _counts(row: Row, now: datetime, entries: Sequence[Allowed]) -> bool:
    if time_of(row) <= now - HOUR or row.get("RemoteIPType") != "Public" or row.get("ActionType") not in COUNTED:
        return False
    ip, process = row.get("RemoteIP", ""), row.get("InitiatingProcessFileName", "")
    scope = {"host": row["DeviceName"], "process": process, "ip": ip, "port": row.get("RemotePort")}
    return not within(ip, PRIVATE) and not holds(entries, ("proxies", "apm_vendors"), now, SENTINEL, **scope)


def _row(key: tuple[str, str], members: Sequence[Row]) -> Expected:
    times = list(map(time_of, members))
    ports = {row["RemotePort"] for row in members if "RemotePort" in row}
    ends = Counter((row.get("RemoteIP", ""), row.get("RemotePort"), slice_of(time_of(row))) for row in members)
    values = {
        **dict(zip(KEYS, key, strict=True)),
        "FirstSeen": min(times),
        "LastSeen": max(times),
        "ConnectionCount": len(members),
        "FailedConnections": sum(row["ActionType"] == "ConnectionFailed" for row in members),
        "UniquePorts": len(ports),
        "UniqueAddresses": len({row.get("RemoteIP", "") for row in members}),
        "ScanIndicator": len(ports) >= 20,
    }
    top = frozenset((ip, port) for (ip, port, _), number in ends.items() if number == max(ends.values()))
    chosen: dict[tuple[str, ...], frozenset[tuple[object, ...]]] = {("TopRemoteIP", "TopRemotePort"): top}
    for name, column in (
        ("AccountName", "InitiatingProcessAccountName"),
        ("AccountDomain", "InitiatingProcessAccountDomain"),
        ("SampleCommandLine", "InitiatingProcessCommandLine"),
    ):
        chosen[(name,)] = frozenset((row[column],) for row in members)
    return Expected(values, chosen)
