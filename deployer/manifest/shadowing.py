"""Which allowlist entries of a tenant allow nothing that another one does not allow already. Pure.

An entry is looked for under the networks that hold it, and there under the scopes that may hold its own, so that ten
thousand entries cost little more than ten thousand look-ups.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from deployer.covering import covers
from deployer.covering import span
from deployer.findings import Location
from deployer.model import Category
from deployer.model import Entry
from deployer.model import ValueKind

_Key: TypeAlias = tuple[object, ...]
_Found: TypeAlias = tuple[int, Entry]
_EVERY_PORT = Category("", "", "", (), "", (), {}, {}, Location("", 0, 0))
"""What two entries are compared under, once each names its ports itself."""


def shadowed(
    entries: Sequence[tuple[Entry, Category]], stands_for: Callable[[str, str], bool]
) -> Iterator[tuple[Entry, Entry]]:
    """Each entry that another one covers alone, and that other one: the widest, then the first.

    Of two that allow the same, the first covers the second. `stands_for(one, other)` says whether an entry of category
    `one` does whatever an entry of category `other` would do.
    """
    own = [
        replace(entry, ports=category.ports) if category.ports and not entry.ports else entry
        for entry, category in entries
    ]
    index: dict[_Key, dict[tuple[str, object] | None, list[_Found]]] = {}
    known: dict[int, set[int]] = {4: set(), 6: set()}
    for number, entry in enumerate(own):
        if entry.kind is ValueKind.IP:
            version, first, last = span(entry.value)
            known[version].add(last - first + 1)
        for scope in _scopes(entry):
            index.setdefault(_key(entry), {}).setdefault(scope, []).append((number, entry))
    sizes = {version: sorted(found, reverse=True) for version, found in known.items()}
    for number, entry in enumerate(own):
        for key in _around(entry, sizes):
            at = index.get(key, {})
            near = sorted((one for scope in _wider(entry) for one in at.get(scope, ())), key=lambda one: one[0])
            cover = next((one for one in near if _is_by(one, (number, entry), stands_for)), None)
            if cover:
                yield entries[number][0], entries[cover[0]][0]
                break


def _is_by(one: _Found, other: _Found, stands_for: Callable[[str, str], bool]) -> bool:
    (before, cover), (number, entry) = one, other
    if before == number or not stands_for(cover.category, entry.category) or not covers(cover, entry, _EVERY_PORT):
        return False
    # Each covers the other: only one of them is superfluous.
    both = stands_for(entry.category, cover.category) and covers(entry, cover, _EVERY_PORT)
    return before < number or not both


def _key(entry: Entry) -> _Key:
    if entry.kind is not ValueKind.IP:
        return entry.kind, entry.value
    version, first, last = span(entry.value)
    return version, last - first + 1, first


def _around(entry: Entry, sizes: dict[int, list[int]]) -> Iterable[_Key]:
    """The keys of everything that may hold the entry's value, the widest first: networks lie at multiples of their
    size."""
    if entry.kind is not ValueKind.IP:
        return (_key(entry),)
    version, first, last = span(entry.value)
    return ((version, size, first // size * size) for size in sizes[version] if size > last - first)


def _scopes(entry: Entry) -> list[tuple[str, object] | None]:
    """Where an entry is filed: under each of its hosts, else of its processes, else of its ports."""
    for name, values in (("host", entry.hosts), ("process", entry.processes), ("port", entry.ports)):
        if values:
            return [(name, value) for value in values]
    return [None]


def _wider(entry: Entry) -> list[tuple[str, object] | None]:
    """Where entries are filed that may hold the scope of this one: each names whatever it is limited to."""
    named = (("host", entry.hosts), ("process", entry.processes), ("port", entry.ports))
    return [None, *((name, min(values)) for name, values in named if values)]
