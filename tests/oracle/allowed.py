"""What allowlist entries mean, in plain words and loops: the other account of what the codecs compile.

An entry holds for an address in its range, while it has not expired, on the hosts, in the processes and on the ports
that it names, and on its category's ports if it names none.
"""

import ipaddress
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS: Mapping[str, tuple[int, ...]] = {
    "irc_servers": (6660, 6661, 6662, 6663, 6664, 6665, 6666, 6667, 6668, 6669, 6697),
    "proxies": (1080, 3128, 8000, 8080, 8118, 8888, 9050),
    "apm_vendors": (),
    "trusted_sources": (),
}
"""Of each category; none means every port."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry, as a tenant writes it."""

    category: str
    value: str
    hosts: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """How a platform compares names: Sentinel without case, and a host also by the part before its first dot."""

    exact: bool

    def is_process(self, name: str, listed: Sequence[str]) -> bool:
        return name in listed if self.exact else name.lower() in {one.lower() for one in listed}

    def is_host(self, name: str, listed: Sequence[str]) -> bool:
        if self.exact:
            return name in listed
        known = {one.lower() for one in listed}
        short = name.lower().split(".")[0]
        return name.lower() in known or ("." not in short and short in {one for one in known if "." not in one})


SENTINEL, KIBANA = Names(exact=False), Names(exact=True)


@cache
def address(text: str) -> Address | None:
    """None for what is no address. One that maps IPv4 stays IPv6."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


@cache
def within(text: str, ranges: tuple[str, ...]) -> bool:
    """Whether an address lies in any of the ranges; what is no address lies in none."""
    found = address(text)
    return found is not None and any(found in network(one) for one in ranges)


@cache
def network(text: str) -> Network:
    return ipaddress.ip_network(text)


def holds(
    entries: Sequence[Allowed],
    categories: Sequence[str],
    now: datetime,
    names: Names,
    *,
    host: str,
    process: str,
    ip: str,
    port: int | None,
) -> bool:
    """Whether any entry of these categories covers an event."""
    return any(
        (one.until is None or now < one.until)
        and within(ip, (one.value,))
        and (not one.hosts or names.is_host(host, one.hosts))
        and (not one.processes or names.is_process(process, one.processes))
        and (not (one.ports or PORTS[one.category]) or port in (one.ports or PORTS[one.category]))
        for one in entries
        if one.category in categories
    )
