"""What a threshold rule remembers of its alerts, so that events are not counted twice.

Source: security_solution threshold/utils.ts and get_threshold_bucket_filters.ts. Per combination of group-by values the
time of the last event that was alerted on; forgotten once it lies before the window. It belongs to the rule's saved
object, so that a rule that is deleted and made anew starts with none.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from typing import TypeAlias

from deployer.emulator.calls import Document
from deployer.emulator.conditions import moment
from deployer.emulator.world import World

History: TypeAlias = dict[tuple[str, ...], datetime]
_COLLECTION = "kibana.threshold_history"


def recall(world: World, space: str, rule: Document) -> History:
    """What the rule remembers, as long as it groups by the same fields."""
    kept = world.store.get(_COLLECTION, space, rule["id"])
    if kept is None or kept["fields"] != _fields(rule):
        return {}
    return {tuple(entry["values"]): datetime.fromisoformat(entry["last"]) for entry in kept["entries"]}


def remember(world: World, space: str, rule: Document, history: Mapping[tuple[str, ...], datetime]) -> None:
    """Keep it for the next run."""
    entries = [{"values": list(values), "last": last.isoformat()} for values, last in history.items()]
    world.store.put(_COLLECTION, space, rule["id"], {"fields": _fields(rule), "entries": entries})


def extended(rule: Document, history: History, alerts: Iterable[Document], now: datetime) -> History:
    """The history after a run: what lies before the run's window is gone, what was alerted on is there."""
    from deployer.engines.kibana_dates import resolve

    if rule["type"] != "threshold":
        return {}
    window_start = resolve(rule["from"], now)
    valid = {values: last for values, last in history.items() if last > window_start}
    for alert in alerts:
        last = moment(alert["last"])
        if last is not None:
            valid[tuple(_term(alert[field]) for field in _fields(rule))] = last
    return valid


def _term(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fields(rule: Document) -> list[str]:
    return list(rule["threshold"]["field"]) if rule["type"] == "threshold" else []
