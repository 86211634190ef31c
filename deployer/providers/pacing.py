"""How to keep within what a service takes: so many requests at a time, so many within a while, so many a second."""

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
        sleep: Callable[[float], object] = time.sleep,
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


class Bucket:
    """Tokens of which `size` are there at first and `per_second` come back. Safe to share between threads."""

    def __init__(self, size: float, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._rate, self._clock = size, per_second, clock
        self._tokens, self._since = size, clock()
        self._lock = threading.Lock()

    def take(self) -> float:
        """Take one; the seconds to wait before it may be used, since each is promised to one taker only."""
        with self._lock:
            self._refill()
            self._tokens -= 1
            return max(0.0, -self._tokens / self._rate)

    def at_most(self, tokens: float) -> None:
        """The service says that there are no more than these: somebody else takes from the bucket, too."""
        with self._lock:
            self._refill()
            self._tokens = min(self._tokens, tokens)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._size, self._tokens + (now - self._since) * self._rate)
        self._since = now
