"""`_bulk_action`: enable, disable, delete, duplicate. Source: Kibana's bulk_actions/route.ts."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from typing import Any

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Route
from deployer.emulator.kibana import exception_lists
from deployer.emulator.kibana import rules
from deployer.emulator.kibana.checks import Flag
from deployer.emulator.kibana.checks import Items
from deployer.emulator.kibana.checks import Record
from deployer.emulator.kibana.checks import Text
from deployer.emulator.kibana.errors import invalid
from deployer.emulator.kibana.errors import siem

MAX_IDS = 100
_SHAPE = Record(
    {"action": Text(choices=("delete", "disable", "duplicate", "edit", "enable", "export", "fill_gaps", "run"))},
    {
        "ids": Items(Text(), minimum=1),
        "query": Text(),
        "duplicate": Record({"include_exceptions": Flag(), "include_expired_exceptions": Flag()}),
    },
)


def _bulk(call: Call) -> Answer:
    if problems := list(_SHAPE.problems(call.body, "")):
        raise invalid("body", problems)
    chosen, errors = _chosen(call)
    action = _ACTIONS.get(call.body["action"])
    if action is None:
        raise siem(
            400, f"the emulator does not carry out the bulk action {call.body['action']}; it has {list(_ACTIONS)}"
        )
    results: dict[str, list[Any]] = {"updated": [], "created": [], "deleted": [], "skipped": []}
    if call.argument("dry_run") != "true":
        for rule in chosen:
            name, document = action(call, rule)
            results[name].append(document)
    total = len(chosen) + len(errors)
    summary = {"failed": len(errors), "skipped": 0, "succeeded": len(chosen), "total": total}
    attributes: Document = {"results": results, "summary": summary}
    if errors:
        # The published example has this body under 200; the code read answers 500. Clients must look at the body.
        body = {
            "message": "Bulk edit partially failed",
            "status_code": 500,
            "attributes": {**attributes, "errors": errors},
        }
        return Answer(body, 500)
    return Answer({"success": True, "rules_count": total, "attributes": attributes})


def _chosen(call: Call) -> tuple[list[Document], list[Document]]:
    ids, query = call.body.get("ids"), call.body.get("query")
    if ids is not None and query is not None:
        raise siem(400, "Both query and ids are sent. Define either ids or query in request payload.")
    if ids is None:
        return rules.select(call, query), []
    if len(ids) > MAX_IDS:
        raise siem(400, f"More than {MAX_IDS} ids sent for bulk edit action.")
    known = {rule["id"]: rule for rule in call.world.store.all(rules.COLLECTION, call.scope)}
    missing = [
        {"message": "Rule not found", "status_code": 500, "rules": [{"id": id}]} for id in ids if id not in known
    ]
    return [known[id] for id in ids if id in known], missing


def _switched(enabled: bool) -> Callable[[Call, Document], tuple[str, Document]]:
    def switch(call: Call, rule: Document) -> tuple[str, Document]:
        return "updated", rules.keep(call, rules.rewritten(call, rule, {**rule, "enabled": enabled}))

    return switch


def _delete(call: Call, rule: Document) -> tuple[str, Document]:
    call.world.store.remove(rules.COLLECTION, call.scope, rule["rule_id"])
    return "deleted", rule


def _duplicate(call: Call, rule: Document) -> tuple[str, Document]:
    """Kibana: duplicate_rule.ts. Tags are copied, so a copy carries whatever its original was marked with."""
    asked = call.body.get("duplicate", {"include_exceptions": True, "include_expired_exceptions": True})
    twin = copy.deepcopy(rule)
    twin.pop("execution_summary", None)
    twin |= {"name": f"{rule['name']} [Duplicate]", "rule_id": str(uuid.uuid4()), "enabled": False}
    twin["exceptions_list"] = _lists_of_twin(call, rule) if asked["include_exceptions"] else []
    for action in twin["actions"]:
        action["uuid"] = str(uuid.uuid4())
    return "created", rules.keep(call, rules.stamped(call, twin))


def _lists_of_twin(call: Call, rule: Document) -> list[Document]:
    """Shared lists are shared with the copy; the rule's own default list is copied."""
    shared = [item for item in rule["exceptions_list"] if item["type"] != "rule_default"]
    own = [item for item in rule["exceptions_list"] if item["type"] == "rule_default"]
    return shared + [copied for item in own if (copied := exception_lists.copy_list(call, item)) is not None]


_ACTIONS: dict[str, Callable[[Call, Document], tuple[str, Document]]] = {
    "enable": _switched(True),
    "disable": _switched(False),
    "delete": _delete,
    "duplicate": _duplicate,
}

ROUTES = (Route("POST", "/api/detection_engine/rules/_bulk_action", _bulk),)
