"""Exception lists, the containers. Source: Kibana's lists plugin, exception_lists routes.

A list is kept under its list_id, in its space or, when agnostic, in the scope of all spaces.
"""

from __future__ import annotations

import uuid
from typing import Any

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Refused
from deployer.emulator.calls import Route
from deployer.emulator.clock import milliseconds
from deployer.emulator.kibana import exception_shapes
from deployer.emulator.kibana import filters
from deployer.emulator.kibana.checks import Record
from deployer.emulator.kibana.checks import kept
from deployer.emulator.kibana.errors import invalid
from deployer.emulator.kibana.errors import siem
from deployer.emulator.kibana.paging import page_of
from deployer.emulator.kibana.paging import paging
from deployer.emulator.kibana.versions import next_token

COLLECTION = "kibana.exception_lists"
ITEMS = "kibana.exception_items"
_BASE = "/api/exception_lists"
ALL_SPACES = "*"
_NAMES = ("list_id", "name", "type", "tags", "created_by", "immutable")
SORT_FIELDS = ("created_at", "name", "list_id", "item_id", "type", "updated_at", "tie_breaker_id")


def checked(call: Call, shape: Record) -> Document:
    """The body without unknown keys, or 400."""
    if problems := list(shape.problems(call.body, "")):
        raise invalid("body", problems)
    body: Document = kept(shape, call.body)
    return body


def scope_of(call: Call, namespace: str) -> str:
    """Where documents of this namespace type live."""
    return ALL_SPACES if namespace == "agnostic" else call.scope


def namespaces(call: Call) -> list[str]:
    """The `namespace_type` argument, comma separated, or 400."""
    names = [name.strip() for text in call.query.get("namespace_type", ["single"]) for name in text.split(",")]
    for position, name in enumerate(names):
        if problems := list(exception_shapes.NAMESPACE.problems(name, f"namespace_type.{position}")):
            raise invalid("query", problems)
    return names


def find_by(call: Call, collection: str, namespace: str, id: str | None, human: str | None) -> Document | None:
    """A document by its saved-object id or by the key that people know, the id first."""
    scope = scope_of(call, namespace)
    if id is not None:
        return next(iter(call.world.store.where(collection, scope, "id", id)), None)
    return call.world.store.get(collection, scope, human) if human is not None else None


def missing(what: str, id: str | None, key: str, human: str | None) -> Refused:
    """404, worded by what was asked for (lists plugin, get_error_message_exception_list*.ts)."""
    name, value = ("id", id) if id is not None else (key, human)
    return siem(404, f'{what} {name}: "{value}" does not exist' if value is not None else f"{what} does not exist")


def new_document(call: Call, body: Document) -> Document:
    """What the server adds to a new list or item."""
    now = milliseconds(call.world.clock.now())
    ids = {"id": str(uuid.uuid4()), "tie_breaker_id": str(uuid.uuid4()), "_version": next_token(call)}
    who = {"created_at": now, "created_by": call.user, "updated_at": now, "updated_by": call.user}
    return {"namespace_type": "single", "tags": [], "os_types": [], **body, **ids, **who}


def changed(call: Call, old: Document, new: Document) -> Document:
    """New content under the old identity; 409 when the version that was read is no longer the stored one."""
    if (expected := call.body.get("_version")) is not None and expected != old["_version"]:
        # Elasticsearch's version_conflict_engine_exception; the wording is not settled.
        text = f"[{old['id']}]: version conflict, required version {expected}, current version {old['_version']}"
        raise siem(409, text)
    kept = {
        name: old[name] for name in ("id", "tie_breaker_id", "namespace_type", "list_id", "created_at", "created_by")
    }
    now = milliseconds(call.world.clock.now())
    return {**new, **kept, "_version": next_token(call), "updated_at": now, "updated_by": call.user}


def sorted_by(call: Call, documents: list[Document]) -> list[Document]:
    """By `sort_field`, which may have the saved object's type in front."""
    field = call.argument("sort_field")
    if field is None:
        return documents
    name = field.removeprefix("exception-list-agnostic.").removeprefix("exception-list.")
    if name not in SORT_FIELDS:
        raise siem(400, f"the emulator does not sort by {field!r}; it has {list(SORT_FIELDS)}")
    return sorted(documents, key=lambda item: str(item.get(name, "")), reverse=call.argument("sort_order") == "desc")


def filtered(documents: list[Document], text: str | None, names: tuple[str, ...]) -> list[Document]:
    """The documents that a filter lets through."""
    if not text:
        return documents
    kinds = ("exception-list", "exception-list-agnostic")
    try:
        wanted = filters.parse(text, {f"{kind}.attributes.{name}": name for kind in kinds for name in names})
    except filters.BadFilter as error:
        raise siem(400, str(error)) from None
    return [document for document in documents if wanted(document)]


def copy_list(call: Call, reference: Document) -> Document | None:
    """A copy of a rule's own list and its items, as the reference to put on the rule's copy."""
    scope = scope_of(call, reference["namespace_type"])
    original = call.world.store.get(COLLECTION, scope, reference["list_id"])
    if original is None:
        return None
    twin = new_document(call, {**original, "list_id": str(uuid.uuid4()), "name": f"{original['name']} [Duplicate]"})
    call.world.store.put(COLLECTION, scope, twin["list_id"], twin)
    for item in call.world.store.where(ITEMS, scope, "list_id", original["list_id"]):
        copied = new_document(call, {**item, "list_id": twin["list_id"], "item_id": str(uuid.uuid4())})
        call.world.store.put(ITEMS, scope, copied["item_id"], copied)
    return {**reference, "id": twin["id"], "list_id": twin["list_id"]}


def _create(call: Call) -> Answer:
    body = checked(call, exception_shapes.CREATE_LIST)
    body.setdefault("list_id", str(uuid.uuid4()))
    document = new_document(call, {"version": 1, "immutable": False, **body})
    scope = scope_of(call, document["namespace_type"])
    if call.world.store.get(COLLECTION, scope, document["list_id"]) is not None:
        raise siem(409, f'exception list id: "{document["list_id"]}" already exists')
    call.world.store.put(COLLECTION, scope, document["list_id"], document)
    return Answer(document)


def asked(call: Call, collection: str, what: str, key: str) -> Document:
    """The list or item that the query names by `id` or by its own key (`list_id`, `item_id`)."""
    id, value = call.argument("id"), call.argument(key)
    if id is None and value is None:
        raise siem(400, f"id or {key} required")
    found = find_by(call, collection, namespaces(call)[0], id, value)
    if found is None:
        raise missing(what, id, key, value)
    return found


def to_update(call: Call, body: Document, collection: str, what: str, key: str) -> Document:
    """The list or item that an update's body names; its `id` is taken out of the body."""
    id, value = body.pop("id", None), body.get(key)
    if id is None and value is None:
        raise siem(404, f"either id or {key} need to be defined")
    old = find_by(call, collection, body.get("namespace_type", "single"), id, value)
    if old is None:
        raise missing(what, id, key, value)
    return old


def _asked(call: Call) -> Document:
    return asked(call, COLLECTION, "exception list", "list_id")


def _read(call: Call) -> Answer:
    return Answer(_asked(call))


def _update(call: Call) -> Answer:
    body = checked(call, exception_shapes.UPDATE_LIST)
    old = to_update(call, body, COLLECTION, "exception list", "list_id")
    # A saved-object update: what is not sent stays, but os_types has a default. The published example shows
    # version 2 after an update that sent none.
    new: dict[str, Any] = {**old, "os_types": [], "version": old["version"] + 1, **body}
    document = changed(call, old, new)
    call.world.store.put(COLLECTION, scope_of(call, old["namespace_type"]), old["list_id"], document)
    return Answer(document)


def _delete(call: Call) -> Answer:
    found = _asked(call)
    scope = scope_of(call, found["namespace_type"])
    for item in call.world.store.where(ITEMS, scope, "list_id", found["list_id"]):
        call.world.store.remove(ITEMS, scope, item["item_id"])
    # Rules keep their reference to the list (kibana issue 198845).
    call.world.store.remove(COLLECTION, scope, found["list_id"])
    return Answer(found)


def _find(call: Call) -> Answer:
    page, per_page = paging(call)
    scopes = list(dict.fromkeys(scope_of(call, namespace) for namespace in namespaces(call)))
    documents = [item for scope in scopes for item in call.world.store.all(COLLECTION, scope)]
    documents = sorted_by(call, filtered(documents, call.argument("filter"), _NAMES))
    data = page_of(documents, page, per_page)
    return Answer({"data": data, "page": page, "per_page": per_page, "total": len(documents)})


ROUTES = (
    Route("POST", _BASE, _create),
    Route("GET", _BASE, _read),
    Route("PUT", _BASE, _update),
    Route("DELETE", _BASE, _delete),
    Route("GET", f"{_BASE}/_find", _find),
)
