"""What all services share: the store, the clock, the faults and a few settings."""

from __future__ import annotations

import hashlib
import re
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from deployer.emulator import reshaping
from deployer.emulator.calls import Document
from deployer.emulator.clock import Clock
from deployer.emulator.databases import Databases
from deployer.emulator.faults import Faults
from deployer.emulator.limits import Limits
from deployer.emulator.sharing import Guests
from deployer.emulator.store import SETTINGS
from deployer.emulator.store import Store

# query_row_limit: the rows that a log query may answer; the service's own limit is 500,000
# (https://learn.microsoft.com/azure/azure-monitor/service-limits#query-api).
# preview_runs: after so many invocations of one rule preview its time is up; 0 leaves it to the clock.
# reshape: in which other ways documents are answered, see `reshaping`.
# watchlist_seconds: how long a watchlist's content, or its deletion, takes; watchlist_query_seconds: how much later log
# queries see it.
# kibana_previews_at_once, kibana_bulk_actions_at_once: see `kibana.concurrency`.
# arm_reads, arm_writes, arm_deletes: the size of a bucket and the tokens that it gains a second; arm_retry_after: the
# seconds that whoever is refused is told to wait; see `arm.throttling`.
# log_queries_at_once, log_queries_waiting, log_queries_in_30_seconds: of one user, see `loganalytics`.
DEFAULTS: Document = {
    "kibana_version": "9.3.0",
    "page_size": 50,
    "query_row_limit": 500_000,
    "preview_runs": 0,
    "reshape": [],
    "watchlist_seconds": 0.0,
    "watchlist_query_seconds": 0.0,
    "kibana_previews_at_once": 10,
    "kibana_bulk_actions_at_once": 5,
    "arm_reads": [250, 25],
    "arm_writes": [200, 10],
    "arm_deletes": [200, 10],
    "arm_retry_after": 10,
    "log_queries_at_once": 5,
    "log_queries_waiting": 200,
    "log_queries_in_30_seconds": 200,
}
_BUCKETS = frozenset({"arm_reads", "arm_writes", "arm_deletes"})


class Credentials:
    """Tells credentials apart by number, and keeps none of them."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def number(self, authorization: str | None) -> int | None:
        """The number of what was sent, from 1 in the order in which they were first seen; None for nothing."""
        if authorization is None:
            return None
        digest = hashlib.sha256(authorization.encode()).digest()
        with self._lock:
            return self._numbers.setdefault(digest, len(self._numbers) + 1)


class World:
    """One emulated universe. Hold `lock` while touching the store."""

    def __init__(self, state: Path | None) -> None:
        self.state = state
        self.store = Store(state / "emulator.sqlite" if state else None)
        self.clock = Clock()
        self.faults = Faults()
        self.limits = Limits()
        self.credentials = Credentials()
        self.guests = Guests()
        self.databases = Databases()
        self.lock = threading.RLock()
        self.closed = False
        self._settings = {**DEFAULTS, **(self.store.get(SETTINGS, "", "settings") or {})}

    def setting(self, name: str) -> Any:
        """A setting's value now; settings are as durable as documents. Needs no lock."""
        return self._settings[name]

    def seconds(self, name: str) -> timedelta:
        """A setting that is a length of time."""
        return timedelta(seconds=float(self.setting(name)))

    def set(self, name: str, value: Any) -> None:
        """Change a setting."""
        if name not in DEFAULTS or type(value) is not type(DEFAULTS[name]):
            raise ValueError(f"no such setting: {name}={value!r}; settings and their defaults: {DEFAULTS}")
        if name == "kibana_version" and not re.fullmatch(r"\d+\.\d+\.\d+", value):
            raise ValueError(f"not a version of Kibana: {value!r}")
        if name == "reshape" and (odd := [one for one in value if one not in reshaping.WAYS]):
            raise ValueError(f"no such way to reshape: {odd}; there are {', '.join(reshaping.WAYS)}")
        if name in _BUCKETS and not (len(value) == 2 and all(type(one) in (int, float) and one >= 0 for one in value)):
            raise ValueError(f"{name} is the size of a bucket and the tokens that it gains a second, not {value!r}")
        current = self.store.get(SETTINGS, "", "settings") or {}
        self.store.put(SETTINGS, "", "settings", {**current, name: value})
        self._settings = {**self._settings, name: value}

    def close(self) -> None:
        """Nothing is answered any more; a connection that a client kept open finds this out by itself."""
        with self.lock:
            self.closed = True
            self.databases.close()
            self.store.close()
