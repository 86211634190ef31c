"""What is said to people where a value does not fit its schema: who, what, and the way out.

No message holds a value that may be a secret put into the wrong place.
"""

import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass

from deployer.manifest.document import Path
from deployer.manifest.wording import guess
from deployer.manifest.wording import label
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.model import Json

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
MOST_NAMES = 15
"""More names than these are not listed in a message."""
_SECRET = re.compile(r"secret|passw|token|key$|credential|url|endpoint", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """One keyword of a schema that a value does not fit."""

    keyword: str
    schema: Mapping[str, Json]
    """The schema that holds the keyword."""
    value: Json
    path: Path
    of_key: bool
    """The value is a key of the mapping at `path`."""

    @property
    def limit(self) -> Json:
        """What the keyword asks for."""
        return self.schema.get(self.keyword)

    @property
    def expected(self) -> str:
        """The schema's own sentence about what must be there."""
        return str(self.schema.get("errorMessage") or self.schema.get("patternErrorMessage") or "see its schema")


@dataclass(frozen=True, slots=True)
class Remark:
    """What to say, and about which part of the file."""

    code: str
    message: str
    path: Path
    at_key: bool = False
    """The key is meant, not the value."""


def remarks(faults: Iterable[Fault]) -> Iterator[Remark]:
    """Everything to say about the faults of a file; what is wrong with one value is said in one way."""
    values: dict[Path, Fault] = {}
    for fault in faults:
        if fault.keyword in _PREDICATES and not fault.of_key:
            worse = values.setdefault(fault.path, fault)
            if _ORDER.index(fault.keyword) < _ORDER.index(worse.keyword):
                values[fault.path] = fault
        else:
            yield from _remarks(fault)
    for fault in values.values():
        code, predicate = _PREDICATES[fault.keyword](fault)
        yield Remark(code, f"{label(fault.path)} {predicate}", fault.path)


def mapping(value: Json) -> Mapping[str, Json]:
    """The mapping itself, an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def _remarks(fault: Fault) -> Iterator[Remark]:
    if fault.of_key:
        yield _wrong_key(fault)
    elif fault.keyword == "additionalProperties":
        yield from _unknown_keys(fault)
    elif fault.keyword == "required":
        yield from _missing_keys(fault)
    elif fault.keyword == "not":
        message = f"{label(fault.path)} cannot be written here: {fault.expected}"
        yield Remark("misplaced-key", message, fault.path, at_key=True)
    else:
        message = f"{label(fault.path)} does not fit its schema ({fault.keyword})"
        yield Remark("wrong-value", message, fault.path)


def _wrong_key(fault: Fault) -> Remark:
    key = str(fault.value)
    expected = f"{fault.limit} characters are the most" if fault.keyword == "maxLength" else fault.expected
    message = f"the key {shown_key(key)}{_in(fault.path)} does not fit; {expected}"
    return Remark("wrong-key", message, (*fault.path, key), at_key=True)


def _unknown_keys(fault: Fault) -> Iterator[Remark]:
    known = mapping(fault.schema.get("properties"))
    for key in mapping(fault.value):
        if key not in known:
            # A key that looks like none may be the secret itself, pasted where a mapping was begun.
            hidden = fault.path[:1] == ("credentials",) and not re.fullmatch(r"[A-Za-z_-]{1,30}", key)
            name = "(not shown)" if hidden else shown_key(key)
            message = f"unknown key {name}{_in(fault.path)}{_way_out(key, fault.path, known)}"
            yield Remark("unknown-key", message, (*fault.path, key), at_key=True)


def _missing_keys(fault: Fault) -> Iterator[Remark]:
    known = mapping(fault.schema.get("properties"))
    for key in _strings(fault.limit):
        if key not in mapping(fault.value):
            about = mapping(known.get(key)).get("description")
            message = f"{label(fault.path)} lacks {shown_key(key)}" + (f": {about}" if about else "")
            yield Remark("missing-key", message, fault.path, at_key=True)


def _way_out(key: str, path: Path, known: Mapping[str, Json]) -> str:
    if path[:1] == ("credentials",) and _SECRET.search(key):
        return "; a secret is never written here, only where it lies: `env`, `file` or `command`"
    allowed = [name for name, schema in known.items() if "not" not in mapping(schema)]
    # The blocks hold whatever a platform has: a list of it all would bury the message.
    others = (
        f"; known: {listed(allowed)}" if len(allowed) <= MOST_NAMES else "; `deployer schema rule` says what there is"
    )
    return guess(key, allowed) or others


def _in(path: Path) -> str:
    return f" in {label(path)}" if path else ""


def _wrong_type(fault: Fault) -> tuple[str, str]:
    *others, last = [_TYPES[name] for name in _strings(fault.limit) or (str(fault.limit),)]
    allowed = f"{', '.join(others)} or {last}" if others else last
    return "wrong-type", f"must be {allowed}, not {_type(fault.value)}"


def _not_allowed(fault: Fault) -> tuple[str, str]:
    allowed = _strings(fault.limit)
    near = guess(fault.value, allowed) if isinstance(fault.value, str) else ""
    return "wrong-value", f"must be one of {listed(allowed)}{_value(fault, ', not ')}{near}"


def _unfit(fault: Fault) -> tuple[str, str]:
    return "wrong-value", f"does not fit{_value(fault, ': ')}; {fault.expected}"


def _empty(_: Fault) -> tuple[str, str]:
    return "empty", "must not be empty"


def _too_long(fault: Fault) -> tuple[str, str]:
    length = len(fault.value) if isinstance(fault.value, str) else 0
    return "too-long", f"holds {length} characters, {fault.limit} is the most"


def _too_many(fault: Fault) -> tuple[str, str]:
    count = len(fault.value) if isinstance(fault.value, list | Mapping) else 0
    return "too-many", f"holds {count}, {fault.limit} is the most"


def _too_small(fault: Fault) -> tuple[str, str]:
    return "wrong-value", f"must be {fault.limit} or more, not {fault.value}"


def _too_large(fault: Fault) -> tuple[str, str]:
    return "wrong-value", f"must be {fault.limit} or less, not {fault.value}"


def _repeated(_: Fault) -> tuple[str, str]:
    return "repeated", "names something twice"


# The more basic fault first: a number where text belongs is not also none of the allowed words.
_PREDICATES: Mapping[str, Callable[[Fault], tuple[str, str]]] = {
    "type": _wrong_type,
    "minLength": _empty,
    "minItems": _empty,
    "minProperties": _empty,
    "enum": _not_allowed,
    "pattern": _unfit,
    "maxLength": _too_long,
    "maxItems": _too_many,
    "maxProperties": _too_many,
    "minimum": _too_small,
    "maximum": _too_large,
    "uniqueItems": _repeated,
}
_ORDER = tuple(_PREDICATES)


def _value(fault: Fault, before: str) -> str:
    """The value itself, unless it stands where people put secrets by mistake."""
    secretive = fault.path[:1] == ("credentials",) or any(
        isinstance(part, str) and _SECRET.search(part) for part in fault.path[-1:]
    )
    return before + shown(fault.value) if isinstance(fault.value, str) and not secretive else ""


def _strings(value: Json) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _type(value: Json) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int():
            return "a number"
        case float():
            return "a decimal number"
        case str():
            return "text"
        case Mapping():
            return "a mapping"
        case _:
            return "a list"
