"""What every emulated service has: routes, a way in, and its own shape of failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Refused


@dataclass(frozen=True, slots=True)
class Service:
    """`handle` answers a call or raises `Refused`; `failure` is the body of an injected failure."""

    handle: Callable[[Call], Answer]
    failure: Callable[[int], Any]
    user: Callable[[Call], str]
    logged: bool = True

    def answer(self, call: Call) -> Answer:
        """The answer, be it a refusal."""
        try:
            return self.handle(call)
        except Refused as refusal:
            return refusal.answer
