"""Entries in words, for reports and refusals alike. Pure."""

from collections.abc import Iterator
from collections.abc import Sequence
from itertools import groupby

from deployer.findings import Location
from deployer.model import Allowance
from deployer.model import Category
from deployer.model import Entry


def named(entry: Entry) -> str:
    """An entry by what it allows: `192.0.2.10 on ws-1 by irc.exe port 6697`."""
    return " ".join([entry.value, *_scopes(entry)])


def ports(entry: Entry, category: Category) -> str:
    """The ports that an entry holds on."""
    return on_ports(entry.ports or category.ports)


def on_ports(numbers: Sequence[int]) -> str:
    """`on every port`, `on port 443`, `on ports 6660-6669, 6697`."""
    if not numbers:
        return "on every port"
    return f"on port{'s' if len(numbers) > 1 else ''} {numbered(numbers)}"


def numbered(numbers: Sequence[int]) -> str:
    """Numbers in order, those that follow one another as a span: `6660-6669, 6697`."""
    spans: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][1] + 1 == number:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def until(one: Allowance) -> str:
    """How long an entry or an exception holds."""
    return f"until {one.expires}" if one.expires else "without expiry"


def place(location: Location) -> str:
    """A file and a line."""
    return f"{location.path}:{location.line}"


def places(entry: Entry) -> str:
    """Where an entry is written; of a value of a shared list, both places."""
    if entry.shared is None:
        return place(entry.location)
    written = f"{place(entry.written)}, " if entry.written else ""
    return f"{written}shared list {entry.shared}, included at {place(entry.location)}"


def gathered(entries: Sequence[Entry]) -> Iterator[str]:
    """Entries with their places, a line each; those of one include of a shared list together."""
    for (shared, where), group in groupby(entries, key=lambda one: (one.shared, one.location)):
        found = list(group)
        if shared is None:
            yield from (f"{named(one)} ({place(one.location)})" for one in found)
        else:
            scope = " ".join(_scopes(found[0]))
            values = f"{len(found)} value{'s' if len(found) > 1 else ''}"
            yield f"{values} of the shared list {shared}{f' {scope}' if scope else ''}, included at {place(where)}"


def _scopes(entry: Entry) -> Iterator[str]:
    for word, values in (("on", entry.hosts), ("by", entry.processes)):
        if values:
            yield f"{word} {', '.join(values)}"
    if entry.ports:
        yield f"port{'s' if len(entry.ports) > 1 else ''} {numbered(entry.ports)}"
