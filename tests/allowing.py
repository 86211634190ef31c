"""A small repository that allows things: two categories, two rules on both platforms, two customers, a shared list."""

from pathlib import Path

import yaml

CATEGORIES = """\
categories:
  servers:
    title: Servers
    description: Servers that are allowed.
    kinds: [ip]
    direction: outbound
    ports: [6667, 6668, 6697]
    kibana: {ip: destination.ip, host: host.name, process: process.name, port: destination.port}
    sentinel: {ipv4: Allowed, ipv6: AllowedIPv6, ports: Ports, scoped: Scoped}
  names:
    title: Names
    description: Names that are allowed.
    kinds: [domain]
    direction: outbound
    kibana: {domain: destination.domain, host: host.name}
    sentinel: {domain: AllowedNames}
"""
SHARED = """\
category: servers
title: Vendor
owner: net@acme.example
reason: The vendor's ranges
values:
  - 198.51.100.0/25
  # since spring
  - 198.51.100.128/25
  - 2001:db8:77::/48
"""
KQL = """\
let Allowed = dynamic([]);
let AllowedIPv6 = dynamic([]);
let Ports = dynamic([]);
let Scoped = (Host:string, Process:string, Address:string, Port:int) { false };
let AllowedNames = dynamic([]);
DeviceNetworkEvents
| where not(RemotePort in (Ports) and coalesce(ipv4_is_in_any_range(RemoteIP, Allowed), false))
| where not(RemotePort in (Ports) and coalesce(ipv6_is_in_any_range(RemoteIP, AllowedIPv6), false))
| where not(Scoped(DeviceName, InitiatingProcessFileName, RemoteIP, RemotePort))
| where not(RemoteUrl in~ (AllowedNames))
"""
ACME = """\
# Acme, in its own words.
targets:
  kibana: {platform: kibana, emulator: true, space: acme}
  sentinel:
    platform: sentinel
    emulator: true
    subscription_id: 11111111-1111-4111-8111-111111111111
    resource_group: soc
    workspace: acme
data_sources:
  kibana: {events: []}
  sentinel: [DeviceNetworkEvents]
allowlists:
  servers:
    # the first
    - value: 192.0.2.10
      hosts: [build-1]
      processes: [irc.exe]
      reason: "It builds"   # as agreed
      owner: jo@acme.example
      ticket: ACME-1
      expires: 2099-12-31
      reviewed: 2026-11-01
    # the range
    - {value: 203.0.113.0/24, ports: [6697], reason: A range, owner: ann@acme.example}
    - value: 203.0.113.7
      ports: [6697]
      reason: Within the range
      owner: ann@acme.example
      # asked for by phone
    - value: 192.0.2.77
      reason: Gone by now
      owner: ann@acme.example
      expires: 2020-01-31
  names:
    - {value: irc.vendor.example, reason: A name, owner: ann@acme.example, reviewed: 2026-10-01}
accepted:
  - object: rule/both
    target: kibana
    fields: {risk_score: 40}
    until: 2099-01-31
    reason: Trial
    owner: soc@acme.example
"""
GLOBEX = """\
targets:
  kibana: {platform: kibana, emulator: true, space: globex}
data_sources:
  kibana: {events: []}
allowlists:
  servers:
    - list: vendor   # the ranges
      processes: [agent.exe]
    - value: 192.0.2.10
      reason: Known
      owner: it@globex.example
"""


def repository(root: Path) -> Path:
    """The repository under `root`."""
    files = {
        "rules/allowlists.yaml": CATEGORIES,
        "rules/allowlists/vendor.yaml": SHARED,
        "rules/both/sentinel.kql": KQL,
        "rules/both/kibana.kuery": "host.name : *",
        "rules/both/rule.yaml": _rule("both", ["servers", "names"], enabled=True),
        "rules/plain/kibana.kuery": "host.name : *",
        "rules/plain/rule.yaml": _rule("plain", [], enabled=True),
        "rules/idle/kibana.kuery": "host.name : *",
        "rules/idle/rule.yaml": _rule("idle", ["servers"], enabled=False),
        "environments/site/environment.yaml": "owner: site-soc\n",
        "environments/site/tenants/acme.yaml": ACME,
        "environments/site/tenants/globex.yaml": GLOBEX,
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def _rule(id: str, categories: list[str], enabled: bool) -> str:
    technique = {"id": "T1584", "name": "Compromise Infrastructure"}
    rule = {
        "id": id,
        "name": id.capitalize(),
        "description": "What it finds.",
        "severity": "high",
        "confidence": "medium",
        "enabled": enabled,
        "attack": [{"tactic": {"id": "TA0042", "name": "Resource Development"}, "technique": technique}],
        "data_sources": [],
        "allowlists": categories,
        "kibana": {"data": ["events"], "type": "query", "language": "kuery", "index": ["logs-*"]},
    }
    if id == "both":
        rule["sentinel"] = {
            "data": ["DeviceNetworkEvents"], "kind": "Scheduled", "queryFrequency": "PT1H", "queryPeriod": "P1D",
            "triggerOperator": "GreaterThan", "triggerThreshold": 0,
        }  # fmt: skip
    return yaml.safe_dump(rule, sort_keys=False)
