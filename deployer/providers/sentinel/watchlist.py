"""Watchlists that hold what does not fit into a query: how a query reads one, and both ways between it and ARM. Pure.

Facts: learn.microsoft.com/azure/sentinel/watchlists, watchlists-create, watchlists-manage, sentinel-service-limits;
Watchlists.json of Microsoft.SecurityInsights. A PUT with content adds items and drops repeated ones, it never removes.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from typing import Any
from typing import NamedTuple

from deployer import queries
from deployer.covering import span
from deployer.queries import string
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Mark
from deployer.state import Resource
from deployer.state import choose_mark
from deployer.state import find_marks

Document = dict[str, Any]

PREFIX = "deployer-"
COLUMN = "Address"
"""Of the one column. Not SearchKey: `_GetWatchlist` unpacks the columns beside its own one of that name."""
LARGEST = 1_000_000
"""Bytes of one family's addresses: a dynamic value takes 2^20 (learn.microsoft.com/kusto/query/scalar-data-types)."""
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_ -]{1,62}[A-Za-z0-9]")
"""3 to 64 characters, the first and the last a letter or a digit (watchlists-create)."""
_READ = re.compile(r"""_GetWatchlist\s*\(\s*@?(["'])(deployer-[^"']*)\1\s*\)""")
_FAMILY = {"ipv4": "!contains", "ipv6": "contains"}
_PROVIDER = "deployer"
_OURS = frozenset({"displayName", "description", "provider", "itemsSearchKey", "source", "sourceType"})
_SERVERS = frozenset(
    "watchlistId created updated createdBy updatedBy watchlistType watchlistAlias isDeleted tenantId uploadStatus "
    "provisioningState rawContent contentType numberOfLinesToSkip sasUri watchlistCategory".split()
)


class Item(NamedTuple):
    """One row of a live watchlist."""

    id: str
    value: str
    by: str | None = None
    at: datetime | None = None


def alias(category: str) -> str:
    """The alias, and the name, of a category's watchlist."""
    return PREFIX + category


def is_alias(category: str) -> bool:
    """Whether Sentinel takes the alias that the category's watchlist would have."""
    return _ALIAS.fullmatch(alias(category)) is not None


def read(alias: str, side: str) -> str:
    """KQL for one family of a watchlist's addresses as an array; empty where the list is, or is not there."""
    kept = f'where SearchKey {_FAMILY[side]} ":"'
    rows = f"_GetWatchlist({string(alias)}) | {kept} | summarize make_list(SearchKey)"
    return f"coalesce(toscalar({rows}), dynamic([]))"


def content(alias: str) -> str:
    """KQL for all addresses that log queries see in a watchlist."""
    return f"_GetWatchlist({string(alias)}) | distinct SearchKey"


def aliases(query: str) -> tuple[str, ...]:
    """The watchlists of ours that a query reads, sorted."""
    return tuple(sorted({match[2] for match in _READ.finditer(query)}))


def reads_others(query: str) -> bool:
    """Whether a query reads watchlists that are none of ours, or may."""
    calls = re.finditer(r"\b_GetWatchlist\b", queries.code(query))
    return any(_READ.match(query, call.start()) is None for call in calls)


def mentions(query: object, alias: str) -> bool:
    """Whether a query, of whoever it is, may read the watchlist: its alias stands somewhere in it."""
    return alias.lower() in str(query or "").lower()


def needs(query: object) -> tuple[Key, ...]:
    """The watchlists of ours that a rule with this query stands on."""
    return tuple(Key(Kind.WATCHLIST, one) for one in aliases(str(query or "")))


def inlined(query: str, desired: DesiredState) -> str:
    """The query with the contents of wanted watchlists in it: for a run that is not to depend on what is live."""

    def table(match: re.Match[str]) -> str:
        found = desired.resources.get(Key(Kind.WATCHLIST, match[2]))
        if found is None:
            return match.group()
        return f"datatable(SearchKey: string)[{', '.join(string(value) for value in found.body['values'])}]"

    return _READ.sub(table, query)


def rows(desired: DesiredState) -> dict[str, list[dict[str, str]]]:
    """The items of every wanted watchlist by its alias, as `_GetWatchlist` gives them out."""
    lists = [one for one in desired.resources.values() if one.key.kind is Kind.WATCHLIST]
    return {one.key.id: [{"SearchKey": value, COLUMN: value} for value in one.body["values"]] for one in lists}


def too_large(values: Iterable[str]) -> int | None:
    """The bytes of the larger family, where they are more than a query can read at once."""
    texts = [len(json.dumps(value)) + 1 for value in values if ":" in value]
    others = [len(json.dumps(value)) + 1 for value in values if ":" not in value]
    size = max(sum(texts), sum(others))
    return size if size > LARGEST else None


def body(category: str, title: str, values: Iterable[str]) -> Document:
    """The canonical body of a category's watchlist."""
    said = f"{title}: addresses that rules let through. Managed in Git: edit them there, changes made here are undone."
    return {"name": alias(category), "description": said, "values": sorted(values)}


def is_gone(document: Document) -> bool:
    """Whether it is there no more, or about to be: Azure takes its time to delete."""
    properties = document.get("properties") or {}
    return properties.get("isDeleted") is True or str(properties.get("provisioningState")).lower() == "deleting"


def state(document: Document) -> str:
    """new, inprogress, uploading, succeeded, failed or canceled; older versions of the API know uploadStatus only."""
    properties = document.get("properties") or {}
    found = str(properties.get("provisioningState") or properties.get("uploadStatus") or "Succeeded").lower()
    return "succeeded" if found == "complete" else found


def item(document: Document) -> Item:
    """A row of a watchlist; one that has no address, but other columns, is the text of them all."""
    properties = document["properties"]
    values = dict(properties["itemsKeyValue"])
    own = values.keys() == {COLUMN} and isinstance(values[COLUMN], str)
    name = document.get("name") or properties.get("watchlistItemId") or str(document["id"]).rsplit("/", 1)[-1]
    value = values[COLUMN] if own else json.dumps(values, sort_keys=True)
    return Item(str(name), value, _editor(properties), _moment(properties.get("updated")))


def name_of(document: Document) -> str:
    """The alias of a live watchlist."""
    return str((document.get("properties") or {}).get("watchlistAlias") or document["name"])


def decode(document: Document, items: Sequence[Item], desired: DesiredState) -> Resource:
    """A live watchlist with its items."""
    properties = document["properties"]
    key = Key(Kind.WATCHLIST, name_of(document))
    description = str(properties.get("description") or "")
    marks = find_marks(description)
    for mark in marks:
        description = description.replace(f"({mark})", "").replace(str(mark), "")
    name = str(properties["displayName"])
    edited_by, edited_at = _edit(properties, items)
    kept = {name: value for name, value in properties.items() if name not in _OURS | _SERVERS}
    return Resource(
        key,
        {"name": name, "description": description.strip(), "values": sorted(one.value for one in items)},
        name=name,
        version=document.get("etag"),
        mark=choose_mark(marks, desired.owner, desired.environment, key),
        edited_by=edited_by,
        edited_at=edited_at,
        carried={name: value for name, value in sorted(kept.items()) if value not in (None, [], {}, "")},
        observed={"state": state(document)},
    )


def document(wanted: Resource, mark: Mark | None, live: Resource | None, added: Sequence[str]) -> Document:
    """The body of a PUT that adds these addresses. No mark is written for `mark` None."""
    description = str(wanted.body["description"])
    properties: Document = {
        **(live or wanted).carried,
        "displayName": wanted.body["name"],
        "description": f"{description} ({mark})" if mark else description,
        "provider": _PROVIDER,
        "source": "deployer.csv",
        "sourceType": "Local",
        "itemsSearchKey": COLUMN,
    }
    if added:
        # Without content, only what stands above changes.
        lines = "\n".join([COLUMN, *added])
        properties |= {"rawContent": f"{lines}\n", "contentType": "text/csv", "numberOfLinesToSkip": 0}
    return {"properties": properties}


def overlapping(values: Iterable[str], others: Iterable[str]) -> frozenset[str]:
    """The values that have addresses in common with one of the others, of which no two have any; a row of another form
    has none."""
    spans = sorted(map(span, others))

    def overlaps(value: str) -> bool:
        try:
            version, first, last = span(value)
        except ValueError:
            return False
        position = bisect_right(spans, (version, last, 1 << 129)) - 1
        return position >= 0 and spans[position][0] == version and first <= spans[position][2]

    return frozenset(filter(overlaps, values))


def search_key(document: Mapping[str, Any]) -> str:
    """The column that `SearchKey` is."""
    return str((document.get("properties") or {}).get("itemsSearchKey"))


def _editor(properties: Mapping[str, Any]) -> str | None:
    by = properties.get("updatedBy") or {}
    return by.get("email") or by.get("name") or by.get("objectId")


def _edit(properties: Mapping[str, Any], items: Iterable[Item]) -> tuple[str | None, datetime | None]:
    """Who edited a row last, but for whoever wrote the list last: that may have been us. A deletion leaves no trace."""
    writer = _editor(properties)
    found = [(one.at, one.by) for one in items if one.by and one.at and one.by != writer]
    at, by = max(found, default=(None, None))
    return by, at


def _moment(text: object) -> datetime | None:
    """Azure writes seven digits after the second."""
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
