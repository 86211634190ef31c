"""`GET /api/alerting/rule/{id}`: a detection rule as Kibana's alerting framework runs it, and whose API key it has.

Source: the published OpenAPI description, and alerting's rules_client: every write of an enabled rule makes its key
anew, from the API key of the request where it came with one (`api_key_created_by_user`), else from the user's login. A
rule that was never enabled has none. What disabling does to the key differs between versions; here it stays.
"""

from __future__ import annotations

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Route
from deployer.emulator.kibana.errors import platform

RULES = "kibana.rules"
_KEYS = "kibana.api_keys"
_TYPES = {
    "threshold": "siem.thresholdRule",
    "query": "siem.queryRule",
    "saved_query": "siem.savedQueryRule",
    "eql": "siem.eqlRule",
    "esql": "siem.esqlRule",
    "new_terms": "siem.newTermsRule",
    "machine_learning": "siem.mlRule",
    "threat_match": "siem.indicatorRule",
}
# The outcome and the status by detection's own word for how a run ended (create_rule_execution_summary.ts).
_OUTCOMES = {
    "succeeded": ("succeeded", "ok"),
    "partial failure": ("warning", "warning"),
    "failed": ("failed", "error"),
}


def make_key(call: Call, rule: Document) -> None:
    """Remember whose key a rule has that was written just now."""
    if rule["enabled"]:
        scheme = call.headers.get("authorization", "").partition(" ")[0].lower()
        call.world.store.put(_KEYS, call.scope, rule["id"], {"owner": call.user, "by_user": scheme == "apikey"})


def _read(call: Call) -> Answer:
    for rule in call.world.store.where(RULES, call.scope, "id", call.params["id"]):
        key = call.world.store.get(_KEYS, call.scope, rule["id"]) or {"owner": None, "by_user": None}
        return Answer(_shown(rule, key))
    raise platform(404, f"Saved object [alert/{call.params['id']}] not found")


def _shown(rule: Document, key: Document) -> Document:
    last = (rule.get("execution_summary") or {}).get("last_execution")
    shown: Document = {
        "id": rule["id"],
        "enabled": rule["enabled"],
        "name": rule["name"],
        "tags": rule["tags"],
        "rule_type_id": _TYPES[rule["type"]],
        "consumer": "siem",
        "schedule": {"interval": rule["interval"]},
        # Connectors are not emulated, so neither is alerting's own form of an action.
        "actions": [],
        "params": {"ruleId": rule["rule_id"], "immutable": rule["immutable"], "from": rule["from"], "to": rule["to"]},
        "created_by": rule["created_by"],
        "updated_by": rule["updated_by"],
        "created_at": rule["created_at"],
        "updated_at": rule["updated_at"],
        "api_key_owner": key["owner"],
        "api_key_created_by_user": key["by_user"],
        "mute_all": False,
        "muted_alert_ids": [],
        "revision": rule["revision"],
        "execution_status": {"status": "pending", "last_execution_date": rule["updated_at"]},
        "running": (last or {}).get("status") == "running",
    }
    if last and last["status"] in _OUTCOMES:
        outcome, status = _OUTCOMES[last["status"]]
        shown["execution_status"] = {"status": status, "last_execution_date": last["date"]}
        counts = {"active": 0, "new": 0, "recovered": 0, "ignored": 0}
        shown["last_run"] = {"outcome": outcome, "outcome_msg": [last["message"]], "alerts_count": counts}
    return shown


ROUTES = (Route("GET", "/api/alerting/rule/{id}", _read),)
