"""rules/<rule id>/tests.yaml: the cases that show what a rule finds and what it leaves alone.

They are read apart from the rules, and only by those who run or check them: nothing of a tests.yaml is deployed, so a
fault in one fails `check` and `test` and never keeps a plan from being made.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from pathlib import Path

from deployer.cases import Case
from deployer.cases import CaseHalf
from deployer.cases import Matches
from deployer.cases import RuleTest
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest import allowlists
from deployer.manifest import crosschecks
from deployer.manifest import events
from deployer.manifest import files
from deployer.manifest.document import Node
from deployer.manifest.rules import FOLDER
from deployer.manifest.rules import RuleBook
from deployer.manifest.wording import label
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.model import Entry
from deployer.model import Json
from deployer.model import Platform
from deployer.model import Rule

FILE = "tests.yaml"
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands for a `now` that cannot be read, about which something was said, so that the rest is looked at too."""


@dataclass(frozen=True, slots=True)
class CaseBook:
    """Every tests.yaml under rules/."""

    tests: Mapping[str, RuleTest]
    """By rule id; files with errors are left out."""
    findings: tuple[Finding, ...]
    broken: frozenset[str] = frozenset()
    """Ids of rules whose file has errors."""


def read(root: Path, book: RuleBook) -> CaseBook:
    """The tests of all rules, and everything that is wrong with them."""
    tests: dict[str, RuleTest] = {}
    findings: list[Finding] = []
    broken: set[str] = set()
    for folder in sorted((*book.rules, *book.unreadable)):
        inside = files.listing(root, f"{FOLDER}/{folder}")
        if FILE not in (*inside.files, *inside.folders):
            continue
        test, faults = _file(root, folder, book)
        findings += faults
        if test is None or any(finding.severity is Severity.ERROR for finding in faults):
            broken.add(folder)
        else:
            tests[folder] = test
    return CaseBook(tests, tuple(findings), frozenset(broken))


def _file(root: Path, folder: str, book: RuleBook) -> tuple[RuleTest | None, list[Finding]]:
    """One file, whatever of it can be used; of a rule that cannot be read, only the form is looked at."""
    document, faults = files.document(root, f"{FOLDER}/{folder}/{FILE}", "tests")
    if document is None or folder not in book.rules:
        return None, list(faults)
    test, more = _Reader(book, book.rules[folder], document.root).read()
    return test, list(dict.fromkeys((*faults, *more)))


class _Reader:
    """Reads one file; `faults` grows on the way."""

    def __init__(self, book: RuleBook, rule: Rule, node: Node) -> None:
        self.book, self.rule, self.node = book, rule, node
        self.faults: list[Finding] = []
        self.now = events.instant(node.get("now"), self.faults)
        self.base: dict[Platform, Mapping[str, Mapping[str, Json]]] = {}

    def read(self) -> tuple[RuleTest, list[Finding]]:
        for platform in Platform:
            inner = self.node.get("base").get(platform)
            self.base[platform], faults = events.base(inner, platform, self.rule.on(platform))
            self.faults += faults
        cases = [self._case(node) for node in self.node.get("cases").items()]
        self.faults += _repeated(cases)
        return RuleTest(self.rule.id, tuple(cases), self.node.location), self.faults

    def _case(self, node: Node) -> Case:
        now = events.instant(node.get("now"), self.faults) or self.now or _SOME_TIME
        halves = {
            platform: half
            for platform in Platform
            if platform in node.mapping() and (half := self._half(node.get(platform), platform, now))
        }
        if not any(platform in node.mapping() for platform in Platform):
            message = f"{label(node.path)} has neither `kibana` nor `sentinel`, so there is nothing to run"
            self.faults.append(node.error("no-platform", message))
        overlay = node.get("overlay")
        self.faults += self._overlay_faults(overlay, halves)
        return Case(
            name=(node.get("name").text() or "").strip(),
            now=now,
            halves=halves,
            location=node.location,
            about=(node.get("about").text() or "").strip(),
            allowlists=self._entries(node.get("allowlists")),
            overlay=overlay.mapping(),
            overlay_location=overlay.location if overlay.mapping() else None,
        )

    def _half(self, node: Node, platform: Platform, now: datetime) -> CaseHalf | None:
        half = self.rule.on(platform)
        if half is None:
            message = f"{label(node.path)} has nothing to run: the rule has no {platform} half"
            self.faults.append(node.key_error("nothing-to-bind", message))
            return None
        found = []
        for item in node.get("events").items():
            series, faults = events.series(item, now, events.Place(platform, half, self.base[platform]))
            self.faults += faults
            if series:
                found.append(series)
        matches = node.get("matches")
        rows = tuple(events.flat(row.value, platform) for row in matches.items())
        count = matches.number()
        return CaseHalf(tuple(found), Matches(len(rows) if count is None else count, rows), matches.location)

    def _entries(self, node: Node) -> Mapping[str, tuple[Entry, ...]]:
        if not self.book.categories_known:
            return {}
        entries, faults = allowlists.entries(node, self.book.categories)
        self.faults += faults
        for name, inner in node.entries():
            if name in self.book.categories and name not in self.rule.allowlists:
                honoured = listed(map(shown_key, self.rule.allowlists))
                message = f"the rule does not honour {shown_key(name)}; its categories: {honoured}"
                self.faults.append(inner.key_error("unknown-category", message))
        return entries

    def _overlay_faults(self, node: Node, halves: Mapping[Platform, CaseHalf]) -> Iterator[Finding]:
        """Errors for what the overlay says and nothing in the case could feel."""
        for platform in Platform:
            if platform not in node.mapping():
                continue
            block = node.get(platform)
            if self.rule.on(platform) is None:
                message = f"{label(block.path)} has nothing to change: the rule has no {platform} half"
                yield block.key_error("nothing-to-bind", message)
            elif platform not in halves:
                message = f"{label(block.path)} has nothing to change: the case runs nothing on {platform}"
                yield block.key_error("nothing-to-bind", message)
            else:
                yield from crosschecks.no_place(block, platform, self.book.documents[self.rule.id])


def _repeated(cases: list[Case]) -> Iterator[Finding]:
    first: dict[str, Location] = {}
    for case in cases:
        before = first.setdefault(case.name, case.location)
        if case.name and before != case.location:
            message = f"a case named {shown(case.name)} is there already, in line {before.line}"
            yield Finding("repeated-case", message, location=case.location)
