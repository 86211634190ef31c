"""The emulator's answers against the published description and examples of Microsoft.SecurityInsights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployer.emulator import Emulator
from tests.descriptions import alert_rules_check
from tests.descriptions import insights_folder
from tests.emulator.make import Client
from tests.emulator.make import arm_client
from tests.emulator.make import nrt_rule
from tests.emulator.make import scheduled_rule

STABLE = "stable/2024-03-01"
PREVIEW = "preview/2024-01-01-preview"
CREATED = [
    (STABLE, "CreateScheduledAlertRule"),
    (STABLE, "CreateMicrosoftSecurityIncidentCreationAlertRule"),
    (PREVIEW, "CreateScheduledAlertRule"),
    (PREVIEW, "CreateNrtAlertRule"),
    (PREVIEW, "CreateMicrosoftSecurityIncidentCreationAlertRule"),
]
FUSION = [(STABLE, "CreateFusionAlertRule"), (PREVIEW, "CreateFusionAlertRule")]


@pytest.fixture(scope="session")
def insights(shared: Path) -> Path:
    """The folder of the descriptions, one below it for each version."""
    return insights_folder(shared)


@pytest.fixture(scope="session")
def check(insights: Path) -> Callable[[Any, str, str], None]:
    """Holds a value against a definition of AlertRules.json."""
    return alert_rules_check(insights)


def _example(insights: Path, version: str, name: str) -> dict[str, Any]:
    example: dict[str, Any] = json.loads((insights / version / f"examples/alertRules/{name}.json").read_text())
    return example


def _client(emulator: Emulator, version: str) -> Client:
    return arm_client(emulator.url, version=version.split("/")[1])


@pytest.mark.parametrize(("version", "name"), CREATED)
def test_a_published_body_is_taken_and_answered_as_published(
    emulator: Emulator, insights: Path, check: Callable[[Any, str, str], None], version: str, name: str
) -> None:
    example = _example(insights, version, name)
    client = _client(emulator, version)
    sent = example["parameters"]["alertRule"]
    created = client("PUT", "/r", sent)
    updated = client("PUT", "/r", {**sent, "etag": created.json()["etag"]})
    read = client("GET", "/r")
    listed = client("GET", "").json()
    client.session.close()

    assert (created.status_code, updated.status_code, read.status_code) == (201, 200, 200)
    for status, answer in (("201", created), ("200", updated), ("200", read)):
        published = example["responses"][status]["body"]
        assert set(published) <= set(answer.json())
        assert set(published["properties"]) <= set(answer.json()["properties"])
        check(answer.json(), version, f"{sent['kind'].replace('NRT', 'Nrt')}AlertRule")
    kept = updated.json()["properties"]
    assert {name: kept[name] for name in sent["properties"] if name != "alertDetailsOverride"} == {
        name: value for name, value in sent["properties"].items() if name != "alertDetailsOverride"
    }
    check(listed, version, "AlertRulesList")


@pytest.mark.parametrize(("version", "name"), FUSION)
def test_a_published_fusion_body_is_taken(
    emulator: Emulator, insights: Path, check: Callable[[Any, str, str], None], version: str, name: str
) -> None:
    sent = _example(insights, version, name)["parameters"]["alertRule"]
    client = _client(emulator, version)
    answer = client("PUT", "/myFirstFusionRule", sent)
    client.session.close()

    assert (answer.status_code, answer.json()["kind"]) == (201, "Fusion")
    check(answer.json(), version, "FusionAlertRule")


@pytest.mark.parametrize("version", [STABLE, PREVIEW])
def test_every_status_is_a_described_one(emulator: Emulator, insights: Path, version: str) -> None:
    document = json.loads((insights / version / "AlertRules.json").read_text())
    [path] = [path for path in document["paths"] if path.endswith("/alertRules/{ruleId}")]
    client = _client(emulator, version)
    seen = [
        (method, str(client(method, "/r", body).status_code))
        for method, body in (
            ("PUT", scheduled_rule()),
            ("PUT", scheduled_rule()),
            ("GET", None),
            ("DELETE", None),
            ("DELETE", None),
        )
    ]
    client.session.close()

    assert [status for _, status in seen] == ["201", "200", "200", "200", "204"]
    assert all(status in document["paths"][path][method.lower()]["responses"] for method, status in seen)


def test_the_smallest_rules_are_answered_as_described(arm: Client, check: Callable[[Any, str, str], None]) -> None:
    check(arm("PUT", "/scheduled", scheduled_rule()).json(), PREVIEW, "ScheduledAlertRule")
    check(arm("PUT", "/nrt", nrt_rule()).json(), PREVIEW, "NrtAlertRule")


def test_enumerations_are_those_of_the_description(insights: Path) -> None:
    from deployer.emulator.arm import documents
    from deployer.emulator.arm import validation

    rules = json.loads((insights / PREVIEW / "AlertRules.json").read_text())["definitions"]
    types = json.loads((insights / PREVIEW / "common/AlertTypes.json").read_text())["definitions"]
    assert set(types["AttackTactic"]["enum"]) == validation.TACTICS
    assert set(types["AlertSeverityEnum"]["enum"]) == set(validation.SEVERITIES)
    assert set(rules["AlertRuleKindEnum"]["enum"]) == set(documents.PREVIEW_KINDS)
    assert set(rules["ScheduledAlertRuleProperties"]["required"]) <= set(validation.REQUIRED["Scheduled"])


@pytest.mark.parametrize("status", [400, 401, 404, 412])
def test_errors_have_the_described_shape(arm: Client, insights: Path, status: int) -> None:
    if status == 401:
        del arm.session.headers["Authorization"]
    if status == 412:
        arm.session.headers["If-Match"] = '"x"'
    answer = arm("GET", "/r") if status in (401, 404) else arm("PUT", "/r", {} if status == 400 else scheduled_rule())

    assert answer.status_code == status
    assert {name: type(value) for name, value in answer.json()["error"].items()} == {"code": str, "message": str}
