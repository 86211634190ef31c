"""Builders of one line each: the smallest valid rule, entry, assignment, resource."""

from collections.abc import Sequence
from typing import Any

from deployer.findings import Location
from deployer.model import Assignment
from deployer.model import Attack
from deployer.model import Category
from deployer.model import Entry
from deployer.model import FalsePositive
from deployer.model import KibanaTarget
from deployer.model import Named
from deployer.model import Platform
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.model import SentinelTarget
from deployer.model import Target
from deployer.model import ValueKind
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Mark
from deployer.state import Resource

OWNER, ENVIRONMENT = "acme-soc", "test"
HERE = Location("rules/example/rule.yaml")

KUERY = 'event.category : "network"'
KQL = """let Threshold = 20;
let Window = 24h;
let AllowedServers = dynamic([]);
let AllowedServersIPv6 = dynamic([]);
let ServerPorts = dynamic([]);
let ScopedServers = (Host:string, Process:string, Address:string, Port:int) { false };
DeviceNetworkEvents
| where TimeGenerated > ago(Window)
| where not(RemotePort in (ServerPorts) and coalesce(ipv4_is_in_any_range(RemoteIP, AllowedServers), false))
| where not(RemotePort in (ServerPorts) and coalesce(ipv6_is_in_any_range(RemoteIP, AllowedServersIPv6), false))
| where not(ScopedServers(DeviceName, InitiatingProcessFileName, RemoteIP, RemotePort))
"""


def category(name: str = "servers", *, ports: tuple[int, ...] = (6667,), **change: Any) -> Category:
    fields: dict[str, Any] = {
        "title": "Servers",
        "description": "Servers that are allowed.",
        "kinds": (ValueKind.IP,),
        "direction": "outbound",
        "kibana": {"ip": "destination.ip", "host": "host.name", "process": "process.name", "port": "destination.port"},
        "sentinel": {
            "ipv4": "AllowedServers",
            "ipv6": "AllowedServersIPv6",
            "ports": "ServerPorts",
            "scoped": "ScopedServers",
        },
    }
    return Category(name=name, ports=ports, location=Location("rules/allowlists.yaml"), **{**fields, **change})


def entry(value: str = "192.0.2.0/24", **change: Any) -> Entry:
    fields: dict[str, Any] = {"category": "servers", "kind": ValueKind.IP, "reason": "Known.", "owner": "soc"}
    return Entry(value=value, location=Location("environments/test/tenants/acme.yaml", 9), **{**fields, **change})


def rule(id: str = "example", *, kibana: Any = None, sentinel: Any = None, **change: Any) -> Rule:
    fields: dict[str, Any] = {
        "name": f"Rule {id}",
        "description": "What it finds.",
        "severity": "high",
        "confidence": "medium",
        "attack": (
            Attack(
                Named("TA0042", "Resource Development"),
                Named("T1584", "Compromise Infrastructure"),
                Named("T1584.005", "Botnet"),
            ),
        ),
        "data_sources": ("Network Traffic",),
        "references": ("https://attack.mitre.org/techniques/T1584/005/",),
        "false_positives": (FalsePositive("An agent.", "Allow it."),),
        "deviations": (),
        "allowlists": ("servers",),
        "location": HERE,
        "kibana": kibana_half(id) if kibana is None else kibana,
        "sentinel": sentinel_half() if sentinel is None else sentinel,
    }
    return Rule(id=id, **{**fields, **change})


def kibana_half(id: str = "example", **fields: Any) -> PlatformRule:
    body: dict[str, Any] = {
        "type": "threshold",
        "language": "kuery",
        "index": ["logs-*"],
        "interval": "1h",
        "from": "now-24h",
        "threshold": {
            "field": ["host.name"],
            "value": 20,
            "cardinality": [{"field": "deployer.epoch_hour", "value": 3}],
        },
        "data_view": {
            "name": f"deployer: {id}",
            "timeFieldName": "@timestamp",
            "runtimeFieldMap": {"deployer.epoch_hour": {"type": "long", "script": {"source": "emit(1L);"}}},
        },
    }
    return PlatformRule(KUERY, {**body, **fields}, ("endpoint.events.network",), Location("rules/example/kibana.kuery"))


def sentinel_half(query: str = KQL, *, parameters: Any = None, **fields: Any) -> PlatformRule:
    body: dict[str, Any] = {
        "kind": "Scheduled",
        "queryFrequency": "PT1H",
        "queryPeriod": "P1D",
        "triggerOperator": "GreaterThan",
        "triggerThreshold": 0,
        "entityMappings": [
            {"entityType": "Host", "fieldMappings": [{"identifier": "FullName", "columnName": "DeviceName"}]}
        ],
    }
    where = Location("rules/example/sentinel.kql")
    return PlatformRule(query, {**body, **fields}, ("DeviceNetworkEvents",), where, parameters or {})


def kibana_target(**change: Any) -> KibanaTarget:
    return KibanaTarget(
        **{"tenant": "acme", "name": "kibana", "location": HERE, "emulator": True, "space": "acme", **change}
    )


def sentinel_target(**change: Any) -> SentinelTarget:
    fields = {
        "tenant": "acme",
        "name": "sentinel",
        "location": HERE,
        "subscription_id": "00000000-0000-0000-0000-000000000001",
        "resource_group": "soc",
        "workspace": "acme",
        "emulator": True,
    }
    return SentinelTarget(**{**fields, **change})


def target(platform: Platform, **change: Any) -> Target:
    return kibana_target(**change) if platform is Platform.KIBANA else sentinel_target(**change)


def assignment(
    platform: Platform = Platform.KIBANA, rules: Sequence[Rule] = (), entries: Sequence[Entry] = (), **change: Any
) -> Assignment:
    fields: dict[str, Any] = {
        "owner": OWNER,
        "environment": ENVIRONMENT,
        "target": target(platform),
        "categories": {"servers": category()},
        "entries": {"servers": tuple(entries)},
    }
    return Assignment(rules=tuple(rules) or (rule(),), **{**fields, **change})


def resource(id: str = "example", kind: Kind = Kind.RULE, **fields: Any) -> Resource:
    body = fields.pop("body", {"severity": "high", "enabled": True})
    return Resource(Key(kind, id), body, **fields)


def desired(*resources: Resource) -> DesiredState:
    return DesiredState(OWNER, ENVIRONMENT, {one.key: one for one in resources})


def live(*resources: Resource, **change: Any) -> LiveState:
    return LiveState({one.key: one for one in resources}, **change)


def marked(one: Resource, *, body: Any = None, **change: Any) -> Mark:
    """The mark that `one` carries when we wrote it last with `body` (its own unless given)."""
    from deployer.state import digest

    fields = {"owner": OWNER, "environment": ENVIRONMENT, "key": one.key, "digest": digest(body or one.body)}
    return Mark(**{**fields, **change})
