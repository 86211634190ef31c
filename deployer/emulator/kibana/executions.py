"""One execution of a detection rule, as Kibana's executor goes about it, with the engine in place of Elasticsearch.

Source: security_solution create_security_rule_type_wrapper.ts. The data view, the exceptions and the memory come from
what the emulator holds; `deployer.engines.kibana` does the rest. Gaps between executions are not emulated: whoever asks
for a run decides when it is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

from deployer.emulator import telemetry
from deployer.emulator.calls import Document
from deployer.emulator.kibana import data_views
from deployer.emulator.kibana import exception_lists
from deployer.emulator.kibana import value_lists
from deployer.emulator.world import World
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

if TYPE_CHECKING:
    from deployer.engines.kibana import Events

SUCCEEDED = "succeeded"
PARTIAL = "partial failure"
FAILED = "failed"
# Stands for the _id that Elasticsearch gives to a document; taken out of what is shown.
EVENT_ID = "emulator.event_id"
NOT_RUN = "not run"  # the emulator's own: no engine here can run the rule, so nothing is known
# The advanced setting securitySolution:defaultIndex.
_DEFAULT_INDEX = (
    *("apm-*-transaction*", "auditbeat-*", "endgame-*", "filebeat-*", "logs-*", "packetbeat-*", "traces-apm*"),
    *("winlogbeat-*", "-*elastic-cloud-logs-*"),
)


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of it; `alerts` are as the engine found them, `patterns` the indices that were searched."""

    status: str
    message: str
    patterns: tuple[str, ...] = ()
    alerts: tuple[Document, ...] = ()


def execute(
    world: World, space: str, rule: Document, now: datetime, history: Mapping[tuple[str, ...], datetime]
) -> Execution:
    """Run the rule over the space's telemetry as if it were now."""
    from deployer.engines.kibana import detect

    view = None
    if rule.get("data_view_id") is not None and rule["type"] not in ("esql", "machine_learning"):
        view = world.store.get(data_views.COLLECTION, space, rule["data_view_id"])
        if view is None:
            missing = f"Saved object [index-pattern/{rule['data_view_id']}] not found"
            return Execution(FAILED, f"Data View not found Error: {missing}")
    patterns = _patterns(rule, view)
    asked = {**rule, "index": list(patterns)}
    items = _items(world, space, rule["exceptions_list"])
    try:
        found = detect(
            asked, events(world, space), now, data_view=view, items=items, history=history,
            value_lists=_value_lists(world, space, items),
        )  # fmt: skip
    except NotRunnable as error:
        return Execution(NOT_RUN, f"emulated: not run: {error}", patterns)
    except BadQuery as error:
        return Execution(FAILED, f'An error occurred during rule execution: message: "{error}"', patterns)
    if found.warnings:
        return Execution(PARTIAL, ", ".join(found.warnings), patterns, found.alerts)
    return Execution(SUCCEEDED, "Rule execution completed successfully", patterns, found.alerts)


def _indices(world: World, space: str) -> list[str]:
    return world.store.names(telemetry.KIBANA, space)


def events(world: World, space: str) -> Events:
    """The space's telemetry in an engine's database, made anew when more was loaded."""
    edition = world.store.edition(telemetry.KIBANA, space)
    return world.databases.take((telemetry.KIBANA, space, edition), lambda: _loaded(world, space))


def _loaded(world: World, space: str) -> Events:
    from deployer.engines.kibana import Events

    loaded = Events(telemetry.dataset_fields(_indices(world, space)))
    for batch, index, documents in world.store.batches(telemetry.KIBANA, space):
        loaded.load(index, ({**document, EVENT_ID: f"{batch}-{place}"} for place, document in enumerate(documents)))
    return loaded


def _patterns(rule: Document, view: Document | None) -> tuple[str, ...]:
    """A data view wins over the rule's own indices; a rule with neither takes the space's default."""
    if view is not None:
        return tuple(part.strip() for part in view["title"].split(","))
    return tuple(rule["index"]) if rule.get("index") is not None else _DEFAULT_INDEX


def _value_lists(world: World, space: str, items: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What is in the value lists that the items refer to, those that are there."""
    ids = {entry["list"]["id"] for item in items for entry in item["entries"] if entry["type"] == "list"}
    found = {id: value_lists.held(world, space, id) for id in sorted(ids)}
    return {id: values for id, values in found.items() if values is not None}


def _items(world: World, space: str, references: Sequence[Mapping[str, Any]]) -> list[Document]:
    """The items of the rule's lists, found by list_id and namespace_type; a list that is gone has none."""
    lists = {
        (reference["list_id"], space if reference["namespace_type"] == "single" else exception_lists.ALL_SPACES)
        for reference in references
        if reference["list_id"] != "endpoint_list"
    }
    return [
        item
        for list_id, scope in sorted(lists)
        for item in world.store.where(exception_lists.ITEMS, scope, "list_id", list_id)
    ]
