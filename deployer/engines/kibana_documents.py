"""Documents taken apart into fields: the values of each, by dotted name.

A field that the mapping does not name is mapped by the first value seen, as Elastic's data streams do (component
template `ecs@mappings`): a text is a keyword (an ip where the last part of the name is `ip` or ends in `_ip`), a number
a long or a double, a truth value a boolean.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import TypeAlias

from deployer.engines.kibana_types import NESTED
from deployer.engines.kibana_types import family
from deployer.engines.kibana_types import keeper
from deployer.engines.rows import Row

Column: TypeAlias = list[list[Any] | None]
_Writers: TypeAlias = list[tuple[Callable[[Any], Any], Column]]
# Names of multi-fields: `process.name.text` beside `process.name`.
_MULTI = ("text", "caseless", "keyword")


class Misfit(ValueError):
    """A value does not fit the type of its field."""


class Batch:
    """Documents on their way into columns; new fields are added to `fields` on sight.

    `nested` holds, by name of a nested field, its objects and the row that each is of.
    """

    def __init__(self, fields: dict[str, str], count: int) -> None:
        self.columns: dict[str, Column] = {}
        self.nested: dict[str, list[tuple[int, Row]]] = {}
        self._fields = fields
        self._count = count
        self._writers: dict[str, _Writers] = {}

    def write(self, row: int, document: Row, prefix: str = "") -> None:
        """Takes one document apart."""
        for key, value in document.items():
            kind = type(value)
            if kind is str or kind is int:
                # By far the most; asking whether a value is a mapping takes longer than all else that is done here.
                self._write_value(row, value, prefix + key)
            elif kind is dict or isinstance(value, Mapping):
                self._write_object(row, value, prefix + key)
            elif kind is list:
                self._write_list(row, value, prefix + key)
            elif value is not None:
                self._write_value(row, value, prefix + key)

    def _write_object(self, row: int, value: Row, name: str) -> None:
        if self._fields.get(name) == NESTED:
            self.nested.setdefault(name, []).append((row, value))
        else:
            self.write(row, value, f"{name}.")

    def _write_list(self, row: int, values: list[Any], name: str) -> None:
        for value in values:
            if type(value) is str:
                self._write_value(row, value, name)
            elif isinstance(value, Mapping):
                self._write_object(row, value, name)
            elif isinstance(value, list):
                self._write_list(row, value, name)
            elif value is not None:
                self._write_value(row, value, name)

    def _write_value(self, row: int, value: Any, name: str) -> None:
        writers = self._writers.get(name)
        if writers is None:
            writers = self._writers[name] = self._open(name, value)
        for keep, kept_values in writers:
            try:
                kept = keep(value)
            except ValueError as fault:
                raise Misfit(f"{name} is of type {self._fields[name]}, which needs {fault}: {value!r}") from None
            before = kept_values[row]
            if before is None:
                kept_values[row] = [kept]
            else:
                before.append(kept)

    def _open(self, name: str, value: Any) -> _Writers:
        """Where the values of a field go: to its column, and to those of its multi-fields."""
        if name not in self._fields:
            if self._is_opaque(name):
                return []
            self._fields[name] = _dynamic(name, value)
        targets = (name, *(f"{name}.{part}" for part in _MULTI if f"{name}.{part}" in self._fields))
        kinds = [(target, family(target, self._fields[target])) for target in targets]
        return [
            (keeper(kind), self.columns.setdefault(target, [None] * self._count))
            for target, kind in kinds
            if kind is not None
        ]

    def _is_opaque(self, name: str) -> bool:
        """Whether it is a part of a field that is kept by nobody (flattened, nested, geo_point, …)."""
        names = name.split(".")
        parents = (".".join(names[:count]) for count in range(1, len(names)))
        return any(parent in self._fields and family(parent, self._fields[parent]) is None for parent in parents)


def flat(document: Row, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The fields of a document by dotted name; objects in lists give one list for each of their fields."""
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        elif isinstance(value, list) and any(isinstance(each, Mapping | list) for each in value):
            yield from _flat_list(value, f"{prefix}{key}")
        elif value is not None:
            yield prefix + key, value


def _flat_list(values: list[Any], name: str) -> Iterator[tuple[str, Any]]:
    for value in values:
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}.")
        elif isinstance(value, list):
            yield from _flat_list(value, name)
        elif value is not None:
            yield name, value


def dotted(document: Row) -> dict[str, Any]:
    """The document's own values by dotted name, those of one name together."""
    found: dict[str, Any] = {}
    for name, value in flat(document):
        if name in found:
            before = found[name] if isinstance(found[name], list) else [found[name]]
            found[name] = [*before, *(value if isinstance(value, list) else [value])]
        else:
            found[name] = value
    return found


def _dynamic(name: str, value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "long"
        case float():
            return "double"
        case _:
            pass
    last = name.rsplit(".", 1)[-1]
    return "ip" if last == "ip" or last.endswith("_ip") else "keyword"
