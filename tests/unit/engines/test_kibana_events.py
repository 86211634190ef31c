"""Documents on their way into the tables of the Kibana engine."""

import pytest

from deployer.engines.kibana import Events
from deployer.engines.kibana_documents import dotted
from deployer.errors import BadEvents
from deployer.errors import NotRunnable


def _kept(fields, *documents, name):
    with Events(fields) as events:
        events.load("logs", documents)
        return [value for (value,) in events.connection.execute(f'select "{name}" from events order by _id').fetchall()]  # noqa: S608


def test_keys_may_be_nested_dotted_or_both():
    documents = ({"a": {"b": {"c": "x"}}}, {"a.b.c": "x"}, {"a.b": {"c": "x"}}, {"a": {"b.c": "x"}})
    assert _kept({"a.b.c": "keyword"}, *documents, name="a.b.c") == [["x"]] * 4


def test_a_field_written_both_ways_in_one_document_has_both_values():
    assert _kept({"a.b": "keyword"}, {"a": {"b": "x"}, "a.b": "y"}, name="a.b") == [["x", "y"]]


def test_arrays_objects_in_arrays_and_nulls_are_lists_of_values():
    lists = [{"a": value} for value in (["x", None, "y"], [["x"]], None, [], [None])]
    assert _kept({"a": "keyword"}, *lists, name="a") == [["x", "y"], ["x"], None, None, None]
    objects = {"a": [{"b": "x"}, {"b": ["y", "z"]}]}
    assert _kept({"a.b": "keyword"}, objects, name="a.b") == [["x", "y", "z"]]


def test_values_are_coerced_to_the_type_of_their_field_as_elasticsearch_does():
    assert _kept({"a": "long"}, {"a": "5"}, {"a": 5.9}, {"a": -1}, name="a") == [[5], [5], [-1]]
    assert _kept({"a": "double"}, {"a": "0.5"}, {"a": 2}, name="a") == [[0.5], [2.0]]
    assert _kept({"a": "keyword"}, {"a": 5}, {"a": True}, {"a": 1.5}, name="a") == [["5"], ["true"], ["1.5"]]
    assert _kept({"a": "boolean"}, {"a": "true"}, {"a": False}, {"a": ""}, name="a") == [[True], [False], [False]]


def test_addresses_are_kept_as_their_sixteen_bytes():
    documents = ({"a": "10.0.0.1"}, {"a": "::ffff:10.0.0.1"}, {"a": "2001:DB8::1"})
    mapped = "00000000000000000000ffff0a000001"
    assert _kept({"a": "ip"}, *documents, name="a") == [[mapped], [mapped], ["20010db8000000000000000000000001"]]


@pytest.mark.parametrize(
    ("time", "milliseconds"),
    [
        ("2026-11-20T12:00:00Z", 1795176000000),
        ("2026-11-20T12:00:00.123Z", 1795176000123),
        ("2026-11-20T12:00:00.1234567Z", 1795176000123),
        ("2026-11-20T13:00:00+01:00", 1795176000000),
        ("2026-11-20T12:00:00", 1795176000000),
        ("2026-11-20T12:00Z", 1795176000000),
        ("2026-11-20", 1795132800000),
        ("1795176000000", 1795176000000),
        (1795176000000, 1795176000000),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_dates_are_kept_in_milliseconds(time, milliseconds):
    assert _kept({}, {"@timestamp": time}, name="@timestamp") == [[milliseconds]]


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("ip", "10.0.0"),
        ("ip", "10.0.0.0/8"),
        ("ip", 7),
        ("ip", "fe80::1%eth0"),
        ("long", "many"),
        ("long", True),
        ("long", 2**63),
        ("long", "NaN"),
        ("double", "many"),
        ("double", float("inf")),
        ("boolean", "yes"),
        ("boolean", 1),
        ("date", "yesterday"),
        ("date", "2026-13-01T00:00:00Z"),
        ("date", "2026-11-20 12:00:00"),
        ("date", True),
    ],
)
def test_a_value_that_elasticsearch_would_refuse_is_told_with_its_field_and_document(type, value):
    with Events({"a.b": type}) as events:
        events.load("logs", [{}])
        with pytest.raises(BadEvents) as caught:
            events.load("logs", [{}, {"a": {"b": value}}])
    assert str(caught.value).startswith(f"logs, document 3: a.b is of type {type}, which needs ")


def test_a_field_without_a_mapping_is_mapped_by_its_first_value():
    with Events({}) as events:
        events.load("logs", [{"s": "x", "n": 1, "d": 1.5, "b": True, "source.ip": "10.0.0.1", "related_ip": ["::1"]}])
        assert events.fields == {
            "@timestamp": "date",
            "s": "keyword",
            "n": "long",
            "d": "double",
            "b": "boolean",
            "source.ip": "ip",
            "related_ip": "ip",
        }
        with pytest.raises(BadEvents):
            events.load("logs", [{"n": "many"}])


def test_a_multi_field_is_filled_from_its_field():
    fields = {"name": "keyword", "name.text": "text", "name.caseless": "keyword"}
    assert _kept(fields, {"name": "Quick Fox"}, name="name.text") == [[" quick fox "]]
    assert _kept(fields, {"name": "Quick Fox"}, name="name.caseless") == [["quick fox"]]


def test_parts_of_a_field_that_is_not_run_here_are_let_be():
    with Events({"geo": "geo_point", "flat": "flattened"}) as events:
        events.load("logs", [{"geo": {"lat": 1.5, "lon": 2}, "flat": {"any": {"thing": "x"}}, "a": 1}])
        assert sorted(events.fields) == ["@timestamp", "a", "flat", "geo"]


def test_fields_that_differ_in_case_only_are_not_run():
    with pytest.raises(NotRunnable, match="differs from it in case only"), Events({"Ab": "keyword"}) as events:
        events.load("logs", [{"aB": "x"}])
    with pytest.raises(NotRunnable, match="differs from it in case only"):
        Events({"Ab": "keyword", "aB": "keyword"})


def test_a_document_is_shown_by_dotted_names_with_its_own_values():
    document = {"a": {"b": 1, "c": [1, 2]}, "a.b": 2, "d": [{"e": "x"}, {"e": "y"}], "n": None, "l": []}
    assert dotted(document) == {"a.b": [1, 2], "a.c": [1, 2], "d.e": ["x", "y"], "l": []}


def test_a_database_reaches_neither_files_nor_the_network():
    with Events({}) as events:
        for statement in ("copy events to '/tmp/x'", "install httpfs", "select * from read_text('/etc/hostname')"):
            with pytest.raises(Exception, match=r"disabled|not allowed|Permission"):
                events.connection.execute(statement)
