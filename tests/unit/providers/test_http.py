"""HTTP answers that no server of ours would give: odd waits, odd 404s, odd errors."""

import email.utils
import time

import pytest
import requests
import responses

from deployer.errors import BadAnswer
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.providers.http import HeaderAuth
from deployer.providers.http import Http
from deployer.providers.secrets import Secret

URL = "https://kb.acme.example"


@pytest.fixture
def slept():
    return []


@pytest.fixture
def http(slept):
    made = Http(
        URL,
        HeaderAuth("ApiKey", Secret("acme", "id:s3cr3t-key")),
        "credential acme",
        headers={"kbn-xsrf": "x"},
        redact=lambda text: text.replace("s3cr3t-key", "***"),
        sleep=slept.append,
    )
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
@responses.activate
def test_the_wait_that_a_server_asks_for_is_kept_within_bounds(http, slept, header, waits):
    if isinstance(header, int):
        header = email.utils.formatdate(time.time() + header, usegmt=True)
    responses.get(f"{URL}/x", status=503, headers={"Retry-After": header})
    responses.get(f"{URL}/x", json={"fine": True})

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
@responses.activate
def test_only_kibanas_own_word_for_a_missing_object_is_absence(http, body, absent):
    responses.get(f"{URL}/x", status=404, json=body)

    if absent:
        assert http.json("GET", "/x", absent=True) is None
    else:
        with pytest.raises(Refused, match="404 from GET"):
            http.json("GET", "/x", absent=True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"message": "one"}, "400 from GET https://kb.acme.example/x: one"),
        ({"message": ["one", "two"]}, "400 from GET https://kb.acme.example/x: one; two"),
        ({"message": "key s3cr3t-key"}, "400 from GET https://kb.acme.example/x: key ***"),
        ({"error": "x"}, "400 from GET https://kb.acme.example/x"),
        ([], "400 from GET https://kb.acme.example/x"),
    ],
)
@responses.activate
def test_an_error_says_what_the_server_said(http, body, said):
    responses.get(f"{URL}/x", status=400, json=body)

    with pytest.raises(Refused) as raised:
        http.json("GET", "/x")
    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (requests.ConnectionError("[Errno 111] Connection refused"), "the connection was refused"),
        (requests.ConnectionError("NameResolutionError: kb.acme.example"), "the host's name is not known"),
        (requests.ConnectTimeout(), "timed out (10 s to connect, 60 s to answer)"),
        (requests.exceptions.SSLError("WRONG_VERSION_NUMBER"), "it does not speak TLS there"),
        (requests.exceptions.SSLError("self-signed certificate"), "the TLS certificate was not accepted"),
        (OSError("Could not find a suitable TLS CA certificate bundle"), "Could not find a suitable TLS CA"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
@responses.activate
def test_no_answer_says_why_and_is_never_an_absence(http, error, said):
    responses.get(f"{URL}/x", body=error)

    with pytest.raises(Unreachable) as raised:
        http.json("GET", "/x", absent=True)
    assert said in str(raised.value)


@responses.activate
def test_an_empty_answer_is_one_only_where_it_may_be(http):
    responses.get(f"{URL}/x", status=200)

    assert http.json("GET", "/x", empty=True) is None
    with pytest.raises(BadAnswer, match="not JSON"):
        http.json("GET", "/x", absent=True)


@responses.activate
def test_a_write_is_sent_again_only_when_the_server_says_that_it_did_not_begin(http, slept):
    responses.post(f"{URL}/x", status=429)
    responses.post(f"{URL}/x", json={"id": "1"})
    responses.post(f"{URL}/y", status=502)

    assert http.json("POST", "/x", body={}) == {"id": "1"}
    with pytest.raises(Exception, match="502"):
        http.json("POST", "/y", body={})
    assert len(slept) == 1
    assert len(responses.calls) == 3


@pytest.mark.parametrize("ca", [None, "/etc/acme.pem"])
@responses.activate
def test_an_environments_ca_bundle_overrides_neither_ours_nor_the_targets(monkeypatch, ca):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/other.pem")
    http = Http(URL, HeaderAuth("ApiKey", Secret("a", "b")), "credential a", headers={}, redact=str, ca=ca)
    wanted = ca or requests.utils.DEFAULT_CA_BUNDLE_PATH
    responses.get(
        f"{URL}/x",
        json={},
        match=[responses.matchers.request_kwargs_matcher({"verify": wanted})],
    )

    assert http.json("GET", "/x") == {}
    http.close()
