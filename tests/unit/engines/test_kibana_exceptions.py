"""Exception items: what they take away."""

from datetime import UTC
from datetime import datetime
from typing import Any

import pytest

from deployer.engines.kibana import Events
from deployer.engines.kibana import detect
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIELDS = {"ip": "ip", "host": "keyword", "port": "long", "words": "text", "ok": "boolean", "host.os.type": "keyword"}
DOCUMENTS = (
    {"id": 0, "ip": "198.51.100.7", "host": "ws-1", "port": 6667, "words": "The Quick fox", "ok": True},
    {"id": 1, "ip": "198.51.100.8", "host": "ws-2", "port": 6697},
    {"id": 2, "ip": ["203.0.113.1", "198.51.100.7"], "host": ["ws-3", "srv"], "os.type": "x"},
    {"id": 3, "ip": "::ffff:198.51.100.7", "host.os.type": "linux"},
    {"id": 4, "ip": "2001:db8::7"},
    {"id": 5},
)


def _left(*items, rule=()):
    with Events(FIELDS) as events:
        events.load("logs", [{"@timestamp": "2026-11-20T11:59:00Z", **document} for document in DOCUMENTS])
        base = {"type": "query", "query": "", "index": ["logs"]}
        return [alert["id"] for alert in detect(base | dict(rule), events, NOW, items=items).alerts]


def _entry(field, type, value=None, operator="included"):
    return {"field": field, "type": type, "operator": operator} | ({} if value is None else {"value": value})


def _item(*entries, **more):
    return {"name": "an item", "entries": list(entries), **more}


@pytest.mark.parametrize(
    ("entry", "taken"),
    [
        (_entry("ip", "match", "198.51.100.7"), [0, 2, 3]),
        (_entry("ip", "match", "198.51.100.0/24"), [0, 1, 2, 3]),
        (_entry("ip", "match", "2001:db8::/32"), [4]),
        (_entry("ip", "match", "198.51.100.7", "excluded"), [1, 4, 5]),
        (_entry("ip", "match_any", ["198.51.100.8", "2001:db8::/32"]), [1, 4]),
        (_entry("ip", "match_any", ["198.51.100.8"]), [1]),
        (_entry("ip", "match_any", ["198.51.100.8", "2001:db8::/32"], "excluded"), [0, 2, 3, 5]),
        (_entry("ip", "exists"), [0, 1, 2, 3, 4]),
        (_entry("ip", "exists", operator="excluded"), [5]),
        (_entry("host", "match", "ws-1"), [0]),
        (_entry("host", "match", "WS-1"), []),
        (_entry("host", "match_any", ["ws-1", "srv"]), [0, 2]),
        (_entry("host", "wildcard", "ws-*"), [0, 1, 2]),
        (_entry("host", "wildcard", "ws-?"), [0, 1, 2]),
        (_entry("host", "wildcard", "ws-??"), []),
        (_entry("host", "wildcard", "*r*"), [2]),
        (_entry("host", "wildcard", r"ws\-1"), [0]),
        (_entry("host", "wildcard", "ws-*", "excluded"), [3, 4, 5]),
        (_entry("port", "match", "6667"), [0]),
        (_entry("port", "match_any", ["6667", "6697"]), [0, 1]),
        (_entry("words", "match", "quick fox"), [0]),
        (_entry("words", "match_any", ["slow", "QUICK"]), [0]),
        (_entry("ok", "match", "true"), [0]),
        (_entry("nobody", "match", "x"), []),
        (_entry("nobody", "match", "x", "excluded"), [0, 1, 2, 3, 4, 5]),
    ],
)
def test_an_entry_takes_away_what_it_fits(entry, taken):
    assert _left(_item(entry)) == [number for number in range(6) if number not in taken]


def test_a_nested_entry_holds_for_one_object():
    fields = {"sign": "nested", "sign.name": "keyword", "sign.ok": "boolean"}
    documents: list[dict[str, Any]] = [
        {"id": 0, "sign": [{"name": "x", "ok": False}, {"name": "y", "ok": True}]},
        {"id": 1, "sign": {"name": "x", "ok": True}},
        {"id": 2},
    ]
    parts = [{"field": "name", "type": "match", "operator": "included", "value": "x"}, _entry("ok", "match", "true")]
    item = _item({"field": "sign", "type": "nested", "entries": parts})
    with Events(fields) as events:
        events.load("logs", [{"@timestamp": "2026-11-20T11:59:00Z"} | document for document in documents])
        rule = {"type": "query", "query": "", "index": ["logs"]}
        assert [alert["id"] for alert in detect(rule, events, NOW, items=[item]).alerts] == [0, 2]
    with pytest.raises(BadQuery, match="failed to find nested object"):
        _left(item)


def test_the_entries_of_an_item_hold_together_and_one_item_is_enough():
    both = _item(_entry("ip", "match", "198.51.100.0/24"), _entry("host", "match", "ws-1"))
    assert _left(both) == [1, 2, 3, 4, 5]
    assert _left(both, _item(_entry("host", "match", "ws-2"))) == [2, 3, 4, 5]


def test_without_items_nothing_is_taken_away():
    assert _left() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("expires", "holds"),
    [
        ("2026-11-20T11:59:59.999Z", False),
        ("2026-11-20T12:00:00.000Z", False),
        ("2026-11-20T12:00:00.001Z", True),
        ("2026-11-21T00:00:00+00:00", True),
        ("2026-11-20T12:30:00+01:00", False),
        ("9999-12-31T23:59:59Z", True),
        (None, True),
    ],
)
def test_an_item_holds_until_it_expires(expires, holds):
    item = _item(_entry("host", "match", "ws-1"), expire_time=expires)
    assert (0 not in _left(item)) is holds


def test_an_item_with_systems_holds_on_these_only():
    item = _item(_entry("ip", "match", "198.51.100.7"), os_types=["linux", "macos"])
    assert _left(item) == [0, 1, 2, 4, 5]


def test_exceptions_are_applied_before_anything_is_counted():
    threshold = {"type": "threshold", "threshold": {"field": [], "value": 5}}
    with Events(FIELDS) as events:
        events.load("logs", [{"@timestamp": "2026-11-20T11:59:00Z", **document} for document in DOCUMENTS])
        rule = {"query": "", "index": ["logs"], **threshold}
        items = [_item(_entry("host", "match", "ws-1"))]
        assert [alert["threshold_result.count"] for alert in detect(rule, events, NOW, items=items).alerts] == [5]
        items.append(_item(_entry("host", "match", "ws-2")))
        assert detect(rule, events, NOW, items=items).alerts == ()


@pytest.mark.parametrize(
    ("item", "named"),
    [
        (
            _item({"field": "ip", "type": "list", "operator": "included", "list": {"id": "x", "type": "ip"}}),
            "value list",
        ),
        (_item(_entry("host", "match", "x", "sometimes")), "sometimes"),
        (_item(_entry("ip", "fuzzy", "x")), "fuzzy"),
        (_item(), "no entries"),
        (_item(_entry("host", "match", "x"), expire_time="soon"), "soon"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(item, named):
    with pytest.raises(NotRunnable) as caught:
        _left(item)
    assert "an item" in str(caught.value)
    assert named in str(caught.value)


def test_an_expired_item_is_not_even_read():
    assert _left(_item(_entry("ip", "fuzzy", "x"), expire_time="2026-01-01T00:00:00Z")) == [0, 1, 2, 3, 4, 5]


def test_a_value_that_does_not_fit_its_field_fails_the_rule_as_in_elasticsearch():
    with pytest.raises(BadQuery, match="no address"):
        _left(_item(_entry("ip", "match", "irc.example")))
    with pytest.raises(BadQuery, match="wildcards"):
        _left(_item(_entry("ip", "wildcard", "198.51.*")))
