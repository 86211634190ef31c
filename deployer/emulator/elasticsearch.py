"""`/elasticsearch`: the root answer, so that a client can ask the version; everything else is refused, not invented."""

from __future__ import annotations

from typing import Any

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Refused
from deployer.emulator.kibana.access import user_of
from deployer.emulator.services import Service

# Elasticsearch clients refuse a server that does not send this header.
_PRODUCT = {"X-Elastic-Product": "Elasticsearch"}


def _handle(call: Call) -> Answer:
    if user_of(call) is None:
        raise Refused(Answer(_error(401, "security_exception", "missing authentication credentials"), 401, _PRODUCT))
    if call.path != "/" or call.method not in ("GET", "HEAD"):
        reason = f"the emulator answers GET / only, not {call.method} {call.path}"
        raise Refused(Answer(_error(501, "not_emulated", reason), 501, _PRODUCT))
    version = {"number": call.world.setting("kibana_version"), "build_flavor": "default", "build_type": "emulator"}
    body = {"name": "emulator", "cluster_name": "emulator", "version": version, "tagline": "You Know, for Search"}
    return Answer(body, headers=_PRODUCT)


def _error(status: int, kind: str, reason: str) -> Any:
    return {"error": {"type": kind, "reason": reason}, "status": status}


def _failure(status: int) -> Any:
    return _error(status, "injected_fault", "injected by the emulator")


SERVICE = Service(_handle, _failure, user=lambda call: user_of(call) or "")
