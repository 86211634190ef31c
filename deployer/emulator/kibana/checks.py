"""Shapes of JSON and what is wrong with a value, in the words of zod, the validator that Kibana runs.

A shape yields one text per problem, prefixed with the path. Keys that a record does not name are no problem unless
it is closed; `kept` drops them, as zod does.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Any
from typing import Protocol


class Shape(Protocol):
    """Something a JSON value can be held against."""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """One text per problem."""
        ...


def kind(value: Any) -> str:
    """The name zod gives to a JSON value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "number", float: "number", list: "array", dict: "object"}
    return names[type(value)]


@dataclass(frozen=True, slots=True)
class Text:
    """A string, perhaps not empty, perhaps one of a few."""

    minimum: int = 0
    choices: Sequence[str] = ()
    pattern: str = ""
    wrong: str = "Invalid"

    def problems(self, value: Any, path: str) -> Iterator[str]:
        expected = " | ".join(f"'{choice}'" for choice in self.choices) or "string"
        if not isinstance(value, str):
            yield f"{path}: Expected {expected}, received {kind(value)}"
        elif self.choices and value not in self.choices:
            yield f"{path}: Invalid enum value. Expected {expected}, received '{value}'"
        elif len(value) < self.minimum:
            yield f"{path}: String must contain at least {self.minimum} character(s)"
        elif self.minimum and not value.strip():
            # Kibana: the OpenAPI format `nonempty`.
            yield f"{path}: No empty strings allowed"
        elif self.pattern and not re.fullmatch(self.pattern, value):
            yield f"{path}: {self.wrong}"


@dataclass(frozen=True, slots=True)
class Moment:
    """An ISO 8601 date and time."""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{path}: Expected string, received {kind(value)}"
            return
        try:
            zoned = "T" in value and datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            zoned = False
        if not zoned:
            yield f"{path}: Invalid datetime"


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer within bounds."""

    minimum: int | None = None
    maximum: int | None = None

    def problems(self, value: Any, path: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{path}: Expected number, received {kind(value)}"
        elif value != int(value):
            yield f"{path}: Expected integer, received float"
        elif self.minimum is not None and value < self.minimum:
            yield f"{path}: Number must be greater than or equal to {self.minimum}"
        elif self.maximum is not None and value > self.maximum:
            yield f"{path}: Number must be less than or equal to {self.maximum}"


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, bool):
            yield f"{path}: Expected boolean, received {kind(value)}"


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON value."""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        yield from ()


@dataclass(frozen=True, slots=True)
class Items:
    """A list, all of one shape."""

    each: Shape
    minimum: int = 0

    def problems(self, value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{path}: Expected array, received {kind(value)}"
            return
        if len(value) < self.minimum:
            yield f"{path}: Array must contain at least {self.minimum} element(s)"
        for position, item in enumerate(value):
            yield from self.each.problems(item, f"{path}.{position}")


@dataclass(frozen=True, slots=True)
class Mapped:
    """An object whose values all have one shape."""

    each: Shape

    def problems(self, value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path}: Expected object, received {kind(value)}"
            return
        for name, item in value.items():
            yield from self.each.problems(item, f"{path}.{name}")


@dataclass(frozen=True, slots=True)
class Record:
    """An object with required and optional keys; an optional key may be absent but not null."""

    required: Mapping[str, Shape] = field(default_factory=dict)
    optional: Mapping[str, Shape] = field(default_factory=dict)
    closed: bool = False

    def problems(self, value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield (
                f"{path}: Expected object, received {kind(value)}"
                if path
                else f"Expected object, received {kind(value)}"
            )
            return
        for name, shape in self.required.items():
            if name not in value:
                yield f"{_join(path, name)}: Required"
            else:
                yield from shape.problems(value[name], _join(path, name))
        for name, shape in self.optional.items():
            if name in value:
                yield from shape.problems(value[name], _join(path, name))
        for name in value:
            if self.closed and name not in self.required and name not in self.optional:
                yield f"{_join(path, name)}: definition for this key is missing"


@dataclass(frozen=True, slots=True)
class Either:
    """Any of several shapes."""

    shapes: Sequence[Shape]

    def problems(self, value: Any, path: str) -> Iterator[str]:
        if not any(not list(shape.problems(value, path)) for shape in self.shapes):
            yield f"{path}: Invalid input"


@dataclass(frozen=True, slots=True)
class ByType:
    """An object whose `type` chooses its shape."""

    shapes: Mapping[str, Shape]

    def problems(self, value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield (
                f"{path}: Expected object, received {kind(value)}"
                if path
                else f"Expected object, received {kind(value)}"
            )
            return
        shape = self.shapes.get(value["type"]) if isinstance(value.get("type"), str) else None
        if shape is None:
            expected = " | ".join(f"'{name}'" for name in self.shapes)
            yield f"{_join(path, 'type')}: Invalid discriminator value. Expected {expected}"
        else:
            yield from shape.problems(value, path)


def kept(shape: Shape, value: Any) -> Any:
    """A copy of a valid value without the keys that its shape does not name."""
    match shape:
        case Record():
            names = {**shape.required, **shape.optional}
            return {name: kept(names[name], item) for name, item in value.items() if name in names}
        case ByType():
            return {"type": value["type"], **kept(shape.shapes[value["type"]], value)}
        case Items():
            return [kept(shape.each, item) for item in value]
        case Mapped():
            return {name: kept(shape.each, item) for name, item in value.items()}
        case Either():
            return kept(next(one for one in shape.shapes if not list(one.problems(value, ""))), value)
        case _:
            return copy.deepcopy(value)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
