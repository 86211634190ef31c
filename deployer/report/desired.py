"""The desired objects of targets, for `show`."""

import json
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from deployer.outcome import DONE
from deployer.outcome import Place
from deployer.report import parts
from deployer.report.as_json import SCHEMA
from deployer.report.wording import plain
from deployer.state import DesiredState
from deployer.state import Resource

States = Sequence[tuple[Place, DesiredState]]


def render(states: States) -> str:
    """Every object: a heading, its fields as JSON, and texts of several lines as they are."""
    return "\n".join(line for place, state in states for line in _state(place, state)) + "\n"


def document(environment: str, states: States) -> dict[str, Any]:
    """The same for scripts."""
    return {
        "schema": SCHEMA,
        "verb": "show",
        "environment": environment,
        "exit_code": DONE,
        "targets": [
            {
                "tenant": place.tenant,
                "target": place.target,
                "objects": [
                    {"kind": one.key.kind, "id": one.key.id, "digest": one.digest, "body": one.body}
                    for one in state.resources.values()
                ],
                "not_applicable": [{"rule": item.rule, "reason": item.reason} for item in state.not_applicable],
            }
            for place, state in states
        ],
    }


def _state(place: Place, state: DesiredState) -> Iterator[str]:
    for resource in state.resources.values():
        yield from _resource(place, resource)
    for item in state.not_applicable:
        yield f"# {place} {item.rule}: not applicable: {plain(item.reason)}"


def _resource(place: Place, resource: Resource) -> Iterator[str]:
    source = f" (from {parts.origin(resource)})" if resource.source else ""
    yield f"# {place} {resource.key}{source}"
    texts = {name: value for name, value in resource.body.items() if isinstance(value, str) and "\n" in value}
    fields = {name: value for name, value in resource.body.items() if name not in texts}
    yield from json.dumps(fields, indent=2, ensure_ascii=True).split("\n")
    for name, value in texts.items():
        yield f"{name}:"
        yield from (f"    | {plain(line)}" for line in value.split("\n"))
    yield ""
