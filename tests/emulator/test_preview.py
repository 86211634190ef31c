"""`rules/preview`: what a rule would find, and where its alerts can be read."""

from typing import Any

import pytest

from deployer.emulator import Emulator
from tests.descriptions import Description
from tests.descriptions import kibana_description
from tests.emulator.make import INDEX
from tests.emulator.make import Client
from tests.emulator.make import ago
from tests.emulator.make import documents
from tests.emulator.make import entry
from tests.emulator.make import exception_item
from tests.emulator.make import exception_list
from tests.emulator.make import threshold_rule

RULES = "/api/detection_engine/rules"
PREVIEW = f"{RULES}/preview"
SEARCH = "/api/detection_engine/signals/search"
ALERTS = "/.preview.alerts-security.alerts-acme/_search"


def _body(**changes: Any) -> dict[str, Any]:
    asked = {"invocationCount": 1, "timeframeEnd": "2026-11-20T12:00:00.000Z"}
    rule = {"index": ["logs-*"], "interval": "1h", "from": "now-24h", **asked, **changes}
    return threshold_rule(**{"threshold": {"field": ["host.name"], "value": 20}, **rule})


def _query(**changes: Any) -> dict[str, Any]:
    return _body(type="query", threshold=None, query="destination.port: 6667", **changes)


def _of_preview(elasticsearch: Client, preview: str) -> list[dict[str, Any]]:
    body = {"query": {"term": {"kibana.alert.rule.uuid": preview}}, "size": 100, "sort": "@timestamp"}
    return [hit["_source"] for hit in elasticsearch("POST", ALERTS, body).json()["hits"]["hits"]]


def test_a_preview_finds_what_the_rule_would(emulator: Emulator, kibana: Client, elasticsearch: Client) -> None:
    emulator.load(kibana={"acme": {INDEX: documents(20)}})
    answer = kibana("POST", PREVIEW, _body())

    assert answer.status_code == 200
    [log] = answer.json().pop("logs")
    assert isinstance(log.pop("duration"), int)
    assert log == {"errors": [], "warnings": [], "startedAt": "2026-11-20T12:00:00.000Z", "emulated": True}
    assert (answer.json()["isAborted"], answer.json()["emulated"]) == (False, True)
    [alert] = _of_preview(elasticsearch, answer.json()["previewId"])
    assert (alert["@timestamp"], alert["host.name"]) == ("2026-11-20T12:00:00.000Z", "ws-17")
    assert alert["kibana.alert.threshold_result"]["count"] == 20
    assert alert["kibana.alert.emulated"] is True


def test_a_preview_writes_no_rule_and_no_alert_of_a_rule(emulator: Emulator, kibana: Client) -> None:
    emulator.load(kibana={"acme": {INDEX: documents(20)}})
    kibana("POST", PREVIEW, _body())

    assert kibana("GET", f"{RULES}/_find").json()["total"] == 0
    assert kibana("POST", SEARCH, {"size": 1}).json()["hits"]["total"]["value"] == 0


def test_previews_are_apart(emulator: Emulator, kibana: Client, elasticsearch: Client) -> None:
    emulator.load(kibana={"acme": {INDEX: documents(20)}})
    first, second = (kibana("POST", PREVIEW, _body()).json()["previewId"] for _ in range(2))

    assert (len(_of_preview(elasticsearch, first)), len(_of_preview(elasticsearch, second))) == (1, 1)


def test_each_invocation_has_its_own_window(emulator: Emulator, kibana: Client, elasticsearch: Client) -> None:
    """The last one ends at timeframeEnd, those before it one interval earlier each."""
    at = [ago(minutes=minutes) for minutes in (30, 90, 95)]
    emulator.load(kibana={"acme": {INDEX: [{**documents(1)[0], "@timestamp": moment} for moment in at]}})
    answer = kibana("POST", PREVIEW, _query(**{"from": "now-1h"}, invocationCount=3)).json()

    assert [log["startedAt"] for log in answer["logs"]] == [
        "2026-11-20T10:00:00.000Z",
        "2026-11-20T11:00:00.000Z",
        "2026-11-20T12:00:00.000Z",
    ]
    alerts = _of_preview(elasticsearch, answer["previewId"])
    assert [(alert["@timestamp"], alert["kibana.alert.original_time"]) for alert in alerts] == [
        ("2026-11-20T11:00:00.000Z", ago(minutes=95)),
        ("2026-11-20T11:00:00.000Z", ago(minutes=90)),
        ("2026-11-20T12:00:00.000Z", ago(minutes=30)),
    ]


def test_invocations_remember_those_before_them(emulator: Emulator, kibana: Client, elasticsearch: Client) -> None:
    early = [{**event, "@timestamp": ago(hours=3)} for event in documents(20)]
    emulator.load(kibana={"acme": {INDEX: early}})
    answer = kibana("POST", PREVIEW, _body(invocationCount=4)).json()

    [alert] = _of_preview(elasticsearch, answer["previewId"])
    assert alert["@timestamp"] == "2026-11-20T09:00:00.000Z"


def test_a_preview_heeds_the_exceptions_it_names(emulator: Emulator, kibana: Client, elasticsearch: Client) -> None:
    kibana("POST", "/api/exception_lists", exception_list())
    kibana("POST", "/api/exception_lists/items", exception_item(entries=[entry(value="198.51.100.0/24")]))
    reference = {"id": "any", "list_id": "proxies", "type": "detection", "namespace_type": "single"}
    emulator.load(kibana={"acme": {INDEX: documents(20)}})
    without = kibana("POST", PREVIEW, _body()).json()["previewId"]
    heeding = kibana("POST", PREVIEW, _body(exceptions_list=[reference])).json()["previewId"]

    assert (len(_of_preview(elasticsearch, without)), len(_of_preview(elasticsearch, heeding))) == (1, 0)


def test_no_index_is_a_warning(kibana: Client) -> None:
    [log] = kibana("POST", PREVIEW, _body()).json()["logs"]

    assert (log["errors"], len(log["warnings"])) == ([], 1)
    assert 'no index matching: ["logs-*"] was found' in log["warnings"][0]


def test_a_missing_data_view_is_an_error_and_ends_the_preview(kibana: Client) -> None:
    [log] = kibana("POST", PREVIEW, _body(data_view_id="gone", invocationCount=3)).json()["logs"]

    assert log["errors"] == ["Data View not found Error: Saved object [index-pattern/gone] not found"]


def test_what_no_engine_runs_is_an_error_and_not_a_preview_without_alerts(emulator: Emulator, kibana: Client) -> None:
    emulator.load(kibana={"acme": {INDEX: documents(20)}})
    rule = _body(type="eql", language="eql", query="network where true", threshold=None)
    [log] = kibana("POST", PREVIEW, rule).json()["logs"]

    assert log["errors"] == ["emulated: not run: a rule of type eql"]


def test_less_than_one_invocation_is_refused_in_the_log(kibana: Client) -> None:
    answer = kibana("POST", PREVIEW, _body(invocationCount=0))

    assert (answer.status_code, "previewId" in answer.json()) == (200, False)
    assert answer.json()["logs"][0]["errors"] == ["Invalid invocation count"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"invocationCount": None}, "[request body]: invocationCount: Required"),
        ({"timeframeEnd": None}, "[request body]: timeframeEnd: Required"),
        ({"timeframeEnd": "noon"}, "[request body]: timeframeEnd: Invalid datetime"),
        ({"name": None}, "[request body]: name: Required"),
        ({"language": "eql"}, "Invalid enum value. Expected 'kuery' | 'lucene'"),
        (
            {"threshold": {"field": ["a"], "value": 1, "cardinality": [{"field": "a", "value": 1}]}},
            "Cardinality of a field that is being aggregated on is always 1",
        ),
    ],
)
def test_what_create_refuses_is_refused(kibana: Client, changes: dict[str, Any], message: str) -> None:
    answer = kibana("POST", PREVIEW, _body(**changes))

    assert answer.status_code == 400
    assert message in str(answer.json()["message"])


def test_a_preview_without_alerts_leaves_no_index(kibana: Client, elasticsearch: Client) -> None:
    kibana("POST", PREVIEW, _body())
    answer = elasticsearch("POST", ALERTS, {})

    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "index_not_found_exception")


def test_time_that_runs_out_is_told(emulator: Emulator, kibana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployer.emulator.kibana.previews.TIMEOUT_SECONDS", -1.0)
    answer = kibana("POST", PREVIEW, _body(invocationCount=3)).json()

    assert (answer["logs"], answer["isAborted"]) == ([], True)


def test_time_may_run_out_after_so_many_invocations(emulator: Emulator, kibana: Client) -> None:
    emulator.set("preview_runs", 2)

    answer = kibana("POST", PREVIEW, _body(invocationCount=3)).json()

    assert (len(answer["logs"]), answer["isAborted"]) == (2, True)
    assert kibana("POST", PREVIEW, _body(invocationCount=2)).json()["isAborted"] is False


def test_alerts_are_paged_through_by_what_they_are_sorted_by(
    emulator: Emulator, kibana: Client, elasticsearch: Client
) -> None:
    emulator.load(kibana={"acme": {INDEX: documents(20)}})
    preview = kibana("POST", PREVIEW, _query(invocationCount=1)).json()["previewId"]
    body: dict[str, Any] = {
        "query": {"term": {"kibana.alert.rule.uuid": preview}},
        "size": 6,
        "sort": [{"@timestamp": "asc"}, {"kibana.alert.uuid": "desc"}],
    }
    pages: list[list[str]] = []
    while hits := elasticsearch("POST", ALERTS, body).json()["hits"]["hits"]:
        pages.append([hit["_source"]["kibana.alert.uuid"] for hit in hits])
        body = {**body, "search_after": hits[-1]["sort"]}

    assert [len(page) for page in pages] == [6, 6, 6, 2]
    assert len({one for page in pages for one in page}) == 20
    for odd in ({"search_after": ["a"]}, {"search_after": [0, "a"], "from": 1}, {"search_after": [0, "a"], "sort": []}):
        assert elasticsearch("POST", ALERTS, {**body, **odd}).status_code == 400


@pytest.fixture(scope="session")
def description(shared: Any) -> Description:
    return kibana_description(shared)


@pytest.mark.parametrize(
    "changes", [{}, {"data_view_id": "gone"}, {"invocationCount": 0}, {"index": ["x"]}, {"name": None}]
)
def test_answers_are_as_described(
    emulator: Emulator, kibana: Client, description: Description, changes: dict[str, Any]
) -> None:
    emulator.load(kibana={"acme": {INDEX: documents(20)}})
    body = _body(**changes)
    if body.get("name"):
        description.check_request(body, "POST", PREVIEW)
    description.check(kibana("POST", PREVIEW, body), "POST", PREVIEW)
