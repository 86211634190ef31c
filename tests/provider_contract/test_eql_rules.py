"""A rule of type eql through its life on Kibana: what is written is read back equal, what people change is seen."""

from typing import Any

import pytest

from deployer.findings import Location
from deployer.model import PlatformRule
from tests import make
from tests.bench import Bench

QUERY = """\
sequence by host.name with maxspan=5m
  [network where event.action == "connection_accepted"]
  [network where event.action == "connection_attempted"]
"""
FIELDS: dict[str, Any] = {
    "type": "eql",
    "language": "eql",
    "index": ["logs-*"],
    "interval": "5m",
    "from": "now-20m",
    "tiebreaker_field": "event.sequence",
    "timestamp_field": "event.created",
    "event_category_override": "event.kind",
    "filters": [{"meta": {"negate": True}, "query": {"term": {"host.name": "lb"}}}],
}


def half(**change: Any) -> PlatformRule:
    return PlatformRule(QUERY, {**FIELDS, **change}, ("endpoint.events.network",), Location("rules/example/kibana.eql"))


def test_a_sequence_rule_is_written_once_with_all_its_fields(kibana: Bench) -> None:
    assigned = kibana.assignment(make.rule(kibana=half()), entries=[make.entry()])
    applied = kibana.apply(assigned)

    assert applied.failures == ()
    assert kibana.plan(assigned).changes == ()
    document = kibana.document()
    assert {name: document[name] for name in FIELDS} == FIELDS
    assert document["query"].strip() == QUERY.strip()
    assert [one["list_id"] for one in document["exceptions_list"]] == ["deployer-servers"]
    assert not {"threshold", "data_view_id"} & document.keys()


@pytest.mark.parametrize(
    ("field", "theirs"),
    [
        ("query", "any where true"),
        ("tiebreaker_field", "event.id"),
        ("timestamp_field", "event.ingested"),
        ("event_category_override", "event.module"),
        ("filters", []),
    ],
)
def test_what_is_changed_by_hand_is_seen_and_mended(kibana: Bench, field: str, theirs: Any) -> None:
    assigned = kibana.assignment(make.rule(kibana=half()))
    kibana.apply(assigned)
    before = kibana.document()[field]
    kibana.edit(**{field: theirs})

    (change,) = kibana.plan(assigned).changes
    kibana.apply(assigned)

    assert {each.path.split("[")[0].split(".")[0] for each in change.fields} == {field}
    assert kibana.document()[field] == before
    assert kibana.plan(assigned).changes == ()


def test_a_field_that_git_drops_is_dropped(kibana: Bench) -> None:
    kibana.apply(kibana.assignment(make.rule(kibana=half())))
    without = kibana.assignment(make.rule(kibana=half(tiebreaker_field=None, filters=[])))
    applied = kibana.apply(without)

    assert applied.failures == ()
    assert not {"tiebreaker_field"} & {name for name, value in kibana.document().items() if value}
    assert kibana.plan(without).changes == ()
