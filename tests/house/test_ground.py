"""The ground that `tests/conftest.py` lays: what it keeps out stays out."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import requests


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.invalid"])
def test_no_test_reaches_the_network(host: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="reached for the network"):
        socket.create_connection((host, 443), timeout=0.1)


def test_a_client_cannot_take_the_refusal_for_an_answer() -> None:
    """Code that catches every error of its HTTP library still fails the test."""
    with pytest.raises(pytest.fail.Exception):
        requests.get("https://example.invalid", timeout=0.1)


def test_loopback_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()


def test_home_is_an_empty_folder() -> None:
    """So that no netrc, pip or Azure profile of the developer is read."""
    assert list(Path.home().iterdir()) == []


def test_no_credential_and_no_proxy_is_in_the_environment() -> None:
    names = [name for name in os.environ if name.upper().endswith(("_KEY", "_TOKEN", "_SECRET", "_PROXY"))]

    assert names == []


def test_a_golden_file_is_compared_as_a_whole(
    golden: Callable[[Path, str], None], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--update-golden"):
        pytest.skip("golden files are being written, not compared")
    file = tmp_path / "plan.txt"
    file.write_text("one\ntwo\n")

    golden(file, "one\ntwo\n")

    with pytest.raises(AssertionError):
        golden(file, "one\n")
