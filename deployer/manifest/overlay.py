"""From rules and overlays to what one target is to hold."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from deployer.covering import joined
from deployer.covering import without_covered
from deployer.findings import Location
from deployer.manifest.document import Document
from deployer.manifest.document import Node
from deployer.manifest.document import Path
from deployer.manifest.document import merged
from deployer.manifest.load import Manifest
from deployer.manifest.remarks import mapping
from deployer.model import Assignment
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Json
from deployer.model import NotApplicable
from deployer.model import Platform
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.model import Target
from deployer.model import Tenant

_NO_FIELDS = frozenset({"parameters", "query"})
"""What stands in a block and is no field of the rule's."""


def assign(manifest: Manifest, tenant: Tenant, target: Target) -> Assignment:
    """What `target` is to hold: the environment's rules that are for it and have a half for its platform, tuned for it.

    Overlays apply from the environment over the tenant to the target. Within one of them globs come first, in the
    order written, and the rule's own id last. The tenant's index patterns replace those of the rule and of the
    environment, and are themselves replaced where the tenant or the target says so for one rule.

    In a platform's block null takes a field out, and `query` replaces the text of the query file.
    """
    rules: list[Rule] = []
    excused: list[NotApplicable] = []
    for name, rule in sorted(manifest.rules.items()):
        half = rule.on(target.platform)
        if half is None or not any(fnmatchcase(name, glob) for glob in manifest.environment.rules):
            continue
        if not rule.is_for(target):
            continue
        if missing := _missing(half, tenant, target.platform):
            excused.append(NotApplicable(name, missing, rule.formerly))
        else:
            rules.append(_tuned(rule, manifest, tenant, target))
    honoured = [name for name in manifest.categories if any(name in rule.allowlists for rule in rules)]
    return Assignment(
        owner=manifest.environment.owner,
        environment=manifest.environment.name,
        target=target,
        rules=tuple(rules),
        categories={name: manifest.categories[name] for name in honoured},
        entries={name: _needed(manifest.categories[name], tenant.allowlists.get(name, ())) for name in honoured},
        not_applicable=tuple(excused),
        accepted=tuple(one for one in tenant.accepted if one.target in (None, target.name)),
        grace_days=manifest.environment.grace_days,
        exemptions=tuple(one for one in tenant.exemptions if any(one.is_for(rule.id) for rule in rules)),
    )


def _needed(category: Category, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries without those that others cover, in an order of their own."""
    return joined(without_covered(entries, category))


def _missing(half: PlatformRule, tenant: Tenant, platform: Platform) -> str | None:
    """Why the rule has nothing to run on at the tenant."""
    there = tenant.datasets if platform is Platform.KIBANA else tenant.tables
    missing = [name for name in half.data if name not in there]
    if not missing:
        return None
    noun = "dataset" if platform is Platform.KIBANA else "table"
    names = " and ".join(missing)
    return f"needs {noun}{'s' if len(missing) > 1 else ''} {names}, which the tenant does not have"


def _tuned(rule: Rule, manifest: Manifest, tenant: Tenant, target: Target) -> Rule:
    environment = manifest.environment
    rule = _overlaid(rule, _written(manifest, environment.location, ("overlay",), environment.overlay), target.platform)
    rule = _with_patterns(rule, manifest, tenant, target.platform)
    rule = _overlaid(rule, _written(manifest, tenant.location, ("overlay",), tenant.overlay), target.platform)
    path = ("targets", target.name, "overlay")
    return _overlaid(rule, _written(manifest, tenant.location, path, target.overlay), target.platform)


def _written(manifest: Manifest, where: Location, path: Path, value: Json) -> Node:
    """A value with the file that it was written in."""
    return Node(manifest.documents.get(where.path) or Document(where.path, None), path, value)


def _with_patterns(rule: Rule, manifest: Manifest, tenant: Tenant, platform: Platform) -> Rule:
    """The rule with the tenant's own index patterns, if it has any for the rule's datasets."""
    half = rule.kibana
    if platform is not Platform.KIBANA or half is None:
        return rule
    own = half.fields.get("index")
    patterns = [pattern for name in half.data for pattern in tenant.datasets.get(name, ())]
    if not patterns:
        return rule
    if any(not tenant.datasets.get(name) for name in half.data) and isinstance(own, list):
        # Which of the rule's patterns serve the dataset without own ones cannot be told, so all of them stay.
        patterns = [*patterns, *(pattern for pattern in own if isinstance(pattern, str))]
    source = next(name for name in half.data if tenant.datasets.get(name))
    place = _written(manifest, tenant.location, ("data_sources", "kibana", source), None)
    fields = {**half.fields, "index": list(dict.fromkeys(patterns))}
    origins = {**rule.origins, "kibana.index": place.location}
    return replace(rule, kibana=replace(half, fields=fields), origins=origins)


def _overlaid(rule: Rule, overlay: Node, platform: Platform) -> Rule:
    matching = [(glob, node) for glob, node in overlay.entries() if fnmatchcase(rule.id, glob)]
    for _, node in sorted(matching, key=lambda each: each[0] == rule.id):
        rule = _changed(rule, node, platform)
    return rule


def _changed(rule: Rule, node: Node, platform: Platform) -> Rule:
    """The rule with one overlay over it. The other platform's part has no business at this target."""
    origins = dict(rule.origins)
    for key in ("enabled", "severity"):
        if key in node.mapping():
            origins[key] = node.get(key).location
    half = rule.on(platform)
    if half is not None and platform in node.mapping():
        half = _changed_half(half, node.get(platform))
        _note(node.get(platform), platform, origins)
    return replace(
        rule,
        enabled=node.get("enabled").flag(rule.enabled),
        severity=node.get("severity").text() or rule.severity,
        kibana=half if platform is Platform.KIBANA else rule.kibana,
        sentinel=half if platform is Platform.SENTINEL else rule.sentinel,
        origins=origins,
    )


def _changed_half(half: PlatformRule, node: Node) -> PlatformRule:
    change, query = node.mapping(), node.get("query")
    fields = merged(half.fields, {key: value for key, value in change.items() if key not in _NO_FIELDS})
    return replace(
        half,
        query=query.text() or half.query,
        query_location=half.query_location if query.text() is None else query.location,
        fields={key: _without_nulls(value) for key, value in mapping(fields).items() if value is not None},
        parameters={**half.parameters, **node.get("parameters").mapping()},
        dropped=frozenset({*half.dropped, *(key for key, value in change.items() if value is None)})
        - {key for key, value in change.items() if value is not None},
    )


def _without_nulls(value: Json) -> Json:
    """The same without what an overlay took out, as deep as mappings merge."""
    if not isinstance(value, Mapping):
        return value
    return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}


def _note(node: Node, path: str, origins: dict[str, Location]) -> None:
    """Write down where each value of an overlay stands."""
    for key, inner in node.entries():
        _note(inner, f"{path}.{key}", origins)
    if not node.mapping():
        origins[path] = node.location
