"""Exception items: the documents that they take away before anything is counted.

As Kibana builds its exception filter (`build_exception_filter.ts` of its lists plugin): the entries of an item all
hold, one item is enough, an item with `os_types` holds for these systems only. Kibana asks for the items whose
`expire_time` is later than now or absent.

An item with a value list that is not there, is not small, or is of a type that cannot be looked up is not applied at
all: the run goes on without it, and warns.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from typing import TypeAlias

from deployer.engines.kibana_conditions import Condition
from deployer.engines.kibana_dates import milliseconds
from deployer.engines.kibana_dates import span
from deployer.engines.rows import Row
from deployer.errors import NotRunnable

ValueLists: TypeAlias = "Mapping[str, Sequence[str]] | None"
"""What is in the value lists that there are, by id; None where that is not known."""
_LARGEST = 65_536  # MAXIMUM_SMALL_VALUE_LIST_SIZE
_MOST_DASHES = 200  # MAXIMUM_SMALL_IP_RANGE_VALUE_LIST_DASH_SIZE
_LOOKED_UP = ("keyword", "ip", "ip_range")


def exceptions_sql(
    items: Iterable[Row], condition: Condition, now: datetime, lists: ValueLists = None
) -> tuple[list[str], tuple[str, ...]]:
    """For each item that has not expired the condition on the documents that it takes away, and the warnings."""
    found: list[str] = []
    unapplied: list[str] = []
    for item in items:
        if expired(item, now):
            continue
        if _is_applied(item, lists):
            found.append(_item(item, condition, lists))
        else:
            unapplied.append(str(item.get("name")))
    if not unapplied:
        return found, ()
    return found, (f"The following exceptions won't be applied to rule execution: {', '.join(unapplied)}",)


def _is_applied(item: Row, lists: ValueLists) -> bool:
    """Whether Kibana applies the value lists of an item; one without any always is."""
    for entry in item.get("entries") or ():
        if entry.get("type") == "list":
            if lists is None:
                raise NotRunnable(f"{_name(item)}: an entry of type list, whose value list is not known here")
            values = lists.get(entry["list"]["id"])
            if values is None or len(values) > _LARGEST or entry["list"]["type"] not in _LOOKED_UP:
                return False
            if entry["list"]["type"] == "ip_range" and sum("-" in value for value in values) > _MOST_DASHES:
                return False
    return True


def expired(item: Row, now: datetime) -> bool:
    """Whether it stopped holding at or before `now`."""
    until = item.get("expire_time")
    if not until:
        return False
    found = span(str(until))
    if found is None:
        raise NotRunnable(f"{_name(item)}: its expire_time {until} is no date")
    return found[0] <= milliseconds(now)


def _item(item: Row, condition: Condition, lists: ValueLists) -> str:
    if not item.get("entries"):
        raise NotRunnable(f"{_name(item)}: it has no entries")
    found = " and ".join(_entry(entry, item, condition, lists) for entry in item["entries"])
    systems = list(item.get("os_types") or ())
    if not systems:
        return f"({found})"
    places = " or ".join(condition.any_phrase(field, systems) for field in ("host.os.type", "host.os.name.caseless"))
    return f"(({places}) and {found})"


def _entry(entry: Row, item: Row, condition: Condition, lists: ValueLists) -> str:
    if entry.get("type") == "nested":
        return _nested(entry, item, condition)
    found = _included(entry, item, condition, lists)
    match entry.get("operator", "included"):
        case "included":
            return found
        case "excluded":
            return f"not {found}"
        case other:
            raise NotRunnable(f"{_name(item)}: an entry with the operator {other}")


def _included(entry: Row, item: Row, condition: Condition, lists: ValueLists) -> str:
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
            return _listed(entry, condition, (lists or {})[entry["list"]["id"]])
        case other:
            raise NotRunnable(f"{_name(item)}: an entry of type {other}")


def _nested(entry: Row, item: Row, condition: Condition) -> str:
    """One object of a nested field for which all of its entries hold."""
    path = str(entry["field"])
    parts = [{**part, "field": f"{path}.{part['field']}"} for part in entry["entries"]]
    return condition.nested(path, lambda inner: " and ".join(_entry(part, item, inner, None) for part in parts))


def _listed(entry: Row, condition: Condition, values: Sequence[str]) -> str:
    """One of the values of a value list: of an `ip_range` list those with a dash by `range`, the rest by `terms`."""
    field = str(entry["field"])
    if entry["list"]["type"] != "ip_range":
        return condition.any_of(field, values)
    ends = [value.split("-", 1) for value in values if "-" in value]
    ranges = [condition.range(field, {"gte": first.strip(), "lte": last.strip()}) for first, last in ends]
    return f"({' or '.join([*ranges, condition.any_of(field, [value for value in values if '-' not in value])])})"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _name(item: Row) -> str:
    return f"the exception item {item.get('name') or item.get('item_id') or '(without a name)'}"
