"""`/_emulator`: look at the requests, inject faults, move the clock, load telemetry, run rules, seed the rest."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime
from typing import Any

from deployer.emulator import running
from deployer.emulator import telemetry
from deployer.emulator.arm import seeding as arm_seeding
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Refused
from deployer.emulator.calls import Route
from deployer.emulator.calls import find_route
from deployer.emulator.calls import known
from deployer.emulator.clock import milliseconds
from deployer.emulator.faults import BadFault
from deployer.emulator.kibana import seeding as kibana_seeding
from deployer.emulator.services import Service


def _refuse(message: str, status: int = 400) -> Refused:
    return Refused(Answer({"message": message}, status))


def _body(call: Call) -> Document:
    try:
        body = json.loads(call.content or b"{}")
    except ValueError:
        raise _refuse("the body is not JSON") from None
    if not isinstance(body, dict):
        raise _refuse("the body must be a JSON object")
    return body


def _health(call: Call) -> Answer:
    state = call.world.state
    return Answer({"pid": os.getpid(), "state": str(state) if state else None, "writes": call.world.store.writes})


def _requests(call: Call) -> Answer:
    return Answer({"requests": call.world.store.requests()})


def _clear_requests(call: Call) -> Answer:
    call.world.store.clear_requests()
    return Answer(status=204)


def _add_fault(call: Call) -> Answer:
    try:
        call.world.faults.add(_body(call), call.world.store.writes)
    except BadFault as error:
        raise _refuse(str(error)) from None
    return Answer({"acknowledged": True})


def _clear_faults(call: Call) -> Answer:
    call.world.faults.clear()
    return Answer(status=204)


def _set_clock(call: Call) -> Answer:
    body = _body(call)
    try:
        call.world.clock.set(datetime.fromisoformat(body["now"]), frozen=bool(body.get("frozen", False)))
    except (KeyError, TypeError, ValueError):
        raise _refuse('the clock takes {"now": "2026-11-21T10:00:00Z", "frozen": false}') from None
    return Answer({"now": milliseconds(call.world.clock.now())})


def _reset_clock(call: Call) -> Answer:
    call.world.clock.reset()
    return Answer({"now": milliseconds(call.world.clock.now())})


def _set_settings(call: Call) -> Answer:
    for name, value in _body(call).items():
        try:
            call.world.set(name, value)
        except ValueError as error:
            raise _refuse(str(error)) from None
    return Answer({"acknowledged": True})


def _enter(call: Call) -> Answer:
    token = call.world.guests.add(int(_body(call)["pid"]))
    if token is None:
        raise _refuse("about to stop", 409)
    return Answer({"token": token})


def _leave(call: Call) -> Answer:
    call.world.guests.remove(call.params["token"])
    return Answer(status=204)


def _seed_prebuilt(call: Call) -> Answer:
    return Answer(kibana_seeding.prebuilt(call.world, call.params["space"], int(_body(call).get("count", 1))))


def _record_run(call: Call) -> Answer:
    return Answer(kibana_seeding.record_run(call.world, call.params["space"], _body(call)))


def _set_workspace(call: Call) -> Answer:
    return Answer(arm_seeding.set_workspace(call.world, _body(call)))


def _load_telemetry(call: Call) -> Answer:
    return Answer(telemetry.load(call.world, _body(call)))


def _clear_telemetry(call: Call) -> Answer:
    telemetry.clear(call.world)
    return Answer(status=204)


def _run(call: Call) -> Answer:
    return Answer(running.run(call.world, _body(call)))


ROUTES = (
    Route("GET", "/health", _health),
    Route("GET", "/requests", _requests),
    Route("DELETE", "/requests", _clear_requests),
    Route("POST", "/faults", _add_fault),
    Route("DELETE", "/faults", _clear_faults),
    Route("POST", "/clock", _set_clock),
    Route("DELETE", "/clock", _reset_clock),
    Route("POST", "/settings", _set_settings),
    Route("POST", "/guests", _enter),
    Route("DELETE", "/guests/{token}", _leave),
    Route("POST", "/kibana/{space}/prebuilt", _seed_prebuilt),
    Route("POST", "/kibana/{space}/run", _record_run),
    Route("POST", "/arm/workspace", _set_workspace),
    Route("POST", "/telemetry", _load_telemetry),
    Route("DELETE", "/telemetry", _clear_telemetry),
    Route("POST", "/run", _run),
)


def _handle(call: Call) -> Answer:
    found = find_route(ROUTES, call.method, call.path)
    if found is None:
        raise _refuse(f"no {call.method} {call.path}; there is {known(ROUTES)}", 404)
    route, params = found
    return route.handler(replace(call, params=params))


def _failure(status: int) -> Any:
    return {"message": f"injected {status}"}


SERVICE = Service(_handle, _failure, user=lambda call: "", logged=False)
