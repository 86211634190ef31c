"""The canonical form of an analytics rule: ARM's property names, flat, with defaults filled in, in one spelling.

Sources: the AlertRules swagger 2024-03-01 and 2025-10-01-preview, and what create-analytics-rules says of defaults.
`canonical(canonical(x)) == canonical(x)`; null, absent and [] are one thing.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from deployer.answers import kept
from deployer.providers import shapes
from deployer.providers.shapes import Shape
from deployer.state import MARK_PATTERN
from deployer.state import as_json

Document = dict[str, Any]

PLAIN = frozenset(
    "kind displayName description severity enabled triggerOperator triggerThreshold suppressionEnabled "
    "customDetails".split()
)
DURATIONS = frozenset({"queryFrequency", "queryPeriod", "suppressionDuration"})
SETS = frozenset({"tactics", "techniques", "subTechniques"})
MANAGED = (
    PLAIN
    | DURATIONS
    | SETS
    | {"query", "eventGroupingSettings", "entityMappings", "sentinelEntitiesMappings", "alertDetailsOverride"}
    | {"incidentConfiguration"}
)
_IN_ORDER = tuple(sorted(MANAGED))
CARRIED = frozenset({"alertRuleTemplateName", "templateVersion"})
"""Which template a rule was made from is not Git's to say: a rule that names one shows "update available"."""
SERVER_OWNED = frozenset({"lastModifiedUtc", "provisioningState"})
_KNOWN = MANAGED | SERVER_OWNED
RESOURCE = frozenset({"id", "name", "type", "kind", "etag", "systemData", "properties"})
"""Of the ARM resource around the properties: its kind is managed, the rest is the server's."""
DEFAULTS: Mapping[str, Any] = {
    "suppressionEnabled": False,
    "suppressionDuration": "PT5H",
    "eventGroupingSettings": {"aggregationKind": "SingleAlert"},
    "incidentConfiguration": {"createIncident": True},
}
_GROUPING_DEFAULTS: Mapping[str, Any] = {
    "reopenClosedIncident": False,
    "lookbackDuration": "PT5H",
    "matchingMethod": "AllEntities",
}
_GROUPING: Shape = dict.fromkeys(
    "enabled reopenClosedIncident lookbackDuration matchingMethod groupByEntities groupByAlertDetails "
    "groupByCustomDetails".split()
)
_OVERRIDE = "alertDisplayNameFormat alertDescriptionFormat alertTacticsColumnName alertSeverityColumnName".split()
NESTED: Mapping[str, Shape] = {
    "customDetails": {"*": None},
    "eventGroupingSettings": {"aggregationKind": None},
    "entityMappings": [{"entityType": None, "fieldMappings": [{"identifier": None, "columnName": None}]}],
    "sentinelEntitiesMappings": [{"columnName": None}],
    "incidentConfiguration": {"createIncident": None, "groupingConfiguration": _GROUPING},
    "alertDetailsOverride": {
        **dict.fromkeys(_OVERRIDE),
        "alertDynamicProperties": [{"alertProperty": None, "value": None}],
    },
}
"""What is known below a property; a property that is not here is one value (2025-10-01-preview)."""
_ISO = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.0+)?S)?)?")


def rule(properties: Mapping[str, Any]) -> Document:
    """The canonical body of an analytics rule: its `kind` and its managed properties. `query` may hold a mark line."""
    filled = {**DEFAULTS, **{name: value for name, value in properties.items() if value is not None}}
    body: Document = {}
    for name in _IN_ORDER:
        if name in filled:
            value = _property(name, filled[name])
            if value not in (None, "", [], {}) or isinstance(value, bool):
                body[name] = value
    return body


def with_query(body: Mapping[str, Any], query: str) -> Document:
    """The canonical body of a rule that has one without a query, with this query."""
    written = unmarked(query)
    return dict(sorted({**body, "query": written}.items())) if written else dict(body)


def unknown(properties: Mapping[str, Any]) -> Document:
    """What a live rule holds that we do not know, at any depth: it is sent back."""
    found = {name: value for name, value in properties.items() if name not in _KNOWN}
    found |= {name: _unknown(name, properties[name]) for name in NESTED if name in properties}
    grouping = (properties.get("incidentConfiguration") or {}).get("groupingConfiguration")
    if not isinstance(grouping, Mapping) or not grouping.get("enabled"):
        # Without grouping there is none in the canonical body either, and a part of one would be refused.
        incident = found.get("incidentConfiguration") or {}
        found["incidentConfiguration"] = {
            name: part for name, part in incident.items() if name != "groupingConfiguration"
        }
    return {name: value for name, value in sorted(found.items()) if value not in (None, [], {}, "")}


def restored(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> Document:
    """The properties as they are sent: what is wanted, and what `unknown` kept of the live rule."""
    lists = {name for name, shape in NESTED.items() if isinstance(shape, list)}
    body = {name: value for name, value in kept.items() if name not in lists and name not in wanted}
    return {**body, **{name: _restored(name, kept.get(name), value) for name, value in wanted.items()}}


def unmarked(query: str) -> str:
    """A query without our comment line at its head."""
    lines = text(query).split("\n")
    while lines and lines[0].startswith("//") and MARK_PATTERN.search(lines[0]):
        del lines[0]
    return "\n".join(lines).strip()


def text(value: str) -> str:
    """Line ends and trailing blanks mean nothing."""
    return "\n".join([line.rstrip() for line in value.replace("\r\n", "\n").split("\n")]).strip()


def duration(value: str) -> str:
    """An ISO 8601 duration in one spelling: the SDK and the portal write P1D, PT24H and PT24H00M00S for one day."""
    seconds = duration_seconds(value)
    if seconds is None:
        return value
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    clock = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if number)
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "") if seconds else "PT0S"


@lru_cache(maxsize=1024)
def duration_seconds(value: str) -> int | None:
    """Whole seconds of an ISO 8601 duration without months; None if it is not one."""
    match = _ISO.fullmatch(value)
    if not match or value in ("P", "PT") or value.endswith("T"):
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((weeks * 7 + days) * 24 + hours) * 3600 + minutes * 60 + seconds


def _restored(name: str, kept: Any, value: Any) -> Any:
    def alike(live: Any, element: Any) -> bool:
        return as_json(_PROPERTIES[name](shapes.known(NESTED[name], [live]))) == as_json([element])

    return shapes.restored(NESTED.get(name), kept, value, alike)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return dict(value)
    return value


def _entities(mappings: list[Mapping[str, Any]]) -> list[Document]:
    return sorted((_entity(mapping) for mapping in mappings), key=as_json)


def _entity(mapping: Mapping[str, Any]) -> Document:
    fields = [
        {"identifier": field["identifier"], "columnName": field["columnName"]}
        for field in mapping.get("fieldMappings") or []
    ]
    return {"entityType": mapping.get("entityType"), "fieldMappings": sorted(fields, key=as_json)}


def _override(value: Mapping[str, Any]) -> Document:
    body = {name: part for name, part in value.items() if part not in (None, "", [])}
    if "alertDynamicProperties" in body:
        body["alertDynamicProperties"] = sorted((dict(part) for part in body["alertDynamicProperties"]), key=as_json)
    return body


def _incident(value: Mapping[str, Any]) -> Document:
    body: Document = {"createIncident": value.get("createIncident") is not False}
    grouping = value.get("groupingConfiguration") or {}
    if grouping.get("enabled"):
        given = {name: part for name, part in grouping.items() if part not in (None, [])}
        filled = {**_GROUPING_DEFAULTS, **given}
        filled["lookbackDuration"] = duration(filled["lookbackDuration"])
        body["groupingConfiguration"] = {
            name: sorted(part) if isinstance(part, list | tuple) else part for name, part in sorted(filled.items())
        }
    return body


_PROPERTIES: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(DURATIONS, duration),
    **dict.fromkeys(SETS, lambda values: sorted(set(values))),
    "query": unmarked,
    "entityMappings": _entities,
    "sentinelEntitiesMappings": lambda values: sorted((dict(value) for value in values), key=as_json),
    "alertDetailsOverride": _override,
    "eventGroupingSettings": lambda value: {"aggregationKind": value.get("aggregationKind") or "SingleAlert"},
    "incidentConfiguration": _incident,
}


@kept
def _property(name: str, value: Any) -> Any:
    """One property in its canonical form."""
    return _PROPERTIES.get(name, _plain)(shapes.known(NESTED.get(name), value))


@kept
def _unknown(name: str, value: Any) -> Any:
    """What one property holds that we do not know."""
    return shapes.unknown(NESTED[name], value)
