"""A target on the emulator, its real provider, and the hands of an analyst."""

from pathlib import Path
from typing import Any

import requests

from deployer.apply import apply
from deployer.emulator import Emulator
from deployer.model import Assignment
from deployer.model import Platform
from deployer.outcome import Applied
from deployer.outcome import Place
from deployer.plan import Plan
from deployer.plan import make_plan
from deployer.providers.codecs import encode
from deployer.providers.connect import Connections
from deployer.providers.sentinel.codec import rule_uuid
from deployer.state import LiveState
from tests import make

WRITES = {"POST", "PUT", "PATCH", "DELETE"}


class Bench:
    """What a test does with one target."""

    def __init__(self, platform: Platform, emulator: Emulator, place: str = "acme") -> None:
        self.platform = platform
        self.emulator = emulator
        self.place = place
        change = {"space": place} if platform is Platform.KIBANA else {"workspace": place}
        self.target = make.target(platform, **change)
        self.provider = Connections({}, (), Path(), emulator.url).provider(self.target)

    def assignment(self, *rules: Any, entries: Any = (), **change: Any) -> Assignment:
        return make.assignment(self.platform, rules, entries, **change)

    def read(self, assignment: Assignment) -> LiveState:
        return self.provider.read(encode(assignment))

    def plan(self, assignment: Assignment, **consent: Any) -> Plan:
        desired = encode(assignment)
        return make_plan(desired, self.provider.read(desired), **consent)

    def apply(self, assignment: Assignment, **consent: Any) -> Applied:
        return apply(Place("acme", self.target.name), self.plan(assignment, **consent), self.provider)

    def writes(self) -> list[str]:
        return [f"{one['method']} {one['path']}" for one in self.emulator.requests if one["method"] in WRITES]

    # -- the analyst, in the platform's own form -----------------------------------------------------------------

    def kibana(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        answer = requests.request(
            method,
            f"{self.emulator.url}/kibana/s/{self.place}{path}",
            json=body,
            params=params,
            auth=("night-shift", "pw"),
            headers={"kbn-xsrf": "x"},
            timeout=10,
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def arm(self, method: str, rule_id: str, body: Any = None) -> Any:
        target = make.sentinel_target(workspace=self.place)
        url = (
            f"{self.emulator.url}/arm/subscriptions/{target.subscription_id}/resourceGroups/{target.resource_group}"
            f"/providers/Microsoft.OperationalInsights/workspaces/{target.workspace}"
            f"/providers/Microsoft.SecurityInsights/alertRules{'/' if rule_id else ''}{rule_id}"
        )
        answer = requests.request(
            method,
            url,
            json=body,
            params={"api-version": "2025-10-01-preview"},
            headers={"Authorization": "Bearer portal", "x-emulator-user": "night-shift"},
            timeout=10,
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def document(self, rule_id: str = "example") -> Any:
        """The live rule as the platform has it."""
        if self.platform is Platform.KIBANA:
            return self.kibana("GET", "/api/detection_engine/rules", rule_id=rule_id)
        return self.arm("GET", rule_uuid(rule_id))

    def edit(self, rule_id: str = "example", **change: Any) -> None:
        """Change fields of a live rule the way a user interface does: read, change, write whole."""
        document = self.document(rule_id)
        if self.platform is Platform.KIBANA:
            self.kibana("PUT", "/api/detection_engine/rules", {**document, **change})
        else:
            properties = {**document["properties"], **change}
            self.arm("PUT", document["name"], {**document, "properties": properties})
