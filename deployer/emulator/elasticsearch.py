"""`/elasticsearch`: its version, searches of alerts and of telemetry, and what the mappings of telemetry say.

The rest is refused, not invented. `/elasticsearch/s/SPACE` is a cluster that holds the telemetry of that space alone.
Sources: the API reference of `_search`, `_field_caps` and of multi-target syntax (allow_no_indices,
ignore_unavailable), and the media types that servers take from clients (elasticsearch-py issue 2923).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployer.emulator import indices
from deployer.emulator import search
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Place
from deployer.emulator.calls import Refused
from deployer.emulator.calls import parse_json
from deployer.emulator.conditions import NotUnderstood
from deployer.emulator.kibana import alerts
from deployer.emulator.kibana.access import user_of
from deployer.emulator.services import Service

# Elasticsearch clients refuse a server that does not send this header.
_PRODUCT = {"X-Elastic-Product": "Elasticsearch"}
_CLUSTER = re.compile(r"/s/(?P<space>[^/]+)(?P<path>/.*)")
_ALERTS = re.compile(r"(?P<alias>\.(?:preview\.)?alerts-security\.alerts)-(?P<space>[^/*,]+)")
_COLLECTIONS = {".alerts-security.alerts": alerts.COLLECTION, ".preview.alerts-security.alerts": alerts.PREVIEWS}
_ASKED = re.compile(r"/(?P<patterns>[^/]+)/(?P<what>_search|_field_caps)")
_COMPATIBLE = re.compile(r"application/vnd\.elasticsearch\+json; *compatible-with=(?P<major>\d+)")
_FLAGS = {"ignore_unavailable": False, "allow_no_indices": True}


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Whose telemetry there is."""

    spaces: Sequence[str]


def _handle(call: Call) -> Answer:
    _check_media(call)
    if user_of(call) is None:
        raise _refuse(401, "security_exception", "missing authentication credentials")
    cut = _CLUSTER.fullmatch(call.path)
    path = cut["path"] if cut else call.path
    cluster = _Cluster([cut["space"]] if cut else indices.spaces(call.world))
    if path == "/" and call.method in ("GET", "HEAD"):
        return _root(call)
    if path == "/_security/user/_has_privileges" and call.method in ("GET", "POST"):
        return _privileges(call)
    found = _ASKED.fullmatch(path)
    if found is None or call.method not in ("GET", "POST"):
        known = "GET / and GET or POST /INDEX/_search, /INDEX/_field_caps and /_security/user/_has_privileges"
        raise _refuse(501, "not_emulated", f"the emulator answers {known}, not {call.method} {path}")
    patterns, what = found["patterns"], found["what"]
    try:
        if (one := _ALERTS.fullmatch(patterns)) is not None and what == "_search":
            return _search_alerts(call, _COLLECTIONS[one["alias"]], one["space"])
        if any(part.strip().startswith(".") for part in patterns.split(",")):
            raise _refuse(501, "not_emulated", f"{patterns}: of hidden indices only the alerts of one space")
        return _search(call, cluster, patterns) if what == "_search" else _field_caps(call, cluster, patterns)
    except indices.NoSuchIndex as error:
        raise _refuse(404, "index_not_found_exception", f"no such index [{error}]") from None
    except NotUnderstood as error:
        raise _refuse(400, "parsing_exception", f"not understood by the emulator: {error}") from None


def _check_media(call: Call) -> None:
    """A server speaks the format of its own major version and of the one before."""
    own = int(str(call.world.setting("kibana_version")).split(".")[0])
    for header in ("accept", "content-type"):
        wanted = _COMPATIBLE.fullmatch(call.headers.get(header, ""))
        if wanted and int(wanted["major"]) not in (own - 1, own):
            text = f"{header.title()} version must be either version {own} or {own - 1}, but found {wanted['major']}"
            raise _refuse(400, "media_type_header_exception", f"Invalid media-type value on headers [{header}]: {text}")


def _root(call: Call) -> Answer:
    version = {"number": call.world.setting("kibana_version"), "build_flavor": "default", "build_type": "emulator"}
    body = {"name": "emulator", "cluster_name": "emulator", "version": version, "tagline": "You Know, for Search"}
    return Answer(body, headers=_PRODUCT)


def _privileges(call: Call) -> Answer:
    """Every credential may do everything here; of privileges only those on indices are told."""
    _flags(call, ())
    body = _body(call)
    asked = body.get("index")
    if set(body) != {"index"} or not isinstance(asked, list) or not all(_is_privilege(one) for one in asked):
        raise _refuse(400, "parsing_exception", "not understood by the emulator: other than index: [names, privileges]")
    index = {name: dict.fromkeys(sorted(one["privileges"]), True) for one in asked for name in one["names"]}
    told = {"username": user_of(call), "has_all_requested": True, "cluster": {}, "index": index, "application": {}}
    return Answer(told, headers=_PRODUCT)


def _is_privilege(asked: Any) -> bool:
    return (
        isinstance(asked, dict)
        and set(asked) == {"names", "privileges"}
        and all(isinstance(value, list) and value for value in asked.values())
        and all(isinstance(item, str) for value in asked.values() for item in value)
    )


def _search_alerts(call: Call, collection: str, space: str) -> Answer:
    _flags(call, ())
    hits = alerts.held(call.world, collection, space)
    body = _body(call)
    if not hits:
        # Kibana makes the index when it first writes to it.
        raise _refuse(404, "index_not_found_exception", f"no such index [{alerts.alias(collection, space)}]")
    return Answer({**search.search(hits, body, call.world.clock.now()), "emulated": True}, headers=_PRODUCT)


def _search(call: Call, cluster: _Cluster, patterns: str) -> Answer:
    chosen = _chosen(call, cluster, patterns, _flags(call, _FLAGS))
    body = _body(call)
    indices.require_plain(body, indices.mapped(call.world, cluster.spaces, chosen))
    answer = search.search(indices.hits(call.world, cluster.spaces, chosen), body, call.world.clock.now())
    answer["_shards"] = {"total": len(chosen), "successful": len(chosen), "skipped": 0, "failed": 0}
    if not chosen:
        # Without a shard there is nothing to aggregate on, and the answer has no aggregations at all.
        answer.pop("aggregations", None)
    return Answer({**answer, "emulated": True}, headers=_PRODUCT)


def _field_caps(call: Call, cluster: _Cluster, patterns: str) -> Answer:
    flags = _flags(call, {*_FLAGS, "fields"})
    body = _body(call)
    if odd := set(body) - {"fields"}:
        raise NotUnderstood(f"{', '.join(sorted(odd))}; _field_caps takes fields")
    wanted = body.get("fields", call.argument("fields"))
    names = wanted.split(",") if isinstance(wanted, str) else wanted
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise _refuse(400, "action_request_validation_exception", "Validation Failed: 1: no fields specified;")
    chosen = _chosen(call, cluster, patterns, flags)
    mapped = indices.mapped(call.world, cluster.spaces, chosen)
    fields: Document = {
        name: {type: indices.capability(type)}
        for name, type in sorted(mapped.items())
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in names)
    }
    return Answer({"indices": chosen, "fields": fields}, headers=_PRODUCT)


def _chosen(call: Call, cluster: _Cluster, patterns: str, flags: dict[str, bool]) -> list[str]:
    found = indices.select(call.world, cluster.spaces, patterns, lenient=flags["ignore_unavailable"])
    if not found and not flags["allow_no_indices"]:
        raise indices.NoSuchIndex(patterns)
    return found


def _flags(call: Call, known: Iterable[str]) -> dict[str, bool]:
    """The flags of the query, defaults filled in; anything else in it is refused."""
    if odd := set(call.query) - set(known):
        raise _refuse(400, "illegal_argument_exception", f"not understood by the emulator: {', '.join(sorted(odd))}")
    flags = dict(_FLAGS)
    for name in _FLAGS:
        if (text := call.argument(name)) is not None:
            if text not in ("true", "false", ""):
                reason = f"Failed to parse value [{text}] as only [true] or [false] are allowed."
                raise _refuse(400, "illegal_argument_exception", reason)
            flags[name] = text != "false"
    return flags


def _body(call: Call) -> Document:
    try:
        body = parse_json(call.content or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _refuse(400, "parsing_exception", "the body is no JSON object")
    return body


def _refuse(status: int, kind: str, reason: str) -> Refused:
    return Refused(Answer(_error(status, kind, reason), status, _PRODUCT))


def _error(status: int, kind: str, reason: str) -> Any:
    cause = {"type": kind, "reason": reason}
    return {"error": {"root_cause": [cause], **cause}, "status": status}


def _failure(status: int) -> Any:
    return _error(status, "injected_fault", "injected by the emulator")


def _place(call: Call) -> Place:
    """The space of a cluster of its own, or of the alerts that are searched."""
    cut = _CLUSTER.fullmatch(call.path)
    path = cut["path"] if cut else call.path
    found = _ASKED.fullmatch(path)
    alerts_of = _ALERTS.fullmatch(found["patterns"]) if found else None
    space = cut["space"] if cut else alerts_of["space"] if alerts_of else None
    return Place(space, f"/{{index}}/{found['what']}" if found else path)


SERVICE = Service(_handle, _failure, user=lambda call: user_of(call) or "", place=_place)
