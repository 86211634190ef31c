"""Between an allowlist entry and an exception item. Pure."""

import hashlib
import re
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

from deployer.model import Category
from deployer.model import Entry
from deployer.model import Exemption
from deployer.model import Json
from deployer.model import ValueKind
from deployer.providers.kibana import canonical
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource
from deployer.state import as_json

Document = dict[str, Any]

PREFIX = "deployer-"
"""Of the ids of the lists, items and data views that we make."""
VALUES = "-values"
"""At the end of the id of the item behind which a value list stands."""


def item(category: Category, entry: Entry) -> Resource:
    """One item per entry. Raises `ValueError` when the category names no field for something that the entry says."""
    identity = as_json([entry.value, sorted(entry.hosts), sorted(entry.processes), sorted(entry.ports)])
    own = f"{PREFIX}{category.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    name = " ".join([entry.value, *scope_words(entry)])
    conditions = [_condition(category, entry.kind.value, [entry.value]), *_scope(category, entry)]
    return _made(category, entry.item or own, name, " ".join(about(entry)), conditions, entry)


def of_many(category: Category, id: str, name: str, entries: Sequence[Entry]) -> Resource:
    """One item for entries that differ in nothing but their values. Raises `ValueError` as `item` does."""
    first = entries[0]
    value = {**_condition(category, first.kind.value, [first.value]), "type": "match_any"}
    value["value"] = sorted({entry.value for entry in entries})
    return _made(category, id, name, " ".join(about(first)), [value, *_scope(category, first)], first)


def of_value_list(category: Category, first: Entry) -> Resource:
    """The item behind which the category's value list stands: it has no other condition (Kibana's documentation)."""
    id = PREFIX + category.name
    value = {**_condition(category, ValueKind.IP.value, [""]), "type": "list", "list": {"id": id, "type": "ip_range"}}
    del value["value"]
    about_it = "Every address of the value list. Reason and owner of each are in Git."
    found = _made(category, f"{id}{VALUES}", f"Value list {id}", about_it, [value], replace(first, expires=None))
    return replace(found, needs=(*found.needs, Key(Kind.VALUE_LIST, id)), source=category.location, written=None)


def _made(
    category: Category, id: str, name: str, description: str, conditions: Sequence[Document], entry: Entry
) -> Resource:
    """An item of the category's list that holds as long as `entry` does."""
    list_key = Key(Kind.LIST, PREFIX + category.name)
    until = entry.until
    body = canonical.exception_item(
        {
            "name": name,
            "description": description,
            "type": "simple",
            "list_id": list_key.id,
            "entries": list(conditions),
            "expire_time": until.isoformat() if until else None,
        }
    )
    key, name = Key(Kind.ITEM, id), body["name"]
    return Resource(key, body, name=name, source=entry.location, written=entry.written, needs=(list_key,))


def entry_of(category: Category, found: Resource) -> dict[str, Json]:
    """What a tenant's file says for a live item: the same conditions, and what its description tells.

    Raises `ValueError`, which names what entries of the category cannot say.
    """
    body = found.body
    if body.get("type") != "simple":
        raise ValueError(f"items of type {body.get('type')} are none that an entry can say")
    if body.get("os_types"):
        raise ValueError("it is limited to operating systems, which an entry cannot say")
    said = _scopes(category, [_values(condition) for condition in body["entries"]])
    value = said.pop("value", [])
    if len(value) != 1:
        raise ValueError(f"it names {len(value) or 'no'} values for {_kinds(category)}, an entry names one")
    ports = sorted({_port(port) for port in said.pop("port", [])})
    if category.ports and not ports:
        raise ValueError(f"it holds on every port, and {category.name} counts on {', '.join(map(str, category.ports))}")
    scopes: dict[str, Json] = {_SCOPES[name]: values for name, values in said.items()}
    if ports and tuple(ports) != category.ports:
        scopes["ports"] = ports
    return {"value": value[0], **scopes, **_told(str(body.get("description", "")), body.get("expire_time"))}


_SCOPES = {"host": "hosts", "process": "processes"}
_TOLD = re.compile(
    r"(?P<reason>.*) Owner: (?P<owner>.*?)\."
    r"(?: Ticket: (?P<ticket>.*?)\.)?(?: Expires: .*?\.)?(?: Reviewed: (?P<reviewed>.*?)\.)?",
    re.DOTALL,
)
"""What `item` makes of an entry."""


def alike(one: Resource, other: Resource) -> bool:
    """Whether two items let the same through for as long; what they are called and why does not matter."""
    return _effect(one) == _effect(other)


def _effect(found: Resource) -> str:
    conditions = [
        {**condition, "type": "match_any", "value": [condition["value"]]}
        if condition.get("type") == "match"
        else condition
        for condition in found.body["entries"]
    ]
    others = {name: found.body.get(name) for name in ("type", "list_id", "expire_time", "os_types")}
    return as_json([sorted(map(as_json, conditions)), others])


def _values(condition: Document) -> tuple[str, list[str]]:
    """The field of a condition and the values that it lets through."""
    field, kind, value = str(condition.get("field")), condition.get("type"), condition.get("value")
    if condition.get("operator") != "included":
        raise ValueError(f"its condition on {field} excludes, which an entry cannot say")
    if kind not in ("match", "match_any"):
        raise ValueError(f"its condition on {field} is of type {kind}, which an entry cannot say")
    return field, [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _scopes(category: Category, conditions: Sequence[tuple[str, list[str]]]) -> dict[str, list[str]]:
    """The values by what they are of: `value`, host, process, port."""
    kinds = {category.kibana.get(kind.value) for kind in category.kinds}
    scopes = {category.kibana[name]: name for name in ("host", "process", "port") if name in category.kibana}
    found: dict[str, list[str]] = {}
    for field, values in conditions:
        name = "value" if field in kinds and "value" not in found else scopes.get(field)
        if name is None or name in found:
            known = ", ".join(sorted({*filter(None, kinds), *scopes}))
            raise ValueError(f"it has a condition on {field}; {category.name} binds {known}, each once")
        found[name] = values
    return found


def _port(text: str) -> int:
    if not text.isdigit():
        raise ValueError(f"{text!r} is no port")
    return int(text)


def _kinds(category: Category) -> str:
    return " or ".join(str(category.kibana.get(kind.value)) for kind in category.kinds)


def _told(description: str, expire_time: object) -> dict[str, Json]:
    """Reason, owner and the rest where the description is one that we wrote; else it is the reason, as it is."""
    told: dict[str, Json] = {}
    if match := _TOLD.fullmatch(description):
        told = {name: text for name, text in match.groupdict().items() if text}
    elif description:
        told = {"reason": " ".join(description.split())}
    if isinstance(expire_time, str):
        told["expires"] = _expires(datetime.fromisoformat(expire_time).astimezone(UTC))
    return told


def _expires(moment: datetime) -> str:
    """The last day, where it ends at midnight, else the instant."""
    if (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return (moment - timedelta(days=1)).date().isoformat()
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _scope(category: Category, entry: Entry) -> Iterator[Document]:
    for scope, values in (
        ("host", entry.hosts),
        ("process", entry.processes),
        ("port", tuple(map(str, entry.ports or category.ports))),
    ):
        if values:
            yield _condition(category, scope, values)


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


def scope_words(entry: Entry) -> Iterator[str]:
    """`on build-7`, `port 443`: what an entry is limited to."""
    for word, values in (("on", entry.hosts), ("by", entry.processes), ("port", tuple(map(str, entry.ports)))):
        if values:
            yield f"{word} {', '.join(sorted(values))}"


def about(entry: Entry | Exemption) -> Iterator[str]:
    """The sentences of an item's description: why it is there, and who answers for it."""
    yield entry.reason.strip()
    yield f"Owner: {entry.owner}."
    for word, value in (("Ticket", entry.ticket), ("Expires", entry.expires), ("Reviewed", entry.reviewed)):
        if value:
            yield f"{word}: {value}."
