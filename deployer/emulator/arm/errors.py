"""Azure Resource Manager's shape of error: `{"error": {"code", "message"}}`."""

from __future__ import annotations

from typing import Any

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Refused


def error_body(code: str, message: str) -> Any:
    """The error body."""
    return {"error": {"code": code, "message": message}}


def arm(status: int, code: str, message: str) -> Refused:
    """A refusal in that shape."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Refused(Answer(error_body(code, message), status, headers))


def bad_request(message: str) -> Refused:
    """What the service says of a rule it does not take."""
    return arm(400, "BadRequest", message)
