"""Routes that Kibana answers only so many requests of at a time, per node, before it even asks who is there.

Source: security_solution routes/limited_concurrency.ts: counted per route over all spaces and users, refused with the
platform's error body and without Retry-After. The numbers stand with the routes (preview_rules/route.ts and
bulk_actions/route.ts, MAX_ROUTE_CONCURRENCY).
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager

from deployer.emulator.calls import Call
from deployer.emulator.kibana.access import split_space
from deployer.emulator.kibana.errors import platform
from deployer.emulator.limits import Full

# The setting that says how many.
_LIMITED = {
    ("POST", "/api/detection_engine/rules/preview"): "kibana_previews_at_once",
    ("POST", "/api/detection_engine/rules/_bulk_action"): "kibana_bulk_actions_at_once",
}


@contextmanager
def gate(call: Call) -> Iterator[Mapping[str, str]]:
    """Hold a place on the route while the request is under way. Raises Refused (429) where there is none."""
    route = call.method, split_space(call.path)[1]
    setting = _LIMITED.get(route)
    if setting is None:
        yield {}
        return
    try:
        place = call.world.limits.places.place(route, call.world.setting(setting))
        with place:
            yield {}
    except Full:
        raise platform(429, "Too Many Requests") from None
