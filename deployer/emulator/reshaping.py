"""Other ways to say the same: what a server, its user interface or a later version writes of the very same object.

`POST /_emulator/settings {"reshape": ["durations", "nulls"]}`: every document that is read is answered so, until
`{"reshape": []}`. What is stored does not change, and writes are answered as ever. Sources stand with each way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import TypeAlias

from deployer.emulator.arm.durations import duration
from deployer.emulator.calls import Document
from deployer.emulator.kibana import exception_shapes
from deployer.emulator.kibana import rule_documents
from deployer.emulator.kibana import rule_shapes

RULE, LIST, ITEM, VIEW, VALUE_LIST = "rule", "list", "item", "view", "value list"
ALERT_RULE = "alert rule"
Way: TypeAlias = Callable[[str, Document], Document]

_LATER = {"x_emulated": {"since": "a later version"}}
# Lists that are sets, wherever in a document they stand; the order of all others may mean something.
_SETS: Mapping[str, frozenset[str]] = {
    RULE: frozenset(
        "index tags references false_positives author threat_index machine_learning_job_id required_fields "
        "exceptions_list threat technique subtechnique".split()
    ),
    LIST: frozenset({"tags", "os_types"}),
    ITEM: frozenset({"tags", "os_types", "entries", "value"}),
    VIEW: frozenset(),
    VALUE_LIST: frozenset(),
    ALERT_RULE: frozenset(
        "tactics techniques subTechniques entityMappings fieldMappings sentinelEntitiesMappings "
        "alertDynamicProperties groupByEntities groupByAlertDetails groupByCustomDetails".split()
    ),
}
_TEXTS: Mapping[str, frozenset[str]] = {
    RULE: frozenset({"query", "threat_query", "description", "setup", "note"}),
    LIST: frozenset({"description"}),
    ITEM: frozenset({"description"}),
    VIEW: frozenset({"source"}),
    VALUE_LIST: frozenset({"description"}),
    ALERT_RULE: frozenset({"query", "description"}),
}
# Below these, names are not the platform's own.
_FREE = frozenset(
    "filters threat_filters meta params alerts_filter execution_summary rule_source customDetails fieldFormats "
    "fieldAttrs fields typeMeta systemData".split()
)
_DURATIONS = ("queryFrequency", "queryPeriod", "suppressionDuration", "lookbackDuration")
_UNSET: Mapping[str, Iterable[str]] = {
    LIST: exception_shapes.CREATE_LIST.optional,
    ITEM: exception_shapes.CREATE_ITEM.optional,
    VIEW: ("name", "sourceFilters", "fieldFormats", "fieldAttrs", "typeMeta", "allowNoIndex"),
    VALUE_LIST: ("meta", "serializer", "deserializer"),
    ALERT_RULE: (
        *("description", "alertRuleTemplateName", "templateVersion", "tactics", "techniques", "subTechniques"),
        *("entityMappings", "sentinelEntitiesMappings", "customDetails", "alertDetailsOverride"),
        *("eventGroupingSettings", "incidentConfiguration"),
    ),
}
_ALERT_DEFAULTS: Document = {
    "eventGroupingSettings": {"aggregationKind": "SingleAlert"},
    "incidentConfiguration": {
        "createIncident": True,
        "groupingConfiguration": {
            "enabled": False,
            "reopenClosedIncident": False,
            "lookbackDuration": "PT5H",
            "matchingMethod": "AllEntities",
            "groupByEntities": [],
            "groupByAlertDetails": None,
            "groupByCustomDetails": None,
        },
    },
}


def answer(ways: Iterable[str], kind: str, document: Document) -> Document:
    """The document, said in these ways. `document` is the resource itself, not the page that holds it."""
    for name in ways:
        document = WAYS[name](kind, document)
    return document


def page(ways: list[str], path: str, body: Any) -> Any:
    """The body of a read at this path of Kibana or ARM; what is no document of ours is left as it is."""
    kind = _kind(path)
    if not ways or kind is None or not isinstance(body, dict):
        return body
    for name in ("data", "value"):
        if isinstance(body.get(name), list):
            return {**body, name: [answer(ways, kind, document) for document in body[name]]}
    if kind == VIEW:
        return {**body, "data_view": answer(ways, kind, body["data_view"])} if "title" in body["data_view"] else body
    return answer(ways, kind, body)


def _kind(path: str) -> str | None:
    if "/alertrules" in path.lower():
        return ALERT_RULE
    by_path = {
        "/api/detection_engine/rules": RULE,
        "/api/exception_lists": LIST,
        "/api/exception_lists/items": ITEM,
        "/api/lists": VALUE_LIST,
    }
    if path.startswith("/api/data_views/data_view/") and "/runtime_field" not in path:
        return VIEW
    return by_path.get(path.removesuffix("/_find"))


def _sets(kind: str, document: Document) -> Document:
    """Tags keep the order in which they were sent, and nothing promises that of any other set."""

    def turned(name: str, value: Any) -> Any:
        return value[::-1] if name in _SETS[kind] and isinstance(value, list) else value

    return _each(document, turned)


def _keys(kind: str, document: Document) -> Document:
    """JSON objects have no order."""
    return {name: _backwards(document[name]) for name in reversed(document)}


def _backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _backwards(value[name]) for name in reversed(value)}
    return [_backwards(part) for part in value] if isinstance(value, list) else value


def _seconds(kind: str, document: Document) -> Document:
    """Kibana's form rewrites `from` into seconds; the Azure SDK writes hours, minutes and seconds, all of them."""
    if kind == RULE:
        return _respelled_kibana(document, "s", 1)

    def spelled(name: str, value: Any) -> Any:
        length = duration(value) if name in _DURATIONS else None
        if length is None:
            return value
        hours, rest = divmod(length.seconds, 3600)
        days = f"{length.days}D" if length.days else ""
        return f"P{days}T{hours:02d}H{rest // 60:02d}M{rest % 60:02d}S"

    return _each(document, spelled)


def _hours(kind: str, document: Document) -> Document:
    """PT24H for P1D, and P1DT0H for PT24H; 60m for 1h."""
    if kind == RULE:
        return _respelled_kibana(document, "m", 60)

    def spelled(name: str, value: Any) -> Any:
        length = duration(value) if name in _DURATIONS else None
        if length is None or length.seconds % 3600:
            return value
        hours = length.days * 24 + length.seconds // 3600
        return f"P{length.days}DT0H" if value == f"PT{hours}H" and not length.seconds else f"PT{hours}H"

    return _each(document, spelled)


def _respelled_kibana(rule: Document, unit: str, size: int) -> Document:
    changed = dict(rule)
    for name in ("interval", "from", "to"):
        found = re.fullmatch(r"(now-)?(\d+)([smhd])", str(rule[name]))
        length = int(found[2]) * rule_documents.UNITS[found[3]] if found else 0
        if found and length and length % size == 0:
            changed[name] = f"{found[1] or ''}{length // size}{unit}"
    return changed


def _newlines(kind: str, document: Document) -> Document:
    """Kibana's form appends a newline to the query when it saves (detection-rules issue 6081)."""
    return _texts(kind, document, lambda text: f"{text}\n")


def _line_ends(kind: str, document: Document) -> Document:
    """What was pasted from Windows."""
    return _texts(kind, document, lambda text: text.replace("\r\n", "\n").replace("\n", "\r\n"))


def _blanks(kind: str, document: Document) -> Document:
    """Blanks at the end of lines, which nobody sees."""
    return _texts(kind, document, lambda text: text.replace("\n", "  \n"))


def _texts(kind: str, document: Document, change: Callable[[str], str]) -> Document:
    def spelled(name: str, value: Any) -> Any:
        return change(value) if name in _TEXTS[kind] and isinstance(value, str) and value else value

    return _each(document, spelled)


def _meta(kind: str, document: Document) -> Document:
    """Kibana's form writes `meta` when it saves a rule (published document; a sample in detection-rules issue 3509)."""
    if kind in (VIEW, VALUE_LIST, ALERT_RULE):
        return document
    return {**document, "meta": {"from": "1m", "kibana_siem_app_url": "http://127.0.0.1/app/security"}}


def _nulls(kind: str, document: Document) -> Document:
    """Null for what is unset or empty: published examples and exports of ARM, the saved objects of Kibana."""
    if kind == ALERT_RULE:
        properties = {
            name: None if value == _ALERT_DEFAULTS.get(name) else value
            for name, value in document["properties"].items()
        }
        return {**document, "properties": _with_nulls(properties, _UNSET[kind])}
    names = rule_shapes.create_shape(document["type"]).optional if kind == RULE else _UNSET[kind]
    return _with_nulls(document, [name for name in names if name not in ("id", "enabled", "version")])


def _with_nulls(values: Document, names: Iterable[str]) -> Document:
    unset = {name: None for name in names if values.get(name) in (None, "", [], {}) or values.get(name) is False}
    return {**values, **unset}


def _defaults(kind: str, document: Document) -> Document:
    """What the user interface says although it is the default."""
    if kind == ALERT_RULE:
        given = {name: value for name, value in document["properties"].items() if value is not None}
        return {**document, "properties": {**document["properties"], **_ALERT_DEFAULTS, **given}}
    if kind != RULE:
        return document
    rule = {"note": "", "license": "", "setup": "", **document}
    # The form for alert suppression always names a strategy, the one for indicator matches (9.2) negation.
    if (suppression := rule.get("alert_suppression")) and "group_by" in suppression:
        rule["alert_suppression"] = {"missing_fields_strategy": "suppress", **suppression}
    if "threat_mapping" in rule:
        rule["threat_mapping"] = [
            {**part, "entries": [{"negate": False, **entry} for entry in part["entries"]]}
            for part in rule["threat_mapping"]
        ]
    return rule


def _unknown(kind: str, document: Document) -> Document:
    """What a later version of the platform may add, at any depth."""
    if kind == ALERT_RULE:
        return {**document, "properties": _with_more(document["properties"])}
    if kind == VIEW:
        fields = {name: {**field, **_LATER} for name, field in (document["runtimeFieldMap"] or {}).items()}
        return {**document, "runtimeFieldMap": fields, **_LATER}
    more: Document = _with_more(document)
    return more


def _with_more(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{name: part if name in _FREE else _with_more(part) for name, part in value.items()}, **_LATER}
    return [_with_more(part) for part in value] if isinstance(value, list) else value


def _moments(kind: str, document: Document) -> Document:
    """The same instant with an offset and without milliseconds."""

    def spelled(name: str, value: Any) -> Any:
        return value.replace(".000Z", "+00:00") if name == "expire_time" and isinstance(value, str) else value

    return _each(document, spelled)


def _ids(kind: str, document: Document) -> Document:
    """ARM's resource names ignore case, and not every part of Azure writes a uuid alike."""
    if kind != ALERT_RULE:
        return document
    name = document["name"].upper()
    return {**document, "name": name, "id": document["id"].rsplit("/", 1)[0] + "/" + name}


def _etags(kind: str, document: Document) -> Document:
    """The etag without its quotes."""
    return {**document, "etag": document["etag"].strip('"')} if kind == ALERT_RULE else document


def _each(document: Document, change: Callable[[str, Any], Any]) -> Document:
    """The document with every value changed, by the name under which it stands."""
    return {name: part if name in _FREE else _changed(name, part, change) for name, part in document.items()}


def _changed(name: str, value: Any, change: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, dict):
        return _each(value, change)
    if isinstance(value, list):
        value = [_changed("", part, change) for part in value]
    return change(name, value)


WAYS: Mapping[str, Way] = {
    "sets": _sets,
    "keys": _keys,
    "seconds": _seconds,
    "hours": _hours,
    "newlines": _newlines,
    "line ends": _line_ends,
    "blanks": _blanks,
    "meta": _meta,
    "nulls": _nulls,
    "defaults": _defaults,
    "unknown": _unknown,
    "moments": _moments,
    "ids": _ids,
    "etags": _etags,
}
