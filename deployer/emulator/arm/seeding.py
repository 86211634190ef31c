"""What the API cannot tell the emulator: which tables a workspace has."""

from __future__ import annotations

from deployer.emulator.arm.alert_rules import TABLES
from deployer.emulator.arm.alert_rules import scope_of
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Document
from deployer.emulator.calls import Refused
from deployer.emulator.world import World

_NAMES = ("subscription", "group", "workspace")


def set_workspace(world: World, body: Document) -> Document:
    """`{"subscription", "group", "workspace", "tables": [...]}`; without `tables` every table exists again."""
    if not all(isinstance(body.get(name), str) for name in _NAMES):
        raise Refused(Answer({"message": f"a workspace is told by {', '.join(_NAMES)}"}, 400))
    scope = scope_of(body)
    if body.get("tables") is None:
        world.store.remove(TABLES, scope, "tables")
    else:
        world.store.put(TABLES, scope, "tables", {"tables": list(body["tables"])})
    return {"acknowledged": True}
