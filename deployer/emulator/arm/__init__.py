"""`/arm`: Azure Resource Manager, as far as a Sentinel workspace's alert rules and watchlists need it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deployer.emulator import reshaping
from deployer.emulator.arm import alert_rules
from deployer.emulator.arm import audit
from deployer.emulator.arm import throttling
from deployer.emulator.arm import watchlists
from deployer.emulator.arm import workspaces
from deployer.emulator.arm.access import authenticate
from deployer.emulator.arm.access import user_of
from deployer.emulator.arm.errors import arm
from deployer.emulator.arm.errors import error_body
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Place
from deployer.emulator.calls import find_route
from deployer.emulator.calls import known
from deployer.emulator.calls import parse_json
from deployer.emulator.services import Service

ROUTES = (*audit.audited(alert_rules.ROUTES), *watchlists.ROUTES, *workspaces.ROUTES)


def _handle(call: Call) -> Answer:
    user = authenticate(call)
    found = find_route(ROUTES, call.method, call.path, ignore_case=True)
    if found is None:
        text = f"The emulator has no {call.method} {call.path}. It has: {known(ROUTES)}"
        raise arm(404, "InvalidResourceType", text)
    route, params = found
    body = _body(call)
    answer = route.handler(replace(call, user=user, scope=alert_rules.scope_of(params), params=params, body=body))
    if call.method != "GET" or answer.body is None:
        return answer
    return replace(answer, body=reshaping.page(call.world.setting("reshape"), call.path, answer.body))


def _body(call: Call) -> Any:
    if not call.content:
        return None
    try:
        return parse_json(call.content)
    except ValueError:
        text = "The request content was invalid and could not be deserialized."
        raise arm(400, "InvalidRequestContent", text) from None


def _failure(status: int) -> Any:
    codes = {401: "AuthenticationFailed", 403: "AuthorizationFailed", 404: "NotFound", 409: "Conflict"}
    codes |= {412: "PreconditionFailed", 429: "TooManyRequests", 503: "ServiceUnavailable"}
    return error_body(codes.get(status, "InternalServerError"), "injected by the emulator")


def _place(call: Call) -> Place:
    found = find_route(ROUTES, call.method, call.path, ignore_case=True)
    return Place(found[1]["workspace"], found[0].template) if found else Place()


SERVICE = Service(_handle, _failure, user=lambda call: user_of(call) or "", gate=throttling.gate, place=_place)
