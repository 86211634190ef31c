"""A tenant's free-form exceptions as exception items: one list for each rule that has any. Pure."""

import hashlib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from deployer.model import Exemption
from deployer.model import Rule
from deployer.providers.kibana import canonical
from deployer.providers.kibana.items import PREFIX
from deployer.providers.kibana.items import about
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource
from deployer.state import as_json

OWN = f"{PREFIX}exceptions-"
"""Before a rule's id, the id of its list. No category has a hyphen in its name."""


def guards(rule: Rule, exemptions: Sequence[Exemption]) -> tuple[Resource, ...]:
    """The rule's own exception list and its items; nothing where no exception is for it."""
    own = [one for one in exemptions if one.kibana and one.is_for(rule.id)]
    if not own:
        return ()
    found = _list(rule)
    # Of exceptions with the same conditions, the one that holds longest comes last and stays, whatever their order.
    items = {item.key: item for item in (_item(found.key, one) for one in sorted(own, key=_holds))}
    return (found, *(items[key] for key in sorted(items)))


def _list(rule: Rule) -> Resource:
    body = canonical.exception_list(
        {
            "name": f"deployer: exceptions of {rule.name}",
            "description": f"Exceptions of {rule.id} alone. Managed in Git: items added here by hand are kept.",
            "type": "detection",
        }
    )
    return Resource(Key(Kind.LIST, OWN + rule.live_id), body, name=body["name"], source=rule.location)


def _holds(one: Exemption) -> tuple[float, *tuple[str, ...]]:
    """How long it holds, and then what it says."""
    until = one.until.timestamp() if one.until else float("inf")
    return until, one.reason, one.owner, one.ticket or "", one.reviewed or "", one.expires or ""


def _item(list_key: Key, one: Exemption) -> Resource:
    entries = canonical.entries([_plain(condition) for condition in one.kibana])
    identity = hashlib.sha256(as_json(entries).encode()).hexdigest()[:12]
    until = one.until
    body = canonical.exception_item(
        {
            "name": " and ".join(_words(entries))[:200],
            "description": " ".join(about(one)),
            "type": "simple",
            "list_id": list_key.id,
            "entries": entries,
            "expire_time": until.isoformat() if until else None,
        }
    )
    key = Key(Kind.ITEM, f"{list_key.id}-{identity}")
    return Resource(key, body, name=body["name"], source=one.location, needs=(list_key,))


def _plain(condition: Mapping[str, Any]) -> dict[str, Any]:
    """The condition with its sets sorted, so that their order in Git means nothing."""
    found = dict(condition)
    if isinstance(found.get("value"), list):
        found["value"] = sorted(found["value"])
    if isinstance(found.get("entries"), list):
        found["entries"] = [{"operator": "included", **_plain(inner)} for inner in found["entries"]]
    return found


def _words(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for entry in entries:
        value = entry.get("value", "")
        what = ", ".join(value) if isinstance(value, list) else str(value)
        no = "not " if entry.get("operator") == "excluded" else ""
        yield f"{no}{entry['field']} {what or entry['type']}"
