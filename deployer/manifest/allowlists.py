"""Categories of rules/allowlists.yaml and the entries of tenants. Every entry that comes out is canonical."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping

from deployer.findings import Finding
from deployer.findings import Location
from deployer.hosts import Unfit
from deployer.manifest import values
from deployer.manifest.document import Node
from deployer.manifest.wording import guess
from deployer.manifest.wording import label
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.model import Category
from deployer.model import Entry
from deployer.model import ValueKind

_PORTS = range(1, 65536)


def categories(root: Node) -> tuple[Mapping[str, Category], tuple[Finding, ...]]:
    """The categories by name, and what is wrong beyond their form."""
    found = {name: _category(name, node) for name, node in root.get("categories").entries()}
    findings: list[Finding] = []
    lets: dict[str, str] = {}
    for name, node in root.get("categories").entries():
        findings += _unbound(found[name], node)
        for _, let in node.get("sentinel").entries():
            owner = lets.setdefault(let.text() or label(let.path), label(let.path))
            if owner != label(let.path):
                message = f"{shown_key(let.text() or '')} is filled by {owner} already; each `let` has one source"
                findings.append(let.error("repeated-let", message))
    return found, tuple(findings)


def entries(node: Node, known: Mapping[str, Category]) -> tuple[Mapping[str, tuple[Entry, ...]], tuple[Finding, ...]]:
    """The entries that stand under a tenant's `allowlists:` by category, and what is wrong with them beyond their form.

    Includes of shared lists are not among them.
    """
    found: dict[str, tuple[Entry, ...]] = {}
    findings: list[Finding] = []
    for name, items in node.entries():
        if name not in known:
            message = f"no category {shown_key(name)} in rules/allowlists.yaml"
            findings.append(items.key_error("unknown-category", message + _others(name, known)))
            continue
        own = [item for item in items.items() if not is_include(item)]
        read = [_entry(item, known[name], findings) for item in own]
        found[name] = tuple(entry for entry in read if entry)
        findings += _repeated(found[name])
    return found, (*findings, *_repeated_items(entry for entries in found.values() for entry in entries))


def is_include(node: Node) -> bool:
    """Whether an item of a category stands for the values of a shared list."""
    return "list" in node.mapping()


def _others(name: str, known: Iterable[str]) -> str:
    return guess(name, known) or f"; known: {listed(map(shown_key, sorted(known)))}"


def _category(name: str, node: Node) -> Category:
    kinds = tuple(kind for kind in ValueKind if kind.value in node.get("kinds").texts())
    return Category(
        name=name,
        title=node.get("title").text() or name,
        description=(node.get("description").text() or "").strip(),
        kinds=kinds,
        direction=node.get("direction").text() or "",
        ports=tuple(sorted(node.get("ports").numbers())),
        kibana={key: inner.text() or "" for key, inner in node.get("kibana").entries()},
        sentinel={key: inner.text() or "" for key, inner in node.get("sentinel").entries()},
        location=node.key_location,
        ask_scope=node.get("ask_scope").flag(False),
        public_only=node.get("public_only").flag(False),
    )


def _unbound(category: Category, node: Node) -> Iterator[Finding]:
    """Errors for what entries of the category may hold and a platform would have no place for."""
    if {ValueKind.DOMAIN, ValueKind.PROCESS} <= set(category.kinds):
        message = "domain and process cannot share a category: `update.exe` may be either. Make two categories"
        yield node.get("kinds").error("ambiguous-kinds", message)
    kibana = [kind.value for kind in category.kinds] + (["port"] if category.ports else [])
    lets = {ValueKind.IP: ["ipv4", "ipv6"], ValueKind.DOMAIN: ["domain"], ValueKind.PROCESS: ["process"]}
    sentinel = [key for kind in category.kinds for key in lets[kind]] + (["ports"] if category.ports else [])
    for platform, needed in (("kibana", kibana), ("sentinel", sentinel)):
        bound = node.get(platform)
        missing = [key for key in needed if key not in bound.mapping()]
        if bound.mapping() and missing:
            names = listed(map(shown_key, missing))
            message = f"{label(bound.path)} lacks {names}: entries of this category would bind nothing there"
            yield bound.key_error("unbound-category", message)
    if category.ask_scope:
        yield from _no_place_for_scope(node)
    ports = node.get("sentinel").get("ports")
    if ports.value is not None and "ports" not in node.mapping():
        message = (
            f"{label(ports.path)} is bound, and the category has no `ports`: the query's list of ports would stay "
            "empty, and no entry would ever hold. Name the ports, or take this out here and in the queries"
        )
        yield ports.key_error("unbound-category", message)


def _no_place_for_scope(node: Node) -> Iterator[Finding]:
    """Errors where an entry must name hosts or processes and a platform would have no place for them."""
    for platform, places in (("kibana", ("host", "process")), ("sentinel", ("scoped",))):
        bound = node.get(platform)
        if bound.mapping() and not any(place in bound.mapping() for place in places):
            names = " or ".join(map(shown_key, places))
            message = f"{label(bound.path)} lacks {names}, and `ask_scope` has every entry name hosts or processes"
            yield bound.key_error("unbound-category", message)


def _entry(node: Node, category: Category, findings: list[Finding]) -> Entry | None:
    """One entry, or None where its value cannot be used; whatever is wrong is added to `findings`."""
    value, kind = "", ValueKind.IP
    written = node.get("value").text()
    if written is not None and category.kinds:
        try:
            kind, value = values.canonical(written, category.kinds)
        except Unfit as unfit:
            findings.append(unusable(node.get("value"), written, unfit))
    entry = allowance(node, category, findings, kind, value)
    return entry if value else None


def allowance(
    node: Node, category: Category, findings: list[Finding], kind: ValueKind = ValueKind.IP, value: str = ""
) -> Entry:
    """A value with all that is said next to it, whoever says it: an entry, an include or a shared list.

    Whatever is wrong is added to `findings`, and left out.
    """
    return Entry(
        category=category.name,
        value=value,
        kind=kind,
        reason=(node.get("reason").text() or "").strip(),
        owner=(node.get("owner").text() or "").strip(),
        location=node.location,
        hosts=_names(node.get("hosts"), findings),
        processes=_names(node.get("processes"), findings),
        ports=_ports(node.get("ports"), category, findings),
        expires=_read(node.get("expires"), values.moment, findings),
        ticket=node.get("ticket").text(),
        item=node.get("item").text(),
        reviewed=_read(node.get("reviewed"), values.day, findings) if _dated(node.get("reviewed")) else None,
    )


def expiry(node: Node) -> str | None:
    """When an entry or an include itself says that it ends, canonical."""
    return _read(node.get("expires"), values.moment, [])


def _dated(node: Node) -> bool:
    """Whether the schema, which knows the form of a date, was content; which days there are is asked here."""
    return len(node.text() or "") == 10 and (node.text() or "").replace("-", "").isdigit()


def _names(node: Node, findings: list[Finding]) -> tuple[str, ...]:
    names = [_read(item, values.name, findings) for item in node.items()]
    return tuple(sorted(name for name in names if name))


def _read(node: Node, read: Callable[[str], str], findings: list[Finding]) -> str | None:
    written = node.text()
    if written is None:
        return None
    try:
        return read(written)
    except Unfit as unfit:
        findings.append(unusable(node, written, unfit))
        return None


def unusable(node: Node, written: str, unfit: Unfit) -> Finding:
    """An error about a value that cannot be one."""
    return node.error("bad-value", f"{label(node.path)}: {shown(written)} {unfit}")


def _ports(node: Node, category: Category, findings: list[Finding]) -> tuple[int, ...]:
    for item in node.items():
        number = item.number()
        if category.ports and number in _PORTS and number not in category.ports:
            message = f"{label(item.path)}: port {number} is none of {shown_key(category.name)}, which counts on "
            findings.append(item.error("foreign-port", message + listed(map(str, category.ports))))
    return tuple(sorted(node.numbers()))


def _repeated_items(found: Iterable[Entry]) -> Iterator[Finding]:
    first: dict[str, Location] = {}
    for entry in found:
        before = first.setdefault(entry.item, entry.location) if entry.item else entry.location
        if before != entry.location:
            message = f"the item {shown(entry.item or '')} has an entry already, in line {before.line}"
            yield Finding("repeated-entry", message, location=entry.location)


def _repeated(found: Iterable[Entry]) -> Iterator[Finding]:
    first: dict[object, Location] = {}
    for entry in found:
        key = (entry.value, entry.kind, entry.hosts, entry.processes, entry.ports)
        before = first.setdefault(key, entry.location)
        if before != entry.location:
            again = f"already with the same scope, in line {before.line}"
            message = f"{shown(entry.value)} is in {shown_key(entry.category)} {again}"
            yield Finding("repeated-entry", message, location=entry.location)
