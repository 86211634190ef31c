"""environments/<environment>/environment.yaml: what holds for all tenants of an environment."""

from collections.abc import Iterator
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from deployer import hosts
from deployer.findings import Finding
from deployer.manifest import files
from deployer.manifest import policy
from deployer.manifest import waves
from deployer.manifest.document import Document
from deployer.manifest.document import Node
from deployer.manifest.rules import RuleBook
from deployer.manifest.wording import label
from deployer.manifest.wording import shown
from deployer.model import Credential
from deployer.model import Environment
from deployer.model import Json
from deployer.model import Limits

FOLDER = "environments"
REQUIRED = ("present", "equal", "enabled")
"""The verify levels that count where none are named."""
SOURCES = ("env", "file", "command")
VARIABLE = "DEPLOYER_TRUSTED_HOSTS"


def names(root: Path) -> tuple[str, ...]:
    """The environments there are."""
    return files.listing(root, FOLDER).folders


def read(
    root: Path, name: str, book: RuleBook, trusted_hosts: Sequence[str] | None, trusted_root: Path | None = None
) -> tuple[Environment | None, Document | None, tuple[Finding, ...]]:
    """The environment, and everything that is wrong with its file. With errors it serves only to look on.

    Credentials and trusted hosts are those of the same file under `trusted_root`, where that is given.
    """
    path = f"{FOLDER}/{name}/environment.yaml"
    document, faults = files.document(root, path, "environment")
    findings = [*faults, *_stray(root, name)]
    if document is None:
        return None, None, tuple(findings)
    node = trusted = document.root
    if trusted_root is not None:
        other, faults = files.document(trusted_root, path, "environment")
        findings += faults
        if other is None:
            return None, document, tuple(findings)
        trusted = other.root
    own = _patterns(trusted.get("trusted_hosts"), findings)
    outside = None if trusted_hosts is None else tuple(_outside(trusted_hosts, findings))
    require = _require(node.get("verify").get("require").texts())
    allowed = policy.read(node.get("allowlists").get("policy"), book.categories if book.categories_known else None)
    findings += allowed[2]
    environment = Environment(
        name=name,
        owner=node.get("owner").text() or "",
        rules=node.get("rules").texts() or ("*",),
        trusted_hosts=own if outside is None else outside,
        credentials={key: _credential(key, inner, findings) for key, inner in trusted.get("credentials").entries()},
        limits=_limits(node.get("limits")),
        require=require,
        overlay=tunings(node.get("overlay")),
        location=node.location,
        grace_days=node.get("deleting").get("grace_days").number() or 0,
        policy=allowed[0],
        policies=allowed[1],
        waves=waves.read(node.get("waves"), require),
    )
    findings += _unmatched(node, book)
    return environment, document, tuple(findings)


def _require(levels: Sequence[str]) -> tuple[str, ...]:
    """The levels that count. What is not there is asked nothing more, so that it is there counts always."""
    return tuple(dict.fromkeys(("present", *levels))) if levels else REQUIRED


def tunings(node: Node) -> dict[str, dict[str, Json]]:
    """An overlay: what is set, by rule id or glob."""
    return {glob: dict(inner.mapping()) for glob, inner in node.entries()}


def selected(environment: Environment, book: RuleBook) -> frozenset[str]:
    """Ids of the rules that the environment deploys, the unreadable ones among them."""
    known = (*book.rules, *book.unreadable)
    return frozenset(name for name in known if any(fnmatchcase(name, glob) for glob in environment.rules))


def _stray(root: Path, name: str) -> Iterator[Finding]:
    folder = f"{FOLDER}/{name}"
    inside = files.listing(root, folder)
    yield from inside.faults
    for other in (*inside.files, *inside.folders):
        if other not in {"environment.yaml", "tenants", "telemetry.yaml", "README.md"}:
            yield files.stray(folder, other, "an environment holds environment.yaml, tenants/ and telemetry.yaml")


def _limits(node: Node) -> Limits:
    usual = Limits()
    deletes, share, updates = (node.get(key).number() for key in ("deletes", "delete_share", "updates"))
    return Limits(
        usual.deletes if deletes is None else deletes,
        usual.delete_share if share is None else share,
        usual.updates if updates is None else updates,
    )


def _credential(name: str, node: Node, findings: list[Finding]) -> Credential:
    sources = [source for source in SOURCES if source in node.mapping()]
    if node.get("type").text() in {"api_key", "basic", "client_secret", "bearer"} and len(sources) != 1:
        message = f"{label(node.path)} needs exactly one of `env`, `file` and `command`: where the secret lies"
        findings.append(node.key_error("credential-source", message))
    source = sources[0] if sources else ""
    return Credential(
        name=name,
        type=node.get("type").text() or "",
        source=source,
        reference=node.get("command").texts() if source == "command" else node.get(source).text() or "",
        hosts=_patterns(node.get("hosts"), findings),
        location=node.key_location,
        tenant_id=node.get("tenant_id").text(),
        client_id=node.get("client_id").text(),
        cloud=node.get("cloud").text() or "public",
        tenants=node.get("tenants").texts() or ("*",),
    )


def _patterns(node: Node, findings: list[Finding]) -> tuple[str, ...]:
    found = []
    for item in node.items():
        if (written := item.text()) is not None:
            try:
                found.append(hosts.canonical_pattern(written))
            except hosts.Unfit as unfit:
                findings.append(item.error("bad-host", f"{label(item.path)} {unfit}"))
    return tuple(found)


def _outside(patterns: Sequence[str], findings: list[Finding]) -> Iterator[str]:
    for pattern in patterns:
        try:
            yield hosts.canonical_pattern(pattern)
        except hosts.Unfit as unfit:
            findings.append(Finding("bad-host", f"{VARIABLE}: {shown(pattern)} {unfit}"))


def _unmatched(node: Node, book: RuleBook) -> Iterator[Finding]:
    for item in node.get("rules").items():
        glob = item.text()
        if glob and not any(fnmatchcase(name, glob) for name in (*book.rules, *book.unreadable)):
            yield item.error("no-match", f"{shown(glob)} matches no rule in rules/")
