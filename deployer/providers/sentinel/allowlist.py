"""Allowlist entries as right-hand sides of a query's own `let` statements. Pure; nothing widens by being compiled.

An entry without a scope goes into an array by family of address; one with hosts, processes or ports of its own becomes
one clause of the category's `scoped` function. An expiry is compared with `now()` at every run of the rule. Addresses
that share scope and expiry are collapsed into the fewest ranges, exactly.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from deployer import covering
from deployer.model import Category
from deployer.model import Entry
from deployer.model import ValueKind
from deployer.providers.sentinel import watchlist
from deployer.queries import array
from deployer.queries import string

FAMILIES = frozenset({"ipv4", "ipv6"})
FOREVER = "datetime(9999-12-31)"
SIGNATURE = "(Host:string, Process:string, Address:string, Port:int)"
"""What a `scoped` function takes."""


class Inexpressible(ValueError):
    """An entry that Sentinel cannot be told exactly; the message says why and what to do."""

    def __init__(self, entry: Entry, message: str) -> None:
        self.entry = entry
        super().__init__(message)


def compile(category: Category, entries: Sequence[Entry], *, spilled: bool = False) -> dict[str, str]:
    """The text per `let` name of the category, for all of its lets; `Inexpressible` names what cannot be expressed.

    `spilled` leaves the addresses of `spillable` to the category's watchlist, which the texts then read.
    """
    listed = watchlist.alias(category.name) if spilled else None
    sides: dict[str, list[Entry]] = {kind: [] for kind in ("ipv4", "ipv6", "domain", "process")}
    scoped: list[Entry] = []
    for entry in entries:
        _let(category, "scoped" if entry.scoped else side(entry), entry)
        if entry.scoped and side(entry) not in _MATCHES:
            message = f"{entry.value}: a {side(entry)} cannot be limited to hosts, processes or ports in Sentinel"
            raise Inexpressible(entry, message)
        scoped.append(entry) if entry.scoped else sides[side(entry)].append(entry)
    lets = {category.sentinel[kind]: _values(kind, sides[kind], listed) for kind in sides if kind in category.sentinel}
    if "ports" in category.sentinel:
        lets[category.sentinel["ports"]] = array(sorted(category.ports))
    if "scoped" in category.sentinel:
        lets[category.sentinel["scoped"]] = _function(category, scoped)
    return lets


def side(entry: Entry) -> str:
    """ipv4, ipv6, domain or process: which array the entry's value belongs to."""
    if entry.kind is not ValueKind.IP:
        return entry.kind.value
    return "ipv6" if ":" in entry.value else "ipv4"


def spillable(category: Category, entries: Sequence[Entry]) -> tuple[str, ...]:
    """The addresses that may go into a watchlist, the fewest ranges of them: those that hold everywhere and always.

    Any other would hold for more than it was written for: a watchlist has neither ports nor scopes nor expiries.
    """
    if category.ports or not category.sentinel.keys() & FAMILIES or not watchlist.is_alias(category.name):
        return ()
    kept = (one for one in entries if one.kind is ValueKind.IP and not one.scoped and one.until is None)
    return _collapsed(tuple(one.value for one in kept))


def fewest(side: str, values: Iterable[str]) -> Sequence[str]:
    """The same values, addresses in the fewest ranges; sorted as text."""
    return _collapsed(tuple(values)) if side in FAMILIES else sorted(set(values))


@lru_cache(maxsize=64)
def _collapsed(values: tuple[str, ...]) -> tuple[str, ...]:
    """Kept, because every rule that honours a category asks for the same."""
    return tuple(sorted(covering.collapsed(values)))


def moment(until: datetime) -> str:
    """A KQL datetime literal; a query reads it as UTC."""
    return f"datetime({until.strftime('%Y-%m-%dT%H:%M:%SZ')})"


def _let(category: Category, kind: str, entry: Entry) -> str:
    if kind not in category.sentinel:
        raise Inexpressible(
            entry,
            f"category {category.name} names no Sentinel let for {kind!r}, so {entry.value} cannot be expressed: "
            f"add `sentinel: {{{kind}: <let name>}}` to the category and the let to its rules",
        )
    return category.sentinel[kind]


def _values(side: str, entries: Sequence[Entry], listed: str | None) -> str:
    """The array of one side; its part that does not expire is read from the watchlist `listed`, where there is one."""
    until: dict[str, datetime] = {}
    for entry in entries:
        if end := entry.until:
            until[entry.value] = max(end, until.get(entry.value, end))
    lasting = fewest(side, (entry.value for entry in entries if entry.expires is None))
    always = set(lasting) if until else ()
    ending = {value: end for value, end in until.items() if value not in always}
    if listed is not None and side in FAMILIES:
        read = watchlist.read(listed, side)
        return f"array_concat({read}, {_until(ending.items())})" if ending else read
    if not ending:
        return array(lasting)
    return _until([*((value, None) for value in lasting), *ending.items()])


def _until(rows: Iterable[tuple[str, datetime | None]]) -> str:
    """The values that hold now."""
    texts = ", ".join(f"{string(value)}, {moment(end) if end else FOREVER}" for value, end in sorted(rows))
    return (
        f"toscalar(datatable(value: string, until: datetime)[{texts}] "
        "| where until > now() | summarize make_list(value))"
    )


def _function(category: Category, entries: Sequence[Entry]) -> str:
    clauses = sorted(set(_clauses(category, entries)))
    body = "\n    or ".join(clauses) if clauses else "false"
    return f"{SIGNATURE} {{ {body} }}"


def _clauses(category: Category, entries: Sequence[Entry]) -> Iterator[str]:
    """One clause per scope and expiry, over all values that share them."""
    groups: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        scope = (side(entry), tuple(sorted(entry.hosts)), tuple(sorted(entry.processes)), entry.ports, entry.until)
        groups.setdefault(scope, []).append(entry)
    for group in groups.values():
        entry = group[0]
        values = fewest(side(entry), (one.value for one in group))
        parts = [_MATCHES[side(entry)].format(values=array(values))]
        if entry.hosts:
            parts.append(_host(entry.hosts))
        if entry.processes:
            parts.append(f"Process in~ ({_strings(entry.processes)})")
        if ports := entry.ports or category.ports:
            parts.append(f"Port in ({', '.join(map(str, sorted(ports)))})")
        if until := entry.until:
            parts.append(f"now() < {moment(until)}")
        yield f"({' and '.join(parts)})"


def _host(names: Sequence[str]) -> str:
    """Defender reports full names: one without a dot is a computer's own name, whatever its domain."""
    whole = f"Host in~ ({_strings(names)})"
    short = [name for name in names if "." not in name]
    return f'({whole} or tostring(split(Host, ".")[0]) in~ ({_strings(short)}))' if short else whole


def _strings(values: Sequence[str]) -> str:
    return ", ".join(string(value) for value in sorted(values))


_MATCHES: Mapping[str, str] = {
    # null on an address of the other family; coalesce keeps `not(...)` from dropping the row
    "ipv4": "coalesce(ipv4_is_in_any_range(Address, {values}), false)",
    "ipv6": "coalesce(ipv6_is_in_any_range(Address, {values}), false)",
    "process": "Process in~ ({values})",
}
