"""The indices of a cluster: telemetry by index, and what their mappings say. Loaded by a control call, read by all.

Every Kibana space's telemetry stands for the data of one customer, so `/elasticsearch/s/SPACE` answers as a cluster
with that space's data alone, and `/elasticsearch` as one with all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from deployer.emulator import telemetry
from deployer.emulator.calls import Document
from deployer.emulator.conditions import NotUnderstood
from deployer.emulator.kibana import executions
from deployer.emulator.search import Hit
from deployer.emulator.world import World
from deployer.errors import NotRunnable

# The last part of a name by which a multi-field is known: `process.name.caseless` is filled from `process.name`.
_MULTI = ("text", "caseless", "keyword")
_NOT_SEARCHED = frozenset({"object", "nested"})
_NOT_GROUPED = frozenset({"object", "nested", "text", "match_only_text", "flattened"})


class NoSuchIndex(Exception):
    """An index that is named without a wildcard is not there; the text is its name."""


def spaces(world: World) -> list[str]:
    """The spaces that have telemetry."""
    return world.store.scopes(telemetry.KIBANA)


def select(world: World, within: Sequence[str], patterns: str, *, lenient: bool) -> list[str]:
    """The indices that the patterns name. `lenient` is `ignore_unavailable`. Raises NoSuchIndex, NotUnderstood."""
    from deployer.engines import kibana_indices

    there = {index for space in within for index in world.store.names(telemetry.KIBANA, space)}
    wanted = [part.strip() for part in patterns.split(",")]
    for name in wanted:
        if "*" not in name and name != "_all" and not name.startswith("-") and name not in there and not lenient:
            raise NoSuchIndex(name)
    try:
        return list(kibana_indices.select(wanted, there))
    except NotRunnable as error:
        raise NotUnderstood(str(error)) from None


def hits(world: World, within: Sequence[str], indices: Iterable[str]) -> list[Hit]:
    """Every document of these indices, oldest first."""
    wanted = set(indices)
    return [
        Hit(index, f"{batch}-{place}", document)
        for space in within
        for batch, index, documents in world.store.batches(telemetry.KIBANA, space)
        if index in wanted
        for place, document in enumerate(documents)
    ]


def mapped(world: World, within: Sequence[str], indices: Sequence[str]) -> dict[str, str]:
    """The type of every field that these indices map: those of their datasets, and those that documents brought."""
    fields = {"@timestamp": "date", **telemetry.dataset_fields(indices)} if indices else {}
    for space in within:
        known: Mapping[str, str] = executions.events(world, space).fields
        for hit in hits(world, [space], indices):
            for name in _names(hit.source):
                if name in known:
                    fields.setdefault(name, known[name])
    return fields


def capability(type: str) -> Document:
    """What `_field_caps` says of a field of this type."""
    return {
        "type": type,
        "metadata_field": False,
        "searchable": type not in _NOT_SEARCHED,
        "aggregatable": type not in _NOT_GROUPED,
    }


def require_plain(body: Any, fields: Mapping[str, str]) -> None:
    """Raise NotUnderstood for a search that reads a multi-field or within a nested one: no document holds either."""
    for name in _words(body):
        head, _, last = name.rpartition(".")
        if name in fields and last in _MULTI and head in fields:
            raise NotUnderstood(f"{name}: a multi-field")
        if any(fields.get(name[: dot.start()]) == "nested" for dot in re.finditer(r"\.", name)):
            raise NotUnderstood(f"{name}: a field within a nested one")


def _words(body: Any) -> Iterator[str]:
    """Every text in it, names of keys included."""
    if isinstance(body, Mapping):
        for name, value in body.items():
            yield name
            yield from _words(value)
    elif isinstance(body, list):
        for value in body:
            yield from _words(value)
    elif isinstance(body, str):
        yield body


def _names(document: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in document.items():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Mapping):
                yield from _names(part, f"{prefix}{name}.")
            elif part is not None:
                yield prefix + name
