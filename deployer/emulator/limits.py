"""What the platforms allow: requests at a time, tokens in buckets that fill again, requests within a while.

Kept in memory only: whoever starts the emulator anew begins with full buckets.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections import deque
from collections.abc import Hashable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field


class Full(Exception):
    """There is no place for one more request."""


class Places:
    """Requests under way at the same time, counted by key."""

    def __init__(self) -> None:
        self._running: Counter[Hashable] = Counter()
        self._waiting: Counter[Hashable] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def place(self, key: Hashable, at_once: int, *, waiting: int = 0, seconds: float = 0.0) -> Iterator[None]:
        """Hold one of so many places; so many may wait for one, each for so long. Raises Full."""
        with self._changed:
            if self._running[key] >= at_once:
                self._wait(key, at_once, waiting, seconds)
            self._running[key] += 1
        try:
            yield
        finally:
            with self._changed:
                self._running[key] -= 1
                self._changed.notify_all()

    def queued(self, seconds: float) -> bool:
        """Whether a request waits for a place, at the latest after so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting.total() > 0, seconds)

    def _wait(self, key: Hashable, at_once: int, waiting: int, seconds: float) -> None:
        if self._waiting[key] >= waiting:
            raise Full
        self._waiting[key] += 1
        self._changed.notify_all()
        try:
            if not self._changed.wait_for(lambda: self._running[key] < at_once, seconds):
                raise Full
        finally:
            self._waiting[key] -= 1


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class Buckets:
    """Token buckets by key, full when they are first used."""

    _buckets: dict[Hashable, _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: Hashable, size: float, refill: float, now: float) -> int | None:
        """Take one token at `now` (seconds); how many are left, or None when there was none to take.

        `size` and `refill` (tokens a second) may change from one call to the next.
        """
        with self._lock:
            bucket = self._buckets.setdefault(key, _Bucket(size, now))
            bucket.tokens = min(size, bucket.tokens + max(0.0, now - bucket.at) * refill)
            bucket.at = now
            if bucket.tokens < 1:
                return None
            bucket.tokens -= 1
            return int(bucket.tokens)


@dataclass(slots=True)
class Windows:
    """Requests within the last while, by key."""

    _begun: dict[Hashable, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, key: Hashable, most: int, seconds: float, now: float) -> bool:
        """Whether there is room at `now` for one more in the last so many seconds; if so it is counted."""
        with self._lock:
            begun = self._begun.setdefault(key, deque())
            while begun and begun[0] <= now - seconds:
                begun.popleft()
            if len(begun) >= most:
                return False
            begun.append(now)
            return True


class Limits:
    """What all services count in."""

    def __init__(self) -> None:
        self.places = Places()
        self.buckets = Buckets()
        self.windows = Windows()
