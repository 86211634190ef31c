"""Which rules run, on which indices, and query rules."""

from datetime import UTC
from datetime import datetime

import pytest

from deployer.engines.kibana import Detected
from deployer.engines.kibana import Events
from deployer.engines.kibana import detect
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RULE = {"type": "query", "language": "kuery", "query": "", "index": ["logs-*"]}


def _at(time, **fields):
    return {"@timestamp": f"2026-11-20T{time}Z", **fields}


def _run(rule, documents=(), **options):
    with Events({"a": "keyword"}) as events:
        events.load("logs-a", documents)
        return detect(RULE | rule, events, NOW, **options)


def test_a_query_rule_raises_an_alert_for_each_event_from_the_oldest_on():
    documents = [
        _at("11:59:00", a="x", b={"c": [1, 2]}),
        _at("11:58:00", a="x"),
        _at("11:59:00", a="y"),
        _at("11:50:00", a="x"),
    ]
    assert _run({"query": "a:x"}, documents) == Detected(
        (
            {"@timestamp": "2026-11-20T11:58:00Z", "a": "x"},
            {"@timestamp": "2026-11-20T11:59:00Z", "a": "x", "b.c": [1, 2]},
        ),
        (),
    )


def test_a_query_rule_stops_at_max_signals_with_a_warning():
    documents = [_at("11:59:00", a="x")] * 3
    cut = _run({"max_signals": 2}, documents)
    assert len(cut.alerts) == 2
    assert cut.warnings == (
        "This rule reached the maximum alert limit for the rule execution. Some alerts were not created.",
    )
    assert _run({"max_signals": 3}, documents).warnings == ()


def test_the_language_of_a_rule_without_one_is_kuery():
    assert len(_run({"query": "a:x", "language": None}, [_at("11:59:00", a="x")]).alerts) == 1


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({"type": "eql", "language": "eql"}, "eql"),
        ({"type": "esql", "language": "esql"}, "esql"),
        ({"type": "machine_learning"}, "machine_learning"),
        ({"type": "new_terms"}, "new_terms"),
        ({"type": "threat_match"}, "threat_match"),
        ({"type": "saved_query", "saved_id": "x"}, "saved_query"),
        ({"type": None}, "None"),
        ({"language": "lucene"}, "lucene"),
        ({"index": None}, "securitySolution:defaultIndex"),
        ({"alert_suppression": {"group_by": ["a"]}}, "alert_suppression"),
        ({"index": ["<logs-{now/d}>"]}, "date math"),
    ],
)
def test_a_rule_that_cannot_run_here_is_refused_by_name(rule, named):
    with pytest.raises(NotRunnable) as caught:
        _run(rule)
    assert named in str(caught.value)


INDICES = ("logs-a", "logs-b", "metrics-a", "east:logs-a", "west:logs-a", ".hidden")


@pytest.mark.parametrize(
    ("patterns", "read"),
    [
        (["logs-a"], ["logs-a"]),
        (["logs-*"], ["logs-a", "logs-b"]),
        (["*-a"], ["logs-a", "metrics-a"]),
        (["logs-*", "metrics-*"], ["logs-a", "logs-b", "metrics-a"]),
        (["logs-*,metrics-*"], ["logs-a", "logs-b", "metrics-a"]),
        (["logs-*", "-logs-b"], ["logs-a"]),
        (["logs-*", "-*-a"], ["logs-b"]),
        (["-logs-b", "logs-*"], ["logs-a", "logs-b"]),
        (["east:logs-*"], ["east:logs-a"]),
        (["*:logs-*"], ["east:logs-a", "west:logs-a"]),
        (["*:logs-*", "-west:*"], ["east:logs-a"]),
        (["*:logs-*", "west:-logs-*"], ["east:logs-a"]),
        (["logs-a", "*:logs-a"], ["east:logs-a", "logs-a", "west:logs-a"]),
        (["gone", "logs-a"], ["logs-a"]),
        (["*"], [".hidden", "logs-a", "logs-b", "metrics-a"]),
    ],
)
def test_index_patterns_name_what_elasticsearch_would_read(patterns, read):
    with Events({}) as events:
        for index in INDICES:
            events.load(index, [_at("11:59:00", place=index)])
        alerts = detect(RULE | {"index": patterns}, events, NOW).alerts
    assert sorted(alert["place"] for alert in alerts) == sorted(read)


def test_patterns_that_name_no_index_are_a_warning_in_kibanas_words():
    warning = (
        'This rule is attempting to query data from Elasticsearch indices listed in the "Index patterns" section of '
        'the rule definition, however no index matching: ["none-*","gone"] was found. This warning will continue to '
        "appear until a matching index is created or this rule is disabled."
    )
    assert _run({"index": ["none-*", "gone"]}) == Detected((), (warning,))


def test_an_index_without_documents_is_there():
    assert _run({}) == Detected((), ())


def test_the_data_view_wins_over_the_rules_own_index():
    documents = [_at("11:59:00", a="x")]
    assert (
        len(_run({"index": ["none"], "data_view_id": "v"}, documents, data_view={"title": "x-*, logs-*"}).alerts) == 1
    )


def test_a_data_view_that_is_not_there_fails_as_in_kibana():
    with pytest.raises(BadQuery, match="Data View not found: v"):
        _run({"data_view_id": "v"})


def _runtime(script, type="long"):
    return {"title": "logs-*", "runtimeFieldMap": {"bucket": {"type": type, "script": {"source": script}}}}


@pytest.mark.parametrize(
    "script",
    [
        "emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 3600000L);",
        "emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 3600000)",
        'emit(doc["@timestamp"].value.toInstant().toEpochMilli()/3600000L);',
        "if (doc['@timestamp'].size() > 0) { emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 3600000L); }",
        "if (doc['@timestamp'].size() != 0) emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 3600000L);",
        """// deployer:1;owner=x
           if (doc['@timestamp'].size() > 0) {
             /* hours */ emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 3600000L);
           }
        """,
    ],
)
def test_the_number_of_an_hour_is_a_known_runtime_field(script):
    documents = [_at("11:59:59.999", a="last"), _at("12:00:00", a="next")]
    rule = {"query": "bucket: 498659 and bucket >= 498659 and bucket:*"}
    assert [alert["a"] for alert in _run(rule, documents, data_view=_runtime(script)).alerts] == ["last"]


def test_another_span_and_another_date_are_known_too():
    script = "if (doc['seen'].size() > 0) { emit(doc['seen'].value.toInstant().toEpochMilli() / 60000L); }"
    with Events({"seen": "date"}) as events:
        # Painless divides towards zero: both minutes around 1970 are number 0.
        seen = ("1970-01-01T00:02:59Z", "1970-01-01T00:00:59Z", "1969-12-31T23:59:01Z", None)
        events.load("logs-a", [_at("11:59:00", a=str(each), seen=each) for each in seen])
        view = _runtime(script)
        assert [
            len(detect(RULE | {"query": query}, events, NOW, data_view=view).alerts)
            for query in ("bucket: 2", "bucket: 0", "not bucket: *")
        ] == [1, 2, 1]


@pytest.mark.parametrize(
    ("script", "type"),
    [
        ("emit(1)", "long"),
        ("emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 0L);", "long"),
        ("emit(doc['@timestamp'].value.toInstant().toEpochMilli() % 3600000L);", "long"),
        ("emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 3600000L);", "keyword"),
        ("emit(doc['a'].value.toInstant().toEpochMilli() / 3600000L);", "long"),
        ("emit(doc['seen'].value.toInstant().toEpochMilli() / 3600000L);", "long"),
        ("if (doc['a'].size() > 0) { emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 3600000L); }", "long"),
        ("", "long"),
    ],
)
def test_another_runtime_field_is_refused_when_the_rule_reads_it_and_else_let_be(script, type):
    view = _runtime(script, type)
    assert len(_run({"query": "a:x"}, [_at("11:59:00", a="x")], data_view=view).alerts) == 1
    with pytest.raises(NotRunnable, match="bucket: "):
        _run({"query": "bucket: 1"}, [_at("11:59:00", a="x")], data_view=view)


def test_a_runtime_field_hides_a_field_of_the_same_name():
    script = "emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 3600000L);"
    documents = [_at("11:59:00", bucket="x", a="y")]
    assert len(_run({"query": "bucket: 498659"}, documents, data_view=_runtime(script)).alerts) == 1


def test_a_query_that_is_too_deep_to_run_is_refused():
    for query in ("not (" * 3000 + "a:x" + ")" * 3000, "a:(" + "not (" * 3000 + "x" + ")" * 3001):
        with pytest.raises(NotRunnable, match="too deep"):
            _run({"query": query})


def test_a_query_that_is_deep_runs_or_is_refused():
    for depth in (50, 200, 400):
        query = "(b:1 or (" * depth + "a:x" + "))" * depth
        try:
            assert len(_run({"query": query}, [_at("11:59:00", a="x")]).alerts) == 1
        except NotRunnable:
            assert depth > 50
