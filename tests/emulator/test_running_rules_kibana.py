"""Runs of Kibana's rules on telemetry: execution summaries, alerts, exceptions, memories."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deployer.emulator import Emulator
from tests.descriptions import kibana_description
from tests.emulator.make import INDEX
from tests.emulator.make import NOW
from tests.emulator.make import Client
from tests.emulator.make import ago
from tests.emulator.make import data_view
from tests.emulator.make import documents
from tests.emulator.make import entry
from tests.emulator.make import exception_item
from tests.emulator.make import exception_list
from tests.emulator.make import kibana_client
from tests.emulator.make import scheduled_rule
from tests.emulator.make import threshold_rule

RULES = "/api/detection_engine/rules"
SEARCH = "/api/detection_engine/signals/search"
VIEWS = "/api/data_views/data_view"
LISTS = "/api/exception_lists"
NO_INDEX = (
    'This rule is attempting to query data from Elasticsearch indices listed in the "Index patterns" section of the '
    'rule definition, however no index matching: ["logs-*"] was found. This warning will continue to appear until a '
    "matching index is created or this rule is disabled."
)


def _rule(**changes: Any) -> dict[str, Any]:
    body = {"enabled": True, "index": ["logs-*"], "interval": "1h", "from": "now-24h", **changes}
    return threshold_rule(**{"threshold": {"field": ["host.name"], "value": 20}, **body})


def _query_rule(**changes: Any) -> dict[str, Any]:
    return _rule(type="query", threshold=None, query="destination.port: 6667", **changes)


def _summary(kibana: Client) -> Any:
    return kibana("GET", RULES, rule_id="beacon").json().get("execution_summary")


def _alerts(kibana: Client) -> list[dict[str, Any]]:
    body = {"query": {"match_all": {}}, "size": 1000}
    return [hit["_source"] for hit in kibana("POST", SEARCH, body).json()["hits"]["hits"]]


def _outcome(answer: dict[str, Any], space: str = "acme") -> list[tuple[str, int]]:
    return [(entry["outcome"], entry["alerts"]) for entry in answer["kibana"][space]]


def test_a_run_that_detects_writes_an_alert_and_a_summary(stopped: Emulator, kibana: Client) -> None:
    made = kibana("POST", RULES, _rule()).json()
    stopped.load(kibana={"acme": {INDEX: documents(20)}})
    answer = stopped.run()

    assert answer == {
        "emulated": True,
        "at": "2026-11-20T12:00:00.000Z",
        "kibana": {
            "acme": [
                {
                    "at": "2026-11-20T12:00:00.000Z",
                    "rule_id": "beacon",
                    "name": "Beacon",
                    "outcome": "succeeded",
                    "message": "Rule execution completed successfully",
                    "alerts": 1,
                }
            ]
        },
        "sentinel": {},
    }
    assert _summary(kibana) == {
        "last_execution": {
            "date": "2026-11-20T12:00:00.000Z",
            "status": "succeeded",
            "status_order": 0,
            "message": "Rule execution completed successfully",
            "metrics": {"total_search_duration_ms": 1, "total_indexing_duration_ms": 0},
            "emulated": True,
        }
    }
    [alert] = _alerts(kibana)
    shown = {name: alert[name] for name in alert if name.startswith(("@", "host", "kibana.alert.rule.uuid"))}
    assert shown == {
        "@timestamp": "2026-11-20T12:00:00.000Z",
        "host.name": "ws-17",
        "kibana.alert.rule.uuid": made["id"],
    }
    assert alert["kibana.alert.emulated"] is True
    assert alert["kibana.alert.workflow_status"] == "open"
    assert alert["kibana.alert.rule.rule_id"] == "beacon"
    assert alert["kibana.alert.original_time"] == ago(minutes=1)
    assert alert["kibana.alert.threshold_result"] == {
        "count": 20,
        "from": ago(minutes=20),
        "terms": [{"field": "host.name", "value": "ws-17"}],
    }


def test_a_run_that_detects_nothing_succeeds_too(stopped: Emulator, kibana: Client) -> None:
    kibana("POST", RULES, _rule())
    stopped.load(kibana={"acme": {INDEX: documents(19)}})

    assert _outcome(stopped.run()) == [("succeeded", 0)]
    assert _alerts(kibana) == []


def test_a_run_changes_nothing_of_the_rule_but_its_summary(stopped: Emulator, kibana: Client) -> None:
    made = kibana("POST", RULES, _rule()).json()
    stopped.run()
    after = kibana("GET", RULES, rule_id="beacon").json()

    assert {name: after[name] for name in after if name != "execution_summary"} == made


def test_no_index_is_a_partial_failure_in_kibanas_words(stopped: Emulator, kibana: Client) -> None:
    kibana("POST", RULES, _rule())
    stopped.run()

    last = _summary(kibana)["last_execution"]
    assert (last["status"], last["status_order"], last["message"]) == ("partial failure", 20, NO_INDEX)


def test_an_index_without_fitting_name_is_no_index(stopped: Emulator, kibana: Client) -> None:
    kibana("POST", RULES, _rule(index=["logs-*", "-logs-endpoint*", "winlogbeat-*"]))
    stopped.load(kibana={"acme": {INDEX: documents(20)}})

    assert _outcome(stopped.run()) == [("partial failure", 0)]


def test_a_rule_without_indices_takes_those_of_the_space(stopped: Emulator, kibana: Client) -> None:
    kibana("POST", RULES, _rule(index=None))
    stopped.load(kibana={"acme": {INDEX: documents(20)}})

    assert _outcome(stopped.run()) == [("succeeded", 1)]


def test_a_missing_data_view_fails_the_run(stopped: Emulator, kibana: Client) -> None:
    kibana("POST", RULES, _rule(data_view_id="network"))
    stopped.load(kibana={"acme": {INDEX: documents(20)}})
    stopped.run()

    last = _summary(kibana)["last_execution"]
    assert (last["status"], last["status_order"]) == ("failed", 30)
    assert last["message"] == "Data View not found Error: Saved object [index-pattern/network] not found"


def test_a_data_view_brings_its_indices_and_its_runtime_field(stopped: Emulator, kibana: Client) -> None:
    source = "emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 3600000L);"
    view = data_view(runtimeFieldMap={"hour": {"type": "long", "script": {"source": source}}})
    kibana("POST", VIEWS, view)
    threshold = {"field": ["host.name"], "value": 20, "cardinality": [{"field": "hour", "value": 3}]}
    kibana("POST", RULES, _rule(index=["nothing-*"], data_view_id="network", threshold=threshold))
    stopped.load(kibana={"acme": {INDEX: documents(61)}})
    two_hours = _outcome(stopped.run())
    stopped.load(kibana={"acme": {INDEX: [{**documents(1)[0], "@timestamp": ago(hours=5)}]}})

    assert (two_hours, _outcome(stopped.run())) == ([("succeeded", 0)], [("succeeded", 1)])
    [alert] = _alerts(kibana)
    assert alert["kibana.alert.threshold_result"]["cardinality"] == [{"field": "hour", "value": 3}]


def test_a_query_that_cannot_be_read_fails_the_run(stopped: Emulator, kibana: Client) -> None:
    kibana("POST", RULES, _rule(query="host.name: ("))
    stopped.load(kibana={"acme": {INDEX: documents(20)}})
    stopped.run()

    last = _summary(kibana)["last_execution"]
    assert last["status"] == "failed"
    assert last["message"].startswith('An error occurred during rule execution: message: "')


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "eql", "language": "eql", "query": "network where true", "threshold": None},
        {"type": "esql", "language": "esql", "query": "FROM logs-*", "threshold": None, "index": None},
        {"language": "lucene"},
    ],
)
def test_what_no_engine_runs_is_not_run_and_leaves_no_summary(
    stopped: Emulator, kibana: Client, changes: dict[str, Any]
) -> None:
    assert kibana("POST", RULES, _rule(**changes)).status_code == 200
    stopped.load(kibana={"acme": {INDEX: documents(20)}})
    [run] = stopped.run()["kibana"]["acme"]

    assert (run["outcome"], run["alerts"]) == ("not run", 0)
    assert run["message"].startswith("emulated: not run: ")
    assert _summary(kibana) is None


def test_a_disabled_rule_is_told_and_does_not_run(stopped: Emulator, kibana: Client) -> None:
    kibana("POST", RULES, _rule(enabled=False))
    stopped.load(kibana={"acme": {INDEX: documents(20)}})

    assert _outcome(stopped.run()) == [("disabled", 0)]
    assert _summary(kibana) is None


@pytest.mark.parametrize("namespace", ["single", "agnostic"])
def test_exceptions_take_events_away_before_they_are_counted(stopped: Emulator, kibana: Client, namespace: str) -> None:
    kibana("POST", LISTS, exception_list(namespace_type=namespace))
    known = entry(value="198.51.100.0/28")
    kibana("POST", f"{LISTS}/items", exception_item(namespace_type=namespace, entries=[known]))
    reference = {"id": "any", "list_id": "proxies", "type": "detection", "namespace_type": namespace}
    kibana("POST", RULES, _rule(exceptions_list=[reference]))
    silent = documents(20, **{"destination.ip": "198.51.100.9"})
    stopped.load(kibana={"acme": {INDEX: silent + documents(19)}})
    before = _outcome(stopped.run())
    stopped.load(kibana={"acme": {INDEX: documents(1)}})

    assert (before, _outcome(stopped.run())) == ([("succeeded", 0)], [("succeeded", 1)])
    assert _alerts(kibana)[0]["kibana.alert.threshold_result"]["count"] == 20


def test_an_expired_exception_takes_nothing_away(stopped: Emulator, kibana: Client) -> None:
    kibana("POST", LISTS, exception_list())
    kibana("POST", f"{LISTS}/items", exception_item(entries=[entry(value="198.51.100.0/24")], expire_time=ago(hours=1)))
    reference = {"id": "any", "list_id": "proxies", "type": "detection", "namespace_type": "single"}
    kibana("POST", RULES, _rule(exceptions_list=[reference]))
    stopped.load(kibana={"acme": {INDEX: documents(20)}})

    assert _outcome(stopped.run()) == [("succeeded", 1)]


def test_a_list_that_is_gone_takes_nothing_away(stopped: Emulator, kibana: Client) -> None:
    reference = {"id": "any", "list_id": "gone", "type": "detection", "namespace_type": "single"}
    kibana("POST", RULES, _rule(exceptions_list=[reference]))
    stopped.load(kibana={"acme": {INDEX: documents(20)}})

    assert _outcome(stopped.run()) == [("succeeded", 1)]


def test_what_was_alerted_on_is_not_counted_again(stopped: Emulator, kibana: Client) -> None:
    """Kibana: after an alert the count begins anew for that group, and for that group only."""
    kibana("POST", RULES, _rule())
    stopped.load(kibana={"acme": {INDEX: documents(20)}})
    runs = [_outcome(stopped.run())]
    stopped.set_clock(NOW + timedelta(hours=1))
    runs.append(_outcome(stopped.run()))
    later = [{**event, "@timestamp": ago(minutes=-30)} for event in documents(19)]
    stopped.load(kibana={"acme": {INDEX: later + documents(20, **{"host.name": "ws-18"})}})
    runs.append(_outcome(stopped.run()))
    stopped.load(kibana={"acme": {INDEX: later[:1]}})
    runs.append(_outcome(stopped.run()))

    assert runs == [[("succeeded", count)] for count in (1, 0, 1, 1)]
    assert [alert["host.name"] for alert in _alerts(kibana)] == ["ws-17", "ws-18", "ws-17"]


def test_a_rule_made_anew_remembers_nothing(stopped: Emulator, kibana: Client) -> None:
    kibana("POST", RULES, _rule())
    stopped.load(kibana={"acme": {INDEX: documents(20)}})
    stopped.run()
    kibana("DELETE", RULES, rule_id="beacon")
    kibana("POST", RULES, _rule())

    assert _outcome(stopped.run()) == [("succeeded", 1)]


def test_an_update_in_place_keeps_the_memory(stopped: Emulator, kibana: Client) -> None:
    kibana("POST", RULES, _rule())
    stopped.load(kibana={"acme": {INDEX: documents(20)}})
    stopped.run()
    kibana("PUT", RULES, _rule(query="event.category: *"))

    assert _outcome(stopped.run()) == [("succeeded", 0)]


def test_a_query_rule_alerts_once_on_each_event(stopped: Emulator, kibana: Client) -> None:
    """The id of its alert is made of the event and the rule, so an overlapping run finds nothing new."""
    kibana("POST", RULES, _query_rule())
    twins = [documents(1)[0], documents(1)[0]]
    stopped.load(kibana={"acme": {INDEX: [*twins, *documents(1, **{"destination.port": 80})]}})
    runs = [_outcome(stopped.run()), _outcome(stopped.run())]
    stopped.load(kibana={"acme": {INDEX: documents(1)}})
    runs.append(_outcome(stopped.run()))

    assert runs == [[("succeeded", count)] for count in (2, 0, 1)]
    alert = _alerts(kibana)[0]
    named = ("destination.port", "event.category", "event.kind", "kibana.alert.original_time")
    assert {name: alert[name] for name in named} == {
        "destination.port": 6667,
        "event.category": ["network"],
        "event.kind": "signal",
        "kibana.alert.original_time": ago(minutes=1),
    }
    assert not [name for name in alert if name.startswith("emulator")]


def test_more_alerts_than_allowed_are_cut_off_with_a_warning(stopped: Emulator, kibana: Client) -> None:
    kibana("POST", RULES, _query_rule(max_signals=3))
    stopped.load(kibana={"acme": {INDEX: documents(5)}})

    assert _outcome(stopped.run()) == [("partial failure", 3)]
    assert "maximum alert limit" in _summary(kibana)["last_execution"]["message"]


def test_spaces_are_apart(stopped: Emulator, kibana: Client) -> None:
    globex = kibana_client(stopped.url, "globex")
    for client in (kibana, globex):
        client("POST", RULES, _rule())
    stopped.load(kibana={"acme": {INDEX: documents(20)}, "globex": {INDEX: documents(1)}})
    answer = stopped.run()

    assert (_outcome(answer), _outcome(answer, "globex")) == ([("succeeded", 1)], [("succeeded", 0)])
    assert (len(_alerts(kibana)), len(_alerts(globex))) == (1, 0)
    globex.session.close()


def test_a_run_may_be_narrowed(stopped: Emulator, kibana: Client, arm: Client) -> None:
    arm("PUT", "/r", scheduled_rule())
    for name in ("a", "b"):
        kibana("POST", RULES, _rule(rule_id=name, name=f"Rule {name}"))
    one = stopped.run(kibana=["acme"], rules=["a"])
    named = stopped.run(rules=["Rule b"])

    assert ([run["rule_id"] for run in one["kibana"]["acme"]], one["sentinel"]) == (["a"], {})
    assert ([run["rule_id"] for run in named["kibana"]["acme"]], named["sentinel"]) == (["b"], {})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"kibana": ["nowhere"]}, "no rules in space nowhere; spaces with rules: acme"),
        ({"sentinel": ["nowhere"]}, "no workspace called 'nowhere' is held"),
        ({"rules": ["beacon", "other"]}, "no such rule: other"),
        ({"spaces": []}, "unknown: spaces"),
        ({"kibana": "acme"}, "kibana must be a list of names"),
        ({"since": "yesterday"}, "since must be a date and time"),
        ({"since": "2026-11-21T00:00:00Z"}, "not after now"),
    ],
)
def test_a_run_of_what_is_not_there_is_refused(
    stopped: Emulator, kibana: Client, control: Client, asked: dict[str, Any], message: str
) -> None:
    kibana("POST", RULES, _rule())
    answer = control("POST", "/run", asked)

    assert answer.status_code == 400
    assert message in answer.json()["message"]


def test_a_schedule_can_be_played(stopped: Emulator, kibana: Client) -> None:
    """A rule that looks back for an hour sees an event in the one run that follows it."""
    kibana("POST", RULES, _query_rule(**{"from": "now-1h"}))
    stopped.load(kibana={"acme": {INDEX: [{**documents(1)[0], "@timestamp": ago(hours=2, minutes=30)}]}})
    now_only = _outcome(stopped.run())
    played = stopped.run(since=ago(hours=4, minutes=1))["kibana"]["acme"]

    assert now_only == [("succeeded", 0)]
    assert [(run["at"], run["alerts"]) for run in played] == [
        ("2026-11-20T08:00:00.000Z", 0),
        ("2026-11-20T09:00:00.000Z", 0),
        ("2026-11-20T10:00:00.000Z", 1),
        ("2026-11-20T11:00:00.000Z", 0),
        ("2026-11-20T12:00:00.000Z", 0),
    ]
    assert _alerts(kibana)[0]["@timestamp"] == "2026-11-20T10:00:00.000Z"


def test_alerts_and_memories_outlive_the_emulator(tmp_path: Path) -> None:
    seen: list[Any] = []
    for _ in range(2):
        with Emulator(tmp_path) as emulator:
            emulator.set_clock(NOW)
            kibana = kibana_client(emulator.url)
            if not seen:
                kibana("POST", RULES, _rule())
                emulator.load(kibana={"acme": {INDEX: documents(20)}})
            seen.append((_outcome(emulator.run()), len(_alerts(kibana)), _summary(kibana)["last_execution"]["status"]))
            kibana.session.close()

    assert seen == [([("succeeded", 1)], 1, "succeeded"), ([("succeeded", 0)], 1, "succeeded")]


def test_a_rule_with_a_summary_is_as_described(stopped: Emulator, kibana: Client, shared: Path) -> None:
    description = kibana_description(shared)
    kibana("POST", RULES, _rule())
    stopped.load(kibana={"acme": {INDEX: documents(20)}})
    for expected in ("succeeded", "failed"):
        stopped.run()
        answer = kibana("GET", RULES, rule_id="beacon")
        description.check(answer, "GET", RULES)
        description.check_schema(answer.json()["execution_summary"], "Security_Detections_API_RuleExecutionSummary")
        assert answer.json()["execution_summary"]["last_execution"]["status"] == expected
        kibana("PUT", RULES, _rule(data_view_id="gone"))
