"""Addresses of servers and the patterns that credentials are bound with. No message holds an address as written:
it may carry a password."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult
from urllib.parse import urlsplit

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*", re.ASCII)
_WITH_PORT = re.compile(r"([^:]+|\[.*\]):[0-9]*", re.ASCII | re.DOTALL)
_PORTS = {"https": 443, "http": 80}
CLOUDS = {
    "public": "https://management.azure.com",
    "usgov": "https://management.usgovcloudapi.net",
    "china": "https://management.chinacloudapi.cn",
}
"""Azure Resource Manager by cloud."""
LOGS = {
    "public": "https://api.loganalytics.io",
    "usgov": "https://api.loganalytics.us",
    "china": "https://api.loganalytics.azure.cn",
}
"""The query API of Log Analytics by cloud (README of azure-monitor-query; China's is from reports only)."""


class Unfit(ValueError):
    """The text is no value of the kind; the message is a predicate for the user."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that requests go to, in canonical form."""

    scheme: str
    host: str
    port: int
    path: str


@lru_cache(maxsize=4096)  # asked of each target when it is read, when it is checked and when it is connected to
def server(url: str) -> Server:
    """What `url` leads to; raises `Unfit` unless it is https, or http to this machine, and an address only."""
    if not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        raise Unfit("must be an address of printable ASCII characters; write a host name outside ASCII as xn--...")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Unfit("is not an address; write https://host[:port][/path]") from None
    if parts.scheme not in _PORTS or not parts.netloc:
        raise Unfit("must start with https://")
    if "@" in parts.netloc:
        raise Unfit("must not hold a user name or password; a credential is named by `credential`")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise Unfit("must end with the path: no ?query and no #fragment")
    host = _host(parts)
    if parts.scheme == "http" and not loopback(host):
        raise Unfit("must start with https://; http:// is for this machine only (localhost, 127.0.0.0/8, ::1)")
    if port == 0:
        raise Unfit("names port 0")
    return Server(parts.scheme, host, port or _PORTS[parts.scheme], parts.path.rstrip("/"))


def canonical_host(text: str) -> str:
    """A host name or an address in canonical form; raises `Unfit`."""
    lower = text.lower()
    if ":" in lower or lower.rsplit(".", 1)[-1].isdigit():
        try:
            return str(ipaddress.ip_address(lower))
        except ValueError:
            raise Unfit("is neither a host name nor an address") from None
    # An address in a form that only some resolvers take (0x7f.1) must not pass for a name.
    if not _NAME.fullmatch(lower) or re.fullmatch(r"0x[0-9a-f]*", lower.rsplit(".", 1)[-1]):
        raise Unfit("is neither a host name nor an address")
    return lower


def canonical_pattern(text: str) -> str:
    """A host, or `*.` and a suffix of at least two labels; raises `Unfit`."""
    if _WITH_PORT.fullmatch(text):
        raise Unfit("must be a host name or an address alone, without a port")
    if not text.startswith("*."):
        if "*" in text:
            raise Unfit("may hold * only at its beginning, as *.suffix")
        if "/" in text or "@" in text:
            raise Unfit("must be a host name alone: no https://, no path")
        return canonical_host(text)
    suffix = canonical_host(text[2:])
    if "." not in suffix or suffix.rsplit(".", 1)[-1].isdigit() or ":" in suffix:
        raise Unfit("is too wide; a wildcard needs a suffix of two labels or more, as *.acme.example")
    return f"*.{suffix}"


def covers(patterns: Iterable[str], host: str) -> bool:
    """Whether one of the patterns names `host`, all in canonical form. `*.suffix` names no bare suffix."""
    return any(host == each or (each.startswith("*.") and host.endswith(each[1:])) for each in patterns)


def loopback(host: str) -> bool:
    """Whether requests to `host` stay on this machine."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback and (address.version == 4 or address == ipaddress.IPv6Address("::1"))


def _host(parts: SplitResult) -> str:
    if not parts.hostname or parts.netloc.endswith(":"):
        raise Unfit("is not an address; write https://host[:port][/path]")
    try:
        return canonical_host(parts.hostname)
    except Unfit:
        raise Unfit("names no host; write https://host[:port][/path]") from None
