"""environments/<environment>/tenants/<tenant>.yaml: one customer each."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from deployer import copies
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.hosts import Unfit
from deployer.manifest import allowlists
from deployer.manifest import entries as checks
from deployer.manifest import exemptions
from deployer.manifest import files
from deployer.manifest import includes
from deployer.manifest import targets
from deployer.manifest import values
from deployer.manifest.document import Document
from deployer.manifest.document import Node
from deployer.manifest.environments import FOLDER
from deployer.manifest.environments import tunings
from deployer.manifest.rules import RuleBook
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.model import Acceptance
from deployer.model import Entry
from deployer.model import Environment
from deployer.model import Platform
from deployer.model import Tenant

_ENDINGS = frozenset({"yaml", "yml"})


@dataclass(frozen=True, slots=True)
class TenantFile:
    """One tenant's file: what it says as far as it can be read, and everything that is wrong with it."""

    name: str
    tenant: Tenant | None
    document: Document | None
    findings: tuple[Finding, ...]

    @property
    def broken(self) -> bool:
        """Whether the tenant must be left alone."""
        return self.tenant is None or any(finding.severity is Severity.ERROR for finding in self.findings)


def places(root: Path, environments: Iterable[str]) -> frozenset[str]:
    """Every tenant of these environments by the name of its file, and its targets as tenant/target."""
    found: set[str] = set()
    for stem, document in documents(root, environments):
        targets = document.root.get("targets").mapping() if document else {}
        found |= {stem, *(f"{stem}/{target}" for target in targets)}
    return frozenset(found)


def documents(root: Path, environments: Iterable[str]) -> Iterator[tuple[str, Document | None]]:
    """Every tenant's file of these environments by its name, without a word on what is wrong with it."""
    for environment in environments:
        folder = f"{FOLDER}/{environment}/tenants"
        for name in files.listing(root, folder).files:
            stem, _, ending = name.rpartition(".")
            if ending in _ENDINGS:
                document, _ = files.document(root, f"{folder}/{name}", "tenant")
                yield stem, document


def read_all(
    root: Path,
    environment: str,
    settings: Environment | None,
    book: RuleBook,
    outside: bool,
    edited: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[tuple[TenantFile, ...], tuple[Finding, ...]]:
    """Every tenant file of an environment, and what is said about the folder itself.

    Without `settings`, credentials are not looked at. `outside` says that its trusted hosts are not those of its file.
    `edited` holds files by path as they would be.
    """
    folder = f"{FOLDER}/{environment}/tenants"
    inside = files.listing(root, folder)
    cleared: set[object] = set()

    def read(name: str) -> TenantFile | Finding | None:
        stem, _, ending = name.rpartition(".")
        if name in inside.broken and ending.lower() in _ENDINGS:
            return TenantFile(stem if ending == "yaml" else name, None, None, (inside.broken[name],))
        if ending == "yaml" and files.is_name(stem):
            path = f"{folder}/{name}"
            parsed = files.document(root, path, "tenant", edited.get(path))
            return _read(root, stem, settings, book, outside, cleared, *parsed)
        if ending.lower() in _ENDINGS:
            message = "a tenant's file is named <tenant>.yaml, with a-z, 0-9, dot, underscore and hyphen; rename it"
            return TenantFile(name, None, None, (files.error("bad-file-name", message, f"{folder}/{name}"),))
        return None if name == "README.md" else files.stray(folder, name, "a tenant's file is named <tenant>.yaml")

    every = copies.spread(read, (*inside.files, *inside.folders, *inside.broken), files.WORTH_A_COPY)
    found = tuple(one for one in every if isinstance(one, TenantFile))
    findings = (*inside.findings, *(one for one in every if isinstance(one, Finding)))
    if not found and not inside.findings:
        findings = (*findings, files.error("no-tenants", "no tenant: each is a file <tenant>.yaml", folder))
    return found, findings


def _read(
    root: Path,
    name: str,
    settings: Environment | None,
    book: RuleBook,
    outside: bool,
    cleared: set[object],
    document: Document | None,
    faults: tuple[Finding, ...],
) -> TenantFile:
    if document is None:
        return TenantFile(name, None, None, faults)
    node, findings = document.root, [*faults, *_data_faults(document.root)]
    for _, inner in node.get("targets").entries():
        findings += targets.faults(root, name, inner, settings, outside)
    entries: Mapping[str, tuple[Entry, ...]] = {}
    if book.categories_known:
        entries, faults = allowlists.entries(node.get("allowlists"), book.categories)
        included, more = includes.entries(node.get("allowlists"), book.categories, book.shared)
        entries = {key: (*own, *included.get(key, ())) for key, own in entries.items()}
        findings += (*faults, *more)
        findings += checks.faults(node.get("allowlists"), entries, book.categories, settings, cleared)
        rules = () if book.unreadable else tuple(book.rules.values())
        findings += checks.remarks(node.get("allowlists"), entries, book.categories, rules)
    excepted = exemptions.read(node.get("exceptions"), findings)
    if settings:
        findings += checks.exceptions(node.get("exceptions"), excepted, settings.policy)
    read = [targets.read(name, key, inner) for key, inner in node.get("targets").entries()]
    sources = node.get("data_sources")
    tenant = Tenant(
        name=name,
        targets=tuple(target for target in read if target),
        datasets={key: inner.texts() for key, inner in sources.get("kibana").entries()},
        tables=sources.get("sentinel").texts(),
        allowlists=entries,
        overlay=tunings(node.get("overlay")),
        location=node.location,
        accepted=_accepted(node, findings),
        exemptions=excepted,
    )
    return TenantFile(name, tenant, document, tuple(findings))


def _accepted(node: Node, findings: list[Finding]) -> tuple[Acceptance, ...]:
    """Drift that is accepted. An unknown target, a day that is none and a second word on a field are errors."""
    found: list[Acceptance] = []
    said: dict[tuple[str, str | None, str], Location] = {}
    for item in node.get("accepted").items():
        object, target = item.get("object").text() or "", item.get("target").text()
        if target is not None and target not in node.get("targets").mapping():
            message = f"{shown(target)} is no target of this file; there are {listed(node.get('targets').mapping())}"
            findings.append(item.get("target").error("no-target", message))
        for path, _ in item.get("fields").entries():
            before = said.setdefault((object, target, path), item.location)
            if before != item.location:
                message = f"{shown(path)} of {shown(object)} is accepted already, in line {before.line}"
                findings.append(item.error("repeated-acceptance", message))
        until = item.get("until").text() or ""
        try:
            values.day(until)
        except Unfit as unfit:
            findings.append(item.get("until").error("bad-value", f"{shown(until)} {unfit}"))
        fields = item.get("fields").mapping()
        reason, owner = item.get("reason").text() or "", item.get("owner").text() or ""
        found.append(Acceptance(object, fields, until, reason, owner, item.location, target))
    return tuple(found)


def _data_faults(node: Node) -> Iterator[Finding]:
    """Errors for targets of a platform whose data is not spoken of: every rule would silently be not applicable."""
    sources = node.get("data_sources")
    platforms = {inner.get("platform").text() for _, inner in node.get("targets").entries()}
    for platform in Platform:
        if platform in platforms and isinstance(sources.value, Mapping) and platform not in sources.mapping():
            message = f"`data_sources` lacks `{platform}`, and there is a {platform} target: name the data it has"
            yield sources.key_error("no-data-sources", message)
