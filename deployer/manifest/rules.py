"""The folders under rules/: one rule each, with its queries."""

import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from deployer import copies
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest import allowlists
from deployer.manifest import files
from deployer.manifest import shared_lists
from deployer.manifest.document import Document
from deployer.manifest.document import Node
from deployer.manifest.shared_lists import SharedList
from deployer.manifest.wording import guess
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.model import Attack
from deployer.model import Category
from deployer.model import Deviation
from deployer.model import FalsePositive
from deployer.model import Named
from deployer.model import Platform
from deployer.model import PlatformRule
from deployer.model import Rule

FOLDER = "rules"
ALLOWLISTS = "rules/allowlists.yaml"
SHARED = "allowlists"
"""The folder of shared lists; no rule has this name."""
QUERY_FILES: Mapping[Platform, tuple[str, ...]] = {
    Platform.KIBANA: ("kibana.kuery", "kibana.lucene", "kibana.eql", "kibana.esql"),
    Platform.SENTINEL: ("sentinel.kql",),
}
"""Names that a rule's query may have; the ending of a Kibana query says its language."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f]")
"""All that is below a space, but for the tabulator and the end of a line."""
_FILES = frozenset({"rule.yaml", "tests.yaml", "README.md", *chain.from_iterable(QUERY_FILES.values())})
"""Names that a rule's files may have."""
_OWN_KEYS = frozenset({"data", "exceptions"})
_WITHOUT_QUERY = frozenset({"machine_learning", "saved_query"})
"""Kibana's rule types that may have no query of their own."""
_LANGUAGE_IS_TYPE = frozenset({"eql", "esql"})
"""Kibana's rule types that take queries of the language of the same name only."""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Everything under rules/. With errors among the findings it serves only to look on in other files."""

    rules: Mapping[str, Rule]
    """By folder name."""
    categories: Mapping[str, Category]
    unreadable: frozenset[str]
    """Folders whose rule.yaml says nothing that could be used."""
    findings: tuple[Finding, ...]
    categories_known: bool
    """False where allowlists.yaml is there and cannot be read."""
    documents: Mapping[str, Document] = field(default_factory=dict)
    """Where each rule's values were written, by folder name."""
    shared: Mapping[str, SharedList | None] = field(default_factory=dict)
    """The shared lists by name, None for one that cannot be used."""


def read(root: Path) -> RuleBook:
    """All rules and categories, and everything that is wrong with them."""
    inside = files.listing(root, FOLDER)
    findings = list(inside.faults)
    categories, known = _categories(root, inside, findings)
    lists, faults = _shared_lists(root, inside, categories if known else None)
    findings += faults
    documents: dict[str, Document] = {}
    rules: dict[str, Rule] = {}
    folders = tuple(folder for folder in inside.folders if folder != SHARED)
    for folder, read in zip(folders, copies.spread(partial(_folder, root), folders, files.WORTH_A_COPY), strict=True):
        findings += read.findings
        if read.rule and read.document:
            rules[folder], documents[folder] = read.rule, read.document
    for name in inside.files:
        if name not in {"allowlists.yaml", "README.md"}:
            findings.append(files.stray(FOLDER, name, "a rule is a folder with a rule.yaml"))
    if not folders and not inside.faults:
        findings.append(files.error("no-rules", "no rule: each is a folder with a rule.yaml", FOLDER))
    findings += _across(rules, documents, categories if known else None)
    unreadable = frozenset(folders) - frozenset(rules)
    return RuleBook(rules, categories, unreadable, tuple(findings), known, documents, lists)


def _shared_lists(
    root: Path, inside: files.Listing, categories: Mapping[str, Category] | None
) -> tuple[Mapping[str, SharedList | None], tuple[Finding, ...]]:
    return shared_lists.read(root, categories) if SHARED in inside.folders else ({}, ())


def _categories(root: Path, inside: files.Listing, findings: list[Finding]) -> tuple[Mapping[str, Category], bool]:
    if "allowlists.yaml" not in (*inside.files, *inside.folders):
        return {}, True
    document, faults = files.document(root, ALLOWLISTS, "allowlists")
    findings += faults
    if document is None:
        return {}, False
    categories, faults = allowlists.categories(document.root)
    findings += faults
    return categories, True


class _Folder(NamedTuple):
    """What a folder under rules/ says, whatever of it can be used."""

    rule: Rule | None
    document: Document | None
    findings: tuple[Finding, ...]


def _folder(root: Path, folder: str) -> _Folder:
    findings: list[Finding] = []
    return _Folder(*_read(root, folder, findings), tuple(findings))


def _read(root: Path, folder: str, findings: list[Finding]) -> tuple[Rule | None, Document | None]:
    place = f"{FOLDER}/{folder}"
    inside = files.listing(root, place)
    findings += inside.faults
    if "rule.yaml" not in (*inside.files, *inside.folders):
        findings.append(files.error("no-rule", "the folder holds no rule.yaml", place))
        return None, None
    document, faults = files.document(root, f"{place}/rule.yaml", "rule")
    findings += faults
    for name in (*inside.folders, *inside.files):
        if name not in _FILES:
            hint = "a rule's files are rule.yaml, kibana.kuery (or kibana.eql), sentinel.kql, tests.yaml"
            findings.append(files.stray(place, name, hint))
    if document is None:
        return None, None
    node = document.root
    if (written := node.get("id").text()) is not None and written != folder:
        message = f"the id is {shown(written)}, the folder {shown(folder)}: they must be the same"
        findings.append(node.get("id").error("folder-mismatch", message))
    halves = {platform: _half(root, node, inside, platform, findings) for platform in Platform}
    if not any(platform in node.mapping() for platform in Platform):
        message = "the rule has neither a `kibana:` nor a `sentinel:` block, so there is nowhere to deploy it"
        findings.append(node.error("no-platform", message))
    return _rule(node, folder, halves), document


def _half(
    root: Path, node: Node, inside: files.Listing, platform: Platform, findings: list[Finding]
) -> PlatformRule | None:
    block, place = node.get(platform), node.document.path.rpartition("/")[0]
    present = [each for each in QUERY_FILES[platform] if each in (*inside.files, *inside.folders)]
    if platform not in node.mapping():
        for each in present:
            message = f"the query has no `{platform}:` block in rule.yaml"
            findings.append(files.error("query-without-block", message, f"{place}/{each}"))
        return None
    name = _query_file(block, platform, present)
    path = f"{place}/{name}"
    for each in present:
        if each != name:
            rest = "take one of the two out" if name in present else "rename it, or change `language`"
            message = f"the rule's query is {name.partition('.')[2]}, so it lies in {name}; {rest}"
            findings.append(files.error("query-language", message, f"{place}/{each}"))
    query = _query(root, path, findings) if name in present else ""
    if not present and not _needs_no_query(block):
        message = f"the `{platform}:` block has no query: {name} is missing beside rule.yaml"
        findings.append(block.key_error("block-without-query", message))
    return PlatformRule(
        query=query,
        fields={key: value for key, value in block.mapping().items() if key not in _OWN_KEYS},
        data=block.get("data").texts(),
        query_location=Location(path),
        exceptions=block.get("exceptions").texts() if platform is Platform.SENTINEL else (),
    )


def _needs_no_query(block: Node) -> bool:
    """Whether a Kibana rule may do without a query file: its jobs, a query saved in Kibana or its filters choose."""
    return block.get("type").text() in _WITHOUT_QUERY or bool(block.get("filters").items())


def _query_file(block: Node, platform: Platform, present: Sequence[str]) -> str:
    """The file that the query lies in: for Kibana by its language, and by its type where nothing says the language.

    Where the two do not go together, which the schema has said, whatever file is there will do.
    """
    kind, language = block.get("type").text(), block.get("language").text()
    own = kind if kind in _LANGUAGE_IS_TYPE else None
    fits = language is None or (language == own if own else language in ("kuery", "lucene"))
    if platform is Platform.SENTINEL or not fits:
        return next(iter(present), QUERY_FILES[platform][0])
    return f"kibana.{own or language or 'kuery'}"


def _query(root: Path, path: str, findings: list[Finding]) -> str:
    text, faults = files.text(root, path)
    findings += faults
    if text is not None and not text.strip():
        findings.append(files.error("empty-query", "the query is empty", path))
    for number, line in enumerate(text.split("\n") if text and _CONTROL.search(text) else (), 1):
        for found in _CONTROL.finditer(line):
            message = f"the control character U+{ord(found.group()):04X} cannot stand in a query; take it out"
            findings.append(Finding("bad-query", message, location=Location(path, number, found.start() + 1)))
    return text or ""


def _rule(node: Node, folder: str, halves: Mapping[Platform, PlatformRule | None]) -> Rule:
    return Rule(
        id=folder,
        name=node.get("name").text() or "",
        description=(node.get("description").text() or "").strip(),
        severity=node.get("severity").text() or "",
        confidence=node.get("confidence").text() or "",
        attack=tuple(map(_attack, node.get("attack").items())),
        data_sources=node.get("data_sources").texts(),
        references=node.get("references").texts(),
        false_positives=tuple(
            FalsePositive(_line(each.get("cause")), _line(each.get("tuning")))
            for each in node.get("false_positives").items()
        ),
        deviations=tuple(
            Deviation(_line(each.get("what")), _line(each.get("why"))) for each in node.get("deviations").items()
        ),
        allowlists=node.get("allowlists").texts(),
        kibana=halves[Platform.KIBANA],
        sentinel=halves[Platform.SENTINEL],
        location=node.location,
        enabled=node.get("enabled").flag(True),
        purpose=node.get("purpose").text() or "detection",
        source=node.get("source").text() or "",
        formerly=node.get("formerly").texts(),
        tenants=node.get("tenants").texts(),
        tags=node.get("tags").texts(),
    )


def _attack(node: Node) -> Attack:
    below = node.get("subtechnique")
    return Attack(_named(node.get("tactic")), _named(node.get("technique")), _named(below) if below.mapping() else None)


def _named(node: Node) -> Named:
    return Named(node.get("id").text() or "", node.get("name").text() or "")


def _line(node: Node) -> str:
    return (node.text() or "").strip()


def _across(
    rules: Mapping[str, Rule], documents: Mapping[str, Document], categories: Mapping[str, Category] | None
) -> Iterator[Finding]:
    """What is wrong between a rule and the rest; `categories` is None where they are not known."""
    taken = {name: f"the rule {name}" for name in rules}
    for folder in rules:
        node, own = documents[folder].root, f"an earlier form of {folder}"
        yield from _attack_faults(node)
        for item in node.get("allowlists").items():
            name = item.text()
            if categories is not None and name is not None and name not in categories:
                others = guess(name, categories) or f"; known: {listed(map(shown_key, sorted(categories)))}"
                yield item.error("unknown-category", f"no category {shown_key(name)} in {ALLOWLISTS}{others}")
        for item in node.get("formerly").items():
            name = item.text() or ""
            if taken.get(name, own) != own:
                yield item.error("taken-id", f"{shown(name)} is the id of {taken[name]}; an id has one owner")
            taken.setdefault(name, own)


def _attack_faults(node: Node) -> Iterator[Finding]:
    for item in node.get("attack").items():
        technique, below = item.get("technique").get("id").text(), item.get("subtechnique").get("id")
        name = below.text()
        if technique and name and "." in name and name.partition(".")[0] != technique:
            message = f"{shown(name)} is no sub-technique of {shown(technique)}"
            yield Finding("attack-mismatch", message, Severity.ERROR, below.location)
