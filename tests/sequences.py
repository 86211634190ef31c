"""EQL rules on the events of a case, by Elastic's own `eql` (AGPL: tests only), for the engines here run no EQL.

What it is not: Elasticsearch. Its strings are compared without their case, and a missing field is not `null` there
but an answer of no; so no case leans on either. Exceptions, filters and the time that a run looks at are applied
before, as Kibana does: by the engine here that does the same for other rules.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import eql

from deployer.engines import tables
from deployer.engines.kibana import Events
from deployer.engines.kibana import detect
from deployer.engines.rows import Row
from deployer.model import PlatformRule
from deployer.ruletests.compare import Found
from deployer.state import DesiredState
from deployer.state import Kind

_TICKS = 10_000_000
"""Of `eql`, in a second."""


def find(state: DesiredState, half: PlatformRule, rows: Mapping[str, Sequence[Row]], now: datetime) -> Found:
    """What the EQL rule in `state` finds in `rows` (by index) at `now`: one row a sequence.

    A row holds what all events of the sequence share, and the moments of its `first` and `last` event.
    """
    bodies = {kind: [each.body for each in state.resources.values() if each.key.kind is kind] for kind in Kind}
    [rule] = bodies[Kind.RULE]
    events = _read(rule, half, rows, now, bodies[Kind.ITEM])
    found: list[dict[str, Any]] = []
    engine = eql.PythonEngine()
    engine.add_query(parsed(str(rule["query"])))
    engine.add_output_hook(lambda result: found.append(_row([event.data for event in result.events])))
    engine.stream_events(events)
    return Found(found, ())


def parsed(query: str) -> Any:
    """The query, in the dialect that Elasticsearch takes."""
    with eql.parser.elasticsearch_syntax:
        return eql.parse_query(query)


def schema(dataset: str) -> eql.Schema:
    """The fields of a dataset as `eql` wants them, for every event category."""
    table = tables.kibana(dataset)
    assert table is not None
    fields: dict[str, Any] = {}
    # Where a field has fields beneath it (process.name and process.name.caseless), only these can be told.
    for name, type in sorted(table.columns.items(), reverse=True):
        *path, last = name.removeprefix("@").split(".")
        place = fields
        for part in path:
            place = place.setdefault(part, {})
        if last not in place:
            place[last] = "number" if type in ("long", "integer", "float") else "string"
    return eql.Schema({"network": fields})


def _read(
    rule: Row, half: PlatformRule, rows: Mapping[str, Sequence[Row]], now: datetime, items: Sequence[Row]
) -> list[Any]:
    """The events that an EQL search of the rule would look at, in its order, by category."""
    plain = {**rule, "type": "query", "language": "kuery", "query": "", "max_signals": 1_000_000}
    fields = {
        name: type for data in half.data if (table := tables.kibana(data)) for name, type in table.columns.items()
    }
    with Events(fields) as events:
        for index, documents in rows.items():
            events.load(index, documents)
        detected = detect(plain, events, now, items=items)
    assert not detected.warnings
    order = str(rule.get("tiebreaker_field", ""))
    documents = sorted(detected.alerts, key=lambda one: (one["@timestamp"], one.get(order, 0)))
    return [
        eql.Event(category, _time(document), _nested(document))
        for document in documents
        for category in _listed(document.get("event.category"))
    ]


def _row(events: Sequence[Row]) -> dict[str, Any]:
    flat = [_flat(event) for event in events]
    shared = {name: value for name, value in flat[0].items() if all(each.get(name) == value for each in flat)}
    moments = [each["@timestamp"] for each in flat]
    return {**shared, "first": min(moments), "last": max(moments)}


def _time(document: Row) -> int:
    return round(datetime.fromisoformat(document["@timestamp"]).timestamp() * _TICKS)


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _nested(document: Row) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in document.items():
        *path, last = name.split(".")
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return nested


def _flat(document: Row, before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in document.items():
        found |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return found
