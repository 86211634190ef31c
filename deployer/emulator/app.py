"""HTTP in, HTTP out: finds the service, the fault and the route, logs the request, answers when all is durable.

The log tells of each request: `method`, `path`, `query`, `status` (None where nothing was answered), `user`, and
`connection`, a number for each connection that was opened, so that one sees which requests shared one. Where there is
such a thing: `body`, and `fault`, the kind of the injected failure.
"""

from __future__ import annotations

import json
import socket
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
from deployer.emulator.faults import Fault
from deployer.emulator.services import Service
from deployer.emulator.web import CONNECTION
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
    fault = world.faults.take(call.method, "/" + path, query)
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
    if fault is None or fault.kind in ("stale", "late"):
        answer = _carry_out(service, call, fault)
        if fault is not None and fault.kind == "late":
            call.world.faults.wait(fault.seconds or 1.0)
        return answer
    if fault.applied:
        _carry_out(service, call, None, logged=False)
    if fault.kind == "timeout":
        call.world.faults.wait(fault.seconds or 60.0)
    silent = fault.kind in ("close", "timeout")
    status = fault.status or (200 if fault.kind == "garbage" else 500)
    body = fault.body if fault.body is not None else service.failure(status)
    entry = _entry(service, call, None if silent else status) | {"fault": fault.kind}
    with call.world.lock:
        if not call.world.closed:
            call.world.store.log(entry)
    return Answer(None if silent else body, status, fault.headers)


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
            world.store.log(_entry(service, call, answer.status))
    return answer


def _entry(service: Service, call: Call, status: int | None) -> Document:
    entry: Document = {
        "method": call.method,
        "path": flask.request.path,
        "query": {name: values[0] if len(values) == 1 else list(values) for name, values in call.query.items()},
        "status": status,
        "user": service.user(call),
    }
    if (number := flask.request.environ.get(CONNECTION)) is not None:
        entry["connection"] = number
    if call.content:
        entry["body"] = _parsed(call.content)
    return entry


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


def _http(answer: Answer, fault: Fault | None = None) -> flask.Response:
    if fault is not None and fault.kind in ("close", "timeout"):
        _hang_up()
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
