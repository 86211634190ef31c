"""What an entry is on its platform, read off the very objects that would be written."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from deployer.covering import covers
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Platform
from deployer.providers.kibana import items
from deployer.providers.sentinel.allowlist import side
from deployer.state import DesiredState
from deployer.state import Kind
from deployer.state import Resource

_KNOWN = (Kind.DATA_VIEW, Kind.LIST, Kind.ITEM, Kind.RULE)


def becomes(platform: Platform, category: Category, entry: Entry, desired: DesiredState) -> str:
    """The object that an entry becomes, or the part of one; `entry` is one of those that the target is to hold."""
    outside = next((one for one in desired.resources.values() if _keeps(one, category, entry)), None)
    if outside is not None and not entry.scoped and entry.until is None:
        return f"a value of the {outside.key.kind.replace('_', ' ')} {outside.key.id}"
    if platform is Platform.SENTINEL:
        if entry.scoped:
            return f"a clause of `{category.sentinel['scoped']}` in the query"
        return f"a value of `{category.sentinel[side(entry)]}` in the query"
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


def _keeps(one: Resource, category: Category, entry: Entry) -> bool:
    """Whether it is the category's list beside the rules and items and holds the entry's value, maybe in a range."""
    if one.key.kind in _KNOWN or one.key.id != items.PREFIX + category.name:
        return False
    values = one.body.get("values") or ()
    return entry.value in values or any(covers(replace(entry, value=value), entry, category) for value in values)
