"""From rules and overlays to what one target is to hold."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from enum import StrEnum
from fnmatch import fnmatchcase

from deployer.answers import kept_for_same
from deployer.covering import joined
from deployer.covering import without_covered
from deployer.findings import Location
from deployer.manifest.document import Document
from deployer.manifest.document import Node
from deployer.manifest.document import merged
from deployer.manifest.load import Manifest
from deployer.manifest.remarks import mapping
from deployer.manifest.selecting import rank
from deployer.manifest.selecting import selects
from deployer.model import Assignment
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Environment
from deployer.model import Json
from deployer.model import NotApplicable
from deployer.model import Platform
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.model import Target
from deployer.model import Tenant

_NO_FIELDS = frozenset({"parameters", "query"})
"""What stands in a block and is no field of the rule's."""


class Level(StrEnum):
    """Where something that is laid over a rule is written, in the order in which it applies."""

    ENVIRONMENT = "environment"
    DATA = "data_sources"
    """A tenant's own index patterns."""
    TENANT = "tenant"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Layer:
    """One thing that is laid over a rule: an overlay that is for it, or the tenant's own index patterns."""

    level: Level
    key: str
    """The id, glob or tag that the overlay stands under."""
    node: Node
    """What it says, with the place of every part; of index patterns, all of the tenant's datasets."""


def assign(manifest: Manifest, tenant: Tenant, target: Target) -> Assignment:
    """What `target` is to hold: the environment's rules that are for it and have a half for its platform, tuned for it.

    Overlays apply from the environment over the tenant to the target. Within one of them those by tag come first, then
    globs, in the order written, and the rule's own id last. The tenant's index patterns replace those of the rule and
    of the environment, and are themselves replaced where the tenant or the target says so for one rule.

    In a platform's block null takes a field out, and `query` replaces the text of the query file.
    """
    rules: list[Rule] = []
    excused: list[NotApplicable] = []
    own = tuple(_own(manifest, tenant, target))
    for name, rule in sorted(manifest.rules.items()):
        half = rule.on(target.platform)
        if half is None or not any(fnmatchcase(name, glob) for glob in manifest.environment.rules):
            continue
        if not rule.is_for(target):
            continue
        if missing := _missing(half, tenant, target.platform):
            excused.append(NotApplicable(name, missing, rule.formerly))
        else:
            rules.append(_tuned(rule, manifest, own, target.platform))
    honoured = [name for name in manifest.categories if any(name in rule.allowlists for rule in rules)]
    return Assignment(
        owner=manifest.environment.owner,
        environment=manifest.environment.name,
        target=target,
        rules=tuple(rules),
        categories={name: manifest.categories[name] for name in honoured},
        entries={name: needed(manifest.categories[name], tenant.allowlists.get(name, ())) for name in honoured},
        not_applicable=tuple(excused),
        accepted=tuple(one for one in tenant.accepted if one.target in (None, target.name)),
        grace_days=manifest.environment.grace_days,
        exemptions=tuple(one for one in tenant.exemptions if any(one.is_for(rule.id) for rule in rules)),
    )


@kept_for_same
def needed(category: Category, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries without those that others cover, in an order of their own. Both targets of a tenant ask for them."""
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


def tuned(rule: Rule, manifest: Manifest, tenant: Tenant, target: Target) -> Rule:
    """A rule, given as its own file has it, with everything over it that is laid over it at `target`."""
    return _tuned(rule, manifest, _own(manifest, tenant, target), target.platform)


def layers(rule: Rule, manifest: Manifest, tenant: Tenant, target: Target) -> Iterator[Layer]:
    """What is laid over a rule at `target`, in the order in which it applies."""
    environment = manifest.environment
    yield from _matching(rule, Level.ENVIRONMENT, _environments(environment, _document(manifest, environment.location)))
    for level, node in _own(manifest, tenant, target):
        yield from _matching(rule, level, node)


def _tuned(rule: Rule, manifest: Manifest, own: Iterable[tuple[Level, Node]], platform: Platform) -> Rule:
    environment = manifest.environment
    found = _everybodys(rule, environment, _document(manifest, environment.location), platform)
    for level, node in own:
        for layer in _matching(rule, level, node):
            found = over(found, layer, platform)
    return found


@kept_for_same
def _everybodys(rule: Rule, environment: Environment, document: Document, platform: Platform) -> Rule:
    """The rule as every tenant of the environment has it that tunes nothing: the very same, so that what is made of it
    is made once."""
    found = rule
    for layer in _matching(rule, Level.ENVIRONMENT, _environments(environment, document)):
        found = over(found, layer, platform)
    return found


def _environments(environment: Environment, document: Document) -> Node:
    return Node(document, ("overlay",), environment.overlay)


def _own(manifest: Manifest, tenant: Tenant, target: Target) -> Iterator[tuple[Level, Node]]:
    """What the tenant's file lays over rules at `target`, in the order in which it applies."""
    document = _document(manifest, tenant.location)
    if target.platform is Platform.KIBANA:
        datasets = {name: list(patterns) for name, patterns in tenant.datasets.items()}
        yield Level.DATA, Node(document, ("data_sources", "kibana"), datasets)
    yield Level.TENANT, Node(document, ("overlay",), tenant.overlay)
    yield Level.TARGET, Node(document, ("targets", target.name, "overlay"), target.overlay)


def over(rule: Rule, layer: Layer, platform: Platform) -> Rule:
    """The rule with one more thing laid over it."""
    return _with_patterns(rule, layer.node) if layer.level is Level.DATA else _changed(rule, layer.node, platform)


def _matching(rule: Rule, level: Level, overlay: Node) -> Iterator[Layer]:
    if level is Level.DATA:
        yield Layer(level, "", overlay)
        return
    found = [Layer(level, key, node) for key, node in overlay.entries() if selects(key, rule)]
    yield from sorted(found, key=lambda layer: rank(layer.key, rule))


def _document(manifest: Manifest, where: Location) -> Document:
    """The file that something was written in."""
    return manifest.documents.get(where.path) or Document(where.path, None)


def _with_patterns(rule: Rule, datasets: Node) -> Rule:
    """The rule with the tenant's own index patterns, if it has any for the rule's datasets."""
    half = rule.kibana
    own = datasets_with_patterns(rule, datasets)
    if half is None or not own:
        return rule
    patterns: list[Json] = [pattern for node in own for pattern in node.texts()]
    before = half.fields.get("index")
    if keeps_own_patterns(rule, datasets) and isinstance(before, list):
        patterns += [pattern for pattern in before if isinstance(pattern, str)]
    fields = {**half.fields, "index": list(dict.fromkeys(map(str, patterns)))}
    origins = {**rule.origins, "kibana.index": own[0].location}
    return replace(rule, kibana=replace(half, fields=fields), origins=origins)


def datasets_with_patterns(rule: Rule, datasets: Node) -> list[Node]:
    """The rule's datasets that the tenant gives own index patterns for, in the rule's order."""
    names = rule.kibana.data if rule.kibana else ()
    return [datasets.get(name) for name in names if datasets.get(name).texts()]


def keeps_own_patterns(rule: Rule, datasets: Node) -> bool:
    """Whether the rule's patterns stay beside the tenant's, because some dataset has none of its own: which of them
    serve it cannot be told."""
    return len(datasets_with_patterns(rule, datasets)) < len(rule.kibana.data if rule.kibana else ())


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
