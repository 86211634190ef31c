"""What is Kibana's alone: what people add stays, what is ours is mended, what cannot be whole is not written."""

import pytest
import requests

from deployer.apply import apply
from deployer.errors import BadAnswer
from deployer.errors import Overloaded
from deployer.outcome import Answer
from deployer.outcome import Place
from deployer.providers import http
from deployer.providers.codecs import encode
from deployer.providers.kibana import api
from deployer.state import Kind
from deployer.verify import asked
from tests import make

RULES = "/api/detection_engine/rules"


def test_an_analysts_action_exception_list_and_copy_survive_while_the_severity_is_mended(kibana):
    assigned = kibana.assignment(entries=[make.entry()])
    kibana.apply(assigned)
    theirs = kibana.kibana(
        "POST", "/api/exception_lists", {"list_id": "night", "name": "Night", "description": "x", "type": "detection"}
    )
    document = kibana.document()
    action = {"id": "mail", "action_type_id": ".email", "group": "default", "params": {"to": ["soc@acme.example"]}}
    attached = {"id": theirs["id"], "list_id": "night", "type": "detection", "namespace_type": "single"}
    kibana.edit(severity="low", actions=[action], exceptions_list=[*document["exceptions_list"], attached])
    kibana.kibana("POST", f"{RULES}/_bulk_action", {"action": "duplicate", "ids": [document["id"]]})
    copy = next(rule for rule in kibana.kibana("GET", f"{RULES}/_find")["data"] if rule["rule_id"] != "example")

    (change,) = kibana.plan(assigned).changes
    applied = kibana.apply(assigned)

    assert [field.path for field in change.fields] == ["severity"]
    assert applied.failures == ()
    after = kibana.document()
    assert after["severity"] == "high"
    assert [one["params"] for one in after["actions"]] == [action["params"]]
    assert [one["list_id"] for one in after["exceptions_list"]] == ["deployer-servers", "night"]
    assert kibana.kibana("GET", RULES, rule_id=copy["rule_id"]) == copy
    assert {one.id for one in applied.plan.unmanaged} == {"night", copy["rule_id"]}
    assert kibana.plan(assigned).changes == ()


def test_an_exception_added_by_hand_to_our_list_is_reported_and_kept(kibana):
    assigned = kibana.assignment(entries=[make.entry()])
    kibana.apply(assigned)
    entry = {"field": "destination.ip", "operator": "included", "type": "match", "value": "203.0.113.9"}
    item = {"list_id": "deployer-servers", "item_id": "by-hand", "type": "simple", "name": "By hand",
            "description": "x", "entries": [entry]}  # fmt: skip
    kibana.kibana("POST", "/api/exception_lists/items", item)

    plan = kibana.plan(assigned)
    dropping = kibana.plan(kibana.assignment(make.rule(allowlists=())))
    applied = kibana.apply(kibana.assignment(make.rule(allowlists=())))

    assert plan.changes == ()
    assert [one.id for one in plan.unmanaged] == ["by-hand"]
    assert [change.key.kind for change in dropping.changes if change.blocked] == [Kind.ITEM, Kind.LIST]
    assert [change.key.kind for change in applied.done] == [Kind.RULE]
    assert {"added by hand" in failure.error for failure in applied.failures} == {True}
    assert kibana.kibana("GET", "/api/exception_lists/items", item_id="by-hand", namespace_type="single")


def test_comments_on_our_items_survive_an_update(kibana):
    kibana.apply(kibana.assignment(entries=[make.entry()]))
    (item,) = kibana.kibana("GET", "/api/exception_lists/items/_find", list_id="deployer-servers")["data"]
    body = {
        name: item[name] for name in ("item_id", "type", "name", "description", "entries", "namespace_type", "tags")
    }
    kibana.kibana("PUT", "/api/exception_lists/items", {**body, "comments": [{"comment": "seen in October"}]})

    applied = kibana.apply(kibana.assignment(entries=[make.entry(reason="Other reason.")]))

    assert applied.failures == ()
    (after,) = kibana.kibana("GET", "/api/exception_lists/items/_find", list_id="deployer-servers")["data"]
    assert [comment["comment"] for comment in after["comments"]] == ["seen in October"]
    assert after["description"].startswith("Other reason.")


def test_a_rule_is_not_written_when_its_allowlist_cannot_be(kibana):
    kibana.emulator.fault(path="/api/exception_lists/items$", method="POST", status=400)

    applied = kibana.apply(kibana.assignment(entries=[make.entry()]))

    assert sorted((failure.change.key.kind.value, failure.tried) for failure in applied.failures) == [
        ("item", True),
        ("rule", False),
    ]
    assert not [path for path in kibana.writes() if path.endswith(RULES)]


def test_an_unrelated_rule_goes_on_when_another_one_fails(kibana):
    kibana.emulator.fault(path="/api/data_views/data_view$", method="POST", status=400, times=1)

    applied = kibana.apply(kibana.assignment(make.rule("a"), make.rule("b")))

    assert [change.key.id for change in applied.done if change.key.kind is Kind.RULE] == ["b"]
    assert [failure.change.key.id for failure in applied.failures if failure.change.key.kind is Kind.RULE] == ["a"]


def test_a_refused_credential_ends_the_target(kibana):
    kibana.emulator.fault(path="/api/exception_lists$", method="POST", status=403)

    applied = kibana.apply(kibana.assignment())

    assert [change.key.kind for change in applied.done] == [Kind.DATA_VIEW]
    assert [failure.tried for failure in applied.failures] == [True, False]


def test_a_space_of_several_pages_is_read_whole_and_prebuilt_rules_are_not_asked_for(kibana, monkeypatch):
    monkeypatch.setattr(api, "PAGE", 2)
    requests.post(f"{kibana.emulator.url}/_emulator/kibana/acme/prebuilt", json={"count": 50}, timeout=10)
    rules = [make.rule(f"r{index}") for index in range(5)]
    kibana.apply(kibana.assignment(*rules))
    kibana.emulator.clear_requests()

    plan = kibana.plan(kibana.assignment(*rules))

    assert plan.changes == ()
    assert sum("rules/_find" in one["path"] for one in kibana.emulator.requests) == 3


def test_a_fault_on_the_second_page_makes_the_space_unreadable(kibana, monkeypatch):
    monkeypatch.setattr(api, "PAGE", 2)
    monkeypatch.setattr(http, "_backoff", lambda left: 0.0)
    rules = [make.rule(f"r{index}") for index in range(3)]
    kibana.apply(kibana.assignment(*rules))
    kibana.emulator.fault(path="rules/_find", query="page=2", status=500)

    with pytest.raises(Overloaded, match="500 from GET"):
        kibana.plan(kibana.assignment(*rules))


def test_a_page_that_holds_less_than_it_says_makes_the_space_unreadable(kibana):
    kibana.emulator.fault(path="rules/_find", status=200, body={"page": 1, "perPage": 1000, "total": 3, "data": []})

    with pytest.raises(BadAnswer, match="said 3 objects and gave 0"):
        kibana.plan(kibana.assignment())


@pytest.mark.parametrize(
    ("status", "ran", "healthy"),
    [
        ("succeeded", Answer.PASS, Answer.PASS),
        ("failed", Answer.PASS, Answer.FAIL),
        ("partial failure", Answer.PASS, Answer.FAIL),
        ("running", Answer.UNKNOWN, Answer.UNKNOWN),
    ],
)
def test_a_run_counts_only_after_the_last_write(kibana, status, ran, healthy):
    assigned = kibana.assignment()
    kibana.apply(assigned)
    url = f"{kibana.emulator.url}/_emulator/kibana/acme/run"
    requests.post(url, json={"rule_id": "example", "status": status, "message": "m"}, timeout=10).raise_for_status()

    def answers():
        desired = encode(assigned)
        (found,) = kibana.provider.health(asked(desired, kibana.provider.read(desired))).values()
        return [level.answer for level in found.levels if level.level in ("ran", "healthy")]

    assert answers() == [ran, healthy]
    kibana.edit(name="Edited")
    assert answers() == [Answer.UNKNOWN, Answer.UNKNOWN]


def test_the_hand_made_spelling_of_the_same_rule_is_no_drift(kibana):
    """What Kibana's own form does on save: a newline behind the query, the look-back in seconds, its own meta."""
    assigned = kibana.assignment()
    kibana.apply(assigned)
    kibana.edit(
        **{"query": make.KUERY + "\n", "from": "now-86400s", "meta": {"from": "24h", "kibana_siem_app_url": "x"}}
    )

    plan = kibana.plan(assigned)

    assert plan.changes == ()
    assert [names for _, names in plan.carried] == [("meta",)]


def test_the_threshold_is_sent_as_the_executor_needs_it(kibana):
    kibana.apply(kibana.assignment(entries=[make.entry(hosts=("ws-1",), expires="2026-12-31")]))

    rule = kibana.document()
    (item,) = kibana.kibana("GET", "/api/exception_lists/items/_find", list_id="deployer-servers")["data"]
    view = kibana.kibana("GET", "/api/data_views/data_view/deployer-example")["data_view"]

    assert rule["threshold"] == {
        "field": ["host.name"], "value": 20, "cardinality": [{"field": "deployer.epoch_hour", "value": 3}]
    }  # fmt: skip
    assert (rule["data_view_id"], rule.get("index"), rule["from"]) == ("deployer-example", None, "now-24h")
    assert view["title"] == "logs-*"
    assert view["runtimeFieldMap"]["deployer.epoch_hour"]["script"]["source"].startswith("// deployer:1:acme-soc:test:")
    assert item["expire_time"] == "2027-01-01T00:00:00.000Z"
    assert sorted((one["field"], one["value"]) for one in item["entries"]) == [
        ("destination.ip", "192.0.2.0/24"),
        ("destination.port", ["6667"]),
        ("host.name", ["ws-1"]),
    ]


def test_our_list_is_not_deleted_while_a_copy_of_our_rule_uses_it(kibana):
    kibana.apply(kibana.assignment(entries=[make.entry()]))
    kibana.kibana("POST", f"{RULES}/_bulk_action", {"action": "duplicate", "ids": [kibana.document()["id"]]})

    applied = kibana.apply(kibana.assignment(make.rule(allowlists=())))

    assert [failure.change.key.kind for failure in applied.failures] == [Kind.ITEM, Kind.LIST]
    assert {"not ours, uses it" in failure.error for failure in applied.failures} == {True}
    assert len(kibana.kibana("GET", "/api/exception_lists/items/_find", list_id="deployer-servers")["data"]) == 1


def test_encoding_names_every_field_that_kibana_rules_do_not_have():
    from deployer.errors import CannotEncode

    with pytest.raises(CannotEncode, match="no field 'treshold'"):
        encode(make.assignment(rules=[make.rule(kibana=make.kibana_half(treshold={}))]))


def test_a_kibana_that_cannot_run_rules_is_written_nothing(kibana):
    body = {"is_authenticated": True, "has_encryption_key": False}
    kibana.emulator.fault(path="detection_engine/privileges", status=200, body=body)

    applied = kibana.apply(kibana.assignment())

    assert (applied.done, kibana.writes()) == ((), [])
    assert {failure.tried for failure in applied.failures} == {False}
    assert "no encryption key" in applied.failures[0].error


@pytest.mark.parametrize(("version", "groups", "taken"), [("9.1.0", 3, True), ("9.1.0", 4, False), ("9.3.0", 5, True)])
def test_more_group_by_fields_than_the_version_takes_stop_that_rule_only(kibana, version, groups, taken):
    kibana.emulator.kibana_version = version
    threshold = {"field": [f"f{index}" for index in range(groups)], "value": 1}

    rules = [make.rule(kibana=make.kibana_half(threshold=threshold)), make.rule("other")]

    applied = kibana.apply(kibana.assignment(*rules))

    failed = {failure.change.key.id for failure in applied.failures}
    assert failed == (set() if taken else {"example"})
    assert "other" in {change.key.id for change in applied.done}


def test_a_note_that_the_rule_declares_is_managed_and_any_other_is_the_analysts(kibana):
    declared = kibana.assignment(make.rule(kibana=make.kibana_half(note="# What to do")))
    kibana.apply(declared)
    kibana.edit(note="# Something else")

    (change,) = kibana.plan(declared).changes
    kibana.apply(declared)

    assert [(field.path, field.before, field.after) for field in change.fields] == [
        ("note", "# Something else", "# What to do")
    ]
    assert kibana.document()["note"] == "# What to do"
    assert kibana.plan(declared).carried == ()
    assert [names for _, names in kibana.plan(kibana.assignment()).carried] == [("note",)]


def test_a_revision_that_moved_with_nothing_to_lose_is_no_conflict(kibana):
    """Kibana may raise it when an exception is added, which the same apply has just done."""
    kibana.apply(kibana.assignment())
    plan = kibana.plan(kibana.assignment(make.rule(name="New")))
    kibana.edit(severity="low")
    kibana.edit(severity="high")

    applied = apply(Place("acme"), plan, kibana.provider)

    assert kibana.document()["revision"] > 1
    assert applied.failures == ()
