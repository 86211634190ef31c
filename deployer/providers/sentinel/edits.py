"""Who wrote or deleted a workspace's rules last: what to ask its logs, and what their rows say. Pure.

SentinelAudit: learn.microsoft.com/azure/sentinel/audit-table-reference. AzureActivity holds the whole subscription,
where it is sent to the workspace: there a rule is known by its whole resource id, since the same rule has the same uuid
in every workspace of ours.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from typing import Any

from deployer.providers.sentinel import codec
from deployer.state import Edit
from deployer.state import Key

Row = Mapping[str, Any]

SETTING = (
    "switch on auditing in the workspace (Settings > Auditing and health monitoring), "
    "or send the subscription's activity log to it"
)
_KEPT = "ago(90d)"
_AUDIT = """_SentinelAudit()
| where TimeGenerated >= {since}
| where OperationName has "alertRules" and Status =~ "Success"
| extend Details = parse_json(tostring(ExtendedProperties))
| extend Caller = tostring(Details.CallerName), Operation = OperationName
| summarize arg_max(TimeGenerated, Operation, Caller) by Resource = tolower(SentinelResourceId)"""
_ACTIVITY = """AzureActivity
| where TimeGenerated >= {since}
| where OperationNameValue in~ ("MICROSOFT.SECURITYINSIGHTS/ALERTRULES/WRITE",
    "MICROSOFT.SECURITYINSIGHTS/ALERTRULES/DELETE")
| where ActivityStatusValue in~ ("Success", "Succeeded")
| extend Operation = OperationNameValue
| summarize arg_max(TimeGenerated, Operation, Caller) by Resource = tolower(_ResourceId)"""


def audit_query(since: datetime | None) -> str:
    """The last recorded write or delete of each rule, as Sentinel's own audit has it."""
    return _AUDIT.format(since=_moment(since))


def activity_query(since: datetime | None) -> str:
    """The same as the subscription's activity log has it."""
    return _ACTIVITY.format(since=_moment(since))


def of_audit(rows: Iterable[Row], keys: Iterable[Key]) -> dict[Key, Edit]:
    """The edits of these rules; the rows are of this workspace alone."""
    return _found(rows, keys, "SentinelAudit", lambda resource: resource.rpartition("/alertrules/")[2])


def of_activity(rows: Iterable[Row], keys: Iterable[Key], workspace: str) -> dict[Key, Edit]:
    """The edits of these rules in the workspace with that resource id."""
    prefix = f"{workspace}/providers/microsoft.securityinsights/alertrules/".lower()
    return _found(rows, keys, "AzureActivity", lambda one: one.removeprefix(prefix) if one.startswith(prefix) else "")


def _found(rows: Iterable[Row], keys: Iterable[Key], source: str, rule: Callable[[str], str]) -> dict[Key, Edit]:
    by_rule = {rule(str(row.get("Resource") or "").lower()): row for row in rows}
    wanted = {key: by_rule.get(codec.rule_uuid(key.id)) for key in keys}
    return {key: _edit(row, source) for key, row in wanted.items() if row is not None}


def _edit(row: Row, source: str) -> Edit:
    at = row.get("TimeGenerated")
    deleted = str(row.get("Operation")).lower().endswith("delete")
    by = str(row.get("Caller") or "") or None
    return Edit(by, at if isinstance(at, datetime) else None, "delete" if deleted else "write", source)


def _moment(since: datetime | None) -> str:
    return f"datetime({since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ})" if since else _KEPT
