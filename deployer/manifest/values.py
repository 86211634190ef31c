"""Values of allowlist entries: strict reading, one canonical form. Nothing is guessed: what could mean two things, or
could mean more than it seems to, raises `Unfit`."""

import ipaddress
import re
from collections.abc import Collection
from datetime import UTC
from datetime import date
from datetime import datetime
from typing import TypeAlias

from deployer.hosts import Unfit
from deployer.model import ValueKind

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_ADDRESS = re.compile(r"[0-9a-f:.]+", re.IGNORECASE | re.ASCII)
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
_LOOKS_LIKE_ADDRESS = re.compile(r"[0-9./]+|.*[:/].*", re.ASCII | re.DOTALL)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII)
_WRITE = "write 192.0.2.7 or 192.0.2.0/24"
_YEARS = range(2000, 3000)


def canonical(text: str, kinds: Collection[ValueKind]) -> tuple[ValueKind, str]:
    """The kind and the canonical form of an entry's value, as one of `kinds`."""
    if ValueKind.IP in kinds and (len(kinds) == 1 or _LOOKS_LIKE_ADDRESS.fullmatch(text)):
        return ValueKind.IP, address(text)
    if ValueKind.DOMAIN in kinds:
        return ValueKind.DOMAIN, domain(text)
    if ValueKind.PROCESS in kinds:
        return ValueKind.PROCESS, name(text)
    raise Unfit("has a category without kinds")


def address(text: str) -> str:
    """An address, or a network in CIDR form."""
    before, slash, prefix = text.partition("/")
    parsed = _address(before)
    if not slash:
        return str(parsed)
    if not _PREFIX.fullmatch(prefix) or int(prefix) > parsed.max_prefixlen:
        raise Unfit(f"must end with a prefix length of /1 to /{parsed.max_prefixlen}")
    network = ipaddress.ip_network(f"{parsed}/{prefix}", strict=False)
    if network.prefixlen == 0:
        raise Unfit("allows every address; name the networks that are meant")
    if network.network_address != parsed:
        raise Unfit(f"has bits set after its prefix; write {network} for the network, or {parsed} for the address")
    if isinstance(network, ipaddress.IPv6Network) and network.overlaps(_MAPPED):
        raise Unfit(f"holds IPv4 addresses written as IPv6 ({_MAPPED}); name the IPv6 networks that are meant")
    return str(parsed) if network.prefixlen == parsed.max_prefixlen else str(network)


def networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """What a platform takes any text for that is an address or a range, read with less care than `address`: nothing
    where it is none.

    Both platforms hold IPv4 addresses as IPv6 ones (Lucene's InetAddressPoint, KQL's ipv6_is_in_range): what lies in
    ::ffff:0:0/96 is IPv4, and what holds that is every IPv4 address besides.
    """
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ()
    if isinstance(network, ipaddress.IPv4Network) or not network.overlaps(_MAPPED):
        return (network,)
    if network.prefixlen < _MAPPED.prefixlen:
        return network, ipaddress.IPv4Network("0.0.0.0/0")
    return (ipaddress.IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96)),)


def domain(text: str) -> str:
    """A domain of letters, digits and hyphens, lower case."""
    if "*" in text or "?" in text:
        raise Unfit("must not hold * or ?; write the domain itself")
    if not text.isascii():
        raise Unfit("must be ASCII; write a name outside ASCII as xn--...")
    if text.endswith("."):
        raise Unfit("must not end with a dot")
    lower = text.lower()
    labels = lower.split(".")
    if len(lower) > 253 or len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise Unfit("is no domain; write labels of letters, digits and hyphens, as irc.acme.example")
    return lower


def name(text: str) -> str:
    """A process or host name: exact, without path or wildcards."""
    if not text.isprintable() or text != text.strip() or not text:
        raise Unfit("must be a name without spaces around it and without control characters")
    if "/" in text or "\\" in text:
        raise Unfit("must be a name alone, without a path")
    if "*" in text or "?" in text:
        raise Unfit("must not hold * or ?; write one entry for each name")
    if len(text) > 255:
        raise Unfit("is longer than 255 characters")
    return text


def day(text: str) -> str:
    """A date."""
    try:
        if _DATE.fullmatch(text) and date.fromisoformat(text).year in _YEARS:
            return text
    except ValueError:
        pass
    raise Unfit("must be a date such as 2027-01-31")


def moment(text: str) -> str:
    """A date, or an instant with its offset, which becomes UTC to the second."""
    if "T" not in text:
        return day(text)
    try:
        if _INSTANT.fullmatch(text) and (parsed := datetime.fromisoformat(text)).year in _YEARS:
            return parsed.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        pass
    raise Unfit("must be a date (2027-01-31) or an instant with its offset (2027-01-31T12:00:00+01:00)")


def instant(text: str) -> datetime:
    """An instant with its offset, as UTC."""
    if "T" not in text:
        raise Unfit("must be an instant with its offset (2026-11-20T12:00:00Z)")
    return datetime.fromisoformat(moment(text))


def _address(text: str) -> _Address:
    if "%" in text:
        raise Unfit("must not name a zone (%...)")
    if not _ADDRESS.fullmatch(text):
        if _is_domain(text):
            raise Unfit(f"is a domain, and addresses are taken here: {_WRITE}, each one that the name stands for")
        raise Unfit(f"is no address and no CIDR range; {_WRITE}")
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        raise Unfit(_why_not(text)) from None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        raise Unfit(f"is IPv4 written as IPv6; write the IPv4 form ({parsed.ipv4_mapped})")
    return parsed


def _why_not(text: str) -> str:
    parts = text.split(".")
    if ":" not in text and any(len(part) > 1 and part.startswith("0") for part in parts):
        return "has a number with a leading zero, which some read as octal; write it without"
    return f"is no address and no CIDR range; {_WRITE}"


def _is_domain(text: str) -> bool:
    try:
        return bool(domain(text))
    except Unfit:
        return False
