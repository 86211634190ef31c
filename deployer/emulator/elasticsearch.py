"""`/elasticsearch`: its version, and searches of alerts and preview alerts; the rest is refused, not invented."""

from __future__ import annotations

import re
from typing import Any

from deployer.emulator import search
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Refused
from deployer.emulator.calls import parse_json
from deployer.emulator.conditions import NotUnderstood
from deployer.emulator.kibana import alerts
from deployer.emulator.kibana.access import user_of
from deployer.emulator.services import Service

# Elasticsearch clients refuse a server that does not send this header.
_PRODUCT = {"X-Elastic-Product": "Elasticsearch"}
_SEARCH = re.compile(r"/(?P<alias>\.(?:preview\.)?alerts-security\.alerts)-(?P<space>[^/*,]+)/_search")
_COLLECTIONS = {".alerts-security.alerts": alerts.COLLECTION, ".preview.alerts-security.alerts": alerts.PREVIEWS}


def _handle(call: Call) -> Answer:
    if user_of(call) is None:
        raise _refuse(401, "security_exception", "missing authentication credentials")
    if call.path == "/" and call.method in ("GET", "HEAD"):
        return _root(call)
    found = _SEARCH.fullmatch(call.path)
    if found is None or call.method not in ("GET", "POST"):
        known = "GET / and GET or POST /[.preview].alerts-security.alerts-SPACE/_search"
        raise _refuse(501, "not_emulated", f"the emulator answers {known}, not {call.method} {call.path}")
    return _search(call, _COLLECTIONS[found["alias"]], found["space"])


def _root(call: Call) -> Answer:
    version = {"number": call.world.setting("kibana_version"), "build_flavor": "default", "build_type": "emulator"}
    body = {"name": "emulator", "cluster_name": "emulator", "version": version, "tagline": "You Know, for Search"}
    return Answer(body, headers=_PRODUCT)


def _search(call: Call, collection: str, space: str) -> Answer:
    if call.query:
        raise _refuse(400, "illegal_argument_exception", f"not understood by the emulator: {', '.join(call.query)}")
    try:
        body = parse_json(call.content or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _refuse(400, "parsing_exception", "the body is no JSON object")
    hits = alerts.held(call.world, collection, space)
    if not hits:
        # Kibana makes the index when it first writes to it.
        raise _refuse(404, "index_not_found_exception", f"no such index [{alerts.alias(collection, space)}]")
    try:
        answer = search.search(hits, body, call.world.clock.now())
    except NotUnderstood as error:
        raise _refuse(400, "parsing_exception", f"not understood by the emulator: {error}") from None
    return Answer({**answer, "emulated": True}, headers=_PRODUCT)


def _refuse(status: int, kind: str, reason: str) -> Refused:
    return Refused(Answer(_error(status, kind, reason), status, _PRODUCT))


def _error(status: int, kind: str, reason: str) -> Any:
    cause = {"type": kind, "reason": reason}
    return {"error": {"root_cause": [cause], **cause}, "status": status}


def _failure(status: int) -> Any:
    return _error(status, "injected_fault", "injected by the emulator")


SERVICE = Service(_handle, _failure, user=lambda call: user_of(call) or "")
