"""Whether a value fits a schema, yes or no: many times faster than finding out what is wrong with it.

Nearly every file fits, and an estate has thousands. A schema becomes one function for each of its parts, once; what is
asked of a text, a list or a mapping alone is one look, not one for each keyword. What does not fit here is left to
jsonschema, which says why; a keyword that is not known here cannot be overlooked, it raises.
"""

import math
import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Set
from typing import Any
from typing import TypeAlias

from deployer.model import Json

Fits: TypeAlias = Callable[[Any], bool]

_SILENT = frozenset(
    "$schema $id $defs title description default examples errorMessage patternErrorMessage then else".split()
)
"""Keywords that ask for nothing; `then` and `else` are read with their `if`."""
# Tuples: `str | bool` would be made anew at every look.
_WORDS = (str, bool)
_NUMBERS = (int, float)
_TYPES: Mapping[str, Fits] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": lambda value: _is_number(value),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}
_SCALARS: Mapping[str, Callable[[Any], Fits]] = {
    "minLength": lambda limit: lambda value: not isinstance(value, str) or len(value) >= limit,
    "maxLength": lambda limit: lambda value: not isinstance(value, str) or len(value) <= limit,
    "minItems": lambda limit: lambda value: not isinstance(value, list) or len(value) >= limit,
    "maxItems": lambda limit: lambda value: not isinstance(value, list) or len(value) <= limit,
    "minProperties": lambda limit: lambda value: not isinstance(value, dict) or len(value) >= limit,
    "maxProperties": lambda limit: lambda value: not isinstance(value, dict) or len(value) <= limit,
    "minimum": lambda limit: lambda value: not _is_number(value) or value >= limit,
    "maximum": lambda limit: lambda value: not _is_number(value) or value <= limit,
    "uniqueItems": lambda asked: lambda value: not (asked and isinstance(value, list)) or _unique(value),
    "enum": lambda allowed: _enum(allowed),
    "const": lambda only: _enum([only]),
    "type": lambda names: _type(names),
    "pattern": lambda pattern: _pattern(pattern),
}
"""Keywords that look at a value alone, and the function for each where it stands by itself."""
_OF_TEXTS = frozenset("type minLength maxLength pattern".split())
_OF_LISTS = frozenset("type minItems maxItems uniqueItems items".split())
_OF_MAPPINGS = frozenset("required properties additionalProperties".split())
_SELECTABLE = frozenset(_SCALARS) | {"required", "not"}
"""Keywords that are left out where others are asked for; the rest leads to the parts that they stand in."""


def compiled(schema: Mapping[str, Json], only: Set[str] = frozenset()) -> Fits:
    """A function that says whether a value fits; a complete schema, with all definitions that it refers to.

    With `only`, values need to fit those keywords alone; what an `if` asks counts in full all the same. A list whose
    members are neither all texts nor all whole numbers is not said to be unique, so `uniqueItems` stands in no `if`.
    Raises `ValueError` for a keyword or a form of one that is not known here.
    """
    return _Compiler(schema).fits(schema, only)


class _Compiler:
    def __init__(self, root: Mapping[str, Json]) -> None:
        self._root: Mapping[str, Any] = root
        self._defined: dict[tuple[str, Set[str]], list[Fits]] = {}

    def fits(self, schema: Any, only: Set[str]) -> Fits:
        if isinstance(schema, bool):
            return _anything if schema or only else _nothing
        asked = {key: value for key, value in schema.items() if not only or key in only or key not in _SELECTABLE}
        return _all([part for part in self._parts(asked, only) if part is not _anything])

    def _parts(self, asked: Mapping[str, Any], only: Set[str]) -> Iterator[Fits]:
        together: Set[str] = frozenset()
        if asked.get("type") == "string":
            together = _OF_TEXTS
            yield _text(asked)
        elif asked.get("type") == "array":
            together = _OF_LISTS
            yield _list(asked, self.fits(asked.get("items", True), only))
        if not _OF_MAPPINGS.isdisjoint(asked):
            typed = asked.get("type") == "object"
            together = together | _OF_MAPPINGS | ({"type"} if typed else set())
            known = {name: self.fits(inner, only) for name, inner in asked.get("properties", {}).items()}
            others = self.fits(asked.get("additionalProperties", True), only)
            yield _mapping(typed, frozenset(asked.get("required", ())), known, others)
        for keyword in asked:
            if keyword not in together and keyword not in _SILENT:
                yield from self._alone(keyword, asked, only)

    def _alone(self, keyword: str, asked: Mapping[str, Any], only: Set[str]) -> Iterator[Fits]:
        """What a keyword asks that is looked at by itself."""
        if keyword in _SCALARS:
            yield _SCALARS[keyword](asked[keyword])
        elif keyword == "not":
            yield _none_of(self.fits(asked[keyword], frozenset()))
        elif keyword == "propertyNames":
            yield _keys(self.fits(asked[keyword], only))
        elif keyword == "items":
            yield _items(self.fits(asked[keyword], only))
        elif keyword == "allOf":
            yield from (self.fits(inner, only) for inner in asked[keyword])
        elif keyword == "if":
            then, other = (self.fits(asked.get(branch, True), only) for branch in ("then", "else"))
            yield _branch(self.fits(asked[keyword], frozenset()), then, other)
        elif keyword == "$ref":
            yield self._defined_as(asked[keyword], only)
        else:
            raise ValueError(f"the keyword {keyword} is not known")

    def _defined_as(self, reference: str, only: Set[str]) -> Fits:
        """The function of a definition, which may refer to itself."""
        if (reference, only) not in self._defined:
            found = self._defined[reference, only] = list[Fits]()
            name = reference.removeprefix("#/$defs/")
            found.append(self.fits(self._root["$defs"][name], only))
        found = self._defined[reference, only]
        return found[0] if found else lambda value: found[0](value)


def _anything(_: object) -> bool:
    return True


def _nothing(_: object) -> bool:
    return False


def _all(parts: list[Fits]) -> Fits:
    if len(parts) <= 1:
        return parts[0] if parts else _anything

    def fits(value: Any) -> bool:
        for part in parts:  # noqa: SIM110 - `all` takes twice the time
            if not part(value):
                return False
        return True

    return fits


def _none_of(inner: Fits) -> Fits:
    return lambda value: not inner(value)


def _text(asked: Mapping[str, Any]) -> Fits:
    least, most = asked.get("minLength", 0), asked.get("maxLength", math.inf)
    found = whole(asked["pattern"]).search if "pattern" in asked else _anything
    return lambda value: isinstance(value, str) and least <= len(value) <= most and found(value) is not None


def _list(asked: Mapping[str, Any], inner: Fits) -> Fits:
    least, most, unique = asked.get("minItems", 0), asked.get("maxItems", math.inf), asked.get("uniqueItems", False)
    return lambda value: (
        isinstance(value, list)
        and least <= len(value) <= most
        and (not unique or _unique(value))
        and all(map(inner, value))
    )


def _mapping(typed: bool, required: Set[str], known: Mapping[str, Fits], others: Fits) -> Fits:
    """`typed` says that nothing else than a mapping fits."""
    asked = [(name, inner) for name, inner in known.items() if inner is not _anything]

    def each_fits(value: Any) -> bool:
        if not isinstance(value, dict):
            return not typed
        for name, part in value.items():
            if not known.get(name, others)(part):
                return False
        return required <= value.keys()

    def some_fit(value: Any) -> bool:
        if not isinstance(value, dict):
            return not typed
        for name, inner in asked:
            if name in value and not inner(value[name]):
                return False
        return required <= value.keys()

    if others is not _anything:
        return each_fits
    return some_fit if asked or required or typed else _anything


def _keys(inner: Fits) -> Fits:
    return _anything if inner is _anything else lambda value: not isinstance(value, dict) or all(map(inner, value))


def _items(inner: Fits) -> Fits:
    return _anything if inner is _anything else lambda value: not isinstance(value, list) or all(map(inner, value))


def _branch(condition: Fits, then: Fits, other: Fits) -> Fits:
    return then if then is other else lambda value: then(value) if condition(value) else other(value)


def _is_number(value: object) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _unique(values: list[Any]) -> bool:
    kinds = set(map(type, values))
    return not kinds or (len(kinds) == 1 and kinds <= {str, int} and len(set(values)) == len(values))


def _enum(allowed: list[Any]) -> Fits:
    if not all(isinstance(one, _WORDS) for one in allowed):
        raise ValueError(f"an enum of other than texts, true and false is not known: {allowed}")
    known = {(type(one), one) for one in allowed}
    return lambda value: isinstance(value, _WORDS) and (type(value), value) in known


def _type(names: str | list[str]) -> Fits:
    if isinstance(names, str):
        return _TYPES[names]
    kinds = [_TYPES[name] for name in names]
    return lambda value: any(kind(value) for kind in kinds)


def _pattern(pattern: str) -> Fits:
    found = whole(pattern).search
    return lambda value: not isinstance(value, str) or found(value) is not None


def whole(pattern: str) -> re.Pattern[str]:
    """A schema's pattern; Python's `$` would let a line break at the end pass."""
    return re.compile(pattern.removesuffix("$") + r"\Z")
