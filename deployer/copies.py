"""Copies of this process that do a part of its work: Python runs one thread at a time, whatever the cores.

For work that changes nothing: a copy that is killed leaves nothing half done. Linux only, where a process that has one
thread can be copied safely; elsewhere everything is done in this one.
"""

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import suppress
from typing import Generic
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
MOST = 4
"""Processes, this one included."""
_CHUNK = 1 << 20


def possible() -> bool:
    """Whether this process can be copied now."""
    return sys.platform == "linux" and threading.active_count() == 1


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def worth(items: int, each: int, most: int) -> int:
    """How many processes so much work is dealt out to: `most`, if that leaves `each` items to every one of them."""
    return max(1, min(most, MOST, items // each)) if possible() else 1


def spread(make: Callable[[Item], Result], items: Sequence[Item], each: int) -> list[Result]:
    """What `make`, which changes nothing, makes of every item, in their order; by several processes, each with `each`
    items at least.

    Raises what `make` raises. What a copy leaves undone is done here.
    """
    number = worth(len(items), each, cores())
    made: list[list[Result]] = [[] for _ in range(number)]

    def part(first: int) -> list[Result]:
        return [make(item) for item in items[first::number]]

    begun = [Copy(lambda first=first: part(first), _leave) for first in range(1, number)]  # type: ignore[misc]
    try:
        made[0] = part(0)
        for first, copy in enumerate(begun, 1):
            try:
                made[first] = copy.result()
            except Gone:
                made[first] = part(first)
    except BaseException:
        for copy in begun:
            copy.kill()
        raise
    return [made[index % number][index // number] for index in range(len(items))]


def _leave() -> None:
    os._exit(1)


class Gone(Exception):
    """A copy ended without a result."""


class Copy(Generic[Result]):
    """One copy, at work on `work` from the moment that it is made; what comes of it is sent here."""

    def __init__(self, work: Callable[[], Result], stop: Callable[[], None]) -> None:
        """`stop` is called in the copy when it is asked to stop."""
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self._process = os.fork()
        if self._process == 0:
            os.close(reading)
            _work(work, stop, writing)
        os.close(writing)
        self._reading: int | None = reading
        self._told = bytearray()

    def stop(self) -> None:
        """Ask it to end soon, with a result."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it now."""
        self._send(signal.SIGKILL)

    def result(self) -> Result:
        """What came of it, once it is there. Raises `Gone`, or what `work` raised."""
        while self._reading is not None:  # what was read is kept, should somebody interrupt and ask again
            chunk = os.read(self._reading, _CHUNK)
            self._told += chunk
            if not chunk:
                os.close(self._reading)
                self._reading = None
        _, status = os.waitpid(self._process, 0)
        try:
            result, error = pickle.loads(self._told)  # noqa: S301 - from a copy of this very process
        except (EOFError, pickle.UnpicklingError):
            raise Gone(f"the process that looked at it ended with {os.waitstatus_to_exitcode(status)}") from None
        if error is not None:
            raise error
        done: Result = result
        return done

    def _send(self, what: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._process, what)


def _work(work: Callable[[], Result], stop: Callable[[], None], writing: int) -> None:
    """What the copy does; it never returns into the code that made it."""
    code = 1
    try:
        # Ctrl-C reaches every process at the terminal; the one that was copied asks the others.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: stop())
        try:
            told = pickle.dumps((work(), None))
        except Exception as error:  # noqa: BLE001 - told to whoever waits for a result
            told = pickle.dumps((None, error))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(told)
        code = 0
    finally:
        os._exit(code)
