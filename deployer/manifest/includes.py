"""`list: NAME` under a tenant's `allowlists:`: the values of a shared list, on the tenant's own terms."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import fields
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from typing import Any

from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest import allowlists
from deployer.manifest import files
from deployer.manifest.document import Document
from deployer.manifest.document import Node
from deployer.manifest.shared_lists import FOLDER
from deployer.manifest.shared_lists import SharedList
from deployer.manifest.wording import guess
from deployer.manifest.wording import label
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.model import Category
from deployer.model import Entry

_OWN = frozenset({"value", "kind", "written"})
"""What each value has of its own."""
_NEVER = datetime.max.replace(tzinfo=UTC)


def entries(
    node: Node, known: Mapping[str, Category], lists: Mapping[str, SharedList | None]
) -> tuple[Mapping[str, tuple[Entry, ...]], tuple[Finding, ...]]:
    """What the includes under a tenant's `allowlists:` stand for, by category, and what is wrong with them.

    A list that cannot be used stands for nothing here: what is wrong with it was said where it is written.
    """
    found: dict[str, tuple[Entry, ...]] = {}
    findings: list[Finding] = []
    for name, items in node.entries():
        if name not in known:
            continue
        terms = []
        for item in filter(allowlists.is_include, items.items()):
            shared = _list(item, known[name], lists, findings)
            if shared:
                terms.append((shared, _terms(item, known[name], shared, findings)))
        findings += _repeated(entry for _, entry in terms)
        found[name] = tuple(entry for shared, entry in terms for entry in _expanded(entry, shared))
    return found, tuple(findings)


def unused(lists: Mapping[str, SharedList | None], documents: Iterable[Document | None]) -> Iterator[Finding]:
    """Remarks about lists that no tenant includes; `documents` are all tenants' files, None where one is unreadable."""
    included: set[str] = set()
    for document in documents:
        if document is None:
            return
        for _, items in document.root.get("allowlists").entries():
            included |= {item.get("list").text() or "" for item in items.items()}
    for name in sorted(lists.keys() - included):
        message = f"no tenant includes the list {shown(name)}; write `list: {name}` where it is meant, or take it out"
        yield Finding("unused-list", message, Severity.WARNING, Location(f"{FOLDER}/{name}.yaml"))


def _list(
    item: Node, category: Category, lists: Mapping[str, SharedList | None], findings: list[Finding]
) -> SharedList | None:
    node = item.get("list")
    name = node.text()
    if name is None or not files.is_name(name):  # which the schema has said
        return None
    if name not in lists:
        others = guess(name, lists) or f"; known: {listed(map(shown_key, sorted(lists)))}"
        findings.append(node.error("unknown-list", f"there is no list {shown(name)} in {FOLDER}/{others}"))
        return None
    shared = lists[name]
    if shared and shared.terms.category != category.name:
        own = shown_key(shared.terms.category)
        message = f"the list {shown(name)} is of {own}, so it cannot stand in {shown_key(category.name)}; move it there"
        findings.append(node.error("foreign-list", message))
        return None
    return shared


def _terms(item: Node, category: Category, shared: SharedList, findings: list[Finding]) -> Entry:
    """What holds for every value: include and list together, the narrower scope and the earlier end."""
    own, theirs = allowlists.allowance(item, category, findings), shared.terms
    for kind, mine, limit in (
        ("hosts", own.hosts, theirs.hosts),
        ("processes", own.processes, theirs.processes),
        ("ports", own.ports, theirs.ports),
    ):
        beyond = [str(each) for each in mine if limit and each not in limit]
        if beyond:
            node = item.get(kind)
            message = (
                f"{label(node.path)} names {listed(map(shown_key, beyond))}, and the list {shown(shared.name)} is "
                f"only for {listed(map(str, limit))} ({theirs.location.path}); name some of those"
            )
            findings.append(node.error("wider-scope", message))
    return replace(
        own,
        hosts=own.hosts or theirs.hosts,
        processes=own.processes or theirs.processes,
        ports=own.ports or theirs.ports,
        expires=min(own, theirs, key=lambda each: each.until or _NEVER).expires,
        reason=own.reason or theirs.reason,
        owner=own.owner or theirs.owner,
        ticket=own.ticket or theirs.ticket,
        reviewed=own.reviewed or theirs.reviewed,
        shared=shared.name,
    )


def _expanded(terms: Entry, shared: SharedList) -> Iterator[Entry]:
    # Not by `replace`: hundreds of tenants include lists of thousands, and this takes half the time.
    words: dict[str, Any] = {each.name: getattr(terms, each.name) for each in fields(Entry) if each.name not in _OWN}
    for kind, text, written in shared.values:
        yield Entry(value=text, kind=kind, written=written, **words)


def _repeated(found: Iterable[Entry]) -> Iterator[Finding]:
    first: dict[object, Location] = {}
    for entry in found:
        before = first.setdefault((entry.shared, entry.hosts, entry.processes, entry.ports), entry.location)
        if before != entry.location:
            again = f"already with the same scope, in line {before.line}"
            message = f"the list {shown(entry.shared or '')} is included in {shown_key(entry.category)} {again}"
            yield Finding("repeated-include", message, location=entry.location)
