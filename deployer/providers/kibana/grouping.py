"""The entries of one category as exception items and, where they are too many, a value list. Pure.

What a tenant wrote itself is one item an entry. What one shared list brings with one scope is one item with
`match_any`, cut into several by 200 values. More than 200 addresses without scope and expiry, of a category without
ports, go into one value list behind one item: nothing else can, because an item with a value list may have no other
condition, and a value list no expiry for each of its values.
"""

import hashlib
import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass

from deployer.covering import collapsed
from deployer.findings import Finding
from deployer.model import Category
from deployer.model import Entry
from deployer.model import ValueKind
from deployer.providers.kibana import canonical
from deployer.providers.kibana import items
from deployer.providers.kibana.items import PREFIX
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource
from deployer.state import as_json

LONGEST_ITEM = 200
"""Values of one item; more addresses than that, all together, spill into a value list."""
LONGEST_LIST = 1_000
"""Values of one category outside of a value list. Each is a clause of every run's query, and 1,024 is the smallest
`indices.query.bool.max_clause_count` that Elasticsearch gives itself."""
LONGEST_VALUE_LIST = 65_536
"""MAXIMUM_SMALL_VALUE_LIST_SIZE of Kibana: an exception with a longer value list is not applied to a threshold rule."""
_OF_MANY = re.compile(rf"{PREFIX}\w+(-shared-[0-9a-f]{{12}}(-[01]+)?|{items.VALUES})")


@dataclass(frozen=True, slots=True)
class Guards:
    """What lets a category's entries through: the value list first, if there is one."""

    resources: tuple[Resource, ...] = ()
    notes: tuple[tuple[Key, str], ...] = ()
    faults: tuple[Finding, ...] = ()


def guards(category: Category, entries: Sequence[Entry]) -> Guards:
    """The items of a category's list, and its value list. With faults there is nothing else: nothing may be written."""
    apart = [entry for entry in entries if not _may_spill(category, entry)]
    free = [entry for entry in entries if _may_spill(category, entry)]
    addresses = collapsed(entry.value for entry in free)
    spills = len(addresses) > LONGEST_ITEM
    faults = [*_too_many(category, apart if spills else entries)]
    if len(addresses) > LONGEST_VALUE_LIST:
        faults.append(_too_long(category, len(addresses), free))
    found: list[Resource] = []
    for make in _makers(category, apart if spills else entries):
        try:
            found.append(make())
        except ValueError as error:
            faults.append(Finding("entry-not-expressible", str(error), location=make.entry.location))
    if spills and not faults:
        try:
            behind = items.of_value_list(category, free[0])
        except ValueError as error:
            return Guards(faults=(Finding("entry-not-expressible", str(error), location=free[0].location),))
        values = value_list(category, addresses)
        return Guards((values, behind, *found), ((values.key, _told(category, addresses, apart)),))
    return Guards(faults=tuple(faults)) if faults else Guards(tuple(found))


def is_of_many(key: Key) -> bool:
    """Whether an item of this key stands for many entries, so that no single one can say what it says."""
    return key.kind is Kind.ITEM and _OF_MANY.fullmatch(key.id) is not None


def value_list(category: Category, addresses: Iterable[str]) -> Resource:
    """The category's value list. Always with a prefix: Kibana writes a single address as a range with a dash, of which
    it takes 200 at most (`serializeIpRange`)."""
    id = PREFIX + category.name
    body = canonical.value_list(
        {
            "name": f"deployer: {category.title}",
            "description": f"Addresses of the exception list {id}. Managed in Git: what is added by hand is taken out.",
            "type": "ip_range",
        },
        [_with_prefix(address) for address in addresses],
    )
    key = Key(Kind.VALUE_LIST, id)
    return Resource(key, body, name=body["name"], source=category.location, needs=canonical.needs(key, body))


def _with_prefix(address: str) -> str:
    return address if "/" in address else f"{address}/{128 if ':' in address else 32}"


@dataclass(frozen=True, slots=True)
class _Maker:
    """An item that is yet to be made, for the entries that it stands for."""

    category: Category
    entries: tuple[Entry, ...]
    id: str = ""
    name: str = ""

    @property
    def entry(self) -> Entry:
        return self.entries[0]

    def __call__(self) -> Resource:
        if not self.id:
            return items.item(self.category, self.entry)
        return items.of_many(self.category, self.id, self.name, self.entries)


def _may_spill(category: Category, entry: Entry) -> bool:
    free = entry.kind is ValueKind.IP and not entry.scoped and entry.until is None
    return free and not category.ports and entry.item is None


def _makers(category: Category, entries: Sequence[Entry]) -> Iterator[_Maker]:
    groups: dict[tuple[str, ...], dict[str, Entry]] = {}
    for entry in entries:
        if entry.shared is None or entry.item is not None:
            yield _Maker(category, (entry,))
        else:
            groups.setdefault(_words(entry), {}).setdefault(entry.value, entry)
    taken: set[str] = set()
    for _, group in sorted(groups.items()):
        alike = tuple(group.values())
        id = _id(category, alike[0], with_words=False)
        # Two includes of one list may share a scope and differ in their words: the first has the plain id.
        id = _id(category, alike[0], with_words=True) if id in taken else id
        taken.add(id)
        yield from _cut(category, id, alike)


def _cut(category: Category, id: str, entries: Sequence[Entry]) -> Iterator[_Maker]:
    name = " ".join([str(entries[0].shared), *items.scope_words(entries[0])])
    for bits, part in _buckets("", entries):
        yield _Maker(category, tuple(part), f"{id}-{bits}" if bits else id, f"{name} ({bits})" if bits else name)


def _buckets(bits: str, entries: Sequence[Entry]) -> Iterator[tuple[str, Sequence[Entry]]]:
    """Halves of halves by the hash of each value, until none is too long: one more value changes one part alone, or
    cuts that one in two."""
    if len(entries) <= LONGEST_ITEM:
        yield bits, entries
        return
    for bit in "01":
        yield from _buckets(bits + bit, [one for one in entries if _hash(one.value)[len(bits)] == bit])


def _hash(value: str) -> str:
    return f"{int(hashlib.sha256(value.encode()).hexdigest(), 16):0256b}"


def _id(category: Category, alike: Entry, *, with_words: bool) -> str:
    scope = [alike.shared, alike.kind.value, sorted(alike.hosts), sorted(alike.processes), sorted(alike.ports)]
    identity = as_json([*scope, *(_words(alike) if with_words else ())])
    return f"{PREFIX}{category.name}-shared-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _words(entry: Entry) -> tuple[str, ...]:
    optional = (entry.expires, entry.reason, entry.owner, entry.ticket, entry.reviewed)
    scope = (entry.hosts, entry.processes, tuple(map(str, entry.ports)))
    return (
        str(entry.shared),
        entry.kind.value,
        *(as_json(sorted(one)) for one in scope),
        *(one or "" for one in optional),
    )


def _told(category: Category, addresses: Sequence[str], apart: Sequence[Entry]) -> str:
    rest = f"; {len(apart):,} more stay items of their own" if apart else ""
    why = f"more than {LONGEST_ITEM} have neither scope nor expiry"
    return f"{len(addresses):,} addresses of {category.name} are held by one value list behind one item: {why}{rest}"


def _too_long(category: Category, number: int, entries: Sequence[Entry]) -> Finding:
    message = (
        f"{category.name}: {number:,} addresses, collapsed as far as they go, and Kibana applies a value list of "
        f"{LONGEST_VALUE_LIST:,} at most to a rule: allow wider ranges, or move some to another category"
    )
    return Finding("allowlist-too-long", message, location=entries[0].location)


def _too_many(category: Category, entries: Sequence[Entry]) -> Iterator[Finding]:
    """A finding where there are more values than items may hold, with what keeps the most of them from spilling."""
    if len(entries) <= LONGEST_LIST:
        return
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        source = f"the shared list {entry.shared}" if entry.shared else "the tenant's own entries"
        groups.setdefault((source, _hindrance(category, entry)), []).append(entry)
    sizes = sorted(groups.items(), key=lambda one: (-len(one[1]), one[0]))
    parts = [f"{len(members):,} of {source} ({why})" for (source, why), members in sizes[:3]]
    parts += [f"{sum(len(members) for _, members in sizes[3:]):,} others"] if len(sizes) > 3 else []
    message = (
        f"{category.name}: {len(entries):,} values, collapsed as far as they go, cannot go into a value list, and "
        f"exception items hold {LONGEST_LIST:,} of a category at most: {'; '.join(parts)}. A value list takes "
        "addresses without hosts, processes, ports and expiry, and nothing is widened unasked: take these off the "
        "longest, or allow wider ranges"
    )
    yield Finding("allowlist-too-long", message, location=sizes[0][1][0].location)


def _hindrance(category: Category, entry: Entry) -> str:
    """Why an entry cannot go into a value list, in words that many have in common."""
    limits = [name for name in ("hosts", "processes", "ports") if getattr(entry, name)]
    limits += ["the ports of the category"] if category.ports and not entry.ports else []
    said = [f"limited to {', '.join(limits)}"] if limits else []
    said += ["with an expiry"] if entry.expires else []
    said += [f"of kind {entry.kind.value}"] if entry.kind is not ValueKind.IP else []
    said += ["with an item of its own in Kibana"] if entry.item else []
    return ", ".join(said) or "too few to spill"
