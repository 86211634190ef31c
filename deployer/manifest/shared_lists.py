"""rules/allowlists/<name>.yaml: values that several tenants allow, kept once, with their own owner and source."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from datetime import date
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from deployer.covering import collapsed
from deployer.covering import span
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.hosts import Unfit
from deployer.manifest import allowlists
from deployer.manifest import files
from deployer.manifest import values
from deployer.manifest.document import Document
from deployer.manifest.document import Node
from deployer.manifest.wording import guess
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.model import Category
from deployer.model import Entry
from deployer.model import ValueKind

FOLDER = "rules/allowlists"
SCHEMA = "shared_list"
_EVERYTHING = {"0.0.0.0/0": "IPv4", "::/0": "IPv6"}


class Value(NamedTuple):
    """One value of a list, canonical."""

    kind: ValueKind
    text: str
    location: Location


@dataclass(frozen=True, slots=True)
class SharedList:
    """A vendor's or an estate's values."""

    name: str
    title: str
    source: str
    """Where the values are from, as written; empty where nobody said."""
    terms: Entry
    """What is said of every value: reason, owner, scope, expiry; its own value is empty."""
    values: tuple[Value, ...]
    location: Location
    """Where its values begin."""


def read(
    root: Path, categories: Mapping[str, Category] | None
) -> tuple[Mapping[str, SharedList | None], tuple[Finding, ...]]:
    """Every shared list by name, and everything that is wrong with the folder and its files.

    None stands for a list that cannot be used, and for every one where the categories are not known.
    """
    inside = files.listing(root, FOLDER)
    found: dict[str, SharedList | None] = {}
    findings = list(inside.faults)
    for file in inside.files:
        stem, dot, ending = file.rpartition(".")
        path = f"{FOLDER}/{file}"
        if file == "rule.yaml":
            message = "a rule cannot be named allowlists: that folder holds shared lists. Rename the rule's folder"
            findings.append(files.error("bad-file-name", message, path))
        elif ending == "yaml" and files.is_name(stem):
            document, faults = files.document(root, path, SCHEMA)
            found[stem], more = one(stem, document, categories)
            findings += (*faults, *more)
        elif dot and ending.lower() in ("yaml", "yml"):
            message = "a shared list is named <name>.yaml, with a-z, 0-9, dot, underscore and hyphen; rename it"
            findings.append(files.error("bad-file-name", message, path))
        elif file != "README.md":
            findings.append(files.stray(FOLDER, file, "a shared list is a file <name>.yaml"))
    for folder in inside.folders:
        findings.append(files.stray(FOLDER, folder, "a shared list is a file <name>.yaml"))
    return found, tuple(findings)


def one(
    name: str, document: Document | None, categories: Mapping[str, Category] | None
) -> tuple[SharedList | None, tuple[Finding, ...]]:
    """A list, None if it cannot be used, and what is wrong with it beyond its form."""
    if document is None or categories is None:
        return None, ()
    node, findings = document.root, list[Finding]()
    written = node.get("category").text()
    if written is None:
        return None, ()
    category = categories.get(written)
    if category is None:
        others = guess(written, categories) or f"; known: {listed(map(shown_key, sorted(categories)))}"
        message = f"no category {shown_key(written)} in rules/allowlists.yaml{others}"
        return None, (node.get("category").error("unknown-category", message),)
    terms = allowlists.allowance(node, category, findings)
    read = tuple(_values(node.get("values"), category, findings))
    findings += _repeated(read)
    findings += _covered(read)
    findings += _everything(read, node.get("values"))
    title, source = (node.get(key).text() or "" for key in ("title", "source"))
    where = node.get("values").key_location
    return SharedList(name, title.strip(), source.strip(), terms, read, where), tuple(findings)


def dated(lists: Mapping[str, SharedList | None], today: date) -> Iterator[Finding]:
    """Remarks about shared lists that depend on the day."""
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
    for name, terms in ((name, shared.terms) for name, shared in lists.items() if shared):
        if terms.until and terms.until <= midnight:
            message = f"the list {shown(name)} expired on {shown(terms.expires or '')} and allows nothing anywhere"
            yield Finding("expired-entry", f"{message}; take it out, or renew it", Severity.WARNING, terms.location)
        if terms.reviewed and terms.reviewed > today.isoformat():
            message = f"the list {shown(name)} was reviewed on {shown(terms.reviewed)}, which is still to come"
            yield Finding("reviewed-later", message, Severity.WARNING, terms.location)


def _values(node: Node, category: Category, findings: list[Finding]) -> Iterator[Value]:
    for item in node.items():
        written = item.text()
        if written is not None and category.kinds:
            try:
                kind, text = values.canonical(written, category.kinds)
                yield Value(kind, text, item.location)
            except Unfit as unfit:
                findings.append(allowlists.unusable(item, written, unfit))


def _repeated(found: Sequence[Value]) -> Iterator[Finding]:
    first: dict[tuple[ValueKind, str], Location] = {}
    for value in found:
        before = first.setdefault(value[:2], value.location)
        if before != value.location:
            message = f"{shown(value.text)} is in this list already, in line {before.line}"
            yield Finding("repeated-entry", message, location=value.location)


def _covered(found: Sequence[Value]) -> Iterator[Finding]:
    """Remarks about addresses that lie within another value: one of the two is not what it seems to be."""
    spans = {span(value.text): value for value in reversed(found) if value.kind is ValueKind.IP}
    outer: tuple[int, int, int] = (0, 0, 0)
    for version, first, last in sorted(spans, key=lambda one: (one[0], one[1], -one[2])):
        if version == outer[0] and last <= outer[2]:
            value, wider = spans[version, first, last], spans[outer]
            message = f"{shown(value.text)} is within {wider.text}, in line {wider.location.line}; take one of them out"
            yield Finding("covered-entry", message, Severity.WARNING, value.location)
        else:
            outer = (version, first, last)


def _everything(found: Sequence[Value], node: Node) -> Iterator[Finding]:
    """Errors for halves that make a whole: each is a range, together they allow every address."""
    for text in collapsed(value.text for value in found if value.kind is ValueKind.IP):
        if text in _EVERYTHING:
            message = f"the values together allow every {_EVERYTHING[text]} address; name the networks that are meant"
            yield node.key_error("allows-everything", message)
