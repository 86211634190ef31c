"""What all services share: the store, the clock, the faults and a few settings."""

from __future__ import annotations

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
from deployer.emulator.sharing import Guests
from deployer.emulator.store import SETTINGS
from deployer.emulator.store import Store

# query_row_limit: the rows that a log query may answer; the service's own limit is 500,000
# (https://learn.microsoft.com/azure/azure-monitor/service-limits#query-api).
# preview_runs: after so many invocations of one rule preview its time is up; 0 leaves it to the clock.
# reshape: in which other ways documents are answered, see `reshaping`.
# watchlist_seconds: how long a watchlist's content, or its deletion, takes; watchlist_query_seconds: how much later log
# queries see it.
DEFAULTS: Document = {
    "kibana_version": "9.3.0",
    "page_size": 50,
    "query_row_limit": 500_000,
    "preview_runs": 0,
    "reshape": [],
    "watchlist_seconds": 0.0,
    "watchlist_query_seconds": 0.0,
}


class World:
    """One emulated universe. Hold `lock` while touching the store."""

    def __init__(self, state: Path | None) -> None:
        self.state = state
        self.store = Store(state / "emulator.sqlite" if state else None)
        self.clock = Clock()
        self.faults = Faults()
        self.guests = Guests()
        self.databases = Databases()
        self.lock = threading.RLock()
        self.closed = False

    def setting(self, name: str) -> Any:
        """A setting's value now; settings are as durable as documents."""
        return {**DEFAULTS, **(self.store.get(SETTINGS, "", "settings") or {})}[name]

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
        current = self.store.get(SETTINGS, "", "settings") or {}
        self.store.put(SETTINGS, "", "settings", {**current, name: value})

    def close(self) -> None:
        """Nothing is answered any more; a connection that a client kept open finds this out by itself."""
        with self.lock:
            self.closed = True
            self.databases.close()
            self.store.close()
