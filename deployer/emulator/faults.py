"""Injected failures: which requests fail, how often, and in which way.

`{"path": regex, "method": "PUT", "query": regex, "kind": "status", "status": 503, "body": …, "headers": …,
"times": 2, "after": 1, "seconds": 0.5, "applied": false}`. Only `path` is required; `method` may name several:
"POST|PUT|DELETE".
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

KINDS = {
    "status": "answers `status` (500 unless told) with `body`",
    "close": "closes the connection with no answer",
    "timeout": "waits `seconds` (60 unless told) and closes the connection with no answer",
    "late": "carries the request out and answers after `seconds` (1 unless told)",
    "garbage": "answers `status` (200 unless told) with HTML where JSON is expected",
    "stale": "reads show what a later write replaced, `times` such reads long",
}
_FIELDS = {"path", "method", "query", "kind", "status", "body", "headers", "times", "after", "seconds", "applied"}


class BadFault(ValueError):
    """A fault that could never do what its author means."""


@dataclass(slots=True)
class Fault:
    """One injected failure. `times` None is forever; `after` requests pass first; `applied` carries it out first."""

    path: str
    kind: str = "status"
    method: str | None = None
    query: str | None = None
    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = None
    after: int = 0
    seconds: float | None = None
    applied: bool = False
    since: int = 0

    def matches(self, method: str, path: str, query: str) -> bool:
        """Whether this request is meant."""
        if self.times == 0 or (self.method and method not in self.method.upper().split("|")):
            return False
        if self.kind == "stale" and method not in ("GET", "HEAD"):
            return False
        return bool(re.search(self.path, path)) and (self.query is None or bool(re.search(self.query, query)))

    def spend(self) -> None:
        """Count one failure."""
        if self.times is not None:
            self.times -= 1


class Faults:
    """The faults in force, in the order they were injected; the first that matches is taken."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._quiet = threading.Event()
        self._waiting = 0
        self._stalled = threading.Condition(self._lock)

    def add(self, spec: Mapping[str, Any], writes: int) -> None:
        """Put a fault in force; `writes` is the store's count now, the line between past and present."""
        if unknown := sorted(set(spec) - _FIELDS):
            raise BadFault(f"unknown fault field {', '.join(unknown)}; known: {', '.join(sorted(_FIELDS))}")
        if "path" not in spec:
            raise BadFault("a fault needs `path`, a regular expression")
        fault = Fault(**spec, since=writes)
        if fault.kind not in KINDS:
            raise BadFault(f"unknown fault kind {fault.kind!r}; known: {', '.join(KINDS)}")
        try:
            re.compile(fault.path)
            re.compile(fault.query or "")
        except re.error as error:
            raise BadFault(f"not a regular expression: {error}") from None
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """No fault is in force any more; waiting ones stop waiting."""
        with self._lock:
            self._faults.clear()
            self._quiet.set()
            self._quiet = threading.Event()

    def take(self, method: str, path: str, query: str) -> Fault | None:
        """The fault this request runs into, counted; a stale read is counted only once it showed the past."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(method, path, query):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.kind != "stale":
                    fault.spend()
                return fault
        return None

    def wait(self, seconds: float) -> None:
        """Sleep, but wake when the faults are cleared."""
        with self._stalled:
            quiet = self._quiet
            self._waiting += 1
            self._stalled.notify_all()
        quiet.wait(seconds)
        with self._stalled:
            self._waiting -= 1

    def stalled(self, seconds: float) -> bool:
        """Whether a request waits in a fault, at the latest after so many seconds."""
        with self._stalled:
            return self._stalled.wait_for(lambda: self._waiting > 0, seconds)
