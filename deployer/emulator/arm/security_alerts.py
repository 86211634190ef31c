"""Rows of SecurityAlert, as Sentinel writes them for the alerts of an analytics rule.

Sources: https://learn.microsoft.com/azure/azure-monitor/reference/tables/securityalert for the columns; the names
within ExtendedProperties as public tools read them. Every row says within ExtendedProperties that it is emulated.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from deployer.emulator.arm.durations import timespan
from deployer.emulator.arm.triggers import Outcome
from deployer.emulator.arm.triggers import Rows
from deployer.emulator.arm.workspaces import customer_id
from deployer.emulator.calls import Document
from deployer.emulator.clock import ticks

MOST_ENTITIES = 500
MOST_VALUES = 50
_COLUMN = re.compile(r"\{\{(\w+)\}\}")
_OPERATORS = {"GreaterThan": "Greater Than", "LessThan": "Less Than", "Equal": "Equal", "NotEqual": "Not Equal"}
_GROUPINGS = {"SingleAlert": "SingleAlert", "AlertPerResult": "AlertPerRow"}


def rows(scope: str, rule: Document, outcome: Outcome) -> list[Document]:
    """One row for each alert of the run."""
    return [_row(scope, rule, outcome, number, of_it) for number, of_it in enumerate(outcome.alerts)]


def entities(rule: Document, of_it: Rows) -> list[Document]:
    """The entities that the mappings make of the rows, each once; one without any value is dropped."""
    found: dict[str, Document] = {}
    for row in of_it:
        for mapping in rule["properties"].get("entityMappings") or []:
            named = {field["identifier"]: row.get(field["columnName"]) for field in mapping["fieldMappings"]}
            named = {name: value for name, value in named.items() if value not in (None, "")}
            if named:
                entity = {**named, "Type": mapping["entityType"].lower()}
                found.setdefault(json.dumps(entity, sort_keys=True, default=str), entity)
    return [{"$id": str(number), **entity} for number, entity in enumerate(found.values(), start=1)][:MOST_ENTITIES]


def _row(scope: str, rule: Document, outcome: Outcome, number: int, of_it: Rows) -> Document:
    properties = rule["properties"]
    subscription, group, _ = scope.split("/")
    first = of_it[0] if of_it else {}
    override = properties.get("alertDetailsOverride") or {}
    name = _filled(override.get("alertDisplayNameFormat"), first) or properties["displayName"]
    id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{outcome.run_id}/{number}"))
    return {
        "TenantId": customer_id(scope),
        "TimeGenerated": ticks(outcome.end),
        "DisplayName": name,
        "AlertName": name,
        "AlertSeverity": _column(override.get("alertSeverityColumnName"), first) or properties["severity"],
        "Description": _filled(override.get("alertDescriptionFormat"), first) or properties.get("description") or "",
        "ProviderName": "ASI Scheduled Alerts",
        "VendorName": "Microsoft",
        "VendorOriginalId": id,
        "SystemAlertId": id,
        "AlertType": f"{customer_id(scope)}_{rule['name']}",
        "IsIncident": False,
        "StartTime": ticks(outcome.start),
        "EndTime": ticks(outcome.end),
        "ProcessingEndTime": ticks(outcome.end),
        "ExtendedProperties": json.dumps(_extended(scope, rule, outcome, of_it)),
        "Entities": json.dumps(entities(rule, of_it), default=str),
        "WorkspaceSubscriptionId": subscription,
        "WorkspaceResourceGroup": group,
        "ProductName": "Azure Sentinel",
        "ProductComponentName": "Scheduled Alerts",
        "Status": "New",
        "Tactics": ", ".join(properties.get("tactics") or []),
        "Techniques": json.dumps(properties.get("techniques") or []),
        "SubTechniques": json.dumps(properties.get("subTechniques") or []),
        "SourceSystem": "Detection",
        "Type": "SecurityAlert",
    }


def _extended(scope: str, rule: Document, outcome: Outcome, of_it: Rows) -> Document:
    properties = rule["properties"]
    grouping = (properties.get("eventGroupingSettings") or {}).get("aggregationKind", "SingleAlert")
    extended = {
        "Emulated": "True",
        "Query": properties["query"],
        "Query Period": timespan(properties["queryPeriod"]),
        "Query Start Time UTC": ticks(outcome.start),
        "Query End Time UTC": ticks(outcome.end),
        "Trigger Operator": _OPERATORS[properties["triggerOperator"]],
        "Trigger Threshold": str(properties["triggerThreshold"]),
        "Search Query Results Overall Count": str(len(outcome.rows)),
        "Event Grouping": _GROUPINGS[grouping],
        "Analytic Rule Ids": json.dumps([rule["name"]]),
        "Analytic Rule Name": properties["displayName"],
        "Data Sources": json.dumps([scope.rsplit("/", 1)[1]]),
    }
    if details := _details(properties.get("customDetails") or {}, of_it):
        extended["Custom Details"] = json.dumps(details)
    return extended


def _details(wanted: Mapping[str, str], of_it: Rows) -> dict[str, list[str]]:
    """The distinct values of each column that the rule's custom details name."""
    found: dict[str, list[str]] = {}
    for name, column in wanted.items():
        texts = [_text(row[column]) for row in of_it if row.get(column) not in (None, "")]
        if texts:
            found[name] = list(dict.fromkeys(texts))[:MOST_VALUES]
    return found


def _filled(form: str | None, row: Mapping[str, Any]) -> str:
    """The text with the columns that it names in double braces filled in."""
    return _COLUMN.sub(lambda found: _text(row.get(found[1], "")), form) if form else ""


def _column(name: str | None, row: Mapping[str, Any]) -> str:
    return _text(row.get(name, "")) if name else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
