"""Who says a value of a rule, in the keys that people write: its own file, its query's, and all that is over it."""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace

from deployer import queries
from deployer.findings import Location
from deployer.manifest.document import Document
from deployer.manifest.document import Node
from deployer.manifest.load import Manifest
from deployer.manifest.overlay import Layer
from deployer.manifest.overlay import Level
from deployer.manifest.overlay import datasets_with_patterns
from deployer.manifest.overlay import keeps_own_patterns
from deployer.manifest.overlay import layers
from deployer.model import Rule
from deployer.model import Target
from deployer.model import Tenant
from deployer.origins import Keys
from deployer.origins import Said
from deployer.origins import Voice

_VOICES = {Level.ENVIRONMENT: Voice.ENVIRONMENT, Level.TENANT: Voice.TENANT, Level.TARGET: Voice.TARGET}


class Voices:
    """Who says what of one rule at one target."""

    def __init__(self, rule: Rule, manifest: Manifest, tenant: Tenant, target: Target) -> None:
        """`rule` as its own files have it."""
        self._rule = rule
        self._file = (manifest.documents.get(rule.location.path) or Document(rule.location.path, None)).root
        self.platform = target.platform
        self._layers = tuple(layers(rule, manifest, tenant, target))

    def of(self, keys: Keys) -> list[tuple[Said, ...]]:
        """Everything that is said of a key, the last word at the end; several at once where they are put together."""
        if not keys:
            return []
        told = [one] if (one := self._written(keys)) else []
        for layer in self._layers:
            if layer.level is Level.DATA:
                told += self._patterns(layer, told[-1] if told else ()) if keys == ("kibana", "index") else ()
            elif said := self._overlaid(layer, keys):
                told.append((said,))
        return told

    def of_let(self, let: queries.Let) -> list[tuple[Said, ...]]:
        """Everything that is said of a `let` of the rule's query, as it is with overlays."""
        query = self.of(("sentinel", "query"))[-1][0]
        where = query.where
        if query.voice is Voice.QUERY and where:
            where = Location(where.path, let.line)
        told: list[tuple[Said, ...]] = [(replace(query, where=where, value=let.value),)]
        keys = ("sentinel", "parameters", let.name)
        return told + [(said,) for layer in self._layers if (said := self._overlaid(layer, keys))]

    def _written(self, keys: Keys) -> tuple[Said, ...]:
        half = self._rule.on(self.platform)
        if half and keys == (self.platform.value, "query"):
            return (Said(Voice.QUERY, _beginning(half.query, half.query_location), half.query),) if half.query else ()
        if self._file.value is None:
            return (Said(Voice.RULE, self._rule.location, ""),)  # a rule that no file was read for
        node = _part(self._file, keys)
        return (Said(Voice.RULE, node.key_location, node.value, dotted(keys)),) if node else ()

    def _overlaid(self, layer: Layer, keys: Keys) -> Said | None:
        node = _part(layer.node, keys)
        if node is None or node.mapping():  # what a mapping does not speak of stays as it is
            return None
        return Said(_VOICES[layer.level], node.key_location, node.value, layer.key)

    def _patterns(self, layer: Layer, before: Sequence[Said]) -> Iterator[tuple[Said, ...]]:
        own = datasets_with_patterns(self._rule, layer.node)
        if own:
            kept = before if keeps_own_patterns(self._rule, layer.node) else ()
            yield (*(Said(Voice.DATA, node.key_location, node.value, str(node.path[-1])) for node in own), *kept)


def _part(node: Node, keys: Keys) -> Node | None:
    """The part under some keys, or the null on the way there that takes all beneath it out."""
    for key in keys:
        if isinstance(node.value, list) and isinstance(key, int) and key < len(node.value):
            node = node.items()[key]
        elif key in node.mapping():
            node = node.get(str(key))
        elif node.value is None:
            return node
        else:
            return None
    return node


def _beginning(query: str, where: Location) -> Location:
    """The first line of a query's text that is not empty."""
    lines = query.split("\n")
    first = next((number for number, line in enumerate(lines, 1) if line.strip()), 1)
    return Location(where.path, first)


def dotted(keys: Keys) -> str:
    """Keys as reports print them."""
    return ".".join(map(str, keys))
