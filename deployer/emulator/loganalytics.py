"""`/loganalytics`: queries are not emulated; the refusal says so, so that no test mistakes it for an empty result."""

from __future__ import annotations

from typing import Any

from deployer.emulator.arm.access import user_of
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Refused
from deployer.emulator.services import Service


def _handle(call: Call) -> Answer:
    if user_of(call) is None:
        raise Refused(Answer(_error("AuthorizationRequiredError", "a bearer token is required"), 401))
    raise Refused(Answer(_error("NotEmulated", "the emulator holds no log data and runs no queries"), 501))


def _error(code: str, message: str) -> Any:
    return {"error": {"code": code, "message": message}}


def _failure(status: int) -> Any:
    return _error("InjectedFault", f"injected {status}")


SERVICE = Service(_handle, _failure, user=lambda call: user_of(call) or "")
