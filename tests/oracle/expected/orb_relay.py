"""t1583.005-orb-relay on Sentinel: a device takes a connection in, and soon after opens one to somebody else."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from typing import Any

from tests.oracle.allowed import SENTINEL
from tests.oracle.allowed import Allowed
from tests.oracle.allowed import holds
from tests.oracle.day import Row
from tests.oracle.expected.sentinel_common import DAY
from tests.oracle.expected.sentinel_common import FRESH
from tests.oracle.expected.sentinel_common import time_of
from tests.oracle.rows import Expected
from tests.oracle.rows import Some

KEYS = ("DeviceName", "InitiatingProcessFileName")
ORDER = ("RelayEvents",)

SOON = timedelta(minutes=5)
COMMON_PORTS = (80, 443, 53)
Pair = tuple[datetime, Row, datetime, Row]


def expect(rows: Iterable[Row], now: datetime, entries: Sequence[Allowed]) -> Iterator[Expected]:
    """The rows that the query must give."""
    came: dict[str, list[tuple[datetime, Row]]] = {}
    went: dict[str, list[tuple[datetime, Row]]] = {}
    for row in rows:
        when = time_of(row)
        if when <= now - DAY or row.get("RemoteIPType") != "Public":
            continue
        if row.get("ActionType") == "InboundConnectionAccepted" and not _is_trusted(row, now, entries):
            came.setdefault(row["DeviceName"], []).append((when, row))
        if row.get("ActionType") == "ConnectionSuccess" and _goes_out(row, now, entries):
            went.setdefault(row["DeviceName"], []).append((when, row))
    pairs: dict[tuple[str, str], list[Pair]] = {}
    for device, inbound in came.items():
        for arrived, source in inbound:
            for left, target in went.get(device, ()):
                if arrived <= left <= arrived + SOON and source.get("RemoteIP", "") != target.get("RemoteIP", ""):
                    key = (device, target.get("InitiatingProcessFileName", ""))
                    pairs.setdefault(key, []).append((arrived, source, left, target))
    for key, members in pairs.items():
        if len(members) >= 3 and max(left for _, _, left, _ in members) > now - FRESH:
            yield _row(key, members)


def _is_trusted(row: Row, now: datetime, entries: Sequence[Allowed]) -> bool:
    scope = _scope(row, row.get("LocalPort"))
    return holds(entries, ("trusted_sources",), now, SENTINEL, **scope)


def _goes_out(row: Row, now: datetime, entries: Sequence[Allowed]) -> bool:
    port = row.get("RemotePort")
    allowed = holds(entries, ("proxies", "apm_vendors"), now, SENTINEL, **_scope(row, port))
    return port not in COMMON_PORTS and not allowed


def _scope(row: Row, port: int | None) -> dict[str, Any]:
    process, ip = row.get("InitiatingProcessFileName", ""), row.get("RemoteIP", "")
    return {"host": row["DeviceName"], "process": process, "ip": ip, "port": port}


def _row(key: tuple[str, str], members: Sequence[Pair]) -> Expected:
    ends: dict[tuple[str, str, int | None], list[Pair]] = {}
    for pair in members:
        place = (pair[1].get("RemoteIP", ""), pair[3].get("RemoteIP", ""), pair[3].get("RemotePort"))
        ends.setdefault(place, []).append(pair)
    most = max(map(len, ends.values()))
    top = frozenset((source, target) for (source, target, _), group in ends.items() if len(group) == most)
    # The port of an address pair is any that is not missing; one that has none gives the set nothing.
    local = [frozenset(pair[1]["LocalPort"] for pair in group if "LocalPort" in pair[1]) for group in ends.values()]
    values = {
        **dict(zip(KEYS, key, strict=True)),
        "FirstSeen": min(arrived for arrived, _, _, _ in members),
        "LastSeen": max(left for _, _, left, _ in members),
        "RelayEvents": len(members),
    }
    sets = {
        "InboundSources": _all(source for source, _, _ in ends),
        "OutboundTargets": _all(target for _, target, _ in ends),
        "OutboundPorts": _all(port for _, _, port in ends if port is not None),
        "LocalPorts": Some([ports for ports in local if ports], 10),
    }
    lines = frozenset((target["InitiatingProcessCommandLine"],) for _, _, _, target in members)
    return Expected(values, {("TopInboundSource", "TopOutboundTarget"): top, ("SampleCommandLine",): lines}, sets)


def _all(values: Iterable[Any]) -> Some:
    return Some([frozenset({value}) for value in set(values)], 10)
