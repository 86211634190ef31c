"""A deployed detection rule on the events of a case, with the data view and the exception items that go with it.

Needs the extra `local`.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from deployer.engines import tables
from deployer.engines.kibana import Events
from deployer.engines.kibana import detect
from deployer.engines.kibana_indices import select
from deployer.engines.rows import Row
from deployer.errors import BadEvents
from deployer.errors import NotRunnable
from deployer.manifest.events import columns
from deployer.model import Platform
from deployer.model import PlatformRule
from deployer.ruletests.compare import Found
from deployer.state import DesiredState
from deployer.state import Kind


def find(state: DesiredState, half: PlatformRule, rows: Mapping[str, Sequence[Row]], now: datetime) -> Found:
    """What the rule in `state` finds in `rows` (by index) at `now`. Raises `NotRunnable`, `BadQuery`, `BadEvents`."""
    [rule] = _bodies(state, Kind.RULE)
    views = _bodies(state, Kind.DATA_VIEW)
    with Events(_fields(half, rows)) as events:
        for index, documents in rows.items():
            events.load(index, documents)
        view = views[0] if views else None
        items = _bodies(state, Kind.ITEM)
        detected = detect(rule, events, now, data_view=view, items=items, value_lists=_value_lists(state, items))
    patterns = [str(view["title"])] if view else [str(pattern) for pattern in rule.get("index") or ()]
    if rows and not select(patterns, rows):
        # "Nothing was found" would be true of any rule.
        raise BadEvents(f"none lies in an index that the rule reads ({', '.join(patterns)}): {', '.join(sorted(rows))}")
    alerts = tuple(map(_plain, detected.alerts))
    return Found(alerts, tuple(dict.fromkeys(name for alert in alerts for name in alert)), detected.warnings)


def _value_lists(state: DesiredState, items: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[str]] | None:
    """What is in the value lists; None if an item refers to one that Git does not have: nobody here knows it."""
    found = {key.id: one.body["values"] for key, one in state.resources.items() if key.kind is Kind.VALUE_LIST}
    asked = {entry["list"]["id"] for item in items for entry in item["entries"] if entry.get("type") == "list"}
    return found if asked <= found.keys() else None


def _fields(half: PlatformRule, rows: Mapping[str, Sequence[Row]]) -> dict[str, str]:
    """The fields, with their types, of everything that the rule reads and of everything that happened."""
    found: dict[str, str] = {}
    for name in half.data:
        dataset = tables.kibana(name)
        if dataset is None:
            raise NotRunnable(f"the fields of {name} are not known here (deployer/engines/tables)")
        found |= dataset.columns
    for index in rows:
        found |= columns(Platform.KIBANA, half, index) or {}
    return found


def _plain(alert: Mapping[str, Any]) -> Row:
    """Elasticsearch keeps no difference between a value and a list of one."""
    return {
        name: value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
        for name, value in alert.items()
    }


def _bodies(state: DesiredState, kind: Kind) -> list[Mapping[str, Any]]:
    return [resource.body for resource in state.resources.values() if resource.key.kind is kind]
