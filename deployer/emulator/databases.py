"""In-memory databases of the engines, kept between requests while what they were loaded from is the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Hashable
from contextlib import AbstractContextManager
from typing import Any
from typing import TypeVar

KEPT = 6
T = TypeVar("T")


class Databases:
    """The databases used last, by what they hold. Not thread-safe: the caller serialises."""

    def __init__(self) -> None:
        self._open: OrderedDict[Hashable, AbstractContextManager[Any]] = OrderedDict()

    def take(self, key: Hashable, make: Callable[[], T]) -> T:
        """The database of this key, made when it is not there; the one that was used longest ago makes room."""
        if key not in self._open:
            self._open[key] = make()  # type: ignore[assignment]
            while len(self._open) > KEPT:
                _close(self._open.popitem(last=False)[1])
        self._open.move_to_end(key)
        return self._open[key]  # type: ignore[return-value]

    def close(self) -> None:
        """Close all."""
        while self._open:
            _close(self._open.popitem()[1])


def _close(database: AbstractContextManager[Any]) -> None:
    database.__exit__(None, None, None)
