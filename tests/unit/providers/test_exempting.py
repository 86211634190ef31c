"""An exception item and the filter that stands for it take the same events away."""

import os
from datetime import UTC
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.engines.kibana import Events
from deployer.engines.kibana import detect
from deployer.providers.kibana import exempting

EXAMPLES = int(os.environ.get("EXAMPLES", "40"))
NOW = datetime(2025, 11, 20, 12, tzinfo=UTC)
INDEX = "logs-endpoint.events.network-default"
RULE = {"type": "query", "index": ["logs-*"], "query": "host.name : *", "from": "now-1h", "max_signals": 1000}
ADDRESSES = ("192.0.2.1", "192.0.2.130", "203.0.113.9", "2001:db8::1")
HOSTS = ("ws-1", "ws-2", "db 3")


@pytest.fixture(scope="module")
def events() -> Events:
    loaded = Events(FIELDS)
    documents = [
        {"@timestamp": "2025-11-20T11:30:00Z", "host.name": host, "destination.ip": address, **more}
        for host in HOSTS
        for address in ADDRESSES
        for more in ({"process.name": "a.exe", "host.os.type": "windows"}, {"host.os.type": "linux"})
    ]
    loaded.load(INDEX, [{**one, "process.pid": number} for number, one in enumerate(documents)])
    return loaded


FIELDS = {
    "host.name": "keyword", "host.os.type": "keyword", "destination.ip": "ip", "process.name": "keyword",
    "process.pid": "long",
}  # fmt: skip


def entries() -> st.SearchStrategy[dict[str, Any]]:
    ranges = st.sampled_from([*ADDRESSES, "192.0.2.0/25", "0.0.0.0/0", "::/0"])
    names = st.sampled_from([*HOSTS, "*", "nobody"])
    conditions = st.one_of(
        st.tuples(st.just("destination.ip"), st.just("match"), ranges),
        st.tuples(st.just("host.name"), st.just("match"), names),
        st.tuples(st.just("destination.ip"), st.just("match_any"), st.lists(ranges, min_size=1)),
        st.tuples(st.just("host.name"), st.just("match_any"), st.lists(names, min_size=1)),
        st.tuples(st.just("process.name"), st.just("exists"), st.none()),
        st.tuples(st.just("host.name"), st.just("wildcard"), st.sampled_from(["ws-*", "?b*"])),
    )
    return st.builds(
        lambda condition, op: made(condition[0], condition[1], condition[2], op),
        conditions,
        st.sampled_from(["included", "excluded"]),
    )


def made(field: str, kind: str, value: Any, operator: str) -> dict[str, Any]:
    found = {"field": field, "type": kind, "operator": operator}
    return found if value is None else {**found, "value": value}


ITEMS = st.fixed_dictionaries(
    {"name": st.just("item"), "entries": st.lists(entries(), min_size=1, max_size=3)},
    optional={
        "expire_time": st.sampled_from(["2025-11-20T12:00:00.000Z", "2025-11-20T12:00:01.000Z"]),
        "os_types": st.lists(st.sampled_from(["windows", "linux"]), unique=True),
    },
)


@given(items=st.lists(ITEMS, max_size=3))
@settings(max_examples=EXAMPLES)
def test_filters_take_away_what_the_items_do(events: Events, items: list[dict[str, Any]]):
    by_items = detect(RULE, events, NOW, items=items)
    by_filters = detect({**RULE, "filters": exempting.filters(items, NOW, lambda _: None)}, events, NOW)

    assert [one["process.pid"] for one in by_filters.alerts] == [one["process.pid"] for one in by_items.alerts]


def test_a_value_list_is_said_by_its_values(events: Events):
    entry = {
        "field": "destination.ip",
        "type": "list",
        "operator": "included",
        "list": {"id": "ours", "type": "ip_range"},
    }
    values = {"ours": ["192.0.2.0/24", "2001:db8::/32"]}
    filters = exempting.filters([{"name": "list", "entries": [entry]}], NOW, values.get)

    left = detect({**RULE, "filters": filters}, events, NOW).alerts

    assert {one["destination.ip"] for one in left} == {"203.0.113.9"}


def test_nested_entries_are_nested_queries():
    entry = {
        "field": "file.Ext", "type": "nested",
        "entries": [{"field": "name", "type": "match", "operator": "included", "value": "x"}],
    }  # fmt: skip
    [made] = exempting.filters([{"name": "n", "entries": [entry]}], NOW, lambda _: None)

    inner = {"bool": {"filter": [{"match_phrase": {"file.Ext.name": "x"}}]}}
    assert made["query"]["bool"]["filter"] == [{"nested": {"path": "file.Ext", "query": inner, "score_mode": "none"}}]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"field": "a", "type": "list", "list": {"id": "theirs"}}, "refers to the value list theirs, whose values"),
        ({"field": "a", "type": "fuzzy", "value": "x"}, "has an entry of type fuzzy"),
        ({"field": "a", "type": "match", "operator": "near", "value": "x"}, "has an entry with the operator near"),
    ],
)
def test_what_no_filter_says_is_refused_by_name(entry: Any, message: str):
    with pytest.raises(exempting.Unsayable, match=message):
        exempting.filters([{"name": "odd", "entries": [entry]}], NOW, lambda _: None)
