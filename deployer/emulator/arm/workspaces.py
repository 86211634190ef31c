"""The Log Analytics workspace itself. Source: Microsoft.OperationalInsights/workspaces."""

from __future__ import annotations

import uuid

from deployer.emulator.arm import access
from deployer.emulator.arm.alert_rules import WORKSPACE
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Route


def _read(call: Call) -> Answer:
    access.check_version(call, access.WORKSPACE_VERSIONS)
    body = {
        "id": call.path,
        "name": call.params["workspace"],
        "type": "Microsoft.OperationalInsights/workspaces",
        "location": "westeurope",
        "properties": {
            "customerId": str(uuid.uuid5(uuid.NAMESPACE_URL, call.scope)),
            "provisioningState": "Succeeded",
            "sku": {"name": "PerGB2018"},
            "retentionInDays": 90,
        },
    }
    return Answer(body)


ROUTES = (Route("GET", WORKSPACE, _read),)
