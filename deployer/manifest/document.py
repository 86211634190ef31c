"""One parsed file: its value, and the place of every part of it."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.model import Json

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the root of a document to a part of it."""

Place: TypeAlias = tuple[int, int]
"""Line and column of a part, from 1. Hundreds of files have a million parts; of few of them a `Location` is made."""

# The one that nearly all are comes first: to ask whether something is a `Mapping` takes five times as long.
_MAPPINGS = (dict, Mapping)


def merged(base: Json, change: Json) -> Json:
    """`base` with `change` over it: mappings merge key by key, everything else is replaced."""
    if not isinstance(base, Mapping) or not isinstance(change, Mapping):
        return change
    return {**base, **{key: merged(base.get(key), inner) for key, inner in change.items()}}


def parts(value: Json, path: Path = ()) -> Iterator[tuple[Path, bool]]:
    """The path of every part of `value`, in the order written; of a mapping's parts first the key's, which is True."""
    yield path, False
    if isinstance(value, _MAPPINGS):
        for key, inner in value.items():
            yield (*path, key), True
            yield from parts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from parts(inner, (*path, index))


@dataclass(frozen=True)
class Document:
    """A file's value with the locations of its values and keys. Nobody changes the value."""

    path: str
    """Relative to the root, with forward slashes."""
    value: Json
    written: Sequence[Place] = ()
    """Where each of the `parts` of the value starts, in their order."""
    refused: frozenset[Path] = frozenset()
    """Parts whose value could not be taken; something was said about each already."""

    @property
    def values(self) -> Mapping[Path, Place]:
        """Where each value starts."""
        return self._places[0]

    @property
    def keys(self) -> Mapping[Path, Place]:
        """Where each key of a mapping stands."""
        return self._places[1]

    def at(self, path: Path) -> Location:
        """Where the value at `path` starts; if there is none, where the nearest part around it starts."""
        if not path:
            return Location(self.path, *self.written[0]) if self.written else Location(self.path)
        for length in range(len(path), -1, -1):
            if (found := self.values.get(path[:length])) is not None:
                return Location(self.path, *found)
        return Location(self.path)

    def key_at(self, path: Path) -> Location:
        """Where the key that leads to `path` stands; for an item of a list, the item itself."""
        found = self.keys.get(path)
        return Location(self.path, *found) if found else self.at(path)

    def parts_at(self, where: Location | None) -> tuple[Path, ...]:
        """The paths of the values that start at a place."""
        if where is None or where.path != self.path:
            return ()
        return tuple(path for path, place in self.values.items() if place == (where.line, where.column))

    @cached_property
    def _places(self) -> tuple[Mapping[Path, Place], Mapping[Path, Place]]:
        """Not made before somebody asks: of most rules' files nobody does."""
        found: tuple[dict[Path, Place], dict[Path, Place]] = ({}, {})
        for (path, of_key), place in zip(parts(self.value), self.written, strict=False):
            found[of_key][path] = place
        return found

    @property
    def root(self) -> "Node":
        """The whole document, to be read part by part."""
        return Node(self, (), self.value)


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a document, read by type. A part that is absent or of another type reads as empty: the schema has
    said so already, and the checks behind it go on with what is there."""

    document: Document
    path: Path
    value: Json

    def get(self, key: str) -> "Node":
        """The part under `key`, whose value is None where there is none."""
        inner = self.value.get(key) if isinstance(self.value, _MAPPINGS) else None
        return Node(self.document, (*self.path, key), inner)

    def entries(self) -> tuple[tuple[str, "Node"], ...]:
        """Keys and parts of a mapping, in the order written."""
        if not isinstance(self.value, _MAPPINGS):
            return ()
        return tuple((key, self.get(key)) for key in self.value)

    def items(self) -> tuple["Node", ...]:
        """Items of a list."""
        if not isinstance(self.value, list):
            return ()
        return tuple(Node(self.document, (*self.path, index), item) for index, item in enumerate(self.value))

    def mapping(self) -> Mapping[str, Json]:
        """The mapping itself."""
        return self.value if isinstance(self.value, _MAPPINGS) else {}

    def text(self) -> str | None:
        """The text, if it is one."""
        return self.value if isinstance(self.value, str) else None

    def texts(self) -> tuple[str, ...]:
        """The texts of a list."""
        return tuple(item for item in self.value if isinstance(item, str)) if isinstance(self.value, list) else ()

    def number(self) -> int | None:
        """The whole number, if it is one."""
        return self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else None

    def numbers(self) -> tuple[int, ...]:
        """The whole numbers of a list."""
        return tuple(number for item in self.items() if (number := item.number()) is not None)

    def flag(self, default: bool) -> bool:
        """True or false as written, else `default`."""
        return self.value if isinstance(self.value, bool) else default

    @property
    def location(self) -> Location:
        """Where the value starts."""
        return self.document.at(self.path)

    @property
    def key_location(self) -> Location:
        """Where its key stands."""
        return self.document.key_at(self.path)

    def error(self, code: str, message: str) -> Finding:
        """An error about this value."""
        return Finding(code, message, Severity.ERROR, self.location)

    def warning(self, code: str, message: str) -> Finding:
        """A remark about this value."""
        return Finding(code, message, Severity.WARNING, self.location)

    def key_error(self, code: str, message: str) -> Finding:
        """An error about this key, or about what is missing under it."""
        return Finding(code, message, Severity.ERROR, self.key_location)

    def key_warning(self, code: str, message: str) -> Finding:
        """A remark about this key."""
        return Finding(code, message, Severity.WARNING, self.key_location)
