"""Runs of Sentinel's rules on telemetry: alerts, health records, thresholds, grouping, suppression."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deployer.emulator import Emulator
from deployer.emulator.arm import health
from deployer.emulator.arm import security_alerts
from deployer.emulator.arm.triggers import Outcome
from deployer.engines import tables
from tests.emulator.make import NOW
from tests.emulator.make import TABLE
from tests.emulator.make import Client
from tests.emulator.make import ago
from tests.emulator.make import arm_client
from tests.emulator.make import arm_id
from tests.emulator.make import device_rows
from tests.emulator.make import logs_client
from tests.emulator.make import nrt_rule
from tests.emulator.make import scheduled_rule

WORKSPACE = {"subscription": "sub", "group": "group", "workspace": "acme"}
SCOPE = "sub/group/acme"
GUID = "a1512aa1-8fec-5411-8f1f-b02cf3de6c72"
DISABLED = "The analytics rule is disabled and was not executed."
HOSTS = f"{TABLE} | summarize Count = count(), Ports = make_set(RemotePort) by DeviceName | sort by DeviceName asc"


def _read(logs: Client, query: str) -> list[dict[str, Any]]:
    answer = logs("POST", "", {"query": query})
    assert answer.status_code == 200, answer.text
    [table] = answer.json()["tables"]
    names = [column["name"] for column in table["columns"]]
    return [dict(zip(names, row, strict=True)) for row in table["rows"]]


def _outcome(answer: dict[str, Any], scope: str = SCOPE) -> list[tuple[str, int]]:
    return [(entry["outcome"], entry["alerts"]) for entry in answer["sentinel"][scope]]


def test_a_run_that_detects_writes_an_alert(stopped: Emulator, arm: Client, logs: Client) -> None:
    changes = {
        "query": HOSTS,
        "severity": "High",
        "description": "Counts.",
        "tactics": ["ResourceDevelopment"],
        "techniques": ["T1584"],
        "subTechniques": ["T1584.005"],
        "entityMappings": [
            {"entityType": "Host", "fieldMappings": [{"identifier": "FullName", "columnName": "DeviceName"}]}
        ],
        "customDetails": {"Ports": "Ports", "Count": "Count"},
    }
    arm("PUT", "/r", scheduled_rule(**changes))
    stopped.load(sentinel={"acme": {TABLE: device_rows(3) + device_rows(2, DeviceName="ws-18", RemotePort=1080)}})
    answer = stopped.run()

    assert answer == {
        "emulated": True,
        "at": "2026-11-20T12:00:00.000Z",
        "kibana": {},
        "sentinel": {
            SCOPE: [
                {
                    "at": "2026-11-20T12:00:00.000Z",
                    "rule": "r",
                    "name": "Beacon",
                    "outcome": "succeeded",
                    "message": "Rule executed successfully, generating 1 alerts.",
                    "results": 2,
                    "alerts": 1,
                }
            ]
        },
    }
    [alert] = _read(logs, "SecurityAlert")
    extended, entities = json.loads(alert.pop("ExtendedProperties")), json.loads(alert.pop("Entities"))
    assert alert.pop("SystemAlertId") == alert.pop("VendorOriginalId") != ""
    assert {name: value for name, value in alert.items() if value not in ("", None)} == {
        "TimeGenerated": "2026-11-20T12:00:00Z",
        "AlertName": "Beacon",
        "DisplayName": "Beacon",
        "AlertSeverity": "High",
        "AlertType": f"{GUID}_r",
        "Description": "Counts.",
        "StartTime": "2026-11-19T12:00:00Z",
        "EndTime": "2026-11-20T12:00:00Z",
        "ProcessingEndTime": "2026-11-20T12:00:00Z",
        "IsIncident": False,
        "ProductComponentName": "Scheduled Alerts",
        "ProductName": "Azure Sentinel",
        "ProviderName": "ASI Scheduled Alerts",
        "Status": "New",
        "Tactics": "ResourceDevelopment",
        "Techniques": '["T1584"]',
        "SubTechniques": '["T1584.005"]',
        "VendorName": "Microsoft",
        "WorkspaceResourceGroup": "group",
        "WorkspaceSubscriptionId": "sub",
        "Type": "SecurityAlert",
    }
    assert json.loads(extended.pop("Custom Details")) == {"Ports": ["[6667]", "[1080]"], "Count": ["3", "2"]}
    assert extended == {
        "Emulated": "True",
        "Query": HOSTS,
        "Query Period": "1.00:00:00",
        "Query Start Time UTC": "2026-11-19T12:00:00.0000000Z",
        "Query End Time UTC": "2026-11-20T12:00:00.0000000Z",
        "Trigger Operator": "Greater Than",
        "Trigger Threshold": "0",
        "Search Query Results Overall Count": "2",
        "Event Grouping": "SingleAlert",
        "Analytic Rule Ids": '["r"]',
        "Analytic Rule Name": "Beacon",
        "Data Sources": '["acme"]',
    }
    assert entities == [
        {"$id": "1", "FullName": "ws-17.acme.example", "Type": "host"},
        {"$id": "2", "FullName": "ws-18", "Type": "host"},
    ]


@pytest.mark.parametrize(
    ("operator", "threshold", "alerts"),
    [
        ("GreaterThan", 2, 1),
        ("GreaterThan", 3, 0),
        ("LessThan", 4, 1),
        ("LessThan", 3, 0),
        ("Equal", 3, 1),
        ("Equal", 2, 0),
        ("NotEqual", 2, 1),
        ("NotEqual", 3, 0),
    ],
)
def test_the_number_of_rows_is_held_against_the_threshold(
    stopped: Emulator, arm: Client, operator: str, threshold: int, alerts: int
) -> None:
    arm("PUT", "/r", scheduled_rule(query=TABLE, triggerOperator=operator, triggerThreshold=threshold))
    stopped.load(sentinel={"acme": {TABLE: device_rows(3)}})

    assert _outcome(stopped.run()) == [("succeeded", alerts)]


def test_a_query_sees_the_data_of_its_period_only(stopped: Emulator, arm: Client) -> None:
    """Even where the query itself looks back for longer."""
    arm("PUT", "/r", scheduled_rule(query=f"{TABLE} | where TimeGenerated > ago(7d)", queryPeriod="PT1H"))
    rows = [{**row, "TimeGenerated": when} for row in device_rows(1) for when in (ago(hours=1), ago(hours=1.01), ago())]
    stopped.load(sentinel={"acme": {TABLE: rows}})

    assert [run["results"] for run in stopped.run()["sentinel"][SCOPE]] == [2]


def test_each_row_may_be_an_alert(stopped: Emulator, arm: Client, logs: Client) -> None:
    changes = {
        "query": HOSTS,
        "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
        "alertDetailsOverride": {
            "alertDisplayNameFormat": "{{DeviceName}} connects {{Count}} times",
            "alertDescriptionFormat": "To {{Ports}}",
            "alertSeverityColumnName": "None",
        },
    }
    arm("PUT", "/r", scheduled_rule(**changes))
    stopped.load(sentinel={"acme": {TABLE: device_rows(3) + device_rows(2, DeviceName="ws-18")}})

    assert _outcome(stopped.run()) == [("succeeded", 2)]
    assert _read(logs, "SecurityAlert | project DisplayName, Description, AlertSeverity | sort by DisplayName asc") == [
        {
            "DisplayName": "ws-17.acme.example connects 3 times",
            "Description": "To [6667]",
            "AlertSeverity": "Medium",
        },
        {"DisplayName": "ws-18 connects 2 times", "Description": "To [6667]", "AlertSeverity": "Medium"},
    ]


@pytest.mark.parametrize(("rows", "alerts"), [(150, 150), (151, 150)])
def test_the_last_of_150_alerts_stands_for_all_rows(
    stopped: Emulator, arm: Client, logs: Client, rows: int, alerts: int
) -> None:
    grouping = {"eventGroupingSettings": {"aggregationKind": "AlertPerResult"}}
    mapping = {"entityType": "IP", "fieldMappings": [{"identifier": "Address", "columnName": "RemoteIP"}]}
    arm("PUT", "/r", scheduled_rule(query=TABLE, entityMappings=[mapping], **grouping))
    events = [{**row, "RemoteIP": f"192.0.2.{number}"} for number, row in enumerate(device_rows(rows))]
    stopped.load(sentinel={"acme": {TABLE: events}})

    assert _outcome(stopped.run()) == [("succeeded", alerts)]
    counts = sorted(len(json.loads(alert["Entities"])) for alert in _read(logs, "SecurityAlert"))
    assert counts == [1] * (alerts - 1) + ([1] if rows == alerts else [rows])


def test_a_suppressed_rule_does_not_run_for_a_while(stopped: Emulator, arm: Client) -> None:
    arm("PUT", "/r", scheduled_rule(query=TABLE, suppressionEnabled=True, suppressionDuration="PT5H"))
    stopped.load(sentinel={"acme": {TABLE: device_rows(1)}})
    runs = []
    for hours in (0, 4, 5):
        stopped.set_clock(NOW + timedelta(hours=hours))
        runs += _outcome(stopped.run())

    assert runs == [("succeeded", 1), ("suppressed", 0), ("succeeded", 1)]


def test_a_run_without_alerts_suppresses_nothing(stopped: Emulator, arm: Client) -> None:
    arm("PUT", "/r", scheduled_rule(query=TABLE, suppressionEnabled=True))
    runs = _outcome(stopped.run())
    stopped.load(sentinel={"acme": {TABLE: device_rows(1)}})

    assert runs + _outcome(stopped.run()) == [("succeeded", 0), ("succeeded", 1)]


def test_without_health_monitoring_there_is_no_table_of_health(stopped: Emulator, arm: Client, logs: Client) -> None:
    arm("PUT", "/r", scheduled_rule(query=TABLE))
    stopped.run()
    answer = logs("POST", "", {"query": "SentinelHealth | count"})

    assert answer.status_code == 400
    assert "named 'SentinelHealth'" in answer.json()["error"]["innererror"]["innererror"]["message"]


def test_the_table_of_health_is_there_from_the_first_run_on(
    stopped: Emulator, arm: Client, control: Client, logs: Client
) -> None:
    control("POST", "/arm/workspace", {**WORKSPACE, "health": True})
    arm("PUT", "/r", scheduled_rule(query=TABLE))
    before = logs("POST", "", {"query": "SentinelHealth | count"}).status_code
    stopped.run()

    assert (before, _read(logs, "SentinelHealth | count")) == (400, [{"Count": 1}])


def test_health_tells_what_came_of_each_run(stopped: Emulator, arm: Client, control: Client, logs: Client) -> None:
    control("POST", "/arm/workspace", {**WORKSPACE, "health": True})
    created = arm("PUT", "/a", scheduled_rule(query=TABLE)).json()
    arm("PUT", "/b", scheduled_rule(query=TABLE, triggerThreshold=9, displayName="B"))
    arm("PUT", "/c", scheduled_rule(query="Nope", displayName="C"))
    arm("PUT", "/d", scheduled_rule(query=f"{TABLE} | where Nope", displayName="D"))
    arm("PUT", "/e", scheduled_rule(query="not a query", displayName="E"))
    arm("PUT", "/f", scheduled_rule(enabled=False, displayName="F"))
    arm("PUT", "/g", scheduled_rule(query=f"{TABLE} | evaluate autocluster()", displayName="G"))
    arm("PUT", "/h", {**nrt_rule(), "properties": {**nrt_rule()["properties"], "displayName": "H"}})
    stopped.load(sentinel={"acme": {TABLE: device_rows(2)}})
    answer = stopped.run()

    assert _outcome(answer) == [
        ("succeeded", 1),
        ("succeeded", 0),
        ("failed", 0),
        ("failed", 0),
        ("failed", 0),
        ("disabled", 0),
        ("not run", 0),
        ("not run", 0),
    ]
    rows = _read(logs, "SentinelHealth | sort by SentinelResourceName asc")
    told = [(row["SentinelResourceName"], row["Status"], row["Description"], row["Reason"]) for row in rows]
    unresolved = "'where' operator: Failed to resolve scalar expression named 'Nope'"
    assert told == [
        (
            "B",
            "Success",
            "Rule executed successfully, but didn't reach the threshold (9) required to generate an alert.",
            "",
        ),
        ("Beacon", "Success", "Rule executed successfully, generating 1 alerts.", ""),
        (
            "C",
            "Failure",
            "A table referenced in the query wasn't found.",
            "Failed to resolve table or column expression named 'Nope'",
        ),
        ("D", "Failure", "A semantic error occurred while running the query.", unresolved),
        (
            "E",
            "Failure",
            "A syntax error occurred while running the query.",
            "Query could not be parsed at 'a' on line [1,4]",
        ),
        ("F", "Failure", DISABLED, DISABLED),
    ]
    row = rows[1]
    extended = json.loads(row.pop("ExtendedProperties"))
    assert (len(row.pop("RecordId")), len(extended.pop("CorrelationId"))) == (36, 36)
    assert row == {
        "TimeGenerated": "2026-11-20T12:00:00Z",
        "TenantId": GUID,
        "OperationName": "Scheduled analytics rule run",
        "SentinelResourceId": created["id"],
        "SentinelResourceName": "Beacon",
        "SentinelResourceType": "Analytics Rule",
        "SentinelResourceKind": "Scheduled",
        "Status": "Success",
        "Description": "Rule executed successfully, generating 1 alerts.",
        "Reason": "",
        "WorkspaceId": GUID,
        "SourceSystem": "Azure",
        "Type": "SentinelHealth",
    }
    assert extended == {
        "Emulated": True,
        "RuleId": "a",
        "QueryResultAmount": 2,
        "AlertsGeneratedAmount": 1,
        "EntitiesGeneratedAmount": 0,
        "QueryStartTimeUTC": "2026-11-19T12:00:00.0000000Z",
        "QueryEndTimeUTC": "2026-11-20T12:00:00.0000000Z",
        "QueryFrequency": "01:00:00",
        "QueryPeriod": "1.00:00:00",
        "TriggerType": "Scheduled",
        "TriggerOperator": "GreaterThan",
        "TriggerThreshold": 0,
        "AggregationKind": "SingleAlert",
        "SuppressionEnabled": "False",
        "SuppressionDuration": "05:00:00",
        "Issues": "",
    }


def test_health_can_be_read_through_its_function(stopped: Emulator, arm: Client, control: Client, logs: Client) -> None:
    control("POST", "/arm/workspace", {**WORKSPACE, "health": True})
    arm("PUT", "/r", scheduled_rule(query=TABLE))
    stopped.run()
    query = "_SentinelHealth() | where SentinelResourceType =~ 'analytics rule' | summarize Runs = count() by Status"

    assert _read(logs, query) == [{"Status": "Success", "Runs": 1}]


def test_what_cannot_run_is_named_and_recorded_nowhere(
    stopped: Emulator, arm: Client, control: Client, logs: Client
) -> None:
    control("POST", "/arm/workspace", {**WORKSPACE, "health": True})
    arm("PUT", "/r", scheduled_rule(query=f"{TABLE} | evaluate autocluster()"))
    stopped.load(sentinel={"acme": {TABLE: device_rows(2)}})
    [run] = stopped.run()["sentinel"][SCOPE]

    assert (run["outcome"], run["alerts"]) == ("not run", 0)
    assert run["message"].startswith("emulated: not run: ")
    assert _read(logs, "SecurityAlert | count") == [{"Count": 0}]
    assert logs("POST", "", {"query": "SentinelHealth"}).status_code == 400


def test_alerts_can_be_looked_for_by_the_next_rule(stopped: Emulator, arm: Client) -> None:
    """Rules see what runs before them have written, of this run too."""
    arm("PUT", "/a", scheduled_rule(query=TABLE))
    arm("PUT", "/b", scheduled_rule(query="SecurityAlert | where AlertName == 'Beacon'", displayName="On alerts"))
    stopped.load(sentinel={"acme": {TABLE: device_rows(2)}})

    assert _outcome(stopped.run()) == [("succeeded", 1), ("succeeded", 1)]


def test_a_run_changes_nothing_of_the_rule(stopped: Emulator, arm: Client) -> None:
    created = arm("PUT", "/r", scheduled_rule(query=TABLE)).json()
    stopped.load(sentinel={"acme": {TABLE: device_rows(2)}})
    stopped.run()

    assert arm("GET", "/r").json() == created


def test_workspaces_are_apart(stopped: Emulator, arm: Client) -> None:
    globex = arm_client(stopped.url, "globex")
    for client in (arm, globex):
        client("PUT", "/r", scheduled_rule(query=TABLE))
    stopped.load(sentinel={"acme": {TABLE: device_rows(1)}, "globex": {}})
    both, one = stopped.run(), stopped.run(sentinel=["globex"])

    assert (_outcome(both), _outcome(both, "sub/group/globex")) == ([("succeeded", 1)], [("succeeded", 0)])
    assert list(one["sentinel"]) == ["sub/group/globex"]
    globex.session.close()


def test_a_schedule_can_be_played(stopped: Emulator, arm: Client, logs: Client) -> None:
    arm("PUT", "/r", scheduled_rule(query=TABLE, queryPeriod="PT1H", queryFrequency="PT1H"))
    arm("PUT", "/off", scheduled_rule(enabled=False, displayName="Off"))
    stopped.load(sentinel={"acme": {TABLE: [{**device_rows(1)[0], "TimeGenerated": ago(hours=1, minutes=30)}]}})
    answer = stopped.run(since=ago(hours=3))

    assert [(run["at"], run["rule"], run["outcome"], run["alerts"]) for run in answer["sentinel"][SCOPE]] == [
        ("2026-11-20T09:00:00.000Z", "r", "succeeded", 0),
        ("2026-11-20T10:00:00.000Z", "r", "succeeded", 0),
        ("2026-11-20T11:00:00.000Z", "r", "succeeded", 1),
        ("2026-11-20T12:00:00.000Z", "r", "succeeded", 0),
        ("2026-11-20T12:00:00.000Z", "off", "disabled", 0),
    ]
    assert _read(logs, "SecurityAlert | project TimeGenerated") == [{"TimeGenerated": "2026-11-20T11:00:00Z"}]


def test_a_schedule_of_too_many_runs_is_refused(stopped: Emulator, arm: Client) -> None:
    arm("PUT", "/r", scheduled_rule(query=TABLE, queryFrequency="PT5M"))
    with pytest.raises(ValueError, match="at most 20000 are made at once"):
        stopped.run(since="2026-01-01T00:00:00Z")


def test_alerts_and_suppressions_outlive_the_emulator(tmp_path: Path) -> None:
    seen: list[Any] = []
    for _ in range(2):
        with Emulator(tmp_path) as emulator:
            emulator.set_clock(NOW)
            logs, arm = logs_client(emulator.url), arm_client(emulator.url)
            if not seen:
                arm("PUT", "/r", scheduled_rule(query=TABLE, suppressionEnabled=True))
                emulator.load(sentinel={arm_id(): {TABLE: device_rows(1)}})
            seen.append((_outcome(emulator.run()), _read(logs, "SecurityAlert | count")))
            logs.session.close()
            arm.session.close()

    assert seen == [([("succeeded", 1)], [{"Count": 1}]), ([("suppressed", 0)], [{"Count": 1}])]


def test_the_columns_written_are_those_of_the_tables(stopped: Emulator, arm: Client, control: Client) -> None:
    """What is written is held against the same descriptions as what is loaded."""
    rule = arm("PUT", "/r", scheduled_rule(query=TABLE)).json()
    outcome = Outcome("succeeded", "", NOW, NOW, [{}], [[{}]])
    [alert], record = security_alerts.rows(SCOPE, rule, outcome), health.row(SCOPE, rule, outcome)
    described = {
        name: table.columns for name in ("SecurityAlert", "SentinelHealth") if (table := tables.sentinel(name))
    }

    assert set(alert) - set(described["SecurityAlert"]) <= {"TenantId", "SourceSystem"}
    assert set(record) <= set(described["SentinelHealth"])
