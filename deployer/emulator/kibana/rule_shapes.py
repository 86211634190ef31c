"""What a rule may look like: fields, types and enumerations of the create, update and patch bodies.

Source: the published OpenAPI document (RuleCreateProps and its parts); Kibana generates its validators from it.
"""

from __future__ import annotations

from collections.abc import Mapping

from deployer.emulator.kibana.checks import Anything
from deployer.emulator.kibana.checks import Either
from deployer.emulator.kibana.checks import Flag
from deployer.emulator.kibana.checks import Items
from deployer.emulator.kibana.checks import Mapped
from deployer.emulator.kibana.checks import Record
from deployer.emulator.kibana.checks import Shape
from deployer.emulator.kibana.checks import Text
from deployer.emulator.kibana.checks import Whole

NON_EMPTY = Text(minimum=1)
STRINGS = Items(Text())
SEVERITY = Text(choices=("low", "medium", "high", "critical"))
RISK_SCORE = Whole(0, 100)
# The wording of the date-math refusal is not settled.
DATE_MATH = Text(
    pattern=r"(now|\d{4}-\d\d-\d\dT[^|]+\|\|)([+-]\d+[smhdwMy](/[smhdwMy])?|/[smhdwMy])*|\d{4}-\d\d-\d\d.*",
    wrong="Failed to parse date-math expression",
)
LIST_TYPES = (
    "detection",
    "rule_default",
    "endpoint",
    "endpoint_trusted_apps",
    "endpoint_events",
    "endpoint_host_isolation_exceptions",
    "endpoint_blocklists",
)
EXCEPTION_REFERENCE = Record(
    {
        "id": NON_EMPTY,
        "list_id": NON_EMPTY,
        "type": Text(choices=LIST_TYPES),
        "namespace_type": Text(choices=("agnostic", "single")),
    }
)
_ATTACK = {"id": Text(), "name": Text(), "reference": Text()}
_TECHNIQUE = Record(_ATTACK, {"subtechnique": Items(Record(_ATTACK))})
_SOURCE = {"field": Text(), "operator": Text(choices=("equals",)), "value": Text()}
_FREQUENCY = Record(
    {
        "summary": Flag(),
        "notifyWhen": Text(choices=("onActiveAlert", "onThrottleInterval", "onActionGroupChange")),
        "throttle": Anything(),
    }
)
_ACTION = Record(
    {"action_type_id": Text(), "id": Text(), "params": Mapped(Anything())},
    {"group": Text(), "uuid": NON_EMPTY, "alerts_filter": Mapped(Anything()), "frequency": _FREQUENCY},
)

REQUIRED: Mapping[str, Shape] = {
    "name": NON_EMPTY,
    "description": NON_EMPTY,
    "risk_score": RISK_SCORE,
    "severity": SEVERITY,
}
OPTIONAL: Mapping[str, Shape] = {
    "rule_id": Text(),
    "enabled": Flag(),
    "interval": Text(),
    "from": DATE_MATH,
    "to": Text(),
    "tags": STRINGS,
    "author": STRINGS,
    "references": STRINGS,
    "false_positives": STRINGS,
    "max_signals": Whole(1),
    "version": Whole(1),
    "risk_score_mapping": Items(Record(_SOURCE, {"risk_score": RISK_SCORE})),
    "severity_mapping": Items(Record({**_SOURCE, "severity": SEVERITY})),
    "threat": Items(Record({"framework": Text(), "tactic": Record(_ATTACK)}, {"technique": Items(_TECHNIQUE)})),
    "exceptions_list": Items(EXCEPTION_REFERENCE),
    "actions": Items(_ACTION),
    "response_actions": Items(
        Record({"action_type_id": Text(choices=(".osquery", ".endpoint")), "params": Anything()})
    ),
    "related_integrations": Items(Record({"package": NON_EMPTY, "version": NON_EMPTY}, {"integration": NON_EMPTY})),
    "required_fields": Items(Record({"name": NON_EMPTY, "type": NON_EMPTY})),
    "setup": Text(),
    "note": Text(),
    "license": Text(),
    "meta": Mapped(Anything()),
    "namespace": Text(),
    "output_index": Text(),
    "building_block_type": Text(),
    "rule_name_override": Text(),
    "timestamp_override": Text(),
    "timestamp_override_fallback_disabled": Flag(),
    "timeline_id": Text(),
    "timeline_title": Text(),
    "investigation_fields": Record({"field_names": Items(NON_EMPTY, minimum=1)}),
    # Written by old clients; the answer never has it.
    "throttle": Anything(),
}

_KQL = Text(choices=("kuery", "lucene"))
_DURATION = Record({"value": Whole(1), "unit": Text(choices=("s", "m", "h"))})
_SUPPRESSION = Record(
    {"group_by": Items(Text(), minimum=1)},
    {"duration": _DURATION, "missing_fields_strategy": Text(choices=("doNotSuppress", "suppress"))},
)
_SEARCH: Mapping[str, Shape] = {
    "index": STRINGS,
    "data_view_id": Text(),
    "filters": Items(Anything()),
    "saved_id": Text(),
    "alert_suppression": _SUPPRESSION,
    "language": _KQL,
}
_THRESHOLD = Record(
    {"field": Either((Text(), Items(Text()))), "value": Whole(1)},
    {"cardinality": Items(Record({"field": Text(), "value": Whole(0)}))},
)
_QUERY: Mapping[str, Shape] = {"query": Text()}

# type -> (required, optional), besides the common ones
TYPES: Mapping[str, tuple[Mapping[str, Shape], Mapping[str, Shape]]] = {
    "eql": (
        {**_QUERY, "language": Text(choices=("eql",))},
        {
            **{name: shape for name, shape in _SEARCH.items() if name not in ("language", "saved_id")},
            "event_category_override": Text(),
            "tiebreaker_field": Text(),
            "timestamp_field": Text(),
        },
    ),
    "query": ({}, {**_SEARCH, **_QUERY}),
    "saved_query": ({"saved_id": Text()}, {**_SEARCH, **_QUERY}),
    "threshold": (
        {**_QUERY, "threshold": _THRESHOLD},
        {**_SEARCH, "alert_suppression": Record({"duration": _DURATION})},
    ),
    "threat_match": (
        {**_QUERY, "threat_query": Text(), "threat_mapping": Items(Anything(), minimum=1), "threat_index": STRINGS},
        {
            **_SEARCH,
            "threat_filters": Items(Anything()),
            "threat_indicator_path": Text(),
            "threat_language": _KQL,
            "concurrent_searches": Whole(1),
            "items_per_search": Whole(1),
        },
    ),
    "machine_learning": (
        {"machine_learning_job_id": Either((Text(), Items(Text(), minimum=1))), "anomaly_threshold": Whole(0)},
        {"alert_suppression": _SUPPRESSION},
    ),
    "new_terms": (
        {**_QUERY, "new_terms_fields": Items(Text(), minimum=1), "history_window_start": NON_EMPTY},
        {name: shape for name, shape in _SEARCH.items() if name != "saved_id"},
    ),
    "esql": ({**_QUERY, "language": Text(choices=("esql",))}, {"alert_suppression": _SUPPRESSION}),
}


def create_shape(type: str) -> Record:
    """The body that creates a rule of this type; also the one that replaces it."""
    required, optional = TYPES[type]
    return Record({**REQUIRED, **required, "type": Text()}, {**OPTIONAL, **optional, "id": Text()})


def patch_shape(type: str) -> Record:
    """The body that changes a rule of this type: the same fields, none required."""
    required, optional = TYPES[type]
    return Record({}, {**REQUIRED, **OPTIONAL, **required, **optional, "id": Text()})
