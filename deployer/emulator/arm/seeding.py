"""What the API cannot tell the emulator: which tables a workspace has, and what it records of its rules."""

from __future__ import annotations

from deployer.emulator.arm.alert_rules import TABLES
from deployer.emulator.arm.alert_rules import scope_of
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Document
from deployer.emulator.calls import Refused
from deployer.emulator.world import World

_NAMES = ("subscription", "group", "workspace")
_SWITCHES = ("health", "audit", "activity")


def set_workspace(world: World, body: Document) -> Document:
    """`{"subscription", "group", "workspace", "tables": [...], "health": true}`, all of it: what is left out is unset.

    Without `tables` every table exists; without `health` no run of a rule is recorded in SentinelHealth. Likewise
    `audit` and `activity` have writes of rules recorded in SentinelAudit and in AzureActivity.
    """
    if not all(isinstance(body.get(name), str) for name in _NAMES):
        raise Refused(Answer({"message": f"a workspace is told by {', '.join(_NAMES)}"}, 400))
    tables = body.get("tables")
    switches = {name: body.get(name, False) for name in _SWITCHES}
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise Refused(Answer({"message": f"{name} is true or false"}, 400))
    told = {"tables": None if tables is None else list(tables), **switches}
    world.store.put(TABLES, scope_of(body), "tables", told)
    return {"acknowledged": True}
