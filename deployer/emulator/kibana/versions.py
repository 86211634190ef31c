"""`_version`: the token that Kibana makes of a saved object's sequence number."""

from __future__ import annotations

import base64

from deployer.emulator.calls import Call


def token(number: int) -> str:
    """As in the published examples: base64 of [sequence number, term]."""
    return base64.b64encode(f"[{number},1]".encode()).decode()


def next_token(call: Call) -> str:
    """A token that no document has had."""
    return token(call.world.store.writes + 1)
