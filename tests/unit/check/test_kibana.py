"""Kibana's half of a rule: the query is kuery, its fields are the data's, and grouping and schedule can work."""

import pytest

from deployer.check import kibana
from tests import subjects
from tests.subjects import said

HOUR = {"runtimeFieldMap": {"deployer.epoch_hour": {"type": "long", "script": {"source": "emit(1L);"}}}}


def found(query="event.category: network", *, type="query", **fields):
    return list(kibana.findings(subjects.kibana(query, type=type, **fields)))


def threshold(field=("host.name",), **more):
    return found(type="threshold", threshold={"field": list(field), "value": 5, **more})


@pytest.mark.parametrize(
    "query",
    [
        'destination.ip: "10.0.0.0/8" and destination.port >= 1024',
        "@timestamp >= now-1h and not process.name: *",
        "event.m*: endpoint",
        "host: *",
        "",
    ],
)
def test_fields_of_the_data_in_fitting_comparisons_are_said_nothing_of(query):
    assert found(query) == []


def test_a_fault_of_grammar_is_an_error_at_its_place():
    [finding] = found("event.category: network\n  and (host.name: a")

    assert said([finding])[0][:2] == ("query-invalid", "error")
    assert said([finding])[0][2].startswith("kibana.kuery:2:")


def test_a_field_that_the_data_has_not_is_an_error_at_its_place():
    [finding] = found("event.category: network\n  and destination.prot: 22")

    assert said([finding]) == [("field-missing", "error", "kibana.kuery:2:7")]
    assert finding.message == (
        "example: endpoint.events.network has no field 'destination.prot'; did you mean 'destination.port'?"
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("host.name > 5", "example: host.name is of type keyword; > needs a field that holds numbers, dates or ip"),
        (
            'host.name: "10.0.0.0/8"',
            "example: host.name is of type keyword: the range 10.0.0.0/8 matches addresses on fields of type ip only",
        ),
    ],
)
def test_a_comparison_that_does_not_fit_the_type_of_its_field_is_an_error(query, message):
    [finding] = found(query)

    assert (said([finding]), finding.message) == ([("field-type", "error", "kibana.kuery:1:1")], message)


@pytest.mark.parametrize("query", ["destination.port: many", "destination.ip: 10.0.0.300", "destination.ip: 10.*"])
def test_a_value_that_elasticsearch_refuses_is_an_error(query):
    assert [finding.code for finding in found(query)] == ["query-invalid"]


def test_filters_and_the_clock_of_a_rule_name_fields_of_the_data_too():
    hidden = {"query": {"term": {"destination.prot": 22}}}
    exists = {"meta": None, "query": {"bool": {"must_not": {"exists": {"field": "event.ingestd"}}}}}
    unfit = {"query": {"term": {"destination.port": "many"}}}
    unheard: dict = {"query": {"percolate": {}}}
    unfinished: dict = {"query": {"prefix": {"host.name": {}}}}

    assert said(found(filters=[hidden, exists, unfit, unheard, unfinished], timestamp_override="event.ingestd")) == [
        ("field-missing", "error", "rule.yaml:12:3"),
        ("field-missing", "error", "rule.yaml:11:3"),
        ("field-missing", "error", "rule.yaml:11:3"),
        ("query-invalid", "error", "rule.yaml:11:3"),
        ("query-not-run", "warning", "rule.yaml:11:3"),
        ("query-not-run", "warning", "rule.yaml:11:3"),
    ]
    assert found(filters=[{"query": {"exists": {"field": "host"}}}], timestamp_override="event.ingested") == []


def test_data_whose_fields_are_not_known_is_named_and_then_nothing_is_sure():
    subject = subjects.kibana("own.field: 1", data=("own.dataset",), type="query")

    assert said(kibana.findings(subject)) == [
        ("table-unknown", "warning", "rule.yaml:1:1"),
        ("field-missing", "warning", "kibana.kuery:1:1"),
    ]


def test_a_data_view_of_the_space_may_have_fields_of_its_own():
    assert said(found("own.field: 1", data_view_id="theirs")) == [("field-missing", "warning", "kibana.kuery:1:1")]


def test_runtime_fields_are_fields():
    assert found("deployer.epoch_hour > 5", data_view=HOUR) == []
    assert found("deployer.epoch_hour > 5")[0].code == "field-missing"


@pytest.mark.parametrize(
    ("type", "language", "named"), [("eql", "eql", "eql"), ("esql", "esql", "esql"), ("query", "lucene", "lucene")]
)
def test_a_query_that_no_engine_here_reads_is_named(type, language, named):
    [finding] = found("any where true", type=type, language=language)

    assert said([finding]) == [("query-not-run", "warning", "kibana.kuery:1:1")]
    assert finding.message == f"example: not checked: no engine here runs a query in {named}"


def test_a_threshold_rule_groups_by_fields_that_can_be_grouped_by():
    assert threshold(["host.name", "destination.ip"], cardinality=[{"field": "destination.port", "value": 3}]) == []
    assert said(threshold(["host.nmae"])) == [("field-missing", "error", "rule.yaml:11:3")]
    assert said(threshold(["message"])) == [("field-type", "error", "rule.yaml:11:3")]


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("host.name", "cardinality-of-group"),
        ("@timestamp", "cardinality-of-time"),
        ("source.pi", "field-missing"),
        ("message", "field-type"),
    ],
)
def test_a_cardinality_that_cannot_work_is_an_error(field, code):
    findings = threshold(cardinality=[{"field": field, "value": 3}])

    assert said(findings) == [(code, "error", "rule.yaml:11:3")]


@pytest.mark.parametrize(
    ("schedule", "lost"),
    [
        ({"interval": "5m"}, False),
        ({"interval": "10m"}, True),
        ({"interval": "1h", "from": "now-1h"}, False),
        ({"interval": "61m", "from": "now-1h"}, True),
        ({"interval": "1h", "from": "now-24h", "to": "now-23h"}, False),
        ({"interval": "2h", "from": "now-24h", "to": "now-23h"}, True),
        ({"interval": "1h", "from": "now-1h-10m", "to": "now-10m"}, False),
        ({"interval": "1h", "from": "now-1d/d"}, False),
    ],
)
def test_a_rule_looks_at_no_less_than_the_time_between_two_runs(schedule, lost):
    assert said(found(**schedule)) == ([("schedule-gap", "error", "rule.yaml:11:3")] if lost else [])
