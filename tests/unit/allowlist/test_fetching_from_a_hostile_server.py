"""Servers that answer for ever, a byte at a time, or redirect to what is no address."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from deployer.allowlist import fetching
from deployer.errors import CannotImport

ANSWERS = {
    b"/head": (b"HTTP/1.1 200 OK\r\n", [b"X-%d: 1\r\n" % number for number in range(40)]),
    b"/body": (b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n", [b"1"] * 40),
    b"/redirect": (b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n", []),
}


@pytest.fixture
def url() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def _serve(server: socket.socket) -> None:
    with suppress(OSError):
        client, _ = server.accept()
        with client:
            head, slowly = ANSWERS[client.recv(4096).split()[1]]
            client.sendall(head)
            for part in slowly:
                time.sleep(0.05)
                client.sendall(part)


@pytest.mark.parametrize("path", ["/head", "/body"])
def test_an_answer_a_byte_at_a_time_is_not_waited_for_longer_than_the_whole_may_take(url: str, path: str) -> None:
    begun = time.monotonic()
    with pytest.raises(CannotImport, match=r"was not there in full after 0 s"):
        fetching.fetch(url + path, longest=0.2)

    assert time.monotonic() - begun < 1.5


def test_a_redirect_to_what_is_no_address_is_refused_in_words(url: str) -> None:
    with pytest.raises(CannotImport, match="redirects to something that is no address"):
        fetching.fetch(f"{url}/redirect")
