"""Connections to the emulator: kept open, cut by faults, and never in the way of its end."""

import re
import socket
import threading
from urllib.parse import urlsplit

import pytest
import requests

from deployer.emulator import Emulator
from tests.emulator.make import Client
from tests.emulator.make import api_key
from tests.emulator.make import kibana_client
from tests.emulator.make import threshold_rule

RULES = "/api/detection_engine/rules"
FIND = f"{RULES}/_find"


def _connections(emulator: Emulator) -> list[int]:
    return [one["connection"] for one in emulator.requests]


def _raw(emulator: Emulator) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(emulator.url).port or 0), timeout=10)


def test_one_client_keeps_one_connection(emulator: Emulator, kibana: Client) -> None:
    answers = [
        kibana("GET", FIND),
        kibana("POST", RULES, threshold_rule()),
        kibana("POST", RULES, {"type": "none"}),
        kibana("DELETE", RULES, rule_id="beacon"),
        kibana("HEAD", FIND),
        kibana("GET", f"{RULES}/nonsense"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 400, 200, 200, 404]
    assert _connections(emulator) == [1] * 6


def test_every_client_has_its_own_connection(emulator: Emulator, kibana: Client) -> None:
    other = kibana_client(emulator.url, "other")
    for client in (kibana, other, kibana):
        client("GET", FIND)
    other.session.close()

    assert _connections(emulator) == [1, 2, 1]


def test_a_client_that_wants_no_more_is_let_go(emulator: Emulator) -> None:
    for number in (1, 2):
        answer = requests.get(f"{emulator.url}/kibana{FIND}", headers={"Connection": "close"}, timeout=10)
        assert (answer.status_code, answer.headers["Connection"]) == (401, "close")
        assert _connections(emulator)[-1] == number


def test_what_a_client_sends_at_once_is_answered_in_order(emulator: Emulator) -> None:
    """Each answer says its length, so that the next one is found behind it."""
    head = f"HTTP/1.1\r\nHost: x\r\nAuthorization: {api_key()}\r\n"
    with _raw(emulator) as connection:
        connection.sendall(f"GET /kibana{FIND} {head}\r\nHEAD /kibana{FIND} {head}\r\nGET /nowhere {head}\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        answers = b"".join(iter(lambda: connection.recv(65536), b""))

    found = re.findall(rb"HTTP/1.1 (\d+) .*?Content-Length: (\d+)\r\n.*?\r\n\r\n", answers, re.DOTALL)
    lengths = [int(length) for _, length in found]
    heads = sum(len(one) for one in re.findall(rb"HTTP/1.1 .*?\r\n\r\n", answers, re.DOTALL))
    assert [status for status, _ in found] == [b"200", b"200", b"404"]
    assert lengths[0] == lengths[1] > 0
    assert len(answers) == heads + lengths[0] + lengths[2]


def test_a_body_in_chunks_is_read_whole(emulator: Emulator, kibana: Client) -> None:
    parts = iter([b'{"type": "thres', b'hold"}'])
    answer = kibana.session.post(
        f"{kibana.address}{RULES}", data=parts, headers={"Content-Type": "application/json"}, timeout=10
    )

    assert answer.status_code == 400
    assert emulator.requests[0]["body"] == {"type": "threshold"}
    assert kibana("GET", FIND).status_code == 200
    assert _connections(emulator) == [1, 1]


@pytest.mark.parametrize("length", ["-1", "many"])
def test_a_length_that_is_none_ends_the_connection(emulator: Emulator, length: str) -> None:
    with _raw(emulator) as connection:
        connection.sendall(f"POST /kibana{RULES} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert emulator.requests == []


def test_a_client_that_leaves_in_the_middle_has_asked_nothing(emulator: Emulator, kibana: Client) -> None:
    with _raw(emulator) as connection:
        connection.sendall(f"POST /kibana{RULES} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{{".encode())

    assert kibana("GET", FIND).status_code == 200
    assert [one["method"] for one in emulator.requests] == ["GET"]


def test_a_closed_connection_is_not_used_again(emulator: Emulator, kibana: Client) -> None:
    emulator.fault(path="_find", kind="close", after=1, times=1)
    kibana("GET", FIND)
    with pytest.raises(requests.ConnectionError):
        kibana("GET", FIND)
    kibana("GET", FIND)

    assert _connections(emulator) == [1, 1, 2]


def test_idle_connections_and_held_requests_do_not_keep_it_from_stopping() -> None:
    """An idle client finds its connection closed; a request under way still has its answer."""
    with Emulator() as emulator:
        idle, busy = kibana_client(emulator.url), kibana_client(emulator.url)
        assert idle("GET", FIND).status_code == 200
        emulator.fault(path="_find", kind="late", seconds=60, times=1)
        answers: list[int] = []
        held = threading.Thread(target=lambda: answers.append(busy("GET", FIND).status_code))
        held.start()
        assert emulator.stalled(10)
    held.join(10)

    assert answers == [200]
    with pytest.raises(requests.ConnectionError):
        idle("GET", FIND)
    for client in (idle, busy):
        client.session.close()
