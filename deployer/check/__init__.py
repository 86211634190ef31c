"""What can be said of a repository without a network: of its files, of what the platforms would be told, and of whether
its queries compile.

Every rule is looked at once as it is written, and for each target as it would be deployed there.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deployer.blocklists import read as read_blocklists
from deployer.check import blocked
from deployer.check import exempted
from deployer.check import kibana
from deployer.check import overlays
from deployer.check import sentinel
from deployer.check.subjects import Subject
from deployer.check.workbench import Workbench
from deployer.check.workbench import installed
from deployer.check.workbench import optional
from deployer.errors import CannotEncode
from deployer.errors import CannotStart
from deployer.errors import InvalidManifest
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest import environments
from deployer.manifest import load
from deployer.manifest import rules as rulebooks
from deployer.manifest import tests
from deployer.manifest.document import Document
from deployer.manifest.overlay import assign
from deployer.manifest.rules import RuleBook
from deployer.model import Assignment
from deployer.model import Platform
from deployer.model import Rule
from deployer.plan import matches
from deployer.providers.codecs import encode
from deployer.ruletests.coverage import missing
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind

WITHOUT_ANALYSER = "Microsoft's analyser: install it by `deployer analyser install`"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found, and what was looked at."""

    findings: tuple[Finding, ...]
    """Sorted by place."""
    rules: int
    targets: int
    environments: tuple[str, ...]
    without: tuple[str, ...] = ()
    """What queries were not held against, and the way to it."""
    stopped: tuple[str, ...] = ()
    """Environments whose targets were not looked at, because rules/ or the environment itself has errors."""
    blocklists: tuple[tuple[str, int], ...] = ()
    """The blocklists that what tenants allow was held against, and how many values each names."""

    @property
    def checked(self) -> str:
        """A sentence on what was looked at."""
        places = ", ".join(self.environments) or "no environment"
        without = f", without {' and without '.join(self.without)}" if self.without else ""
        if self.blocklists:
            without += "; held what is allowed against "
            without += " and ".join(f"{count} values of {path}" for path, count in self.blocklists)
        if self.stopped:
            stopped = ", ".join(self.stopped)
            without += f"; what targets of {stopped} would be told was not looked at, for the errors above"
        return f"Looked at {self.rules} rules and {self.targets} targets in {places}{without}."


def inspect(
    root: Path,
    environment: str | None,
    trusted_hosts: Sequence[str] | None,
    *,
    tenants: Sequence[str] = (),
    rules: Sequence[str] = (),
    bench: Workbench | None = None,
    blocklists: Sequence[Path] = (),
) -> Inspection:
    """Every finding of one environment, or of all.

    `tenants` and `rules` are globs: findings in the files of other tenants and other rules are left out. `bench` holds
    the engines, those that are installed where it is left out. What tenants allow is held against the files of
    `blocklists`.
    """
    bench = bench or Workbench(installed)
    names = [environment] if environment else environments.names(root)
    found = set(load.inspect(root, environment, trusted_hosts=trusted_hosts))
    if environment and environment not in environments.names(root):
        return Inspection(tuple(found), 0, 0, ())
    book = rulebooks.read(root)
    found.update(missing(book, tests.read(root, book)))
    lists, faults = read_blocklists(blocklists)
    found.update(faults)
    assignments: list[Assignment] = []
    stopped: list[str] = []
    for name in names:
        try:
            manifest = load.load(root, name, trusted_hosts=trusted_hosts)
        except (InvalidManifest, CannotStart):
            stopped.append(name)  # why, is said by load.inspect
            continue
        places = [
            overlays.Place(manifest, tenant, assign(manifest, tenant, target))
            for tenant in manifest.tenants
            if not tenants or matches(tenant.name, tenants)
            for target in tenant.targets
        ]
        found.update(overlays.findings(places, everywhere=not tenants and not manifest.broken_tenants))
        assignments += [place.assignment for place in places]
        if blocklists:
            found.update(blocked.unread(manifest))
            for tenant in manifest.readable:
                found.update(blocked.findings(tenant, lists))
    found.update(_rules(book, rules, assignments, bench))
    chosen = [finding for finding in found if _is_chosen(finding, tenants, rules)]
    compiles = any(rule.sentinel for rule in book.rules.values())
    without = (WITHOUT_ANALYSER,) if compiles and bench.runs and not bench.analyses else ()
    ordered = tuple(sorted(chosen, key=_order))
    return Inspection(ordered, len(book.rules), len(assignments), tuple(names), without, tuple(stopped), lists.sizes)


def unmatched(root: Path, environment: str | None, tenants: Sequence[str], rules: Sequence[str]) -> list[str]:
    """The globs that match no tenant's file and no rule's folder: a mistyped name must not read as "no findings"."""
    names = [environment] if environment else environments.names(root)
    files = {path.stem for name in names for path in (root / "environments" / name / "tenants").glob("*")}
    folders = {path.name for path in (root / "rules").glob("*") if path.is_dir() and path.name != rulebooks.SHARED}
    return [
        glob
        for globs, known in ((tenants, files), (rules, folders))
        for glob in globs
        if not any(matches(name, [glob]) for name in known)
    ]


def _rules(
    book: RuleBook, chosen: Sequence[str], assignments: Sequence[Assignment], bench: Workbench
) -> Iterator[Finding]:
    """What is wrong with the chosen rules, as they are written and at every target."""
    deployed = {(rule.id, one.target.platform) for one in assignments for rule in one.rules}
    for name, rule in sorted(book.rules.items()):
        if not chosen or matches(name, chosen):
            for platform in Platform:
                if subject := _subject(rule, platform, book.documents, (name, platform) in deployed):
                    yield from (
                        kibana.findings(subject) if platform is Platform.KIBANA else sentinel.written(subject, bench)
                    )
    seen: set[tuple[str, ...]] = set()
    for assignment in assignments:
        yield from _assignment(assignment, book, chosen, bench, seen)
    if not bench.runs or optional("deployer.engines.kuery") is None:
        message = "queries were not compiled and their fields not looked at: pip install '.[local]'"
        yield Finding("not-checked", message, Severity.WARNING)


def _assignment(
    assignment: Assignment, book: RuleBook, chosen: Sequence[str], bench: Workbench, seen: set[tuple[str, ...]]
) -> Iterator[Finding]:
    """What is wrong at one target."""
    target = assignment.target
    yield from exempted.findings(assignment)
    state: DesiredState | None = None
    try:
        state = encode(assignment)
    except CannotEncode as error:
        yield from error.findings
    for rule in assignment.rules:
        if chosen and not matches(rule.id, chosen):
            continue
        subject = _subject(
            rule, target.platform, book.documents, deployed=True, target=f"{target.tenant}/{target.name}"
        )
        if subject is None:
            continue
        if target.platform is Platform.KIBANA:
            yield from kibana.findings(subject)
        else:
            query = str(state.resources[Key(Kind.RULE, rule.live_id)].body["query"]) if state else None
            yield from sentinel.tuned(subject, query, bench, seen)


def _subject(
    rule: Rule, platform: Platform, documents: Mapping[str, Document], deployed: bool, target: str = ""
) -> Subject | None:
    half = rule.on(platform)
    if half is None or not half.query.strip():
        return None
    return Subject(rule, platform, half, documents[rule.id], target, deployed)


def _is_chosen(finding: Finding, tenants: Sequence[str], rules: Sequence[str]) -> bool:
    """Whether a finding is left in: those that stand in no tenant's file and no rule's folder always are."""
    match (finding.location.path if finding.location else "").split("/"):
        case ["environments", _, "tenants", file] if tenants:
            return matches(Path(file).stem, tenants)
        case ["rules", folder, _] if rules and folder != rulebooks.SHARED:
            return matches(folder, rules)
        case _:
            return True


def _order(finding: Finding) -> tuple[Location, str, str]:
    return (finding.location or Location(""), finding.code, finding.message)
