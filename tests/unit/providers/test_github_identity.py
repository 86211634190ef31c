"""A GitHub job needs no secret for Azure: its own token is exchanged, a new one each time."""

import json
import threading
from http.server import BaseHTTPRequestHandler
from http.server import HTTPServer
from pathlib import Path

import pytest
from azure import identity
from azure.core.exceptions import ClientAuthenticationError

from deployer.model import Credential
from deployer.providers.sentinel import github
from deployer.providers.sentinel.credentials import token_source
from tests import make

LIGHTHOUSE = Credential("lighthouse", "chain", "", "", (), make.HERE, tenant_id="tenant", client_id="client")


class Runner(HTTPServer):
    """What GitHub's runner answers with: a numbered token to whoever has the job's own."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = []
        self.answer: tuple[int, bytes | None] = (200, None)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/token?api-version=2.0"


class Answer(BaseHTTPRequestHandler):
    server: Runner

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Authorization"]))
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(body or json.dumps({"value": f"jwt-{len(self.server.asked)}"}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def runner(monkeypatch):
    server = Runner()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setenv(github.URL, server.url)
    monkeypatch.setenv(github.TOKEN, "of-the-job")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def asserted(monkeypatch):
    """What azure-identity's credential was made with."""
    made = []
    monkeypatch.setattr(identity, "ClientAssertionCredential", lambda *given, **named: made.append((given, named)))
    return made


def test_a_job_that_may_have_tokens_exchanges_a_fresh_one_each_time(runner, asserted):
    token_source(LIGHTHOUSE, None, lambda: None)

    [((tenant, client, ask), named)] = asserted
    assert (tenant, client, named) == ("tenant", "client", {"authority": "login.microsoftonline.com"})
    assert [ask(), ask()] == ["jwt-1", "jwt-2"]
    path = "/token?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange"
    assert runner.asked == [(path, "bearer of-the-job")] * 2


def test_ids_that_the_file_leaves_out_come_from_the_job(runner, asserted, monkeypatch):
    """So that plan and apply, the same file, can be two identities."""
    monkeypatch.setenv("AZURE_CLIENT_ID", "reader")
    monkeypatch.setenv("AZURE_TENANT_ID", "home")

    token_source(None, None, lambda: None)

    assert asserted[0][0][:2] == ("home", "reader")


@pytest.mark.usefixtures("runner")
def test_a_token_file_and_a_missing_id_leave_it_to_azure_identity(asserted, monkeypatch, tmp_path):
    token_source(None, None, lambda: None)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    token_source(LIGHTHOUSE, None, lambda: None)

    assert asserted == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [((403, b"{}"), "status 403"), ((302, b""), "status 302"), ((200, b"no json"), "no token"), ((200, b"[]"), "no t")],
)
def test_a_refusal_is_said_and_shows_no_token(runner, answer, said):
    runner.answer = answer

    with pytest.raises(ClientAuthenticationError, match=said) as caught:
        github.assertion("public")

    assert "of-the-job" not in str(caught.value)


def test_the_jobs_token_goes_nowhere_without_tls(monkeypatch):
    monkeypatch.setenv(github.URL, "http://runner.example/token")
    monkeypatch.setenv(github.TOKEN, "of-the-job")

    with pytest.raises(ClientAuthenticationError, match="nothing was sent"):
        github.assertion("public")


def test_a_netrc_entry_does_not_replace_the_jobs_token(runner, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login x password y\n")
    monkeypatch.setenv("NETRC", str(Path(netrc)))

    github.assertion("public")

    assert runner.asked[0][1] == "bearer of-the-job"
