"""Answers that are kept, because hundreds of targets ask for the same: most of what they hold is equal. Pure.

A kept answer is given out to all who ask, so nobody may change it; canonical bodies are never changed in place.
"""

import marshal
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from typing import TypeAlias
from typing import TypeVar

Of: TypeAlias = Callable[[str, Any], Any]
"""What is made of a part of a document: its name, its value."""

_Answer = TypeVar("_Answer")
_MOST = 16_384
"""Answers of one kind. Some hundred bytes each as a rule, and only of what occurs."""
_MOST_OBJECTS = 16_384
_SHORT = 200
_PLAIN = frozenset({str, int, float, bool, type(None)})


def kept(make: Of) -> Of:
    """The same as `make`, which equal lists, mappings and short texts are put to only once.

    Long texts are not kept: every tenant's query is another one.
    """

    @lru_cache(maxsize=_MOST)
    def known(name: str, written: bytes) -> Any:
        return _one(make(name, marshal.loads(written)))  # noqa: S302 - written below, by this very process

    known_text = lru_cache(maxsize=_MOST)(make)

    def ask(name: str, value: Any) -> Any:
        if type(value) is str and len(value) <= _SHORT:
            return known_text(name, value)
        if type(value) in _PLAIN:
            return make(name, value)
        try:
            # It tells 1 from 1.0 and from true, and takes a quarter of the time that JSON takes. Version 2 writes equal
            # values alike, whoever else holds them.
            written = marshal.dumps(value, 2)
        except ValueError:  # a mapping of another type than JSON gives
            return make(name, value)
        return known(name, written)

    return ask


def kept_for_same(make: Callable[..., _Answer]) -> Callable[..., _Answer]:
    """The same as `make`, asked once for the very same objects: for what is too large to be compared."""

    @lru_cache(maxsize=_MOST_OBJECTS)
    def known(*held: _Held) -> _Answer:
        return make(*(one.object for one in held))

    return lambda *objects: known(*map(_Held, objects))


class _Held:
    """An object, equal to nothing but itself. Held, it cannot go and leave its identity to another one."""

    __slots__ = ("object",)

    def __init__(self, object: Any) -> None:
        self.object = object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and self.object is other.object

    def __hash__(self) -> int:
        return id(self.object)


def _one(answer: Any) -> Any:
    """One object for all equal answers, whatever they were made of: what is the very same need not be compared."""
    try:
        return _answer(marshal.dumps(answer, 2))
    except ValueError:
        return answer


@lru_cache(maxsize=_MOST)
def _answer(written: bytes) -> Any:
    return marshal.loads(written)  # noqa: S302 - written above
