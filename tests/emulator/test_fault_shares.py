"""Faults that hit some of the requests or some of the targets, always the same ones."""

from collections import Counter
from typing import Any

import pytest
import requests

from deployer.emulator import Emulator
from deployer.emulator.faults import Asked
from deployer.emulator.faults import BadFault
from deployer.emulator.faults import Faults
from tests.emulator.make import Client
from tests.emulator.make import arm_client
from tests.emulator.make import kibana_client

FIND = "/api/detection_engine/rules/_find"
ASKED = [Asked("GET", f"/kibana/s/t{number % 500}/{number}", "", f"t{number % 500}") for number in range(4000)]


def _hit(asked: list[Asked], **spec: Any) -> list[Asked]:
    faults = Faults()
    faults.add({"path": ".", **spec}, 0)
    return [one for one in asked if faults.take(one) is not None]


def test_a_share_of_requests_is_the_same_in_whatever_order_they_come() -> None:
    hit = _hit(ASKED, share=0.05, seed=1)
    shuffled = ASKED[2000:] + ASKED[1999::-1]

    assert 0.04 < len(hit) / len(ASKED) < 0.06
    assert set(_hit(shuffled, share=0.05, seed=1)) == set(hit)
    assert set(_hit(ASKED, share=0.05, seed=2)) != set(hit)


def test_a_second_try_is_drawn_anew() -> None:
    """Who tries again gets through: no request fails for ever."""
    tries = _hit(ASKED[:1] * 400, share=0.5)

    assert 150 < len(tries) < 250


def test_a_share_of_targets_is_dead_for_every_request() -> None:
    hit = _hit(ASKED, share=0.02, of="targets")
    dead = {one.target for one in hit}

    assert 5 <= len(dead) <= 15
    assert Counter(one.target in dead for one in ASKED) == Counter({True: len(hit), False: len(ASKED) - len(hit)})
    assert _hit([Asked("GET", "/x", "", None)], share=1, of="targets") == []


def test_every_nth_request_fails_with_the_statuses_in_turn(emulator: Emulator, kibana: Client) -> None:
    emulator.fault(path="_find", every=2, after=1, times=3, status=[429, 503], retry_after=2)
    answers = [kibana("GET", FIND) for _ in range(9)]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 200, 503, 200, 429, 200, 200]
    assert {answer.headers.get("Retry-After") for answer in answers if answer.status_code != 200} == {"2"}
    assert [one.get("fault") for one in emulator.requests].count("status") == 3


def test_a_fault_of_one_target_spares_the_others(emulator: Emulator) -> None:
    emulator.fault(target="^acme$", status=503)
    clients = [
        *(kibana_client(emulator.url, name) for name in ("acme", "acme-2")),
        *(arm_client(emulator.url, name) for name in ("acme", "initech")),
    ]
    statuses = [client("GET", FIND if "/kibana" in client.address else "").status_code for client in clients]
    for client in clients:
        client.session.close()

    assert statuses == [503, 200, 503, 200]


def test_an_answer_may_be_cut_in_the_middle(emulator: Emulator, kibana: Client) -> None:
    emulator.fault(path="exception_lists$", method="POST", kind="cut", times=1)
    body = {"list_id": "x", "name": "x", "description": "x", "type": "detection"}
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        kibana("POST", "/api/exception_lists", body)

    assert kibana("GET", "/api/exception_lists", list_id="x").status_code == 200
    assert [one["connection"] for one in emulator.requests] == [1, 2]


@pytest.mark.parametrize(
    "spec",
    [
        {"share": 1.5},
        {"share": 0.1, "of": "tenants"},
        {"every": 0},
        {"status": []},
        {"target": "("},
        {"_hits": 3},
        {"since": 3},
    ],
)
def test_a_share_that_means_nothing_is_refused(emulator: Emulator, spec: dict[str, Any]) -> None:
    with pytest.raises(BadFault):
        emulator.fault(path=".", **spec)
