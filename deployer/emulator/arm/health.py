"""Rows of SentinelHealth for runs of analytics rules.

Sources: https://learn.microsoft.com/azure/sentinel/health-table-reference (columns, extended properties) and
monitor-analytics-rule-integrity (descriptions). Every row says within ExtendedProperties that it is emulated.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from deployer.emulator.arm.alert_rules import TABLES
from deployer.emulator.arm.durations import timespan
from deployer.emulator.arm.security_alerts import entities
from deployer.emulator.arm.triggers import Outcome
from deployer.emulator.arm.workspaces import customer_id
from deployer.emulator.calls import Document
from deployer.emulator.clock import ticks
from deployer.emulator.world import World

DISABLED = "The analytics rule is disabled and was not executed."
_MISSING = "A table referenced in the query wasn't found."
_SEMANTIC = "A semantic error occurred while running the query."
_SYNTAX = "A syntax error occurred while running the query."


def switched_on(world: World, scope: str) -> bool:
    """Whether health monitoring is on; off unless a control call said otherwise, as in a new workspace."""
    return bool((world.store.get(TABLES, scope, "tables") or {}).get("health"))


def generated(alerts: int) -> str:
    """What health says of a run that raised alerts."""
    return f"Rule executed successfully, generating {alerts} alerts."


def not_reached(properties: Mapping[str, Any]) -> str:
    """What health says of a run that raised none."""
    threshold = properties["triggerThreshold"]
    return f"Rule executed successfully, but didn't reach the threshold ({threshold}) required to generate an alert."


def failure(inner: Mapping[str, Any]) -> str:
    """What health says of a query that the service refuses, whose error this is."""
    if inner["code"] == "SyntaxError":
        return _SYNTAX
    return _MISSING if "Failed to resolve table" in inner["innererror"]["message"] else _SEMANTIC


def row(scope: str, rule: Document, outcome: Outcome) -> Document:
    """The record of one run. The status of a disabled rule is not settled: its reason is what is documented."""
    disabled = outcome.status == "disabled"
    return {
        "TenantId": customer_id(scope),
        "TimeGenerated": ticks(outcome.end),
        "OperationName": "Scheduled analytics rule run",
        "SentinelResourceId": rule["id"],
        "SentinelResourceName": rule["properties"]["displayName"],
        "Status": "Success" if outcome.status == "succeeded" else "Failure",
        "Description": outcome.message,
        "Reason": DISABLED if disabled else outcome.reason,
        "WorkspaceId": customer_id(scope),
        "SentinelResourceType": "Analytics Rule",
        "SentinelResourceKind": "Scheduled",
        "RecordId": str(uuid.uuid4()),
        "ExtendedProperties": _extended(rule, outcome),
        "SourceSystem": "Azure",
        "Type": "SentinelHealth",
    }


def _extended(rule: Document, outcome: Outcome) -> Document:
    properties = rule["properties"]
    grouping = (properties.get("eventGroupingSettings") or {}).get("aggregationKind", "SingleAlert")
    return {
        "Emulated": True,
        "RuleId": rule["name"],
        "QueryResultAmount": len(outcome.rows),
        "AlertsGeneratedAmount": len(outcome.alerts),
        "EntitiesGeneratedAmount": sum(len(entities(rule, of_it)) for of_it in outcome.alerts),
        "QueryStartTimeUTC": ticks(outcome.start),
        "QueryEndTimeUTC": ticks(outcome.end),
        "QueryFrequency": timespan(properties["queryFrequency"]),
        "QueryPeriod": timespan(properties["queryPeriod"]),
        "TriggerType": "Scheduled",
        "TriggerOperator": properties["triggerOperator"],
        "TriggerThreshold": properties["triggerThreshold"],
        "AggregationKind": grouping,
        "SuppressionEnabled": str(properties["suppressionEnabled"]),
        "SuppressionDuration": timespan(properties["suppressionDuration"]),
        "CorrelationId": outcome.run_id,
        "Issues": "",
    }
