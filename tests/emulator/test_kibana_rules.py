"""Detection rules as Kibana keeps them: what it refuses, what it lets through, what it changes."""

from typing import Any

import pytest

from deployer.emulator import Emulator
from tests.emulator.make import Client
from tests.emulator.make import kibana_client
from tests.emulator.make import threshold_rule

RULES = "/api/detection_engine/rules"
FIND = f"{RULES}/_find"
BULK = f"{RULES}/_bulk_action"
REFERENCE = {"id": "1", "list_id": "gone", "type": "detection", "namespace_type": "single"}


def _ids(client: Client, **query: Any) -> list[str]:
    return [rule["rule_id"] for rule in client("GET", FIND, **query).json()["data"]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, "name: Required"),
        ({"name": ""}, "name: String must contain at least 1 character(s)"),
        ({"threshold": None}, "threshold: Required"),
        ({"query": None}, "query: Required"),
        ({"risk_score": None}, "risk_score: Required"),
        ({"risk_score": 101}, "risk_score: Number must be less than or equal to 100"),
        ({"risk_score": "47"}, "risk_score: Expected number, received string"),
        ({"risk_score": 4.5}, "risk_score: Expected integer, received float"),
        ({"risk_score": True}, "risk_score: Expected number, received boolean"),
        (
            {"severity": "High"},
            "severity: Invalid enum value. Expected 'low' | 'medium' | 'high' | 'critical', received 'High'",
        ),
        ({"language": "eql"}, "language: Invalid enum value. Expected 'kuery' | 'lucene', received 'eql'"),
        ({"threshold": {"field": [], "value": 0}}, "threshold.value: Number must be greater than or equal to 1"),
        ({"threshold": {"value": 3}}, "threshold.field: Required"),
        (
            {"threshold": {"field": list("abcdef"), "value": 3}},
            "threshold.field: Array must contain at most 5 element(s)",
        ),
        (
            {"threshold": {"field": [], "value": 1, "cardinality": [{"field": "x", "value": -1}]}},
            "threshold.cardinality.0.value: Number must be greater than or equal to 0",
        ),
        ({"tags": "one"}, "tags: Expected array, received string"),
        ({"enabled": "yes"}, "enabled: Expected boolean, received string"),
        ({"max_signals": 0}, "max_signals: Number must be greater than or equal to 1"),
        (
            {"exceptions_list": [{"id": "1"}]},
            (
                "exceptions_list.0.list_id: Required, exceptions_list.0.type: Required, "
                "exceptions_list.0.namespace_type: Required"
            ),
        ),
        (
            {"alert_suppression": {"duration": {"value": 1, "unit": "d"}}},
            ("alert_suppression.duration.unit: Invalid enum value. Expected 's' | 'm' | 'h', received 'd'"),
        ),
        ({"from": "yesterday"}, "from: Failed to parse date-math expression"),
    ],
)
def test_a_body_that_breaks_the_schema_is_refused_in_the_platforms_shape(
    kibana: Client, changes: dict[str, Any], message: str
) -> None:
    answer = kibana("POST", RULES, threshold_rule(**changes))

    assert answer.status_code == 400
    assert answer.json() == {"statusCode": 400, "error": "Bad Request", "message": f"[request body]: {message}"}
    assert _ids(kibana) == []


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        (
            {"threshold": {"field": ["host.name"], "value": 3, "cardinality": [{"field": "host.name", "value": 2}]}},
            400,
            ["Cardinality of a field that is being aggregated on is always 1"],
        ),
        ({"timeline_id": "x"}, 400, ['when "timeline_id" exists, "timeline_title" must also exist']),
        (
            {"interval": "5 minutes"},
            400,
            "Error validating create data - [schedule.interval]: string is not a valid duration: 5 minutes",
        ),
        ({"interval": "1h"}, 400, ["Rule look-back (to - from) must not be shorter than its interval"]),
    ],
)
def test_a_body_that_means_nothing_is_refused_in_the_solutions_shape(
    kibana: Client, changes: dict[str, Any], status: int, message: Any
) -> None:
    answer = kibana("POST", RULES, threshold_rule(**changes))

    assert (answer.status_code, answer.json()) == (status, {"status_code": status, "message": message})


def test_null_is_not_absent_in_a_create_body(kibana: Client) -> None:
    answer = kibana("POST", RULES, {**threshold_rule(), "note": None})

    assert answer.json()["message"] == "[request body]: note: Expected string, received null"


@pytest.mark.parametrize(("version", "allowed"), [("8.19.3", 3), ("9.1.0", 3), ("9.2.0", 5), ("9.3.0", 5)])
def test_the_number_of_group_by_fields_depends_on_the_version(
    emulator: Emulator, kibana: Client, version: str, allowed: int
) -> None:
    emulator.kibana_version = version
    statuses = [
        kibana(
            "POST", RULES, threshold_rule(rule_id=str(n), threshold={"field": list("abcdef")[:n], "value": 1})
        ).status_code
        for n in (allowed, allowed + 1)
    ]

    assert kibana("GET", "/api/status").json()["version"]["number"] == version
    assert statuses == [200, 400]


@pytest.mark.parametrize(
    "changes",
    [
        {"exceptions_list": [REFERENCE]},
        {"data_view_id": "no-such-view"},
        {"query": "a: ("},
        {"index": ["no-such-index"]},
        {"unknown_key": 1},
    ],
)
def test_what_only_an_execution_would_notice_is_accepted(kibana: Client, changes: dict[str, Any]) -> None:
    answer = kibana("POST", RULES, threshold_rule(**changes))

    assert answer.status_code == 200
    assert "unknown_key" not in answer.json()


def test_a_new_rule_has_defaults_and_normal_form(kibana: Client) -> None:
    body = threshold_rule(
        threshold={"field": "host.name", "value": 1},
        required_fields=[{"name": "host.name", "type": "keyword"}, {"name": "acme.x", "type": "long"}],
        threat=[
            {"framework": "MITRE ATT&CK", "odd": 1, "tactic": {"id": "TA0042", "name": "R", "reference": "r", "odd": 1}}
        ],
    )
    rule = kibana("POST", RULES, body).json()

    server = {name: rule.pop(name) for name in ("id", "created_at", "updated_at")}
    assert all(server.values())
    assert rule == {
        **body,
        "threshold": {"field": ["host.name"], "value": 1},
        "required_fields": [
            {"name": "host.name", "type": "keyword", "ecs": True},
            {"name": "acme.x", "type": "long", "ecs": False},
        ],
        "threat": [{"framework": "MITRE ATT&CK", "tactic": {"id": "TA0042", "name": "R", "reference": "r"}}],
        "enabled": False,
        "interval": "5m",
        "from": "now-6m",
        "to": "now",
        "max_signals": 100,
        "version": 1,
        "setup": "",
        "output_index": "",
        "language": "kuery",
        **{name: [] for name in ("risk_score_mapping", "severity_mapping", "exceptions_list", "false_positives")},
        **{name: [] for name in ("actions", "related_integrations", "references", "tags", "author")},
        "immutable": False,
        "rule_source": {"type": "internal"},
        "revision": 0,
        "created_by": "deployer",
        "updated_by": "deployer",
    }


def test_an_action_gets_a_uuid_and_a_frequency(kibana: Client) -> None:
    action = {"action_type_id": ".slack", "id": "c", "params": {"message": "m"}}
    [kept] = kibana("POST", RULES, threshold_rule(actions=[action])).json()["actions"]

    assert kept.pop("uuid")
    frequency = {"summary": True, "notifyWhen": "onActiveAlert", "throttle": None}
    assert kept == {**action, "group": "default", "frequency": frequency}


def test_a_second_rule_with_the_same_rule_id_is_a_conflict(kibana: Client) -> None:
    kibana("POST", RULES, threshold_rule())
    answer = kibana("POST", RULES, threshold_rule())

    assert (answer.status_code, answer.json()) == (
        409,
        {"message": 'rule_id: "beacon" already exists', "status_code": 409},
    )


def test_a_rule_is_found_by_either_id(kibana: Client) -> None:
    rule = kibana("POST", RULES, threshold_rule()).json()

    assert kibana("GET", RULES, rule_id="beacon").json() == rule
    assert kibana("GET", RULES, id=rule["id"]).json() == rule
    assert kibana("GET", RULES, id="x").json() == {"message": 'id: "x" not found', "status_code": 404}
    assert kibana("GET", RULES, rule_id="x").json() == {"message": 'rule_id: "x" not found', "status_code": 404}


def test_put_returns_what_is_not_sent_to_its_default(kibana: Client) -> None:
    first = kibana(
        "POST", RULES, threshold_rule(enabled=True, version=7, note="n", tags=["a"], exceptions_list=[REFERENCE])
    ).json()
    second = kibana_client(kibana.address.split("/kibana")[0], user="other")("PUT", RULES, threshold_rule()).json()

    kept = {name: second[name] for name in ("id", "created_at", "created_by", "enabled", "version")}
    assert kept == {name: first[name] for name in kept}
    assert (second["exceptions_list"], second["tags"], "note" in second) == ([], [], False)
    assert (second["revision"], second["updated_by"]) == (1, "other")


def test_put_of_an_absent_rule_creates_nothing(kibana: Client) -> None:
    assert kibana("PUT", RULES, threshold_rule()).status_code == 404
    assert _ids(kibana) == []


def test_put_cannot_change_the_type(kibana: Client) -> None:
    kibana("POST", RULES, threshold_rule())

    assert kibana("PUT", RULES, threshold_rule(type="query")).status_code == 400


@pytest.mark.parametrize(
    ("changes", "revision"),
    [
        ({}, 0),
        ({"enabled": True}, 0),
        ({"query": "x:1"}, 1),
        ({"exceptions_list": [REFERENCE]}, 1),
        ({"version": 9}, 1),
    ],
)
def test_the_revision_counts_changes_of_content_only(kibana: Client, changes: dict[str, Any], revision: int) -> None:
    kibana("POST", RULES, threshold_rule())

    assert kibana("PUT", RULES, threshold_rule(**changes)).json()["revision"] == revision


def test_patch_replaces_fields_whole_and_can_unset_none(kibana: Client) -> None:
    kibana("POST", RULES, threshold_rule(note="n", tags=["a", "b"], data_view_id="v"))
    body = {"rule_id": "beacon", "tags": ["c"], "data_view_id": None, "threshold": {"field": "x", "value": 2}}
    rule = kibana("PATCH", RULES, body).json()

    assert (rule["tags"], rule["note"], rule["data_view_id"]) == (["c"], "n", "v")
    assert (rule["threshold"], rule["revision"]) == ({"field": ["x"], "value": 2}, 1)
    assert kibana("PATCH", RULES, {"rule_id": "beacon", "severity": "none"}).status_code == 400


def test_delete_answers_with_the_rule_and_then_not_found(kibana: Client) -> None:
    rule = kibana("POST", RULES, threshold_rule()).json()

    assert kibana("DELETE", RULES, rule_id="beacon").json() == rule
    assert kibana("DELETE", RULES, rule_id="beacon").status_code == 404


def test_find_pages_through_everything_once(kibana: Client) -> None:
    for number in range(5):
        kibana("POST", RULES, threshold_rule(rule_id=f"r{number}"))
    pages = [kibana("GET", FIND, page=page, per_page=2).json() for page in (1, 2, 3, 4)]

    assert [[rule["rule_id"] for rule in page["data"]] for page in pages] == [["r0", "r1"], ["r2", "r3"], ["r4"], []]
    assert {(page["perPage"], page["total"]) for page in pages} == {(2, 5)}
    assert len(_ids(kibana)) == 5
    assert kibana("GET", FIND, per_page=0).json()["data"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0},
        {"per_page": -1},
        {"page": "x"},
        {"per_page": 10_001},
        {"sort_field": "nonsense"},
        {"fields": "name"},
    ],
)
def test_find_refuses_arguments_that_make_no_sense(kibana: Client, query: dict[str, Any]) -> None:
    assert kibana("GET", FIND, **query).status_code == 400


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('alert.attributes.tags:"one"', ["a", "b"]),
        ('alert.attributes.tags: "one" and alert.attributes.enabled: true', ["a"]),
        ("alert.attributes.tags:(one AND two)", ["b"]),
        ('alert.attributes.tags:("two" or "three")', ["b", "c"]),
        ("not alert.attributes.tags: one", ["c"]),
        ('alert.attributes.params.ruleId:"a" or alert.attributes.params.ruleId:"c"', ["a", "c"]),
        (
            '(alert.attributes.enabled:false and alert.attributes.tags:"one") OR alert.attributes.params.ruleId: c',
            ["b", "c"],
        ),
        ("alert.attributes.params.immutable: false", ["a", "b", "c"]),
        ("alert.attributes.params.immutable: true", []),
        ("alert.attributes.tags: t*", ["b", "c"]),
        ('alert.attributes.tags: "t*"', []),
    ],
)
def test_find_filters(kibana: Client, text: str, found: list[str]) -> None:
    kibana("POST", RULES, threshold_rule(rule_id="a", tags=["one"], enabled=True))
    kibana("POST", RULES, threshold_rule(rule_id="b", tags=["one", "two"]))
    kibana("POST", RULES, threshold_rule(rule_id="c", tags=["three"]))

    assert _ids(kibana, filter=text) == found


@pytest.mark.parametrize(
    "text",
    [
        "beacon",
        "alert.attributes.nonsense: x",
        "alert.attributes.tags",
        "alert.attributes.tags: x and",
        "alert.attributes.tags: {x}",
        "alert.attributes.tags: (a or b and c)",
        "(alert.attributes.tags: x",
        "alert.attributes.tags: x alert.attributes.enabled: true",
        'alert.attributes.tags: "open',
    ],
)
def test_a_filter_that_is_not_understood_is_refused(kibana: Client, text: str) -> None:
    kibana("POST", RULES, threshold_rule())
    answer = kibana("GET", FIND, filter=text)

    assert answer.status_code == 400
    assert "not understood by the emulator" in answer.json()["message"]


def test_spaces_are_apart(emulator: Emulator, kibana: Client) -> None:
    kibana("POST", RULES, threshold_rule())

    assert _ids(kibana_client(emulator.url, "other")) == []


def test_a_duplicate_copies_tags_and_shares_lists(kibana: Client) -> None:
    rule = kibana("POST", RULES, threshold_rule(tags=["mark"], enabled=True, exceptions_list=[REFERENCE])).json()
    body = kibana("POST", BULK, {"action": "duplicate", "ids": [rule["id"]]}).json()
    [twin] = body["attributes"]["results"]["created"]

    assert body["attributes"]["summary"] == {"failed": 0, "skipped": 0, "succeeded": 1, "total": 1}
    assert (twin["name"], twin["tags"], twin["enabled"]) == ("Beacon [Duplicate]", ["mark"], False)
    assert (twin["exceptions_list"], twin["revision"]) == ([REFERENCE], 0)
    assert twin["id"] != rule["id"]
    assert twin["rule_id"] != rule["rule_id"]
    assert len(_ids(kibana)) == 2


def test_bulk_enables_disables_and_deletes_by_query(kibana: Client) -> None:
    for name in ("a", "b"):
        kibana("POST", RULES, threshold_rule(rule_id=name, tags=[name]))
    kibana("POST", BULK, {"action": "enable", "query": 'alert.attributes.tags:"a"'})
    assert [rule["enabled"] for rule in kibana("GET", FIND).json()["data"]] == [True, False]
    kibana("POST", BULK, {"action": "disable", "query": ""})
    assert [rule["enabled"] for rule in kibana("GET", FIND).json()["data"]] == [False, False]
    assert kibana("POST", f"{BULK}?dry_run=true", {"action": "delete"}).status_code == 200
    assert _ids(kibana) == ["a", "b"]
    kibana("POST", BULK, {"action": "delete", "query": 'alert.attributes.tags:"b"'})
    assert _ids(kibana) == ["a"]


def test_bulk_says_in_the_body_what_failed(kibana: Client) -> None:
    rule = kibana("POST", RULES, threshold_rule()).json()
    answer = kibana("POST", BULK, {"action": "enable", "ids": [rule["id"], "gone"]})

    assert answer.json()["attributes"]["summary"] == {"failed": 1, "skipped": 0, "succeeded": 1, "total": 2}
    assert (answer.status_code, answer.json()["status_code"]) == (500, 500)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "nonsense"},
        {"action": "edit", "edit": []},
        {"action": "enable", "ids": ["a"], "query": "b"},
        {"action": "enable", "ids": ["a"] * 101},
        {"action": "enable", "query": "nonsense"},
    ],
)
def test_bulk_refuses_what_it_cannot_do(kibana: Client, body: dict[str, Any]) -> None:
    assert kibana("POST", BULK, body).status_code == 400


def test_a_default_list_belongs_to_one_rule(kibana: Client) -> None:
    own = {**REFERENCE, "type": "rule_default"}
    kibana("POST", RULES, threshold_rule(exceptions_list=[own]))
    second = kibana("POST", RULES, threshold_rule(rule_id="other", exceptions_list=[own]))
    third = kibana("POST", RULES, threshold_rule(rule_id="other", exceptions_list=[own, {**own, "list_id": "b"}]))

    assert (second.status_code, third.status_code) == (409, 400)


def test_prebuilt_rules_are_immutable_and_found_as_such(kibana: Client, control: Client) -> None:
    kibana("POST", RULES, threshold_rule())
    made = control("POST", "/kibana/acme/prebuilt", {"count": 3}).json()["rule_ids"]
    rules = kibana("GET", FIND, filter="alert.attributes.params.immutable: true").json()["data"]

    assert [rule["rule_id"] for rule in rules] == made
    assert {rule["rule_source"]["type"] for rule in rules} == {"external"}
    assert _ids(kibana, filter="alert.attributes.params.immutable: false") == ["beacon"]


def test_a_run_shows_in_the_summary_and_survives_an_update(kibana: Client, control: Client) -> None:
    created = kibana("POST", RULES, threshold_rule()).json()
    assert "execution_summary" not in created
    control("POST", "/kibana/acme/run", {"rule_id": "beacon", "status": "failed", "message": "Data View not found"})
    read = kibana("GET", RULES, rule_id="beacon").json()
    last = read["execution_summary"]["last_execution"]
    updated = kibana("PUT", RULES, threshold_rule(query="y:1")).json()

    assert (last["status"], last["message"], read["revision"]) == ("failed", "Data View not found", 0)
    assert read["updated_at"] == created["updated_at"] <= last["date"]
    assert updated["execution_summary"] == read["execution_summary"]
    assert control("POST", "/kibana/acme/run", {"rule_id": "nobody"}).status_code == 400
