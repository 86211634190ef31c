"""Taking the secrets of a run out of what it has to say: every text of a value, at any depth."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import fields
from dataclasses import is_dataclass
from dataclasses import replace
from enum import Enum
from typing import TypeVar
from typing import cast

Thing = TypeVar("Thing")


def conceal(thing: Thing, redact: Callable[[str], str]) -> Thing:
    """The same value with every text in it passed through `redact`, at any depth; words of ours stay as they are."""
    whole = "\n".join(texts(thing))
    if redact(whole) == whole:
        return thing  # nearly always; looking at every text by itself would take long for many secrets
    return cast(Thing, _concealed(thing, redact))


def texts(thing: object) -> Iterator[str]:
    """Every text in a value, at any depth; words of ours are left out."""
    match thing:
        case Enum():
            pass
        case str():
            yield thing
        case Mapping():
            for name, value in thing.items():
                yield str(name)
                yield from texts(value)
        case tuple() | list():
            for value in thing:
                yield from texts(value)
        case _ if is_dataclass(thing) and not isinstance(thing, type):
            for one in fields(thing):
                yield from texts(getattr(thing, one.name))
        case _:
            pass


def _concealed(thing: object, redact: Callable[[str], str]) -> object:
    match thing:
        case Enum():
            return thing
        case str():
            return redact(thing)
        case Mapping():
            return {redact(str(name)): _concealed(value, redact) for name, value in thing.items()}
        case tuple() | list():
            return type(thing)(_concealed(value, redact) for value in thing)
        case _ if is_dataclass(thing) and not isinstance(thing, type):
            return replace(thing, **{one.name: _concealed(getattr(thing, one.name), redact) for one in fields(thing)})
        case _:
            return thing
