"""Runs of the detection rules of a space, asked for by a control call: there is no scheduler here."""

from __future__ import annotations

import uuid
from datetime import datetime

from deployer.emulator.calls import Document
from deployer.emulator.clock import milliseconds
from deployer.emulator.kibana import alerts
from deployer.emulator.kibana import memories
from deployer.emulator.kibana import rules
from deployer.emulator.kibana.executions import FAILED
from deployer.emulator.kibana.executions import NOT_RUN
from deployer.emulator.kibana.executions import PARTIAL
from deployer.emulator.kibana.executions import SUCCEEDED
from deployer.emulator.kibana.executions import Execution
from deployer.emulator.kibana.executions import execute
from deployer.emulator.world import World

# The numbers by which Kibana sorts statuses; of these the published example shows 20 for a partial failure.
STATUS_ORDER = {SUCCEEDED: 0, "going to run": 10, "running": 15, PARTIAL: 20, FAILED: 30}


def run(world: World, space: str, rule: Document, now: datetime) -> Document:
    """Run one rule: its alerts, its memory and its execution summary are kept. The answer says what came of it.

    A rule that is disabled, or that no engine here can run, leaves everything as it was: its summary must not say that
    it ran.
    """
    if not rule["enabled"]:
        return _told(rule, Execution("disabled", ""), 0)
    history = memories.recall(world, space, rule)
    execution = execute(world, space, rule, now, history)
    if execution.status == NOT_RUN:
        return _told(rule, execution, 0)
    found = alerts.documents(space, rule, execution, str(uuid.uuid4()), now)
    if rule["type"] == "threshold":
        if execution.status != FAILED:
            memories.remember(world, space, rule, memories.extended(rule, history, execution.alerts, now))
    else:
        found = alerts.unseen(found, alerts.held(world, alerts.COLLECTION, space))
    if found:
        world.store.append(alerts.COLLECTION, space, rule["rule_id"], found)
    summarise(world, space, rule, execution, now)
    return _told(rule, execution, len(found))


def _told(rule: Document, execution: Execution, alerts: int) -> Document:
    outcome = {"outcome": execution.status, "message": execution.message, "alerts": alerts}
    return {"rule_id": rule["rule_id"], "name": rule["name"], **outcome}


def summarise(world: World, space: str, rule: Document, execution: Execution, now: datetime) -> None:
    """Write the rule's execution summary; its content and its revision stay as they are."""
    last: Document = {
        "date": milliseconds(now),
        "status": execution.status,
        "status_order": STATUS_ORDER[execution.status],
        "message": execution.message,
        "metrics": {"total_search_duration_ms": 1, "total_indexing_duration_ms": 0},
        "emulated": True,
    }
    world.store.put(rules.COLLECTION, space, rule["rule_id"], {**rule, "execution_summary": {"last_execution": last}})
