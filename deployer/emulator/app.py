"""HTTP in, HTTP out: finds the service, the fault and the route, logs the request, answers when all is durable.

The log tells of each request: `method`, `path`, `query`, `status` (None where nothing was answered), `user`, `target`
(the space or the workspace that it is about), `route` (the template of its path, without the space); `connection`, a
number for each connection that was opened, and `credential`, a number for each key or token that was sent, so that one
sees which requests shared one. Where there is such a thing: `body`, and `fault`, the kind of the injected failure.
Whatever makes no sense for a request is None.
"""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import Any

import flask

from deployer.emulator import arm
from deployer.emulator import control
from deployer.emulator import elasticsearch
from deployer.emulator import kibana
from deployer.emulator import loganalytics
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Refused
from deployer.emulator.faults import SILENT
from deployer.emulator.faults import Asked
from deployer.emulator.faults import Fault
from deployer.emulator.services import Service
from deployer.emulator.web import CONNECTION
from deployer.emulator.web import CUT
from deployer.emulator.world import World

SERVICES: dict[str, Service] = {
    "kibana": kibana.SERVICE,
    "elasticsearch": elasticsearch.SERVICE,
    "arm": arm.SERVICE,
    "loganalytics": loganalytics.SERVICE,
    "_emulator": control.SERVICE,
}
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def build_app(world: World) -> flask.Flask:
    """The web application over one world."""
    app = flask.Flask("deployer.emulator", static_folder=None)

    def answer(path: str) -> flask.Response:
        response = _respond(world, path)
        response.date = world.clock.now()
        return response

    app.add_url_rule("/", "root", answer, methods=_METHODS, defaults={"path": ""}, provide_automatic_options=False)
    app.add_url_rule("/<path:path>", "any", answer, methods=_METHODS, provide_automatic_options=False)
    app.url_map.merge_slashes = False
    return app


def _respond(world: World, path: str) -> flask.Response:
    flask.request.get_data()  # or what was not read would be taken for the connection's next request
    prefix, _, below = path.partition("/")
    service = SERVICES.get(prefix)
    if service is None:
        text = f"The emulator serves {', '.join('/' + name for name in SERVICES)}; not /{path}."
        return _http(Answer({"message": text}, 404))
    call = _call(world, "/" + below, f"{flask.request.host_url}{prefix}")
    if prefix == "_emulator":
        return _http(_carry_out(service, call, None))
    query = flask.request.query_string.decode()
    call = replace(call, place=service.place(call))
    fault = world.faults.take(Asked(call.method, "/" + path, query, call.place.target))
    return _http(_with_fault(service, call, fault), fault)


def _call(world: World, path: str, origin: str) -> Call:
    request = flask.request
    return Call(
        world=world,
        method=request.method,
        path=path,
        query=dict(request.args.lists()),
        headers={name.lower(): value for name, value in request.headers.items()},
        content=request.get_data(),
        origin=origin,
    )


def _with_fault(service: Service, call: Call, fault: Fault | None) -> Answer:
    """What the request comes to, the fault included; the log has the status that was sent, None when none was."""
    if fault is None or fault.kind in ("stale", "late", "cut"):
        return _admitted(service, call, fault)
    if fault.applied:
        _carry_out(service, call, None, logged=False)
    if fault.kind == "timeout":
        call.world.faults.wait(fault.seconds or 60.0)
    status = fault.next_status()
    silent = fault.kind in SILENT
    body = fault.body if fault.body is not None else service.failure(status)
    _log(call.world, _entry(service, call, None if silent else status, fault))
    return Answer(None if silent else body, status, fault.all_headers)


def _admitted(service: Service, call: Call, fault: Fault | None) -> Answer:
    """Carry out what the service has room for, and hold that room until the answer is ready to go."""
    try:
        with service.gate(call) as headers:
            answer = _carry_out(service, call, fault)
            if fault is not None and fault.kind == "late":
                call.world.faults.wait(fault.seconds or 1.0)
            return replace(answer, headers={**headers, **answer.headers})
    except Refused as refusal:
        _log(call.world, _entry(service, call, refusal.answer.status))
        return refusal.answer


def _log(world: World, entry: Document) -> None:
    with world.lock:
        if not world.closed:
            world.store.log(entry)


def _carry_out(service: Service, call: Call, fault: Fault | None, *, logged: bool = True) -> Answer:
    """Run the request in one transaction with its log entry, so that what was answered is what was kept."""
    world = call.world
    with world.lock:
        if world.closed:
            return Answer(service.failure(503), 503, {"Connection": "close"})
        return _in_transaction(service, call, fault, logged=logged)


def _in_transaction(service: Service, call: Call, fault: Fault | None, *, logged: bool) -> Answer:
    world = call.world
    with world.store.transaction():
        if fault is not None and fault.kind == "stale":
            with world.store.looking_back(fault.since):
                answer = service.answer(call)
            if world.store.showed_past:
                fault.spend()
        else:
            answer = service.answer(call)
        if service.logged and logged:
            world.store.log(_entry(service, call, answer.status, fault))
    return answer


def _entry(service: Service, call: Call, status: int | None, fault: Fault | None = None) -> Document:
    entry: Document = {
        "method": call.method,
        "path": flask.request.path,
        "query": {name: values[0] if len(values) == 1 else list(values) for name, values in call.query.items()},
        "status": status,
        "user": service.user(call),
        "target": call.place.target,
        "route": call.place.route,
        "connection": flask.request.environ.get(CONNECTION),
        "credential": call.world.credentials.number(call.headers.get("authorization")),
    }
    if call.content:
        entry["body"] = _parsed(call.content)
    if fault is not None:
        entry["fault"] = fault.kind
    return entry


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


def _http(answer: Answer, fault: Fault | None = None) -> flask.Response:
    if fault is not None and fault.kind in SILENT:
        _hang_up()
    if fault is not None and fault.kind == "cut":
        flask.request.environ[CUT] = True
    if fault is not None and fault.kind == "garbage":
        page = "<html><head><title>gateway</title></head><body>not what you asked for</body></html>"
        return flask.Response(page, answer.status, dict(answer.headers), content_type="text/html")
    text = "" if answer.body is None else json.dumps(answer.body)
    response = flask.Response(text, answer.status, dict(answer.headers))
    response.content_type = "application/json; charset=utf-8"
    return response


def _hang_up() -> None:
    """Cut the connection under the web server; its own attempt to answer then fails quietly."""
    connection = flask.request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
