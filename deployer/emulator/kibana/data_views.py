"""Data views and their runtime fields. Source: Kibana's data_views plugin, public REST routes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Route
from deployer.emulator.kibana.checks import Anything
from deployer.emulator.kibana.checks import Flag
from deployer.emulator.kibana.checks import Items
from deployer.emulator.kibana.checks import Mapped
from deployer.emulator.kibana.checks import Record
from deployer.emulator.kibana.checks import Shape
from deployer.emulator.kibana.checks import Text
from deployer.emulator.kibana.errors import invalid
from deployer.emulator.kibana.errors import platform
from deployer.emulator.kibana.versions import next_token

COLLECTION = "kibana.data_views"
_BASE = "/api/data_views/data_view"
_TYPES = {
    "boolean": "boolean",
    "composite": "object",
    "date": "date",
    "double": "number",
    "geo_point": "geo_point",
    "ip": "ip",
    "keyword": "string",
    "long": "number",
}
_RUNTIME_FIELD = Record({"type": Text(choices=tuple(_TYPES)), "script": Record({"source": Text()})})
_OPTIONAL: Mapping[str, Shape] = {
    "name": Text(),
    "timeFieldName": Text(),
    "sourceFilters": Items(Record({"value": Text()})),
    "fields": Mapped(Anything()),
    "fieldFormats": Mapped(Anything()),
    "runtimeFieldMap": Mapped(_RUNTIME_FIELD),
    "allowNoIndex": Flag(),
    "type": Text(),
    "typeMeta": Mapped(Anything()),
}
_VIEW = Record(
    {"title": Text(minimum=1)},
    {
        **_OPTIONAL,
        "id": Text(),
        "version": Text(),
        "namespaces": Items(Text()),
        "fieldAttrs": Mapped(Anything()),
    },
    closed=True,
)
# Unlike zod, the validator of these routes (kbn-config-schema) refuses keys that it does not know.
_CREATE = Record({"data_view": _VIEW}, {"override": Flag(), "refresh_fields": Flag()}, closed=True)
_CHANGES = Record({}, {"title": Text(minimum=1), **_OPTIONAL}, closed=True)
_UPDATE = Record({"data_view": _CHANGES}, {"refresh_fields": Flag()}, closed=True)
_DEFAULTS: Document = {
    "name": "",
    "sourceFilters": [],
    "fieldFormats": {},
    "fieldAttrs": {},
    "runtimeFieldMap": {},
    "allowNoIndex": False,
}
_UPSERT_FIELD = Record({"name": Text(minimum=1), "runtimeField": _RUNTIME_FIELD})
_CHANGE_FIELD = Record({"runtimeField": _RUNTIME_FIELD})


def _checked(call: Call, shape: Record) -> Document:
    if problems := list(shape.problems(call.body, "")):
        # Only status and shape are as the real ones.
        raise invalid("body", problems)
    return dict(call.body)


def _stored(call: Call, id: str) -> Document:
    found = call.world.store.get(COLLECTION, call.scope, id)
    if found is None:
        raise platform(404, f"Saved object [index-pattern/{id}] not found")
    return found


def _keep(call: Call, view: Document) -> Answer:
    view = {**view, "version": next_token(call)}
    call.world.store.put(COLLECTION, call.scope, view["id"], view)
    return Answer({"data_view": _shown(view)})


def _shown(view: Document) -> Document:
    """With the fields that Kibana would list: of the indices the emulator knows none, so only the runtime ones."""
    fields = {
        name: {
            "name": name,
            "type": _TYPES[field["type"]],
            "esTypes": [field["type"]],
            "runtimeField": field,
            "searchable": True,
            "aggregatable": True,
            "scripted": False,
            "readFromDocValues": False,
            "shortDotsEnable": False,
            "isMapped": False,
            "count": 0,
        }
        for name, field in view["runtimeFieldMap"].items()
    }
    return {**view, "fields": fields}


def _create(call: Call) -> Answer:
    body = _checked(call, _CREATE)
    asked = {name: value for name, value in body["data_view"].items() if name not in ("fields", "version")}
    view = {"id": str(uuid.uuid4()), "namespaces": [call.scope], **_DEFAULTS, **asked}
    override = body.get("override", False)
    for other in call.world.store.all(COLLECTION, call.scope):
        name = _clash(view, other)
        if name is None:
            continue
        if not override:
            # Kibana: createSavedObject looks for the name (the title where there is none). The documentation says
            # "title"; two views of one title and different names exist in every space. An existing id: not settled.
            raise platform(400, f"Duplicate data view: {name}")
        if other["id"] != view["id"] and _name(other) == _name(view):
            # Kibana: createSavedObject deletes the view it found by name before it writes the new one.
            call.world.store.remove(COLLECTION, call.scope, other["id"])
    return _keep(call, view)


def _clash(view: Document, other: Document) -> str | None:
    """By what two data views are the same one: id, or name (the title where there is no name)."""
    if view["id"] == other["id"]:
        return str(view["id"])
    return _name(view) if _name(view) == _name(other) else None


def _name(view: Document) -> str:
    return str(view["name"] or view["title"])


def _list(call: Call) -> Answer:
    names = ("id", "namespaces", "title", "typeMeta", "name")
    views = call.world.store.all(COLLECTION, call.scope)
    return Answer({"data_view": [{name: view[name] for name in names if name in view} for view in views]})


def _read(call: Call) -> Answer:
    return Answer({"data_view": _shown(_stored(call, call.params["id"]))})


def _update(call: Call) -> Answer:
    view = _stored(call, call.params["id"])
    body = _checked(call, _UPDATE)
    changes = {name: value for name, value in body["data_view"].items() if name != "fields"}
    if not changes:
        raise platform(400, "Index pattern change set is empty")
    return _keep(call, {**view, **changes})


def _delete(call: Call) -> Answer:
    view = _stored(call, call.params["id"])
    call.world.store.remove(COLLECTION, call.scope, view["id"])
    # 204 by the published document; the code has been seen to answer 200.
    return Answer(status=204)


def _field_answer(view: Document, name: str) -> Answer:
    shown = _shown(view)
    return Answer({"data_view": shown, "fields": [shown["fields"][name]]})


def _put_field(call: Call) -> Answer:
    view = _stored(call, call.params["id"])
    body = _checked(call, _UPSERT_FIELD)
    view = {**view, "runtimeFieldMap": {**view["runtimeFieldMap"], body["name"]: body["runtimeField"]}}
    return _field_answer(_keep(call, view).body["data_view"], body["name"])


def _add_field(call: Call) -> Answer:
    view = _stored(call, call.params["id"])
    if _checked(call, _UPSERT_FIELD)["name"] in view["runtimeFieldMap"]:
        raise platform(400, f"Field [name = {call.body['name']}] already exists.")
    return _put_field(call)


def _with_field(call: Call) -> tuple[Document, str]:
    view, name = _stored(call, call.params["id"]), call.params["name"]
    if name not in view["runtimeFieldMap"]:
        raise platform(404, f"Saved object [index-pattern/{view['id']}:{name}] not found")
    return view, name


def _read_field(call: Call) -> Answer:
    return _field_answer(*_with_field(call))


def _change_field(call: Call) -> Answer:
    view, name = _with_field(call)
    field = {**view["runtimeFieldMap"][name], **_checked(call, _CHANGE_FIELD)["runtimeField"]}
    view = {**view, "runtimeFieldMap": {**view["runtimeFieldMap"], name: field}}
    return _field_answer(_keep(call, view).body["data_view"], name)


def _delete_field(call: Call) -> Answer:
    view, name = _with_field(call)
    fields = {key: field for key, field in view["runtimeFieldMap"].items() if key != name}
    _keep(call, {**view, "runtimeFieldMap": fields})
    return Answer()


ROUTES = (
    Route("GET", "/api/data_views", _list),
    Route("POST", _BASE, _create),
    Route("GET", f"{_BASE}/{{id}}", _read),
    Route("POST", f"{_BASE}/{{id}}", _update),
    Route("DELETE", f"{_BASE}/{{id}}", _delete),
    Route("PUT", f"{_BASE}/{{id}}/runtime_field", _put_field),
    Route("POST", f"{_BASE}/{{id}}/runtime_field", _add_field),
    Route("GET", f"{_BASE}/{{id}}/runtime_field/{{name}}", _read_field),
    Route("POST", f"{_BASE}/{{id}}/runtime_field/{{name}}", _change_field),
    Route("DELETE", f"{_BASE}/{{id}}/runtime_field/{{name}}", _delete_field),
)
