"""A customer with a past: a monitoring agent, a proxy and one attack in the two days before 2025-11-20, noon."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from deployer.emulator import Emulator

INDEX = "logs-endpoint.events.network-default"
END = datetime(2025, 11, 20, 12, tzinfo=UTC)
UNTIL = "2025-11-20T12:00Z"
TENANT = "environments/site/tenants/acme.yaml"
AGENT, PROXY, ATTACK = "203.0.113.9", "198.51.100.9", "192.0.2.66"

RULE = """id: beacon
name: Beacon
description: Counts connections.
severity: high
confidence: medium
attack:
  - tactic: {id: TA0042, name: Resource Development}
    technique: {id: T1584, name: Compromise Infrastructure}
data_sources: [Network Traffic]
references: [https://attack.mitre.org/techniques/T1584/]
false_positives:
  - {cause: An agent., tuning: Allow it.}
deviations: []
allowlists: [vendors, proxies]
kibana:
  data: [endpoint.events.network]
  type: threshold
  language: kuery
  index: [logs-endpoint.events.network-*]
  interval: 6h
  from: now-6h
  threshold: {field: [host.name, destination.ip], value: 5}
"""
CATEGORIES = """categories:
  vendors:
    title: Vendors
    description: Monitoring vendors.
    kinds: [ip]
    direction: outbound
    kibana: {ip: destination.ip, host: host.name, process: process.name, port: destination.port}
    sentinel: {ipv4: V4, ipv6: V6, scoped: Scoped}
  proxies:
    title: Proxies
    description: The way out.
    kinds: [ip]
    direction: outbound
    kibana: {ip: destination.ip, host: host.name, process: process.name, port: destination.port}
    sentinel: {ipv4: P4, ipv6: P6, scoped: ScopedProxies}
"""
ENVIRONMENT = """owner: site-soc
trusted_hosts: [127.0.0.1]
credentials:
  kibana: {type: api_key, env: SITE_KIBANA_KEY, hosts: [127.0.0.1]}
"""


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Past:
    """The repository, the emulator that holds what happened, and the command."""

    root: Path
    emulator: Emulator
    space: str
    call: Callable[..., Any]

    def backtest(self, *arguments: str) -> Any:
        return self.call("backtest", "site", "--until", UNTIL, "--days", "2", *arguments)

    def rules(self, *arguments: str) -> Any:
        """The rules of the one target, as the JSON document has them."""
        [target] = json.loads(self.backtest("--format", "json", *arguments).out)["targets"]
        return target["rules"]

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def change(self, path: str, change: Callable[[Any], None]) -> None:
        file = self.root / path
        document = yaml.safe_load(file.read_text())
        change(document)
        file.write_text(yaml.safe_dump(document, sort_keys=False))

    def allow(self, **entries: Any) -> None:
        """What the tenant allows, each value a line, by category."""
        text = (self.root / TENANT).read_text().partition("allowlists:")[0]
        lines = ["allowlists:"]
        for category, values in entries.items():
            lines.append(f"  {category}:")
            for value in values:
                entry = value if isinstance(value, dict) else {"value": value}
                told = json.dumps({"reason": "Known.", "owner": "soc", **entry})
                lines.append(f"    - {told}")
        self.write(TENANT, "\n".join([text.rstrip(), *lines]) + "\n")

    def line_of(self, value: str) -> int:
        lines = (self.root / TENANT).read_text().split("\n")
        return next(number for number, line in enumerate(lines, 1) if value in line)

    def asked(self, path: str) -> list[Any]:
        """The requests to this space whose address holds a text."""
        return [one for one in self.emulator.requests if f"/s/{self.space}/" in one["path"] and path in one["path"]]

    def load(self, documents: list[dict[str, Any]]) -> None:
        self.emulator.load(kibana={self.space: {INDEX: documents}})


def settle(root: Path, emulator: Emulator, space: str) -> None:
    """The rule, the customer, and what happened."""
    url = emulator.url
    tenant = {
        "targets": {
            "kibana": {
                "platform": "kibana",
                "url": f"{url}/kibana",
                "space": space,
                "credential": "kibana",
                "elasticsearch": {"url": f"{url}/elasticsearch/s/{space}", "credential": "kibana"},
            }
        },
        "data_sources": {"kibana": {"endpoint.events.network": []}},
    }
    files = {
        "rules/allowlists.yaml": CATEGORIES,
        "rules/beacon/rule.yaml": RULE,
        "rules/beacon/kibana.kuery": 'event.category : "network"\n',
        "environments/site/environment.yaml": ENVIRONMENT,
        TENANT: yaml.safe_dump(tenant, sort_keys=False),
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def two_days() -> list[dict[str, Any]]:
    """Three hosts with an agent that reports all the time, a proxy by day, an attack in one night."""
    found = [event(f"app-{host}", AGENT, hours=hours) for host in (1, 2, 3) for hours in range(48)]
    found += [event("ws-7", PROXY, hours=hours + step / 10) for hours in (20, 44) for step in range(8)]
    return found + [event("ws-21", ATTACK, hours=32 + step / 10, process="wupd.exe") for step in range(9)]


def event(host: str, address: str, *, hours: float, process: str = "agent.exe") -> dict[str, Any]:
    """A connection so many hours before the end."""
    moment = END - timedelta(hours=hours, minutes=30)
    return {
        "@timestamp": moment.isoformat(),
        "event.category": ["network"],
        "host.name": host,
        "destination.ip": address,
        "process.name": process,
    }
