"""`GET /api/alerting/rule/{id}`: the rule as alerting runs it, and whose API key it has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from deployer.emulator import Emulator
from tests.descriptions import Description
from tests.descriptions import kibana_description
from tests.emulator.make import Client
from tests.emulator.make import kibana_client
from tests.emulator.make import threshold_rule

RULES = "/api/detection_engine/rules"
ALERTING = "/api/alerting/rule"


@pytest.fixture(scope="session")
def description(shared: Path) -> Description:
    return kibana_description(shared)


@pytest.fixture
def jo(emulator: Emulator) -> Iterator[Client]:
    """A person who is logged in with a password."""
    client = kibana_client(emulator.url)
    client.session.headers.pop("Authorization")
    client.session.auth = ("jo", "made-up")
    yield client
    client.session.close()


def _made(client: Client, **changes: Any) -> str:
    return str(client("POST", RULES, threshold_rule(**{"enabled": True, **changes})).json()["id"])


def _key(client: Client, id: str) -> tuple[Any, Any]:
    found = client("GET", f"{ALERTING}/{id}").json()
    return found["api_key_owner"], found["api_key_created_by_user"]


def test_a_rule_runs_with_the_api_key_that_wrote_it(kibana: Client) -> None:
    assert _key(kibana, _made(kibana)) == ("deployer", True)


def test_a_rule_that_a_person_saves_runs_with_a_key_made_of_the_login(kibana: Client, jo: Client) -> None:
    id = _made(kibana)
    jo("PUT", RULES, threshold_rule(enabled=True, severity="low"))

    assert _key(kibana, id) == ("jo", False)


def test_a_rule_that_was_never_enabled_has_no_key_and_gets_one_when_it_is(kibana: Client, jo: Client) -> None:
    id = _made(kibana, enabled=False)
    assert _key(kibana, id) == (None, None)

    jo("POST", f"{RULES}/_bulk_action", {"action": "enable", "ids": [id]})
    assert _key(kibana, id) == ("jo", False)

    kibana("PATCH", RULES, {"rule_id": "beacon", "enabled": False})
    assert _key(kibana, id) == ("jo", False)


def test_a_rule_of_another_space_or_none_at_all_is_not_found(emulator: Emulator, kibana: Client) -> None:
    id = _made(kibana)
    globex = kibana_client(emulator.url, "globex")
    for answer in (globex("GET", f"{ALERTING}/{id}"), kibana("GET", f"{ALERTING}/none")):
        assert (answer.status_code, answer.json()["statusCode"]) == (404, 404)
    globex.session.close()


def test_nobody_reads_it_without_a_credential(emulator: Emulator, kibana: Client) -> None:
    address = f"{emulator.url}/kibana/s/acme{ALERTING}/{_made(kibana)}"

    assert requests.get(address, timeout=10).status_code == 401


@pytest.mark.parametrize("status", ["", "running", "succeeded", "partial failure", "failed"])
def test_answers_are_as_described(kibana: Client, control: Client, description: Description, status: str) -> None:
    id = _made(kibana, tags=["a"])
    if status:
        control("POST", "/kibana/acme/run", {"rule_id": "beacon", "status": status, "message": "m"})

    answer = kibana("GET", f"{ALERTING}/{id}")

    description.check(answer, "GET", f"{ALERTING}/{{id}}")
    found = answer.json()
    assert (found["id"], found["rule_type_id"], found["running"]) == (id, "siem.thresholdRule", status == "running")
    outcomes = {"succeeded": "succeeded", "partial failure": "warning", "failed": "failed"}
    assert (found.get("last_run") or {}).get("outcome") == outcomes.get(status)
