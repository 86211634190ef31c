"""What a codec knows of a platform's documents by name, at any depth. Pure.

A shape is `None` for one value, a mapping of known names to their shapes (`*` stands for any name), or a list of one
shape for a list of such things. What no shape names is never compared and is sent back as it was.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import TypeAlias

from deployer.state import as_json

Shape: TypeAlias = Mapping[str, Any] | list[Any] | None

ANY_NAME = "*"
_MAPPINGS = (dict, Mapping)
"""What is a dict is seen at once, what is another mapping takes long to see."""


def leaves(shape: Shape, path: str) -> Iterator[str]:
    """The path of every single value: `threshold.cardinality[].value`."""
    if isinstance(shape, _MAPPINGS):
        for name, inner in shape.items():
            yield from leaves(inner, f"{path}.{name}")
    elif isinstance(shape, list):
        yield from leaves(shape[0], f"{path}[]")
    else:
        yield path


def known(shape: Shape, value: Any) -> Any:
    """The value without names that the shape does not have, and without nulls; a whole number is written as one."""
    if shape is None:
        return int(value) if isinstance(value, float) and value.is_integer() else value  # nearly always
    if isinstance(shape, _MAPPINGS) and isinstance(value, _MAPPINGS):
        return {name: known(_inner(shape, name), part) for name, part in _present(value) if _has(shape, name)}
    if isinstance(shape, list) and isinstance(value, list | tuple):
        return [known(shape[0], part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def unknown(shape: Shape, value: Any) -> Any:
    """What `known` leaves out: of a mapping those names, of a list the whole elements that hold some; else None."""
    if shape is None:
        return None
    if isinstance(shape, _MAPPINGS) and isinstance(value, _MAPPINGS):
        found = {
            name: unknown(_inner(shape, name), part) if _has(shape, name) else part for name, part in _present(value)
        }
        return {name: part for name, part in found.items() if part not in ({}, [], "", None)}
    if isinstance(shape, list) and isinstance(value, list | tuple):
        return [part for part in value if unknown(shape[0], part)]
    return None


def restored(shape: Shape, kept: Any, wanted: Any, alike: Callable[[Any, Any], bool] | None = None) -> Any:
    """`wanted` together with what `unknown` kept of the live value.

    An element of a list that is alike, by what is known of it, is the live one.
    """
    if isinstance(shape, _MAPPINGS) and isinstance(kept, Mapping) and isinstance(wanted, Mapping):
        parts = {name: restored(_inner(shape, name), kept.get(name), part) for name, part in wanted.items()}
        return {**{name: part for name, part in kept.items() if not _has(shape, name)}, **parts}
    if isinstance(shape, list) and isinstance(kept, list | tuple) and isinstance(wanted, list | tuple):
        same = alike or (lambda live, element: as_json(known(shape[0], live)) == as_json(element))
        return [next((live for live in kept if same(live, element)), element) for element in wanted]
    return wanted


def _has(shape: Mapping[str, Any], name: str) -> bool:
    return name in shape or ANY_NAME in shape


def _inner(shape: Mapping[str, Any], name: str) -> Shape:
    inner: Shape = shape.get(name, shape.get(ANY_NAME))
    return inner


def _present(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, part) for name, part in value.items() if part is not None]
