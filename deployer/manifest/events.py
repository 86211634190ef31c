"""The events of a rule test: what a case says of them, with what `base` says of their table, as series of events."""

import ipaddress
import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from fnmatch import fnmatchcase

from deployer.cases import AddressesFrom
from deployer.cases import Cycle
from deployer.cases import EventSeries
from deployer.cases import NumbersFrom
from deployer.cases import TextOf
from deployer.cases import Variation
from deployer.engines import tables
from deployer.findings import Finding
from deployer.hosts import Unfit
from deployer.manifest import values
from deployer.manifest.document import Node
from deployer.manifest.wording import guess
from deployer.manifest.wording import label
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.model import Json
from deployer.model import Platform
from deployer.model import PlatformRule

TIME: Mapping[Platform, str] = {Platform.KIBANA: "@timestamp", Platform.SENTINEL: "TimeGenerated"}
"""The field that holds an event's time."""
KEYS = ("before", "at", "times", "every", "vary")
"""Keys of an event that are no table."""
_LONGEST = timedelta(days=366)
_MOST_DAYS, _MOST = 9_999, 999_999
_DURATION = re.compile(r"(?=[0-9])(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Where events of a case happen: the half of the rule that is to see them, and what `base` says of its tables."""

    platform: Platform
    half: PlatformRule
    base: Mapping[str, Mapping[str, Json]]


def columns(platform: Platform, half: PlatformRule, source: str) -> Mapping[str, str] | None:
    """The columns of a table, or the fields of an index, with their types; None where no description is at hand.

    An index is known by its dataset where it is named as a data stream is (type, dataset and namespace:
    https://www.elastic.co/docs/reference/fleet/data-streams); else, if the rule reads it, by the rule's datasets.
    """
    if platform is Platform.SENTINEL:
        table = tables.sentinel(source)
        return table.columns if table else None
    parts = source.split("-")
    table = tables.kibana(parts[1]) if len(parts) == 3 else None
    if table:
        return table.columns
    if not _is_read(platform, half, source):
        return None
    found = [described for name in half.data if (described := tables.kibana(name))]
    return {name: type for each in found for name, type in each.columns.items()} or None


def base(node: Node, platform: Platform, half: PlatformRule | None) -> tuple[dict[str, dict[str, Json]], list[Finding]]:
    """The fields that events have unless a case says otherwise, by table or index."""
    found: dict[str, dict[str, Json]] = {}
    faults: list[Finding] = []
    if half is None:
        if node.mapping():
            message = f"{label(node.path)} has nothing to do: the rule has no {platform} half"
            faults.append(node.key_error("nothing-to-bind", message))
        return found, faults
    for source, inner in node.entries():
        faults += _unknown_source(source, inner, platform, half, ())
        faults += _field_faults(_leaves(inner, platform), platform, half, source)
        found[source] = flat(inner.value, platform)
    return found, faults


def series(node: Node, now: datetime, place: Place) -> tuple[EventSeries | None, list[Finding]]:
    """One item of `events`, None where it names no table that could be used."""
    faults: list[Finding] = []
    named = _source(node, place, faults)
    if named is None:
        return None, faults
    source, fields = named
    leaves = (*_leaves(fields, place.platform), *node.get("vary").entries())
    faults += _field_faults(leaves, place.platform, place.half, source)
    starts = tuple(_starts(node, now, faults))
    times, every = _repeated(node, starts, now, faults)
    vary = {key: _variation(inner, max(times, len(starts)), faults) for key, inner in node.get("vary").entries()}
    return EventSeries(
        source=source,
        fields=_over(place.base.get(source, {}), flat(fields.value, place.platform), place.platform),
        starts=starts,
        location=node.location,
        times=times,
        every=every,
        vary={key: variation for key, variation in vary.items() if variation},
    ), faults


def flat(value: Json, platform: Platform) -> dict[str, Json]:
    """A mapping with dotted keys where the platform reads `a: {b: 1}` and `a.b: 1` as one (Elasticsearch does)."""
    if not isinstance(value, Mapping):
        return {}
    if platform is Platform.SENTINEL:
        return dict(value)
    found: dict[str, Json] = {}
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            found |= {f"{key}.{name}": each for name, each in flat(inner, platform).items()}
        else:
            found[key] = inner
    return found


def _source(node: Node, place: Place, faults: list[Finding]) -> tuple[str, Node] | None:
    """The table or index of an event, and its fields."""
    named = [(key, inner) for key, inner in node.entries() if key not in KEYS]
    misspelt = [(key, inner) for key, inner in named if len(named) > 1 and guess(key, KEYS)]
    for key, inner in misspelt:
        message = f"unknown key {shown_key(key)} in {label(node.path)}{guess(key, KEYS)}"
        faults.append(inner.key_error("unknown-key", message))
    if misspelt:
        return None
    if len(named) != 1:
        what = "a table" if place.platform is Platform.SENTINEL else "an index"
        names = f", not {listed(shown_key(key) for key, _ in named)}" if named else ""
        faults.append(node.error("event-source", f"{label(node.path)} needs exactly one key that names {what}{names}"))
        return None
    [(source, fields)] = named
    faults += _unknown_source(source, fields, place.platform, place.half, KEYS)
    if not isinstance(fields.value, Mapping):
        faults.append(fields.error("wrong-type", f"{label(fields.path)} must be a mapping"))
    return source, fields


def _repeated(node: Node, starts: Sequence[datetime], now: datetime, faults: list[Finding]) -> tuple[int, timedelta]:
    """How often an event happens, and how far apart."""
    every = _duration(node.get("every").text()) or timedelta(0)
    times = max(1, node.get("times").number() or 1)
    if "every" in node.mapping() and "times" not in node.mapping():
        faults.append(node.get("every").key_error("nothing-to-bind", f"{label(node.path)} has `every` without `times`"))
    seconds = (times - 1) * int(every.total_seconds())
    if seconds > _LONGEST.total_seconds():
        faults.append(node.error("wrong-value", f"{label(node.path)}: the {times} events would take more than a year"))
        return 1, every
    if "before" in node.mapping() and starts and (last := starts[0] + timedelta(seconds=seconds)) > now:
        message = f"{label(node.path)}: the last of {times} events would be at {last:%Y-%m-%dT%H:%M:%SZ}, after `now`"
        faults.append(node.error("event-after-now", message))
    return times, every


def _over(base: Mapping[str, Json], change: Mapping[str, Json], platform: Platform) -> dict[str, Json]:
    """`base` with `change` over it; a null takes a field away, in Kibana with everything beneath it."""
    gone = {key for key, value in change.items() if value is None}
    if platform is Platform.KIBANA:
        gone |= {key for key in base if any(key.startswith(f"{name}.") for name in gone)}
    kept = {key: value for key, value in base.items() if key not in gone}
    return {**kept, **{key: value for key, value in change.items() if key not in gone}}


def _is_read(platform: Platform, half: PlatformRule, source: str) -> bool:
    if platform is Platform.SENTINEL:
        return source in half.data
    return any(fnmatchcase(source, pattern) for pattern in _patterns(half))


def _patterns(half: PlatformRule) -> tuple[str, ...]:
    index = half.fields.get("index")
    return tuple(pattern for pattern in index if isinstance(pattern, str)) if isinstance(index, list) else ()


def _unknown_source(
    source: str, node: Node, platform: Platform, half: PlatformRule, keys: tuple[str, ...]
) -> Iterator[Finding]:
    """An error for a table of which nothing is known. One that the rule itself reads is right, described or not."""
    if columns(platform, half, source) is not None or _is_read(platform, half, source):
        return
    if platform is Platform.SENTINEL:
        what, known = "table", (*tables.sentinel_names(), *half.data, *keys)
        near = guess(source, known)
    else:
        what, known = "index", (*_patterns(half), *keys)
        near = guess(source, keys) or f"; the rule reads {listed(map(shown_key, _patterns(half)))}"
    yield node.key_error("unknown-table", f"the columns of the {what} {shown_key(source)} are not known{near}")


def _field_faults(
    fields: Iterable[tuple[str, Node]], platform: Platform, half: PlatformRule, source: str
) -> Iterator[Finding]:
    """What is wrong with the names of fields: one that the table has not would be lost, or change nothing."""
    known = columns(platform, half, source)
    for name, inner in fields:
        if name == TIME[platform]:
            message = f"{shown_key(name)} cannot be written here: `before` or `at` says when it was"
            yield inner.key_error("misplaced-key", message)
        elif known is not None and name not in known and not _may_be(name, inner, known, platform):
            yield inner.key_error("unknown-column", f"{shown_key(source)} has no {shown_key(name)}{guess(name, known)}")


def _may_be(name: str, node: Node, known: Mapping[str, str], platform: Platform) -> bool:
    """Whether a name is right although no description has it: a column that a workspace added to the table (they end
    in _CF: https://learn.microsoft.com/azure/azure-monitor/logs/create-custom-table), or an object of fields that
    null takes away."""
    if platform is Platform.SENTINEL:
        return name.endswith("_CF")
    return node.value is None and any(each.startswith(f"{name}.") for each in known)


def _leaves(node: Node, platform: Platform, before: str = "") -> Iterator[tuple[str, Node]]:
    """Every field with its name as the platform knows it."""
    for key, inner in node.entries():
        if platform is Platform.KIBANA and inner.mapping():
            yield from _leaves(inner, platform, f"{before}{key}.")
        else:
            yield before + key, inner


def _starts(node: Node, now: datetime, faults: list[Finding]) -> Iterator[datetime]:
    before, at = node.get("before"), node.get("at")
    if before.value is None and at.value is None:
        faults.append(node.error("missing-key", f"{label(node.path)} needs `before` or `at`: when it was"))
    for item in before.items() or (before,):
        length = _duration(item.text())
        if length is not None:
            yield now - length
    for item in at.items() or (at,):
        moment = instant(item, faults)
        if moment is not None:
            yield moment


def instant(node: Node, faults: list[Finding]) -> datetime | None:
    """The instant that is written there, if it is one."""
    written = node.text()
    if written is None:
        return None
    try:
        return values.instant(written)
    except Unfit as unfit:
        faults.append(node.error("bad-value", f"{label(node.path)}: {shown(written)} {unfit}"))
        return None


def _duration(text: str | None) -> timedelta | None:
    match = _DURATION.fullmatch(text or "")
    if not match:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if days > _MOST_DAYS or max(hours, minutes, seconds) > _MOST:
        return None  # more digits than the schema lets pass, which has said so
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _variation(node: Node, count: int, faults: list[Finding]) -> Variation | None:
    """How a field of `count` events differs."""
    if isinstance(node.value, list):
        return Cycle(tuple(node.value)) if node.value else None
    first, number, text = (node.get(key) for key in ("address_from", "count_from", "text"))
    if (written := first.text()) is not None:
        try:
            if "/" in written:
                raise Unfit("must be one address, the first")
            address = ipaddress.ip_address(values.address(written))
            if int(address) + count > 2**address.max_prefixlen:
                raise Unfit(f"has no {count - 1} addresses behind it")
            return AddressesFrom(str(address))
        except Unfit as unfit:
            faults.append(first.error("bad-value", f"{label(first.path)}: {shown(written)} {unfit}"))
            return None
    if (start := number.number()) is not None:
        return NumbersFrom(start)
    return TextOf(template) if (template := text.text()) else None
