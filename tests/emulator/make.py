"""Bodies that the platforms take, and a few words to talk to the emulator with."""

import base64
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

import requests

STABLE = "2025-09-01"
PREVIEW = "2025-10-01-preview"
# What the clock of tests with telemetry says.
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
INDEX = "logs-endpoint.events.network-default"
TABLE = "DeviceNetworkEvents"
_PROVIDERS = "resourceGroups/group/providers/Microsoft.OperationalInsights/workspaces"


class Client:
    """A session below one address; every answer is given back, whatever its status."""

    def __init__(self, address: str, headers: dict[str, str], query: dict[str, str] | None = None) -> None:
        self.address = address
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(headers)
        self.query = query or {}

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        url = path if path.startswith("http") else self.address + path
        arguments = {} if path.startswith("http") else {**self.query, **query}
        return self.session.request(method, url, json=body, params=arguments, timeout=10)


def api_key(name: str = "deployer") -> str:
    """An Authorization header as Kibana takes it."""
    return "ApiKey " + base64.b64encode(f"{name}:made-up".encode()).decode()


def kibana_client(url: str, space: str = "acme", user: str = "deployer") -> Client:
    """A client of one space."""
    return Client(f"{url}/kibana/s/{space}", {"Authorization": api_key(user), "kbn-xsrf": "tests"})


def arm_client(url: str, workspace: str = "acme", version: str = PREVIEW) -> Client:
    """A client of one workspace's alert rules."""
    address = f"{url}/arm/subscriptions/sub/{_PROVIDERS}/{workspace}/providers/Microsoft.SecurityInsights/alertRules"
    return Client(address, {"Authorization": "Bearer made-up"}, {"api-version": version})


def control_client(url: str) -> Client:
    """A client of the emulator's own routes."""
    return Client(f"{url}/_emulator", {})


def threshold_rule(**changes: Any) -> dict[str, Any]:
    """A small threshold rule; a change to None leaves the field out."""
    rule = {
        "type": "threshold",
        "rule_id": "beacon",
        "name": "Beacon",
        "description": "Counts connections.",
        "risk_score": 47,
        "severity": "medium",
        "query": "event.category:network",
        "threshold": {"field": ["host.name"], "value": 20},
    }
    return {name: value for name, value in {**rule, **changes}.items() if value is not None}


def exception_list(**changes: Any) -> dict[str, Any]:
    """A shared list."""
    return {"list_id": "proxies", "name": "Proxies", "description": "Known.", "type": "detection", **changes}


def exception_item(**changes: Any) -> dict[str, Any]:
    """An item of that list."""
    item = {
        "list_id": "proxies",
        "item_id": "proxy-1",
        "type": "simple",
        "name": "Proxy 1",
        "description": "Known.",
        "entries": [entry()],
    }
    return {name: value for name, value in {**item, **changes}.items() if value is not None}


def entry(**changes: Any) -> dict[str, Any]:
    """One condition of an item."""
    condition = {"field": "destination.ip", "operator": "included", "type": "match", "value": "192.0.2.1"}
    return {name: value for name, value in {**condition, **changes}.items() if value is not None}


def data_view(**changes: Any) -> dict[str, Any]:
    """A data view with a runtime field, as the create route wants it."""
    view = {
        "id": "network",
        "name": "Network",
        "title": "logs-*",
        "timeFieldName": "@timestamp",
        "runtimeFieldMap": {"hour": {"type": "long", "script": {"source": "emit(1)"}}},
    }
    return {"data_view": {**view, **changes}}


def scheduled_rule(**changes: Any) -> dict[str, Any]:
    """A small scheduled rule; a change to None leaves the property out."""
    properties = {
        "displayName": "Beacon",
        "enabled": True,
        "severity": "Medium",
        "query": "DeviceNetworkEvents | take 1",
        "queryFrequency": "PT1H",
        "queryPeriod": "P1D",
        "triggerOperator": "GreaterThan",
        "triggerThreshold": 0,
        "suppressionEnabled": False,
        "suppressionDuration": "PT5H",
    }
    properties = {name: value for name, value in {**properties, **changes}.items() if value is not None}
    return {"kind": "Scheduled", "properties": properties}


def nrt_rule() -> dict[str, Any]:
    """A near-real-time rule: no schedule, no trigger."""
    names = ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold")
    return {**scheduled_rule(**dict.fromkeys(names)), "kind": "NRT"}


def ago(**time: float) -> str:
    """A moment before the tests' now, such as ago(minutes=5)."""
    return (NOW - timedelta(**time)).isoformat().replace("+00:00", "Z")


def documents(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Connections of one host, one a minute, the last of them a minute before now."""
    event = {
        "event": {"category": ["network"], "action": "connection_attempted"},
        "host.name": "ws-17",
        "destination.ip": "198.51.100.50",
        "destination.port": 6667,
        **changes,
    }
    return [{"@timestamp": ago(minutes=count - number), **event} for number in range(count)]


def device_rows(count: int, **changes: Any) -> list[dict[str, Any]]:
    """The same as rows of DeviceNetworkEvents."""
    row = {
        "DeviceName": "ws-17.acme.example",
        "ActionType": "ConnectionSuccess",
        "RemoteIP": "198.51.100.50",
        "RemotePort": 6667,
        **changes,
    }
    return [{"TimeGenerated": ago(minutes=count - number), **row} for number in range(count)]


def arm_id(workspace: str = "acme") -> str:
    """The resource id of the workspace that `arm_client` talks to."""
    return f"/subscriptions/sub/{_PROVIDERS}/{workspace}"


def logs_client(url: str, workspace: str = "acme") -> Client:
    """A client of one workspace's query API."""
    return Client(f"{url}/loganalytics/v1{arm_id(workspace)}/query", {"Authorization": "Bearer made-up"})


def elasticsearch_client(url: str) -> Client:
    """A client of Elasticsearch."""
    return Client(f"{url}/elasticsearch", {"Authorization": api_key()})
