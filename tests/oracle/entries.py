"""The allowlists of a made-up tenant: of every kind that an entry may be, on the addresses of the generated days."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from datetime import timedelta

from deployer.manifest.rules import RuleBook
from deployer.model import Assignment
from deployer.model import Entry
from deployer.model import Platform
from deployer.model import Rule
from deployer.model import ValueKind
from tests import make
from tests.oracle.allowed import Allowed

HOUR = timedelta(hours=1)


def allowlists(now: datetime) -> tuple[Allowed, ...]:
    """Ranges and single addresses of both families; limited to hosts, processes and ports; expired and not yet."""
    return (
        Allowed("irc_servers", "198.51.100.0/26"),
        Allowed("irc_servers", "2001:db8:6667::/48"),
        Allowed("irc_servers", "203.0.113.64/27", hosts=("ws-3", "ws-4.acme.example", "WS-7", "ws-20", "ws-21")),
        Allowed("irc_servers", "203.0.113.96/27", processes=("hexchat.exe", "hexchat"), ports=(6697, 6660, 4444)),
        Allowed("irc_servers", "203.0.113.250/32", hosts=("20-in-3-hours",), until=now + HOUR),
        Allowed("irc_servers", "203.0.113.0/24", until=now - HOUR),
        Allowed("proxies", "198.51.100.64/27"),
        Allowed("proxies", "2001:db8:1::/64", ports=(1080, 9050), until=now + 30 * 24 * HOUR),
        Allowed("apm_vendors", "203.0.113.0/27"),
        Allowed(
            "apm_vendors", "203.0.113.32/28", processes=("apm-agent.exe", "Agent.exe", "apm-agent"), ports=(10516, 8443)
        ),
        Allowed("apm_vendors", "203.0.113.128/26", hosts=("ws-9", "ws-10", "ws-11.ACME.example", "no-port")),
        Allowed("apm_vendors", "2001:db8:a9::8/125", until=now + HOUR),
        Allowed("apm_vendors", "198.51.100.96/27", until=now - timedelta(seconds=1)),
        Allowed("trusted_sources", "198.51.100.3/32"),
        Allowed("trusted_sources", "203.0.113.192/27", hosts=("shop", "ws-5", "srv-web"), until=now + HOUR),
        Allowed("trusted_sources", "203.0.113.128/26", ports=(22, 8443), processes=("sshd", "NGINX")),
        Allowed("trusted_sources", "2001:db8:ffff::/48"),
        Allowed("trusted_sources", "0.0.0.0/0", until=now - HOUR),
    )


def assigned(rule: Rule, book: RuleBook, platform: Platform, entries: Sequence[Allowed]) -> Assignment:
    """What a target of the tenant is to hold."""
    listed = {name: tuple(_entry(one) for one in entries if one.category == name) for name in book.categories}
    assignment = make.assignment(platform, [rule])
    return replace(assignment, categories=book.categories, entries=listed)


def _entry(allowed: Allowed) -> Entry:
    return Entry(
        category=allowed.category,
        value=allowed.value,
        kind=ValueKind.IP,
        reason="Known.",
        owner="soc",
        location=make.HERE,
        hosts=allowed.hosts,
        processes=allowed.processes,
        ports=allowed.ports,
        expires=allowed.until.isoformat() if allowed.until else None,
    )
