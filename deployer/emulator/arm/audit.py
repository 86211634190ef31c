"""Who wrote or deleted an alert rule: rows of SentinelAudit and of AzureActivity, as a workspace may keep them.

Both are off in a new workspace: the first is switched on under "Auditing and health monitoring", the second by sending
the subscription's activity log to the workspace. Only what succeeded is recorded here.

Sources: https://learn.microsoft.com/azure/sentinel/audit-table-reference (columns, extended properties; the resource
type is "Analytic Rule" there) and azure-monitor/reference/tables/azureactivity. The texts of Description and the form
of AzureActivity's `_ResourceId` for a rule are not settled. Every row says that it is emulated.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from deployer.emulator import logs
from deployer.emulator.arm.alert_rules import COLLECTION
from deployer.emulator.arm.alert_rules import TABLES
from deployer.emulator.arm.workspaces import customer_id
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Handler
from deployer.emulator.calls import Route
from deployer.emulator.clock import ticks

_ACTIONS = {"PUT": "Write", "DELETE": "Delete"}
_DESCRIPTIONS = {"Write": "Create or update analytics rule.", "Delete": "Delete analytics rule."}


def audited(routes: Iterable[Route]) -> Iterator[Route]:
    """The same routes; a write of an alert rule is recorded wherever its workspace keeps such records."""
    for route in routes:
        yield replace(route, handler=_recording(route.handler)) if route.method in _ACTIONS else route


def _recording(handler: Handler) -> Handler:
    def handle(call: Call) -> Answer:
        key = call.params["rule"].lower()
        before = call.world.store.get(COLLECTION, call.scope, key)
        answer = handler(call)
        after = call.world.store.get(COLLECTION, call.scope, key)
        # A delete of what is not there changes nothing.
        if before is not None or after is not None:
            _record(call, before, after)
        return answer

    return handle


def _record(call: Call, before: Document | None, after: Document | None) -> None:
    kept = call.world.store.get(TABLES, call.scope, "tables") or {}
    if kept.get("audit"):
        logs.append(call.world, call.scope, logs.AUDIT, [_audit(call, before, after)])
    if kept.get("activity"):
        logs.append(call.world, call.scope, logs.ACTIVITY, [_activity(call, before, after)])


def _audit(call: Call, before: Document | None, after: Document | None) -> Document:
    rule, action = after or before or {}, _ACTIONS[call.method]
    extended = {
        "Emulated": True,
        "CallerName": call.user,
        "CallerIpAddress": "127.0.0.1",
        "ResourceDiffMemberNames": _differing(before, after),
        "OriginalResourceState": _state(before),
        "UpdatedResourceState": _state(after),
    }
    return {
        "TenantId": customer_id(call.scope),
        "TimeGenerated": ticks(call.world.clock.now()),
        "OperationName": f"Microsoft.SecurityInsights/alertRules/{action}",
        "SentinelResourceId": rule["id"],
        "SentinelResourceName": rule["properties"].get("displayName", rule["name"]),
        "Status": "Success",
        "Description": _DESCRIPTIONS[action],
        "WorkspaceId": customer_id(call.scope),
        "SentinelResourceType": "Analytic Rule",
        "SentinelResourceKind": rule["kind"],
        "CorrelationId": str(uuid.uuid4()),
        "ExtendedProperties": extended,
        "SourceSystem": "Azure",
        "Type": "SentinelAudit",
    }


def _activity(call: Call, before: Document | None, after: Document | None) -> Document:
    rule, now = after or before or {}, ticks(call.world.clock.now())
    subscription, group, _ = call.scope.split("/")
    operation = f"MICROSOFT.SECURITYINSIGHTS/ALERTRULES/{_ACTIONS[call.method].upper()}"
    return {
        "TenantId": customer_id(call.scope),
        "TimeGenerated": now,
        "EventSubmissionTimestamp": now,
        "OperationNameValue": operation,
        "Level": "Informational",
        "ActivityStatusValue": "Success",
        "ActivitySubstatusValue": "OK" if before else "Created",
        "Caller": call.user,
        "CallerIpAddress": "127.0.0.1",
        "CategoryValue": "Administrative",
        "CorrelationId": str(uuid.uuid4()),
        "Authorization_d": {"action": operation, "scope": rule["id"]},
        "Properties_d": {"emulated": True, "resource": rule["name"], "hierarchy": subscription},
        "ResourceGroup": group.upper(),
        "ResourceProviderValue": "MICROSOFT.SECURITYINSIGHTS",
        "SubscriptionId": subscription,
        "SourceSystem": "Azure",
        "Type": "AzureActivity",
        "_ResourceId": rule["id"].lower(),
        "_SubscriptionId": subscription,
    }


def _differing(before: Document | None, after: Document | None) -> list[str]:
    """The properties that a write changed; none where the rule came or went."""
    if before is None or after is None:
        return []
    old, new = before["properties"], after["properties"]
    return sorted(name for name in {*old, *new} - {"lastModifiedUtc"} if old.get(name) != new.get(name))


def _state(rule: Document | None) -> Any:
    return json.dumps(rule) if rule else None
