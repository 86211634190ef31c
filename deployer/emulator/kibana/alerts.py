"""Alert documents: what Kibana writes for what a rule found. Every one says that it is emulated.

Source: security_solution wrapHits and bulk_create_threshold_signals.ts, and the alert schema in Elastic's documentation
(https://www.elastic.co/docs/reference/security/fields-and-object-schemas/alert-schema).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from deployer.emulator.calls import Document
from deployer.emulator.clock import milliseconds
from deployer.emulator.kibana.executions import EVENT_ID
from deployer.emulator.kibana.executions import Execution
from deployer.emulator.search import Hit
from deployer.emulator.world import World

COLLECTION = "kibana.alerts"
PREVIEWS = "kibana.preview_alerts"
_ALIASES = {COLLECTION: ".alerts-security.alerts", PREVIEWS: ".preview.alerts-security.alerts"}
_KINDS = {"threshold": "Threshold", "query": "Custom Query", "eql": "Event Correlation", "saved_query": "Saved Query"}
# What the alert says of its rule: the rule's own field by the alert's.
_RULE_FIELDS = (
    *("rule_id", "name", "description", "type", "version", "revision", "tags", "interval", "from", "to", "enabled"),
    *("severity", "risk_score", "max_signals", "author", "references", "false_positives", "threat", "immutable"),
    *("created_at", "created_by", "updated_at", "updated_by", "exceptions_list", "license", "note"),
)
_PARAMETERS = (*_RULE_FIELDS, "query", "language", "index", "data_view_id", "filters", "threshold")


def alias(collection: str, space: str) -> str:
    """The name under which the alerts of a space are searched."""
    return f"{_ALIASES[collection]}-{space}"


def backing_index(collection: str, space: str) -> str:
    """The index that the alias stands for."""
    return f".internal{alias(collection, space)}-000001"


def held(world: World, collection: str, space: str) -> list[Hit]:
    """The alerts of a space, oldest first."""
    index = backing_index(collection, space)
    batches = world.store.batches(collection, space)
    return [Hit(index, document["kibana.alert.uuid"], document) for _, _, batch in batches for document in batch]


def documents(space: str, rule: Document, execution: Execution, run_id: str, written: datetime) -> list[Document]:
    """One document an alert. `written` is what its @timestamp says."""
    build = _threshold if rule["type"] == "threshold" else _event
    common = {**_common(space, rule, run_id, written), **_of_rule(rule, execution)}
    found = [build(rule, alert, execution, written) for alert in execution.alerts]
    return [{**document, **common, "event.kind": "signal"} for document in found]


def unseen(found: Iterable[Document], held: Iterable[Hit]) -> list[Document]:
    """Those that are not there yet: the id of an event's alert is the same whenever the rule finds it."""
    known = {hit.id for hit in held}
    return [document for document in found if document["kibana.alert.uuid"] not in known]


def _threshold(rule: Document, alert: Document, execution: Execution, written: datetime) -> Document:
    """A threshold alert carries the group-by fields only, and what was counted."""
    fields = rule["threshold"]["field"]
    terms = [{"field": field, "value": alert[field]} for field in fields]
    result: Document = {"count": alert["threshold_result.count"], "from": alert["first"], "terms": terms}
    if rule["threshold"].get("cardinality"):
        counted = rule["threshold"]["cardinality"][0]["field"]
        result["cardinality"] = [{"field": counted, "value": alert["threshold_result.cardinality"]}]
    # The time of the run is part of the id, so that it is not stable from run to run (utils.ts).
    named = ",".join(sorted(str(alert[field]) for field in fields))
    id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{rule['id']}{written.isoformat()}{','.join(fields)}{named}"))
    event = {"id": id, "type": "event", "index": ",".join(execution.patterns), "depth": 0}
    return {
        **{field: alert[field] for field in fields},
        "kibana.alert.uuid": _digest(id, rule["id"]),
        "kibana.alert.ancestors": [event],
        "kibana.alert.original_time": alert["last"],
        "kibana.alert.threshold_result": result,
        "kibana.alert.reason": f"event created {rule['severity']} alert {rule['name']}.",
    }


def _event(rule: Document, alert: Document, execution: Execution, written: datetime) -> Document:
    """An alert for one event: its fields, and where it came from."""
    fields = {name: value for name, value in alert.items() if name not in (EVENT_ID, "@timestamp")}
    original = {f"kibana.alert.original_{name}": value for name, value in fields.items() if name.startswith("event.")}
    event = {"id": alert[EVENT_ID], "type": "event", "index": ",".join(execution.patterns), "depth": 0}
    return {
        **fields,
        **original,
        "kibana.alert.uuid": _digest(alert[EVENT_ID], rule["id"]),
        "kibana.alert.ancestors": [event],
        "kibana.alert.original_time": alert["@timestamp"],
        "kibana.alert.reason": f"event created {rule['severity']} alert {rule['name']}.",
    }


def _common(space: str, rule: Document, run_id: str, written: datetime) -> Document:
    now = milliseconds(written)
    return {
        "@timestamp": now,
        "kibana.alert.emulated": True,
        "kibana.alert.start": now,
        "kibana.alert.last_detected": now,
        "kibana.alert.status": "active",
        "kibana.alert.workflow_status": "open",
        "kibana.alert.workflow_tags": [],
        "kibana.alert.depth": 1,
        "kibana.alert.severity": rule["severity"],
        "kibana.alert.risk_score": rule["risk_score"],
        "kibana.alert.rule.execution.uuid": run_id,
        "kibana.space_ids": [space],
    }


def _of_rule(rule: Document, execution: Execution) -> Document:
    known = {f"kibana.alert.rule.{name}": rule[name] for name in _RULE_FIELDS if name in rule}
    kind = _KINDS.get(rule["type"], rule["type"])
    return {
        **known,
        "kibana.alert.rule.uuid": rule["id"],
        "kibana.alert.rule.category": f"{kind} Rule",
        "kibana.alert.rule.consumer": "siem",
        "kibana.alert.rule.producer": "siem",
        "kibana.alert.rule.rule_type_id": f"siem.{rule['type']}Rule",
        "kibana.alert.rule.indices": list(execution.patterns),
        "kibana.alert.rule.parameters": {name: rule[name] for name in _PARAMETERS if name in rule},
    }


def _digest(*parts: Any) -> str:
    return hashlib.sha256("\n".join(str(part) for part in parts).encode()).hexdigest()
