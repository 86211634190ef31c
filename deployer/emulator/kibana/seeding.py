"""What the API cannot make: Elastic's prebuilt rules, and the record of a rule's run."""

from __future__ import annotations

import uuid

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Document
from deployer.emulator.calls import Refused
from deployer.emulator.clock import milliseconds
from deployer.emulator.kibana import rule_documents
from deployer.emulator.kibana import rules
from deployer.emulator.kibana.runs import STATUS_ORDER
from deployer.emulator.world import World


def prebuilt(world: World, space: str, count: int) -> Document:
    """Install prebuilt rules of the emulator's own making, numbered on from those already there."""
    present = [rule for rule in world.store.all(rules.COLLECTION, space) if rule["immutable"]]
    ids = [f"prebuilt-{number:04d}" for number in range(len(present) + 1, len(present) + count + 1)]
    now = milliseconds(world.clock.now())
    for rule_id in ids:
        content: Document = {
            "type": "query",
            "rule_id": rule_id,
            "name": f"Prebuilt {rule_id}",
            "description": "Stands for a rule that Elastic ships.",
            "risk_score": 21,
            "severity": "low",
            "query": "event.category:process",
            "index": ["logs-*"],
            "tags": ["Prebuilt"],
        }
        server = {
            "id": str(uuid.uuid4()),
            "immutable": True,
            "rule_source": {"type": "external", "is_customized": False},
            "revision": 0,
            "created_at": now,
            "created_by": "elastic",
            "updated_at": now,
            "updated_by": "elastic",
        }
        world.store.put(rules.COLLECTION, space, rule_id, {**rule_documents.completed(content), **server})
    return {"rule_ids": ids}


def record_run(world: World, space: str, run: Document) -> Document:
    """Record a run of a rule, now: `{"rule_id": …, "status": …, "message": …}`. The rule's content stays as it is."""
    status = run.get("status", "succeeded")
    rule = world.store.get(rules.COLLECTION, space, str(run.get("rule_id")))
    if rule is None or status not in STATUS_ORDER:
        missing = f"no rule {run.get('rule_id')!r} in space {space!r}"
        text = missing if rule is None else f"status is one of {list(STATUS_ORDER)}"
        raise Refused(Answer({"message": text}, 400))
    metrics = {} if status == "running" else {"total_search_duration_ms": 1, "total_indexing_duration_ms": 0}
    last: Document = {
        "date": milliseconds(world.clock.now()),
        "status": status,
        "status_order": STATUS_ORDER[status],
        "message": str(run.get("message", "")),
        "metrics": {**metrics, **run.get("metrics", {})},
    }
    world.store.put(rules.COLLECTION, space, rule["rule_id"], {**rule, "execution_summary": {"last_execution": last}})
    return last
