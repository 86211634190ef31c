"""Injected failures, and the log of what was asked."""

import time
from typing import Any

import pytest
import requests

from deployer.emulator import Emulator
from deployer.emulator.faults import BadFault
from tests.emulator.make import Client
from tests.emulator.make import scheduled_rule
from tests.emulator.make import threshold_rule

RULES = "/api/detection_engine/rules"
FIND = f"{RULES}/_find"


def test_a_status_is_answered_so_often_and_so_late(emulator: Emulator, kibana: Client) -> None:
    emulator.fault(path="_find", method="GET", status=503, times=2, after=1, headers={"Retry-After": "1"})
    answers = [kibana("GET", FIND) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers["Retry-After"] == "1"
    assert answers[1].json()["statusCode"] == 503


def test_a_body_can_be_given(emulator: Emulator, arm: Client) -> None:
    body = {"value": [], "nextLink": "http://elsewhere.invalid/"}
    emulator.fault(path="alertRules$", status=200, body=body)

    assert arm("GET", "").json() == body


def test_a_fault_hits_only_what_it_matches(emulator: Emulator, kibana: Client, arm: Client) -> None:
    emulator.fault(path="/s/acme/.*rules$", method="post", status=403)
    emulator.fault(path="alertRules", query="skipToken", status=429)

    assert kibana("POST", RULES, threshold_rule()).status_code == 403
    assert kibana("GET", FIND).status_code == 200
    assert arm("GET", "").status_code == 200
    answer = arm("GET", "", **{"$skipToken": "0"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "TooManyRequests")


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("fault", [{"kind": "close"}, {"kind": "timeout", "seconds": 0.05}])
def test_no_answer_leaves_open_whether_it_was_done(
    emulator: Emulator, kibana: Client, applied: bool, fault: dict[str, Any]
) -> None:
    emulator.fault(path=f"{RULES}$", method="POST", times=1, applied=applied, **fault)
    with pytest.raises(requests.ConnectionError):
        kibana("POST", RULES, threshold_rule())

    assert kibana("GET", RULES, rule_id="beacon").status_code == (200 if applied else 404)
    first = emulator.requests[0]
    assert (first["status"], first["fault"], len(emulator.requests)) == (None, fault["kind"], 2)


def test_a_write_can_be_applied_and_answered_as_failed(emulator: Emulator, kibana: Client) -> None:
    """Kibana may answer 409 although it wrote (kibana issue 213624)."""
    emulator.fault(path=f"{RULES}$", method="POST", status=409, applied=True, times=1)

    assert kibana("POST", RULES, threshold_rule()).status_code == 409
    assert kibana("GET", RULES, rule_id="beacon").status_code == 200


def test_garbage_is_no_json(emulator: Emulator, kibana: Client) -> None:
    emulator.fault(path="_find", kind="garbage", times=1)
    answer = kibana("GET", FIND)

    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_a_late_answer_is_right(emulator: Emulator, kibana: Client) -> None:
    emulator.fault(path="_find", kind="late", seconds=0.2, times=1)
    began = time.monotonic()

    assert kibana("GET", FIND).json()["total"] == 0
    assert time.monotonic() - began >= 0.2
    assert len(emulator.requests) == 1


def test_reads_after_a_write_are_stale_for_a_while(emulator: Emulator, arm: Client) -> None:
    before = arm("PUT", "/r", scheduled_rule()).json()
    emulator.fault(path="alertRules", kind="stale", times=2)
    assert arm("GET", "/r").json() == before
    after = arm("PUT", "/r", scheduled_rule(severity="High")).json()

    reads = [arm("GET", "/r").json(), arm("GET", "").json()["value"][0], arm("GET", "/r").json()]
    assert reads == [before, before, after]


def test_a_new_rule_is_not_seen_and_a_deleted_one_still_is(emulator: Emulator, arm: Client) -> None:
    old = arm("PUT", "/old", scheduled_rule()).json()
    emulator.fault(path="alertRules", kind="stale", times=2)
    arm("PUT", "/new", scheduled_rule())
    arm("DELETE", "/old")

    assert arm("GET", "").json()["value"] == [old]
    assert arm("GET", "/new").status_code == 404
    assert [rule["name"] for rule in arm("GET", "").json()["value"]] == ["new"]


def test_faults_are_cleared(emulator: Emulator, kibana: Client, control: Client) -> None:
    assert control("POST", "/faults", {"path": "_find", "status": 500}).status_code == 200
    assert kibana("GET", FIND).status_code == 500
    assert control("DELETE", "/faults").status_code == 204
    assert kibana("GET", FIND).status_code == 200
    emulator.fault(path="_find", status=500)
    emulator.clear_faults()
    assert kibana("GET", FIND).status_code == 200


@pytest.mark.parametrize("spec", [{}, {"path": "("}, {"path": "x", "kind": "odd"}, {"path": "x", "statsu": 500}])
def test_a_fault_that_means_nothing_is_refused(emulator: Emulator, control: Client, spec: dict[str, Any]) -> None:
    assert control("POST", "/faults", spec).status_code == 400
    with pytest.raises(BadFault):
        emulator.fault(**spec)


def test_the_log_tells_what_was_asked(emulator: Emulator, kibana: Client, control: Client) -> None:
    kibana("POST", RULES, {"type": "threshold"})
    kibana("GET", FIND, page=1, filter="x")
    logged = [
        {
            "method": "POST",
            "path": f"/kibana/s/acme{RULES}",
            "query": {},
            "status": 400,
            "user": "deployer",
            "target": "acme",
            "route": RULES,
            "connection": 1,
            "credential": 1,
            "body": {"type": "threshold"},
        },
        {
            "method": "GET",
            "path": f"/kibana/s/acme{FIND}",
            "query": {"page": "1", "filter": "x"},
            "status": 400,
            "user": "deployer",
            "target": "acme",
            "route": FIND,
            "connection": 1,
            "credential": 1,
        },
    ]

    assert emulator.requests == logged
    assert control("GET", "/requests").json() == {"requests": logged}
    control("DELETE", "/requests")
    assert emulator.requests == []


def test_clearing_in_process_forgets_too(emulator: Emulator, kibana: Client) -> None:
    kibana("GET", FIND)
    emulator.clear_requests()

    assert emulator.requests == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/clock", {"now": "soon"}),
        ("POST", "/settings", {"nonsense": 1}),
        ("POST", "/settings", {"page_size": "2"}),
        ("POST", "/settings", {"kibana_version": "nine"}),
        ("POST", "/arm/workspace", {"tables": []}),
        ("POST", "/faults", [1]),
    ],
)
def test_the_emulators_own_routes_are_strict(control: Client, method: str, path: str, body: Any) -> None:
    assert control(method, path, body).status_code == 400


def test_the_emulators_own_routes_are_listed(control: Client) -> None:
    answer = control("GET", "/nonsense")

    assert answer.status_code == 404
    assert "POST /faults" in answer.json()["message"]


def test_an_unknown_service_is_not_found(emulator: Emulator) -> None:
    answer = requests.get(f"{emulator.url}/splunk/x", timeout=10)

    assert answer.status_code == 404
    assert "/kibana" in answer.json()["message"]


def test_the_clock_moves_and_comes_back(control: Client, kibana: Client) -> None:
    control("POST", "/clock", {"now": "2030-01-01T00:00:00+01:00", "frozen": True})
    assert kibana("POST", RULES, threshold_rule()).json()["created_at"] == "2029-12-31T23:00:00.000Z"
    control("POST", "/clock", {"now": "2030-01-01T00:00:00"})
    assert kibana("PUT", RULES, threshold_rule()).json()["updated_at"].startswith("2030-01-01T00:00:0")
    control("DELETE", "/clock")
    assert not kibana("PUT", RULES, threshold_rule()).json()["updated_at"].startswith("2030")
