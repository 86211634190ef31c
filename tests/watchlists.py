"""An assignment whose allowlist is too long for a query, and a look at the watchlist that it goes into."""

from collections.abc import Sequence
from typing import Any

from deployer.model import Assignment
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Platform
from deployer.model import Rule
from tests import make

ALIAS = "deployer-servers"
LONG = f"// {'Why it is as it is. ' * 420}"
"""A comment that leaves room for a few dozen entries."""
KQL = f"""let Window = 24h;
let AllowedServers = dynamic([]);
let AllowedServersIPv6 = dynamic([]);
let ScopedServers = (Host:string, Process:string, Address:string, Port:int) {{ false }};
{LONG}
DeviceNetworkEvents
| where TimeGenerated > ago(Window)
| where not(coalesce(ipv4_is_in_any_range(RemoteIP, AllowedServers), false))
| where not(coalesce(ipv6_is_in_any_range(RemoteIP, AllowedServersIPv6), false))
| where not(coalesce(ScopedServers(DeviceName, InitiatingProcessFileName, RemoteIP, RemotePort), false))
"""
LETS = {"ipv4": "AllowedServers", "ipv6": "AllowedServersIPv6", "scoped": "ScopedServers"}


def category(name: str = "servers", **change: Any) -> Category:
    """One that binds on every port."""
    return make.category(name, **{"ports": (), "sentinel": LETS, **change})


def rule(id: str = "example", **change: Any) -> Rule:
    """A rule that honours it."""
    return make.rule(id, sentinel=make.sentinel_half(KQL), **change)


def addresses(count: int, first: int = 0) -> list[str]:
    """That many addresses of which no two touch, so that nothing collapses."""
    numbers = range(first, first + count)
    return [f"10.{number // 25_000}.{number // 100 % 250}.{number % 100 * 2}" for number in numbers]


def entries(count: int, first: int = 0, **change: Any) -> list[Entry]:
    """An entry for each."""
    return [make.entry(value, **change) for value in addresses(count, first)]


def assignment(entries: Sequence[Entry], *rules: Rule, **change: Any) -> Assignment:
    """A workspace with these entries."""
    return make.assignment(
        Platform.SENTINEL, rules or (rule(),), entries, **{"categories": {"servers": category()}, **change}
    )
