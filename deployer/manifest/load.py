"""Everything that Git says for one run. Loading collects faults, and never takes a fault for an absence."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import UTC
from datetime import date
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from deployer.errors import CannotStart
from deployer.errors import InvalidManifest
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest import crosschecks
from deployer.manifest import environments
from deployer.manifest import includes
from deployer.manifest import rules
from deployer.manifest import shared_lists
from deployer.manifest import tenants
from deployer.manifest import tests
from deployer.manifest.document import Document
from deployer.manifest.rules import RuleBook
from deployer.manifest.tenants import TenantFile
from deployer.manifest.wording import guess
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.model import Category
from deployer.model import Environment
from deployer.model import Rule
from deployer.model import Tenant


@dataclass(frozen=True, slots=True)
class Manifest:
    """What people wrote for one environment, free of errors but for the tenants that are named as broken."""

    environment: Environment
    rules: Mapping[str, Rule]
    """Every rule in rules/, also those that the environment does not deploy."""
    categories: Mapping[str, Category]
    tenants: tuple[Tenant, ...]
    """Those that may be planned for."""
    findings: tuple[Finding, ...] = ()
    """Remarks, and the errors of broken tenants."""
    broken_tenants: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    """Tenants that must be left alone, with everything said about their files."""
    documents: Mapping[str, Document] = field(default_factory=dict)
    """The rules', the environment's and the tenants' files by path: where each value was written."""
    readable: tuple[Tenant, ...] = ()
    """Every tenant as far as its file can be read, broken ones too: to be looked at, never to be planned for."""
    trusted_root: Path | None = None
    """The checkout that the credentials are from, and that their files and commands lie in, if it is another one."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """One environment with everything that is wrong with it."""

    environment: Environment | None
    document: Document | None
    findings: tuple[Finding, ...]
    """Of everything but the tenants' files."""
    files: tuple[TenantFile, ...]


def load(
    root: Path,
    environment: str,
    trusted_hosts: Sequence[str] | None = None,
    trusted_root: Path | None = None,
    edited: Mapping[str, bytes] = MappingProxyType({}),
) -> Manifest:
    """The manifest of one environment.

    Raises `CannotStart` for an unknown environment, and `InvalidManifest` with all findings when rules/ or the
    environment itself has errors. A tenant whose file has errors is in `broken_tenants` instead of `tenants`.
    `trusted_hosts` replaces those of the environment. With `trusted_root`, another checkout of the same repository,
    its credentials and its trusted hosts count instead of those under `root`. `edited` holds tenants' files by path as
    they would be, to be read instead of those that are there.
    """
    known = environments.names(root)
    if environment not in known:
        raise CannotStart(_unknown(environment, known))
    book = rules.read(root)
    loaded = _load(root, environment, book, trusted_hosts, trusted_root, edited)
    shared = (*book.findings, *loaded.findings)
    if loaded.environment is None or loaded.document is None or _errors(shared):
        raise InvalidManifest(_sorted((*shared, *_of_files(loaded.files))))
    sound = [file for file in loaded.files if not file.broken]
    files = (file.document for file in loaded.files if file.document)
    documents = {document.path: document for document in (*book.documents.values(), *files)}
    return Manifest(
        environment=loaded.environment,
        rules=book.rules,
        categories=book.categories,
        tenants=tuple(file.tenant for file in sound if file.tenant),
        findings=_sorted((*shared, *_of_files(loaded.files))),
        broken_tenants={file.name: _sorted(file.findings) for file in loaded.files if file.broken},
        documents={**documents, loaded.document.path: loaded.document},
        readable=tuple(file.tenant for file in loaded.files if file.tenant),
        trusted_root=trusted_root,
    )


def inspect(
    root: Path,
    environment: str | None = None,
    trusted_hosts: Sequence[str] | None = None,
    today: date | None = None,
) -> tuple[Finding, ...]:
    """Everything to say about rules/ and one environment, or all of them. Raises nothing.

    Here alone the clock is asked (`today`, UTC, where not given): it never changes what is planned.
    """
    today = today or datetime.now(UTC).date()
    known = environments.names(root)
    if environment is not None and environment not in known:
        return (Finding("unknown-environment", _unknown(environment, known)),)
    book = rules.read(root)
    findings = [*book.findings, *tests.read(root, book).findings, *shared_lists.dated(book.shared, today)]
    documents: list[Document | None] = []
    for name in known if environment is None else (environment,):
        loaded = _load(root, name, book, trusted_hosts)
        findings += [*loaded.findings, *_of_files(loaded.files), *crosschecks.dated(loaded.files, today)]
        documents += [file.document for file in loaded.files]
    if book.shared:
        others = () if environment is None else [name for name in known if name != environment]
        documents += [document for _, document in tenants.documents(root, others)]
        findings += includes.unused(book.shared, documents)
    if any(rule.tenants for rule in book.rules.values()):
        findings += crosschecks.unknown_tenants(book, tenants.places(root, known))
    if not known:
        findings.append(Finding("no-environments", _unknown("", known), location=Location(environments.FOLDER)))
    return _sorted(findings)


def _load(
    root: Path,
    name: str,
    book: RuleBook,
    trusted_hosts: Sequence[str] | None,
    trusted_root: Path | None = None,
    edited: Mapping[str, bytes] = MappingProxyType({}),
) -> _Loaded:
    environment, document, findings = environments.read(root, name, book, trusted_hosts, trusted_root)
    files, remarks = tenants.read_all(root, name, environment, book, trusted_hosts is not None, edited)
    findings = (*findings, *remarks)
    if environment is None or document is None:
        return _Loaded(environment, document, findings, files)
    selected = environments.selected(environment, book)
    across = crosschecks.of_tenants(files, book, selected)
    files = tuple(
        replace(file, findings=(*file.findings, *_unsaid(across[file.name], file.findings))) for file in files
    )
    across_files = crosschecks.of_environment(name, document.root, book, selected, files)
    findings = (*findings, *_unsaid(across_files, findings))
    return _Loaded(environment, document, findings, files)


def _unknown(environment: str, known: Sequence[str]) -> str:
    if not known:
        return f"there is no environment under {environments.FOLDER}/; is --root the right folder?"
    return f"no environment {shown(environment)}{guess(environment, known)}; known: {listed(known)}"


def _of_files(files: Sequence[TenantFile]) -> list[Finding]:
    return [finding for file in files for finding in file.findings]


def _unsaid(findings: Sequence[Finding], said: Sequence[Finding]) -> list[Finding]:
    """Those that say something new of their place."""
    known = {(each.code, each.location) for each in said}
    return [each for each in findings if (each.code, each.location) not in known]


def _errors(findings: Sequence[Finding]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)


def _sorted(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    nowhere = Location("", 0, 0)
    return tuple(sorted(dict.fromkeys(findings), key=lambda each: (each.location or nowhere, each.code, each.message)))
