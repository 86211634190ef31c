"""Before any route runs: credentials, headers, versions, unknown paths."""

import base64
from typing import Any

import pytest
import requests

from deployer.emulator import Emulator
from tests.emulator.make import Client
from tests.emulator.make import api_key
from tests.emulator.make import kibana_client
from tests.emulator.make import threshold_rule

RULES = "/api/detection_engine/rules"


def _ask(emulator: Emulator, method: str, path: str, **options: Any) -> requests.Response:
    return requests.request(method, f"{emulator.url}/kibana{path}", timeout=10, **options)


@pytest.mark.parametrize(
    "credential",
    [
        None,
        "Bearer x",
        "ApiKey not-base64",
        "ApiKey " + base64.b64encode(b"no-colon").decode(),
        "Basic " + base64.b64encode(b"user:").decode(),
    ],
)
def test_without_credentials_nothing_is_answered(emulator: Emulator, credential: str | None) -> None:
    headers = {"Authorization": credential} if credential else {}
    answer = _ask(emulator, "GET", f"{RULES}/_find", headers=headers)

    assert answer.status_code == 401
    assert {name: answer.json()[name] for name in ("statusCode", "error")} == {
        "statusCode": 401,
        "error": "Unauthorized",
    }


def test_the_user_is_the_name_or_the_keys_id(emulator: Emulator) -> None:
    basic = {"Authorization": "Basic " + base64.b64encode(b"anna:secret").decode(), "kbn-xsrf": "1"}
    key = {"Authorization": api_key("key-1"), "kbn-xsrf": "1"}
    by = [
        _ask(emulator, "POST", RULES, headers=headers, json=threshold_rule(rule_id=name)).json()["created_by"]
        for name, headers in (("a", basic), ("b", key))
    ]

    assert by == ["anna", "key-1"]
    assert [entry["user"] for entry in emulator.requests] == by


def test_no_credential_is_logged(emulator: Emulator, kibana: Client) -> None:
    kibana("GET", f"{RULES}/_find")

    assert "made-up" not in str(emulator.requests)
    assert api_key() not in str(emulator.requests)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_needs_the_cross_site_header(emulator: Emulator, method: str) -> None:
    answer = _ask(emulator, method, RULES, headers={"Authorization": api_key()}, json=threshold_rule())

    message = "Request must contain a kbn-xsrf header."
    assert answer.json() == {"statusCode": 400, "error": "Bad Request", "message": message}


def test_a_read_needs_no_cross_site_header(emulator: Emulator) -> None:
    assert _ask(emulator, "GET", f"{RULES}/_find", headers={"Authorization": api_key()}).status_code == 200


@pytest.mark.parametrize(("version", "status"), [("2023-10-31", 200), ("2024-01-01", 400), ("1", 400)])
def test_only_the_public_api_version_is_served(emulator: Emulator, version: str, status: int) -> None:
    headers = {"Authorization": api_key(), "elastic-api-version": version}

    assert _ask(emulator, "GET", f"{RULES}/_find", headers=headers).status_code == status


def test_internal_routes_are_refused(kibana: Client) -> None:
    answer = kibana("GET", "/internal/detection_engine/health/_rule")

    assert answer.status_code == 400
    assert "not available with the current configuration" in answer.json()["message"]


@pytest.mark.parametrize("path", ["/_bulk_create", "/_bulk_update", "/_bulk_delete", "/prepackaged"])
def test_routes_that_went_away_are_unknown(kibana: Client, path: str) -> None:
    assert kibana("POST", RULES + path, []).status_code == 404


def test_an_unknown_route_says_which_there_are(kibana: Client) -> None:
    body = kibana("GET", "/api/detection_engine/rule").json()

    assert (body["statusCode"], body["error"]) == (404, "Not Found")
    assert "GET /api/detection_engine/rules/_find" in body["message"]


def test_a_body_must_be_json_of_bearable_size(emulator: Emulator) -> None:
    headers = {"Authorization": api_key(), "kbn-xsrf": "1", "Content-Type": "application/json"}
    assert _ask(emulator, "POST", RULES, headers=headers, data="{").status_code == 400
    assert _ask(emulator, "POST", RULES, headers=headers, data='{"risk_score": NaN}').status_code == 400
    assert _ask(emulator, "POST", RULES, headers=headers, data=b" " * 1_048_577).status_code == 413
    headers["Content-Type"] = "text/plain"
    assert _ask(emulator, "POST", RULES, headers=headers, data="{}").status_code == 415


def test_the_status_is_redacted_for_strangers(emulator: Emulator, kibana: Client) -> None:
    assert _ask(emulator, "GET", "/api/status").json() == {"status": {"overall": {"level": "available"}}}
    assert kibana("GET", "/api/status").json()["version"]["build_flavor"] == "traditional"


def test_the_alerts_index_is_absent_until_it_is_made(kibana: Client) -> None:
    index = "/api/detection_engine/index"
    assert kibana("GET", index).status_code == 404
    assert kibana("POST", index).json() == {"acknowledged": True}
    assert kibana("GET", index).json() == {"name": ".alerts-security.alerts-acme", "index_mapping_outdated": False}


def test_the_default_space_has_no_prefix(emulator: Emulator) -> None:
    default = kibana_client(emulator.url, "default")
    default("POST", RULES, threshold_rule())
    plain = _ask(emulator, "GET", RULES, headers={"Authorization": api_key()}, params={"rule_id": "beacon"})

    assert plain.status_code == 200


def test_elasticsearch_says_its_version_and_knows_no_index_without_telemetry(emulator: Emulator) -> None:
    headers = {"Authorization": api_key()}
    root = requests.get(f"{emulator.url}/elasticsearch/", headers=headers, timeout=10)
    search = requests.post(f"{emulator.url}/elasticsearch/logs/_search", headers=headers, json={}, timeout=10)

    assert (root.json()["version"]["number"], root.headers["X-Elastic-Product"]) == ("9.3.0", "Elasticsearch")
    assert (search.status_code, search.json()["error"]["type"]) == (404, "index_not_found_exception")
