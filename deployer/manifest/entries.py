"""What a tenant's allowlist entries must not do, each by itself and all together.

An entry that would silence a detection, hide a bot, or break the policy of the environment is an error, and stops its
tenant. One that allows nothing, or nothing new, is remarked on.
"""

import ipaddress
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from deployer.covering import span
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest import policy
from deployer.manifest import values
from deployer.manifest.document import Node
from deployer.manifest.shadowing import shadowed
from deployer.manifest.wording import label
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Environment
from deployer.model import Exemption
from deployer.model import Policy
from deployer.model import Rule
from deployer.model import ValueKind

WIDEST = {4: 8, 6: 16}
"""Shortest prefix of an entry for every host and process; a wider one is nearly everything."""
MOST_PORTS = 32767
"""An entry that names more ports names nearly all of them."""
MOST_SAID = 5
"""More covered values of one shared list than these are counted, not listed."""
_SPACES = {
    "IPv4": ("0.0.0.0/0", "0.0.0.0/1 128.0.0.0/2 192.0.0.0/3"),
    "IPv6": ("::/0", "2000::/3"),
}
"""Every address of a family; and those that a remote end may have."""
_FEW = {4: 2**30, 6: 2**123}
"""Fewer addresses than these are no large part of a family, however they lie."""
_UNSEEN = tuple(
    (span(network), what)
    for what, networks in {
        "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
        "loopback": "127.0.0.0/8 ::1/128",
        "link-local": "169.254.0.0/16",
    }.items()
    for network in networks.split()
)
"""What no rule looks at (IANA's special-purpose address registries). Ranges for documentation and benchmarks are not
here: examples and tests use them for public ones."""
_HARDLY_SEEN = tuple(
    (span(network), what)
    for what, networks in {
        "link-local": "fe80::/10",
        "multicast": "224.0.0.0/4 ff00::/8",
        "shared between a carrier's customers": "100.64.0.0/10",
        "reserved": "0.0.0.0/8 240.0.0.0/4",
    }.items()
    for network in networks.split()
)
"""What is no public address either, and some queries do not leave out."""


@dataclass(frozen=True, slots=True)
class _Place:
    """An entry, and the part of the tenant's file that it comes from."""

    entry: Entry
    node: Node

    @property
    def value(self) -> Location:
        """Where the value is written."""
        return self.entry.written or self.node.get("value").location

    @property
    def named(self) -> str:
        """The value for a message, with what brought it here."""
        return shown(self.entry.value) + _from(self.entry)


def faults(
    node: Node,
    entries: Mapping[str, tuple[Entry, ...]],
    categories: Mapping[str, Category],
    settings: Environment | None,
    cleared: set[object],
) -> Iterator[Finding]:
    """Errors and remarks about each entry by itself, and about all of a category as one. `node` is `allowlists`.

    Without `settings`, which could not be read, nothing is held against the policy. `cleared` keeps which shared lists
    on which terms were found without fault, from tenant to tenant of one environment.
    """
    items = {item.location: item for _, list in node.entries() for item in list.items()}
    for name, allowed in entries.items():
        category, said = categories[name], set[Finding]()
        asked = settings.policy_of(name) if settings else None
        for group in _groups(allowed):
            terms, clean = _terms(group[0]), True
            if terms in cleared:
                continue
            for place in (_Place(entry, items.get(entry.location, node.get(name))) for entry in group):
                for finding in (
                    *(_breaches(place, asked) if asked else ()),
                    *_too_wide(place),
                    *_no_scope(place, category),
                    *_not_public(place, category),
                ):
                    clean = False
                    if finding not in said:  # what an include lacks is said once, not for each of its values
                        said.add(finding)
                        yield finding
            if group[0].shared and clean:
                cleared.add(terms)
        yield from _together(node.get(name), allowed)


def _groups(entries: Iterable[Entry]) -> Iterator[Sequence[Entry]]:
    """Entries one by one, and those of one include together."""
    for _, group in groupby(entries, key=lambda one: (one.shared, id(one.location))):
        yield tuple(group)


def _terms(entry: Entry) -> object:
    """All that the entries of an include have in common and its checks may ask for."""
    words = entry.reason, entry.owner, entry.ticket, entry.expires, entry.reviewed
    return entry.category, entry.shared, entry.hosts, entry.processes, entry.ports, *words


def exceptions(node: Node, found: Sequence[Exemption], asked: Policy) -> Iterator[Finding]:
    """Errors for exceptions that break the policy. `node` is `exceptions`, `found` what it says, in the same order."""
    for item, exemption in zip(node.items(), found, strict=True):
        yield from _worded(item, policy.breaches(exemption, asked))
        for part in (item.get("kibana"), item.get("sentinel").get("values")):
            for leaf, addresses in _addresses(part):
                for breach in policy.breaches(exemption, asked, addresses):
                    if breach.field == "value":
                        yield leaf.error("policy", f"{label(leaf.path)}: {shown(leaf.text() or '')} {breach.message}")


def remarks(
    node: Node, entries: Mapping[str, tuple[Entry, ...]], categories: Mapping[str, Category], rules: Collection[Rule]
) -> Iterator[Finding]:
    """Remarks on entries that allow nothing new. `rules` are those that say which categories are honoured together."""
    known = [(entry, categories[name]) for name, allowed in entries.items() for entry in allowed]
    # Of two that allow the same the first stays: a tenant's own entry is taken out before a value that others share.
    known.sort(key=lambda pair: pair[0].shared is None)
    found = sorted(shadowed(known, _standing(categories, rules)), key=lambda pair: pair[0].location)
    for location, group in groupby(found, key=lambda pair: pair[0].location):
        pairs = [(entry, cover) for entry, cover in group if not _said(entry, cover)]
        again = [cover for entry, cover in pairs if entry.shared and entry.shared == cover.shared]
        if again:
            yield _by_list(again[0].shared, len(again), f"{again[0].location} includes it already", location)
        others = [(entry, cover) for entry, cover in pairs if not entry.shared or entry.shared != cover.shared]
        if len(others) > MOST_SAID and others[0][0].shared:
            entry, cover = others[0]
            yield _by_list(entry.shared, len(others), f"{_cover(cover)} covers {shown(entry.value)}", location)
            continue
        for entry, cover in others:
            message = f"{shown(entry.value)}{_from(entry)} allows nothing new: {_cover(cover)} covers it"
            yield Finding("covered-entry", f"{message}; take it out", Severity.WARNING, entry.written or location)


def _by_list(name: str | None, count: int, why: str, location: Location) -> Finding:
    values = "a value" if count == 1 else f"{count} values"
    message = f"{values} of the list {shown_key(name or '')} allow{'s' * (count == 1)} nothing new here: {why}"
    return Finding("covered-entry", f"{message}; one of the two is enough", Severity.WARNING, location)


def _said(entry: Entry, cover: Entry) -> bool:
    """Whether it is said where entries are read: of two that are word for word the same, and within one list."""
    if entry.shared or cover.shared:
        return entry.shared == cover.shared and entry.location == cover.location
    return _scope(entry) == _scope(cover)


def _breaches(place: _Place, asked: Policy) -> Iterator[Finding]:
    entry, node = place.entry, place.node
    value = entry.value if entry.kind is ValueKind.IP else None
    found = policy.breaches(entry, asked, value)
    yield from _worded(node, found)
    for breach in found:
        if breach.field == "value":
            yield Finding("policy", f"{place.named} {breach.message}", location=place.value)


def _worded(node: Node, found: Iterable[policy.Breach]) -> Iterator[Finding]:
    """Errors for everything but the value."""
    for breach in found:
        said = breach.missing and (breach.field in ("reason", "owner") or breach.field in node.mapping())
        if breach.field != "value" and not said:  # by the schema, or where what is there was read
            where = node.location if breach.missing else node.get(breach.field).location
            yield Finding("policy", f"{label(node.path)} {breach.message}", location=where)


def _addresses(node: Node) -> Iterator[tuple[Node, str]]:
    """Every text at any depth that is an address or a range, with its canonical form."""
    for inner in (*node.items(), *(inner for _, inner in node.entries())):
        yield from _addresses(inner)
    for network in values.networks(node.text() or ""):
        yield node, str(network)


def _too_wide(place: _Place) -> Iterator[Finding]:
    """Errors for entries that leave next to nothing of a detection."""
    entry = place.entry
    if len(entry.ports) > MOST_PORTS:
        message = (
            f"names {len(entry.ports)} of 65535 ports, which is as good as every port: name the few that are meant"
        )
        yield place.node.get("ports").error("too-wide", f"{label(place.node.path)} {message}")
    if entry.kind is not ValueKind.IP or entry.hosts or entry.processes:
        return
    network = ipaddress.ip_network(entry.value)
    if network.prefixlen < WIDEST[network.version]:
        most = f"IPv{network.version} /{WIDEST[network.version]} is the widest for every host and process"
        message = f"{place.named} would silence the detection for a large part of the internet; {most}"
        way_out = "name the networks that are meant, or `hosts` or `processes`"
        yield Finding("too-wide", f"{message}: {way_out}", location=place.value)


def _no_scope(place: _Place, category: Category) -> Iterator[Finding]:
    """Errors for what is allowed for everybody, where that would hide a bot."""
    entry = place.entry
    if not category.ask_scope or entry.hosts or entry.processes or _unseen(entry, (*_UNSEEN, *_HARDLY_SEEN)):
        return
    what = f"the list {shown_key(entry.shared)}" if entry.shared else shown(entry.value)
    message = f"{label(place.node.path)} allows {what} for every host and process"
    way_out = "a bot that is steered from there would not be seen. Name the `hosts` or the `processes` that may"
    yield Finding("scope-needed", f"{message}: {way_out}", location=entry.location)


def _not_public(place: _Place, category: Category) -> Iterator[Finding]:
    """Remarks on addresses that no rule looks at."""
    if not category.public_only:
        return
    if what := _unseen(place.entry, _UNSEEN):
        message = (
            f"{place.named} is {what}, and the rules look at public addresses only: it allows nothing; take it out"
        )
        yield Finding("not-public", message, Severity.WARNING, place.value)
    elif what := _unseen(place.entry, _HARDLY_SEEN):
        message = f"{place.named} is {what}, no public address: most rules do not look at it; take it out unless an "
        yield Finding("not-public", f"{message}alert named it", Severity.WARNING, place.value)


def _unseen(entry: Entry, ranges: Iterable[tuple[tuple[int, int, int], str]]) -> str | None:
    """What sort of range the entry lies in as a whole."""
    if entry.kind is not ValueKind.IP:
        return None
    version, first, last = span(entry.value)
    inside = (what for known, what in ranges if known[0] == version and known[1] <= first and last <= known[2])
    return next(inside, None)


def _together(node: Node, entries: Sequence[Entry]) -> Iterator[Finding]:
    """Errors for entries without hosts and processes that cover most of a family of addresses between them.

    Those that are too wide by themselves are left out: that is said of each.
    """
    everywhere = [one.value for one in entries if one.kind is ValueKind.IP and not (one.hosts or one.processes)]
    spans = [span(value) for value in everywhere]
    networks: list[Any] = []
    for (version, widest), (family, spaces) in zip(WIDEST.items(), _SPACES.items(), strict=True):
        if sum(last - first + 1 for known, first, last in spans if known == version) < _FEW[version]:
            continue
        networks = networks or [ipaddress.ip_network(value) for value in everywhere]
        own = [one for one in networks if one.version == version and one.prefixlen >= widest]
        merged = list(ipaddress.collapse_addresses(own))
        for space in spaces:
            parts = [ipaddress.ip_network(part) for part in space.split()]
            whole = sum(part.num_addresses for part in parts)
            shared = sum(_overlap(one, part) for one in merged for part in parts)
            if shared * 2 > whole:
                message = (
                    f"{label(node.path)} allows {shared * 100 // whole} percent of all {family} addresses for every "
                    "host and process; name the networks that are meant, or `hosts` or `processes`"
                )
                yield node.key_error("too-wide", message)
                break


def _overlap(one: Any, other: Any) -> int:
    """Addresses in both; of two networks one holds the other, or they are apart."""
    return min(one.num_addresses, other.num_addresses) if one.overlaps(other) else 0


def _standing(categories: Mapping[str, Category], rules: Collection[Rule]) -> Callable[[str, str], bool]:
    """Whether entries of one category do what entries of another would, ports and scopes aside."""
    honoured = {name: {rule.id for rule in rules if name in rule.allowlists} for name in categories}

    def stands_for(one: str, other: str) -> bool:
        if one == other:
            return True
        cover, entry = categories[one], categories[other]
        bound = cover.kibana.keys() & entry.kibana.keys()
        same = cover.direction == entry.direction and all(cover.kibana[key] == entry.kibana[key] for key in bound)
        return same and bool(honoured[other]) and honoured[other] <= honoured[one]

    return stands_for


def _scope(entry: Entry) -> tuple[object, ...]:
    return entry.category, entry.value, entry.kind, entry.hosts, entry.processes, entry.ports


def _cover(entry: Entry) -> str:
    of = f" of the list {shown_key(entry.shared)}" if entry.shared else ""
    return f"{shown(entry.value)}{of} ({entry.written or entry.location})"


def _from(entry: Entry) -> str:
    if not entry.shared:
        return ""
    return f" of the list {shown_key(entry.shared)}, which {entry.location} includes,"
