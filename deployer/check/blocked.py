"""Whether what tenants allow stands on a blocklist."""

from collections.abc import Iterator
from collections.abc import Mapping

from deployer.blocklists import Blocklists
from deployer.covering import text
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.hosts import Unfit
from deployer.manifest import values
from deployer.manifest.load import Manifest
from deployer.model import Json
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
        for written in _texts([*exemption.kibana, *exemption.values]):
            yield from ((kind, value, exemption.location) for kind, value in _named(written))


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _named(written: str) -> Iterator[tuple[ValueKind, str]]:
    """The addresses, the ranges or the domain that a text is; nothing for any other text."""
    if networks := values.networks(written):
        yield from ((ValueKind.IP, text(network)) for network in networks)
        return
    try:
        yield ValueKind.DOMAIN, values.domain(written)
    except Unfit:
        return
