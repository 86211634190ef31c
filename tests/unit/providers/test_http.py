"""HTTP answers that no emulator of ours would give: odd waits, odd 404s, odd errors."""

import email.utils
import socket
import time
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.errors import BadAnswer
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.providers.http import HeaderAuth
from deployer.providers.http import Http
from deployer.providers.secrets import Secret
from tests.unit.providers.scripted import Scripted
from tests.unit.providers.scripted import certificate
from tests.unit.providers.scripted import running


@pytest.fixture
def server() -> Iterator[Scripted]:
    with running(Scripted()) as made:
        yield made


@pytest.fixture
def slept() -> list[float]:
    return []


def client(url: str, slept: list[float], ca: str | None = None) -> Http:
    auth = HeaderAuth("ApiKey", Secret("acme", "id:s3cr3t-key"))
    redact = lambda text: text.replace("s3cr3t-key", "***")  # noqa: E731 - one line
    return Http(url, auth, "credential acme", headers={"kbn-xsrf": "x"}, redact=redact, ca=ca, sleep=slept.append)


@pytest.fixture
def http(server: Scripted, slept: list[float]) -> Iterator[Http]:
    made = client(server.url, slept)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("header", "waits"),
    [
        ("7", lambda seconds: 7.0 <= seconds <= 8.75),
        ("3600", lambda seconds: 30.0 <= seconds <= 37.5),
        (+25, lambda seconds: 5 < seconds <= 31.25),
        (-60, lambda seconds: seconds < 2),
        ("Mon, 32 Nov 2026 99:99:99 GMT", lambda seconds: seconds < 2),
        ("\u00b2", lambda seconds: seconds < 2),
        ("soon", lambda seconds: seconds < 2),
    ],
    ids=["seconds", "too many seconds", "a date", "a date in the past", "no date", "a superscript", "a word"],
)
def test_the_wait_that_a_server_asks_for_is_kept_within_bounds(server, http, slept, header, waits):
    if isinstance(header, int):
        header = email.utils.formatdate(time.time() + header, usegmt=True)
    server.tell("/x", 503, Retry_After=header)
    server.tell("/x", 200, {"fine": True})

    assert http.json("GET", "/x") == {"fine": True}
    (seconds,) = slept
    assert waits(seconds), seconds


@pytest.mark.parametrize(
    ("body", "absent"),
    [
        ({"status_code": 404, "message": 'rule_id: "x" not found'}, True),
        ({"statusCode": 404, "error": "Not Found", "message": "Saved object [index-pattern/x] not found"}, True),
        ({"statusCode": 404, "error": "Not Found", "message": "Not Found"}, False),
        ({"message": "no such page"}, False),
        ([404], False),
    ],
    ids=["siem", "platform", "unknown route", "another server", "no object"],
)
def test_only_kibanas_own_word_for_a_missing_object_is_absence(server, http, body, absent):
    server.tell("/x", 404, body)

    if absent:
        assert http.json("GET", "/x", absent=True) is None
    else:
        with pytest.raises(Refused, match="404 from GET"):
            http.json("GET", "/x", absent=True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"message": "one"}, "400 from GET URL/x: one"),
        ({"message": ["one", "two"]}, "400 from GET URL/x: one; two"),
        ({"message": "key s3cr3t-key"}, "400 from GET URL/x: key ***"),
        ({"error": "x"}, "400 from GET URL/x"),
        ([], "400 from GET URL/x"),
    ],
)
def test_an_error_says_what_the_server_said(server, http, body, said):
    server.tell("/x", 400, body)

    with pytest.raises(Refused) as raised:
        http.json("GET", "/x")
    assert str(raised.value).replace(server.url, "URL") == said


def refused(server: Scripted) -> None:
    server.shutdown()
    server.server_close()


def cut_short(server: Scripted) -> None:
    server.tell("/x", 200, {}, Content_Length="100", Connection="close")


def badly_packed(server: Scripted) -> None:
    server.tell("/x", 200, {}, Content_Encoding="gzip")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (refused, "the connection was refused"),
        (cut_short, "the connection failed or was closed"),
        (badly_packed, "what it sent cannot be decompressed"),
    ],
)
def test_no_answer_says_why_and_is_never_an_absence(
    server: Scripted, http: Http, slept: list[float], wrong: Callable[[Scripted], None], said: str
) -> None:
    wrong(server)

    with pytest.raises(Unreachable) as raised:
        http.json("GET", "/x", absent=True)
    assert str(raised.value) == f"no answer to GET {server.url}/x: {said}"
    assert len(slept) == 3


def test_a_host_that_nobody_knows_is_said_so(server, http, monkeypatch):
    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(Unreachable, match="the host's name is not known; is the url right"):
        http.json("GET", "/x", absent=True)


def test_a_host_that_is_silent_is_asked_once(slept):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        http = client(f"http://127.0.0.1:{silent.getsockname()[1]}", slept)
        with pytest.raises(Unreachable, match=r"timed out \(10 s to connect, 0.05 s to answer\)"):
            http.json("GET", "/x", absent=True, seconds=0.05)
        http.close()
    assert slept == []


def test_a_port_that_speaks_no_tls_is_said_so(server, slept):
    http = client(server.url.replace("http:", "https:"), slept)
    with pytest.raises(Unreachable, match="it does not speak TLS there; is the port right"):
        http.json("GET", "/x", absent=True)
    http.close()


def test_a_ca_file_that_is_not_there_is_named(server, slept):
    http = client(server.url.replace("http:", "https:"), slept, "/etc/acme.pem")
    with pytest.raises(Unreachable, match=r"Could not find a suitable TLS CA certificate bundle.*/etc/acme.pem"):
        http.json("GET", "/x", absent=True)
    http.close()


def test_an_empty_answer_is_one_only_where_it_may_be(server, http):
    server.tell("/x")

    assert http.json("GET", "/x", empty=True) is None
    with pytest.raises(BadAnswer, match="not JSON"):
        http.json("GET", "/x", absent=True)


def test_a_write_is_sent_again_only_when_the_server_says_that_it_did_not_begin(server, http, slept):
    server.tell("/x", 429)
    server.tell("/x", 200, {"id": "1"})
    server.tell("/y", 502)

    assert http.json("POST", "/x", body={}) == {"id": "1"}
    with pytest.raises(Exception, match="502"):
        http.json("POST", "/y", body={})
    assert len(slept) == 1
    assert server.asked == ["POST /x", "POST /x", "POST /y"]


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Scripted]:
    """A server with a private certificate."""
    with running(Scripted(), certificate(tmp_path)) as made:
        made.tell("/x", 200, {"fine": True})
        yield made


def test_a_private_certificate_is_trusted_where_the_target_names_it(private, slept, tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/other.pem")
    http = client(private.url, slept, str(tmp_path / "acme.pem"))
    assert http.json("GET", "/x") == {"fine": True}
    http.close()


def test_an_environments_ca_bundle_makes_no_certificate_trusted(private, slept, tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "acme.pem"))
    http = client(private.url, slept)
    with pytest.raises(Unreachable, match="the TLS certificate was not accepted; set the target's ca"):
        http.json("GET", "/x")
    http.close()
