"""Between an allowlist entry and an exception item. Pure."""

import hashlib
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from deployer.model import Category
from deployer.model import Entry
from deployer.model import ValueKind
from deployer.providers.kibana import canonical
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource
from deployer.state import as_json

Document = dict[str, Any]

PREFIX = "deployer-"
"""Of the ids of the lists, items and data views that we make."""


def item(category: Category, entry: Entry) -> Resource:
    """One item per entry. Raises `ValueError` when the category names no field for something that the entry says."""
    entries = [_condition(category, entry.kind.value, [entry.value])]
    for scope, values in (
        ("host", entry.hosts),
        ("process", entry.processes),
        ("port", tuple(map(str, entry.ports or category.ports))),
    ):
        if values:
            entries.append(_condition(category, scope, values))
    identity = as_json([entry.value, sorted(entry.hosts), sorted(entry.processes), sorted(entry.ports)])
    key = Key(Kind.ITEM, f"{PREFIX}{category.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}")
    list_key = Key(Kind.LIST, PREFIX + category.name)
    until = entry.until
    body = canonical.exception_item(
        {
            "name": " ".join([entry.value, *_scope_words(entry)]),
            "description": " ".join(_about(entry)),
            "type": "simple",
            "list_id": list_key.id,
            "entries": entries,
            "expire_time": until.isoformat() if until else None,
        }
    )
    return Resource(key, body, name=body["name"], source=entry.location, needs=(list_key,))


def _condition(category: Category, what: str, values: Sequence[str]) -> Document:
    field = category.kibana.get(what)
    if not field:
        raise ValueError(
            f"category {category.name} names no Kibana field for {what!r}: "
            f"add `kibana: {{{what}: <field>}}` to it or drop the {what} from the entry"
        )
    if what == ValueKind.IP:
        return {"field": field, "operator": "included", "type": "match", "value": values[0]}
    return {"field": field, "operator": "included", "type": "match_any", "value": sorted(set(values))}


def _scope_words(entry: Entry) -> Iterator[str]:
    for word, values in (("on", entry.hosts), ("by", entry.processes), ("port", tuple(map(str, entry.ports)))):
        if values:
            yield f"{word} {', '.join(sorted(values))}"


def _about(entry: Entry) -> Iterator[str]:
    yield entry.reason.strip()
    yield f"Owner: {entry.owner}."
    for word, value in (("Ticket", entry.ticket), ("Expires", entry.expires), ("Reviewed", entry.reviewed)):
        if value:
            yield f"{word}: {value}."
