"""`signals/search`: the alerts of a space, with as much of Elasticsearch's search as `search` knows.

Source: security_solution query_signals_route.ts and the published document (SearchAlerts).
"""

from __future__ import annotations

from deployer.emulator import search
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Route
from deployer.emulator.conditions import NotUnderstood
from deployer.emulator.kibana import alerts
from deployer.emulator.kibana.errors import invalid
from deployer.emulator.kibana.errors import siem

_KNOWN = ("query", "aggs", "_source", "fields", "runtime_mappings", "track_total_hits", "size", "sort")


def _search(call: Call) -> Answer:
    if not isinstance(call.body, dict):
        raise invalid("body", ["Expected object, received null"])
    if all(call.body.get(name) is None for name in _KNOWN):
        raise siem(400, '"value" must have at least 1 children')
    if odd := sorted(set(call.body) - set(_KNOWN)):
        # Kibana drops what its schema does not name, `from` too: whoever pages with it would read one page for ever.
        raise siem(400, f"the emulator refuses what Kibana would drop in silence: {', '.join(odd)}")
    hits = alerts.held(call.world, alerts.COLLECTION, call.scope)
    try:
        return Answer({**search.search(hits, call.body, call.world.clock.now()), "emulated": True})
    except NotUnderstood as error:
        raise siem(400, f"not understood by the emulator: {error}") from None


ROUTES = (Route("POST", "/api/detection_engine/signals/search", _search),)
