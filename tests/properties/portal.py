"""What colleagues see and do in the user interfaces of one space and one workspace."""

import copy
from collections.abc import Mapping
from typing import Any

import requests

from deployer.emulator import Emulator
from deployer.providers.sentinel.codec import rule_uuid
from tests.properties.repository import KQL
from tests.properties.repository import SUBSCRIPTION

RULES, LISTS, ITEMS = "/api/detection_engine/rules", "/api/exception_lists", "/api/exception_lists/items"
OURS = "deployer-servers"
VIEW = "/api/data_views/data_view/deployer-alpha"
FIELDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "kibana": {
        "severity": ("high", "low", "medium"),
        "enabled": (True, False),
        "threshold.value": (20, 10, 30),
        "query": ("host.name : *", "host.name : a*", "host.name : b*"),
        "interval": ("5m", "10m"),
    },
    "sentinel": {
        "severity": ("High", "Low", "Medium"),
        "enabled": (True, False),
        "triggerThreshold": (0, 3, 5),
        "query": ("| take 10", "| take 20", "| take 30"),
    },
}
"""Managed fields and values of theirs, that of the rule's file first; of a KQL query its last line."""


def fields_of(platform: str, rule: str) -> list[str]:
    """The fields that a rule has."""
    return [name for name in FIELDS[platform] if name != "threshold.value" or rule == "alpha"]


def others(platform: str, field: str, now: Any) -> list[Any]:
    """What a field can be made instead."""
    return [one for one in FIELDS[platform][field] if one != now]


def value(platform: str, document: Mapping[str, Any], field: str) -> Any:
    """A field of a live rule."""
    block: Any = document if platform == "kibana" else document["properties"]
    for name in field.split("."):
        block = block[name]
    if field == "query":
        return last_line(block)
    return block


def last_line(query: str) -> str:
    """What is varied in a query."""
    return query.strip().split("\n")[-1]


def mark(platform: str, document: Mapping[str, Any]) -> str | None:
    """Our mark as it stands in a live rule."""
    if platform == "kibana":
        return next((tag for tag in document["tags"] if tag.startswith("deployer:")), None)
    head = str(document["properties"]["query"]).split("\n")[0]
    return head if "deployer:" in head else None


class Portal:
    """The hands of jo in Kibana and of sam in Sentinel."""

    def __init__(self, emulator: Emulator, place: str) -> None:
        self._url, self._place = emulator.url, place
        self._session = requests.Session()

    def kibana(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """A request to Kibana."""
        url = f"{self._url}/kibana/s/{self._place}{path}"
        return self._ask(method, url, json=body, params=params, auth=("jo", "pw"), headers={"kbn-xsrf": "x"})

    def arm(self, method: str, name: str = "", body: Any = None) -> Any:
        """A request about analytics rules."""
        url = (
            f"{self._url}/arm/subscriptions/{SUBSCRIPTION}/resourceGroups/soc/providers/"
            f"Microsoft.OperationalInsights/workspaces/{self._place}/providers/Microsoft.SecurityInsights/alertRules"
        )
        params = {"api-version": "2025-10-01-preview"}
        headers = {"Authorization": "Bearer portal", "x-emulator-user": "sam"}
        return self._ask(method, f"{url}/{name}" if name else url, json=body, params=params, headers=headers)

    def _ask(self, method: str, url: str, **request: Any) -> Any:
        answer = self._session.request(method, url, timeout=10, **request)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def world(self) -> dict[tuple[str, str, str], Any]:
        """Every document there is, as the platform has it."""
        lists = self.kibana("GET", f"{LISTS}/_find", per_page=100)["data"]
        items = [
            item
            for one in lists
            for item in self.kibana("GET", f"{ITEMS}/_find", list_id=one["list_id"], per_page=100)["data"]
        ]
        rules = self.kibana("GET", f"{RULES}/_find", per_page=100)["data"]
        views = [one["id"] for one in self.kibana("GET", "/api/data_views")["data_view"]]
        return {
            **{("kibana", "rule", one["rule_id"]): one for one in rules},
            **{("kibana", "list", one["list_id"]): one for one in lists},
            **{("kibana", "item", one["item_id"]): one for one in items},
            **{
                ("kibana", "view", one): self.kibana("GET", f"/api/data_views/data_view/{one}")["data_view"]
                for one in views
            },
            **{("sentinel", "rule", one["name"]): one for one in self.arm("GET")["value"]},
        }

    def change(self, platform: str, rule: str, **fields: Any) -> None:
        """Change fields of a rule as a user interface does: read, change, write whole."""
        if platform == "kibana":
            document = self.kibana("GET", RULES, rule_id=rule)
            self.kibana("PUT", RULES, {**document, **fields})
        else:
            document = self.arm("GET", rule_uuid(rule))
            self.arm("PUT", document["name"], {**document, "properties": {**document["properties"], **fields}})

    def edit(self, platform: str, rule: str, field: str, wanted: Any) -> None:
        """Give a managed field a value."""
        document = self.document(platform, rule)
        block = document if platform == "kibana" else document["properties"]
        name, _, inner = field.partition(".")
        if inner:
            wanted = {**block[name], inner: wanted}
        elif field == "query":
            wanted = "\n".join([*block["query"].strip().split("\n")[:-1], wanted])
        self.change(platform, rule, **{name: wanted})

    def document(self, platform: str, rule: str) -> Any:
        """A live rule of ours by its id in Git."""
        if platform == "kibana":
            return self.kibana("GET", RULES, rule_id=rule)
        return self.arm("GET", rule_uuid(rule))

    def delete(self, platform: str, rule: str) -> None:
        """Delete a rule of ours."""
        if platform == "kibana":
            self.kibana("DELETE", RULES, rule_id=rule)
        else:
            self.arm("DELETE", rule_uuid(rule))

    def unmark(self, platform: str, rule: str) -> None:
        """Take the mark out, and nothing else."""
        document = self.document(platform, rule)
        if platform == "kibana":
            tags = [tag for tag in document["tags"] if not tag.startswith("deployer:")]
            self.change(platform, rule, tags=tags)
        else:
            self.change(platform, rule, query=document["properties"]["query"].split("\n", 1)[1])

    def copy(self, platform: str, rule: str, number: int) -> None:
        """Copy a rule of ours, mark and all."""
        document = copy.deepcopy(self.document(platform, rule))
        if platform == "kibana":
            self.kibana("POST", f"{RULES}/_bulk_action", {"action": "duplicate", "ids": [document["id"]]})
        else:
            body = {"kind": document["kind"], "properties": document["properties"]}
            self.arm("PUT", f"00000000-0000-4000-8000-{number:012d}", body)

    def add_rule(self, platform: str, number: int) -> None:
        """Make a rule that is nobody's business but theirs."""
        if platform == "kibana":
            rule = {"type": "query", "query": "*", "name": "x", "description": "x", "severity": "low", "risk_score": 1}
            self.kibana("POST", RULES, {**rule, "rule_id": f"theirs-{number}"})
        else:
            properties = {
                "displayName": f"Theirs {number}", "enabled": True, "severity": "Low", "query": KQL["beta"],
                "queryFrequency": "PT1H", "queryPeriod": "PT1H", "triggerOperator": "GreaterThan",
                "triggerThreshold": 0, "suppressionEnabled": False, "suppressionDuration": "PT1H",
            }  # fmt: skip
            self.arm("PUT", f"ffffffff-0000-4000-8000-{number:012d}", {"kind": "Scheduled", "properties": properties})

    def attach_list(self, rule: str, number: int) -> str:
        """Make a list and attach it to a rule of ours."""
        name = f"theirs-{number}"
        made = self.kibana("POST", LISTS, {"list_id": name, "name": name, "description": "x", "type": "detection"})
        theirs = {"id": made["id"], "list_id": name, "type": "detection", "namespace_type": "single"}
        self.change("kibana", rule, exceptions_list=[*self.document("kibana", rule)["exceptions_list"], theirs])
        return name

    def add_item(self, number: int) -> str:
        """Add an exception to the list that is ours."""
        entry = {"field": "destination.ip", "operator": "included", "type": "match", "value": f"203.0.113.{number}"}
        body = {
            "list_id": OURS, "item_id": f"hand-{number}", "type": "simple", "name": "By hand", "description": "x",
            "entries": [entry],
        }  # fmt: skip
        self.kibana("POST", ITEMS, body)
        return f"hand-{number}"

    def edit_item(self, item: str) -> None:
        """Widen an exception of ours."""
        document = self.kibana("GET", ITEMS, item_id=item)
        names = "item_id name description type entries tags comments namespace_type"
        body = {name: document[name] for name in names.split() if document.get(name) is not None}
        number = len(document["name"]) % 7
        entry = {"field": "destination.ip", "operator": "included", "type": "match", "value": f"198.18.0.{number}"}
        self.kibana("PUT", ITEMS, {**body, "entries": [entry]})

    def delete_item(self, item: str) -> None:
        """Delete an exception of ours."""
        self.kibana("DELETE", ITEMS, item_id=item)

    def edit_view(self) -> None:
        """Rename the data view that is ours."""
        self.kibana("POST", VIEW, {"data_view": {"name": "Renamed by hand"}})

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()
