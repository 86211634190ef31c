"""What the expectations for Kibana share: the values of a document, exceptions, and the threshold over what matches.

A field holds every value of its array; an ip field one address, however it is spelled. A condition holds if any value
meets it, and what lacks a field of the grouping belongs to no group.
"""

import ipaddress
import itertools
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from typing import Any

from tests.oracle.allowed import KIBANA
from tests.oracle.allowed import Allowed
from tests.oracle.allowed import address
from tests.oracle.allowed import holds
from tests.oracle.day import Row
from tests.oracle.rows import Expected

HOUR = timedelta(hours=1)
Terms = tuple[Any, ...]


def values(document: Row, field: str) -> list[Any]:
    """All values of a field, whether its keys are nested or dotted."""
    found = document.get(field)
    if found is None:
        place: Any = document
        for part in field.split("."):
            place = place.get(part) if isinstance(place, Mapping) else None
        found = place
    listed = found if isinstance(found, list) else [] if found is None else [found]
    return [_plain(one) for one in listed] if field.endswith(".ip") else listed


def _plain(text: str) -> str:
    """An IPv4 address that is written as IPv6 is the same address."""
    found = address(text)
    assert found is not None, text
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def time_of(document: Row) -> datetime:
    return datetime.fromisoformat(values(document, "@timestamp")[0])


def is_allowed(
    document: Row, entries: Sequence[Allowed], categories: Sequence[str], now: datetime, ip: str = "destination.ip"
) -> bool:
    """Whether an exception item covers the event."""
    ends = itertools.product(
        values(document, ip), values(document, "host.name") or [""], values(document, "process.name") or [""],
        values(document, "destination.port") or [None],
    )  # fmt: skip
    return any(
        holds(entries, categories, now, KIBANA, host=host, process=process, ip=end, port=port)
        for end, host, process, port in ends
    )


def threshold(
    documents: Iterable[Row],
    matches: Callable[[Row], bool],
    fields: Sequence[str],
    count: int,
    distinct: tuple[Callable[[Row], Iterable[Any]], int] | None,
    window: tuple[datetime, datetime],
    history: Mapping[Terms, datetime],
) -> Iterator[Expected]:
    """The alerts: one for each combination of values with enough events and enough distinct values of another field.

    Of a combination that was told before, only what is newer counts.
    """
    groups: dict[Terms, list[Row]] = {}
    for document in documents:
        when = time_of(document)
        if not window[0] <= when <= window[1] or not matches(document):
            continue
        for terms in itertools.product(*(sorted(set(values(document, field))) for field in fields)):
            if terms not in history or when > history[terms]:
                groups.setdefault(terms, []).append(document)
    for terms, members in groups.items():
        different = len({value for document in members for value in distinct[0](document)}) if distinct else None
        if len(members) < count or (distinct and different is not None and different < distinct[1]):
            continue
        times = [time_of(document) for document in members]
        found = {**dict(zip(fields, terms, strict=True)), "threshold_result.count": len(members)}
        if different is not None:
            found["threshold_result.cardinality"] = different
        yield Expected({**found, "first": min(times), "last": max(times)})


def hour_of(document: Row) -> list[int]:
    """The hour of the epoch."""
    return [int(time_of(document).timestamp()) // 3600]


def slot_of(document: Row) -> list[int]:
    """The five minutes of the epoch."""
    return [int(time_of(document).timestamp()) // 300]
