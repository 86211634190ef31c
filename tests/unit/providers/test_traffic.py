"""The connections of a run: counted wherever they lead, shared by credentials that learn nothing of each other."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
import requests
from urllib3.exceptions import ConnectTimeoutError

from deployer.errors import Unreachable
from deployer.providers.http import HeaderAuth
from deployer.providers.http import Http
from deployer.providers.secrets import Secret
from deployer.providers.traffic import Traffic
from tests.unit.providers.scripted import Scripted
from tests.unit.providers.scripted import certificate
from tests.unit.providers.scripted import running


class Proxy(BaseHTTPRequestHandler):
    """Answers everything by itself, and sets a cookie."""

    protocol_version = "HTTP/1.1"
    heard: list[Any]

    def do_GET(self) -> None:
        self.heard.append((self.path, self.headers["Authorization"], self.headers["Cookie"]))
        self.send_response(200)
        self.send_header("Set-Cookie", "sid=1; Path=/")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@pytest.fixture
def proxy() -> Iterator[ThreadingHTTPServer]:
    Proxy.heard = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server
        server.shutdown()


def test_two_credentials_go_over_one_connection_to_a_proxy_without_a_cookie(proxy, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
    traffic = Traffic()
    for key in ("first", "second"):
        auth = HeaderAuth("ApiKey", Secret("kibana", key))
        http = Http("http://kibana.example", auth, "kibana", headers={}, redact=str, traffic=traffic)
        assert http.json("GET", "/x") == {}

    made = traffic.made
    traffic.close()

    url = "http://kibana.example/x"
    assert Proxy.heard == [(url, "ApiKey first", None), (url, "ApiKey second", None)]
    assert (made.reads, made.connections) == (2, 1)


def test_azure_trusts_what_the_environment_says_as_all_of_its_clients_do(tmp_path, monkeypatch):
    monkeypatch.setattr("deployer.providers.traffic.loopback", lambda host: False)
    with running(Scripted(), certificate(tmp_path)) as server:
        server.tell("/x", 200, {"fine": True})

        def asked() -> requests.Response:
            traffic = Traffic()
            with contextlib.closing(traffic):
                return traffic.session(server.url).request("GET", f"{server.url}/x", timeout=(1, 1))

        with pytest.raises(requests.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            asked()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "acme.pem"))
        assert asked().json() == {"fine": True}
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
        with pytest.raises(Unreachable, match=r"gone\.pem; REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE must name a file"):
            asked()


def test_as_many_requests_are_under_way_as_are_allowed_however_many_threads_ask():
    inside, most, lock = 0, 0, threading.Lock()

    class Slow(Proxy):
        def do_GET(self) -> None:
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.02)
            with lock:
                inside -= 1
            super().do_GET()

    Proxy.heard = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        traffic = Traffic()
        auth = HeaderAuth("ApiKey", Secret("kibana", "key"))
        url = f"http://127.0.0.1:{server.server_port}"
        http = Http(url, auth, "kibana", headers={}, redact=str, traffic=traffic)
        with traffic.at_most(3), ThreadPoolExecutor(12) as threads:
            assert list(threads.map(lambda _: http.json("GET", "/x"), range(24))) == [{}] * 24
        assert most == 3
        with ThreadPoolExecutor(12) as threads:
            list(threads.map(lambda _: http.json("GET", "/x"), range(24)))
        assert most > 3
        traffic.close()
        server.shutdown()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses instead of letting wait")
def test_a_host_that_takes_no_connection_is_waited_for_once(monkeypatch):
    monkeypatch.setattr("deployer.providers.traffic.CONNECT_SECONDS", 0.1)
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(2):  # the queue holds one more than it says
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        traffic = stack.enter_context(contextlib.closing(Traffic()))
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        with pytest.raises(ConnectTimeoutError, match="timed out"):
            traffic.line(url).ask("GET", "/x", {}, None, "", 1)
        with pytest.raises(ConnectTimeoutError, match="a moment ago"):
            traffic.line(url).ask("GET", "/y", {}, None, "", 1)
        with pytest.raises(requests.ConnectTimeout, match="a moment ago"):
            traffic.session(url).request("GET", f"{url}/z", timeout=(1, 1))
        assert traffic.made.requests == 1
