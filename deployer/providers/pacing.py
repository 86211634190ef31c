"""Slots for requests of which a service takes so many at a time, and so many within a while."""

import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Slots:
    """A context manager that is entered at most `at_once` times, and `most` times within `seconds`; more wait."""

    def __init__(
        self,
        at_once: int,
        most: int,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._most, self._seconds = most, seconds
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._begun: deque[float] = deque(maxlen=most)

    def __enter__(self) -> Self:
        self._slots.acquire()
        try:
            # Asleep with the lock: those who come later have to wait for longer, and do so in their order.
            with self._lock:
                if len(self._begun) == self._most:
                    self._sleep(max(0.0, self._begun[0] + self._seconds - self._clock()))
                self._begun.append(self._clock())
        except BaseException:
            self._slots.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._slots.release()
