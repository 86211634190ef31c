"""Every request of a run: over connections that are kept, counted, and within what hosts and subscriptions allow.

Both clients, ours for Kibana over urllib3 and Microsoft's for Azure over `requests`, send through one `Line` for each
host, which sees what really leaves, the tries after a refusal included.
"""

import os
import random
import re
import socket
import threading
import time
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextlib import contextmanager
from contextlib import nullcontext
from http.client import responses
from types import SimpleNamespace
from typing import Any
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from requests.utils import get_environ_proxies
from urllib3 import HTTPConnectionPool
from urllib3 import Timeout
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import NewConnectionError
from urllib3.exceptions import ReadTimeoutError

from deployer.errors import Unreachable
from deployer.hosts import loopback
from deployer.providers.pacing import Bucket
from deployer.tally import Tally

CONNECT_SECONDS = 10
"""How long a host may take to take a connection."""
WRITES_AT_ONCE = 8
"""Writes at a time to one host, over all of its tenants: a Kibana writes each rule together with its task, and others
work there, too."""
ARM = {"reads": (250, 25.0), "writes": (200, 10.0), "deletes": (200, 10.0)}
"""What ARM lets one principal ask of one subscription: a bucket of tokens, and so many that come back each second
(azure-resource-manager/management/request-limits-and-throttling)."""
_REMAINING = "x-ms-ratelimit-remaining-subscription-"
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/?]+)/.*/providers/Microsoft\.SecurityInsights/", re.IGNORECASE)
_ASKS = re.compile(r"/(query|_search|_count|_field_caps|_has_privileges|rules/preview)$")
"""Paths where a POST asks for something and changes nothing."""
_SOCKET = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *([(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)] if hasattr(socket, "TCP_KEEPIDLE") else []),
]
_READ, _WRITE = Tally(reads=1), Tally(writes=1)
_DEAD_SECONDS = 60.0
"""How long a host that let a connection wait in vain is not asked again: each of its tenants would wait as long."""


class Answer(NamedTuple):
    """A whole answer, decompressed."""

    status: int
    headers: Mapping[str, str]
    """By name, whatever its case."""
    content: bytes


class Traffic:
    """The requests of one run. Every method may be called from any thread."""

    def __init__(self, connections: int = 16, share: float = 1.0, stopping: threading.Event | None = None) -> None:
        """`connections` are kept per host. `share` is the part of every budget that is this run's: runs that go side
        by side have one budget together. Once `stopping` is set nobody waits any more, to try again or for a budget.
        """
        self._connections = connections
        self._share = share
        self._stopping = stopping or threading.Event()
        self._lock = threading.Lock()
        self._lines: dict[str, Line] = {}
        self._buckets: dict[tuple[str, str, str], Bucket] = {}
        self._writes: dict[str, threading.BoundedSemaphore] = {}
        self._dead: dict[str, float] = {}
        self._asking: AbstractContextManager[Any] = nullcontext()
        self._made = Tally()

    @property
    def made(self) -> Tally:
        """The requests until now."""
        with self._lock:
            return self._made + self._opened()

    def line(self, url: str) -> "Line":
        """What sends requests to the host of `url`: one for all credentials, whose connections are kept."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            if origin not in self._lines:
                self._lines[origin] = Line(self, origin, self._connections)
            return self._lines[origin]

    def session(self, url: str) -> requests.Session:
        """The line as a session, for clients that know no other way out."""
        return Plain(self.line(url))

    def pause(self, seconds: float) -> bool:
        """Wait, but no longer than until the run is to stop; whether it goes on."""
        return not self._stopping.wait(seconds)

    def token(self) -> None:
        """A token was asked for."""
        self._count(Tally(tokens=1))

    def close(self) -> None:
        """Let go of every connection."""
        with self._lock:
            self._made += self._opened()
            for line in self._lines.values():
                line.close()
            self._lines.clear()

    @contextmanager
    def at_most(self, number: int) -> Iterator[None]:
        """Within this, no more than so many requests are under way, whatever the number of threads."""
        self._asking = threading.BoundedSemaphore(number)
        try:
            yield
        finally:
            self._asking = nullcontext()

    # -- what a line asks ---------------------------------------------------------------------------------------------

    @property
    def asking(self) -> AbstractContextManager[Any]:
        """What bounds how many requests are under way."""
        return self._asking

    def turn(self, origin: str, method: str, url: str) -> AbstractContextManager[Any]:
        """Wait until the request may be sent; what is given bounds how many writes to its host are under way.

        Raises `ConnectTimeoutError` for a host that is dead.
        """
        if self._dead.get(origin, 0.0) > time.monotonic():
            raise ConnectTimeoutError("it let a connection wait in vain a moment ago")
        budget = _budget(method, url)
        if budget:
            self._stopping.wait(self._bucket(origin, *budget).take())
        reads = _reads(method, url)
        self._count(_READ if reads else _WRITE)
        if reads or budget:
            return nullcontext()
        with self._lock:
            mine = max(1, int(WRITES_AT_ONCE * self._share))
            return self._writes.setdefault(origin, threading.BoundedSemaphore(mine))

    def answered(self, origin: str, method: str, url: str, status: int, headers: Mapping[str, str]) -> None:
        """Learn from what the server says of its own budget."""
        if status in (429, 503):
            self._count(Tally(refused=1))
        if budget := _budget(method, url):
            left = headers.get(f"{_REMAINING}{budget[1]}", "")
            if status == 429 or left.isdecimal():
                self._bucket(origin, *budget).at_most(0 if status == 429 else int(left))

    def dead(self, origin: str) -> None:
        """The host let a connection wait in vain."""
        self._dead[origin] = time.monotonic() + _DEAD_SECONDS

    def _bucket(self, origin: str, subscription: str, kind: str) -> Bucket:
        key = (origin, subscription, kind)
        with self._lock:
            if key not in self._buckets:
                size, rate = ARM[kind]
                self._buckets[key] = Bucket(max(1.0, size * self._share), rate * self._share)
            return self._buckets[key]

    def _opened(self) -> Tally:
        return Tally(connections=sum(line.connections() for line in self._lines.values()))

    def _count(self, more: Tally) -> None:
        with self._lock:
            self._made += more


class Line(HTTPAdapter):
    """The connections to one host."""

    def __init__(self, traffic: Traffic, origin: str, connections: int) -> None:
        super().__init__(pool_maxsize=connections)
        self._traffic = traffic
        self._origin = origin
        # A proxy named by the environment must not see loopback traffic.
        self.trust_env = not loopback(urlsplit(origin).hostname or "")
        self.proxies = get_environ_proxies(origin) if self.trust_env else {}
        self._lock = threading.Lock()
        self._pools: dict[str, tuple[HTTPConnectionPool, bool]] = {}

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], content: bytes | None, ca: str, seconds: float
    ) -> Answer:
        """The answer to one request, sent as it is: no redirect is followed, no cookie kept, no netrc file read.

        `target` is the path below the host; `ca` are the certificates that are trusted; `seconds` is how long the host
        may be silent. Raises urllib3's `HTTPError` where there is no whole answer, and `OSError` for a `ca` that is not
        there. `requests` would take as long for it as everything else that is done for a request.
        """
        url = self._origin + target
        with self._traffic.turn(self._origin, method, url), self._traffic.asking:
            pool, whole = self._pool(ca)
            try:
                response = pool.urlopen(
                    method, url if whole else target, content, headers, retries=False, redirect=False,
                    assert_same_host=False, timeout=Timeout(connect=CONNECT_SECONDS, read=seconds),
                )  # fmt: skip
            except ConnectTimeoutError as error:
                if not isinstance(error, NewConnectionError):
                    self._traffic.dead(self._origin)
                raise
        self._traffic.answered(self._origin, method, url, response.status, response.headers)
        return Answer(response.status, response.headers, response.data)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """With a sign of life where nothing is sent: a firewall forgets idle connections, and says so to nobody."""
        super().init_poolmanager(*args, **{**options, "socket_options": _SOCKET})

    def connections(self) -> int:
        """How many were opened."""
        return sum(pool.num_connections for pool, _ in list(self._pools.values()))

    def _pool(self, ca: str) -> tuple[HTTPConnectionPool, bool]:
        """The pool of connections, the same one for the same trust; and whether it takes whole URLs, as a proxy does
        that sees what is sent."""
        with self._lock:
            if ca not in self._pools:
                some = requests.Request("GET", f"{self._origin}/").prepare()
                pool: Any = super().get_connection_with_tls_context(some, ca, self.proxies, None)
                self.cert_verify(pool, some.url, ca, None)  # type: ignore[no-untyped-call]
                whole = self.request_url(some, self.proxies) != "/"
                self._pools[ca] = pool, whole
            return self._pools[ca]


class Plain(requests.Session):
    """Sends requests over a line, and gives the answers the form that users of `requests` know."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line
        self.trust_env = line.trust_env
        named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") if self.trust_env else None
        self._ca = named or DEFAULT_CA_BUNDLE_PATH

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        """The whole answer. Of the options of `requests.Session.request` those that azure-core gives: `headers`,
        `data`, and `timeout` as seconds to connect and to read. Raises as `requests` does, and `Unreachable` where the
        certificates that the environment names are not there."""
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        data = options.get("data")
        content = data.encode() if isinstance(data, str) else data
        headers = {**self.headers, **(options.get("headers") or {})}
        try:
            answer = self._line.ask(method.upper(), target, headers, content, self._ca, options["timeout"][1])
        except ConnectTimeoutError as error:
            kind = requests.ConnectionError if isinstance(error, NewConnectionError) else requests.ConnectTimeout
            raise kind(error) from None
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(error) from None
        except HTTPError as error:
            raise requests.ConnectionError(error) from None
        except OSError as error:
            raise Unreachable(f"{error}; REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE must name a file that is there") from None
        return _response(answer)


def _response(answer: Answer) -> requests.Response:
    made = requests.Response()
    made.status_code, made.headers = answer.status, requests.structures.CaseInsensitiveDict(answer.headers)
    made.reason = responses.get(answer.status, "")
    made._content, made._content_consumed = answer.content, True  # type: ignore[attr-defined]
    made.raw = SimpleNamespace()  # azure-core sets an attribute of it
    return made


def jittered(seconds: float) -> float:
    """A wait that a server asked for, and up to a quarter more: those that it asked together do not come together."""
    return seconds * random.uniform(1.0, 1.25)  # noqa: S311 - no secret


def _reads(method: str, url: str) -> bool:
    return method in ("GET", "HEAD") or _ASKS.search(urlsplit(url).path) is not None


def _budget(method: str, url: str) -> tuple[str, str] | None:
    """The subscription and the kind of operation whose budget pays for the request; None where there is none."""
    found = _SUBSCRIPTION.search(url)
    kind = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")
    return (found[1].lower(), kind) if found else None
