"""What reviews found that could lose, widen or hide something: each stays mended."""

from dataclasses import replace

import pytest
import requests

from deployer.apply import apply
from deployer.errors import BadAnswer
from deployer.errors import Conflict
from deployer.model import NotApplicable
from deployer.narrowing import narrow
from deployer.outcome import Place
from deployer.plan import make_plan
from deployer.providers.codecs import encode
from deployer.providers.kibana import api
from deployer.state import Kind
from tests import make

RULES = "/api/detection_engine/rules"
LISTS = "/api/exception_lists"
ITEMS = f"{LISTS}/items"


def failures(applied):
    return {(failure.change.action, failure.change.key.kind.value): failure.error for failure in applied.failures}


def items(bench):
    return [item["item_id"] for item in bench.kibana("GET", f"{ITEMS}/_find", list_id="deployer-servers")["data"]]


def test_a_list_whose_creation_was_answered_by_silence_is_found_and_attached(kibana):
    kibana.emulator.fault(path=f"{LISTS}$", method="POST", kind="close", applied=True, times=1)

    applied = kibana.apply(kibana.assignment(entries=[make.entry()]))

    assert applied.failures == ()
    assert kibana.document()["exceptions_list"][0]["list_id"] == "deployer-servers"


def test_an_entry_stays_until_the_one_that_takes_its_place_is_there(kibana):
    kibana.apply(kibana.assignment(entries=[make.entry()]))
    before = items(kibana)
    kibana.emulator.fault(path=f"{ITEMS}$", method="POST", status=400)

    applied = kibana.apply(kibana.assignment(entries=[make.entry(hosts=("ws-1",))]))

    assert items(kibana) == before
    assert failures(applied).keys() == {("create", "item"), ("delete", "item")}


def test_entries_stay_while_the_rule_that_stops_using_them_could_not_be_written(kibana):
    kibana.apply(kibana.assignment(entries=[make.entry()]))
    before = items(kibana)
    kibana.emulator.fault(path=f"{RULES}$", method="PUT", status=400)

    applied = kibana.apply(kibana.assignment(make.rule(allowlists=())))

    assert items(kibana) == before
    assert failures(applied).keys() == {("update", "rule"), ("delete", "item"), ("delete", "list")}


@pytest.mark.parametrize("change", [{"namespace_type": "agnostic"}, {"type": "rule_default"}], ids=str)
def test_a_reference_to_another_list_of_the_same_id_is_not_taken_for_ours(kibana, change):
    assigned = kibana.assignment(entries=[make.entry()])
    kibana.apply(assigned)
    (ours,) = kibana.document()["exceptions_list"]
    kibana.edit(exceptions_list=[{**ours, **change}])

    (drift,) = kibana.plan(assigned).changes
    kibana.apply(assigned)

    assert [field.path for field in drift.fields] == ["exceptions_list"]
    assert kibana.document()["exceptions_list"] == [ours, {**ours, **change}]


def test_a_list_that_somebody_came_to_use_after_the_plan_is_not_deleted(kibana):
    kibana.apply(kibana.assignment(entries=[make.entry()]))
    plan = kibana.plan(kibana.assignment(make.rule(allowlists=())))
    entry = {"field": "destination.ip", "operator": "included", "type": "match", "value": "203.0.113.9"}
    item = {"list_id": "deployer-servers", "item_id": "by-hand", "type": "simple", "name": "By hand",
            "description": "x", "entries": [entry]}  # fmt: skip
    kibana.kibana("POST", ITEMS, item)

    applied = apply(Place("acme"), plan, kibana.provider)

    assert "added by hand" in failures(applied)["delete", "item"]
    assert failures(applied).keys() == {("delete", "item"), ("delete", "list")}
    assert len(items(kibana)) == 2


def test_a_list_that_a_prebuilt_rule_uses_is_not_deleted(kibana):
    kibana.apply(kibana.assignment(entries=[make.entry()]))
    requests.post(f"{kibana.emulator.url}/_emulator/kibana/acme/prebuilt", json={"count": 1}, timeout=10)
    (prebuilt,) = [rule for rule in kibana.kibana("GET", f"{RULES}/_find")["data"] if rule["immutable"]]
    attached = kibana.document()["exceptions_list"]
    kibana.kibana("PATCH", RULES, {"rule_id": prebuilt["rule_id"], "exceptions_list": attached})

    applied = kibana.apply(kibana.assignment(make.rule(allowlists=())))

    assert "which is not ours, uses it" in failures(applied)["delete", "item"]
    assert failures(applied).keys() == {("delete", "item"), ("delete", "list")}
    assert len(items(kibana)) == 1


def narrowed(bench, assigned, *globs):
    desired = encode(assigned)
    live = bench.provider.read(desired)
    return narrow(make_plan(desired, live), desired, live, globs)


def test_a_narrowed_apply_leaves_a_list_that_another_of_our_rules_still_stands_on(kibana):
    kibana.apply(kibana.assignment(make.rule("a"), make.rule("b"), entries=[make.entry()]))
    dropping = kibana.assignment(make.rule("a", allowlists=()), make.rule("b", allowlists=()))

    plan = narrowed(kibana, dropping, "a")
    applied = apply(Place("acme"), plan, kibana.provider)

    assert [str(change.key) for change in plan.changes] == ["rule/a"]
    assert applied.failures == ()
    assert len(items(kibana)) == 1
    assert kibana.document("b")["exceptions_list"][0]["list_id"] == "deployer-servers"
    assert kibana.apply(dropping).failures == ()


def test_a_data_view_that_a_wanted_rule_came_to_use_is_not_deleted_and_the_rule_not_switched_off(kibana):
    kibana.apply(kibana.assignment(make.rule("a"), make.rule("b")))
    kibana.edit("b", data_view_id="deployer-a")

    plan = kibana.plan(kibana.assignment(make.rule("b")))
    (view,) = [change for change in plan.changes if change.key.kind is Kind.DATA_VIEW]

    # Out of its place: in a whole plan the rule is written first, in a narrowed one the view is not looked at.
    with pytest.raises(Conflict, match="rule/b uses it by now"):
        kibana.provider.apply(view)

    assert kibana.document("b")["enabled"] is True
    assert kibana.kibana("GET", "/api/data_views/data_view/deployer-a")
    assert narrowed(kibana, kibana.assignment(make.rule("b")), "a").changes == tuple(
        change for change in plan.changes if str(change.key) == "rule/a"
    )


def test_a_list_that_a_rule_of_ours_still_uses_is_not_deleted_whatever_the_plan_says(kibana):
    kibana.apply(kibana.assignment(entries=[make.entry()]))
    plan = kibana.plan(kibana.assignment(make.rule(allowlists=())))

    for change in plan.changes:
        if change.key.kind in (Kind.ITEM, Kind.LIST):
            with pytest.raises(Conflict, match="rule/example still uses it"):
                kibana.provider.apply(change)

    assert len(items(kibana)) == 1


def test_a_data_view_that_could_not_be_deleted_keeps_its_rule_so_that_the_next_run_finds_it(kibana):
    kibana.apply(kibana.assignment(make.rule(), make.rule("gone")))
    kibana.emulator.fault(path="data_views/data_view/deployer-gone", method="DELETE", status=500)

    first = kibana.apply(kibana.assignment())
    kibana.emulator.clear_faults()
    second = kibana.apply(kibana.assignment())

    assert failures(first).keys() == {("delete", "data_view"), ("delete", "rule")}
    assert [change.key.kind for change in second.done] == [Kind.DATA_VIEW, Kind.RULE]
    assert second.failures == ()


def test_a_rule_is_not_written_with_a_list_that_is_gone(kibana):
    kibana.apply(kibana.assignment())
    plan = kibana.plan(kibana.assignment(make.rule(severity="low")))
    kibana.kibana("DELETE", LISTS, list_id="deployer-servers")

    applied = apply(Place("acme"), plan, kibana.provider)

    assert "the exception list deployer-servers is gone" in failures(applied)["update", "rule"]


def test_a_renamed_rule_that_is_not_applicable_is_still_found_by_its_name(bench):
    bench.apply(bench.assignment(make.rule("old"), make.rule("other")))
    excused = (NotApplicable("new", "no data", ("old",)),)
    assigned = bench.assignment(make.rule("other"), not_applicable=excused)

    plan = narrowed(bench, assigned, "new")

    assert ("delete", "rule/old") in {(change.action, str(change.key)) for change in plan.changes}


def test_code_beside_the_mark_in_a_runtime_script_is_seen(kibana):
    assigned = kibana.assignment()
    kibana.apply(assigned)
    view = kibana.kibana("GET", "/api/data_views/data_view/deployer-example")["data_view"]
    field = view["runtimeFieldMap"]["deployer.epoch_hour"]
    field["script"]["source"] = f"return; {field['script']['source']}"
    body = {"data_view": {"runtimeFieldMap": view["runtimeFieldMap"]}}
    kibana.kibana("POST", "/api/data_views/data_view/deployer-example", body)

    (change,) = kibana.plan(assigned).changes

    assert change.fields[0].path.startswith("runtimeFieldMap.")


def test_a_tag_that_mentions_a_mark_is_somebodys_tag(kibana):
    assigned = kibana.assignment()
    kibana.apply(assigned)
    kibana.edit(tags=[*kibana.document()["tags"], "see deployer:9: wiki"])

    (change,) = kibana.plan(assigned).changes

    assert [(field.path, field.before) for field in change.fields] == [("tags", ["see deployer:9: wiki"])]


def test_tags_and_meta_that_people_gave_our_lists_and_items_survive(kibana):
    kibana.apply(kibana.assignment(entries=[make.entry()]))
    for path, names in (
        (LISTS, ("list_id", "name", "description", "type", "tags")),
        (ITEMS, ("item_id", "name", "description", "type", "tags", "entries")),
    ):
        id_name = names[0]
        [found] = kibana.kibana("GET", f"{path}/_find", **({} if path == LISTS else {"list_id": "deployer-servers"}))[
            "data"
        ]
        body = {name: found[name] for name in names} | {"meta": {"ticket": "1"}, "tags": [*found["tags"], "reviewed"]}
        kibana.kibana("PUT", path, body | {"name": "Renamed", id_name: found[id_name]})

    applied = kibana.apply(kibana.assignment(entries=[make.entry(reason="Other.")]))

    assert applied.failures == ()
    for path, query in ((LISTS, {}), (ITEMS, {"list_id": "deployer-servers"})):
        [found] = kibana.kibana("GET", f"{path}/_find", **query)["data"]
        assert (found["meta"], found["tags"][1:]) == ({"ticket": "1"}, ["reviewed"])
        assert found["name"] != "Renamed"


def test_a_rule_that_vanishes_between_two_pages_makes_the_space_unreadable(kibana, monkeypatch):
    monkeypatch.setattr(api, "PAGE", 2)
    rules = [make.rule(f"r{index}") for index in range(4)]
    kibana.apply(kibana.assignment(*rules))
    pages = kibana.provider._api.rules()
    next(pages)
    kibana.kibana("DELETE", RULES, rule_id="r0")

    with pytest.raises(BadAnswer, match="changed while it was read"):
        list(pages)


def test_a_404_that_is_not_kibanas_own_is_no_absence(kibana):
    kibana.apply(kibana.assignment())
    kibana.emulator.fault(path="data_views/data_view/", status=404, body="<html>no such route</html>")

    with pytest.raises(Exception, match="404 from GET"):
        kibana.plan(kibana.assignment())


def test_a_delete_that_broke_off_is_finished_by_the_next_run(kibana):
    kibana.apply(kibana.assignment(make.rule(), make.rule("gone")))
    kibana.emulator.fault(path=f"{RULES}$", method="DELETE", status=500)

    first = kibana.apply(kibana.assignment())
    kibana.emulator.clear_faults()
    second = kibana.apply(kibana.assignment())

    assert failures(first).keys() == {("delete", "rule")}
    assert kibana.plan(kibana.assignment()).changes == ()
    assert [change.key.id for change in second.done] == ["gone"]
    assert len(kibana.kibana("GET", "/api/data_views")["data_view"]) == 1


def test_somebody_elses_strange_object_stops_nobody_and_is_named(kibana):
    kibana.apply(kibana.assignment())
    theirs = {"type": "query", "query": "*", "name": "Strange", "description": "x", "severity": "low", "risk_score": 1}
    kibana.kibana("POST", RULES, theirs)
    page = kibana.kibana("GET", f"{RULES}/_find")
    for rule in page["data"]:
        if rule["name"] == "Strange":
            rule["required_fields"] = [{"name": "x"}]
    kibana.emulator.fault(path="rules/_find", status=200, body=page)

    plan = kibana.plan(kibana.assignment())

    assert plan.changes == ()
    assert [(one.name, one.note) for one in plan.unmanaged] == [("Strange", "it could not be read")]


def test_our_own_strange_object_makes_the_space_unreadable(kibana):
    kibana.apply(kibana.assignment())
    page = kibana.kibana("GET", f"{RULES}/_find")
    page["data"][0]["required_fields"] = [{"name": "x"}]
    kibana.emulator.fault(path="rules/_find", status=200, body=page)

    with pytest.raises(BadAnswer, match="'Rule example' is not as documented"):
        kibana.plan(kibana.assignment())


def test_what_was_written_is_said_even_when_something_unforeseen_happens(kibana, monkeypatch):
    def broken(body):
        raise KeyError("unforeseen")

    monkeypatch.setattr(kibana.provider._api, "create_rule", broken)

    applied = kibana.apply(kibana.assignment())

    assert [change.key.kind for change in applied.done] == [Kind.DATA_VIEW, Kind.LIST]
    assert "internal error" in applied.failures[0].error


def test_an_interrupted_apply_says_what_was_not_tried(bench):
    assigned = bench.assignment(make.rule(), make.rule("second"))
    plan = bench.plan(assigned)
    answers = iter([False, True, True, True, True, True])

    applied = apply(Place("acme"), plan, bench.provider, lambda: next(answers))

    assert len(applied.done) == 1
    assert {failure.error for failure in applied.failures} == {"not tried: interrupted"}


# -- Sentinel -----------------------------------------------------------------------------------------------------


def test_a_rule_that_came_up_after_the_plan_is_not_replaced(sentinel):
    plan = sentinel.plan(sentinel.assignment())
    from deployer.providers.sentinel.codec import rule_uuid

    body = {"kind": "Scheduled", "properties": {
        "displayName": "Theirs", "enabled": True, "severity": "Low", "query": "Heartbeat", "queryFrequency": "PT1H",
        "queryPeriod": "PT1H", "triggerOperator": "GreaterThan", "triggerThreshold": 0, "suppressionEnabled": False,
        "suppressionDuration": "PT5H"}}  # fmt: skip
    sentinel.arm("PUT", rule_uuid("example"), body)

    applied = apply(Place("acme"), plan, sentinel.provider)

    assert "is there now; plan again" in failures(applied)["create", "rule"]
    assert sentinel.document()["properties"]["displayName"] == "Theirs"


@pytest.mark.parametrize(
    "body",
    [{}, {"error": {"code": "x", "message": "y"}}, {"value": None}, [], {"value": ["x"]}, {"value": [None]}],
    ids=str,
)
def test_an_answer_that_is_no_page_of_rules_is_not_an_empty_workspace(sentinel, body):
    sentinel.apply(sentinel.assignment())
    sentinel.emulator.fault(path="alertRules$", status=200, body=body)

    with pytest.raises(BadAnswer):
        sentinel.plan(sentinel.assignment())


@pytest.mark.parametrize(
    "error",
    [
        {"code": "ResourceGroupNotFound", "message": "Resource group 'soc' could not be found."},
        {
            "code": "ResourceNotFound",
            "message": "The Resource 'Microsoft.OperationalInsights/workspaces/acme' was not found.",
        },
        {},
    ],
    ids=["group", "workspace", "a proxy"],
)
def test_a_404_about_anything_but_the_rule_is_no_absence(sentinel, error):
    sentinel.apply(sentinel.assignment(make.rule(), make.rule("gone")))
    plan = sentinel.plan(sentinel.assignment())
    sentinel.emulator.fault(path="alertRules/", method="GET", status=404, body={"error": error} if error else {})

    applied = apply(Place("acme"), plan, sentinel.provider)

    assert applied.done == ()
    assert failures(applied).keys() == {("delete", "rule")}


@pytest.mark.parametrize("relative", [False, True])
def test_a_next_link_that_leads_nowhere_ends_the_reading(sentinel, relative):
    path = "/arm/x/alertRules"
    link = path if relative else f"{sentinel.emulator.url}{path}"
    sentinel.emulator.fault(path="alertRules$", status=200, body={"value": [], "nextLink": link})

    with pytest.raises(BadAnswer, match="leads to no next page"):
        sentinel.plan(sentinel.assignment())


def test_a_long_wait_that_the_server_asks_for_is_cut_short(sentinel, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr("deployer.providers.traffic.Traffic.pause", lambda self, seconds: slept.append(seconds))
    sentinel.emulator.fault(path="alertRules$", status=429, headers={"Retry-After": "3600"}, times=2)

    sentinel.plan(sentinel.assignment())

    assert len(slept) == 2
    assert all(30.0 <= seconds <= 37.5 for seconds in slept)  # what many clients are told, they do not do together


def test_a_netrc_entry_does_not_replace_the_token(sentinel, monkeypatch, tmp_path):
    """As for a real endpoint, where the environment is looked at."""
    from deployer.providers.connect import Connections

    (tmp_path / "netrc").write_text("default login mallory password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr("deployer.providers.traffic.loopback", lambda host: False)
    provider = Connections({}, (), tmp_path, sentinel.emulator.url).provider(sentinel.target)

    provider.read(encode(sentinel.assignment()))
    provider.close()

    assert {one["status"] for one in sentinel.emulator.requests} == {200}


@pytest.mark.parametrize("prefix", ["#DONT_CORR#", "#INC_CORR#", "  #INC_CORR# "])
def test_what_an_analyst_says_of_correlation_is_no_drift(sentinel, prefix):
    sentinel.apply(sentinel.assignment())
    description = sentinel.document()["properties"]["description"]
    sentinel.edit(description=f"{prefix}{description}")

    assert sentinel.plan(sentinel.assignment()).changes == ()


def test_unknown_properties_survive_at_any_depth(sentinel):
    grouping = {
        "enabled": True,
        "reopenClosedIncident": False,
        "lookbackDuration": "P1D",
        "matchingMethod": "AllEntities",
    }
    half = make.sentinel_half(incidentConfiguration={"createIncident": True, "groupingConfiguration": grouping})
    assigned = sentinel.assignment(make.rule(sentinel=half))
    sentinel.apply(assigned)
    live = sentinel.document()["properties"]["incidentConfiguration"]
    deeper = {**live["groupingConfiguration"], "laterToo": 2}
    sentinel.edit(severity="Low", incidentConfiguration={**live, "later": 1, "groupingConfiguration": deeper})

    (change,) = sentinel.plan(assigned).changes
    sentinel.apply(assigned)

    assert [field.path for field in change.fields] == ["severity"]
    after = sentinel.document()["properties"]["incidentConfiguration"]
    assert (after["later"], after["groupingConfiguration"]["laterToo"]) == (1, 2)
    assert after["groupingConfiguration"]["lookbackDuration"] == "P1D"


@pytest.mark.parametrize(
    "properties",
    [
        None,
        {"tactics": ["x", None]},
        {"entityMappings": [None]},
        {"query": 3},
        {"query": "// deployer:" + "9" * 5000 + ":x"},
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_strange_rule_of_somebody_else_stops_nobody(sentinel, properties):
    sentinel.apply(sentinel.assignment())
    ours = sentinel.document()
    strange = {"name": "11111111-1111-4111-8111-111111111111", "kind": "Fusion", "properties": properties}
    sentinel.emulator.fault(path="alertRules$", status=200, body={"value": [strange, ours]})

    plan = sentinel.plan(sentinel.assignment())

    assert plan.changes == ()
    assert [one.id for one in plan.unmanaged] == [strange["name"]]


def test_a_strange_rule_of_ours_makes_the_workspace_unreadable(sentinel):
    sentinel.apply(sentinel.assignment())
    ours = sentinel.document()
    strange = {**ours, "properties": {**ours["properties"], "entityMappings": [None]}}
    sentinel.emulator.fault(path="alertRules$", status=200, body={"value": [strange]})

    with pytest.raises(BadAnswer, match="is not as documented"):
        sentinel.plan(sentinel.assignment())


def test_a_live_rule_that_does_not_say_whether_it_is_enabled_does_not_count_as_enabled(bench):
    desired = encode(bench.assignment())
    (rule,) = [one for one in desired.resources.values() if one.key.kind is Kind.RULE]

    from deployer.outcome import Answer
    from deployer.verify import verify

    body = {name: value for name, value in rule.body.items() if name != "enabled"}
    levels = verify(make.desired(rule), make.live(replace(rule, body=body)), {})

    assert {level.level: level.answer for level in levels}["enabled"] is Answer.FAIL


def test_a_narrowed_plan_still_deletes_a_rule_whose_list_another_rule_of_ours_uses(kibana):
    kibana.apply(kibana.assignment(make.rule("a1"), make.rule("b"), make.rule("c"), entries=[make.entry()]))
    wanted = kibana.assignment(make.rule("c", allowlists=()))

    plan = narrowed(kibana, wanted, "a*")
    applied = apply(Place("acme"), plan, kibana.provider)

    assert [str(change.key) for change in plan.changes] == ["data_view/deployer-a1", "rule/a1"]
    assert applied.failures == ()
    assert len(items(kibana)) == 1
    assert kibana.document("b")["exceptions_list"][0]["list_id"] == "deployer-servers"
