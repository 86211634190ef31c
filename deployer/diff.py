"""Two canonical documents in, the fields that differ out."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import lru_cache

from deployer import queries
from deployer.model import Json
from deployer.state import as_json

QUERY = "query"
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


def parted(change: FieldChange) -> tuple[FieldChange, ...]:
    """The change of a query as that of its `let` statements, if nothing else in it differs; else the change itself.

    A `let` has the path `query.let NAME`, and its values are text of the query.
    """
    if change.path != QUERY or not (isinstance(change.before, str) and isinstance(change.after, str)):
        return (change,)
    return tuple(
        FieldChange(f"{QUERY}.let {name}", old, new, (QUERY, f"let {name}"))
        for name, old, new in _moved_lets(change.before, change.after)
    ) or (change,)


@lru_cache(maxsize=16_384)  # asked twice of each query that a plan changes; it holds texts that the plan holds, too
def _moved_lets(before: str, after: str) -> tuple[tuple[str, str, str], ...]:
    """Name, old and new value of the `let` statements that differ; nothing if anything else does."""
    old, new = ({let.name: let.value for let in queries.lets(text)} for text in (before, after))
    moved = {name: value for name, value in new.items() if name in old and old[name] != value}
    if not moved or queries.replace_lets(before, moved) != after:
        return ()
    return tuple((name, old[name], value) for name, value in moved.items())


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
