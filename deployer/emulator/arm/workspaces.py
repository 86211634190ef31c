"""The Log Analytics workspace itself. Source: Microsoft.OperationalInsights/workspaces."""

from __future__ import annotations

import re
import uuid

from deployer.emulator.arm import access
from deployer.emulator.arm.alert_rules import COLLECTION
from deployer.emulator.arm.alert_rules import TABLES
from deployer.emulator.arm.alert_rules import WORKSPACE
from deployer.emulator.arm.alert_rules import scope_of
from deployer.emulator.arm.watchlist_store import LISTS
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Route
from deployer.emulator.world import World

TELEMETRY = "telemetry.sentinel"
_SEEN = "arm.workspaces"
_ARM_ID = WORKSPACE.replace(".", r"\.").replace("{", "(?P<").replace("}", ">[^/]+)")


def customer_id(scope: str) -> str:
    """The GUID that names the workspace in queries."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, scope))


def arm_id(scope: str) -> str:
    """The resource id of the workspace."""
    subscription, group, workspace = scope.split("/")
    return WORKSPACE.format(subscription=subscription, group=group, workspace=workspace)


def scope_in(text: str) -> str | None:
    """The workspace that a resource id names, or None where it is none."""
    found = re.fullmatch(_ARM_ID, text, re.IGNORECASE)
    return scope_of(found.groupdict()) if found else None


def held(world: World) -> list[str]:
    """The workspaces that anything is known of: rules, watchlists, telemetry, settings, or that they were asked for."""
    told = (COLLECTION, LISTS, TABLES, TELEMETRY, _SEEN)
    return sorted({scope for name in told for scope in world.store.scopes(name)})


def find(world: World, text: str) -> str:
    """The workspace that a resource id, or the name of one that is held, means. Raises LookupError with the reason."""
    scope = scope_in(text)
    if scope is not None:
        return scope
    named = [scope for scope in held(world) if text.lower() in (scope, scope.rsplit("/", 1)[1])]
    if len(named) != 1:
        which = f"{len(named)} workspaces are called {text!r}" if named else f"no workspace called {text!r} is held"
        raise LookupError(f"{which}; name it by its resource id, {WORKSPACE}")
    return named[0]


def _read(call: Call) -> Answer:
    access.check_version(call, access.WORKSPACE_VERSIONS)
    if call.world.store.get(_SEEN, call.scope, "workspace") is None:
        # Its GUID, once answered, can be queried.
        call.world.store.put(_SEEN, call.scope, "workspace", {})
    body: Document = {
        "id": call.path,
        "name": call.params["workspace"],
        "type": "Microsoft.OperationalInsights/workspaces",
        "location": "westeurope",
        "properties": {
            "customerId": customer_id(call.scope),
            "provisioningState": "Succeeded",
            "sku": {"name": "PerGB2018"},
            "retentionInDays": 90,
        },
    }
    return Answer(body)


ROUTES = (Route("GET", WORKSPACE, _read),)
