"""`signals/search`, and the same search through Elasticsearch: what is found, what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from deployer.emulator import Emulator
from tests.descriptions import kibana_description
from tests.emulator.make import INDEX
from tests.emulator.make import NOW
from tests.emulator.make import Client
from tests.emulator.make import ago
from tests.emulator.make import documents
from tests.emulator.make import kibana_client
from tests.emulator.make import threshold_rule

RULES = "/api/detection_engine/rules"
SEARCH = "/api/detection_engine/signals/search"
HOSTS = ("a", "b", "b", "c", "c", "c")


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """One for all tests of this module, which only look, with six alerts in the space acme."""
    with Emulator() as emulator:
        emulator.set_clock(NOW)
        _fill(emulator)
        yield emulator


def _fill(emulator: Emulator) -> None:
    """Six alerts: of host a, b and c, one, two and three, the last without a port."""
    rule = threshold_rule(type="query", threshold=None, enabled=True, index=["logs-*"], **{"from": "now-1h"})
    client = kibana_client(emulator.url)
    client("POST", RULES, rule)
    client.session.close()
    events = [
        {**document, "host.name": host, "destination.port": 6660 + number, "source.ip": f"192.0.2.{number}"}
        for number, (host, document) in enumerate(zip(HOSTS, documents(6), strict=True))
    ]
    del events[-1]["destination.port"]
    emulator.load(kibana={"acme": {INDEX: events}})
    assert emulator.run()["kibana"]["acme"][0]["alerts"] == 6


@pytest.fixture
def alerts(kibana: Client) -> Client:
    """A client of that space."""
    return kibana


def _hosts(client: Client, body: dict[str, Any]) -> list[str]:
    answer = client("POST", SEARCH, {"size": 100, **body})
    assert answer.status_code == 200, answer.text
    return [hit["_source"]["host.name"] for hit in answer.json()["hits"]["hits"]]


@pytest.mark.parametrize(
    ("query", "hosts"),
    [
        ({"match_all": {}}, "abbccc"),
        ({"term": {"host.name": "b"}}, "bb"),
        ({"term": {"host.name": {"value": "b"}}}, "bb"),
        ({"match_phrase": {"kibana.alert.workflow_status": "open"}}, "abbccc"),
        ({"terms": {"host.name": ["a", "c"]}}, "accc"),
        ({"term": {"destination.port": 6661}}, "b"),
        ({"term": {"destination.port": "6661"}}, "b"),
        ({"term": {"source.ip": "192.0.2.4/31"}}, "cc"),
        ({"term": {"event.category": "network"}}, "abbccc"),
        ({"term": {"kibana.alert.emulated": True}}, "abbccc"),
        ({"term": {"kibana.alert.ancestors.depth": 0}}, "abbccc"),
        ({"range": {"destination.port": {"gte": 6661, "lt": 6663}}}, "bb"),
        ({"range": {"kibana.alert.original_time": {"gt": ago(minutes=2)}}}, "c"),
        ({"range": {"kibana.alert.original_time": {"gte": "now-2m", "lte": "now"}}}, "cc"),
        ({"range": {"@timestamp": {"lt": "2026-11-20T12:00:00.000Z"}}}, ""),
        ({"range": {"@timestamp": {"lte": "2026-11-20T13:00:00+01:00"}}}, "abbccc"),
        ({"range": {"@timestamp": {"lte": "2026-11-20"}}}, "abbccc"),
        ({"range": {"@timestamp": {"gt": "2026-11-20"}}}, ""),
        ({"range": {"@timestamp": {"gte": "2026-11-20", "lt": "2026-11-21"}}}, "abbccc"),
        ({"term": {"@timestamp": "2026-11-20"}}, "abbccc"),
        ({"term": {"@timestamp": "2026-11-19"}}, ""),
        ({"exists": {"field": "destination.port"}}, "abbcc"),
        ({"bool": {"must_not": {"exists": {"field": "destination.port"}}}}, "c"),
        ({"bool": {"filter": [{"term": {"host.name": "c"}}], "must": {"exists": {"field": "destination.port"}}}}, "cc"),
        ({"bool": {"should": [{"term": {"host.name": "a"}}, {"term": {"host.name": "b"}}]}}, "abb"),
        ({"bool": {"filter": [{"match_all": {}}], "should": [{"term": {"host.name": "a"}}]}}, "abbccc"),
        ({"bool": {"filter": [], "should": [], "must": [], "must_not": []}}, "abbccc"),
        (
            {
                "bool": {
                    "filter": [{"match_all": {}}],
                    "should": [{"term": {"host.name": "a"}}, {"exists": {"field": "destination.port"}}],
                    "minimum_should_match": 2,
                }
            },
            "a",
        ),
    ],
)
def test_a_query_finds(alerts: Client, query: dict[str, Any], hosts: str) -> None:
    assert sorted(_hosts(alerts, {"query": query})) == list(hosts)


def test_without_a_query_everything_is_found(alerts: Client) -> None:
    assert len(_hosts(alerts, {})) == 6


def test_the_answer_is_that_of_elasticsearch(alerts: Client) -> None:
    answer = alerts("POST", SEARCH, {"query": {"term": {"host.name": "a"}}, "_source": ["host.name"]}).json()

    [hit] = answer["hits"].pop("hits")
    assert answer == {
        "took": 0,
        "timed_out": False,
        "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        "hits": {"total": {"value": 1, "relation": "eq"}, "max_score": 1.0},
        "emulated": True,
    }
    assert len(hit.pop("_id")) == 64
    assert hit == {
        "_index": ".internal.alerts-security.alerts-acme-000001",
        "_score": 1.0,
        "_source": {"host.name": "a"},
    }


@pytest.mark.parametrize(
    ("sort", "ports"),
    [
        ("destination.port", [6660, 6661, 6662, 6663, 6664, None]),
        ([{"destination.port": "desc"}], [6664, 6663, 6662, 6661, 6660, None]),
        (
            [{"host.name": {"order": "desc"}}, {"destination.port": {"order": "asc"}}],
            [6663, 6664, None, 6661, 6662, 6660],
        ),
        ([{"kibana.alert.original_time": {"order": "desc"}}], [None, 6664, 6663, 6662, 6661, 6660]),
    ],
)
def test_sorted_and_what_has_no_value_last(alerts: Client, sort: Any, ports: list[int | None]) -> None:
    hits = alerts("POST", SEARCH, {"sort": sort}).json()["hits"]["hits"]

    assert [hit["_source"].get("destination.port") for hit in hits] == ports
    assert hits[0]["_score"] is None


def test_a_moment_is_sorted_as_milliseconds(alerts: Client) -> None:
    hits = alerts("POST", SEARCH, {"sort": [{"@timestamp": "asc"}], "size": 1}).json()["hits"]["hits"]

    assert hits[0]["sort"] == [1795176000000]


def test_ten_are_shown_unless_told() -> None:
    with Emulator() as emulator:
        emulator.set_clock(NOW)
        _fill(emulator)
        emulator.load(kibana={"acme": {INDEX: documents(6)}})
        emulator.run()
        kibana = kibana_client(emulator.url)
        answer = kibana("POST", SEARCH, {"query": {"match_all": {}}}).json()["hits"]
        none = kibana("POST", SEARCH, {"size": 0, "track_total_hits": False}).json()["hits"]
        kibana.session.close()

    assert (answer["total"]["value"], len(answer["hits"])) == (12, 10)
    assert none == {"max_score": None, "hits": []}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (True, {"host.name", "@timestamp"}),
        (False, None),
        ("host.name", {"host.name"}),
        (["host.*", "@timestamp"], {"host.name", "@timestamp"}),
        ("host", {"host.name"}),
    ],
)
def test_the_source_can_be_narrowed(alerts: Client, wanted: Any, names: set[str] | None) -> None:
    [hit] = alerts("POST", SEARCH, {"size": 1, "_source": wanted}).json()["hits"]["hits"]

    assert (set(hit["_source"]) & {"host.name", "@timestamp"} if "_source" in hit else None) == names


def test_aggregations_count_what_the_query_finds(alerts: Client) -> None:
    wanted = {
        "hosts": {
            "terms": {"field": "host.name", "size": 2},
            "aggs": {"ports": {"terms": {"field": "destination.port"}}},
        },
        "portless": {"missing": {"field": "destination.port"}},
        "different": {"cardinality": {"field": "host.name"}},
    }
    body = {"size": 0, "aggs": wanted, "query": {"terms": {"host.name": ["a", "b", "c"]}}}

    def ports(*numbers: int) -> dict[str, Any]:
        buckets = [{"key": number, "doc_count": 1} for number in numbers]
        return {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": buckets}

    assert alerts("POST", SEARCH, body).json()["aggregations"] == {
        "hosts": {
            "doc_count_error_upper_bound": 0,
            "sum_other_doc_count": 1,
            "buckets": [
                {"key": "c", "doc_count": 3, "ports": ports(6663, 6664)},
                {"key": "b", "doc_count": 2, "ports": ports(6661, 6662)},
            ],
        },
        "portless": {"doc_count": 1},
        "different": {"value": 3},
    }


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"query": {"wildcard": {"host.name": "a*"}}}, "wildcard"),
        ({"query": {"term": {"a": 1}, "exists": {}}}, "is not one condition"),
        ({"query": {"term": {"a": 1, "b": 2}}}, "must name one field"),
        ({"query": {"term": {"a": {"value": 1, "boost": 2}}}}, "boost"),
        ({"query": {"range": {"@timestamp": {"gte": "now/d"}}}}, "now/d"),
        ({"query": {"range": {"@timestamp": {"gte": 1, "time_zone": "+01:00"}}}}, "time_zone"),
        ({"query": {"bool": {"boost": 1}}}, "bool: boost"),
        ({"query": {"bool": {"should": [], "minimum_should_match": "50%"}}}, "50%"),
        ({"sort": [{"a": {"order": "asc", "nested": {}}}]}, "nested"),
        ({"sort": "_doc"}, "_doc"),
        ({"size": -1}, "size: -1"),
        ({"size": 10_001}, "10000"),
        ({"fields": ["host.name"]}, "fields"),
        ({"runtime_mappings": {"a": {"type": "long"}}}, "runtime_mappings"),
        ({"aggs": {"a": {"avg": {"field": "a"}}}}, "avg"),
        ({"aggs": {"a": {"terms": {"field": "a", "include": "x"}}}}, "include"),
        ({"_source": {"includes": ["a"]}}, "includes"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(alerts: Client, body: dict[str, Any], named: str) -> None:
    answer = alerts("POST", SEARCH, body)

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("not understood by the emulator: ")
    assert named in answer.json()["message"]


def test_what_kibana_would_drop_in_silence_is_refused(alerts: Client) -> None:
    answer = alerts("POST", SEARCH, {"query": {"match_all": {}}, "from": 10})

    assert (answer.status_code, answer.json()["status_code"]) == (400, 400)
    assert answer.json()["message"].endswith("drop in silence: from")


def test_an_empty_body_is_refused_as_kibana_does(kibana: Client) -> None:
    answer = kibana("POST", SEARCH, {})

    assert answer.json() == {"message": '"value" must have at least 1 children', "status_code": 400}


def test_a_space_without_alerts_has_none(emulator: Emulator) -> None:
    globex = kibana_client(emulator.url, "globex")
    assert globex("POST", SEARCH, {"query": {"match_all": {}}}).json()["hits"]["total"]["value"] == 0
    globex.session.close()


def test_elasticsearch_pages_through_the_same_alerts(emulator: Emulator) -> None:
    with Elasticsearch(f"{emulator.url}/elasticsearch", api_key=("id", "made-up")) as client:
        pages = [
            client.search(index=".alerts-security.alerts-acme", size=4, from_=start, sort=[{"destination.port": "asc"}])
            for start in (0, 4)
        ]

    ports = [hit["_source"].get("destination.port") for page in pages for hit in page["hits"]["hits"]]
    assert ports == [6660, 6661, 6662, 6663, 6664, None]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind"),
    [
        ("POST", "/.alerts-security.alerts-globex/_search", {}, 404, "index_not_found_exception"),
        ("POST", "/.alerts-security.alerts-acme/_search", {"query": {"fuzzy": {}}}, 400, "parsing_exception"),
        ("POST", "/.alerts-security.alerts-acme/_search", [], 400, "parsing_exception"),
        ("POST", "/.alerts-security.alerts-*/_search", {}, 501, "not_emulated"),
        ("POST", "/logs-endpoint.events.network-other/_search", {}, 404, "index_not_found_exception"),
        ("POST", "/.alerts-security.alerts-acme/_count", {}, 501, "not_emulated"),
    ],
)
def test_elasticsearch_refuses_the_rest(
    elasticsearch: Client, method: str, path: str, body: Any, status: int, kind: str
) -> None:
    answer = elasticsearch(method, path, body)

    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


def test_answers_are_as_described(alerts: Client, shared: Path) -> None:
    description = kibana_description(shared)
    bodies: list[dict[str, Any]] = [{"query": {"match_all": {}}, "sort": "@timestamp"}, {"query": {"fuzzy": {}}}, {}]
    for body in bodies:
        description.check(alerts("POST", SEARCH, body), "POST", SEARCH)
