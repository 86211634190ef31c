"""t1584.005-botnet-node on Sentinel: a device and account that keeps connecting to one public address and port."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from fractions import Fraction
from typing import Any

from tests.oracle.allowed import SENTINEL
from tests.oracle.allowed import Allowed
from tests.oracle.allowed import holds
from tests.oracle.allowed import within
from tests.oracle.day import Row
from tests.oracle.expected.sentinel_common import DAY
from tests.oracle.expected.sentinel_common import FRESH
from tests.oracle.expected.sentinel_common import crossed
from tests.oracle.expected.sentinel_common import hour_of
from tests.oracle.expected.sentinel_common import reported
from tests.oracle.expected.sentinel_common import rounded
from tests.oracle.expected.sentinel_common import time_of
from tests.oracle.rows import Expected
from tests.oracle.rows import Some

KEYS = ("DeviceName", "AccountName", "RemoteIP", "RemotePort")
ORDER = ("BeaconingScore", "TotalConnections")

CATEGORIES = ("irc_servers", "proxies", "apm_vendors")
SUCCESS, FAILED, ATTEMPT = "ConnectionSuccess", "ConnectionFailed", "ConnectionAttempt"
REPORTS = {"ConnectionSuccessAggregatedReport": SUCCESS, "ConnectionFailedAggregatedReport": FAILED}
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16")
BOT_PORTS = (6667, 6697, 6660, 6661, 6662, 6663, 6664, 6665, 6666, 6668, 6669, 1080, 4444)


@dataclass
class _Hour:
    """One hour of one process and outcome."""

    single: int = 0
    reported: int = 0
    measured: int = 0
    sent: int = 0
    received: int = 0
    times: list[datetime] = field(default_factory=list)
    domains: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)


def expect(rows: Iterable[Row], now: datetime, entries: Sequence[Allowed]) -> Iterator[Expected]:
    """The rows that the query must give."""
    groups: dict[tuple[Any, ...], dict[tuple[str, str, datetime], _Hour]] = {}
    for row in rows:
        if not _counts(row, now, entries):
            continue
        action: str = row["ActionType"]
        process: str = row.get("InitiatingProcessFileName", "")
        outcome = str(REPORTS.get(action, action))
        key = (row["DeviceName"], row["InitiatingProcessAccountName"], row.get("RemoteIP", ""), row.get("RemotePort"))
        hour = groups.setdefault(key, {}).setdefault((process, outcome, hour_of(time_of(row))), _Hour())
        if action in REPORTS:
            hour.reported += reported(row)
        else:
            hour.single += 1
        if "SentBytes_CF" in row and "ReceivedBytes_CF" in row:
            hour.measured += 1
            hour.sent += row["SentBytes_CF"]
            hour.received += row["ReceivedBytes_CF"]
        hour.times.append(time_of(row))
        hour.domains.add(row["InitiatingProcessAccountDomain"])
        hour.paths.add(row["InitiatingProcessFolderPath"])
    for key, hours in groups.items():
        yield from _judge(key, hours, now)


def _counts(row: Row, now: datetime, entries: Sequence[Allowed]) -> bool:
    if time_of(row) <= now - DAY or row.get("RemoteIPType") != "Public":
        return False
    if row.get("ActionType") not in (SUCCESS, FAILED, ATTEMPT, *REPORTS):
        return False
    ip, process = row.get("RemoteIP", ""), row.get("InitiatingProcessFileName", "")
    scope = {"host": row["DeviceName"], "process": process, "ip": ip, "port": row.get("RemotePort")}
    return not within(ip, PRIVATE) and not holds(entries, CATEGORIES, now, SENTINEL, **scope)


def _judge(key: tuple[object, ...], hours: dict[tuple[str, str, datetime], _Hour], now: datetime) -> Iterator[Expected]:
    total = sum(max(hour.single, hour.reported) for hour in hours.values())
    failed = sum(max(hour.single, hour.reported) for (_, what, _), hour in hours.items() if what == FAILED)
    buckets = len({start for _, _, start in hours})
    first = min(when for hour in hours.values() for when in hour.times)
    last = max(when for hour in hours.values() for when in hour.times)
    if total < 20 or buckets < 3 or last <= now - FRESH:
        return
    measured = sum(hour.measured for hour in hours.values())
    sent = sum(hour.sent for hour in hours.values()) if measured else None
    received = sum(hour.received for hour in hours.values()) if measured else None
    a_connection = rounded(Fraction((sent or 0) + (received or 0), measured), 0) if measured else None
    an_hour = rounded(Fraction(total, buckets), 1)
    score = _score(key[3], a_connection, an_hour, total, buckets)
    if score == 0:
        return
    values = {
        **dict(zip(KEYS, key, strict=True)),
        "FirstSeen": first, "LastSeen": last, "IRCPort": key[3] in BOT_PORTS, "TotalConnections": total,
        "FailedConnections": failed, "HourlyBuckets": buckets, "AvgConnectionsPerHour": an_hour,
        "AvgBytesPerConnection": a_connection, "BytesSent": sent, "BytesReceived": received,
        "DurationHours": crossed(first, last, 3600), "BeaconingScore": score,
    }  # fmt: skip
    domains = frozenset((domain,) for hour in hours.values() for domain in hour.domains)
    sets = {
        "Processes": Some([frozenset({process}) for process, _, _ in hours], 10),
        "ProcessPaths": Some([frozenset(hour.paths) for hour in hours.values()], 5),
    }
    yield Expected(values, {("AccountDomain",): domains}, sets)


def _score(port: object, a_connection: float | None, an_hour: float, total: int, buckets: int) -> int:
    if port in BOT_PORTS:
        return 3
    if a_connection is not None and a_connection < 500 and an_hour > 10:
        return 2
    if total > 200 and buckets >= 6:
        return 2
    return 1 if total > 100 else 0
