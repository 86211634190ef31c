"""What can be said of a repository without a network: of its files, and of what the platforms would be told."""

from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from deployer.errors import CannotEncode
from deployer.errors import CannotStart
from deployer.errors import InvalidManifest
from deployer.findings import Finding
from deployer.findings import Location
from deployer.manifest import environments
from deployer.manifest import load
from deployer.manifest.overlay import assign
from deployer.model import Assignment
from deployer.plan import matches
from deployer.providers.codecs import encode


def inspect(
    root: Path,
    environment: str | None,
    trusted_hosts: Sequence[str] | None,
    *,
    tenants: Sequence[str] = (),
    rules: Sequence[str] = (),
) -> tuple[tuple[Finding, ...], str]:
    """Every finding of one environment, or of all, sorted by place; and a sentence on what was looked at.

    `tenants` and `rules` are globs: findings in the files of other tenants and other rules are left out.
    """
    names = [environment] if environment else environments.names(root)
    found = set(load.inspect(root, environment, trusted_hosts=trusted_hosts))
    targets = 0
    known: set[str] = set()
    for name in names:
        try:
            manifest = load.load(root, name, trusted_hosts=trusted_hosts)
        except (InvalidManifest, CannotStart):
            continue  # said by load.inspect
        known |= set(manifest.rules)
        for tenant in manifest.tenants:
            if tenants and not matches(tenant.name, tenants):
                continue
            for target in tenant.targets:
                targets += 1
                found.update(_encoding(assign(manifest, tenant, target)))
    chosen = [finding for finding in found if _is_chosen(finding, tenants, rules)]
    checked = f"Looked at {len(known)} rules and {targets} targets in {', '.join(names) or 'no environment'}."
    return tuple(sorted(chosen, key=_order)), checked


def unmatched(root: Path, environment: str | None, tenants: Sequence[str], rules: Sequence[str]) -> list[str]:
    """The globs that match no tenant's file and no rule's folder: a mistyped name must not read as "no findings"."""
    names = [environment] if environment else environments.names(root)
    files = {path.stem for name in names for path in (root / "environments" / name / "tenants").glob("*")}
    folders = {path.name for path in (root / "rules").glob("*") if path.is_dir()}
    return [
        glob
        for globs, known in ((tenants, files), (rules, folders))
        for glob in globs
        if not any(matches(name, [glob]) for name in known)
    ]


def _is_chosen(finding: Finding, tenants: Sequence[str], rules: Sequence[str]) -> bool:
    """Whether a finding is left in: those that stand in no tenant's file and no rule's folder always are."""
    match (finding.location.path if finding.location else "").split("/"):
        case ["environments", _, "tenants", file] if tenants:
            return matches(Path(file).stem, tenants)
        case ["rules", folder, _] if rules:
            return matches(folder, rules)
        case _:
            return True


def _encoding(assignment: Assignment) -> Iterator[Finding]:
    try:
        encode(assignment)
    except CannotEncode as error:
        yield from error.findings


def _order(finding: Finding) -> tuple[Location, str, str]:
    return (finding.location or Location(""), finding.code, finding.message)
