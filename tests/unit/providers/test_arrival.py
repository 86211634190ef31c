"""What Elasticsearch's answers say of the data that a rule reads."""

from typing import Any

import pytest

from deployer.outcome import Answer
from deployer.providers.kibana import arrival
from deployer.providers.kibana.arrival import Capabilities
from deployer.providers.kibana.arrival import Untold
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Reads
from tests import make

RULE = Key(Kind.RULE, "example")
QUERY = "event.category: network and (destination.port: 6667 or network.bytes <= 1024)"
TYPES = {"event.category": "keyword", "destination.port": "long", "network.bytes": "long"}


def asked(query: str = QUERY, reads: Any = None, **body: Any) -> arrival.Question:
    fields = {"type": "query", "language": "kuery", "query": query, **body}
    reads = reads or Reads(("logs-*",), TYPES, (), "now-24h")
    return arrival.question(make.resource(body=fields, reads=reads))


def mappings(**types: Any) -> Capabilities:
    """Each field with its type, or with its types."""
    known = {**{name.replace(".", "__"): type for name, type in TYPES.items()}, "host__os__type": "keyword", **types}
    return Capabilities(
        ("logs-a",),
        {
            name.replace("__", "."): {
                type: {"type": type, "searchable": type != "object", "aggregatable": type not in ("text", "object")}
                for type in (kind if isinstance(kind, list) else [kind])
            }
            for name, kind in known.items()
            if kind
        },
    )


def counted(total: int, *counts: dict[str, int], systems: Any = (), **answer: Any) -> dict[str, Any]:
    """An answer: by part of the query, what was counted; `systems` is a list of (name, total, counts)."""

    def buckets(parts: Any) -> dict[str, Any]:
        return {
            "buckets": {
                f"{number} {name}": {"doc_count": count}
                for number, part in enumerate(parts)
                for name, count in part.items()
            }
        }

    found = [{"key": name, "doc_count": number, "counts": buckets(parts)} for name, number, parts in systems]
    aggregations = {"counts": buckets(counts), "systems": {"buckets": found}}
    hits = {"total": {"value": total, "relation": "eq"}}
    return {
        "timed_out": False,
        "_shards": {"total": 2, "failed": 0},
        "hits": hits,
        "aggregations": aggregations,
        **answer,
    }


def part(whole: int, kind: int = 100, **has: int) -> dict[str, int]:
    return {"kind": kind, "whole": whole, **{f"has {name.replace('__', '.')}": number for name, number in has.items()}}


PORTS = part(90, destination__port=90)
NO_BYTES = part(0, network__bytes=0)
BYTES = part(7, network__bytes=7)


def judged(answer: dict[str, Any], found: Capabilities | None = None, question: Any = None) -> tuple[Answer, str]:
    level = arrival.judge(RULE, question or asked(), found or mappings(), answer)
    assert (level.key, level.level) == (RULE, "data")
    return level.answer, level.reason


def test_data_for_every_branch_passes_without_a_word():
    assert judged(counted(100, PORTS, BYTES)) == (Answer.PASS, "")


def test_a_branch_that_sees_nothing_is_named_with_the_field_that_nothing_has():
    assert judged(counted(1204, PORTS, part(0, 1204, network__bytes=0))) == (
        Answer.PASS,
        "within now-24h, branch `network.bytes <= 1024` sees nothing: 0 of 1,204 documents have network.bytes",
    )


def test_a_branch_that_sees_nothing_on_one_system_is_named_with_the_system():
    systems = [
        ("windows", 60, [part(50, 60, destination__port=50), NO_BYTES | {"kind": 60}]),
        ("linux", 40, [PORTS, BYTES]),
    ]

    assert judged(counted(100, PORTS, BYTES, systems=systems)) == (
        Answer.PASS,
        "within now-24h, branch `network.bytes <= 1024` sees nothing on windows: 0 of 60 documents have network.bytes",
    )


def test_a_rule_none_of_whose_branches_sees_anything_fails():
    answer, reason = judged(counted(100, part(0, destination__port=0), NO_BYTES))

    assert answer is Answer.FAIL
    assert "branch `destination.port: 6667` sees nothing: 0 of 100 documents have destination.port" in reason
    assert "branch `network.bytes <= 1024` sees nothing" in reason


def test_documents_that_are_all_of_another_kind_are_no_data():
    answer, reason = judged(counted(100, part(0, 0, destination__port=0), part(0, 0, network__bytes=0)))

    assert answer is Answer.FAIL
    assert "0 of 100 documents have event.category: network" in reason


def test_fields_that_no_document_has_together_are_told_as_such():
    question = asked("a: 1 and b: 2", Reads(("logs-*",), {}, (), "now-24h"))

    assert judged(counted(9, part(0, 9, a=4, b=5)), mappings(a="keyword", b="keyword"), question) == (
        Answer.FAIL,
        "within now-24h, the query sees nothing: 0 of 9 documents have all of a, b",
    )


def test_an_empty_look_back_fails():
    assert judged(counted(0, PORTS, BYTES)) == (Answer.FAIL, "no document in logs-* within its look-back (now-24h)")


def test_a_field_that_is_not_mapped_is_told_where_nothing_has_it():
    answer, reason = judged(counted(5, PORTS, NO_BYTES), mappings(network__bytes=None))

    assert (answer, reason.endswith("have network.bytes (network.bytes is not mapped)")) == (Answer.PASS, True)


def test_a_field_of_the_wrong_type_fails_although_documents_have_it():
    assert judged(counted(100, PORTS, BYTES), mappings(destination__port="keyword")) == (
        Answer.FAIL,
        "in logs-* destination.port is keyword, the rule needs long",
    )


@pytest.mark.parametrize("type", ["integer", "short", "unsigned_long"])
def test_a_type_that_answers_the_same_queries_is_as_good(type):
    assert judged(counted(100, PORTS, BYTES), mappings(destination__port=type)) == (Answer.PASS, "")


def test_indices_that_do_not_agree_on_a_type_are_named():
    assert judged(counted(100, PORTS, BYTES), mappings(destination__port=["keyword", "long"])) == (
        Answer.PASS,
        "within now-24h, destination.port is keyword in some indices and long in others",
    )


def test_a_field_that_cannot_be_grouped_by_fails():
    question = asked(threshold={"field": ["host.name"], "value": 1})
    counts = [{**PORTS, "has host.name": 9}, {**BYTES, "has host.name": 9}]

    answer, reason = judged(counted(100, *counts), mappings(host__name="text"), question)

    assert (answer, reason) == (Answer.FAIL, "in logs-* host.name cannot be grouped by (it is text)")


def test_a_field_that_the_data_view_computes_is_left_out_and_named():
    reads = Reads(("logs-*",), {**TYPES, "deployer.epoch_hour": "long"}, ("deployer.epoch_hour",), "now-24h")
    threshold = {"field": ["host.name"], "value": 1, "cardinality": [{"field": "deployer.epoch_hour", "value": 3}]}
    question = asked(reads=reads, threshold=threshold)
    counts = [{**PORTS, "has host.name": 9}, {**NO_BYTES, "has host.name": 9}]

    answer, reason = judged(counted(100, *counts), mappings(host__name="keyword"), question)

    assert [part.needs for part in question.parts] == [
        ("destination.port", "host.name"),
        ("host.name", "network.bytes"),
    ]
    assert answer is Answer.PASS
    assert reason.endswith("; not looked at, because the data view computes it: deployer.epoch_hour")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"timed_out": True}, "ran out of time"),
        ({"_shards": {"total": 4, "failed": 1}}, "1 of 4 shards failed"),
    ],
    ids=["timed out", "shards"],
)
def test_counts_that_do_not_speak_for_all_data_are_unknown_for_now(change, why):
    level = arrival.judge(RULE, asked(), mappings(), {**counted(0, PORTS, BYTES), **change})

    assert (level.answer, level.awaited, why in level.reason) == (Answer.UNKNOWN, True, True)


def test_a_query_that_is_not_parsed_is_unknown_where_a_declared_field_has_no_values():
    question = asked("sequence …", language="eql")
    every = [part(5, 9, **{name.replace(".", "__"): 5}) for name in sorted(TYPES)]
    lacking = [*every[:2], part(0, 9, network__bytes=0)]

    assert judged(counted(9, *every), None, question) == (Answer.PASS, "")
    assert judged(counted(9, *lacking), None, question) == (
        Answer.UNKNOWN,
        "within now-24h, 0 of 9 documents have network.bytes; whether its query can do without is not known: not kuery",
    )


@pytest.mark.parametrize(
    ("reads", "query", "why"),
    [
        (Reads(()), QUERY, "names no index patterns"),
        (Reads(("logs-*",), look_back="2026-01-01"), QUERY, "look-back is written as '2026-01-01'"),
        (Reads(("logs-*",), look_back="now-1h"), "a: (1", "cannot be read"),
    ],
    ids=["no patterns", "look-back", "query"],
)
def test_what_cannot_be_asked_is_said(reads, query, why):
    with pytest.raises(Untold, match=why):
        asked(query, reads)
