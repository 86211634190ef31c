"""Value lists and what is in them. Source: Kibana's lists plugin, routes `list`, `list_index` and `list_item`, and the
published Security_Lists_API schemas.

A list is kept under its id, in its space; its items under their own ids, in a scope of the list's own. A space has no
data streams for them until somebody makes them, and until then every write is refused.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from email.parser import BytesParser
from email.policy import HTTP
from ipaddress import ip_address
from ipaddress import ip_network
from pathlib import PurePath

from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Route
from deployer.emulator.clock import milliseconds
from deployer.emulator.kibana import exception_lists
from deployer.emulator.kibana.checks import Record
from deployer.emulator.kibana.checks import Text
from deployer.emulator.kibana.checks import Whole
from deployer.emulator.kibana.errors import invalid
from deployer.emulator.kibana.errors import platform
from deployer.emulator.kibana.errors import siem
from deployer.emulator.kibana.exception_lists import checked
from deployer.emulator.kibana.exception_shapes import META
from deployer.emulator.kibana.exception_shapes import VALUE_LIST_TYPES
from deployer.emulator.kibana.paging import page_of
from deployer.emulator.kibana.paging import paging
from deployer.emulator.kibana.rule_shapes import NON_EMPTY
from deployer.emulator.kibana.versions import next_token
from deployer.emulator.world import World

COLLECTION = "kibana.value_lists"
ITEMS = "kibana.value_list_items"
_STREAMS = "kibana.value_list_streams"
_BASE = "/api/lists"
IMPORT = f"{_BASE}/items/_import"
MAX_IMPORT = 9_000_000  # xpack.lists.maxImportPayloadBytes
MAX_PAGE = 10_000  # index.max_result_window of Elasticsearch

_CREATE = Record(
    {"name": NON_EMPTY, "description": NON_EMPTY, "type": Text(choices=VALUE_LIST_TYPES)},
    {"id": NON_EMPTY, "meta": META, "version": Whole(1)},
)
_UPDATE = Record(
    {"id": NON_EMPTY, "name": NON_EMPTY, "description": NON_EMPTY},
    {"meta": META, "version": Whole(1), "_version": Text()},
)
_CREATE_ITEM = Record({"list_id": NON_EMPTY, "value": NON_EMPTY}, {"id": NON_EMPTY, "meta": META})


def held(world: World, space: str, id: str) -> list[str] | None:
    """The values of a list, as Kibana shows them; None if there is no such list."""
    if world.store.get(COLLECTION, space, id) is None:
        return None
    return [item["value"] for item in world.store.all(ITEMS, _scope(space, id))]


def _scope(space: str, id: str) -> str:
    return f"{space}/{id}"


# -- data streams -----------------------------------------------------------------------------------------------------


def _prepared(call: Call) -> bool:
    return call.world.store.get(_STREAMS, call.scope, "both") is not None


def _require_streams(call: Call, action: str) -> None:
    if not _prepared(call):
        missing = f'Data stream ".lists-{call.scope}" does not exist'
        raise siem(400, f"To {action}, the data stream must exist first. {missing}")


def _streams(call: Call) -> Answer:
    if not _prepared(call):
        raise siem(404, f"data stream .lists-{call.scope} and data stream .items-{call.scope} does not exist")
    return Answer({"list_index": True, "list_item_index": True})


def _make_streams(call: Call) -> Answer:
    if _prepared(call):
        # The published description; newer code answers 200.
        names = f'".lists-{call.scope}" and ".items-{call.scope}"'
        raise siem(409, f"data stream: {names} already exists")
    call.world.store.put(_STREAMS, call.scope, "both", {"made": True})
    return Answer({"acknowledged": True})


# -- lists ------------------------------------------------------------------------------------------------------------


def _stamped(call: Call, document: Document) -> Document:
    now = milliseconds(call.world.clock.now())
    who = {"created_at": now, "created_by": call.user, "updated_at": now, "updated_by": call.user, "@timestamp": now}
    return {"tie_breaker_id": str(uuid.uuid4()), "_version": next_token(call), **document, **who}


def _create(call: Call) -> Answer:
    body = checked(call, _CREATE)
    _require_streams(call, "create a list")
    id = body.setdefault("id", str(uuid.uuid4()))
    if call.world.store.get(COLLECTION, call.scope, id) is not None:
        raise siem(409, f'list id: "{id}" already exists')
    document = _stamped(call, {"version": 1, "immutable": False, **body})
    call.world.store.put(COLLECTION, call.scope, id, document)
    return Answer(document)


def _required(call: Call, name: str) -> str:
    value = call.argument(name)
    if not value:
        raise invalid("query", [f"{name}: Required"])
    return value


def _found(call: Call, id: str, status: int = 404, text: str = 'list id: "{}" does not exist') -> Document:
    document = call.world.store.get(COLLECTION, call.scope, id)
    if document is None:
        raise siem(status, text.format(id))
    return document


def _read(call: Call) -> Answer:
    return Answer(_found(call, _required(call, "id")))


def _update(call: Call) -> Answer:
    body = checked(call, _UPDATE)
    old = _found(call, body["id"], text='list id: "{}" not found')
    expected = body.pop("_version", None)
    if expected is not None and expected != old["_version"]:
        raise siem(409, f"Conflict: versions mismatch. Provided versions:{expected} does not match {old['_version']}")
    now = milliseconds(call.world.clock.now())
    kept = {name: value for name, value in old.items() if name != "meta"}
    changed = {"version": old["version"] + 1, **body, "_version": next_token(call)}
    document = {**kept, **changed, "updated_at": now, "updated_by": call.user}
    call.world.store.put(COLLECTION, call.scope, old["id"], document)
    return Answer(document)


def _delete(call: Call) -> Answer:
    id = _required(call, "id")
    if call.argument("deleteReferences") == "true" or call.argument("ignoreReferences") == "true":
        raise siem(400, "the emulator deletes no value list that is referred to, and no references")
    if references := list(_references(call, id)):
        text = f"Value list '{id}' is referenced in existing exception list(s)"
        raise siem(409, {"error": {"message": text, "references": references, "value_list_id": id}})
    document = _found(call, id, text='list id: "{}" was not found')
    for item in call.world.store.all(ITEMS, _scope(call.scope, id)):
        call.world.store.remove(ITEMS, _scope(call.scope, id), item["id"])
    call.world.store.remove(COLLECTION, call.scope, id)
    return Answer(document)


def _references(call: Call, id: str) -> Iterator[Document]:
    """The exception items that refer to the list, of this space and of all spaces."""
    for scope in (call.scope, exception_lists.ALL_SPACES):
        for item in call.world.store.all(exception_lists.ITEMS, scope):
            if any(entry["type"] == "list" and entry["list"]["id"] == id for entry in item["entries"]):
                container = call.world.store.get(exception_lists.COLLECTION, scope, item["list_id"])
                yield {"exception_item": item, "exception_list": container}


def _find(call: Call) -> Answer:
    page, per_page = paging(call, least_per_page=0)
    documents = call.world.store.all(COLLECTION, call.scope)
    return _page(documents, page, per_page)


# -- what is in them --------------------------------------------------------------------------------------------------


def _find_items(call: Call) -> Answer:
    id = _required(call, "list_id")
    page, per_page = paging(call, least_per_page=0)
    for name in ("filter", "sort_field"):
        if call.argument(name) is not None:
            raise siem(400, f"the emulator does not emulate `{name}` of value list items")
    if per_page > MAX_PAGE:
        raise siem(400, f"search_phase_execution_exception: Result window is too large, it must be at most {MAX_PAGE}")
    _found(call, id)
    items = sorted(call.world.store.all(ITEMS, _scope(call.scope, id)), key=lambda item: str(item["tie_breaker_id"]))
    cursor = call.argument("cursor")
    if cursor is not None and (after := _after(cursor, page, per_page)):
        items_after = [item for item in items if item["tie_breaker_id"] > after]
        return _page(items, page, per_page, items_after[:per_page])
    return _page(items, page, per_page)


def _after(cursor: str, page: int, per_page: int) -> str | None:
    """The tie breaker to go on from; Kibana's cursor is base64 of `[position, [tie breaker]]`."""
    try:
        position, *rest = json.loads(base64.b64decode(cursor, validate=True))
        after = rest[0][0] if rest else None
    except (ValueError, TypeError, IndexError):
        raise siem(400, "Error parsing JSON from base64 encoded cursor") from None
    start = (page - 1) * per_page
    if position > start:
        raise siem(400, f"index: {position} of cursor cannot be greater than the start page index: {start}")
    if after is not None and position < start:
        raise siem(400, "the emulator does not emulate a cursor that is not that of the page before")
    return after


def _page(documents: list[Document], page: int, per_page: int, data: list[Document] | None = None) -> Answer:
    shown = page_of(documents, max(page, 1), per_page) if data is None else data
    cursor = [page * per_page, [shown[-1]["tie_breaker_id"]]] if shown else [0]
    text = base64.b64encode(json.dumps(cursor, separators=(",", ":")).encode()).decode()
    return Answer({"cursor": text, "data": shown, "page": page, "per_page": per_page, "total": len(documents)})


def _create_item(call: Call) -> Answer:
    body = checked(call, _CREATE_ITEM)
    _require_streams(call, "create a list item")
    found = _found(call, body["list_id"])
    scope = _scope(call.scope, found["id"])
    id = body.setdefault("id", str(uuid.uuid4()))
    if call.world.store.get(ITEMS, scope, id) is not None:
        raise siem(409, f'list item id: "{id}" already exists')
    document = _item(call, found, body["value"], id)
    if document is None:
        raise siem(400, f"failed to parse field [{found['type']}]: {body['value']!r}")
    call.world.store.put(ITEMS, scope, id, document)
    return Answer(document)


def _item(call: Call, found: Document, value: str, id: str) -> Document | None:
    """A new item; None for a value that Elasticsearch would not index."""
    shown = _shown(found["type"], value.strip())
    if shown is None:
        return None
    return _stamped(call, {"id": id, "list_id": found["id"], "type": found["type"], "value": shown})


def _shown(type: str, value: str) -> str | None:
    """The value as it is read back (find_source_value.ts): of an `ip_range` the CIDR text, else both ends."""
    try:
        if type == "ip":
            return str(ip_address(value))
        if type != "ip_range":
            return value
        if "-" in value:
            first, last = (part.strip() for part in value.split("-", 1))
            return f"{first}-{last}" if int(ip_address(first)) <= int(ip_address(last)) else None
        if "/" in value:
            ip_network(value, strict=False)
            return value
        return f"{ip_address(value)}-{ip_address(value)}"
    except ValueError:
        return None


def _delete_item(call: Call) -> Answer:
    id, list_id, value = (call.argument(name) for name in ("id", "list_id", "value"))
    if id is not None:
        for found in call.world.store.all(COLLECTION, call.scope):
            scope = _scope(call.scope, found["id"])
            if (item := call.world.store.get(ITEMS, scope, id)) is not None:
                call.world.store.remove(ITEMS, scope, id)
                return Answer(item)
        raise siem(404, f'list item with id: "{id}" not found')
    if list_id is None or value is None:
        raise siem(400, 'Either "list_id" or "id" needs to be defined in the request')
    found = _found(call, list_id, text='list_id: "{}" does not exist')
    scope = _scope(call.scope, list_id)
    # A `term` query on a range field takes every range that has anything in common with the value.
    gone = [item for item in call.world.store.all(ITEMS, scope) if _touches(found["type"], item["value"], value)]
    if not gone:
        raise siem(404, f'list_id: "{list_id}" with {value} was not found')
    for item in gone:
        call.world.store.remove(ITEMS, scope, item["id"])
    return Answer(gone)


def _touches(type: str, one: str, other: str) -> bool:
    if type != "ip_range":
        return one == other
    (first, last), (start, end) = _ends(one), _ends(other)
    return first.version == start.version and int(first) <= int(end) and int(start) <= int(last)


def _ends(value: str):  # type: ignore[no-untyped-def]
    if "-" in value:
        first, last = value.split("-", 1)
        return ip_address(first.strip()), ip_address(last.strip())
    network = ip_network(value, strict=False)
    return network.network_address, network.broadcast_address


def _import(call: Call) -> Answer:
    if len(call.content) > MAX_IMPORT:
        raise platform(413, f"Payload content length greater than maximum allowed: {MAX_IMPORT}")
    name, text = _file(call)
    if PurePath(name).suffix.lower() not in (".csv", ".txt"):
        raise siem(415, "Unsupported media type. File must be one of the following types: [.csv, .txt]")
    _require_streams(call, "import a list item")
    list_id, type = call.argument("list_id"), call.argument("type")
    if list_id is None:
        what = "imports into lists that are there" if type else "needs"
        raise siem(400, f"Either type or list_id need to be defined in the query; the emulator {what} list_id")
    found = _found(call, list_id, 409)
    scope = _scope(call.scope, list_id)
    for line in text.splitlines():
        # What cannot be indexed is left out, and the answer is 200 all the same.
        if line.strip() and (document := _item(call, found, line, str(uuid.uuid4()))) is not None:
            call.world.store.put(ITEMS, scope, document["id"], document)
    return Answer(found)


def _file(call: Call) -> tuple[str, str]:
    """The name and the text of the form's file."""
    kind = call.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise platform(415, "Unsupported Media Type")
    form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + call.content)
    for part in form.iter_parts() if form.is_multipart() else ():
        if name := part.get_filename():
            return name, bytes(part.get_payload(decode=True) or b"").decode("utf-8", "replace")
    raise siem(400, "To import a list item, the file name must be specified")


ROUTES = (
    Route("GET", f"{_BASE}/index", _streams),
    Route("POST", f"{_BASE}/index", _make_streams),
    Route("POST", _BASE, _create),
    Route("GET", _BASE, _read),
    Route("PUT", _BASE, _update),
    Route("DELETE", _BASE, _delete),
    Route("GET", f"{_BASE}/_find", _find),
    Route("POST", f"{_BASE}/items", _create_item),
    Route("DELETE", f"{_BASE}/items", _delete_item),
    Route("GET", f"{_BASE}/items/_find", _find_items),
    Route("POST", IMPORT, _import),
)
