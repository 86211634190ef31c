"""`/kibana`: the public Security and data view APIs, per space. A space springs up on use: no API here checks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deployer.emulator import reshaping
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Place
from deployer.emulator.calls import find_route
from deployer.emulator.calls import known
from deployer.emulator.kibana import alerting
from deployer.emulator.kibana import bulk
from deployer.emulator.kibana import concurrency
from deployer.emulator.kibana import data_views
from deployer.emulator.kibana import exception_items
from deployer.emulator.kibana import exception_lists
from deployer.emulator.kibana import previews
from deployer.emulator.kibana import rules
from deployer.emulator.kibana import signals
from deployer.emulator.kibana import status
from deployer.emulator.kibana import value_lists
from deployer.emulator.kibana.access import authenticate
from deployer.emulator.kibana.access import check_headers
from deployer.emulator.kibana.access import read_body
from deployer.emulator.kibana.access import split_space
from deployer.emulator.kibana.access import user_of
from deployer.emulator.kibana.errors import platform
from deployer.emulator.kibana.errors import platform_body
from deployer.emulator.services import Service

ROUTES = (
    *status.ROUTES,
    *rules.ROUTES,
    *bulk.ROUTES,
    *alerting.ROUTES,
    *previews.ROUTES,
    *signals.ROUTES,
    *exception_lists.ROUTES,
    *exception_items.ROUTES,
    *value_lists.ROUTES,
    *data_views.ROUTES,
)


def _handle(call: Call) -> Answer:
    space, path = split_space(call.path)
    if path == "/api/status" and call.method in ("GET", "HEAD"):
        # Kibana: core status route; answers anyone, the anonymous with less.
        return status.answer(call, authenticated=user_of(call) is not None)
    user = authenticate(call)
    check_headers(call)
    if path.startswith("/internal/"):
        # server.restrictInternalApis, on by default since 9.0.
        text = f"uri [{path}] with method [{call.method.lower()}] exists but is not available with the current"
        raise platform(400, f"{text} configuration")
    found = find_route(ROUTES, call.method, path)
    if found is None:
        raise platform(404, f"Not Found: the emulator has no {call.method} {path}. It has: {known(ROUTES)}")
    route, params = found
    body = None if path == value_lists.IMPORT else read_body(call)  # a file, read by its route
    answer = route.handler(replace(call, path=path, user=user, scope=space, params=params, body=body))
    if call.method != "GET" or answer.body is None:
        return answer
    return replace(answer, body=reshaping.page(call.world.setting("reshape"), path, answer.body))


def _failure(status: int) -> Any:
    return platform_body(status, "injected by the emulator")


def _place(call: Call) -> Place:
    space, path = split_space(call.path)
    if path == "/api/status":
        return Place(None, path)
    found = find_route(ROUTES, call.method, path)
    return Place(space, found[0].template if found else None)


SERVICE = Service(_handle, _failure, user=lambda call: user_of(call) or "", gate=concurrency.gate, place=_place)
