"""Kibana's two shapes of error: the platform's (routing, authentication, schema) and the security solution's.

Source: elastic/kibana, security_solution routes/utils.ts and the published OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Document
from deployer.emulator.calls import Refused


def platform(status: int, message: str) -> Refused:
    """`{statusCode, error, message}`."""
    return Refused(Answer(platform_body(status, message), status))


def platform_body(status: int, message: str) -> Document:
    """The platform's error body."""
    return {"statusCode": status, "error": HTTPStatus(status).phrase, "message": message}


def siem(status: int, message: str | Sequence[str] | Document) -> Refused:
    """`{status_code, message}`, where the message may be a list of texts, and for value lists an object."""
    body = {"message": message if isinstance(message, str | dict) else list(message), "status_code": status}
    return Refused(Answer(body, status))


def invalid(part: str, problems: Sequence[str]) -> Refused:
    """A request that fails its schema; Kibana names the first few problems and counts the rest."""
    shown = ", ".join(problems[:3]) + (f", and {len(problems) - 3} more" if len(problems) > 3 else "")
    return platform(400, f"[request {part}]: {shown}")
