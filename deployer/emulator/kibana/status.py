"""`/api/status`, the caller's privileges and the space's alerts index."""

from __future__ import annotations

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Route
from deployer.emulator.clock import milliseconds
from deployer.emulator.kibana.errors import siem

_INDICES = "kibana.alerts_indices"


def answer(call: Call, *, authenticated: bool) -> Answer:
    """Kibana: core status route; without credentials only the overall level."""
    if not authenticated:
        return Answer({"status": {"overall": {"level": "available"}}})
    good = {"level": "available", "summary": "emulated", "meta": {}}
    sockets = {"totalActiveSockets": 0, "totalIdleSockets": 0, "totalQueuedRequests": 0}
    now = milliseconds(call.world.clock.now())
    body: Document = {
        "name": "emulator",
        "uuid": "00000000-0000-4000-8000-000000000000",
        "version": {
            "number": call.world.setting("kibana_version"),
            "build_hash": "0" * 40,
            "build_number": 0,
            "build_snapshot": False,
            "build_flavor": "traditional",
            "build_date": "2025-01-01T00:00:00.000Z",
        },
        "status": {"overall": good, "core": {"elasticsearch": good, "savedObjects": good}, "plugins": {}},
        "metrics": {"elasticsearch_client": sockets, "last_updated": now, "collection_interval_in_millis": 5000},
    }
    return Answer(body)


def _privileges(call: Call) -> Answer:
    names = ("read", "write", "view_index_metadata", "manage")
    index = {f".alerts-security.alerts-{call.scope}": dict.fromkeys(names, True)}
    body = {
        "username": call.user,
        "has_all_requested": True,
        "cluster": {},
        "index": index,
        "application": {},
        "is_authenticated": True,
        "has_encryption_key": True,
    }
    return Answer(body)


def _read_index(call: Call) -> Answer:
    found = call.world.store.get(_INDICES, call.scope, "index")
    if found is None:
        raise siem(404, "index for this space does not exist")
    return Answer(found)


def _create_index(call: Call) -> Answer:
    index = {"name": f".alerts-security.alerts-{call.scope}", "index_mapping_outdated": False}
    call.world.store.put(_INDICES, call.scope, "index", index)
    return Answer({"acknowledged": True})


ROUTES = (
    Route("GET", "/api/detection_engine/privileges", _privileges),
    Route("GET", "/api/detection_engine/index", _read_index),
    Route("POST", "/api/detection_engine/index", _create_index),
)
