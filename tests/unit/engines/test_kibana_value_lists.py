"""Exception items with value lists: what they take away, and when Kibana does not apply them."""

from datetime import UTC
from datetime import datetime

import pytest

from deployer.engines.kibana import Events
from deployer.engines.kibana import detect
from deployer.errors import NotRunnable

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIELDS = {"ip": "ip", "host": "keyword", "port": "long"}
DOCUMENTS = (
    {"id": 0, "ip": "198.51.100.7", "host": "ws-1"},
    {"id": 1, "ip": "198.51.100.8", "host": "ws-2"},
    {"id": 2, "ip": ["203.0.113.1", "198.51.100.7"], "host": ["ws-3", "srv"]},
    {"id": 3, "ip": "::ffff:198.51.100.7"},
    {"id": 4, "ip": "2001:db8::7"},
    {"id": 5},
)
MANY = [f"10.{number // 16384}.{number // 64 % 256}.{number % 64 * 4}/32" for number in range(10_000)]


def run(values, type="ip_range", field="ip", operator="included", id="known", **rule):
    entry = {"field": field, "type": "list", "operator": operator, "list": {"id": id, "type": type}}
    items = [{"name": "an item", "entries": [entry]}]
    base = {"type": "query", "query": "", "index": ["logs"], **rule}
    with Events(FIELDS) as events:
        events.load("logs", [{"@timestamp": "2026-11-20T11:59:00Z", **document} for document in DOCUMENTS])
        return detect(base, events, NOW, items=items, value_lists=None if values is None else {"known": values})


def left(found):
    return [alert["id"] for alert in found.alerts]


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        (["198.51.100.7/32"], [0, 2, 3]),
        (["198.51.100.0/24"], [0, 1, 2, 3]),
        (["198.51.100.8/32", "2001:db8::/32"], [1, 4]),
        (["198.51.100.8-198.51.100.9"], [1]),
        (["198.51.100.8-198.51.100.9", "2001:db8::/32"], [1, 4]),
        (["0.0.0.0/0"], [0, 1, 2, 3]),
        ([], []),
        (MANY, []),
        ([*MANY, "198.51.100.8/32"], [1]),
        ([*MANY, "198.51.0.0/16", "198.51.100.8/32"], [0, 1, 2, 3]),
        ([*MANY, "::/0"], [0, 1, 2, 3, 4]),
    ],
    ids=lambda value: f"{len(value)}-{value[-1] if value else 'none'}",
)
def test_ranges_take_away_the_documents_with_an_address_in_one_of_them(values, taken):
    found = run(values)

    assert (left(found), found.warnings) == ([one for one in range(6) if one not in taken], ())


def test_what_is_excluded_keeps_only_these():
    assert left(run(["198.51.100.8/32"], operator="excluded")) == [1]


def test_lists_of_words_and_of_addresses():
    assert left(run(["ws-1", "srv"], "keyword", "host")) == [1, 3, 4, 5]
    assert left(run(["2001:db8::7"], "ip")) == [0, 1, 2, 3, 5]


@pytest.mark.parametrize(
    "given",
    [
        {"values": ["10.0.0.0/8"] * 65_537},
        {"values": [f"198.51.100.{number}-198.51.100.{number}" for number in range(201)]},
        {"values": ["198.51.100.0/24"], "id": "gone"},
        {"values": ["198.51.100.0/24"], "type": "text"},
    ],
    ids=["too many", "too many with a dash", "not there", "of words"],
)
def test_a_list_that_is_not_small_is_not_applied_and_the_run_warns(given):
    found = run(**given)

    assert left(found) == [0, 1, 2, 3, 4, 5]
    assert found.warnings == ("The following exceptions won't be applied to rule execution: an item",)


def test_the_warning_stands_beside_the_others():
    assert len(run(["10.0.0.0/8"], id="gone", max_signals=1).warnings) == 2
    assert len(run(["10.0.0.0/8"], id="gone", index=["none"]).warnings) == 2


def test_lists_that_nobody_knows_here_are_not_run():
    with pytest.raises(NotRunnable, match="an entry of type list, whose value list is not known here"):
        run(None)
