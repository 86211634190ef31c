"""`/elasticsearch`: what the mappings of telemetry say, and counts over it, as Elastic's own client asks."""

from collections.abc import Iterator
from typing import Any

import pytest
from elasticsearch import AuthenticationException
from elasticsearch import BadRequestError
from elasticsearch import Elasticsearch
from elasticsearch import NotFoundError

from deployer.emulator import Emulator
from tests.emulator.make import INDEX
from tests.emulator.make import NOW
from tests.emulator.make import Client
from tests.emulator.make import ago
from tests.emulator.make import documents

FIREWALL = "logs-network.firewall-acme"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """Six connections and a firewall's two in the space acme, one in globex."""
    with Emulator() as emulator:
        emulator.set_clock(NOW)
        windows = documents(4, **{"host.os.type": "windows", "acme.risk": 7})
        linux = documents(2, **{"host.os.type": "linux", "source.bytes": 900})
        wall = [{"@timestamp": ago(days=2), "event.category": ["network"], "source.ip": "192.0.2.1"}] * 2
        acme = {INDEX: [*windows, *linux], FIREWALL: wall}
        emulator.load(kibana={"acme": acme, "globex": {"logs-endpoint.events.network-globex": documents(1)}})
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Elasticsearch]:
    """Of the cluster that holds acme's data."""
    with Elasticsearch(f"{emulator.url}/elasticsearch/s/acme", api_key=("id", "made-up")) as client:
        yield client


def test_fields_are_told_with_their_types(client: Elasticsearch) -> None:
    answer = client.field_caps(index=["logs-endpoint.*"], fields=["destination.ip", "source.bytes", "no.such"])

    def told(type: str) -> Any:
        return {type: {"type": type, "metadata_field": False, "searchable": True, "aggregatable": True}}

    assert answer["indices"] == [INDEX]
    assert answer["fields"] == {"destination.ip": told("ip"), "source.bytes": told("long")}


def test_a_field_that_documents_brought_is_mapped_as_they_are(client: Elasticsearch) -> None:
    of_endpoint = client.field_caps(index=[INDEX], fields=["acme.*"])["fields"]
    of_firewall = client.field_caps(index=[FIREWALL], fields=["acme.*"])["fields"]

    assert (list(of_endpoint["acme.risk"]), of_firewall) == (["long"], {})


def test_nested_fields_are_neither_searched_nor_grouped_by(client: Elasticsearch) -> None:
    field = "process.Ext.code_signature"
    (told,) = client.field_caps(index=[INDEX], fields=[field])["fields"][field].values()

    assert (told["type"], told["searchable"], told["aggregatable"]) == ("nested", False, False)


def test_patterns_that_match_nothing_have_no_fields_and_no_documents(client: Elasticsearch) -> None:
    assert client.field_caps(index=["winlogbeat-*"], fields=["a"]).body == {"indices": [], "fields": {}}
    found = client.search(index=["winlogbeat-*"], size=0, aggs={"a": {"filter": {"match_all": {}}}})
    assert (found["hits"]["total"]["value"], "aggregations" in found) == (0, False)


def test_an_index_that_is_named_must_be_there_unless_told_otherwise(client: Elasticsearch) -> None:
    for ask in (lambda: client.field_caps(index=["gone"], fields=["a"]), lambda: client.search(index=["gone"])):
        with pytest.raises(NotFoundError) as refused:
            ask()
        assert refused.value.error == "index_not_found_exception"
    with pytest.raises(NotFoundError):
        client.search(index=["gone-*"], allow_no_indices=False)

    assert client.search(index=["gone", INDEX], ignore_unavailable=True)["hits"]["total"]["value"] == 6


def test_each_space_is_a_cluster_of_its_own_and_all_are_one(emulator: Emulator, client: Elasticsearch) -> None:
    with Elasticsearch(f"{emulator.url}/elasticsearch", api_key=("id", "made-up")) as whole:
        assert whole.search(index=["logs-*"], size=0)["hits"]["total"]["value"] == 9
    assert client.search(index=["logs-*"], size=0)["hits"]["total"]["value"] == 8


def test_documents_are_counted_by_filter_and_by_system(client: Elasticsearch) -> None:
    network, sized = {"terms": {"event.category": ["network"]}}, {"exists": {"field": "source.bytes"}}
    both: Any = {"bool": {"filter": [network, sized]}}
    counts: Any = {"counts": {"filters": {"filters": {"all": {"match_all": {}}, "bytes": both}}}}
    systems: Any = {"systems": {"terms": {"field": "host.os.type", "size": 5}, "aggs": counts}}
    window: Any = {"bool": {"filter": [{"range": {"@timestamp": {"gte": "now-1h", "lte": "now"}}}]}}

    answer = client.search(index=["logs-*"], size=0, track_total_hits=True, query=window, aggs={**counts, **systems})

    assert (answer["hits"]["total"]["value"], answer["hits"]["hits"]) == (6, [])
    told = answer["aggregations"]
    assert told["counts"]["buckets"] == {"all": {"doc_count": 6}, "bytes": {"doc_count": 2}}
    assert [
        (bucket["key"], bucket["doc_count"], bucket["counts"]["buckets"]["bytes"]["doc_count"])
        for bucket in told["systems"]["buckets"]
    ] == [("windows", 4, 0), ("linux", 2, 2)]


def test_every_credential_may_read_every_index(client: Elasticsearch) -> None:
    told = client.security.has_privileges(index=[{"names": ["logs-*", INDEX], "privileges": ["read"]}])

    assert told["has_all_requested"] is True
    assert (told["username"], told["index"]) == ("id", {"logs-*": {"read": True}, INDEX: {"read": True}})


@pytest.mark.parametrize(
    "body",
    [
        {"runtime_mappings": {"a": {"type": "long"}}},
        {"aggs": {"a": {"filters": {"filters": [{"match_all": {}}]}}}},
        {"aggs": {"a": {"filters": {"filters": {}, "other_bucket": True}}}},
        {"aggs": {"a": {"filter": {"fuzzy": {"a": "b"}}}}},
        {"aggs": {"a": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}}}},
        {"query": {"exists": {"field": "process.name.caseless"}}},
        {"query": {"exists": {"field": "process.Ext.code_signature.trusted"}}},
    ],
    ids=str,
)
def test_what_is_not_emulated_is_refused_by_name(client: Elasticsearch, body: Any) -> None:
    with pytest.raises(BadRequestError, match="not understood by the emulator"):
        client.search(index=[INDEX], **body)


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "status", "kind"),
    [
        ("GET", f"/{INDEX}/_field_caps", None, {}, 400, "action_request_validation_exception"),
        ("GET", f"/{INDEX}/_field_caps", None, {"fields": "a", "include_unmapped": "true"}, 400, None),
        ("POST", f"/{INDEX}/_field_caps", {"fields": ["a"], "index_filter": {}}, {}, 400, "parsing_exception"),
        ("GET", f"/{INDEX}/_field_caps", None, {"fields": "a", "allow_no_indices": "x"}, 400, None),
        ("POST", f"/{INDEX}/_count", {}, {}, 501, "not_emulated"),
        ("POST", "/.alerts-security.alerts-*/_search", {}, {}, 501, "not_emulated"),
        ("POST", "/_security/user/_has_privileges", {"cluster": ["all"]}, {}, 400, "parsing_exception"),
        ("POST", "/_security/user/_has_privileges", {"index": [{"names": ["a"]}]}, {}, 400, "parsing_exception"),
        ("DELETE", f"/{INDEX}", None, {}, 501, "not_emulated"),
    ],
)
def test_the_rest_is_refused(
    elasticsearch: Client, method: str, path: str, body: Any, query: Any, status: int, kind: str | None
) -> None:
    answer = elasticsearch(method, path, body, **query)

    assert answer.status_code == status
    assert answer.json()["error"]["type"] == (kind or "illegal_argument_exception")


def test_nobody_asks_without_a_credential(emulator: Emulator) -> None:
    with (
        Elasticsearch(f"{emulator.url}/elasticsearch") as client,
        pytest.raises(AuthenticationException, match="missing authentication credentials"),
    ):
        client.field_caps(index=[INDEX], fields=["a"])


@pytest.mark.parametrize(("version", "fine"), [("8.18.1", True), ("9.3.0", True), ("7.17.0", False), ("10.0.0", False)])
def test_a_server_takes_clients_of_its_own_and_the_major_version_before(
    emulator: Emulator, client: Elasticsearch, version: str, fine: bool
) -> None:
    emulator.set("kibana_version", version)
    if fine:
        assert client.field_caps(index=[INDEX], fields=["@timestamp"])["indices"] == [INDEX]
    else:
        with pytest.raises(BadRequestError) as refused:
            client.field_caps(index=[INDEX], fields=["@timestamp"])
        assert refused.value.error == "media_type_header_exception"
