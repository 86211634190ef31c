"""What the emulator remembers of a workspace's watchlists and their items, and when log queries see which.

One document for a list, one for all of its items: a list may have thousands.
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime

from deployer.emulator.calls import Document
from deployer.emulator.world import World

LISTS = "arm.watchlists"
_ITEMS = "arm.watchlist_items"
_READ = re.compile(r"""_GetWatchlist\s*\(\s*@?(["'])([^"']*)\1\s*\)""")


def found(world: World, scope: str, alias: str) -> Document | None:
    """A watchlist, also one that is being deleted; one whose deletion is over is gone."""
    kept = world.store.get(LISTS, scope, alias.lower())
    return None if kept is None or _is_past(world, kept["gone"]) else kept


def everything(world: World, scope: str) -> list[Document]:
    """Every watchlist in the order of creation."""
    return [one for one in world.store.all(LISTS, scope) if not _is_past(world, one["gone"])]


def keep(world: World, scope: str, alias: str, document: Document) -> None:
    """Create or replace a watchlist."""
    world.store.put(LISTS, scope, alias.lower(), document)


def state(world: World, document: Document) -> str:
    """Its provisioningState now."""
    if document["gone"] is not None:
        return "Deleting"
    return "Succeeded" if _is_past(world, document["ready"]) else "InProgress"


def items(world: World, scope: str, alias: str) -> list[Document]:
    """The items that ARM shows."""
    now = world.clock.now().timestamp()
    return [one for one in _all(world, scope, alias) if one["gone"] is None and one["listed"] <= now]


def add(world: World, scope: str, alias: str, rows: list[dict[str, str]], by: str, ready: datetime) -> None:
    """Append rows; one that is there already is not added again. ARM shows them at `ready`, log queries later."""
    kept = _all(world, scope, alias)
    known = {tuple(one["values"].items()) for one in kept if one["gone"] is None}
    seen = _seen(world, ready)
    for row in rows:
        if tuple(row.items()) not in known:
            known.add(tuple(row.items()))
            kept.append(_item(world, row, by, ready.timestamp(), seen))
    _keep(world, scope, alias, kept)


def put_item(world: World, scope: str, alias: str, id: str, row: dict[str, str], by: str) -> bool:
    """Create or replace one item; whether it was there."""
    kept = [one for one in _all(world, scope, alias) if one["id"] != id]
    there = any(one["id"] == id for one in items(world, scope, alias))
    now = world.clock.now()
    kept.append({**_item(world, row, by, now.timestamp(), _seen(world, now)), "id": id})
    _keep(world, scope, alias, kept)
    return there


def remove(world: World, scope: str, alias: str, id: str | None = None) -> bool:
    """Remove one item, or all; whether there was any. Log queries see it for a while."""
    now = world.clock.now()
    kept = _all(world, scope, alias)
    going = [one for one in kept if one["gone"] is None and id in (None, one["id"])]
    for one in going:
        one |= {"gone": now.timestamp(), "unseen": _seen(world, now)}
    _keep(world, scope, alias, [one for one in kept if not _is_past(world, one["unseen"])])
    return bool(going)


def rows(world: World, scope: str) -> dict[str, list[dict[str, str]]]:
    """What `_GetWatchlist` gives by alias; a list without any row is not there, as in a workspace."""
    shown: dict[str, list[dict[str, str]]] = {}
    now = world.clock.now().timestamp()
    for one in world.store.all(LISTS, scope):
        key = one["properties"]["itemsSearchKey"]
        seen = [
            {"SearchKey": item["values"].get(key, ""), **item["values"]}
            for item in _all(world, scope, one["alias"])
            if item["seen"] <= now and (item["unseen"] is None or item["unseen"] > now)
        ]
        if seen:
            shown[one["alias"]] = seen
    return shown


def unresolved(world: World, scope: str, query: str) -> str | None:
    """The first watchlist that a query reads and log queries do not see (Azure-Sentinel issues 12032, 8187)."""
    named = [match[2] for match in _READ.finditer(query)]
    there = rows(world, scope) if named else {}
    return next((alias for alias in named if alias not in there), None)


def _item(world: World, row: dict[str, str], by: str, listed: float, seen: float) -> Document:
    digits = uuid.uuid4().hex
    return {
        "id": str(uuid.UUID(digits)),
        "values": row,
        "etag": f'"{digits[:8]}-0000-0d00-0000-{digits[8:20]}"',
        "at": world.clock.now().isoformat(),
        "by": by,
        "listed": listed,
        "seen": seen,
        "gone": None,
        "unseen": None,
    }


def _seen(world: World, since: datetime) -> float:
    """When log queries see what has happened at that time."""
    return (since + world.seconds("watchlist_query_seconds")).timestamp()


def _all(world: World, scope: str, alias: str) -> list[Document]:
    kept = world.store.get(_ITEMS, scope, alias.lower()) or {"items": []}
    return list(kept["items"])


def _keep(world: World, scope: str, alias: str, kept: list[Document]) -> None:
    world.store.put(_ITEMS, scope, alias.lower(), {"items": kept})


def _is_past(world: World, moment: float | None) -> bool:
    return moment is not None and moment <= world.clock.now().timestamp()
