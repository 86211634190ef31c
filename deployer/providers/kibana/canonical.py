"""The canonical form of Kibana's objects: what Git manages, with the server's defaults filled in, in one spelling.

Defaults and normalisation: security_solution `apply_rule_defaults.ts` and the OpenAPI description of 8.18 and 9.3.
`canonical(canonical(x)) == canonical(x)`; null, absent and [] are one thing.
"""

import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_network
from typing import Any

from deployer.answers import kept
from deployer.providers.shapes import Shape
from deployer.providers.shapes import known
from deployer.state import MARK_PATTERN
from deployer.state import Key
from deployer.state import Kind
from deployer.state import as_json

Document = dict[str, Any]

CARRIED = ("actions", "response_actions", "timeline_id", "timeline_title", "meta", "note")
"""Rule fields that belong to the people who use the space; sent back as they are unless the rule declares them."""
SERVER_OWNED = frozenset(
    "id immutable rule_source rule_id revision version created_at created_by updated_at updated_by execution_summary "
    "outcome alias_target_id alias_purpose throttle".split()
)
DEFAULTS: Mapping[str, Any] = {
    "interval": "5m",
    "from": "now-6m",
    "to": "now",
    "max_signals": 100,
}
SETS = frozenset(
    {"index", "tags", "references", "false_positives", "author", "threat_index", "machine_learning_job_id"}
)
"""Lists whose order means nothing."""
ORDERED = frozenset(
    {"filters", "severity_mapping", "risk_score_mapping", "related_integrations", "threat_mapping", "threat_filters"}
)
PLAIN = frozenset(
    "name description severity risk_score enabled type language query data_view_id max_signals license setup "
    "timestamp_override timestamp_override_fallback_disabled rule_name_override building_block_type output_index "
    "namespace saved_id alert_suppression investigation_fields event_category_override tiebreaker_field "
    "timestamp_field new_terms_fields history_window_start anomaly_threshold "
    "threat_query threat_language threat_indicator_path concurrent_searches items_per_search".split()
)
MANAGED = (
    PLAIN | SETS | ORDERED | {"interval", "from", "to", "threat", "threshold", "required_fields", "exceptions_list"}
)
_IN_ORDER = tuple(sorted(MANAGED))
_ATTACK: Shape = {"id": None, "name": None, "reference": None}
NESTED: Mapping[str, Shape] = {
    "threshold": {"field": None, "value": None, "cardinality": [{"field": None, "value": None}]},
    "alert_suppression": {
        "group_by": None,
        "duration": {"value": None, "unit": None},
        "missing_fields_strategy": None,
    },
    "investigation_fields": {"field_names": None},
    "threat": [
        {
            "framework": None,
            "tactic": _ATTACK,
            "technique": [{"id": None, "name": None, "reference": None, "subtechnique": [_ATTACK]}],
        }
    ],
    "severity_mapping": [{"field": None, "operator": None, "value": None, "severity": None}],
    "risk_score_mapping": [{"field": None, "operator": None, "value": None, "risk_score": None}],
    "related_integrations": [{"package": None, "version": None, "integration": None}],
    "required_fields": [{"name": None, "type": None}],
    "threat_mapping": [{"entries": [{"field": None, "type": None, "value": None, "negate": None}]}],
}
"""What is known below a field of a rule; a field that is not here is one value (OpenAPI, 8.18 and 9.3)."""
COMPUTED: Mapping[str, Shape] = {"required_fields": [{"ecs": None}]}
"""What the server adds below a field: neither compared nor sent back."""

_ENTRY: Document = {"field": None, "operator": None, "type": None, "value": None, "list": {"id": None, "type": None}}
LIST: Mapping[str, Shape] = dict.fromkeys(("name", "description", "type"))
"""What is managed of an exception list."""
LIST_CARRIED = ("meta", "tags", "os_types")
ITEM: Mapping[str, Shape] = {
    **dict.fromkeys(("name", "description", "type", "list_id", "expire_time", "os_types")),
    "entries": [{**_ENTRY, "entries": [_ENTRY]}],
}
"""What is managed of an exception item."""
ITEM_CARRIED = ("meta", "tags", "comments")
EXCEPTIONS_SERVER_OWNED = frozenset(
    "_version created_at created_by id immutable item_id list_id namespace_type tie_breaker_id updated_at updated_by "
    "version".split()
)
"""Of lists and items; an item's `list_id` is managed all the same."""
VALUE_LIST: Mapping[str, Shape] = dict.fromkeys(("name", "description", "type"))
"""What is managed of a value list, besides what is in it."""
VALUE_LIST_CARRIED = ("meta",)
VALUE_LISTS_SERVER_OWNED = frozenset(
    "_version @timestamp created_at created_by deserializer id immutable serializer tie_breaker_id updated_at "
    "updated_by version".split()
)
"""`serializer` and `deserializer` are set when a list is made and never again."""
VIEW: Mapping[str, Shape] = {
    **dict.fromkeys(("title", "name", "timeFieldName", "allowNoIndex")),
    "runtimeFieldMap": {"*": {"type": None, "script": {"source": None}}},
}
"""What is managed of a data view: all that a rule's run takes from it (title, runtime fields), and how it is named."""
VIEW_CARRIED = ("sourceFilters", "fieldFormats", "fieldAttrs", "type", "typeMeta")
"""How Discover shows a data view: no rule looks at it. An update of a data view leaves what it does not send alone."""
VIEW_SERVER_OWNED = frozenset({"id", "version", "fields", "namespaces"})
"""`namespaces` is changed by sharing, never by an update."""

_MARK_AT_END = re.compile(rf"\s*{MARK_PATTERN.pattern}\s*\Z")
_MARK_LINE = re.compile(rf"\s*//\s*{MARK_PATTERN.pattern}\s*")
_DURATION = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def rule(document: Mapping[str, Any], managed: frozenset[str] = frozenset()) -> Document:
    """The canonical body of a detection rule. `exceptions_list` must hold list ids, `tags` no mark.

    `managed` are fields that this rule declares although they are otherwise the analysts', such as `note`.
    """
    body: Document = {}
    filled = {**DEFAULTS, **{name: value for name, value in document.items() if value is not None}}
    if filled.get("type") in ("query", "threshold", "saved_query", "threat_match", "new_terms"):
        filled.setdefault("language", "kuery")
    if filled.get("type") == "threat_match":
        filled.setdefault("threat_indicator_path", "threat.indicator")
    if filled.get("data_view_id"):
        filled.pop("index", None)  # the data view wins at execution
    for name in sorted(MANAGED | managed) if managed else _IN_ORDER:
        if name in filled:
            value = _field(name, filled[name])
            if not _is_absent(name, value):
                body[name] = value
    return body


def exception_list(document: Mapping[str, Any]) -> Document:
    """The canonical body of an exception list."""
    return {name: _text(document.get(name) or "") for name in ("name", "description", "type")}


def exception_item(document: Mapping[str, Any]) -> Document:
    """The canonical body of an exception item; entries are all-of, so their order means nothing."""
    body: Document = {name: _text(document.get(name) or "") for name in ("name", "description", "type", "list_id")}
    body["entries"] = entries(document.get("entries"))
    if document.get("expire_time"):
        body["expire_time"] = instant(document["expire_time"])
    if document.get("os_types"):
        body["os_types"] = sorted(document["os_types"])
    return body


def entries(values: Any) -> list[Document]:
    """The entries of an exception item."""
    return sorted((_entry(entry) for entry in known(ITEM["entries"], values or [])), key=as_json)


def value_list(document: Mapping[str, Any], values: Iterable[str]) -> Document:
    """The canonical body of a value list; what is in it is a set of texts, as Kibana shows them."""
    said = {name: _text(document.get(name) or "") for name in ("name", "description", "type")}
    return {**said, "description": unsigned(said["description"]), "values": sorted({spelled(one) for one in values})}


def data_view(document: Mapping[str, Any]) -> Document:
    """The canonical body of a data view; popularity counters and the like are left out."""
    return {
        "title": ",".join(part.strip() for part in str(document.get("title", "")).split(",")),
        "name": _text(document.get("name") or ""),
        "timeFieldName": document.get("timeFieldName") or "",
        "allowNoIndex": bool(document.get("allowNoIndex", False)),
        "runtimeFieldMap": {
            name: {"type": field.get("type"), "script": {"source": unmarked(_source(field))}}
            for name, field in sorted((document.get("runtimeFieldMap") or {}).items())
        },
    }


def needs(key: Key, body: Mapping[str, Any]) -> tuple[Key, ...]:
    """What an object of this canonical body stands on."""
    match key.kind:
        case Kind.RULE:
            lists = (Key(Kind.LIST, list_id) for list_id in body.get("exceptions_list", ()))
            return (*lists, *((Key(Kind.DATA_VIEW, body["data_view_id"]),) if body.get("data_view_id") else ()))
        case Kind.ITEM:
            return (Key(Kind.LIST, body["list_id"]), *_value_lists(body.get("entries") or ()))
        case Kind.VALUE_LIST:
            return (Key(Kind.LIST, key.id),)  # the list of the same name: one goes with the other
        case _:
            return ()


def _value_lists(conditions: Iterable[Mapping[str, Any]]) -> Iterator[Key]:
    """The value lists of ours, by their name, that an item's conditions refer to."""
    for condition in conditions:
        id = str((condition.get("list") or {}).get("id", ""))
        if condition.get("type") == "list" and id.startswith("deployer-"):
            yield Key(Kind.VALUE_LIST, id)


def unsigned(description: str) -> str:
    """A value list's description without our mark at its end."""
    return _MARK_AT_END.sub("", description)


def unmarked(script: str) -> str:
    """A runtime script without our comment line; a line that holds anything else is code, and stays."""
    lines = [line for line in _text(script).split("\n") if not _MARK_LINE.fullmatch(line)]
    return "\n".join(lines).strip()


def instant(text: str) -> str:
    """An instant in UTC with milliseconds, as Kibana writes them."""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@lru_cache(maxsize=1 << 17)
def spelled(text: str) -> str:
    """One spelling of a range in CIDR form; a range with a dash, which is never ours, stays as it is."""
    try:
        return str(ip_network(text.strip())) if "/" in text else text.strip()
    except ValueError:
        return text.strip()


def _source(field: Mapping[str, Any]) -> str:
    return str((field.get("script") or {}).get("source", ""))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    return value


@lru_cache(maxsize=4096)
def _text(value: str) -> str:
    """Line ends and trailing blanks mean nothing: Kibana's form adds a newline on save (detection-rules issue 6081)."""
    return "\n".join([line.rstrip() for line in value.replace("\r\n", "\n").split("\n")]).strip()


def _is_absent(name: str, value: Any) -> bool:
    return value in (None, "", [], {}) if not isinstance(value, bool) else (name != "enabled" and value is False)


def _duration(text: str) -> str:
    """Hours, minutes or seconds, the largest unit that is exact: Kibana's form rewrites `now-24h` into seconds."""
    match = _DURATION.fullmatch(text)
    if not match:
        return text
    seconds = int(match[1]) * _SECONDS[match[2]]
    unit = next(unit for unit in ("h", "m", "s") if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def _look_back(text: str) -> str:
    return f"now-{_duration(text[4:])}" if text.startswith("now-") else text


def _set(values: Any) -> list[Any]:
    if isinstance(values, str):
        values = [values]  # the job of a machine learning rule (Kibana: normalizeMachineLearningJobIds)
    return sorted({_text(value) for value in values})


def _threshold(value: Mapping[str, Any]) -> Document:
    fields = value.get("field") or []
    body: Document = {"field": [fields] if isinstance(fields, str) else list(fields), "value": value.get("value")}
    if value.get("cardinality"):
        body["cardinality"] = [{"field": part["field"], "value": part["value"]} for part in value["cardinality"]]
    return body


def _suppression(value: Mapping[str, Any]) -> Document:
    """Where nothing is said of missing fields, `suppress` is done; Kibana's form says so when it saves a rule."""
    return {"missing_fields_strategy": "suppress", **value} if value.get("group_by") else dict(value)


def _threat_mapping(values: list[Mapping[str, Any]]) -> list[Document]:
    """`negate` came with 9.2 and is false where it is not said."""
    return [
        {"entries": [{name: part for name, part in entry.items() if (name, part) != ("negate", False)}
                     for entry in value.get("entries") or []]}
        for value in values
    ]  # fmt: skip


def _threat(values: list[Mapping[str, Any]]) -> list[Document]:
    return sorted((_tactic(value) for value in values), key=as_json)


def _tactic(value: Mapping[str, Any]) -> Document:
    body = {"framework": value.get("framework"), "tactic": dict(value.get("tactic") or {})}
    techniques = [_technique(technique) for technique in value.get("technique") or []]
    return {**body, "technique": sorted(techniques, key=as_json)} if techniques else body


def _technique(value: Mapping[str, Any]) -> Document:
    body = {name: value.get(name) for name in ("id", "name", "reference")}
    subs = sorted((dict(sub) for sub in value.get("subtechnique") or []), key=as_json)
    return {**body, "subtechnique": subs} if subs else body


def _required_fields(values: list[Mapping[str, Any]]) -> list[Document]:
    return sorted(({"name": value["name"], "type": value["type"]} for value in values), key=as_json)


def _entry(entry: Mapping[str, Any]) -> Document:
    body = dict(entry)
    if isinstance(body.get("value"), list):
        body["value"] = sorted(set(body["value"]))
    if isinstance(body.get("entries"), list):
        body["entries"] = sorted((_entry(part) for part in body["entries"]), key=as_json)
    return body


_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(SETS, _set),
    "exceptions_list": lambda ids: sorted(ids),
    "machine_learning_job_id": lambda jobs: sorted({jobs} if isinstance(jobs, str) else set(jobs)),
    "interval": _duration,
    "from": _look_back,
    "to": _look_back,
    "alert_suppression": _suppression,
    "threat_mapping": _threat_mapping,
    "threat": _threat,
    "threshold": _threshold,
    "required_fields": _required_fields,
}


@kept
def _field(name: str, value: Any) -> Any:
    """One field of a rule in its canonical form."""
    return _FIELDS.get(name, _plain)(known(NESTED.get(name), value))
