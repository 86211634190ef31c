"""The filters of a rule: a subset of Elasticsearch's query language."""

from datetime import UTC
from datetime import datetime

import pytest

from deployer.engines.kibana import Events
from deployer.engines.kibana import detect
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIELDS = {"ip": "ip", "a": "keyword", "n": "long", "words": "text", "t": "date", "o.x": "keyword"}
DOCUMENTS = (
    {"id": 0, "a": "Alpha", "n": 1, "ip": "10.0.0.1", "words": "the quick fox", "t": "2026-11-19"},
    {"id": 1, "a": "beta", "n": 5, "ip": "8.8.8.8", "words": "Fox quick", "t": "2026-11-20T10:00:00Z"},
    {"id": 2, "a": ["beta", "gamma"], "n": 9, "o": {"x": "y"}},
    {"id": 3},
)
TWO = [{"term": {"a": "beta"}}, {"term": {"a": "gamma"}}, {"term": {"n": 5}}]


def _found(*filters):
    with Events(FIELDS) as events:
        events.load("logs", [{"@timestamp": "2026-11-20T11:59:00Z", **document} for document in DOCUMENTS])
        rule = {"type": "query", "query": "", "index": ["logs"], "filters": list(filters)}
        return [alert["id"] for alert in detect(rule, events, NOW).alerts]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"match_all": {}}, [0, 1, 2, 3]),
        ({"match_phrase": {"a": "beta"}}, [1, 2]),
        ({"match_phrase": {"a": {"query": "beta"}}}, [1, 2]),
        ({"match_phrase": {"words": "Quick FOX"}}, [0]),
        ({"match_phrase": {"n": 5}}, [1]),
        ({"match": {"words": "fox slow"}}, [0, 1]),
        ({"match": {"words": {"query": "quick fox", "type": "phrase"}}}, [0]),
        ({"term": {"a": "beta"}}, [1, 2]),
        ({"term": {"a": {"value": "alpha"}}}, []),
        ({"term": {"a": {"value": "alpha", "case_insensitive": True}}}, [0]),
        ({"term": {"ip": "10.0.0.0/8"}}, [0]),
        ({"term": {"words": "fox"}}, [0, 1]),
        ({"term": {"words": "Fox"}}, []),
        ({"term": {"words": "quick fox"}}, []),
        ({"terms": {"a": ["Alpha", "gamma"]}}, [0, 2]),
        ({"terms": {"a": []}}, []),
        ({"terms": {"n": [1, 9], "boost": 1.0}}, [0, 2]),
        ({"terms": {"words": ["quick", "slow"]}}, [0, 1]),
        ({"range": {"n": {"gte": 5}}}, [1, 2]),
        ({"range": {"n": {"gt": 1, "lt": 9, "boost": 2}}}, [1]),
        ({"range": {"n": {"gt": None}}}, [0, 1, 2]),
        ({"range": {"t": {"gte": "now-1d", "lt": "now", "format": "strict_date_optional_time"}}}, [1]),
        ({"range": {"ip": {"gte": "10.0.0.0", "lte": "10.255.255.255"}}}, [0]),
        ({"exists": {"field": "a"}}, [0, 1, 2]),
        ({"exists": {"field": "o"}}, [2]),
        ({"wildcard": {"a": "b*"}}, [1, 2]),
        ({"wildcard": {"a": {"value": "?eta"}}}, [1, 2]),
        ({"wildcard": {"a": {"value": "A*", "case_insensitive": True}}}, [0]),
        ({"wildcard": {"a": {"value": "a*", "case_insensitive": False}}}, []),
        ({"wildcard": {"words": {"value": "qu*k"}}}, [0, 1]),
        ({"prefix": {"a": "be"}}, [1, 2]),
        ({"prefix": {"a": {"value": "AL", "case_insensitive": True}}}, [0]),
        ({"bool": {}}, [0, 1, 2, 3]),
        ({"bool": {"must": {"term": {"a": "beta"}}}}, [1, 2]),
        ({"bool": {"filter": [{"term": {"a": "beta"}}, {"term": {"n": 9}}]}}, [2]),
        ({"bool": {"must_not": [{"term": {"a": "beta"}}]}}, [0, 3]),
        ({"bool": {"should": [{"term": {"a": "Alpha"}}, {"term": {"n": 9}}]}}, [0, 2]),
        ({"bool": {"should": TWO, "minimum_should_match": 2}}, [1, 2]),
        ({"bool": {"should": TWO, "minimum_should_match": "3"}}, []),
        ({"bool": {"must": [{"term": {"a": "beta"}}], "should": [{"term": {"n": 9}}]}}, [1, 2]),
        ({"bool": {"must": [{"term": {"a": "beta"}}], "should": [{"term": {"n": 9}}], "minimum_should_match": 1}}, [2]),
        ({"bool": {"must_not": [{"term": {"n": 9}}], "should": [{"term": {"a": "beta"}}]}}, [1]),
        ({"bool": {"should": [], "minimum_should_match": 0, "must_not": [{"exists": {"field": "a"}}]}}, [3]),
        ({"bool": {"must": [{"bool": {"must_not": {"bool": {"must": {"term": {"n": 9}}}}}}]}}, [0, 1, 3]),
    ],
)
def test_a_query_finds(query, expected):
    assert _found({"meta": {}, "query": query}) == expected


def test_a_negated_filter_holds_where_its_query_does_not():
    assert _found({"meta": {"negate": True}, "query": {"term": {"a": "beta"}}}) == [0, 3]


def test_a_disabled_filter_is_let_be():
    assert _found({"meta": {"disabled": True}, "query": {"more_like_this": {}}}) == [0, 1, 2, 3]


def test_all_filters_hold_together():
    first = {"meta": {"negate": False, "disabled": False, "alias": None}, "query": {"term": {"a": "beta"}}}
    assert _found(first, {"query": {"term": {"n": 9}}}) == [2]


def test_filters_of_old_have_their_query_beside_the_meta():
    assert _found({"meta": {"negate": True}, "$state": {"store": "appState"}, "exists": {"field": "a"}}) == [3]


@pytest.mark.parametrize(
    ("filter", "named"),
    [
        ({"query": {"more_like_this": {}}}, "more_like_this"),
        ({"query": {"query_string": {"query": "x"}}}, "query_string"),
        ({"query": {"bool": {"must": [{"script": {}}]}}}, "script"),
        ({"query": {"bool": {"boosting": []}}}, "boosting"),
        ({"query": {"bool": {"should": TWO, "minimum_should_match": "75%"}}}, "75%"),
        ({"query": {"terms": {"a": {"index": "x", "id": "y", "path": "z"}}}}, "looked up"),
        ({"query": {"match": {"a": {"query": "x y", "operator": "and"}}}}, "operator"),
        ({"query": {"match": {"a": {"query": "x", "fuzziness": 2}}}}, "fuzziness"),
        ({"query": {"match_phrase": {"a": {"query": "x", "slop": 2}}}}, "slop"),
        ({"query": {"range": {"t": {"gte": "now", "time_zone": "Europe/Berlin"}}}}, "Europe/Berlin"),
        ({"query": {"range": {"t": {"gte": "20.11.2026", "format": "dd.MM.yyyy"}}}}, "dd.MM.yyyy"),
        ({"query": {"range": {"t": {"from": "now"}}}}, "from"),
        ({"query": {"term": {"a": "x", "b": "y"}}}, "a, b"),
        ({"query": {"term": {"a": ["x"]}}}, "x"),
        ({"query": {"a": 1, "b": 2}}, "a, b"),
        ({"meta": {"type": "combined"}, "query": {}}, "combined"),
        ({"meta": {}}, "one name"),
        ({"query": {"exists": "a"}}, "exists"),
        ({"query": {"bool": []}}, "bool"),
        ({"query": {"term": {"a": {"val": "x"}}}}, "val"),
    ],
)
def test_what_is_no_part_of_the_subset_is_refused_by_name(filter, named):
    with pytest.raises(NotRunnable) as caught:
        _found(filter)
    assert named in str(caught.value)


def test_a_value_that_does_not_fit_its_field_fails_the_rule_as_in_elasticsearch():
    with pytest.raises(BadQuery, match="no number"):
        _found({"query": {"term": {"n": "many"}}})
