"""What people do in the user interfaces of the platforms while nobody looks."""

import uuid
from typing import Any

import requests

from deployer.emulator import Emulator

RULES, ITEMS = "/api/detection_engine/rules", "/api/exception_lists/items"
_NAMESPACE = uuid.UUID("6f0c3f3e-6a1d-5d1c-9a0e-0d5c1f1b7a52")


def kibana(emulator: Emulator, space: str, method: str, path: str, body: Any = None, **params: str) -> Any:
    """A request to Kibana as jo."""
    answer = requests.request(
        method, f"{emulator.url}/kibana/s/{space}{path}", json=body, params=params, auth=("jo", "pw"),
        headers={"kbn-xsrf": "x"}, timeout=10,
    )  # fmt: skip
    answer.raise_for_status()
    return answer.json() if answer.content else None


def edit_rule(emulator: Emulator, space: str, rule: str, **fields: Any) -> None:
    """Jo changes fields of a Kibana rule."""
    kibana(emulator, space, "PATCH", RULES, {"rule_id": rule, **fields})


def rule_in(emulator: Emulator, space: str, rule: str) -> Any:
    """A Kibana rule as it is."""
    return kibana(emulator, space, "GET", RULES, rule_id=rule)


def sentinel(emulator: Emulator, workspace: str, method: str, rule: str, body: Any = None) -> Any:
    """A request about one analytics rule, by its id in Git, as sam."""
    group = "subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/soc"
    name = uuid.uuid5(_NAMESPACE, rule)
    answer = requests.request(
        method,
        f"{emulator.url}/arm/{group}/providers/Microsoft.OperationalInsights/workspaces/{workspace}"
        f"/providers/Microsoft.SecurityInsights/alertRules/{name}",
        json=body, params={"api-version": "2025-10-01-preview"}, headers={"Authorization": "Bearer sam"}, timeout=10,
    )  # fmt: skip
    answer.raise_for_status()
    return answer.json() if answer.content else None


def edit_properties(emulator: Emulator, workspace: str, rule: str, **properties: Any) -> None:
    """Sam changes properties of an analytics rule."""
    live = sentinel(emulator, workspace, "GET", rule)
    sentinel(
        emulator, workspace, "PUT", rule, {"kind": live["kind"], "properties": {**live["properties"], **properties}}
    )
