"""What only shows when overlays are laid over their rules: those that change nothing, and those that would be faults
at rules which have nothing to run on yet."""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import TypeAlias

from deployer.errors import CannotEncode
from deployer.findings import Finding
from deployer.findings import Location
from deployer.manifest.document import Node
from deployer.manifest.load import Manifest
from deployer.manifest.overlay import Layer
from deployer.manifest.overlay import Level
from deployer.manifest.overlay import layers
from deployer.manifest.overlay import over
from deployer.manifest.overlay import tuned
from deployer.manifest.remarks import mapping
from deployer.manifest.wording import label
from deployer.model import Assignment
from deployer.model import Json
from deployer.model import Rule
from deployer.model import Tenant
from deployer.providers.codecs import encode
from deployer.state import as_json

Keys: TypeAlias = tuple[str, ...]
"""Keys from an overlay's own down to a value."""

_NEUTRAL = ("enabled", "severity")


@dataclass(frozen=True, slots=True)
class Place:
    """One target of an environment with what it is to hold."""

    manifest: Manifest
    tenant: Tenant
    assignment: Assignment

    def rules(self) -> Iterator[Rule]:
        """The rules of the target as their own files have them, also those that have nothing to run on there."""
        known = self.manifest.rules
        yield from (known[rule.id] for rule in self.assignment.rules)
        yield from (known[one.rule] for one in self.assignment.not_applicable)

    def layers(self, rule: Rule) -> Iterator[Layer]:
        """What is laid over a rule there."""
        return layers(rule, self.manifest, self.tenant, self.assignment.target)

    def alone(self, rule: Rule) -> Assignment:
        """The target with one rule and without allowlist entries, which no overlay changes."""
        categories = self.manifest.categories
        return replace(self.assignment, rules=(rule,), categories=categories, entries={}, not_applicable=())


def findings(places: Sequence[Place], everywhere: bool) -> Iterator[Finding]:
    """Errors of overlays for rules that are not applicable, and remarks about overlays that change nothing.

    `everywhere` says that `places` are all targets of their environments: else nothing is said of what holds for all.
    """
    for place in places:
        yield from _faults(place)
    yield from _idle(places, everywhere)
    yield from _unowned(places)


def _faults(place: Place) -> Iterator[Finding]:
    """What the codec says of a rule that is not applicable, as far as an overlay brought it about."""
    for one in place.assignment.not_applicable:
        base = place.manifest.rules[one.rule]
        rule = tuned(base, place.manifest, place.tenant, place.assignment.target)
        try:
            encode(place.alone(rule))
        except CannotEncode as error:
            written = set(rule.origins.values())
            yield from (finding for finding in error.findings if finding.location in written)


def _unowned(places: Sequence[Place]) -> Iterator[Finding]:
    """Remarks about exceptions that an overlay makes: no policy is asked of them."""
    said: dict[Location, Node] = {}
    for place in places:
        for rule in place.rules():
            names = rule.sentinel.exceptions if rule.sentinel else ()
            for layer in place.layers(rule):
                parameters = layer.node.get("sentinel").get("parameters").entries()
                said.update((node.location, node) for name, node in parameters if name in names and node.items())
    for node in said.values():
        what = "lets its values through with no reason, no owner and no end"
        yield node.warning("unowned-exception", f"{label(node.path)} {what}: write them into the tenant's `exceptions`")


def _idle(places: Sequence[Place], everywhere: bool) -> Iterator[Finding]:
    """Remarks about each value of an overlay that changes no rule at any target that it is for."""
    seen: dict[Location, Node] = {}
    effective: set[Location] = set()
    for place in places:
        platform = place.assignment.target.platform
        for base in place.rules():
            rule = base
            for layer in place.layers(base):
                if layer.level is not Level.DATA and (everywhere or layer.level is not Level.ENVIRONMENT):
                    for path, node in _values(layer.node, platform.value):
                        if node.location not in effective:
                            seen[node.location] = node
                            if _changes(place, rule, layer, path):
                                effective.add(node.location)
                rule = over(rule, layer, platform)
    for where, node in seen.items():
        if where not in effective:
            message = f"{label(node.path)} changes nothing: it is so already without it; take it out"
            yield node.warning("idle-overlay", message)


def _values(node: Node, platform: str) -> Iterator[tuple[Keys, Node]]:
    """Every single value of an overlay that has a say at a platform, with its path in the overlay.

    But for parameters: numbers of many customers stand side by side, and one that is the query's own is no mistake.
    """
    for key, inner in node.entries():
        if key in (*_NEUTRAL, platform):
            yield from ((path, leaf) for path, leaf in _leaves((key,), inner) if path[1:2] != ("parameters",))


def _leaves(path: Keys, node: Node) -> Iterator[tuple[Keys, Node]]:
    if not node.mapping():
        yield path, node
    for key, inner in node.entries():
        yield from _leaves((*path, key), inner)


def _changes(place: Place, rule: Rule, layer: Layer, path: Keys) -> bool:
    """Whether a value makes a difference to what is beneath its overlay, by itself or together with the rest of it."""
    alone, others = _only(layer.node.value, path), _without(layer.node.value, path)
    before, after = _bodies(place, rule), _bodies(place, _laid(place, rule, layer, layer.node.value))
    return before is None or after is None or before != _bodies(place, _laid(place, rule, layer, alone)) or (
        after != _bodies(place, _laid(place, rule, layer, others))
    )  # fmt: skip


def _laid(place: Place, rule: Rule, layer: Layer, value: Json) -> Rule:
    node = Node(layer.node.document, layer.node.path, value)
    return over(rule, replace(layer, node=node), place.assignment.target.platform)


def _bodies(place: Place, rule: Rule) -> str | None:
    """What the target would be told of a rule, None where it cannot be told."""
    try:
        resources = encode(place.alone(rule)).resources
    except CannotEncode:
        return None
    return as_json({str(key): one.body for key, one in resources.items()})


def _only(value: Json, path: Keys) -> Json:
    return {path[0]: _only(mapping(value)[path[0]], path[1:])} if path else value


def _without(value: Json, path: Keys) -> Json:
    kept = {key: one for key, one in mapping(value).items() if key != path[0]}
    return {**kept, path[0]: _without(mapping(value)[path[0]], path[1:])} if len(path) > 1 else kept
