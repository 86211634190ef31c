"""The targets of a tenant, and whether their credentials may go where they point."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeAlias

from deployer import hosts
from deployer.findings import Finding
from deployer.manifest.document import Node
from deployer.manifest.environments import VARIABLE
from deployer.manifest.environments import tunings
from deployer.manifest.wording import guess
from deployer.manifest.wording import label
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown_key
from deployer.model import Credential
from deployer.model import ElasticsearchAddress
from deployer.model import Environment
from deployer.model import KibanaTarget
from deployer.model import Platform
from deployer.model import SentinelTarget
from deployer.model import Target

Place: TypeAlias = tuple[str, ...]
"""What a target writes to, comparable: two targets of one environment never share it."""

_CREDENTIAL_TYPES = {Platform.KIBANA: ("api_key", "basic"), Platform.SENTINEL: ("client_secret", "chain", "bearer")}
_ADDRESSES = ("url", "endpoint", "logs_endpoint")


def read(tenant: str, name: str, node: Node) -> Target | None:
    """The target, as far as it can be read."""
    emulator = node.get("emulator").flag(False)
    match node.get("platform").text():
        case Platform.KIBANA:
            return KibanaTarget(
                tenant=tenant,
                name=name,
                location=node.key_location,
                url=node.get("url").text(),
                space=node.get("space").text() or "default",
                credential=node.get("credential").text(),
                ca=node.get("ca").text(),
                emulator=emulator,
                overlay=tunings(node.get("overlay")),
                elasticsearch=_elasticsearch(node.get("elasticsearch")),
            )
        case Platform.SENTINEL:
            return SentinelTarget(
                tenant=tenant,
                name=name,
                location=node.key_location,
                subscription_id=node.get("subscription_id").text() or "",
                resource_group=node.get("resource_group").text() or "",
                workspace=node.get("workspace").text() or "",
                credential=node.get("credential").text(),
                endpoint=node.get("endpoint").text(),
                logs_endpoint=node.get("logs_endpoint").text(),
                api_version=node.get("api_version").text(),
                emulator=emulator,
                overlay=tunings(node.get("overlay")),
            )
        case _:
            return None


def _elasticsearch(node: Node) -> ElasticsearchAddress | None:
    url, credential = node.get("url").text(), node.get("credential").text()
    return ElasticsearchAddress(url, credential, node.get("ca").text()) if url and credential else None


def place(target: Target) -> Place | None:
    """Where the target writes, None where that cannot be told."""
    where = "emulator" if target.emulator else ""
    if isinstance(target, SentinelTarget):
        parts = (target.subscription_id, target.resource_group, target.workspace)
        return ("sentinel", where, *(part.lower() for part in parts)) if all(parts) else None
    if not where:
        try:
            server = hosts.server(target.url or "")
        except hosts.Unfit:
            return None
        where = f"{server.scheme}://{server.host}:{server.port}{server.path}".lower()
    return ("kibana", where, target.space.lower())


def faults(root: Path, tenant: str, node: Node, environment: Environment | None, outside: bool) -> Iterator[Finding]:
    """Errors of one target beyond its form. Without an environment, credentials are not looked at.

    `outside` says that the environment's trusted hosts come from the variable instead of its file.
    """
    yield from _certificate_faults(root, node.get("ca"))
    if "elasticsearch" in node.mapping():
        yield from _elasticsearch_faults(root, tenant, node.get("elasticsearch"), environment, outside)
    servers = {}
    for key in _ADDRESSES:
        address = node.get(key)
        if (written := address.text()) is not None:
            try:
                servers[key] = hosts.server(written)
            except hosts.Unfit as unfit:
                yield address.error("bad-url", f"{label(address.path)} {unfit}")
    platform = node.get("platform").text()
    if environment is None or node.get("emulator").flag(False) or platform not in _CREDENTIAL_TYPES:
        return
    credential: Credential | None = None
    if (name := node.get("credential").text()) is not None:
        credential = environment.credentials.get(name)
        if credential is None:
            yield _unknown_credential(node.get("credential"), name, environment)
        else:
            yield from _credential_faults(tenant, node.get("credential"), credential, Platform(platform))
    elif platform == Platform.SENTINEL and "credential" not in node.mapping():
        yield from _ambient_identity(node, environment)
    for key, server in servers.items():
        yield from _host_faults(node.get(key), server.host, credential, environment, outside)
    if platform == Platform.SENTINEL and "endpoint" not in node.mapping() and (credential or name is None):
        cloud = hosts.CLOUDS.get(credential.cloud if credential else "public")
        at = node.get("credential") if credential else node
        if cloud:
            yield from _host_faults(at, hosts.server(cloud).host, credential, environment, outside)


def _elasticsearch_faults(
    root: Path, tenant: str, node: Node, environment: Environment | None, outside: bool
) -> Iterator[Finding]:
    """As for the target itself: its address, its CA, and whether its credential may go there."""
    yield from _certificate_faults(root, node.get("ca"))
    written, name = node.get("url").text(), node.get("credential").text()
    host = None
    try:
        host = hosts.server(written).host if written is not None else None
    except hosts.Unfit as unfit:
        yield node.get("url").error("bad-url", f"{label(node.get('url').path)} {unfit}")
    if environment is None:
        return
    credential = environment.credentials.get(name) if name is not None else None
    if credential:
        yield from _credential_faults(tenant, node.get("credential"), credential, Platform.KIBANA)
    elif name is not None:
        yield _unknown_credential(node.get("credential"), name, environment)
    if host is not None:
        yield from _host_faults(node.get("url"), host, credential, environment, outside)


def _certificate_faults(root: Path, node: Node) -> Iterator[Finding]:
    # An absolute path is that of the machine which applies; whether it is there, this one cannot say.
    written = node.text()
    if not written or Path(written).is_absolute():
        return
    try:
        file = (root / written).resolve()
        there = file.is_relative_to(root.resolve()) and file.is_file()
    except (OSError, ValueError):
        there = False
    if not there:
        message = f"{label(node.path)} is no file of this repository; paths start at its root"
        yield node.error("no-certificate", message)


def _unknown_credential(node: Node, name: str, environment: Environment) -> Finding:
    # The name itself is not shown: people have pasted keys here.
    known = listed(map(shown_key, sorted(environment.credentials)))
    others = guess(name, environment.credentials) or f"; known: {known}"
    return node.error("unknown-credential", f"{label(node.path)} names no credential of environment.yaml{others}")


def _ambient_identity(node: Node, environment: Environment) -> Iterator[Finding]:
    """An error where credentials are declared: the identity of the machine would go round their `tenants`."""
    types = _CREDENTIAL_TYPES[Platform.SENTINEL]
    declared = sorted(name for name, each in environment.credentials.items() if each.type in types)
    if declared:
        message = (
            f"{label(node.path)} lacks `credential`, and environment.yaml declares some for Sentinel "
            f"({listed(map(shown_key, declared))}): without a name the identity of the machine would be used, "
            "whatever their `tenants` say. Name one, or declare one of type chain for this tenant"
        )
        yield node.key_error("no-credential", message)


def _credential_faults(tenant: str, node: Node, credential: Credential, platform: Platform) -> Iterator[Finding]:
    types = _CREDENTIAL_TYPES[platform]
    other = {each for known in _CREDENTIAL_TYPES.values() for each in known} - set(types)
    if credential.type in other:
        message = (
            f"the credential {shown_key(credential.name)} is of type {credential.type}; "
            f"{platform} takes {' or '.join(types)}"
        )
        yield node.error("credential-type", message)
    if not any(fnmatchcase(tenant, glob) for glob in credential.tenants):
        tenants = listed(map(shown_key, credential.tenants))
        message = f"the credential {shown_key(credential.name)} is not for {tenant}; its `tenants` are {tenants}"
        yield node.error("foreign-credential", message)


def _host_faults(
    node: Node, host: str, credential: Credential | None, environment: Environment, outside: bool
) -> Iterator[Finding]:
    if credential and credential.hosts and not hosts.covers(credential.hosts, host):
        message = (
            f"the credential {shown_key(credential.name)} may not go to {host}, only to {listed(credential.hosts)}; "
            "if it should, say so in its `hosts` in environment.yaml"
        )
        yield node.error("unbound-host", message)
    if not hosts.covers(environment.trusted_hosts, host):
        trusted = listed(environment.trusted_hosts)
        whose = f"{VARIABLE}, which wins over environment.yaml: {trusted}" if outside else trusted
        message = f"{host} is none of the trusted hosts ({whose}); no credential goes there"
        yield node.error("untrusted-host", message)
