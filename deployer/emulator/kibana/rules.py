"""Detection rules: create, read, replace, patch, delete, find.

Source: Kibana's detection_engine rule_management routes. A rule is kept under its rule_id, which is unique in a space.
"""

from __future__ import annotations

import uuid
from typing import Any

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Route
from deployer.emulator.clock import milliseconds
from deployer.emulator.kibana import alerting
from deployer.emulator.kibana import filters
from deployer.emulator.kibana import rule_documents
from deployer.emulator.kibana.errors import invalid
from deployer.emulator.kibana.errors import siem
from deployer.emulator.kibana.paging import page_of
from deployer.emulator.kibana.paging import paging

COLLECTION = alerting.RULES
_BASE = "/api/detection_engine/rules"
_RESULT_WINDOW = 10_000
_SORT_FIELDS = {
    "created_at",
    "createdAt",
    "enabled",
    "name",
    "risk_score",
    "riskScore",
    "severity",
    "updated_at",
    "updatedAt",
}
_FILTERS = {
    "alert.attributes.params.immutable": "immutable",
    "alert.attributes.params.ruleId": "rule_id",
    "alert.attributes.tags": "tags",
    "alert.attributes.enabled": "enabled",
    "alert.attributes.name": "name",
    "alert.attributes.params.type": "type",
}
# Writing these does not count as a new revision (published document, RuleObject.revision).
_NOT_REVISED = {"enabled", "updated_at", "updated_by", "revision", "execution_summary"}


def find_one(call: Call, rule_id: str | None, id: str | None) -> Document:
    """The rule, or 404 as Kibana words it."""
    if id is not None:
        for rule in call.world.store.where(COLLECTION, call.scope, "id", id):
            return rule
        raise siem(404, f'id: "{id}" not found')
    if rule_id is None:
        raise siem(400, ['either "id" or "rule_id" must be set'])
    found = call.world.store.get(COLLECTION, call.scope, rule_id)
    if found is None:
        raise siem(404, f'rule_id: "{rule_id}" not found')
    return found


def keep(call: Call, rule: Document) -> Document:
    """Store the rule and give it back."""
    call.world.store.put(COLLECTION, call.scope, rule["rule_id"], rule)
    alerting.make_key(call, rule)
    return rule


def stamped(call: Call, rule: Document) -> Document:
    """A new rule with what the server adds."""
    now = milliseconds(call.world.clock.now())
    who = {"created_at": now, "created_by": call.user, "updated_at": now, "updated_by": call.user}
    server = {"id": str(uuid.uuid4()), "immutable": False, "rule_source": {"type": "internal"}, "revision": 0}
    return {**rule, **server, **who}


def rewritten(call: Call, old: Document, new: Document) -> Document:
    """The old rule with new content: same identity, a new revision only when its content changed."""
    kept = {name: old[name] for name in ("id", "rule_id", "immutable", "rule_source", "created_at", "created_by")}
    rule = {**new, **kept, "updated_at": milliseconds(call.world.clock.now()), "updated_by": call.user}
    if "execution_summary" in old:
        rule["execution_summary"] = old["execution_summary"]
    changed = _content(rule) != _content(old)
    rule["revision"] = old["revision"] + 1 if changed else old["revision"]
    if changed and rule["immutable"]:
        rule["rule_source"] = {**rule["rule_source"], "is_customized": True}
    return rule


def _create(call: Call) -> Answer:
    version = str(call.world.setting("kibana_version"))
    rule = stamped(call, rule_documents.completed(rule_documents.validated(call.body, version)))
    rule_documents.check_schedule(rule, version)
    if call.world.store.get(COLLECTION, call.scope, rule["rule_id"]) is not None:
        raise siem(409, f'rule_id: "{rule["rule_id"]}" already exists')
    _check_default_lists(call, rule)
    return Answer(keep(call, rule))


def _read(call: Call) -> Answer:
    return Answer(find_one(call, call.argument("rule_id"), call.argument("id")))


def _replace(call: Call) -> Answer:
    version = str(call.world.setting("kibana_version"))
    body = rule_documents.validated(call.body, version)
    old = find_one(call, call.body.get("rule_id"), call.body.get("id"))
    if body["type"] != old["type"]:
        # Kibana keeps the alerting type it was created with and fails on its parameters; the text is not settled.
        raise siem(400, f"rule type cannot be changed from {old['type']} to {body['type']}")
    # Kibana: apply_rule_update.ts. Every omitted field returns to its default, but for these two.
    body = {"enabled": old["enabled"], "version": old["version"], **body, "rule_id": old["rule_id"]}
    rule = rewritten(call, old, rule_documents.completed(body))
    rule_documents.check_schedule(rule, version)
    _check_default_lists(call, rule)
    return Answer(keep(call, rule))


def _patch(call: Call) -> Answer:
    version = str(call.world.setting("kibana_version"))
    if not isinstance(call.body, dict):
        raise invalid("body", ["Expected object, received null"])
    old = find_one(call, call.body.get("rule_id"), call.body.get("id"))
    # Kibana: apply_rule_patch.ts merges with `??`, so null keeps the old value and nothing can be unset.
    asked = {name: value for name, value in call.body.items() if value is not None}
    body = rule_documents.validated(asked, version, patched_type=old["type"])
    merged = {**old, **body, "type": old["type"], "rule_id": old["rule_id"]}
    rule = rewritten(call, old, rule_documents.completed(merged))
    rule_documents.check_schedule(rule, version)
    _check_default_lists(call, rule)
    return Answer(keep(call, rule))


def _delete(call: Call) -> Answer:
    rule = find_one(call, call.argument("rule_id"), call.argument("id"))
    call.world.store.remove(COLLECTION, call.scope, rule["rule_id"])
    return Answer(rule)


def _find(call: Call) -> Answer:
    page, per_page = paging(call, least_per_page=0)
    if odd := {"fields", "gaps_range_start", "gaps_range_end"} & set(call.query):
        raise siem(400, f"the emulator does not emulate {', '.join(sorted(odd))}")
    if page * per_page > _RESULT_WINDOW:
        # Elasticsearch's result window; Kibana's own wording is not settled.
        raise siem(400, f"Result window is too large, page * per_page must be at most {_RESULT_WINDOW}")
    rules = select(call, call.argument("filter"))
    if (field := call.argument("sort_field")) is not None:
        if field not in _SORT_FIELDS:
            raise invalid(
                "query", [f"sort_field: Invalid enum value, received '{field}' (emulated: {sorted(_SORT_FIELDS)})"]
            )
        name = {"createdAt": "created_at", "updatedAt": "updated_at", "riskScore": "risk_score"}.get(field, field)
        rules.sort(key=lambda rule: rule[name], reverse=call.argument("sort_order") == "desc")
    return Answer({"page": page, "perPage": per_page, "total": len(rules), "data": page_of(rules, page, per_page)})


def select(call: Call, text: str | None) -> list[Document]:
    """The rules of the space that a filter lets through; a filter outside the emulated part is refused."""
    rules = call.world.store.all(COLLECTION, call.scope)
    if not text:
        return rules
    try:
        wanted = filters.parse(text, _FILTERS)
    except filters.BadFilter as error:
        raise siem(400, str(error)) from None
    return [rule for rule in rules if wanted(rule)]


def _tags(call: Call) -> Answer:
    return Answer(sorted({tag for rule in call.world.store.all(COLLECTION, call.scope) for tag in rule["tags"]}))


def _check_default_lists(call: Call, rule: Document) -> None:
    """A rule_default list belongs to one rule, and a rule has at most one. The texts are not settled."""
    mine = [item["list_id"] for item in rule["exceptions_list"] if item["type"] == "rule_default"]
    if not mine:
        return
    if len(mine) > 1:
        raise siem(400, "More than one default exception list found on rule")
    for other in call.world.store.all(COLLECTION, call.scope):
        if other["id"] == rule["id"]:
            continue
        if any(item["type"] == "rule_default" and item["list_id"] in mine for item in other["exceptions_list"]):
            raise siem(
                409, f"default exception list for rule: {rule['rule_id']} already exists in rule {other['rule_id']}"
            )


def _content(rule: Document) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name not in _NOT_REVISED}


ROUTES = (
    Route("POST", _BASE, _create),
    Route("GET", _BASE, _read),
    Route("PUT", _BASE, _replace),
    Route("PATCH", _BASE, _patch),
    Route("DELETE", _BASE, _delete),
    Route("GET", f"{_BASE}/_find", _find),
    Route("GET", "/api/detection_engine/tags", _tags),
)

__all__ = ["COLLECTION", "ROUTES", "find_one", "keep", "rewritten", "select", "stamped"]
