"""`alertRules`: list, read, put, delete. A workspace springs up on use.

Source: AlertRules.json of Microsoft.SecurityInsights; behaviour from the product documentation and reports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from urllib.parse import urlencode

from deployer.emulator.arm import access
from deployer.emulator.arm import documents
from deployer.emulator.arm import validation
from deployer.emulator.arm import watchlist_store
from deployer.emulator.arm.errors import arm
from deployer.emulator.arm.errors import bad_request
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Route
from deployer.emulator.clock import ticks

COLLECTION = "arm.alert_rules"
DELETED = "arm.deleted_rules"
# What a control call told of a workspace: its tables, its settings.
TABLES = "arm.tables"
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
WORKSPACE = f"{_GROUP}/providers/Microsoft.OperationalInsights/workspaces/{{workspace}}"
_RULES = f"{WORKSPACE}/providers/Microsoft.SecurityInsights/alertRules"
# One tool measured about 24 hours until a deleted id can be used again; the documentation names no time.
TOMBSTONE = timedelta(hours=24)
# Tables of Defender for Endpoint and the CEF connector: those that a workspace may well not have.
_TABLE = re.compile(r"\b(Device[A-Z]\w*(?:Events|Info)|CommonSecurityLog)\b")


def scope_of(params: Mapping[str, str]) -> str:
    """The workspace, as the key of its documents; resource names ignore case."""
    return "/".join(params[name].lower() for name in ("subscription", "group", "workspace"))


def _list(call: Call) -> Answer:
    version = _version(call)
    # Listing with 2021-10-01 hides NRT rules (azure-sdk-for-python issue 39996); taken to hold for every stable one.
    rules = [rule for rule in call.world.store.all(COLLECTION, call.scope) if rule["kind"] in documents.kinds(version)]
    size = int(call.world.setting("page_size"))
    token = call.argument("$skipToken") or "0"
    if not token.isdigit():
        raise bad_request("Invalid $skipToken")
    start = int(token)
    body: Document = {"value": [documents.shown(rule, version) for rule in rules[start : start + size]]}
    if start + size < len(rules):
        query = urlencode({"api-version": version, "$skipToken": start + size})
        body["nextLink"] = f"{call.origin}{call.path}?{query}"
    return _counted(call, Answer(body))


def _read(call: Call) -> Answer:
    version = _version(call)
    rule = _stored(call)
    if rule is None or rule["kind"] not in documents.kinds(version):
        raise arm(404, "NotFound", f"Alert rule '{call.params['rule']}' does not exist")
    return _counted(call, Answer(documents.shown(rule, version)))


def _put(call: Call) -> Answer:
    version = _version(call)
    kind, properties = _checked(call, version)
    old = _stored(call)
    _check_etag(call, old)
    if old is None:
        _check_tombstone(call)
    elif old["kind"] != kind:
        raise bad_request(f"The kind of an alert rule cannot be changed from {old['kind']} to {kind}")
    _compile(call, properties)
    rule = _written(call, old, kind, documents.stored(kind, properties, version))
    call.world.store.put(COLLECTION, call.scope, call.params["rule"].lower(), rule)
    return _counted(call, Answer(documents.shown(rule, version), 200 if old else 201))


def _delete(call: Call) -> Answer:
    _version(call)
    key = call.params["rule"].lower()
    if _stored(call) is None:
        return _counted(call, Answer(status=204))
    call.world.store.remove(COLLECTION, call.scope, key)
    call.world.store.put(DELETED, call.scope, key, {"at": call.world.clock.now().isoformat()})
    return _counted(call, Answer())


def _version(call: Call) -> str:
    return access.check_version(call, access.STABLE + access.PREVIEW)


def _stored(call: Call) -> Document | None:
    return call.world.store.get(COLLECTION, call.scope, call.params["rule"].lower())


def _checked(call: Call, version: str) -> tuple[str, Document]:
    """Kind and properties of a body that the service takes, or 400."""
    if not isinstance(call.body, dict):
        raise arm(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.")
    kind, properties = call.body.get("kind"), call.body.get("properties")
    if kind is None:
        raise bad_request("Required property 'kind' not found in JSON")
    if kind not in documents.kinds(version):
        raise bad_request(f"The kind '{kind}' is not supported by api-version {version}")
    if not isinstance(properties, dict):
        raise bad_request("Required property 'properties' not found in JSON")
    for problem in validation.problems(kind, properties):
        raise bad_request(problem)
    return kind, properties


def _check_etag(call: Call, old: Document | None) -> None:
    """412 for a stale etag. Some users saw 409 instead: which of the two is not settled."""
    asked = call.headers.get("if-match")
    if old is None:
        # The published example creates a rule with an etag in its body, so that one is not a condition here.
        if asked is not None:
            raise arm(412, "PreconditionFailed", "The condition of If-Match is not met: the rule does not exist")
        return
    if call.headers.get("if-none-match") == "*":
        raise arm(412, "PreconditionFailed", "The condition of If-None-Match is not met: the rule exists")
    for etag in (asked, call.body.get("etag")):
        if etag not in (None, "", "*") and not documents.same_etag(etag, old["etag"]):
            raise arm(412, "PreconditionFailed", f"The etag {etag} is not that of the stored rule, {old['etag']}")


def _check_tombstone(call: Call) -> None:
    deleted = call.world.store.get(DELETED, call.scope, call.params["rule"].lower())
    if deleted and call.world.clock.now() - datetime.fromisoformat(deleted["at"]) < TOMBSTONE:
        text = f"The rule with id '{call.params['rule']}' was recently deleted."
        raise bad_request(f"{text} You need to allow some time before re-using the same id. Please try again later.")


def _compile(call: Call, properties: Document) -> None:
    """As much of the service's query check as needs no data: does each table exist, does each watchlist answer?

    Disabled rules go unchecked.
    """
    told = call.world.store.get(TABLES, call.scope, "tables") or {}
    if not properties.get("enabled") or "query" not in properties:
        return
    if watchlist_store.unresolved(call.world, call.scope, properties["query"]):
        text = "Failed to run the analytics rule query. 'where' operator: Failed to resolve scalar expression named"
        raise bad_request(f"{text} 'SearchKey'")
    if told.get("tables") is None:
        return
    named = set(_TABLE.findall(validation.without_comments(properties["query"])))
    if named - set(told["tables"]):
        raise bad_request("Failed to run the analytics rule query. One of the tables does not exist.")


def _written(call: Call, old: Document | None, kind: str, properties: Document) -> Document:
    now = ticks(call.world.clock.now())
    by = "User" if "@" in call.user else "Application"
    created = old["systemData"] if old else {"createdAt": now, "createdBy": call.user, "createdByType": by}
    modified = {"lastModifiedAt": now, "lastModifiedBy": call.user, "lastModifiedByType": by}
    return {
        "id": old["id"] if old else call.path,
        "name": old["name"] if old else call.params["rule"],
        "type": "Microsoft.SecurityInsights/alertRules",
        "kind": kind,
        "etag": documents.new_etag(),
        "systemData": {**created, **modified},
        "properties": {**properties, "lastModifiedUtc": now},
    }


def _counted(call: Call, answer: Answer) -> Answer:
    """With Azure's throttling headers: what is left of the bucket of 250 reads, 200 writes. They never run out here."""
    reads = call.method in ("GET", "HEAD")
    name = "reads" if reads else "writes" if call.method == "PUT" else "deletes"
    left = {f"x-ms-ratelimit-remaining-subscription-{name}": "249" if reads else "199"}
    return Answer(answer.body, answer.status, {**answer.headers, **left})


ROUTES = (
    Route("GET", _RULES, _list),
    Route("GET", f"{_RULES}/{{rule}}", _read),
    Route("PUT", f"{_RULES}/{{rule}}", _put),
    Route("DELETE", f"{_RULES}/{{rule}}", _delete),
)
