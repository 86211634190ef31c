"""The way into Kibana: credentials, the cross-site header, the API version, the space in the path."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from deployer.emulator.calls import Call
from deployer.emulator.calls import parse_json
from deployer.emulator.kibana.errors import platform

API_VERSION = "2023-10-31"
MAX_BODY = 1_048_576  # server.maxPayload


def user_of(call: Call) -> str | None:
    """Who is asking, by the credential's own word: the name of `Basic`, the id of `ApiKey`. None if unreadable."""
    scheme, _, credential = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in ("basic", "apikey"):
        return None
    try:
        name, colon, secret = base64.b64decode(credential.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name if colon and name and secret else None


def authenticate(call: Call) -> str:
    """The caller's name, or 401."""
    user = user_of(call)
    if user is None:
        if "authorization" not in call.headers:
            raise platform(401, "Unauthorized")
        reason = "unable to authenticate with provided credentials for REST request [/_security/_authenticate]"
        raise platform(401, f"[security_exception\n\tRoot causes:\n\t\tsecurity_exception: {reason}]: {reason}")
    return user


def check_headers(call: Call) -> None:
    """Refuse what Kibana's core refuses before any route runs."""
    # Kibana: xsrf post-auth handler; only GET and HEAD go without (server.xsrf).
    if call.method not in ("GET", "HEAD") and not call.headers.get("kbn-xsrf"):
        raise platform(400, "Request must contain a kbn-xsrf header.")
    version = call.headers.get("elastic-api-version")
    if version is not None and version != API_VERSION:
        where = f"[{call.method.lower()}] [{call.path}]"
        # The wording is not settled; status and header are.
        raise platform(400, f'No version "{version}" available for {where}. Available versions are: [{API_VERSION}]')


def split_space(path: str) -> tuple[str, str]:
    """The space and the path within it; no prefix is the default space."""
    found = re.fullmatch(r"/s/([^/]+)(/.*)", path)
    return (found[1], found[2]) if found else ("default", path)


def read_body(call: Call) -> Any:
    """The JSON body, or None when there is none; 413, 415 and 400 as Kibana's HTTP server says them."""
    if not call.content:
        return None
    if len(call.content) > MAX_BODY:
        raise platform(413, f"Payload content length greater than maximum allowed: {MAX_BODY}")
    if call.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise platform(415, "Unsupported Media Type")
    try:
        return parse_json(call.content)
    except ValueError:
        raise platform(400, "Invalid request payload JSON format") from None
