"""Exception items as filters of a rule: what a preview is given where the lists are not live yet, or hold otherwise.

Kibana itself puts the items of a rule's lists beside its filters, negated (`build_exception_filter.ts` of its lists
plugin), so that both take the same events away: the entries of an item all hold, one item is enough. Pure.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from typing import Any

Document = dict[str, Any]
Values = Callable[[str], Sequence[str] | None]
"""The values of a value list by its id; None where they are not known."""

_SYSTEMS = ("host.os.type", "host.os.name.caseless")
TAKING = frozenset({"query", "saved_query", "threshold", "eql", "threat_match", "new_terms"})
"""Types of rules that take filters."""


class Unsayable(Exception):
    """An item that no filter says exactly; the text names it and why."""


def filters(items: Iterable[Mapping[str, Any]], now: datetime, values: Values) -> list[Document]:
    """A filter for each item that has not expired, so that none of its events is left."""
    return [_filter(item, values) for item in items if not expired(item, now)]


def expired(item: Mapping[str, Any], now: datetime) -> bool:
    """Whether it stopped holding: Kibana asks for items whose `expire_time` is later than now, or absent."""
    until = item.get("expire_time")
    return bool(until) and datetime.fromisoformat(str(until)) <= now


def _filter(item: Mapping[str, Any], values: Values) -> Document:
    conditions = [_entry(entry, item, values) for entry in item.get("entries") or ()]
    if not conditions:
        raise Unsayable(f"{_name(item)} has no entries")
    if systems := list(item.get("os_types") or ()):
        places = [_phrase(field, system) for field in _SYSTEMS for system in systems]
        conditions.insert(0, _any(places))
    meta = {"negate": True, "disabled": False, "type": "custom", "alias": str(item.get("name") or item.get("item_id"))}
    return {"meta": meta, "query": {"bool": {"filter": conditions}}}


def _entry(entry: Mapping[str, Any], item: Mapping[str, Any], values: Values) -> Document:
    if entry.get("type") == "nested":
        return _nested(entry, item, values)
    found = _included(entry, item, values)
    match entry.get("operator", "included"):
        case "included":
            return found
        case "excluded":
            return {"bool": {"must_not": [found]}}
        case other:
            raise Unsayable(f"{_name(item)} has an entry with the operator {other}")


def _included(entry: Mapping[str, Any], item: Mapping[str, Any], values: Values) -> Document:
    field, value = str(entry["field"]), entry.get("value")
    match entry.get("type"):
        case "match":
            return _phrase(field, value)
        case "match_any":
            return _any([_phrase(field, one) for one in value or ()])
        case "exists":
            return {"exists": {"field": field}}
        case "wildcard":
            return {"wildcard": {field: {"value": value}}}
        case "list":
            return _listed(field, entry, item, values)
        case other:
            raise Unsayable(f"{_name(item)} has an entry of type {other}")


def _listed(field: str, entry: Mapping[str, Any], item: Mapping[str, Any], values: Values) -> Document:
    """A value list as its values: addresses and ranges are terms of a field of type ip (Elasticsearch, ip type)."""
    id = str((entry.get("list") or {}).get("id"))
    found = values(id)
    if found is None:
        raise Unsayable(f"{_name(item)} refers to the value list {id}, whose values are not in Git")
    return {"terms": {field: list(found)}}


def _nested(entry: Mapping[str, Any], item: Mapping[str, Any], values: Values) -> Document:
    """One object of a nested field for which all of its entries hold."""
    path = str(entry["field"])
    inner = [_entry({**one, "field": f"{path}.{one['field']}"}, item, values) for one in entry.get("entries") or ()]
    return {"nested": {"path": path, "query": {"bool": {"filter": inner}}, "score_mode": "none"}}


def _phrase(field: str, value: Any) -> Document:
    return {"match_phrase": {field: value}}


def _any(queries: Sequence[Document]) -> Document:
    return {"bool": {"should": list(queries), "minimum_should_match": 1}}


def _name(item: Mapping[str, Any]) -> str:
    return f"the exception item {item.get('name') or item.get('item_id') or '(without a name)'!r}"
