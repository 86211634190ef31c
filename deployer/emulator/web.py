"""HTTP/1.1 for the emulator: connections that stay open, an answer in one piece, and an end that waits for nobody.

werkzeug's own handler closes every connection after one answer (werkzeug.serving, run_wsgi), which is what a client
that pools its connections must not meet: the services behind it keep them open.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import socket
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING
from typing import Any
from typing import cast

from werkzeug.serving import DechunkedInput
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.serving import WSGIRequestHandler

from deployer.emulator.sharing import LOOPBACK

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

CONNECTION = "deployer.connection"
"""The key in a request's environment under which its connection's number stands, from 1."""
CUT = "deployer.cut"
"""Where it is set in a request's environment, only half of the answer is sent."""
SETTLING_SECONDS = 2.0
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Server(ThreadedWSGIServer):
    """A thread for each connection, for as long as the client keeps it open. Listens on the given socket."""

    def __init__(self, app: WSGIApplication, listening: socket.socket) -> None:
        # Given the socket, werkzeug does not end the process when the port is taken.
        super().__init__(LOOPBACK, 0, app, _Handler, fd=listening.fileno())
        self._numbers = itertools.count(1)
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        self.ending = False

    def opened(self, connection: socket.socket) -> int:
        """Take note of a new connection; its number."""
        with self._changed:
            self._open.add(connection)
            if self.ending:
                _hear_no_more(connection)
            return next(self._numbers)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that is done with."""
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def end(self) -> None:
        """Accept nothing any more. Idle connections close at once; answers under way are waited for, not for long."""
        # Wakes the thread that waits for connections, which else would look up only at the end of its interval.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        self.server_close()
        with self._changed:
            self.ending = True
            for connection in self._open:
                _hear_no_more(connection)
            self._changed.wait_for(lambda: not self._open, SETTLING_SECONDS)


class _Handler(WSGIRequestHandler):
    """The requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    # An answer must not wait for the client to acknowledge the one before.
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._server = cast(Server, self.server)
        self._number = self._server.opened(self.connection)

    def log(self, type: str, message: str, *args: Any) -> None:
        """The request log is the emulator's own."""

    def run_wsgi(self) -> None:
        """Read the whole request, so that the next one is found behind it, and answer in one write."""
        environ = self.make_environ()
        try:
            body = self._body(environ)
        except (OSError, ValueError):
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        environ["wsgi.input"] = io.BytesIO(body)
        environ[CONNECTION] = self._number
        status, headers = "", list[tuple[str, str]]()

        def start_response(said: str, named: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status, headers
            status, headers = said, named

        chunks = self.server.app(environ, start_response)
        try:
            content = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        self._send(status, headers, content, cut=CUT in environ)

    def _body(self, environ: dict[str, Any]) -> bytes:
        """The request's body. Raises ValueError or OSError if its length makes no sense or it does not all come."""
        if isinstance(environ["wsgi.input"], DechunkedInput):
            content = environ["wsgi.input"].readall() or b""
            environ["CONTENT_LENGTH"] = str(len(content))
            return bytes(content)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length < 0:
            raise ValueError(length)
        content = self.rfile.read(length) if length else b""
        if len(content) < length:
            raise OSError("the client went away")
        return content

    def _send(self, status: str, headers: list[tuple[str, str]], content: bytes, *, cut: bool) -> None:
        names = {name.lower(): value.lower() for name, value in headers}
        wanted = names.get("connection") != "close" and self.request_version == self.protocol_version
        if cut or self._server.ending or not wanted:
            self.close_connection = True
        head = [f"{self.protocol_version} {status}", f"Server: {self.version_string()}"]
        if "date" not in names:
            head.append(f"Date: {self.date_time_string()}")
        if "content-length" not in names and int(status[:3]) not in _BODILESS:
            head.append(f"Content-Length: {len(content)}")
        if self.close_connection and "connection" not in names:
            head.append("Connection: close")
        head += [f"{name}: {value}" for name, value in headers]
        sent = content[: len(content) // 2] if cut else content
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1") + sent)


def _hear_no_more(connection: socket.socket) -> None:
    """Whoever reads from it finds the end; what is being written still goes out."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
