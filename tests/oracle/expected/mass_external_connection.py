"""t1583.005-mass-external-connection on Sentinel: one program that tries 30 public addresses on one port in an hour."""

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

KEYS = ("DeviceName", "InitiatingProcessFileName", "RemotePort")
ORDER = ("UniqueExternalIPs",)

HOUR, FRESH = timedelta(hours=1), timedelta(minutes=45)
FAILED = ("ConnectionFailed", "ConnectionFailedAggregatedReport")
COUNTED = ("ConnectionSuccess", "ConnectionAttempt", "ConnectionSuccessAggregatedReport", *FAILED)
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16")


def expect(rows: Iterable[Row], now: datetime, entries: Sequence[Allowed]) -> Iterator[Expected]:
    """The rows that the query must give."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if _counts(row, now, entries):
            key = (row["DeviceName"], row.get("InitiatingProcessFileName", ""), row.get("RemotePort"))
            groups.setdefault(key, []).append(row)
    for key, members in groups.items():
        addresses = {row.get("RemoteIP", "") for row in members}
        if len(addresses) >= 30 and max(map(time_of, members)) > now - FRESH:
            yield _row(key, members, addresses)


def _counts(row: Row, now: datetime, entries: Sequence[Allowed]) -> bool:
    port, ip, process = row.get("RemotePort"), row.get("RemoteIP", ""), row.get("InitiatingProcessFileName", "")
    return (
        time_of(row) > now - HOUR
        and row.get("RemoteIPType") == "Public"
        and row.get("ActionType") in COUNTED
        and port not in (80, 443, 53)
        and not within(ip, PRIVATE)
        and not holds(
            entries, ("proxies", "apm_vendors"), now, SENTINEL,
            host=row["DeviceName"], process=process, ip=ip, port=port,
        )
    )  # fmt: skip


def _row(key: tuple[Any, ...], members: Sequence[Row], addresses: set[str]) -> Expected:
    values = {
        **dict(zip(KEYS, key, strict=True)),
        "FirstSeen": min(map(time_of, members)),
        "LastSeen": max(map(time_of, members)),
        "UniqueExternalIPs": len(addresses),
        "Events": len(members),
        "FailedEvents": sum(row["ActionType"] in FAILED for row in members),
    }
    chosen: dict[tuple[str, ...], frozenset[tuple[Any, ...]]] = {
        (name,): frozenset((row[column],) for row in members)
        for name, column in (
            ("AccountName", "InitiatingProcessAccountName"),
            ("AccountDomain", "InitiatingProcessAccountDomain"),
            ("SampleCommandLine", "InitiatingProcessCommandLine"),
        )
    }
    return Expected(values, chosen, {"SampleAddresses": Some([frozenset({one}) for one in addresses], 20)})
