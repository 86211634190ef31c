"""Injected failures: which requests fail, how often, and in which way.

`{"path": regex, "method": "PUT", "query": regex, "target": regex, "kind": "status", "status": 503, "body": …,
"headers": …, "retry_after": 2, "times": 2, "after": 1, "every": 20, "share": 0.05, "of": "requests", "seed": 1,
"seconds": 0.5, "applied": false}`. Only `path` or `target` is required.

Which requests: `method` may name several, "POST|PUT|DELETE"; `target` is the name of a space or a workspace. Of those
that match, the first `after` pass, then every `every`-th fails, or a `share` of them from 0 to 1, `times` in all.
A share is drawn by `seed`, for each request from its method, path, query and how often it was made before: the same
ones fail in every run, in whatever order the threads of a client come, and a second try is drawn anew. A share `of`
"targets" is drawn once for each space or workspace: those fail always, the others never.

In which way: `status` may be a list, used in turn; `retry_after` sends the header of that name, in seconds.

A rough day for a client of many tenants, 5 % of requests refused and 2 % of tenants dead:
`{"path": ".", "share": 0.02, "of": "targets", "kind": "timeout", "seconds": 600}` and then
`{"path": ".", "share": 0.05, "status": [429, 503], "retry_after": 1}`. A slow one is `"kind": "late"` for its `target`.
A host that refuses connections is none of the emulator's: give the target a port where nobody listens.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

KINDS = {
    "status": "answers `status` (500 unless told) with `body`",
    "close": "closes the connection with no answer",
    "timeout": "waits `seconds` (60 unless told) and closes the connection with no answer",
    "late": "carries the request out and answers after `seconds` (1 unless told)",
    "cut": "carries the request out and closes the connection in the middle of the answer",
    "garbage": "answers `status` (200 unless told) with HTML where JSON is expected",
    "stale": "reads show what a later write replaced, `times` such reads long",
}
SILENT = frozenset({"close", "timeout"})
_DRAWN_OF = ("requests", "targets")


class BadFault(ValueError):
    """A fault that could never do what its author means."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a fault looks at of a request; `target` is None where it is about no space and no workspace."""

    method: str
    path: str
    query: str
    target: str | None


@dataclass(slots=True)
class Fault:
    """One injected failure. `times` None is forever; `applied` carries the request out first."""

    path: str = ""
    kind: str = "status"
    method: str | None = None
    query: str | None = None
    target: str | None = None
    status: int | list[int] | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None
    times: int | None = None
    after: int = 0
    every: int = 1
    share: float | None = None
    of: str = "requests"
    seed: int = 0
    seconds: float | None = None
    applied: bool = False
    since: int = 0
    _matched: int = field(default=0, init=False)
    _hits: int = field(default=0, init=False)
    _made: Counter[str] = field(default_factory=Counter, init=False)

    def matches(self, asked: Asked) -> bool:
        """Whether this request is meant."""
        if self.times == 0 or (self.method and asked.method not in self.method.upper().split("|")):
            return False
        if self.kind == "stale" and asked.method not in ("GET", "HEAD"):
            return False
        if self.target is not None and (asked.target is None or not re.search(self.target, asked.target)):
            return False
        return bool(re.search(self.path, asked.path)) and bool(re.search(self.query or "", asked.query))

    def strikes(self, asked: Asked) -> bool:
        """Whether this request, which matches, fails; counts it as one that came by."""
        self._matched += 1
        if self._matched <= self.after or (self._matched - self.after) % self.every:
            return False
        return self.share is None or self._drawn(asked) < self.share

    def _drawn(self, asked: Asked) -> float:
        if self.of == "targets":
            return 1.0 if asked.target is None else _drawn(f"{self.seed} {asked.target}")
        request = f"{asked.method} {asked.path}?{asked.query}"
        self._made[request] += 1
        return _drawn(f"{self.seed} {request} {self._made[request]}")

    def spend(self) -> None:
        """Count one failure."""
        if self.times is not None:
            self.times -= 1

    def next_status(self) -> int:
        """The status to answer with this time."""
        if isinstance(self.status, list):
            self._hits += 1
            return self.status[(self._hits - 1) % len(self.status)]
        return self.status or (200 if self.kind == "garbage" else 500)

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers to answer with."""
        return {**self.headers, **({} if self.retry_after is None else {"Retry-After": str(self.retry_after)})}


_FIELDS = {name for name in Fault.__dataclass_fields__ if name != "since" and not name.startswith("_")}


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
        if "path" not in spec and "target" not in spec:
            raise BadFault("a fault needs `path` or `target`, a regular expression")
        fault = Fault(**spec, since=writes)
        _check(fault)
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """No fault is in force any more; waiting ones stop waiting."""
        with self._lock:
            self._faults.clear()
            self._quiet.set()
            self._quiet = threading.Event()

    def take(self, asked: Asked) -> Fault | None:
        """The fault this request runs into, counted; a stale read is counted only once it showed the past."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(asked) or not fault.strikes(asked):
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

    def stalled(self, seconds: float, requests: int = 1) -> bool:
        """Whether so many requests wait in faults, at the latest after so many seconds."""
        with self._stalled:
            return self._stalled.wait_for(lambda: self._waiting >= requests, seconds)


def _drawn(text: str) -> float:
    """From 0 up to 1, always the same for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64


def _check(fault: Fault) -> None:
    """Raise BadFault for what cannot be meant."""
    if fault.kind not in KINDS:
        raise BadFault(f"unknown fault kind {fault.kind!r}; known: {', '.join(KINDS)}")
    if fault.of not in _DRAWN_OF:
        raise BadFault(f"a share is of {' or '.join(_DRAWN_OF)}, not of {fault.of!r}")
    if fault.share is not None and not 0 <= fault.share <= 1:
        raise BadFault(f"a share is from 0 to 1, not {fault.share}")
    if fault.every < 1 or fault.status == []:
        raise BadFault("`every` is at least 1, and a list of `status` holds one")
    try:
        for pattern in (fault.path, fault.query, fault.target):
            re.compile(pattern or "")
    except re.error as error:
        raise BadFault(f"not a regular expression: {error}") from None
