"""Rules of every kind with every field that the kind can have, and an edit of every single value in them.

Which fields there are is the codec's to say (`canonical.MANAGED`, `canonical.NESTED`), and which a kind can have is
the emulator's, whose shapes are held against the published descriptions. Here are only examples.
"""

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import TypeAlias

from deployer.emulator.arm import validation
from deployer.emulator.kibana import checks
from deployer.emulator.kibana import rule_shapes
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.providers.kibana import canonical as kibana
from deployer.providers.sentinel import canonical as sentinel
from deployer.providers.shapes import leaves
from tests import make

Change: TypeAlias = Callable[[Any], Any]
"""An edit of one value: the value in, the edited one out."""

KIBANA_KINDS = tuple(sorted(rule_shapes.TYPES))
SENTINEL_KINDS = ("NRT", "Scheduled")


# -- Kibana -----------------------------------------------------------------------------------------------------------

KIBANA_FIELDS: dict[str, Any] = {
    "alert_suppression": {
        "group_by": ["host.name", "user.name"],
        "duration": {"value": 5, "unit": "m"},
        "missing_fields_strategy": "doNotSuppress",
    },
    "anomaly_threshold": 50,
    "author": ["Blue Team", "SOC"],
    "building_block_type": "default",
    "concurrent_searches": 2,
    "event_category_override": "event.kind",
    "filters": [{"meta": {"negate": True}, "query": {"match_phrase": {"host.name": "ws-1"}}}],
    "from": "now-24h",
    "history_window_start": "now-7d",
    "index": ["logs-b-*", "logs-a-*"],
    "interval": "1h",
    "investigation_fields": {"field_names": ["host.name", "process.name"]},
    "items_per_search": 100,
    "license": "Elastic License v2",
    "machine_learning_job_id": "rare-destination",
    "max_signals": 50,
    "namespace": "one",
    "new_terms_fields": ["host.name", "user.name"],
    "output_index": ".alerts-ours",
    "related_integrations": [{"package": "endpoint", "version": "^8.0.0", "integration": "network"}],
    "required_fields": [{"name": "process.name", "type": "keyword"}, {"name": "host.name", "type": "keyword"}],
    "risk_score": 70,
    "risk_score_mapping": [{"field": "risk", "operator": "equals", "value": "", "risk_score": 90}],
    "rule_name_override": "process.name",
    "saved_id": "saved-1",
    "setup": "First this.\nThen that.",
    "severity_mapping": [{"field": "level", "operator": "equals", "value": "9", "severity": "critical"}],
    "tags": ["Botnet", "Acme"],
    "threat_filters": [{"query": {"exists": {"field": "threat.indicator.ip"}}}],
    "threat_index": ["ti-b-*", "ti-a-*"],
    "threat_indicator_path": "threat.enrichment",
    "threat_language": "kuery",
    "threat_mapping": [{"entries": [{"field": "destination.ip", "type": "mapping", "value": "threat.indicator.ip"}]}],
    "threat_query": "threat.indicator.type: ipv4-addr",
    "threshold": {
        "field": ["host.name", "destination.ip"],
        "value": 20,
        "cardinality": [{"field": "source.port", "value": 3}],
    },
    "tiebreaker_field": "event.sequence",
    "timestamp_field": "event.created",
    "timestamp_override": "event.ingested",
    "timestamp_override_fallback_disabled": True,
    "to": "now-1m",
}
"""What a rule writes in its `kibana:` block. `data_view_id` is not here: it takes the place of `index`."""


def _to(value: Any) -> Change:
    return lambda old: value


def _longer(old: str) -> str:
    return f"{old} edited"


_RULE_TEXTS = (
    "name description query license setup timestamp_override rule_name_override output_index namespace saved_id "
    "event_category_override tiebreaker_field timestamp_field threat_query threat_indicator_path "
    "threat[].framework threat[].tactic.id threat[].tactic.name threat[].tactic.reference threat[].technique[].id "
    "threat[].technique[].name threat[].technique[].reference threat[].technique[].subtechnique[].id "
    "threat[].technique[].subtechnique[].name threat[].technique[].subtechnique[].reference "
    "severity_mapping[].field severity_mapping[].value risk_score_mapping[].field risk_score_mapping[].value "
    "related_integrations[].package related_integrations[].version related_integrations[].integration "
    "required_fields[].name required_fields[].type threat_mapping[].entries[].field threat_mapping[].entries[].value "
    "threshold.cardinality[].field".split()
)
KIBANA_EDITS: dict[str, Change] = {
    **dict.fromkeys(_RULE_TEXTS, _longer),
    **dict.fromkeys(
        "index references false_positives author threat_index machine_learning_job_id new_terms_fields threshold.field "
        "alert_suppression.group_by investigation_fields.field_names".split(),
        lambda old: [*old[:1], "one.more"],
    ),
    **dict.fromkeys(
        "max_signals anomaly_threshold concurrent_searches items_per_search risk_score threshold.value "
        "threshold.cardinality[].value alert_suppression.duration.value risk_score_mapping[].risk_score".split(),
        lambda old: old + 1,
    ),
    "alert_suppression.duration.unit": _to("h"),
    "alert_suppression.missing_fields_strategy": _to("suppress"),
    "building_block_type": lambda old: None,
    "enabled": _to(False),
    "exceptions_list": lambda old: [],
    "filters": lambda old: [{**old[0], "meta": {"negate": False}}],
    "from": _to("now-25h"),
    "history_window_start": _to("now-14d"),
    "interval": _to("30m"),
    "language": _to("lucene"),
    "severity": _to("low"),
    "severity_mapping[].severity": _to("low"),
    "tags": lambda old: [*old, "Seen"],
    "threat_filters": lambda old: [*old, {"query": {"match_all": {}}}],
    "threat_language": _to("lucene"),
    "threat_mapping[].entries[].negate": _to(True),
    "threat_mapping[].entries[].type": _to("other"),
    "timestamp_override_fallback_disabled": _to(False),
    "to": _to("now"),
}
KIBANA_ELSEWHERE = frozenset({"type", "data_view_id"})
"""What has a test of its own: no write can change the type, and a data view takes the place of index patterns."""

KIBANA_CARRIED: dict[str, Any] = {
    "actions": [{"action_type_id": ".email", "id": "mail", "group": "default", "params": {"to": ["soc@acme.example"]}}],
    "meta": {"from": "1m", "kibana_siem_app_url": "http://127.0.0.1/app/security"},
    "note": "Seen before.",
    "response_actions": [{"action_type_id": ".osquery", "params": {"query": "select 1;"}}],
    "timeline_id": "a1b2",
    "timeline_title": "Hunting",
}
TOGETHER = {"timeline_id": "timeline_title", "timeline_title": "timeline_id"}
"""Kibana takes neither without the other."""


def kibana_rule(kind: str, id: str = "example", *, neutral: Any = None, **change: Any) -> Rule:
    """A rule with every field that its kind can have."""
    can = {path.split(".")[0].split("[")[0] for path in emulated_leaves(kind)}
    fields = {name: value for name, value in KIBANA_FIELDS.items() if name in can}
    if "alert_suppression" in fields:
        parts = {path.split(".")[1] for path in kibana_leaves(kind) if path.startswith("alert_suppression.")}
        fields["alert_suppression"] = {name: fields["alert_suppression"][name] for name in parts}
    fields |= {"type": kind, **change}
    if "language" in can:
        fields.setdefault("language", kind if kind in ("eql", "esql") else "kuery")
    query = "any where true" if kind == "eql" else "process.name: *" if "query" in can else ""
    fields = {name: value for name, value in fields.items() if value is not None}
    half = PlatformRule(query, fields, ("endpoint.events.network",), make.HERE)
    return make.rule(id, kibana=half, **(neutral or {}))


def kibana_leaves(kind: str) -> frozenset[str]:
    """Every managed value that a rule of this kind can have and that can be changed."""
    every = {path for name in kibana.MANAGED for path in leaves(kibana.NESTED.get(name), name)}
    paths = dict(_shape_leaves(rule_shapes.create_shape(kind), ""))
    changeable = {path for path, shape in paths.items() if len(getattr(shape, "choices", ())) != 1}
    opaque = {path for path, shape in paths.items() if isinstance(shape, checks.Anything)}
    return frozenset(
        path
        for path in every
        if any(one == path or one.startswith((f"{path}.", f"{path}[")) for one in changeable)
        or any(path.startswith((f"{one}.", f"{one}[")) for one in opaque)
    )


def emulated_leaves(kind: str) -> dict[str, checks.Shape]:
    """Every value that the emulator's shape of this rule type names."""
    return dict(_shape_leaves(rule_shapes.create_shape(kind), ""))


def _shape_leaves(shape: checks.Shape, path: str) -> Iterator[tuple[str, checks.Shape]]:
    match shape:
        case checks.Record():
            for name, inner in {**shape.required, **shape.optional}.items():
                yield from _shape_leaves(inner, f"{path}.{name}" if path else name)
        case checks.Items() if isinstance(shape.each, checks.Record | checks.Items):
            yield from _shape_leaves(shape.each, f"{path}[]")
        case checks.Items() if isinstance(shape.each, checks.Anything):
            yield path, shape.each
        case _:
            yield path, shape


# -- Sentinel ---------------------------------------------------------------------------------------------------------

SENTINEL_FIELDS: dict[str, Any] = {
    "alertDetailsOverride": {
        "alertDisplayNameFormat": "On {{DeviceName}}",
        "alertDescriptionFormat": "To {{RemoteIP}}",
        "alertTacticsColumnName": "Tactics",
        "alertSeverityColumnName": "Severity",
        "alertDynamicProperties": [
            {"alertProperty": "ProviderName", "value": "Provider"},
            {"alertProperty": "AlertLink", "value": "Link"},
        ],
    },
    "customDetails": {"Bytes": "SentBytes", "Port": "RemotePort"},
    "entityMappings": [
        {
            "entityType": "Host",
            "fieldMappings": [
                {"identifier": "HostName", "columnName": "DeviceName"},
                {"identifier": "AzureID", "columnName": "DeviceId"},
            ],
        },
        {"entityType": "Account", "fieldMappings": [{"identifier": "Name", "columnName": "AccountName"}]},
    ],
    "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
    "incidentConfiguration": {
        "createIncident": True,
        "groupingConfiguration": {
            "enabled": True,
            "reopenClosedIncident": True,
            "lookbackDuration": "P1D",
            "matchingMethod": "Selected",
            "groupByEntities": ["Host", "Account"],
            "groupByAlertDetails": ["Severity", "DisplayName"],
            "groupByCustomDetails": ["Port", "Bytes"],
        },
    },
    "queryFrequency": "PT1H",
    "queryPeriod": "P1D",
    "sentinelEntitiesMappings": [{"columnName": "Entities"}],
    "suppressionDuration": "PT5H",
    "suppressionEnabled": True,
    "triggerOperator": "GreaterThan",
    "triggerThreshold": 5,
}
_GROUPING = "incidentConfiguration.groupingConfiguration"
SENTINEL_EDITS: dict[str, Change] = {
    **dict.fromkeys(
        "displayName description customDetails.* sentinelEntitiesMappings[].columnName "
        "alertDetailsOverride.alertDisplayNameFormat alertDetailsOverride.alertDescriptionFormat "
        "alertDetailsOverride.alertTacticsColumnName alertDetailsOverride.alertSeverityColumnName "
        "alertDetailsOverride.alertDynamicProperties[].value entityMappings[].fieldMappings[].identifier "
        "entityMappings[].fieldMappings[].columnName".split(),
        _longer,
    ),
    "alertDetailsOverride.alertDynamicProperties[].alertProperty": _to("ProductName"),
    "enabled": _to(False),
    "entityMappings[].entityType": _to("IP"),
    "eventGroupingSettings.aggregationKind": _to("SingleAlert"),
    "incidentConfiguration.createIncident": _to(False),
    f"{_GROUPING}.enabled": _to(False),
    f"{_GROUPING}.reopenClosedIncident": _to(False),
    f"{_GROUPING}.lookbackDuration": _to("PT12H"),
    f"{_GROUPING}.matchingMethod": _to("AnyAlert"),
    f"{_GROUPING}.groupByEntities": _to(["IP"]),
    f"{_GROUPING}.groupByAlertDetails": _to(["Severity"]),
    f"{_GROUPING}.groupByCustomDetails": _to(["Port"]),
    "query": lambda old: f"{old}| take 5\n",
    "queryFrequency": _to("PT2H"),
    "queryPeriod": _to("P2D"),
    "severity": _to("Low"),
    "subTechniques": lambda old: [*old, "T1584.004"],
    "suppressionDuration": _to("PT1H"),
    "suppressionEnabled": _to(False),
    "tactics": _to(["Impact"]),
    "techniques": lambda old: [*old, "T1583"],
    "triggerOperator": _to("Equal"),
    "triggerThreshold": _to(6),
}
SENTINEL_ELSEWHERE = frozenset({"kind"})
"""What has a test of its own: no write can change the kind."""
SENTINEL_GATES = {f"{_GROUPING}.enabled": _GROUPING}
"""Where this is off, what stands beside it means nothing, and the whole is shown."""
SENTINEL_CARRIED: dict[str, Any] = {"alertRuleTemplateName": "11111111-1111-4111-8111-111111111111",
                                    "templateVersion": "1.0.1"}  # fmt: skip


def sentinel_rule(kind: str, id: str = "example", *, neutral: Any = None, **change: Any) -> Rule:
    """A rule with every property that its kind can have."""
    can = {path.split(".")[0].split("[")[0] for path in sentinel_leaves(kind)}
    fields = {name: value for name, value in SENTINEL_FIELDS.items() if name in can}
    fields = {name: value for name, value in {**fields, "kind": kind, **change}.items() if value is not None}
    half = PlatformRule(make.KQL, fields, ("DeviceNetworkEvents",), make.HERE)
    return make.rule(id, sentinel=half, **(neutral or {}))


def sentinel_leaves(kind: str) -> frozenset[str]:
    """Every managed value that a rule of this kind can have."""
    can = {"kind", *validation.REQUIRED[kind], *validation.QUERY_OPTIONAL}
    return frozenset(path for name in sentinel.MANAGED & can for path in leaves(sentinel.NESTED.get(name), name))


def required(kind: str) -> frozenset[str]:
    """What the platform takes no rule of this kind without."""
    if kind in rule_shapes.TYPES:
        return frozenset(rule_shapes.create_shape(kind).required)
    return frozenset(validation.REQUIRED[kind])


# -- both -------------------------------------------------------------------------------------------------------------


def edited(document: Any, path: str, change: Change) -> Any:
    """The document with the first value at a path changed: `threshold.cardinality[].value`, `customDetails.*`."""
    return _edited(document, path.replace("[]", ".[]").split("."), change)


def _edited(value: Any, steps: list[str], change: Change) -> Any:
    if not steps:
        return change(value)
    first, *rest = steps
    if first == "[]":
        return [_edited(value[0], rest, change), *value[1:]]
    name = min(value) if first == "*" else first
    return {**value, name: _edited(value.get(name), rest, change)}


def shown_path(path: str, document: Any) -> str:
    """How reports name the value at a path: mappings are entered, lists are not."""
    steps = path.split("[]")[0].split(".")
    for position, step in enumerate(steps):
        steps[position] = min(document) if step == "*" else step
        document = document.get(steps[position], {})
    return ".".join(steps)
