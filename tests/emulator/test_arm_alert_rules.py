"""Alert rules as Sentinel keeps them: what it refuses, fills in, and how its lists and etags behave."""

import base64
import json
from typing import Any

import pytest
import requests

from deployer.emulator import Emulator
from tests.emulator.make import PREVIEW
from tests.emulator.make import STABLE
from tests.emulator.make import Client
from tests.emulator.make import arm_client
from tests.emulator.make import nrt_rule
from tests.emulator.make import scheduled_rule

GROUPING = {
    "enabled": True,
    "reopenClosedIncident": False,
    "lookbackDuration": "PT5H",
    "matchingMethod": "AllEntities",
}


def _mapping(identifiers: int = 1, type: str = "Host") -> dict[str, Any]:
    fields = [{"identifier": "FullName", "columnName": f"C{number}"} for number in range(identifiers)]
    return {"entityType": type, "fieldMappings": fields}


def _incident(**changes: Any) -> dict[str, Any]:
    return {"createIncident": True, "groupingConfiguration": {**GROUPING, **changes}}


def _names(client: Client, **query: Any) -> list[str]:
    return [rule["name"] for rule in client("GET", "", **query).json()["value"]]


REFUSED: list[tuple[dict[str, Any], str]] = [
    *(({name: None}, f"Required property '{name}' not found in JSON") for name in scheduled_rule()["properties"]),
    ({"enabled": "true"}, "Error converting value 'true' of property 'enabled' to bool"),
    ({"triggerThreshold": True}, "Error converting value True of property 'triggerThreshold' to int"),
    ({"triggerThreshold": -1}, "The trigger threshold must not be negative"),
    ({"severity": "Critical"}, "Error converting value \"Critical\" of property 'severity'"),
    ({"triggerOperator": "gt"}, "Error converting value \"gt\" of property 'triggerOperator'"),
    ({"tactics": ["Botnet"]}, "The tactic 'Botnet' is invalid"),
    ({"tactics": "Impact"}, "Error converting value 'Impact' of property 'tactics' to list"),
    (
        {"techniques": ["T1584.005"]},
        "Invalid data model. [: The technique 'T1584.005' is invalid. The expected format is 'T####'",
    ),
    (
        {"techniques": ["T1584"], "subTechniques": ["T1584"]},
        "Invalid data model. [: The sub-technique 'T1584' is invalid",
    ),
    (
        {"subTechniques": ["T1584.005"]},
        "Invalid data model. [: The technique of the sub-technique 'T1584.005' is missing",
    ),
    ({"queryFrequency": "1h"}, "The property 'queryFrequency' is not an ISO 8601 duration"),
    ({"queryFrequency": "PT4M"}, "The property 'queryFrequency' must be between"),
    ({"queryPeriod": "P15D"}, "The property 'queryPeriod' must be between"),
    ({"queryPeriod": "P1M"}, "The property 'queryPeriod' is not an ISO 8601 duration"),
    ({"queryFrequency": "P2D"}, "The query frequency must not be longer than the query period"),
    ({"suppressionDuration": "PT25H"}, "The property 'suppressionDuration' must be between"),
    ({"suppressionDuration": "PT1M"}, "The property 'suppressionDuration' must be between"),
    ({"query": ""}, "The length of the query must be between 1 and 10000 characters"),
    ({"query": "T" * 10_001}, "The length of the query must be between 1 and 10000 characters"),
    ({"query": "search * | take 1"}, "The query must not contain 'search *'"),
    ({"query": "union kind=outer * | take 1"}, "The query must not contain 'union *'"),
    ({"entityMappings": [_mapping()] * 11}, "A rule can have at most 10 entity mappings"),
    ({"entityMappings": [_mapping(4)]}, "An entity mapping must have 1 to 3 identifiers"),
    ({"entityMappings": [_mapping(type="Server")]}, "The entity type 'Server' is invalid"),
    ({"customDetails": {str(number): "C" for number in range(21)}}, "A rule can have at most 20 custom details"),
    (
        {"eventGroupingSettings": {"aggregationKind": "Each"}},
        "Error converting value \"Each\" of property 'aggregationKind'",
    ),
    ({"incidentConfiguration": {}}, "Required property 'incidentConfiguration.createIncident' not found"),
    ({"incidentConfiguration": _incident(matchingMethod="Selected")}, "With the matching method Selected"),
    (
        {"incidentConfiguration": _incident(lookbackDuration=None)},
        "Required property 'groupingConfiguration.lookbackDuration'",
    ),
    ({"incidentConfiguration": _incident(groupByAlertDetails=["Name"])}, "The alert detail 'Name' is invalid"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_a_rule_that_sentinel_does_not_take_is_refused(arm: Client, changes: dict[str, Any], message: str) -> None:
    answer = arm("PUT", "/r", scheduled_rule(**changes))

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "BadRequest"
    assert error["message"].startswith(message)
    assert _names(arm) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"queryFrequency": "PT5M", "queryPeriod": "P14D"},
        {"queryFrequency": "PT01H00M00S", "queryPeriod": "P1DT12H"},
        {"query": "T" * 10_000},
        {"query": "T // search *"},
        {"entityMappings": [_mapping(3)] * 10},
        {"customDetails": {str(number): "C" for number in range(20)}},
        {"incidentConfiguration": _incident(matchingMethod="Selected", groupByEntities=["Host"])},
        {"tactics": ["ResourceDevelopment"], "techniques": ["T1584"], "subTechniques": ["T1584.005"]},
        {"displayName": "Beacon"},
    ],
)
def test_a_rule_at_the_limits_is_taken_and_kept_as_sent(arm: Client, changes: dict[str, Any]) -> None:
    arm("PUT", "/other", scheduled_rule())
    answer = arm("PUT", "/r", scheduled_rule(**changes))
    sent = scheduled_rule(**changes)["properties"]

    assert answer.status_code == 201
    assert {name: answer.json()["properties"][name] for name in sent} == sent


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"properties": {}}, "Required property 'kind' not found in JSON"),
        ({"kind": "Odd", "properties": {}}, "The kind 'Odd' is not supported by api-version 2025-10-01-preview"),
        ({"kind": "Scheduled"}, "Required property 'properties' not found in JSON"),
        (
            {"kind": "Fusion", "properties": {"alertRuleTemplateName": "x", "enabled": True, "severity": "High"}},
            "Read-only property 'severity' cannot be assigned",
        ),
    ],
)
def test_a_body_without_kind_or_with_read_only_properties_is_refused(
    arm: Client, body: dict[str, Any], message: str
) -> None:
    answer = arm("PUT", "/r", body)

    assert (answer.status_code, answer.json()) == (400, {"error": {"code": "BadRequest", "message": message}})


def test_put_creates_then_updates(arm: Client) -> None:
    first, second = arm("PUT", "/r", scheduled_rule()), arm("PUT", "/r", scheduled_rule())

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["etag"] != second.json()["etag"]
    assert arm("GET", "/r").json() == second.json()


def test_the_server_fills_in_what_it_owns(arm: Client) -> None:
    rule = arm("PUT", "/My-Rule", scheduled_rule()).json()

    path = arm.address.split("/arm")[1] + "/My-Rule"
    assert (rule["id"], rule["name"], rule["type"]) == (path, "My-Rule", "Microsoft.SecurityInsights/alertRules")
    assert rule["etag"].startswith('"')
    assert rule["etag"].endswith('"')
    assert rule["properties"]["lastModifiedUtc"] == rule["systemData"]["lastModifiedAt"]
    assert rule["properties"]["alertRuleTemplateName"] is None
    assert arm("GET", "/MY-RULE").json() == rule


def test_put_resets_what_is_not_sent(arm: Client) -> None:
    fresh = arm("PUT", "/fresh", scheduled_rule()).json()["properties"]
    arm("PUT", "/r", scheduled_rule(description="d", tactics=["Impact"], customDetails={"a": "b"}))
    reset = arm("PUT", "/r", scheduled_rule()).json()["properties"]

    assert {**reset, "lastModifiedUtc": ""} == {**fresh, "lastModifiedUtc": ""}


def test_the_kind_of_a_rule_is_fixed(arm: Client) -> None:
    arm("PUT", "/r", scheduled_rule())

    assert arm("PUT", "/r", nrt_rule()).status_code == 400


@pytest.mark.parametrize("where", ["body", "header"])
def test_a_stale_etag_is_refused(arm: Client, where: str) -> None:
    etag = arm("PUT", "/r", scheduled_rule()).json()["etag"]

    def put() -> int:
        body = {**scheduled_rule(), "etag": etag} if where == "body" else scheduled_rule()
        arm.session.headers["If-Match"] = etag if where == "header" else "*"
        return arm("PUT", "/r", body).status_code

    assert [put(), put()] == [200, 412]


def test_if_match_needs_a_rule_to_match(arm: Client) -> None:
    arm.session.headers["If-Match"] = '"x"'

    assert arm("PUT", "/r", scheduled_rule()).status_code == 412


def test_delete_is_idempotent(arm: Client) -> None:
    arm("PUT", "/r", scheduled_rule())

    assert [arm("DELETE", "/r").status_code for _ in range(2)] == [200, 204]
    assert arm("GET", "/r").json()["error"]["code"] == "NotFound"


def test_a_deleted_id_is_barred_for_a_day(arm: Client, control: Client) -> None:
    control("POST", "/clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    arm("PUT", "/r", scheduled_rule())
    arm("DELETE", "/r")
    control("POST", "/clock", {"now": "2026-11-22T09:59:00Z", "frozen": True})
    refused = arm("PUT", "/R", scheduled_rule())
    control("POST", "/clock", {"now": "2026-11-22T10:00:00Z", "frozen": True})
    taken = arm("PUT", "/r", scheduled_rule())

    text = "You need to allow some time before re-using the same id. Please try again later."
    message = f"The rule with id 'R' was recently deleted. {text}"
    assert (refused.status_code, refused.json()) == (400, {"error": {"code": "BadRequest", "message": message}})
    assert taken.status_code == 201
    assert taken.json()["properties"]["lastModifiedUtc"] == "2026-11-22T10:00:00.0000000Z"


def test_list_pages_by_absolute_links_on_its_own_origin(emulator: Emulator, arm: Client, control: Client) -> None:
    control("POST", "/settings", {"page_size": 2})
    for number in range(5):
        arm("PUT", f"/r{number}", scheduled_rule())
    page, names = arm("GET", "").json(), []
    while True:
        names.append([rule["name"] for rule in page["value"]])
        if "nextLink" not in page:
            break
        assert page["nextLink"].startswith(emulator.url)
        page = arm("GET", page["nextLink"]).json()

    assert names == [["r0", "r1"], ["r2", "r3"], ["r4"]]


def test_a_workspace_holds_its_own_rules_and_ignores_case(emulator: Emulator, arm: Client) -> None:
    arm("PUT", "/r", scheduled_rule())

    assert _names(arm_client(emulator.url, "ACME")) == ["r"]
    assert _names(arm_client(emulator.url, "other")) == []


def test_a_stable_version_knows_no_near_real_time_rule(emulator: Emulator, arm: Client) -> None:
    stable = arm_client(emulator.url, version=STABLE)
    assert arm("PUT", "/nrt", nrt_rule()).status_code == 201
    arm("PUT", "/scheduled", scheduled_rule())

    assert stable("PUT", "/other", nrt_rule()).status_code == 400
    assert (_names(stable), _names(arm)) == (["scheduled"], ["nrt", "scheduled"])
    assert stable("GET", "/nrt").status_code == 404


def test_a_stable_version_drops_sub_techniques_in_silence(emulator: Emulator, arm: Client) -> None:
    body = scheduled_rule(techniques=["T1584"], subTechniques=["T1584.005"])
    stable = arm_client(emulator.url, version=STABLE)
    written = arm("PUT", "/r", body).json()
    assert "subTechniques" not in stable("GET", "/r").json()["properties"]
    assert stable("PUT", "/r", body).status_code == 200

    assert written["properties"]["subTechniques"] == ["T1584.005"]
    assert arm("GET", "/r").json()["properties"]["subTechniques"] is None


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("", "MissingApiVersionParameter"),
        ("2019-01-01", "InvalidApiVersionParameter"),
        ("latest", "InvalidApiVersionParameter"),
    ],
)
def test_an_unknown_api_version_is_refused(arm: Client, version: str, code: str) -> None:
    answer = arm("GET", "", **{"api-version": version})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "ApiKey x"}, {"Authorization": "Bearer "}])
def test_without_a_token_nothing_is_answered(arm: Client, headers: dict[str, str]) -> None:
    answer = requests.get(arm.address, params={"api-version": PREVIEW}, headers=headers, timeout=10)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthenticationFailed")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("claims", "header", "user", "kind"),
    [
        ({"appid": "app-1"}, None, "app-1", "Application"),
        ({"appid": "portal", "upn": "anna@acme.example"}, None, "anna@acme.example", "User"),
        ({"appid": "app-1"}, "bert@acme.example", "bert@acme.example", "User"),
    ],
)
def test_who_wrote_is_read_from_the_token(
    arm: Client, claims: dict[str, str], header: str | None, user: str, kind: str
) -> None:
    arm("PUT", "/r", scheduled_rule())
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    arm.session.headers["Authorization"] = f"Bearer e30.{payload}.sig"
    if header:
        arm.session.headers["x-emulator-user"] = header
    data = arm("PUT", "/r", scheduled_rule()).json()["systemData"]

    assert (data["lastModifiedBy"], data["lastModifiedByType"]) == (user, kind)
    assert data["createdBy"] != user


def test_a_query_of_a_missing_table_fails_when_the_rule_is_enabled(arm: Client, control: Client) -> None:
    workspace = {"subscription": "sub", "group": "group", "workspace": "acme"}
    control("POST", "/arm/workspace", {**workspace, "tables": ["DeviceNetworkEvents"]})
    query = "CommonSecurityLog | where DeviceName != ''"
    missing = arm("PUT", "/r", scheduled_rule(query=query))
    disabled = arm("PUT", "/r", scheduled_rule(query=query, enabled=False))
    commented = arm("PUT", "/c", scheduled_rule(query="DeviceNetworkEvents // not CommonSecurityLog"))
    control("POST", "/arm/workspace", workspace)
    unrestricted = arm("PUT", "/r", scheduled_rule(query=query))

    text = "Failed to run the analytics rule query. One of the tables does not exist."
    assert (missing.status_code, missing.json()["error"]) == (400, {"code": "BadRequest", "message": text})
    assert (disabled.status_code, commented.status_code, unrestricted.status_code) == (201, 201, 200)


def test_the_throttling_headers_are_sent(arm: Client) -> None:
    assert "x-ms-ratelimit-remaining-subscription-reads" in arm("GET", "").headers
    assert "x-ms-ratelimit-remaining-subscription-writes" in arm("PUT", "/r", scheduled_rule()).headers


def test_the_workspace_has_a_customer_id(arm: Client) -> None:
    path = arm.address.split("/providers/Microsoft.SecurityInsights")[0]
    client = Client(path, {"Authorization": "Bearer made-up"}, {"api-version": "2022-10-01"})
    body = client("GET", "").json()
    client.session.close()

    assert len(body["properties"]["customerId"]) == 36
    assert body["name"] == "acme"


def test_an_unknown_route_says_which_there_are(arm: Client) -> None:
    answer = arm("PATCH", "/r", {})

    assert answer.status_code == 404
    assert "alertRules/{rule}" in answer.json()["error"]["message"]
