"""Two canonical documents in, the fields that differ out."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

from deployer.model import Json
from deployer.state import as_json

_MAPPINGS = (dict, Mapping)
"""What is a dict is seen at once, what is another mapping takes long to see."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs; `None` stands for absent, which canonical documents never hold otherwise."""

    path: str
    before: Json
    after: Json
    keys: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """The path key by key: a key may hold a dot."""


def field_changes(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[FieldChange, ...]:
    """Every field that differs, by path. Mappings are entered; lists are compared whole, because order may matter."""
    return tuple(_changes((), before, after))


def undone(after: Mapping[str, Json], changes: Iterable[FieldChange]) -> dict[str, Json]:
    """`after` with each of these fields as it was before."""
    body = dict(after)
    for change in changes:
        body = _with(body, change.keys, change.before)
    return body


def _changes(keys: tuple[str, ...], before: Json, after: Json) -> Iterator[FieldChange]:
    if before is after or (type(before) is type(after) is str and before == after):
        return  # nearly always: what is equal is often the very same, and most of it is text
    if isinstance(before, _MAPPINGS) and isinstance(after, _MAPPINGS):
        for name in sorted(before.keys() | after.keys()):
            yield from _changes((*keys, name), before.get(name), after.get(name))
    elif as_json(before) != as_json(after):
        yield FieldChange(".".join(keys), before, after, keys)


def _with(body: Mapping[str, Json], keys: tuple[str, ...], value: Json) -> dict[str, Json]:
    name, rest = keys[0], keys[1:]
    if rest:
        inner = body.get(name)
        return {**body, name: _with(inner if isinstance(inner, Mapping) else {}, rest, value)}
    return {**{key: one for key, one in body.items() if key != name}, **({} if value is None else {name: value})}
