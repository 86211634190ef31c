"""`watchlists` and `watchlistItems`: list, read, put, delete.

Source: Watchlists.json of Microsoft.SecurityInsights and its examples; from 2025 on the types that Bicep publishes.
Behaviour: learn.microsoft.com/azure/sentinel/watchlists-create, watchlists-manage, sentinel-service-limits. Content is
worked in late (setting `watchlist_seconds`), so is a deletion, and log queries see either later still
(`watchlist_query_seconds`).
"""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Callable
from urllib.parse import urlencode

from deployer.emulator.arm import access
from deployer.emulator.arm import documents
from deployer.emulator.arm import watchlist_store as store
from deployer.emulator.arm.alert_rules import WORKSPACE
from deployer.emulator.arm.errors import arm
from deployer.emulator.arm.errors import bad_request
from deployer.emulator.arm.workspaces import customer_id
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Call
from deployer.emulator.calls import Document
from deployer.emulator.calls import Route
from deployer.emulator.clock import ticks

_LISTS = f"{WORKSPACE}/providers/Microsoft.SecurityInsights/watchlists"
_LIST = f"{_LISTS}/{{alias}}"
_ITEMS = f"{_LIST}/watchlistItems"
_REQUIRED = ("displayName", "provider", "itemsSearchKey")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_ -]{1,62}[A-Za-z0-9]")
_LARGEST = 3_800_000
_LONGEST_LINE = 10_240
_CONTENT = ("rawContent", "contentType", "numberOfLinesToSkip", "sasUri")
_TEXTS = ("displayName", "provider", "itemsSearchKey", "description", "source", "sourceType", "rawContent")
# The published descriptions of 2024 answer uploadStatus and 200 to a delete; those of 2025 provisioningState and 202.
_STATES_SINCE = "2025-01-01"


def _version(call: Call) -> str:
    return access.check_version(call, access.STABLE + access.PREVIEW)


def _alias(call: Call) -> str:
    return call.params["alias"]


def _found(call: Call) -> Document:
    kept = store.found(call.world, call.scope, _alias(call))
    if kept is None:
        raise arm(404, "NotFound", f"Watchlist '{_alias(call)}' does not exist")
    return kept


def _list(call: Call) -> Answer:
    version = _version(call)
    return _page(call, version, [_shown(call, one, version) for one in store.everything(call.world, call.scope)])


def _read(call: Call) -> Answer:
    version = _version(call)
    return Answer(_shown(call, _found(call), version))


def _put(call: Call) -> Answer:
    version = _version(call)
    properties = _checked(call)
    old = store.found(call.world, call.scope, _alias(call))
    if old is not None and old["gone"] is not None:
        raise arm(409, "Conflict", f"Watchlist '{_alias(call)}': Delete is currently in progress")
    if old is not None and old["properties"]["itemsSearchKey"] != properties["itemsSearchKey"]:
        raise bad_request("The itemsSearchKey of a watchlist cannot be changed")
    rows = _rows(properties)
    now = call.world.clock.now()
    ready = now + call.world.seconds("watchlist_seconds") if rows else now
    document = _written(call, old, properties)
    if rows:
        document["ready"] = ready.timestamp()
    store.keep(call.world, call.scope, _alias(call), document)
    store.add(call.world, call.scope, document["alias"], rows, call.user, ready)
    headers = {"Azure-AsyncOperation": _status_url(call, version)}
    return Answer(_shown(call, document, version), 200 if old else 201, {} if old else headers)


def _delete(call: Call) -> Answer:
    version = _version(call)
    kept = store.found(call.world, call.scope, _alias(call))
    if kept is None:
        return Answer(status=204)
    if store.state(call.world, kept) == "InProgress":
        raise arm(409, "Conflict", f"Watchlist '{_alias(call)}' cannot be deleted: its upload is in progress")
    if kept["gone"] is None:
        gone = call.world.clock.now() + call.world.seconds("watchlist_seconds")
        store.keep(call.world, call.scope, _alias(call), {**kept, "gone": gone.timestamp()})
        store.remove(call.world, call.scope, kept["alias"])
    url = _status_url(call, version)
    if version < _STATES_SINCE:
        return Answer(headers={"Azure-AsyncOperation": url})
    return Answer(status=202, headers={"Azure-AsyncOperation": url, "Location": url})


def _list_items(call: Call) -> Answer:
    version = _version(call)
    kept = _found(call)
    return _page(call, version, store.items(call.world, call.scope, kept["alias"]), lambda one: _item(call, kept, one))


def _read_item(call: Call) -> Answer:
    _version(call)
    kept = _found(call)
    return Answer(_item(call, kept, _stored_item(call, kept)))


def _put_item(call: Call) -> Answer:
    _version(call)
    kept = _found(call)
    properties = call.body.get("properties") if isinstance(call.body, dict) else None
    values = properties.get("itemsKeyValue") if isinstance(properties, dict) else None
    if not isinstance(values, dict) or not values:
        raise bad_request("Required property 'itemsKeyValue' not found in JSON")
    there = store.put_item(call.world, call.scope, kept["alias"], call.params["item"], values, call.user)
    return Answer(_item(call, kept, _stored_item(call, kept)), 200 if there else 201)


def _delete_item(call: Call) -> Answer:
    _version(call)
    kept = _found(call)
    removed = store.remove(call.world, call.scope, kept["alias"], call.params["item"])
    return Answer(status=200 if removed else 204)


def _stored_item(call: Call, kept: Document) -> Document:
    for one in store.items(call.world, call.scope, kept["alias"]):
        if one["id"] == call.params["item"]:
            return one
    raise arm(404, "NotFound", f"Watchlist item '{call.params['item']}' does not exist")


def _checked(call: Call) -> Document:
    """The properties of a body that the service takes, or 400."""
    properties = call.body.get("properties") if isinstance(call.body, dict) else None
    if not isinstance(properties, dict):
        raise bad_request("Required property 'properties' not found in JSON")
    for name in _REQUIRED:
        if not properties.get(name):
            raise bad_request(f"Required property '{name}' not found in JSON")
    for name in _TEXTS:
        if not isinstance(properties.get(name, ""), str):
            raise bad_request(f"Error converting value of '{name}' to type 'System.String'")
    for what, value in (("alias", _alias(call)), ("displayName", properties["displayName"])):
        if not _NAME.fullmatch(value):
            raise bad_request(
                f"The {what} '{value}' must have 3 to 64 characters, the first and the last of them alphanumeric"
            )
    return properties


def _rows(properties: Document) -> list[dict[str, str]]:
    """The rows of the content, or 400."""
    text = properties.get("rawContent")
    if not text:
        return []
    if properties.get("contentType") not in ("text/csv", "text/tsv"):
        raise bad_request("The contentType of rawContent must be text/csv or text/tsv")
    if len(text.encode()) > _LARGEST:
        raise arm(413, "RequestEntityTooLarge", "The rawContent must be smaller than 3.8 MB")
    lines = text.splitlines()[int(properties.get("numberOfLinesToSkip") or 0) :]
    if any(len(line) > _LONGEST_LINE for line in lines):
        raise bad_request(f"A line of rawContent has more than {_LONGEST_LINE} characters")
    between = "\t" if properties["contentType"] == "text/tsv" else ","
    header, *rows = [row for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=between) if row] or [[]]
    if properties["itemsSearchKey"] not in header:
        raise bad_request(f"The itemsSearchKey '{properties['itemsSearchKey']}' is no column of rawContent")
    if any(len(row) != len(header) for row in rows):
        raise bad_request("A line of rawContent has not as many values as there are columns")
    return [dict(zip(header, row, strict=True)) for row in rows]


def _written(call: Call, old: Document | None, properties: Document) -> Document:
    now = ticks(call.world.clock.now())
    kept = {name: value for name, value in properties.items() if name not in _CONTENT and value is not None}
    by = {"objectId": access.ANYBODY, "email": call.user, "name": call.user}
    return {
        "alias": old["alias"] if old else _alias(call),
        "id": old["id"] if old else call.path,
        "etag": documents.new_etag(),
        "created": old["created"] if old else now,
        "createdBy": old["createdBy"] if old else by,
        "updated": now,
        "updatedBy": by,
        "watchlistId": old["watchlistId"] if old else str(uuid.uuid4()),
        "properties": kept,
        "ready": old["ready"] if old else call.world.clock.now().timestamp(),
        "gone": None,
    }


def _shown(call: Call, kept: Document, version: str) -> Document:
    state = store.state(call.world, kept)
    told = {"provisioningState": state} if version >= _STATES_SINCE else {"uploadStatus": _upload(state)}
    return {
        "id": kept["id"],
        "name": kept["alias"],
        "etag": kept["etag"],
        "type": "Microsoft.SecurityInsights/Watchlists",
        "properties": {
            **kept["properties"],
            **{name: kept[name] for name in ("watchlistId", "created", "updated", "createdBy", "updatedBy")},
            "watchlistType": "watchlist",
            "watchlistAlias": kept["alias"],
            "isDeleted": False,
            "tenantId": customer_id(call.scope),
            **told,
        },
    }


def _upload(state: str) -> str:
    return "Complete" if state == "Succeeded" else "InProgress"


def _item(call: Call, kept: Document, one: Document) -> Document:
    by = {"objectId": access.ANYBODY, "email": one["by"], "name": one["by"]}
    return {
        "id": f"{kept['id']}/WatchlistItems/{one['id']}",
        "name": one["id"],
        "etag": one["etag"],
        "type": "Microsoft.SecurityInsights/Watchlists/WatchlistItems",
        "properties": {
            "watchlistItemType": "watchlist-item",
            "watchlistItemId": one["id"],
            "tenantId": customer_id(call.scope),
            "isDeleted": False,
            "created": one["at"],
            "updated": one["at"],
            "createdBy": by,
            "updatedBy": by,
            "itemsKeyValue": one["values"],
            "entityMapping": {},
        },
    }


def _page(
    call: Call, version: str, found: list[Document], show: Callable[[Document], Document] = lambda one: one
) -> Answer:
    size = int(call.world.setting("page_size"))
    token = call.argument("$skipToken") or "0"
    if not token.isdigit():
        raise bad_request("Invalid $skipToken")
    start = int(token)
    body: Document = {"value": [show(one) for one in found[start : start + size]]}
    if start + size < len(found):
        query = urlencode({"api-version": version, "$skipToken": start + size})
        body["nextLink"] = f"{call.origin}{call.path}?{query}"
    return Answer(body)


def _status_url(call: Call, version: str) -> str:
    return f"{call.origin}{call.path}/watchlistStatuses/{uuid.uuid4()}?{urlencode({'api-version': version})}"


ROUTES = (
    Route("GET", _LISTS, _list),
    Route("GET", _LIST, _read),
    Route("PUT", _LIST, _put),
    Route("DELETE", _LIST, _delete),
    Route("GET", _ITEMS, _list_items),
    Route("GET", f"{_ITEMS}/{{item}}", _read_item),
    Route("PUT", f"{_ITEMS}/{{item}}", _put_item),
    Route("DELETE", f"{_ITEMS}/{{item}}", _delete_item),
)
