"""What the API cannot tell the emulator: which tables a workspace has, and whether its health is monitored."""

from __future__ import annotations

from deployer.emulator.arm.alert_rules import TABLES
from deployer.emulator.arm.alert_rules import scope_of
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Document
from deployer.emulator.calls import Refused
from deployer.emulator.world import World

_NAMES = ("subscription", "group", "workspace")


def set_workspace(world: World, body: Document) -> Document:
    """`{"subscription", "group", "workspace", "tables": [...], "health": true}`, all of it: what is left out is unset.

    Without `tables` every table exists; without `health` no run of a rule is recorded in SentinelHealth.
    """
    if not all(isinstance(body.get(name), str) for name in _NAMES):
        raise Refused(Answer({"message": f"a workspace is told by {', '.join(_NAMES)}"}, 400))
    tables, health = body.get("tables"), body.get("health", False)
    if not isinstance(health, bool):
        raise Refused(Answer({"message": "health is true or false"}, 400))
    told = {"tables": None if tables is None else list(tables), "health": health}
    world.store.put(TABLES, scope_of(body), "tables", told)
    return {"acknowledged": True}
