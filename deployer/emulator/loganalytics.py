"""`/loganalytics`: the query API of Log Analytics, on the telemetry that the emulator holds for a workspace.

Sources: OperationalInsights.json (v1), https://learn.microsoft.com/azure/azure-monitor/logs/api/errors and
.../response-format, and error bodies recorded by the Azure client libraries' own tests. A query that the engine cannot
run is refused with 501, which the service never answers: an empty result would read as "nothing happened".
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from typing import Any

from deployer.emulator import logs
from deployer.emulator.arm import workspaces
from deployer.emulator.arm.access import user_of
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Place
from deployer.emulator.calls import Refused
from deployer.emulator.calls import parse_json
from deployer.emulator.kusto_errors import inner_error
from deployer.emulator.limits import Full
from deployer.emulator.services import Service
from deployer.emulator.timespans import parse as parse_span
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

if TYPE_CHECKING:
    from deployer.engines.kusto import Result

_FAILURES = {
    401: ("AuthorizationRequiredError", "Valid authentication was not provided"),
    403: ("InsufficientAccessError", "The provided credentials have insufficient access to perform the operation"),
    404: ("PathNotFoundError", "The requested path does not exist"),
    429: ("ThrottledError", "The request has been throttled"),
    504: ("GatewayTimeout", "The gateway did not receive a response in time"),
}
_LONGEST_WAIT = 180.0
_PARTIAL = "There were some errors when processing your query."


def _handle(call: Call) -> Answer:
    if user_of(call) is None:
        raise _refuse(401)
    scope = _workspace(call)
    body = _body(call)
    query, timespan = body.get("query"), body.get("timespan")
    if not isinstance(query, str) or not query.strip():
        raise _bad({"code": "MissingQueryError", "message": "The request must have a query"})
    if body.get("workspaces"):
        raise _not_emulated("a query over several workspaces")
    now = call.world.clock.now()
    span = parse_span(timespan, now)
    if span is None:
        raise _bad({"code": "InvalidTimespanError", "message": f"The timespan {timespan!r} is not valid"})
    try:
        result = logs.run(call.world, scope, query, now, span)
    except NotRunnable as error:
        raise _not_emulated(str(error)) from None
    except BadQuery as error:
        raise _bad(inner_error(error, query)) from None
    return Answer(_answer(result, int(call.world.setting("query_row_limit"))))


def _workspace(call: Call) -> str:
    """The workspace that the path names by its GUID or its resource id, or 404."""
    found = re.fullmatch(r"/v1(/.+)/query", call.path)
    if found is None or call.method not in ("GET", "POST"):
        raise _refuse(404)
    scope = workspaces.scope_in(found[1])
    if scope is not None:
        return scope
    guid = re.fullmatch(r"/workspaces/([^/]+)", found[1])
    for held in workspaces.held(call.world) if guid else []:
        if guid and workspaces.customer_id(held) == guid[1].lower():
            return held
    raise _refuse(404)


def _body(call: Call) -> Document:
    """The query and its timespan: JSON in a POST, arguments of a GET."""
    if call.method == "GET":
        return {name: call.argument(name) for name in ("query", "timespan", "workspaces")}
    try:
        body = parse_json(call.content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _bad({"code": "MalformedBodyError", "message": "The request body is no JSON object"})
    return body


def _answer(result: Result, limit: int) -> Document:
    columns = [{"name": name, "type": kind} for name, kind in result.columns.items()]
    rows = [[_cell(row[name], kind) for name, kind in result.columns.items()] for row in result.rows[:limit]]
    body: Document = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}], "emulated": True}
    if len(result.rows) > limit:
        body["error"] = _too_many(limit)
    return body


def _cell(value: Any, kind: str) -> Any:
    """As the service writes values: dynamic as JSON text, everything else as JSON."""
    return json.dumps(value, separators=(",", ":")) if kind == "dynamic" and value is not None else value


def _too_many(limit: int) -> Document:
    """The error beside the tables of an incomplete result."""
    text = f"The results of this query exceed the set limit of {limit} records, so not all records were returned"
    engine = {
        "code": "-2133196797",
        "message": f"{text} (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003).",
        "severity": 2,
        "severityName": "Error",
    }
    detail = {
        "code": "EngineError",
        "message": "Something went wrong processing your query on the server.",
        "innererror": engine,
    }
    return {"code": "PartialError", "message": _PARTIAL, "details": [detail]}


def _bad(inner: Document) -> Refused:
    error = {
        "message": "The request had some invalid properties",
        "code": "BadArgumentError",
        "correlationId": str(uuid.uuid4()),
        "innererror": inner,
    }
    return Refused(Answer({"error": error, "emulated": True}, 400))


def _not_emulated(what: str) -> Refused:
    message = f"the emulator cannot run this: {what}"
    return Refused(Answer({"error": {"code": "NotEmulated", "message": message}, "emulated": True}, 501))


def _refuse(status: int) -> Refused:
    return Refused(Answer(_failure(status), status))


def _failure(status: int) -> Any:
    code, message = _FAILURES.get(status, ("InternalServerError", f"injected {status}"))
    return {"error": {"message": message, "code": code}, "emulated": True}


@contextmanager
def _gate(call: Call) -> Iterator[Mapping[str, str]]:
    """What one user may ask: so many queries in 30 s; so many at a time, and so many more wait, 3 minutes at most.

    Source: https://learn.microsoft.com/azure/azure-monitor/service-limits#user-query-throttling (429 for all of them;
    it names no Retry-After, so none is sent).
    """
    user, world = user_of(call), call.world
    if user is None:
        yield {}
        return
    if not world.limits.windows.enter(user, world.setting("log_queries_in_30_seconds"), 30.0, world.clock.elapsed()):
        raise _refuse(429)
    at_once, waiting = world.setting("log_queries_at_once"), world.setting("log_queries_waiting")
    try:
        with world.limits.places.place(("log queries", user), at_once, waiting=waiting, seconds=_LONGEST_WAIT):
            yield {}
    except Full:
        raise _refuse(429) from None


def _place(call: Call) -> Place:
    """The workspace by its name, or by its GUID where that is what the path has."""
    found = re.fullmatch(r"/v1/(?:.+/)?workspaces/([^/]+)/query", call.path, re.IGNORECASE)
    return Place(found[1], "/v1/{workspace}/query") if found else Place()


SERVICE = Service(_handle, _failure, user=lambda call: user_of(call) or "", gate=_gate, place=_place)
