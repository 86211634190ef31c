"""Two canonical documents in, the fields that differ out."""

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass

from deployer.model import Json
from deployer.state import as_json


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs; `None` stands for absent, which canonical documents never hold otherwise."""

    path: str
    before: Json
    after: Json


def field_changes(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[FieldChange, ...]:
    """Every field that differs, by path. Mappings are entered; lists are compared whole, because order may matter."""
    return tuple(_changes("", before, after))


def _changes(path: str, before: Json, after: Json) -> Iterator[FieldChange]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted(before.keys() | after.keys()):
            yield from _changes(f"{path}.{name}" if path else name, before.get(name), after.get(name))
    elif as_json(before) != as_json(after):
        yield FieldChange(path, before, after)
