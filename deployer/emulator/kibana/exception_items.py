"""Exception list items. Source: Kibana's lists plugin, exception_lists/items routes.

An item is kept under its item_id, which is unique across the lists of its namespace.
"""

from __future__ import annotations

import uuid

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Route
from deployer.emulator.clock import milliseconds
from deployer.emulator.kibana import exception_lists
from deployer.emulator.kibana import exception_shapes
from deployer.emulator.kibana.errors import siem
from deployer.emulator.kibana.exception_lists import ITEMS
from deployer.emulator.kibana.exception_lists import changed
from deployer.emulator.kibana.exception_lists import checked
from deployer.emulator.kibana.exception_lists import new_document
from deployer.emulator.kibana.exception_lists import scope_of
from deployer.emulator.kibana.paging import page_of
from deployer.emulator.kibana.paging import paging

_BASE = "/api/exception_lists/items"
_NAMES = ("item_id", "list_id", "name", "tags", "created_by", "expire_time")
MAX_ITEMS = 10_000


def _create(call: Call) -> Answer:
    body = checked(call, exception_shapes.CREATE_ITEM)
    scope = scope_of(call, body.get("namespace_type", "single"))
    body.setdefault("item_id", str(uuid.uuid4()))
    store = call.world.store
    if store.get(exception_lists.COLLECTION, scope, body["list_id"]) is None:
        raise siem(404, f'exception list id: "{body["list_id"]}" does not exist')
    if store.get(ITEMS, scope, body["item_id"]) is not None:
        raise siem(409, f'exception list item id: "{body["item_id"]}" already exists')
    if store.size(ITEMS, scope) >= MAX_ITEMS <= len(store.where(ITEMS, scope, "list_id", body["list_id"])):
        # MAX_EXCEPTION_LIST_SIZE; the wording is not settled.
        raise siem(400, f"Failed to add exception item, exception list would exceed max size of {MAX_ITEMS}")
    body["comments"] = [_comment(call, comment) for comment in body.get("comments", [])]
    document = new_document(call, body)
    store.put(ITEMS, scope, document["item_id"], document)
    return Answer(document)


def _asked(call: Call) -> Document:
    return exception_lists.asked(call, ITEMS, "exception list item", "item_id")


def _read(call: Call) -> Answer:
    return Answer(_asked(call))


def _update(call: Call) -> Answer:
    body = checked(call, exception_shapes.UPDATE_ITEM)
    old = exception_lists.to_update(call, body, ITEMS, "exception list item", "item_id")
    # Kibana: update_overwrite_exception_list_item.ts. The object is written anew: what is not sent is gone
    # (expire_time, meta) or back to its default (os_types); only tags stay.
    comments = _comments(call, old["comments"], body.get("comments", []))
    new = {"tags": old["tags"], "os_types": [], **body, "item_id": old["item_id"], "comments": comments}
    document = changed(call, old, new)
    call.world.store.put(ITEMS, scope_of(call, old["namespace_type"]), old["item_id"], document)
    return Answer(document)


def _delete(call: Call) -> Answer:
    found = _asked(call)
    call.world.store.remove(ITEMS, scope_of(call, found["namespace_type"]), found["item_id"])
    return Answer(found)


def _find(call: Call) -> Answer:
    page, per_page = paging(call, least_per_page=0)
    lists = [name.strip() for text in call.query.get("list_id", []) for name in text.split(",")]
    spaces = exception_lists.namespaces(call)
    if not lists:
        raise siem(400, "list_id: Required")
    if len(lists) != len(spaces):
        counts = f"Expected list_id length: {len(lists)} to equal namespace_type length: {len(spaces)}"
        raise siem(400, f"list_id and namespace_id need to have the same comma separated number of values. {counts}")
    if call.argument("search") is not None:
        raise siem(400, "the emulator does not emulate `search`")
    texts = list(call.query.get("filter", []))
    found: list[Document] = []
    for position, (list_id, namespace) in enumerate(zip(lists, spaces, strict=True)):
        items = _items(call, list_id, namespace)
        found += exception_lists.filtered(items, texts[position] if position < len(texts) else None, _NAMES)
    found = exception_lists.sorted_by(call, found)
    # The schema lets per_page be 0 in the request and not in the answer.
    data = page_of(found, max(page, 1), per_page)
    return Answer({"data": data, "page": max(page, 1), "per_page": max(per_page, 1), "total": len(found)})


def _items(call: Call, list_id: str, namespace: str) -> list[Document]:
    scope = scope_of(call, namespace)
    if call.world.store.get(exception_lists.COLLECTION, scope, list_id) is None:
        raise siem(404, f'exception list list_id: "{list_id}" does not exist')
    return call.world.store.where(ITEMS, scope, "list_id", list_id)


def _comment(call: Call, comment: Document) -> Document:
    now = milliseconds(call.world.clock.now())
    return {"id": str(uuid.uuid4()), "comment": comment["comment"], "created_at": now, "created_by": call.user}


def _comments(call: Call, old: list[Document], sent: list[Document]) -> list[Document]:
    """Comments only grow: the old ones come first, by id and in order. Statuses and texts are not settled."""
    if [comment.get("id") for comment in sent[: len(old)]] != [comment["id"] for comment in old]:
        raise siem(403, "Comments cannot be deleted, only new comments may be added")
    if any("id" in comment for comment in sent[len(old) :]):
        raise siem(400, "a new comment must not carry an id")
    kept = []
    for before, comment in zip(old, sent, strict=False):
        if comment["comment"] == before["comment"]:
            kept.append(before)
        elif before["created_by"] != call.user:
            raise siem(403, "Not authorized to edit others comments")
        else:
            now = milliseconds(call.world.clock.now())
            kept.append({**before, "comment": comment["comment"], "updated_at": now, "updated_by": call.user})
    return kept + [_comment(call, comment) for comment in sent[len(old) :]]


ROUTES = (
    Route("POST", _BASE, _create),
    Route("GET", _BASE, _read),
    Route("PUT", _BASE, _update),
    Route("DELETE", _BASE, _delete),
    Route("GET", f"{_BASE}/_find", _find),
)
