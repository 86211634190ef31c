"""Threshold rules run as Kibana's executor runs them, boundaries included."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest

from deployer.engines.kibana import Detected
from deployer.engines.kibana import Events
from deployer.engines.kibana import detect
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIELDS = {"host.name": "keyword", "ip": "ip", "port": "long", "ok": "boolean", "words": "text", "ingested": "date"}
HOURS = {
    "deployer.epoch_hour": {
        "type": "long",
        "script": {
            "source": "// deployer:1\nif (doc['@timestamp'].size() > 0) {\n"
            "  emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 3600000L);\n}"
        },
    }
}


def _rule(field=("host.name",), value=2, cardinality=None, **more):
    threshold = {"field": list(field), "value": value}
    if cardinality:
        threshold["cardinality"] = [{"field": name, "value": least} for name, least in cardinality]
    rule = {"type": "threshold", "language": "kuery", "query": "", "index": ["logs-*"], "from": "now-24h", "to": "now"}
    return rule | {"threshold": threshold} | more


def _event(minutes=1, **fields):
    """An event so many minutes before now."""
    at = (NOW - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    return {"@timestamp": at, **{name.replace("__", "."): value for name, value in fields.items()}}


def _run(rule, documents, index="logs-a", **options):
    with Events(FIELDS) as events:
        events.load(index, documents)
        return detect(rule, events, NOW, **options)


def _groups(rule, documents, **options):
    """Each alert as its group and count."""
    alerts = _run(rule, documents, **options).alerts
    names = rule["threshold"]["field"]
    return [(*(alert[name] for name in names), alert["threshold_result.count"]) for alert in alerts]


def test_an_alert_tells_its_group_count_distinct_values_and_times():
    documents = [_event(minutes=60 * hours, host__name="h", ip="10.0.0.1", port=80) for hours in (1, 2, 2)]
    rule = _rule(("host.name", "ip", "port"), 3, [("deployer.epoch_hour", 2)])
    view = {"title": "logs-*", "runtimeFieldMap": HOURS}
    assert _run(rule, documents, data_view=view) == Detected(
        (
            {
                "host.name": "h",
                "ip": "10.0.0.1",
                "port": 80,
                "threshold_result.count": 3,
                "threshold_result.cardinality": 2,
                "first": "2026-11-20T10:00:00Z",
                "last": "2026-11-20T11:00:00Z",
            },
        ),
        (),
    )


def test_the_count_must_reach_the_value():
    documents = [_event(host__name="h")] * 19
    assert _groups(_rule(value=20), documents) == []
    assert _groups(_rule(value=20), [*documents, _event(host__name="h")]) == [("h", 20)]


def test_a_document_without_a_group_by_field_is_not_counted():
    documents = [_event(host__name="h", port=1), _event(host__name="h"), _event(port=1), _event()]
    assert _groups(_rule(("host.name", "port"), 1), documents) == [("h", 1, 1)]


def test_a_group_by_field_that_nobody_has_gives_no_group():
    assert _groups(_rule(("host.name", "nobody"), 1), [_event(host__name="h")]) == []


def test_a_document_with_several_values_is_in_a_group_of_each_combination():
    documents = [_event(host__name=["a", "b", "a"], port=[1, 2]), _event(host__name="a", port=1)]
    assert _groups(_rule(("host.name", "port"), 1), documents) == [("a", 1, 2), ("a", 2, 1), ("b", 1, 1), ("b", 2, 1)]


def test_without_group_by_fields_all_documents_are_one_group():
    for field in ((), "", None):
        rule = _rule((), 2) | {"threshold": {"field": field, "value": 2}}
        assert _run(rule, [_event(), _event(2)]).alerts == (
            {"threshold_result.count": 2, "first": "2026-11-20T11:58:00Z", "last": "2026-11-20T11:59:00Z"},
        )
        assert _run(rule, [_event()]).alerts == ()
        assert _run(rule, []).alerts == ()


def test_a_single_group_by_field_may_be_written_as_a_text():
    rule = _rule() | {"threshold": {"field": "host.name", "value": 1}}
    assert [alert["host.name"] for alert in _run(rule, [_event(host__name="h")]).alerts] == ["h"]


def test_the_cardinality_counts_distinct_values_and_must_reach_its_value():
    documents = [_event(host__name="h", port=port) for port in (1, 1, 2, 2)]
    assert _groups(_rule(value=1, cardinality=[("port", 2)]), documents) == [("h", 4)]
    assert _groups(_rule(value=1, cardinality=[("port", 3)]), documents) == []


def test_only_the_first_cardinality_is_looked_at():
    documents = [_event(host__name="h", port=1)]
    assert _groups(_rule(value=1, cardinality=[("port", 1), ("ip", 9)]), documents) == [("h", 1)]


def test_a_cardinality_of_a_field_that_nobody_has_is_zero():
    documents = [_event(host__name="h")]
    for name in ("port", "nobody"):
        assert _groups(_rule(value=1, cardinality=[(name, 1)]), documents) == []
        assert _groups(_rule(value=1, cardinality=[(name, 0)]), documents) == [("h", 1)]


def test_every_value_of_an_array_counts_towards_the_cardinality():
    documents = [_event(host__name="h", port=[1, 2]), _event(host__name="h", port=3)]
    assert _groups(_rule(value=1, cardinality=[("port", 3)]), documents) == [("h", 2)]


def test_a_cardinality_of_timestamps_counts_events_and_not_hours():
    documents = [_event(minutes=1, host__name="h"), _event(minutes=2, host__name="h")]
    assert _groups(_rule(value=1, cardinality=[("@timestamp", 2)]), documents) == [("h", 2)]


def test_hours_are_those_of_the_clock():
    """11:59 and 12:00 are two hours, 11:00 and 11:59 one."""
    rule = _rule(value=1, cardinality=[("deployer.epoch_hour", 2)])
    view = {"title": "logs-*", "runtimeFieldMap": HOURS}
    assert _groups(rule, [_event(0, host__name="h"), _event(1, host__name="h")], data_view=view) == [("h", 2)]
    assert _groups(rule, [_event(1, host__name="h"), _event(60, host__name="h")], data_view=view) == []


def test_addresses_are_grouped_by_what_they_are_and_shown_in_short():
    documents = [_event(ip="10.0.0.1"), _event(ip="::ffff:10.0.0.1"), _event(ip="2001:DB8:0:0::1")]
    assert _groups(_rule(("ip",), 1), documents) == [("10.0.0.1", 2), ("2001:db8::1", 1)]


def test_booleans_are_grouped_as_such():
    assert _groups(_rule(("ok",), 1), [_event(ok=True), _event(ok="false")]) == [(False, 1), (True, 1)]


def test_both_ends_of_the_window_belong_to_it():
    inside = [_event(0), _event(24 * 60)]
    outside = [{"@timestamp": "2026-11-19T11:59:59.999Z"}, {"@timestamp": "2026-11-20T12:00:00.001Z"}, {}]
    rule = _rule((), 1)
    assert [alert["threshold_result.count"] for alert in _run(rule, inside + outside).alerts] == [2]
    assert _run(rule, outside).alerts == ()


@pytest.mark.parametrize(
    ("begin", "end", "count"), [("now-10m", "now", 2), ("now-600s", "now-5m", 1), ("now-1d/d", "now/d", 0)]
)
def test_the_window_is_date_math(begin, end, count):
    rule = _rule((), 1) | {"from": begin, "to": end}
    alerts = _run(rule, [_event(1), _event(10), _event(11)]).alerts
    assert [alert["threshold_result.count"] for alert in alerts] == ([count] if count else [])


def test_the_window_of_a_rule_without_one_is_six_minutes():
    rule = {name: value for name, value in _rule((), 1).items() if name not in ("from", "to")}
    assert [alert["threshold_result.count"] for alert in _run(rule, [_event(1), _event(6), _event(7)]).alerts] == [2]


def test_a_timestamp_override_is_the_clock_and_falls_back():
    old, new = "2026-11-10T00:00:00Z", "2026-11-20T11:00:00Z"
    documents = [
        {"@timestamp": old, "ingested": new, "host.name": "late"},
        {"@timestamp": new, "ingested": old, "host.name": "early"},
        {"@timestamp": new, "host.name": "without"},
    ]
    rule = _rule(value=1, timestamp_override="ingested")
    assert _groups(rule, documents) == [("late", 1), ("without", 1)]
    assert [alert["last"] for alert in _run(rule, documents).alerts] == [new, new]
    assert _groups(rule | {"timestamp_override_fallback_disabled": True}, documents) == [("late", 1)]
    assert _groups(_rule(value=1, timestamp_override="@timestamp"), documents) == [("early", 1), ("without", 1)]
    assert _groups(_rule(value=1, timestamp_override="nobody"), documents) == [("early", 1), ("without", 1)]


def test_more_groups_than_max_signals_are_cut_in_order_with_a_warning():
    documents = [_event(host__name=name) for name in ("c", "a", "b")]
    cut = _run(_rule(value=1, max_signals=2), documents)
    assert [alert["host.name"] for alert in cut.alerts] == ["a", "b"]
    assert cut.warnings == (
        "This rule reached the maximum alert limit for the rule execution. Some alerts were not created.",
    )
    assert _run(_rule(value=1, max_signals=3), documents).warnings == ()


def test_max_signals_is_a_hundred_by_itself():
    documents = [_event(host__name=f"h{number}") for number in range(101)]
    assert len(_run(_rule(value=1), documents).alerts) == 100


def test_what_was_alerted_on_counts_no_more():
    documents = [_event(minutes, host__name=name, port=1) for name in ("a", "b") for minutes in (10, 20, 30)]
    last = NOW - timedelta(minutes=20)
    rule = _rule(("host.name", "port"), 1)
    assert _groups(rule, documents, history={("a", "1"): last}) == [("a", 1, 1), ("b", 1, 3)]
    assert _groups(rule, documents, history={("a", "1"): NOW}) == [("b", 1, 3)]
    assert _groups(rule, documents, history={("a", "2"): NOW}) == [("a", 1, 3), ("b", 1, 3)]
    assert _groups(_rule((), 1), documents, history={(): last}) == [(2,)]
    with pytest.raises(BadQuery, match="1 terms for 2"):
        _run(rule, documents, history={("a",): last})


def test_one_group_over_all_counts_no_further_than_elasticsearch():
    """Kibana does not ask for an exact total, which then ends at 10,000."""
    documents = [_event(host__name="h")] * 10_001
    assert _groups(_rule((), 10_000), documents) == [(10_000,)]
    assert _groups(_rule((), 10_001), documents) == []
    assert _groups(_rule(value=10_001), documents) == [("h", 10_001)]


def test_grouping_or_counting_by_a_text_fails_as_in_elasticsearch():
    for rule in (_rule(("words",), 1), _rule(value=1, cardinality=[("words", 1)])):
        with pytest.raises(BadQuery, match="words is of type text"):
            _run(rule, [_event(words="x")])


def test_a_mistake_in_the_query_is_told_with_its_place_even_without_an_index():
    for query in ('host.name:"x', "port: many"):
        with pytest.raises(BadQuery) as caught:
            _run(_rule(query=query), [], index="other")
        assert caught.value.line == 1


def test_a_threshold_that_is_not_run_is_refused_by_name():
    with Events({"geo": "geo_point"}) as events:
        events.load("logs-a", [])
        with pytest.raises(NotRunnable, match="geo: grouping"):
            detect(_rule(("geo",)), events, NOW)
