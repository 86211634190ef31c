"""Which allowlist entries say what others say already. Pure; exact: nothing is allowed more or less than before.

What comes out depends on what is allowed alone: not on the order of entries, nor on who else has them.
"""

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any
from typing import NamedTuple
from typing import TypeAlias

from deployer.findings import Location
from deployer.model import Category
from deployer.model import Entry
from deployer.model import ValueKind

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_Span: TypeAlias = tuple[int, int, int]
"""Version, first address, last address."""
_File: TypeAlias = tuple[str, object] | None
_NOWHERE = Location("", 0, 0)


class _Scope(NamedTuple):
    """What an entry is limited to, but for its value; empty sets mean no limit."""

    kind: ValueKind
    hosts: frozenset[str]
    processes: frozenset[str]
    ports: frozenset[int]
    until: float
    """Seconds since 1970; infinity for an entry that does not expire."""

    def files(self) -> list["_File"]:
        """Where a scope is filed: under each of its hosts, else of its processes, else of its ports."""
        for name, limit in (("host", self.hosts), ("process", self.processes), ("port", self.ports)):
            if limit:
                return [(name, value) for value in limit]
        return [None]

    def wider_files(self) -> list["_File"]:
        """Where every scope is filed that may hold this one: it names whatever it is limited to."""
        named = (("host", self.hosts), ("process", self.processes), ("port", self.ports))
        return [None, *[(name, next(iter(limit))) for name, limit in named if limit]]

    def holds(self, other: "_Scope") -> bool:
        """Whether it limits nothing that `other` does not limit as well."""
        return (
            self.kind is other.kind
            and self.until >= other.until
            and all(
                not own or (theirs and theirs <= own)
                for own, theirs in (
                    (self.hosts, other.hosts),
                    (self.processes, other.processes),
                    (self.ports, other.ports),
                )
            )
        )


def covers(one: Entry, other: Entry, category: Category) -> bool:
    """Whether `one` lets everything through that `other` does, for as long."""
    if not _scope(one, category).holds(_scope(other, category)):
        return False
    if one.kind is not ValueKind.IP:
        return one.value == other.value
    (version, first, last), (other_version, other_first, other_last) = _span(one), _span(other)
    return version == other_version and first <= other_first and other_last <= last


def without_covered(entries: Iterable[Entry], category: Category) -> tuple[Entry, ...]:
    """The entries that are needed to allow all of it, in an order that depends on their content alone.

    Of entries that allow exactly the same, the one that comes first by content stays.
    """
    groups: dict[_Scope, list[Entry]] = {}
    for entry in sorted(entries, key=_content):
        groups.setdefault(_scope(entry, category), []).append(entry)
    filed: dict[_File, list[_Scope]] = {}
    for scope in groups:
        for file in scope.files():
            filed.setdefault(file, []).append(scope)
    allowed: dict[tuple[_Scope, ...], _Allowed] = {}
    kept: list[Entry] = []
    for scope, group in groups.items():
        near = (other for file in scope.wider_files() for other in filed.get(file, ()))
        wider = tuple(other for other in near if other != scope and other.holds(scope))
        if wider not in allowed:  # often the same for many groups
            allowed[wider] = _Allowed([one for other in wider for one in groups[other]])
        kept += [entry for entry in _widest(group) if not allowed[wider].holds(entry)]
    return tuple(sorted(kept, key=_content))


def collapsed(values: Iterable[str]) -> tuple[str, ...]:
    """The fewest addresses and ranges that hold exactly these, by family and number."""
    return _collapsed(tuple(values))


@lru_cache(maxsize=64)
def _collapsed(values: tuple[str, ...]) -> tuple[str, ...]:
    # Hundreds of tenants may include the same list of thousands.
    by_version: dict[int, list[Any]] = {}
    for value in values:
        network = ipaddress.ip_network(value)
        by_version.setdefault(network.version, []).append(network)
    return tuple(
        text(network)
        for _, networks in sorted(by_version.items())
        for network in ipaddress.collapse_addresses(networks)
    )


def text(network: Network) -> str:
    """A network as entries spell it: a single address without its prefix."""
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def joined(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The same entries, those that differ in nothing but their addresses with the fewest ranges."""
    groups: dict[Entry, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(replace(entry, value="", location=_NOWHERE, written=None), []).append(entry)
    found = [one for group in groups.values() for one in _joined(group)]
    return tuple(sorted(found, key=_content))


def _joined(group: Sequence[Entry]) -> Iterable[Entry]:
    first = group[0]
    if len(group) == 1 or first.kind is not ValueKind.IP or first.item:
        return group
    known = {entry.value: entry for entry in group}
    # A range that nobody wrote stands at the place of the first address in it.
    starts = {_span(entry)[:2]: entry for entry in reversed(group)}
    return [known.get(value) or replace(starts[span(value)[:2]], value=value) for value in collapsed(known)]


def _widest(group: Sequence[Entry]) -> list[Entry]:
    """Of entries with one scope, those within no other; ranges are within each other or apart."""
    if group[0].kind is not ValueKind.IP:
        return list({entry.value: entry for entry in reversed(group)}.values())
    kept: list[Entry] = []
    last: _Span | None = None
    for entry in sorted(group, key=lambda one: (_span(one)[0], _span(one)[1], -_span(one)[2])):
        span = _span(entry)
        if last is None or span[0] != last[0] or span[1] > last[2]:
            kept.append(entry)
            last = span
    return kept


class _Allowed:
    """What some entries allow together, their scopes aside."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._values = {entry.value for entry in entries if entry.kind is not ValueKind.IP}
        self._spans: list[_Span] = []
        addresses = (entry.value for entry in entries if entry.kind is ValueKind.IP)
        for version, first, last in map(span, collapsed(addresses)):
            # Collapsed ranges may still touch, e.g. .0/31 and .2: together they hold what lies across.
            if self._spans and self._spans[-1][0] == version and self._spans[-1][2] + 1 == first:
                self._spans[-1] = (version, self._spans[-1][1], last)
            else:
                self._spans.append((version, first, last))

    def holds(self, entry: Entry) -> bool:
        """Whether they allow the whole value of the entry."""
        if entry.kind is not ValueKind.IP:
            return entry.value in self._values
        version, first, last = _span(entry)
        position = bisect_right(self._spans, (version, first, 1 << 129)) - 1
        return position >= 0 and self._spans[position][0] == version and last <= self._spans[position][2]


def _scope(entry: Entry, category: Category) -> _Scope:
    until = entry.until.timestamp() if entry.until else float("inf")
    ports = frozenset(entry.ports or category.ports)
    return _Scope(entry.kind, frozenset(entry.hosts), frozenset(entry.processes), ports, until)


def _span(entry: Entry) -> _Span:
    return span(entry.value)


@lru_cache(maxsize=2**16)
def span(value: str) -> _Span:
    """Version, first and last address of an address or a range, as numbers."""
    network = ipaddress.ip_network(value)
    return network.version, int(network.network_address), int(network.broadcast_address)


def _content(entry: Entry) -> tuple[Any, ...]:
    """What an entry says, comparable: nothing of where it stands."""
    value: tuple[Any, ...] = _span(entry) if entry.kind is ValueKind.IP else (0, 0, 0)
    words = (entry.reason, entry.owner, entry.ticket or "", entry.reviewed or "", entry.expires or "")
    scope = (tuple(sorted(entry.hosts)), tuple(sorted(entry.processes)), tuple(sorted(entry.ports)))
    return entry.kind.value, *value, entry.value, *scope, *words, entry.item or "", entry.shared or ""
