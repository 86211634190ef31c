"""A server that answers as it is told, with TLS or without: what no emulator of ours would answer."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Scripted(ThreadingHTTPServer):
    """Gives the answers that it was told, each once and the last of a path for ever."""

    daemon_threads = True
    scheme = "http"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: dict[str, list[tuple[int, dict[str, str], bytes]]] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def tell(self, path: str, status: int = 200, answer: Any = None, **headers: str) -> None:
        content = b"" if answer is None else json.dumps(answer).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.script.setdefault(path, []).append((status, {"Content-Length": str(len(content)), **named}, content))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what the test is about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Scripted

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        answers = self.server.script[self.path]
        status, headers, content = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@contextmanager
def running(server: Scripted, certificate: Path | None = None) -> Iterator[Scripted]:
    """The server at work; with TLS if there is a certificate."""
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    with server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server
        server.shutdown()


def certificate(folder: Path) -> Path:
    """A certificate that nobody but itself vouches for, with its key."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = builder.add_extension(names, critical=True).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "acme.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
