"""Who wrote or deleted a rule, as SentinelAudit and AzureActivity tell it where they are switched on."""

import json
from typing import Any

import pytest

from deployer.emulator import Emulator
from deployer.engines import tables
from tests.emulator.make import NOW
from tests.emulator.make import PREVIEW
from tests.emulator.make import Client
from tests.emulator.make import arm_id
from tests.emulator.make import logs_client
from tests.emulator.make import scheduled_rule

WORKSPACE = {"subscription": "sub", "group": "group", "workspace": "acme"}
RULE = f"{arm_id()}/providers/Microsoft.SecurityInsights/alertRules/r"
AUDIT = "_SentinelAudit() | sort by OperationName desc"


def _rows(logs: Client, query: str) -> list[dict[str, Any]]:
    answer = logs("POST", "", {"query": query})
    assert answer.status_code == 200, answer.text
    [table] = answer.json()["tables"]
    names = [column["name"] for column in table["columns"]]
    return [dict(zip(names, row, strict=True)) for row in table["rows"]]


def _write(arm: Client, who: str, **changes: Any) -> None:
    arm.session.headers["x-emulator-user"] = who
    assert arm("PUT", "/r", scheduled_rule(**changes)).ok


@pytest.fixture
def audited(stopped: Emulator, control: Client) -> Emulator:
    assert control("POST", "/arm/workspace", {**WORKSPACE, "audit": True}).ok
    return stopped


def test_a_new_workspace_keeps_no_audit(stopped: Emulator, arm: Client, logs: Client) -> None:
    _write(arm, "jo@acme.example")

    answer = logs("POST", "", {"query": "_SentinelAudit()"})
    assert answer.status_code == 400
    innermost = answer.json()["error"]["innererror"]["innererror"]
    assert (innermost["code"], "SentinelAudit" in innermost["message"]) == ("SEM0100", True)
    assert _rows(logs, "AzureActivity") == []


def test_the_audit_names_who_changed_what(audited: Emulator, arm: Client, logs: Client) -> None:
    _write(arm, "jo@acme.example")
    audited.set_clock(NOW.replace(hour=13))
    _write(arm, "night-shift", triggerThreshold=15)

    [_, row] = _rows(logs, "_SentinelAudit() | sort by TimeGenerated asc")

    assert {name: row[name] for name in row if name not in ("ExtendedProperties", "CorrelationId")} == {
        "TimeGenerated": "2026-11-20T13:00:00Z",
        "OperationName": "Microsoft.SecurityInsights/alertRules/Write",
        "SentinelResourceId": RULE,
        "SentinelResourceName": "Beacon",
        "SentinelResourceType": "Analytic Rule",
        "SentinelResourceKind": "Scheduled",
        "Status": "Success",
        "Description": "Create or update analytics rule.",
        "WorkspaceId": "a1512aa1-8fec-5411-8f1f-b02cf3de6c72",
        "TenantId": "a1512aa1-8fec-5411-8f1f-b02cf3de6c72",
        "SourceSystem": "Azure",
        "Type": "SentinelAudit",
    }
    said = json.loads(row["ExtendedProperties"])
    assert (said["Emulated"], said["CallerName"], said["CallerIpAddress"]) == (True, "night-shift", "127.0.0.1")
    assert said["ResourceDiffMemberNames"] == ["triggerThreshold"]
    before, after = (json.loads(said[name]) for name in ("OriginalResourceState", "UpdatedResourceState"))
    assert (before["properties"]["triggerThreshold"], after["properties"]["triggerThreshold"]) == (0, 15)


def test_a_delete_is_recorded_once_and_names_the_rule_that_is_gone(
    audited: Emulator, arm: Client, logs: Client
) -> None:
    _write(arm, "jo@acme.example")
    arm.session.headers["x-emulator-user"] = "night-shift"
    assert arm("DELETE", "/r").status_code == 200
    assert arm("DELETE", "/r").status_code == 204

    rows = _rows(logs, AUDIT)

    assert [row["OperationName"].rsplit("/", 1)[1] for row in rows] == ["Write", "Delete"]
    deleted = json.loads(rows[1]["ExtendedProperties"])
    assert (rows[1]["SentinelResourceId"], deleted["CallerName"]) == (RULE, "night-shift")
    assert deleted["UpdatedResourceState"] is None


def test_a_write_that_is_refused_leaves_no_record(audited: Emulator, arm: Client, logs: Client) -> None:
    _write(arm, "jo@acme.example")
    assert arm("PUT", "/r", {**scheduled_rule(), "etag": '"stale"'}).status_code == 412
    assert arm("PUT", "/other", scheduled_rule(severity="Loud")).status_code == 400
    assert arm("GET", "/r").ok

    assert len(_rows(logs, AUDIT)) == 1


def test_the_activity_log_is_switched_on_by_itself(
    stopped: Emulator, arm: Client, logs: Client, control: Client
) -> None:
    assert control("POST", "/arm/workspace", {**WORKSPACE, "activity": True}).ok
    _write(arm, "jo@acme.example")
    assert arm("DELETE", "/r").ok

    rows = _rows(logs, "AzureActivity | project-away CorrelationId | sort by OperationNameValue desc")

    assert [row["OperationNameValue"] for row in rows] == [
        "MICROSOFT.SECURITYINSIGHTS/ALERTRULES/WRITE",
        "MICROSOFT.SECURITYINSIGHTS/ALERTRULES/DELETE",
    ]
    assert {row["Caller"] for row in rows} == {"jo@acme.example"}
    assert {row["_ResourceId"] for row in rows} == {RULE.lower()}
    assert {json.loads(row["Properties_d"])["emulated"] for row in rows} == {True}
    assert logs("POST", "", {"query": AUDIT}).status_code == 400


def test_workspaces_keep_their_records_apart(audited: Emulator, arm: Client) -> None:
    _write(arm, "jo@acme.example")

    assert logs_client(audited.url, "globex")("POST", "", {"query": "_SentinelAudit()"}).status_code == 400


def test_a_record_has_only_columns_that_are_described(
    stopped: Emulator, arm: Client, logs: Client, control: Client
) -> None:
    assert control("POST", "/arm/workspace", {**WORKSPACE, "audit": True, "activity": True}).ok
    _write(arm, "jo@acme.example")

    for name in ("SentinelAudit", "AzureActivity"):
        [row] = _rows(logs, name)
        described = tables.sentinel(name)
        assert described
        empty = {column for column, value in row.items() if value in (None, "")}
        assert set(row) == set(described.columns)
        assert empty <= {"OperationName", "ActivityStatus"}


def test_a_switch_is_true_or_false(control: Client) -> None:
    for name in ("health", "audit", "activity"):
        answer = control("POST", "/arm/workspace", {**WORKSPACE, name: "yes"})
        assert (answer.status_code, answer.json()["message"]) == (400, f"{name} is true or false")


def test_every_version_of_the_api_is_recorded(audited: Emulator, arm: Client, logs: Client) -> None:
    for version in ("2025-09-01", PREVIEW):
        arm.query = {"api-version": version}
        _write(arm, version)

    assert sorted(json.loads(row["ExtendedProperties"])["CallerName"] for row in _rows(logs, AUDIT)) == [
        "2025-09-01",
        PREVIEW,
    ]
