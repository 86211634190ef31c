"""What every emulated service has: routes, a way in, limits, and its own shape of failure."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from typing import TypeAlias

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Place
from deployer.emulator.calls import Refused

Gate: TypeAlias = Callable[[Call], AbstractContextManager[Mapping[str, str]]]


def _open(call: Call) -> AbstractContextManager[Mapping[str, str]]:
    return nullcontext({})


def _nowhere(call: Call) -> Place:
    return Place()


@dataclass(frozen=True, slots=True)
class Service:
    """`handle` answers a call or raises `Refused`; `failure` is the body of an injected failure.

    `gate` is held while a request is under way, without the world's lock: it raises `Refused` for one too many and
    gives headers that every answer has. `place` says whom and what a request is about, for the log and for faults.
    """

    handle: Callable[[Call], Answer]
    failure: Callable[[int], Any]
    user: Callable[[Call], str]
    gate: Gate = _open
    place: Callable[[Call], Place] = _nowhere
    logged: bool = True

    def answer(self, call: Call) -> Answer:
        """The answer, be it a refusal."""
        try:
            return self.handle(call)
        except Refused as refusal:
            return refusal.answer
