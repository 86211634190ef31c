"""The way into Azure Resource Manager: a bearer token and an api-version."""

from __future__ import annotations

import base64
import binascii
import json

from deployer.emulator.arm.errors import arm
from deployer.emulator.calls import Call

# Versions of Microsoft.SecurityInsights, from the published descriptions (bicep-types-az) and the client libraries.
STABLE = [
    "2021-10-01",
    "2022-08-01",
    "2022-11-01",
    "2023-02-01",
    "2023-11-01",
    "2024-03-01",
    "2024-09-01",
    "2025-03-01",
    "2025-06-01",
    "2025-09-01",
]
PREVIEW = [
    f"{day}-preview"
    for day in [
        "2021-09-01",
        "2022-01-01",
        "2022-09-01",
        "2022-10-01",
        "2022-11-01",
        "2022-12-01",
        "2023-02-01",
        "2023-12-01",
        "2024-01-01",
        "2024-04-01",
        "2024-10-01",
        "2025-01-01",
        "2025-04-01",
        "2025-07-01",
        "2025-10-01",
    ]
]
WORKSPACE_VERSIONS = ["2020-08-01", "2021-06-01", "2022-10-01", "2023-09-01", "2025-02-01"]
# A token that is not a JWT names nobody.
ANYBODY = "11111111-2222-4333-8444-555555555555"


def user_of(call: Call) -> str | None:
    """Who is asking: `x-emulator-user`, else the token's upn or appid, else a fixed name. None without a token."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    claims = _claims(token.strip())
    return call.headers.get("x-emulator-user") or str(claims.get("upn") or claims.get("appid") or ANYBODY)


def authenticate(call: Call) -> str:
    """The caller's name, or 401."""
    user = user_of(call)
    if user is None:
        text = "Authentication failed. The 'Authorization' header is missing or invalid."
        raise arm(401, "AuthenticationFailed", text)
    return user


def check_version(call: Call, known: list[str]) -> str:
    """The api-version asked for, or 400."""
    version = call.argument("api-version")
    if not version:
        text = "The api-version query parameter (?api-version=) is required for all requests."
        raise arm(400, "MissingApiVersionParameter", text)
    if version not in known:
        listed = ", ".join(sorted(known))
        raise arm(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are '{listed}'.",
        )
    return version


def is_preview(version: str, since: str) -> bool:
    """Whether this is a preview version, of that day or later."""
    return version.endswith("-preview") and version >= since


def _claims(token: str) -> dict[str, object]:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
