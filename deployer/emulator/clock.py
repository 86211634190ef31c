"""The emulator's clock: the real one, moved or stopped for tests."""

from __future__ import annotations

import time
from datetime import UTC
from datetime import datetime
from datetime import timedelta


class Clock:
    """Says what time it is; `set` moves it, and it ticks on unless frozen."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._frozen: datetime | None = None
        self._skipped = 0.0

    def now(self) -> datetime:
        """The time, in UTC."""
        return self._frozen or datetime.now(UTC) + self._offset

    def elapsed(self) -> float:
        """Seconds that only ever grow: real ones, and what `set` skipped. A stopped clock does not stop them.

        For limits on how fast a client may be: it waits in real time, whatever the documents are dated.
        """
        return time.monotonic() + self._skipped

    def set(self, now: datetime, *, frozen: bool = False) -> None:
        """From here on it is `now`."""
        now = now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)
        self._skipped += max(0.0, (now - self.now()).total_seconds())
        self._offset = now - datetime.now(UTC)
        self._frozen = now if frozen else None

    def reset(self) -> None:
        """Back to the real time."""
        self._offset, self._frozen = timedelta(), None


def milliseconds(moment: datetime) -> str:
    """As Kibana writes times: 2026-11-21T10:00:00.000Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def ticks(moment: datetime) -> str:
    """As Azure writes times: seven digits after the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}0Z"
