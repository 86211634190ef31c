"""Exception items: the documents that they take away before anything is counted.

As Kibana builds its exception filter (`build_exception_filter.ts` of its lists plugin): the entries of an item all
hold, one item is enough, an item with `os_types` holds for these systems only. Kibana asks for the items whose
`expire_time` is later than now or absent.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from deployer.engines.kibana_conditions import Condition
from deployer.engines.kibana_dates import milliseconds
from deployer.engines.kibana_dates import span
from deployer.engines.rows import Row
from deployer.errors import NotRunnable


def exceptions_sql(items: Iterable[Row], condition: Condition, now: datetime) -> list[str]:
    """For each item that has not expired the condition on the documents that it takes away."""
    return [_item(item, condition) for item in items if not expired(item, now)]


def expired(item: Row, now: datetime) -> bool:
    """Whether it stopped holding at or before `now`."""
    until = item.get("expire_time")
    if not until:
        return False
    found = span(str(until))
    if found is None:
        raise NotRunnable(f"{_name(item)}: its expire_time {until} is no date")
    return found[0] <= milliseconds(now)


def _item(item: Row, condition: Condition) -> str:
    if not item.get("entries"):
        raise NotRunnable(f"{_name(item)}: it has no entries")
    found = " and ".join(_entry(entry, item, condition) for entry in item["entries"])
    systems = list(item.get("os_types") or ())
    if not systems:
        return f"({found})"
    places = " or ".join(condition.any_phrase(field, systems) for field in ("host.os.type", "host.os.name.caseless"))
    return f"(({places}) and {found})"


def _entry(entry: Row, item: Row, condition: Condition) -> str:
    if entry.get("type") == "nested":
        return _nested(entry, item, condition)
    found = _included(entry, item, condition)
    match entry.get("operator", "included"):
        case "included":
            return found
        case "excluded":
            return f"not {found}"
        case other:
            raise NotRunnable(f"{_name(item)}: an entry with the operator {other}")


def _included(entry: Row, item: Row, condition: Condition) -> str:
    field, value = str(entry["field"]), entry.get("value")
    match entry.get("type"):
        case "match":
            return condition.phrase(field, _text(value))
        case "match_any":
            return condition.any_phrase(field, [_text(each) for each in value or ()])
        case "exists":
            return condition.exists(field)
        case "wildcard":
            return condition.pattern(field, _text(value))
        case "list":
            raise NotRunnable(f"{_name(item)}: an entry of type list, whose value list is not known here")
        case other:
            raise NotRunnable(f"{_name(item)}: an entry of type {other}")


def _nested(entry: Row, item: Row, condition: Condition) -> str:
    """One object of a nested field for which all of its entries hold."""
    path = str(entry["field"])
    parts = [{**part, "field": f"{path}.{part['field']}"} for part in entry["entries"]]
    return condition.nested(path, lambda inner: " and ".join(_entry(part, item, inner) for part in parts))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _name(item: Row) -> str:
    return f"the exception item {item.get('name') or item.get('item_id') or '(without a name)'}"
