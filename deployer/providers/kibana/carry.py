"""What a live object of Kibana's holds that Git does not manage, and how it goes into the next write. Pure."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from deployer.answers import kept as kept_answers
from deployer.providers import shapes
from deployer.providers.kibana import canonical
from deployer.state import Resource
from deployer.state import as_json
from deployer.state import whole_mark

Document = dict[str, Any]


SPILLED = "deployer-value-list"
"""Tag of an exception list of ours that has or had a value list of the same name."""


def within_rule(document: Document) -> Document:
    """What a rule holds below its managed fields that we do not know."""
    return _present({name: _unknown(name, document[name]) for name in canonical.NESTED if name in document})


@kept_answers
def _unknown(name: str, value: Any) -> Any:
    """What one field of a rule holds that neither Git nor the server itself has put there."""
    shape, computed = canonical.NESTED[name], canonical.COMPUTED.get(name)
    known = [{**shape[0], **computed[0]}] if isinstance(shape, list) and isinstance(computed, list) else shape
    return shapes.unknown(known, value)


def restored(name: str, kept: Any, value: Any) -> Any:
    """A managed field of a rule as it is sent: with what the live one holds that we do not know."""

    def alike(live: Any, element: Any) -> bool:
        return as_json(canonical.rule({name: [live]}).get(name)) == as_json([element])

    return shapes.restored(canonical.NESTED.get(name), kept, value, alike)


def of_list(document: Document) -> Document:
    """Of an exception list."""
    return _carried(document, canonical.LIST, canonical.LIST_CARRIED, canonical.EXCEPTIONS_SERVER_OWNED)


def of_item(document: Document) -> Document:
    """Of an exception item."""
    return _carried(document, canonical.ITEM, canonical.ITEM_CARRIED, canonical.EXCEPTIONS_SERVER_OWNED)


def of_value_list(document: Document) -> Document:
    """Of a value list."""
    server_owned = canonical.VALUE_LISTS_SERVER_OWNED
    return _carried(document, canonical.VALUE_LIST, canonical.VALUE_LIST_CARRIED, server_owned)


def of_view(document: Document) -> Document:
    """Of a data view; how often its fields were looked at is nobody's wish (provider elasticstack issue 2964)."""
    labels = {
        name: {part: value for part, value in attributes.items() if part != "count"}
        for name, attributes in (document.get("fieldAttrs") or {}).items()
    }
    found = _carried(document, canonical.VIEW, canonical.VIEW_CARRIED, canonical.VIEW_SERVER_OWNED)
    return _present({**found, "fieldAttrs": _present(labels)})


def kept(live: Resource | None) -> Document:
    """What is carried over of a list or item, but for what is written in a way of its own."""
    special = ("tags", "comments", "entries")
    return {name: value for name, value in live.carried.items() if name not in special} if live else {}


def restored_entries(kept: Any, wanted: list[Document]) -> Any:
    """The entries of an item as they are sent."""
    return shapes.restored(canonical.ITEM["entries"], kept, wanted, _alike_entries)


def _alike_entries(live: Any, entry: Any) -> bool:
    return as_json(canonical.entries([live])) == as_json([entry])


def foreign_tags(live: Resource | None) -> list[str]:
    """The tags of a list or item that are no mark."""
    return list(live.carried.get("tags", ())) if live else []


def _carried(
    document: Document, managed: Mapping[str, shapes.Shape], carried: Iterable[str], server_owned: frozenset[str]
) -> Document:
    """What a list, an item or a data view holds that Git does not manage, what we do not know included."""
    unknown = document.keys() - managed.keys() - set(carried) - server_owned
    found = {name: document.get(name) for name in (*carried, *sorted(unknown))}
    found |= {name: shapes.unknown(shape, document.get(name)) for name, shape in managed.items() if shape}
    found["tags"] = [tag for tag in document.get("tags") or [] if not whole_mark(tag) and tag != SPILLED]
    return _present(found)


def _present(found: Document) -> Document:
    return {name: value for name, value in found.items() if value not in (None, [], {}, "")}
