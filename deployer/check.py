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
from deployer.providers.codecs import encode


def inspect(
    root: Path, environment: str | None, trusted_hosts: Sequence[str] | None
) -> tuple[tuple[Finding, ...], str]:
    """Every finding of one environment, or of all, sorted by place; and a sentence on what was looked at."""
    names = [environment] if environment else environments.names(root)
    found = set(load.inspect(root, environment, trusted_hosts=trusted_hosts))
    rules = targets = 0
    for name in names:
        try:
            manifest = load.load(root, name, trusted_hosts=trusted_hosts)
        except (InvalidManifest, CannotStart):
            continue  # said by load.inspect
        rules = len(manifest.rules)
        for tenant in manifest.tenants:
            for target in tenant.targets:
                targets += 1
                found.update(_encoding(assign(manifest, tenant, target)))
    checked = f"Looked at {rules} rules and {targets} targets in {', '.join(names) or 'no environment'}."
    return tuple(sorted(found, key=_order)), checked


def _encoding(assignment: Assignment) -> Iterator[Finding]:
    try:
        encode(assignment)
    except CannotEncode as error:
        yield from error.findings


def _order(finding: Finding) -> tuple[Location, str, str]:
    return (finding.location or Location(""), finding.code, finding.message)
