"""The desired objects of targets, for `show`."""

import json
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from deployer.origins import Origin
from deployer.origins import Origins
from deployer.outcome import DONE
from deployer.outcome import Place
from deployer.report import origins as told
from deployer.report import parts
from deployer.report.as_json import SCHEMA
from deployer.report.wording import plain
from deployer.state import DesiredState
from deployer.state import Kind
from deployer.state import Resource

States = Sequence[tuple[Place, DesiredState, Origins]]


def render(states: States, *, explained: bool = False) -> str:
    """Every object: a heading, its fields as JSON, and texts of several lines as they are.

    `explained` puts a table in place of the JSON: each value of a rule with its origin; what is long is cut there.
    """
    return "\n".join(line for state in states for line in _state(*state, explained)) + "\n"


def is_one_rule(states: States) -> bool:
    """Whether all of it is about a single rule of Git's, at however many targets."""
    rules = {one.git_id for _, state, _ in states for one in state.resources.values() if one.key.kind is Kind.RULE}
    return len(rules) == 1


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
                    {
                        "kind": one.key.kind,
                        "id": one.key.id,
                        "digest": one.digest,
                        "body": one.body,
                        "origins": {each.name: told.document(each) for each in origins.get(str(one.key), ())},
                    }
                    for one in state.resources.values()
                ],
                "not_applicable": [{"rule": item.rule, "reason": item.reason} for item in state.not_applicable],
            }
            for place, state, origins in states
        ],
    }


def _state(place: Place, state: DesiredState, origins: Origins, explained: bool) -> Iterator[str]:
    for resource in state.resources.values():
        yield from _resource(place, resource, origins.get(str(resource.key), ()) if explained else ())
    for item in state.not_applicable:
        yield f"# {place} {item.rule}: not applicable: {plain(item.reason)}"


def _resource(place: Place, resource: Resource, origins: Sequence[Origin]) -> Iterator[str]:
    source = f" (from {parts.origin(resource)})" if resource.source else ""
    yield f"# {place} {resource.key}{source}"
    texts = {name: value for name, value in resource.body.items() if isinstance(value, str) and "\n" in value}
    fields = {name: value for name, value in resource.body.items() if name not in texts}
    if any(one.path for one in origins):
        yield from told.table(origins)
    else:
        yield from json.dumps(fields, indent=2, ensure_ascii=True).split("\n")
    for name, value in texts.items():
        yield f"{name}:"
        yield from (f"    | {plain(line)}" for line in value.split("\n"))
    yield ""
