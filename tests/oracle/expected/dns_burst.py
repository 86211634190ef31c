"""t1584.005-dns-burst on Sentinel: 50 names that do not exist, four fifths of the answers, in 15 minutes."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from fractions import Fraction

from tests.oracle.allowed import Allowed
from tests.oracle.day import Row
from tests.oracle.expected.connection_burst import SLICE
from tests.oracle.expected.connection_burst import slice_of
from tests.oracle.expected.sentinel_common import rounded
from tests.oracle.expected.sentinel_common import time_of
from tests.oracle.rows import Expected
from tests.oracle.rows import Some

KEYS = ("Client",)
ORDER = ("MissingNames",)

HOUR, FRESH = timedelta(hours=1), timedelta(minutes=45)


def expect(rows: Iterable[Row], now: datetime, entries: Sequence[Allowed]) -> Iterator[Expected]:
    """The rows that the query must give; no allowlist binds on names."""
    clients: dict[str, dict[datetime, list[Row]]] = {}
    for row in rows:
        client = row.get("SrcHostname", "") or row.get("SrcIpAddr", "")
        if client and _counts(row, now):
            for back in range(3):
                start = slice_of(time_of(row)) - back * SLICE
                clients.setdefault(client, {}).setdefault(start, []).append(row)
    for client, windows in clients.items():
        judged = [one for members in windows.values() for one in _judge(client, members, now)]
        most = max((one.values["MissingNames"] for one in judged), default=0)
        fullest = [one for one in judged if one.values["MissingNames"] == most]
        if fullest:
            yield replace(fullest[0], others=tuple(fullest[1:]))


def _counts(row: Row, now: datetime) -> bool:
    name = _name(row)
    return (
        time_of(row) > now - HOUR
        and row.get("EventType", "") == "Query"  # the parser gives look-ups only, which the schema spells so
        and row.get("EventSubType", "").lower() != "request"
        and name != ""
        and not name.endswith(".arpa")
    )


def _name(row: Row) -> str:
    return str(row.get("DnsQuery", "")).lower().removesuffix(".")


def _judge(client: str, members: Sequence[Row], now: datetime) -> Iterator[Expected]:
    gone = [row for row in members if row.get("EventResultDetails", "").upper() == "NXDOMAIN"]
    answers, missing = sum(map(_number, members)), sum(map(_number, gone))
    names = {_name(row) for row in gone}
    last = max(map(time_of, members))
    if len(names) < 50 or missing * 100 < 80 * answers or last <= now - FRESH:
        return
    values = {
        "Client": client,
        "FirstSeen": min(map(time_of, members)),
        "LastSeen": last,
        "HostName": max(row.get("SrcHostname", "") for row in members),
        "ClientAddress": max(row.get("SrcIpAddr", "") for row in members),
        "UniqueNames": len({_name(row) for row in members}),
        "MissingNames": len(names),
        "AnswerCount": answers,
        "MissingPercent": rounded(Fraction(100 * missing, answers), 1),
    }
    # The last in the alphabet of each name and slice.
    processes: dict[tuple[str, datetime], str] = {}
    for row in members:
        place = (_name(row), slice_of(time_of(row)))
        processes[place] = max(processes.get(place, ""), row.get("SrcProcessName", ""))
    sets = {
        "SampleNames": Some([frozenset({name}) for name in names], 20),
        "Processes": Some([frozenset({one}) for one in set(processes.values()) if one], 10),
    }
    yield Expected(values, {}, sets)


def _number(row: Row) -> int:
    return max(row.get("EventCount", 1), 1)
