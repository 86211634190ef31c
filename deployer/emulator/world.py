"""What all services share: the store, the clock, the faults and a few settings."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from deployer.emulator.calls import Document
from deployer.emulator.clock import Clock
from deployer.emulator.faults import Faults
from deployer.emulator.sharing import Guests
from deployer.emulator.store import SETTINGS
from deployer.emulator.store import Store

DEFAULTS: Document = {"kibana_version": "9.3.0", "page_size": 50}


class World:
    """One emulated universe. Hold `lock` while touching the store."""

    def __init__(self, state: Path | None) -> None:
        self.state = state
        self.store = Store(state / "emulator.sqlite" if state else None)
        self.clock = Clock()
        self.faults = Faults()
        self.guests = Guests()
        self.lock = threading.RLock()

    def setting(self, name: str) -> Any:
        """A setting's value now; settings are as durable as documents."""
        return {**DEFAULTS, **(self.store.get(SETTINGS, "", "settings") or {})}[name]

    def set(self, name: str, value: Any) -> None:
        """Change a setting."""
        if name not in DEFAULTS or type(value) is not type(DEFAULTS[name]):
            raise ValueError(f"no such setting: {name}={value!r}; settings and their defaults: {DEFAULTS}")
        current = self.store.get(SETTINGS, "", "settings") or {}
        self.store.put(SETTINGS, "", "settings", {**current, name: value})
