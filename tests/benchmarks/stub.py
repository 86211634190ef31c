"""A server that plays Kibana and Azure Resource Manager, cheap enough not to be what is measured.

One process, one loop, no framework: a read is answered from bytes that were encoded once, until something is written in
that space or workspace. Latency is waited for without a thread. Every request is counted and kept, so that it can be
sent again. `python -m tests.benchmarks.stub` says its ports on standard output and ends when its standard input does.

Control: GET /_stub/counts, GET /_stub/requests (JSON lines), POST /_stub/reset, POST /_stub/settings.
"""

import asyncio
import gc
import json
import random
import resource
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.benchmarks.documents import Answered
from tests.benchmarks.documents import Place
from tests.benchmarks.documents import as_bytes
from tests.benchmarks.documents import made
from tests.benchmarks.documents import objects
from tests.benchmarks.documents import place_of
from tests.benchmarks.documents import taken_apart

REASONS = {200: "OK", 201: "Created", 204: "No Content", 404: "Not Found", 409: "Conflict", 429: "Too Many Requests",
           503: "Service Unavailable"}  # fmt: skip
_REFUSED_IN_A_ROW = 2
"""A request that was refused so often is answered the next time: it is not to fail by bad luck alone."""


@dataclass(slots=True)
class Settings:
    """What a run asks of the stub."""

    latency_ms: float = 0.0
    """Before every answer."""
    refused: float = 0.0
    """Share of requests that are answered 429 or 503."""
    retry_after: int = 1
    """Seconds that such an answer asks to wait."""
    seed: int = 1


class Logged(NamedTuple):
    """A request that was answered."""

    place: str
    kind: str
    method: str
    target: str
    content: str
    status: int
    begun: float
    ended: float


class Stub:
    """Every place of one process, and the log."""

    def __init__(self) -> None:
        self.origin = ""
        self.settings = Settings()
        self.places: dict[str, Place] = {}
        self.log: list[Logged] = []
        self.connections = 0
        self._names: dict[bytes, str] = {}
        self._in_a_row: dict[tuple[bytes, bytes], int] = {}
        self._random = random.Random(self.settings.seed)  # noqa: S311 - no secret

    def answer(self, line: bytes, content: bytes) -> tuple[float, bytes]:
        """What is sent, after so many seconds, to a request with this first line and body."""
        method, target, _ = line.split(b" ", 2)
        if target.startswith(b"/_stub/"):
            return 0.0, self._control(target, content)
        name, found = self._found(method, target, line, content)
        latency, now = self.settings.latency_ms / 1000, time.monotonic()
        text, status = content.decode() if content else "", found.status
        self.log.append(Logged(name, found.kind, method.decode(), target.decode(), text, status, now, now + latency))
        wait = f"Retry-After: {self.settings.retry_after}\r\n" if status in (429, 503) else ""
        return latency, _response(status, found.body, wait)

    def _found(self, method: bytes, target: bytes, line: bytes, content: bytes) -> tuple[str, Answered]:
        name = self._names.get(target)
        if name is None:
            name = self._names[target] = place_of(target.decode())[0]
        if self.settings.refused and self._refuses((line, content)):
            return name, self._refusal()
        place = self.places.get(name)
        if place is None:
            place = self.places[name] = made(name)
        known = place.answers.get(line)
        if known is None:
            known = place.answer(taken_apart(method.decode(), target.decode(), self.origin, content))
            if method == b"GET":
                place.answers[line] = known
            else:
                place.answers.clear()
        return name, known

    def _refuses(self, request: tuple[bytes, bytes]) -> bool:
        before = self._in_a_row.pop(request, 0)
        if before == _REFUSED_IN_A_ROW or self._random.random() >= self.settings.refused:
            return False
        self._in_a_row[request] = before + 1
        return True

    def _refusal(self) -> Answered:
        status = self._random.choice((429, 503))
        body = {"error": {"code": "TooManyRequests", "message": "busy"}, "message": "busy", "statusCode": status}
        return Answered("refused", as_bytes(body), status)

    def _control(self, target: bytes, content: bytes) -> bytes:
        what = target.partition(b"?")[0].removeprefix(b"/_stub/")
        if what == b"counts":
            return _response(200, as_bytes(self._counts()))
        if what == b"requests":
            return _response(200, b"\n".join(as_bytes(entry) for entry in self.log))
        if what == b"reset":
            self.log.clear()
            self._in_a_row.clear()
            if b"documents" in target:
                self.places.clear()
        elif what == b"settings":
            self.settings = Settings(**json.loads(content))
        else:
            return _response(404, b"{}")
        self._random.seed(self.settings.seed)
        return _response(200, b"{}")

    def _counts(self) -> dict[str, object]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "requests": len(self.log),
            "kinds": Counter(one.kind for one in self.log),
            "objects": objects(self.places.values()),
            "connections": self.connections,
            "cpu_seconds": used.ru_utime + used.ru_stime,
        }


class Connection(asyncio.Protocol):
    """HTTP/1.1 as far as the clients of a benchmark speak it: kept alive, bodies with their length."""

    def __init__(self, stub: Stub, loop: asyncio.AbstractEventLoop) -> None:
        self._stub = stub
        self._loop = loop
        self._held = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._stub.connections += 1

    def data_received(self, data: bytes) -> None:
        self._held = self._held + data if self._held else data
        for line, content in self._whole():
            seconds, answer = self._stub.answer(line, content)
            if seconds:
                self._loop.call_later(seconds, self._send, answer)
            else:
                self._send(answer)

    def _whole(self) -> Iterator[tuple[bytes, bytes]]:
        """The requests that have arrived whole."""
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end]
            line, _, headers = head.partition(b"\r\n")
            whole = end + 4 + _length(headers)
            if len(self._held) < whole:
                return
            content, self._held = self._held[end + 4 : whole], self._held[whole:]
            yield line, content

    def _send(self, answer: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(answer)


class Silent(asyncio.Protocol):
    """Takes a request and never answers; how long it was waited for goes into the log, with status 0."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._line = b""
        self._begun = time.monotonic()

    def data_received(self, data: bytes) -> None:
        self._line = self._line or data.partition(b"\r\n")[0]

    def connection_lost(self, error: Exception | None) -> None:
        method, target, *_ = [*self._line.decode(errors="replace").split(" "), "", ""]
        name, _ = place_of(target)
        self._stub.log.append(Logged(name, "silence", method, target, "", 0, self._begun, time.monotonic()))


def _length(headers: bytes) -> int:
    at = headers.lower().find(b"content-length:")
    return int(headers[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def _response(status: int, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\n{more}"
        f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _serve(addresses: list[str]) -> None:
    loop = asyncio.get_running_loop()
    stub, over = Stub(), asyncio.Event()
    first = await loop.create_server(lambda: Connection(stub, loop), addresses[0], 0, backlog=1024)
    port = first.sockets[0].getsockname()[1]
    if addresses[1:]:
        await loop.create_server(lambda: Connection(stub, loop), addresses[1:], port, backlog=64)
    stub.origin = f"http://{addresses[0]}:{port}"
    silent = await loop.create_server(lambda: Silent(stub), addresses[0], 0, backlog=1024)
    with socket.socket() as refusing:  # bound and not listened to
        refusing.bind((addresses[0], 0))
        ports = {"port": port, "silent": silent.sockets[0].getsockname()[1], "refusing": refusing.getsockname()[1]}
        sys.stdout.write(json.dumps(ports) + "\n")
        sys.stdout.flush()
        loop.add_reader(0, over.set)
        await over.wait()


if __name__ == "__main__":
    # Nothing here goes round in circles, and a collection would walk over the whole log.
    gc.disable()
    asyncio.run(_serve(sys.argv[1:] or ["127.0.0.1"]))
