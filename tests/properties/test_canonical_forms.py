"""Canonical forms are idempotent, and blind to what the platforms respell."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.diff import field_changes
from deployer.model import Platform
from deployer.providers.codecs import encode
from deployer.providers.kibana import canonical as kibana
from deployer.providers.sentinel import canonical as sentinel
from deployer.state import Key
from deployer.state import Kind
from deployer.state import digest
from tests import every_field
from tests import make

RULE = Key(Kind.RULE, "example")

# Without null, which stands for absence: canonical bodies hold none.
JSON = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLATFORMS: dict[Platform, Callable[..., dict[str, Any]]] = {
    Platform.KIBANA: kibana.rule,
    Platform.SENTINEL: sentinel.rule,
}


def body(platform):
    return copy.deepcopy(dict(encode(make.assignment(platform)).resources[Key(Kind.RULE, "example")].body))


@pytest.mark.parametrize("platform", PLATFORMS)
@given(data=st.data())
def test_canonical_is_idempotent(platform, data):
    """Over texts of any kind, every respelling and every edit that the tables below know."""
    texts = st.dictionaries(st.sampled_from(["description", "name", "displayName", "query"]), st.text(max_size=20))
    respelling = data.draw(st.sampled_from(list(RESPELLINGS[platform].values())))
    edits = data.draw(st.lists(st.sampled_from(sorted(EDITS[platform])), max_size=3))
    changes = {**respelling, **{field: EDITS[platform][field] for field in edits}, **data.draw(texts)}

    once = PLATFORMS[platform]({**body(platform), **changes})

    assert field_changes(once, PLATFORMS[platform](once)) == ()


@given(JSON, JSON)
def test_the_digest_tells_apart_exactly_what_the_comparison_does(one, other):
    same = field_changes({"x": one}, {"x": other}) == ()

    assert same == (digest({"x": one}) == digest({"x": other}))


@pytest.mark.parametrize("text", ["PT24H", "P1D", "PT24H00M00S", "PT1440M", "P0DT24H", "PT86400S"])
def test_one_day_is_one_day(text):
    assert sentinel.duration(text) == "P1D"


@pytest.mark.parametrize(
    ("text", "same"), [("PT05H00M00S", "PT5H"), ("P1DT12H00M00S", "P1DT12H"), ("P2W", "P14D"), ("PT0S", "PT0S")]
)
def test_durations_have_one_spelling(text, same):
    assert sentinel.duration(text) == same


@pytest.mark.parametrize("text", ["", "P", "PT", "P1M", "1h", "PT-1H"])
def test_what_is_no_duration_is_left_as_it_is(text):
    assert sentinel.duration(text) == text


SENTINEL_RESPELLINGS = {
    "nulls for what is unset": {
        "alertRuleTemplateName": None,
        "templateVersion": None,
        "sentinelEntitiesMappings": None,
    },
    "durations": {"queryFrequency": "PT60M", "queryPeriod": "PT24H", "suppressionDuration": "PT05H00M00S"},
    "explicit defaults": {
        "incidentConfiguration": {
            "createIncident": True,
            "groupingConfiguration": {"enabled": False, "lookbackDuration": "PT5H"},
        },
        "eventGroupingSettings": {"aggregationKind": "SingleAlert"},
        "customDetails": {},
        "entityMappings": [
            {"fieldMappings": [{"columnName": "DeviceName", "identifier": "FullName"}], "entityType": "Host"}
        ],
    },
    "line ends": {
        "query": "\r\n".join(make.KQL.replace("ServerPorts = dynamic([])", "ServerPorts = dynamic([6667])").split("\n"))
    },
}


@pytest.mark.parametrize("respelling", SENTINEL_RESPELLINGS.values(), ids=SENTINEL_RESPELLINGS)
def test_what_azure_respells_is_no_drift(respelling):
    assert field_changes(body(Platform.SENTINEL), sentinel.rule({**body(Platform.SENTINEL), **respelling})) == ()


KIBANA_RESPELLINGS = {
    "nulls, empty lists and false": {
        "note": None,
        "setup": "",
        "license": None,
        "timestamp_override_fallback_disabled": False,
    },
    "durations": {"interval": "60m", "from": "now-86400s"},
    "line ends": {"query": make.KUERY + "\r\n"},
    "empty lists": {"required_fields": [], "related_integrations": [], "tags": []},
    "defaults": {
        "max_signals": 100,
        "to": "now",
        "language": "kuery",
        "risk_score_mapping": [],
        "severity_mapping": [],
    },
}


OTHER_KINDS = {
    "the path of indicators": ({"type": "threat_match"}, {"threat_indicator_path": "threat.indicator"}),
    "one job": ({"machine_learning_job_id": "a"}, {"machine_learning_job_id": ["a"]}),
    "several jobs": ({"machine_learning_job_id": ["b", "a"]}, {"machine_learning_job_id": ["a", "b"]}),
    "missing fields": (
        {"alert_suppression": {"group_by": ["a"]}},
        {"alert_suppression": {"group_by": ["a"], "missing_fields_strategy": "suppress", "duration": None}},
    ),
    "no negation": (
        {"threat_mapping": [{"entries": [{"field": "a", "type": "mapping", "value": "b"}]}]},
        {"threat_mapping": [{"entries": [{"field": "a", "type": "mapping", "value": "b", "negate": False}]}]},
    ),
    "indices of indicators": ({"threat_index": ["b", "a"]}, {"threat_index": ["a", "b"]}),
    "what is unheard of": (
        {"threshold": {"field": ["a"], "value": 1}},
        {"threshold": {"field": "a", "value": 1, "cardinality": [], "later": 1}},
    ),
    "a rule's own later key": ({}, {"later": {"a": 1}}),
}


@pytest.mark.parametrize(("one", "other"), OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_what_kibana_respells_in_other_kinds_is_no_drift(one, other):
    assert field_changes(kibana.rule(one), kibana.rule({**one, **other})) == ()


@pytest.mark.parametrize("kind", every_field.KIBANA_KINDS)
def test_canonical_is_idempotent_for_every_kind_of_kibana(kind):
    once = encode(make.assignment(Platform.KIBANA, [every_field.kibana_rule(kind)])).resources[RULE].body

    assert field_changes(once, kibana.rule(once)) == ()


@pytest.mark.parametrize("kind", every_field.SENTINEL_KINDS)
def test_canonical_is_idempotent_for_every_kind_of_sentinel(kind):
    once = encode(make.assignment(Platform.SENTINEL, [every_field.sentinel_rule(kind)])).resources[RULE].body

    assert field_changes(once, sentinel.rule(once)) == ()


RESPELLINGS = {Platform.KIBANA: KIBANA_RESPELLINGS, Platform.SENTINEL: SENTINEL_RESPELLINGS}


def test_the_ecs_flag_that_kibana_computes_is_no_drift():
    declared = {**body(Platform.KIBANA), "required_fields": [{"name": "host.name", "type": "keyword"}]}
    computed = {**declared, "required_fields": [{"name": "host.name", "type": "keyword", "ecs": True}]}

    assert field_changes(kibana.rule(declared), kibana.rule(computed)) == ()


@pytest.mark.parametrize("respelling", KIBANA_RESPELLINGS.values(), ids=KIBANA_RESPELLINGS)
def test_what_kibana_respells_is_no_drift(respelling):
    assert field_changes(body(Platform.KIBANA), kibana.rule({**body(Platform.KIBANA), **respelling})) == ()


EDITS = {
    Platform.KIBANA: {
        "enabled": False,
        "severity": "low",
        "risk_score": 1,
        "query": "*",
        "interval": "2h",
        "from": "now-1h",
        "to": "now-1m",
        "max_signals": 1,
        "threshold": {"field": [], "value": 1},
        "tags": ["x"],
        "references": [],
        "false_positives": [],
        "threat": [],
        "exceptions_list": [],
        "data_view_id": "other",
        "building_block_type": "default",
        "timestamp_override": "event.ingested",
        "rule_name_override": "x",
        "filters": [{"query": {"match_all": {}}}],
        "alert_suppression": {"duration": {"value": 1, "unit": "h"}},
        "author": ["x"],
        "license": "x",
        "setup": "x",
        "severity_mapping": [{"field": "a", "operator": "equals", "severity": "low", "value": ""}],
        "investigation_fields": {"field_names": ["a"]},
        "name": "x",
        "description": "x",
        "type": "query",
    },
    Platform.SENTINEL: {
        "enabled": False,
        "severity": "Low",
        "query": "T",
        "queryFrequency": "PT2H",
        "queryPeriod": "P2D",
        "tactics": [],
        "techniques": [],
        "subTechniques": [],
        "triggerOperator": "Equal",
        "triggerThreshold": 1,
        "suppressionEnabled": True,
        "suppressionDuration": "PT1H",
        "entityMappings": [],
        "customDetails": {"a": "b"},
        "displayName": "x",
        "description": "x",
        "alertDetailsOverride": {"alertDisplayNameFormat": "x"},
        "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
        "incidentConfiguration": {"createIncident": False},
        "sentinelEntitiesMappings": [{"columnName": "E"}],
        "kind": "NRT",
    },
}


@pytest.mark.parametrize(
    ("platform", "field"), [(platform, field) for platform, fields in EDITS.items() for field in fields], ids=str
)
def test_an_edit_of_any_managed_field_is_seen(platform, field):
    before = body(platform)
    after = PLATFORMS[platform]({**before, field: EDITS[platform][field]})

    assert {change.path.split(".")[0] for change in field_changes(before, after)} == {field}
