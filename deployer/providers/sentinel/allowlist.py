"""Allowlist entries as right-hand sides of a query's own `let` statements. Pure; nothing widens by being compiled.

An entry without a scope goes into an array by family of address; one with hosts, processes or ports of its own becomes
one clause of the category's `scoped` function. An expiry is compared with `now()` at every run of the rule.
"""

import ipaddress
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime

from deployer.model import Category
from deployer.model import Entry
from deployer.model import ValueKind
from deployer.queries import array
from deployer.queries import string

FOREVER = "datetime(9999-12-31)"
SIGNATURE = "(Host:string, Process:string, Address:string, Port:int)"
"""What a `scoped` function takes."""


class Inexpressible(ValueError):
    """An entry that Sentinel cannot be told exactly; the message says why and what to do."""

    def __init__(self, entry: Entry, message: str) -> None:
        self.entry = entry
        super().__init__(message)


def compile(category: Category, entries: Sequence[Entry]) -> dict[str, str]:
    """The text per `let` name of the category, for all of its lets; `Inexpressible` names what cannot be expressed."""
    sides: dict[str, list[Entry]] = {kind: [] for kind in ("ipv4", "ipv6", "domain", "process")}
    scoped: list[Entry] = []
    for entry in entries:
        _let(category, "scoped" if entry.scoped else side(entry), entry)
        if entry.scoped and side(entry) not in _MATCHES:
            message = f"{entry.value}: a {side(entry)} cannot be limited to hosts, processes or ports in Sentinel"
            raise Inexpressible(entry, message)
        scoped.append(entry) if entry.scoped else sides[side(entry)].append(entry)
    lets = {category.sentinel[kind]: _values(sides[kind]) for kind in sides if kind in category.sentinel}
    if "ports" in category.sentinel:
        lets[category.sentinel["ports"]] = array(sorted(category.ports))
    if "scoped" in category.sentinel:
        lets[category.sentinel["scoped"]] = _function(category, scoped)
    return lets


def side(entry: Entry) -> str:
    """ipv4, ipv6, domain or process: which array the entry's value belongs to."""
    if entry.kind is not ValueKind.IP:
        return entry.kind.value
    return f"ipv{ipaddress.ip_network(entry.value).version}"


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


def _values(entries: Sequence[Entry]) -> str:
    until: dict[str, datetime | None] = {}
    for entry in entries:
        end = entry.until
        if entry.value in until:
            before = until[entry.value]
            end = None if before is None or end is None else max(before, end)
        until[entry.value] = end
    if not any(until.values()):
        return array(sorted(until))
    rows = ", ".join(f"{string(value)}, {moment(end) if end else FOREVER}" for value, end in sorted(until.items()))
    return (
        f"toscalar(datatable(value: string, until: datetime)[{rows}] "
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
        values = sorted({one.value for one in group})
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
