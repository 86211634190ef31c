"""Whether what tenants allow stands on a blocklist."""

from collections.abc import Iterator

from deployer.blocklists import Blocklists
from deployer.blocklists.exempted import allowed_by
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest.load import Manifest
from deployer.model import Tenant
from deployer.model import ValueKind


def findings(tenant: Tenant, lists: Blocklists) -> Iterator[Finding]:
    """An error for each allowed value that is on one of the lists, a remark for each that comes near."""
    for kind, value, location in allowed(tenant):
        if found := lists.finding(kind, value, location):
            yield found


def unread(manifest: Manifest) -> Iterator[Finding]:
    """Remarks on tenants whose files cannot be read: of what they allow nothing is known."""
    known = {tenant.name for tenant in manifest.readable}
    for name in sorted(manifest.broken_tenants.keys() - known):
        path = f"environments/{manifest.environment.name}/tenants/{name}.yaml"
        message = f"what {name} allows was not held against the blocklists: its file cannot be read"
        yield Finding("not-checked", message, Severity.WARNING, Location(path))


def allowed(tenant: Tenant) -> Iterator[tuple[ValueKind, str, Location]]:
    """Every value that a tenant allows, by an entry or within an exception, with the place it is written at."""
    for entries in tenant.allowlists.values():
        for entry in entries:
            yield entry.kind, entry.value, entry.written or entry.location
    for exemption in tenant.exemptions:
        yield from allowed_by(exemption)
