"""What an entry is on its platform, read off the very objects that would be written."""

from collections.abc import Iterator
from typing import Any

from deployer import covering
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Platform
from deployer.model import ValueKind
from deployer.providers.kibana import items
from deployer.providers.sentinel import watchlist
from deployer.providers.sentinel.allowlist import side
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource


def becomes(platform: Platform, category: Category, entry: Entry, desired: DesiredState) -> str:
    """The object that an entry becomes, or the part of one; `entry` is one of those that the target is to hold."""
    if platform is Platform.SENTINEL:
        return _in_query(category, entry, desired)
    key = Key(Kind.VALUE_LIST, items.PREFIX + category.name)
    if _keeps(desired.resources.get(key), entry):
        return f"a value of the value list {key.id}"
    found = list(_items(category, entry, desired))
    own = [one for one in found if one.source == entry.location] or found
    if not own:
        return "nothing that could be found"
    return f"the item {own[0].key.id} of the list {own[0].body['list_id']}"


def _items(category: Category, entry: Entry, desired: DesiredState) -> Iterator[Resource]:
    """The exception items that let the entry's value through."""
    made = items.item(category, entry).key
    if made in desired.resources:
        yield desired.resources[made]
    for one in desired.resources.values():
        mine = one.key.kind is Kind.ITEM and one.body.get("list_id") == items.PREFIX + category.name
        if mine and any(entry.value in _values(condition) for condition in one.body["entries"]):
            yield one


def _values(condition: dict[str, Any]) -> list[Any]:
    value = condition.get("value")
    return value if isinstance(value, list) else [value]


def _in_query(category: Category, entry: Entry, desired: DesiredState) -> str:
    if entry.scoped:
        return f"a clause of `{category.sentinel['scoped']}` in the query"
    said = f"a value of `{category.sentinel[side(entry)]}` in the query"
    key = Key(Kind.WATCHLIST, watchlist.alias(category.name))
    if _keeps(desired.resources.get(key), entry):
        return f"{said}, or of the watchlist {key.id} where that would be too long"
    return said


def _keeps(one: Resource | None, entry: Entry) -> bool:
    """Whether a list beside the rules and items holds the entry's value; ranges there may be wider ones of several."""
    if one is None or entry.scoped or entry.until or entry.kind is not ValueKind.IP:
        return False
    version, first, last = covering.span(entry.value)
    spans = map(covering.span, one.body["values"])
    return any(version == each[0] and each[1] <= first and last <= each[2] for each in spans)
