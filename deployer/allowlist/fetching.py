"""What a vendor publishes, from a file or an address that the user names: bytes, and nothing is made of them here."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin
from urllib.parse import urlsplit

from deployer import hosts
from deployer.errors import CannotImport
from deployer.manifest.wording import shown

if TYPE_CHECKING:
    import requests

MOST_BYTES = 20 * 1024 * 1024
"""Far more than any vendor publishes: AWS, with the most, has 2 MB."""
TIMEOUT_SECONDS = (10, 30)
"""To connect, and between two bytes of the answer."""
LONGEST_SECONDS = 120.0
"""For the whole of it."""
MOST_REDIRECTS = 5
_CHUNK = 64 * 1024
_MEGABYTE = 1024 * 1024


def is_address(source: str) -> bool:
    """Whether SOURCE names a place on the network and no file."""
    return "://" in source


def without_query(source: str) -> str:
    """An address as it may be written into Git: what follows the path may be a key."""
    return source.partition("#")[0].partition("?")[0] if is_address(source) else Path(source).name


def fetch(source: str, most: int = MOST_BYTES, longest: float = LONGEST_SECONDS) -> bytes:
    """All that SOURCE holds; raises `CannotImport` where that cannot be had whole.

    No credential goes with the request, a netrc's neither. `http` is for this machine only. A redirect is followed on
    the same server; one to another server is an error, which names it.
    """
    if not is_address(source):
        return _read(source, most)
    first = _server(source)
    return _in_time(lambda: _download(source, first, most), source, longest)


def _in_time(call: Callable[[], bytes], source: str, longest: float) -> bytes:
    """What the call returns or raises, if it does within so many seconds.

    The time limits of requests are for single reads: a server that sends a byte now and then meets them for days, in
    the head of its answer as well as in the body. So the whole is waited for, and left behind where it takes too long.
    """
    found: list[bytes] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            found.append(call())
        except BaseException as error:  # noqa: BLE001 - it is raised again where it belongs
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(longest)
    if raised:
        raise raised[0]
    if not found:
        raise CannotImport(f"{_named(source)} was not there in full after {longest:.0f} s")
    return found[0]


def _read(source: str, most: int) -> bytes:
    try:
        with Path(source).open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise CannotImport(f"{shown(source)} cannot be read: {error.strerror}") from None
    except ValueError:
        raise CannotImport(f"{shown(source)} is no file's name") from None
    return _bounded(data, source, most)


def _bounded(data: bytes, source: str, most: int) -> bytes:
    if len(data) > most:
        raise CannotImport(f"{_named(source)} holds more than {most // _MEGABYTE} MB; that is no list of ranges")
    return data


def _named(source: str) -> str:
    return shown(without_query(source)) if is_address(source) else shown(source)


def _server(source: str) -> hosts.Server:
    try:
        return hosts.server(source.partition("?")[0])
    except hosts.Unfit as unfit:
        # The address is not shown: it may hold a password.
        raise CannotImport(f"the address {unfit}") from None


def _download(source: str, first: hosts.Server, most: int) -> bytes:
    import requests
    from requests.auth import AuthBase

    class Nobody(AuthBase):
        """As an `AuthBase` it wins over a netrc entry for the same host."""

        def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
            return request

    with requests.Session() as session:
        session.trust_env = not hosts.loopback(first.host)
        # Compressed, a small answer could be a huge one; and a length could not be checked.
        session.headers.update({"Accept-Encoding": "identity", "User-Agent": "deployer"})
        for _ in range(MOST_REDIRECTS + 1):
            try:
                with session.get(
                    source, auth=Nobody(), stream=True, timeout=TIMEOUT_SECONDS, allow_redirects=False
                ) as response:
                    onward = response.headers.get("Location")
                    if 300 <= response.status_code < 400 and onward:
                        source = _onward(source, onward, first)
                        continue
                    return _body(response, source, most)
            except OSError as error:  # what requests raises
                raise CannotImport(f"no whole answer from {_named(source)}: {_cause(error)}") from None
            except ValueError:  # of requests, which reads the address of a redirect even where none is followed
                raise CannotImport(f"{_named(source)} redirects to something that is no address") from None
    raise CannotImport(f"{_named(source)} redirects more than {MOST_REDIRECTS} times")


def _onward(source: str, onward: str, first: hosts.Server) -> str:
    """Where a redirect leads to, if that is on the same server."""
    try:
        target = urljoin(source, onward).partition("#")[0]
        host = urlsplit(target).hostname or "nowhere"
    except ValueError:
        raise CannotImport(f"{_named(source)} redirects to something that is no address") from None
    try:
        there = hosts.server(target.partition("?")[0])
        same = (there.scheme, there.host, there.port) == (first.scheme, first.host, first.port)
    except hosts.Unfit:
        same = False
    if not same:
        message = f"{_named(source)} redirects to {shown(host)}, which is another server"
        raise CannotImport(f"{message}; if its word counts as the vendor's, give the address there")
    return target


def _body(response: "requests.Response", source: str, most: int) -> bytes:
    if response.status_code != 200:
        raise CannotImport(f"{response.status_code} from {_named(source)}; is the address right?")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise CannotImport(f"{_named(source)} is compressed although asked not to be; download it and give the file")
    data = bytearray()
    for chunk in response.iter_content(_CHUNK):
        data += chunk
        if len(data) > most:
            break
    return _bounded(bytes(data), source, most)


def _cause(error: OSError) -> str:
    """A short reason without the address, which could hold more than the reader needs."""
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return "its TLS certificate was not accepted"
    if isinstance(error, requests.Timeout):
        return f"timed out ({TIMEOUT_SECONDS[0]} s to connect, {TIMEOUT_SECONDS[1]} s between bytes)"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "it ended before its end"
    if isinstance(error, requests.ConnectionError):
        return "the connection failed or was closed"
    return type(error).__name__
