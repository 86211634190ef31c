"""Every request of a run: over connections that are kept, counted, and within what hosts and subscriptions allow.

Both clients, ours for Kibana and Microsoft's for Azure, send through `requests`, so one adapter sees what really
leaves, the tries after a refusal included.
"""

import random
import re
import socket
import threading
import time
from contextlib import AbstractContextManager
from contextlib import nullcontext
from typing import Any
from urllib.parse import urlencode
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection

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
_DEAD_SECONDS = 60.0
"""How long a host that let a connection wait in vain is not asked again: each of its tenants would wait as long."""


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
        self._sessions: dict[str, requests.Session] = {}
        self._lines: dict[str, Line] = {}
        self._buckets: dict[tuple[str, str, str], Bucket] = {}
        self._writes: dict[str, threading.BoundedSemaphore] = {}
        self._dead: dict[str, float] = {}
        self._made = Tally()

    @property
    def made(self) -> Tally:
        """The requests until now."""
        with self._lock:
            opened = sum(line.connections() for line in self._lines.values())
            return self._made + Tally(connections=opened)

    def session(self, url: str) -> requests.Session:
        """What sends requests to the host of `url`: one session for all credentials, whose connections are kept."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            if origin not in self._sessions:
                self._sessions[origin] = self._opened(origin)
            return self._sessions[origin]

    def pause(self, seconds: float) -> bool:
        """Wait, but no longer than until the run is to stop; whether it goes on."""
        return not self._stopping.wait(seconds)

    def token(self) -> None:
        """A token was asked for."""
        self._count(Tally(tokens=1))

    def close(self) -> None:
        """Let go of every connection."""
        with self._lock:
            for session in self._sessions.values():
                session.close()
            self._sessions.clear()

    # -- what a line asks ---------------------------------------------------------------------------------------------

    def turn(self, origin: str, request: requests.PreparedRequest) -> AbstractContextManager[Any]:
        """Wait until the request may be sent; what is given bounds how many are under way.

        Raises for a host that is dead.
        """
        if self._dead.get(origin, 0.0) > time.monotonic():
            raise requests.ConnectTimeout("it let a connection wait in vain a moment ago", request=request)
        budget = _budget(request)
        if budget:
            self._stopping.wait(self._bucket(origin, *budget).take())
        reads = _reads(request)
        self._count(Tally(reads=int(reads), writes=int(not reads)))
        if reads or budget:
            return nullcontext()
        with self._lock:
            mine = max(1, int(WRITES_AT_ONCE * self._share))
            return self._writes.setdefault(origin, threading.BoundedSemaphore(mine))

    def answered(self, origin: str, request: requests.PreparedRequest, response: requests.Response) -> None:
        """Learn from what the server says of its own budget."""
        if response.status_code in (429, 503):
            self._count(Tally(refused=1))
        if budget := _budget(request):
            left = response.headers.get(f"{_REMAINING}{budget[1]}", "")
            if response.status_code == 429 or left.isdecimal():
                self._bucket(origin, *budget).at_most(0 if response.status_code == 429 else int(left))

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

    def _count(self, more: Tally) -> None:
        with self._lock:
            self._made += more

    def _opened(self, origin: str) -> requests.Session:
        line = self._lines[origin] = Line(self, origin, self._connections)
        return Plain(line, origin)


class Plain(requests.Session):
    """Sends a request as it is: follows no redirect, keeps no cookie, asks no netrc file, and so is quickly done.

    What `requests` does beside that for every request takes as long as all the rest of it.
    """

    def __init__(self, line: "Line", origin: str) -> None:
        super().__init__()
        self._line = line
        # A proxy named by the environment must not see loopback traffic.
        self.trust_env = not loopback(urlsplit(origin).hostname or "")
        self._proxies = get_environ_proxies(origin) if self.trust_env else {}

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        """The whole answer. Of the options of `requests.Session.request` those of the request itself and its safety."""
        prepared = requests.PreparedRequest()
        if params := options.get("params"):
            url = f"{url}?{urlencode(params)}"
        sent = {name: options.get(name) for name in ("files", "data", "auth", "json")}
        headers = {**self.headers, **(options.get("headers") or {})}
        prepared.prepare(method=method.upper(), url=url, headers=headers, **sent)
        verify, cert, timeout = options.get("verify", True), options.get("cert"), options.get("timeout")
        response = self._line.send(prepared, timeout=timeout, verify=verify, cert=cert, proxies=self._proxies)
        _ = response.content  # read to its end, so that the connection can be used again
        return response


class Line(HTTPAdapter):
    """The connections to one host."""

    def __init__(self, traffic: Traffic, origin: str, connections: int) -> None:
        super().__init__(pool_maxsize=connections)
        self._traffic = traffic
        self._origin = origin
        self._pools: dict[bool | str | None, Any] = {}

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """One request and the head of its answer."""
        with self._traffic.turn(self._origin, request):
            try:
                response = super().send(request, *args, **options)
            except requests.ConnectTimeout:
                self._traffic.dead(self._origin)
                raise
        self._traffic.answered(self._origin, request, response)
        return response

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """With a sign of life where nothing is sent: a firewall forgets idle connections, and says so to nobody."""
        super().init_poolmanager(*args, **{**options, "socket_options": _SOCKET})

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """The pool of connections; the same one for the same trust, found without taking the request's URL apart."""
        if verify not in self._pools:
            self._pools[verify] = super().get_connection_with_tls_context(request, verify, proxies, cert)
        return self._pools[verify]

    def connections(self) -> int:
        """How many were opened."""
        return sum(pool.num_connections for pool in list(self._pools.values()))


def jittered(seconds: float) -> float:
    """A wait that a server asked for, and up to a quarter more: those that it asked together do not come together."""
    return seconds * random.uniform(1.0, 1.25)  # noqa: S311 - no secret


def _reads(request: requests.PreparedRequest) -> bool:
    return request.method in ("GET", "HEAD") or _ASKS.search(urlsplit(request.url or "").path) is not None


def _budget(request: requests.PreparedRequest) -> tuple[str, str] | None:
    """The subscription and the kind of operation whose budget pays for the request; None where there is none."""
    found = _SUBSCRIPTION.search(request.url or "")
    kind = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(request.method or "", "writes")
    return (found[1].lower(), kind) if found else None
