"""`rollback` undoes what a run wrote, leaves alone what somebody changed since, and says what it cannot."""

import json
import re
import shutil
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest
import requests

from deployer.journal import read
from deployer.providers.sentinel.codec import rule_uuid
from tests.cli.conftest import KEY

BOTNET, BEACON, BURST = "t1584.005-botnet-node", "t1583.005-c2-beaconing", "t1584.005-connection-burst"
VOLUMETRIC = "t1583.005-inbound-volumetric"
"""It has no allowlist in common with the others, and no data here: an environment of it alone wants nothing."""
RULES, LISTS, ITEMS = "/api/detection_engine/rules", "/api/exception_lists", "/api/exception_lists/items"
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


class Live:
    """What the emulator holds for one tenant, and the hands of a colleague."""

    def __init__(self, emulator, tenant="acme"):
        self.emulator = emulator
        self.tenant = tenant

    def kibana(self, method, path, body=None, **params):
        answer = requests.request(
            method, f"{self.emulator.url}/kibana/s/{self.tenant}{path}", json=body, params=params,
            auth=("jo", "pw"), headers={"kbn-xsrf": "x"}, timeout=10,
        )  # fmt: skip
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def arm(self, method, name="", body=None):
        answer = requests.request(
            method,
            f"{self.emulator.url}/arm/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/soc/providers"
            f"/Microsoft.OperationalInsights/workspaces/{self.tenant}/providers/Microsoft.SecurityInsights/alertRules"
            f"{'/' if name else ''}{name}",
            json=body, params={"api-version": "2025-10-01-preview"},
            headers={"Authorization": "Bearer portal", "x-emulator-user": "jo"}, timeout=10,
        )  # fmt: skip
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def edit_kibana(self, rule_id=BOTNET, **change):
        self.kibana("PATCH", RULES, {"rule_id": rule_id, **change})

    def edit_sentinel(self, rule_id=BOTNET, **change):
        document = self.arm("GET", rule_uuid(rule_id))
        self.arm("PUT", document["name"], {**document, "properties": {**document["properties"], **change}})

    def whole(self):
        return whole(self)


def whole(hands):
    """Everything there is, without what the server alone decides."""
    lists = hands.kibana("GET", f"{LISTS}/_find", per_page=100)["data"]
    items = [
        item
        for one in lists
        for item in hands.kibana("GET", f"{ITEMS}/_find", list_id=one["list_id"], per_page=100)["data"]
    ]
    rules = hands.kibana("GET", f"{RULES}/_find", per_page=100)["data"]
    views = [one["id"] for one in hands.kibana("GET", "/api/data_views")["data_view"]]
    found = {
        **{f"rule {one['rule_id']}": one for one in rules},
        **{f"list {one['list_id']}": one for one in lists},
        **{f"item {one['item_id']}": one for one in items},
        **{f"view {one}": hands.kibana("GET", f"/api/data_views/data_view/{one}")["data_view"] for one in views},
        **{f"sentinel {one['name']}": one for one in hands.arm("GET", "")["value"]},
    }
    return {name: plain(one) for name, one in found.items()}


def plain(value):
    """A document without what a server sets at every write, or made up when it made the object."""
    own = {"revision", "version", "_version", "updated_at", "updated_by", "created_at", "created_by", "id", "etag",
           "systemData", "lastModifiedUtc", "tie_breaker_id", "immutable", "namespaces"}  # fmt: skip
    if isinstance(value, dict):
        return {name: plain(one) for name, one in sorted(value.items()) if name not in own}
    return [plain(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def small(site):
    """Two rules, one tenant with one entry."""
    environment(site, rules=[BOTNET])
    site.tenant("globex").unlink()
    site.edit(site.tenant("acme"), lambda one: one.update(allowlists={"proxies": [entry("198.51.100.8/29")]}))
    return site


def entry(value):
    return {"value": value, "reason": "Known.", "owner": "soc@acme.example"}


@pytest.fixture
def live(small):
    return Live(small.emulator)


def runs(site):
    """The ids of the runs that wrote something, oldest first."""
    files = (site.root / ".deployer/journal").glob("*.jsonl")
    return [file.stem for file in sorted(files, key=lambda one: one.stat().st_mtime_ns)]


def environment(site, **change):
    site.edit(site.root / "environments/site/environment.yaml", lambda one: one.update(change))


def overlay(site, **change):
    site.edit(site.tenant("acme"), lambda one: one.update(overlay={BOTNET: change}))


def outcomes(report):
    return {target["target"]: target["outcome"] for target in report["targets"]}


def changes(report, target):
    (found,) = [one for one in report["targets"] if one["target"] == target]
    return {f"{one['kind']}/{one['id']}": one for one in found["changes"]}


def remarks(report, target):
    return [one["remark"] for each in report["targets"] if each["target"] == target for one in each["remarks"]]


def writes(site):
    return [(one["method"], one["path"]) for one in site.emulator.requests if one["method"] in WRITES]


def test_a_run_that_changed_everything_is_undone_object_by_object(deployer, small, live):
    """One run updates a rule, takes an entry away and adds another, deletes a rule; all is as before, marks too."""
    environment(small, rules=[BOTNET, BEACON])
    deployer("apply", "site")
    live.edit_kibana(note="Seen before.")
    before = live.whole()
    environment(small, rules=[BOTNET])
    small.edit(small.tenant("acme"), lambda one: one.update(allowlists={"proxies": [entry("203.0.113.9")]}))
    overlay(small, severity="low")
    assert deployer("apply", "site").code == 0
    assert live.whole() != before
    small.emulator.set_clock(datetime.now(UTC) + timedelta(hours=25))  # Sentinel takes the deleted id again

    undone = deployer("rollback", "site", runs(small)[-1], "--format", "json")

    report = undone.json
    assert undone.code == report["exit_code"] == 0
    assert (report["verb"], report["runs"], report["recorded_as"]) == ("rollback", [runs(small)[1]], runs(small)[2])
    assert outcomes(report) == {"kibana": "applied", "sentinel": "applied"}
    assert {change["cause"] for target in report["targets"] for change in target["changes"]} == {"pending"}
    assert live.whole() == before


def test_a_first_apply_is_undone_within_limits_only(deployer, small, live):
    before = live.whole()
    deployer("apply", "site")
    (run,) = runs(small)
    environment(small, limits={"deletes": 0, "delete_share": 0})
    small.emulator.clear_requests()

    refused = deployer("rollback", "site", run)
    sent = writes(small)
    allowed = deployer("rollback", "site", run, "--allow-deletes", "1")

    assert (refused.code, sent) == (1, [])
    assert "would delete 1 of 1 owned rules" in refused.out
    assert "--allow-deletes 1" in refused.out
    assert allowed.code == 0
    assert live.whole() == before


def test_a_dry_run_shows_what_would_be_and_writes_nothing(deployer, small):
    deployer("apply", "site")
    small.emulator.clear_requests()

    shown = deployer("rollback", "site", runs(small)[0], "--dry-run", "--format", "json")

    assert shown.code == 2
    assert outcomes(shown.json) == {"kibana": "planned", "sentinel": "planned"}
    assert shown.json["summary"]["delete"] == 7
    assert shown.json["recorded_as"] is None
    assert writes(small) == []
    assert len(runs(small)) == 1


def test_what_somebody_changed_since_is_left_alone_and_named_and_the_rest_is_undone(deployer, small, live):
    deployer("apply", "site")
    overlay(small, severity="low")
    small.edit(small.tenant("acme"), lambda one: one.update(allowlists={}))
    deployer("apply", "site")
    live.edit_kibana(enabled=False)
    small.emulator.set_clock(datetime.now(UTC) + timedelta(hours=25))
    theirs = live.kibana("GET", RULES, rule_id=BOTNET)

    undone = deployer("rollback", "site", runs(small)[-1], "--format", "json")

    rule = changes(undone.json, "kibana")[f"rule/{BOTNET}"]
    assert undone.code == 3
    assert outcomes(undone.json) == {"kibana": "partial", "sentinel": "applied"}
    assert (rule["done"], rule["tried"], rule["edited_by"]) == (False, False, "jo")
    assert re.fullmatch(r"changed since the run by jo at [-\d]+ [:\d]+ UTC; left alone", rule["error"])
    assert live.kibana("GET", RULES, rule_id=BOTNET) == theirs
    assert [one["name"] for one in live.kibana("GET", f"{ITEMS}/_find", list_id="deployer-proxies")["data"]] == [
        "198.51.100.8/29"
    ]
    assert live.arm("GET", rule_uuid(BOTNET))["properties"]["severity"] != "Low"


def test_what_a_later_run_wrote_is_undone_only_after_that_run(deployer, small):
    deployer("apply", "site")
    overlay(small, severity="low")
    deployer("apply", "site")
    overlay(small, severity="medium")
    deployer("apply", "site")
    _, second, third = runs(small)

    early = deployer("rollback", "site", second, "--format", "json")
    deployer("rollback", "site", third)
    then = deployer("rollback", "site", second, "--format", "json")

    assert early.code == 1
    assert outcomes(early.json) == {"kibana": "failed", "sentinel": "failed"}
    assert "written by a later run" in changes(early.json, "kibana")[f"rule/{BOTNET}"]["error"]
    assert then.code == 0


def test_a_rollback_is_undone_like_any_run(deployer, small, live):
    deployer("apply", "site")
    overlay(small, severity="low")
    deployer("apply", "site")
    after = live.whole()
    deployer("rollback", "site", runs(small)[-1])
    assert live.whole() != after

    again = deployer("rollback", "site", runs(small)[-1])

    assert again.code == 0
    assert live.whole() == after
    told = read(small.root / f".deployer/journal/{runs(small)[-1]}.jsonl")
    assert {line["undoes"] for line in told} == {runs(small)[-2]}


def test_a_second_rollback_of_the_same_run_has_nothing_to_do(deployer, small):
    deployer("apply", "site")
    overlay(small, severity="low")
    deployer("apply", "site")
    run = runs(small)[-1]
    deployer("rollback", "site", run)
    small.emulator.clear_requests()

    again = deployer("rollback", "site", run)

    assert again.code == 0
    assert "acme/kibana: nothing to do. It matches what was there before the run (1 object)." in again.out
    assert writes(small) == []
    assert len(runs(small)) == 3


def test_several_runs_are_undone_together(deployer, small, live):
    """One deleted what another stood on: neither can be undone alone, both can."""
    environment(small, rules=[BOTNET, BEACON])
    deployer("apply", "site")
    before = live.whole()
    overlay(small, severity="low")
    deployer("apply", "site", "--rule", BOTNET)
    environment(small, rules=[BOTNET])
    overlay(small, severity="medium")
    deployer("apply", "site")
    small.emulator.set_clock(datetime.now(UTC) + timedelta(hours=25))

    undone = deployer("rollback", "site", runs(small)[2], runs(small)[1], "--format", "json")

    assert undone.code == 0
    assert undone.json["runs"] == runs(small)[1:3]
    assert live.whole() == before


def test_what_somebody_changed_between_two_runs_is_not_lost_by_undoing_both(deployer, small, live):
    deployer("apply", "site")
    overlay(small, severity="low")
    deployer("apply", "site")
    live.edit_kibana(enabled=False)
    overlay(small, severity="medium")
    deployer("apply", "site")
    _, first, second = runs(small)

    undone = deployer("rollback", "site", first, second, "--format", "json")

    assert undone.code == 3
    assert outcomes(undone.json) == {"kibana": "failed", "sentinel": "applied"}
    assert "changed between the runs" in changes(undone.json, "kibana")[f"rule/{BOTNET}"]["error"]


def test_after_a_rollback_the_plan_shows_that_git_still_wants_it(deployer, small):
    deployer("apply", "site")
    overlay(small, severity="low")
    deployer("apply", "site")

    undone = deployer("rollback", "site", runs(small)[-1])
    planned = deployer("plan", "site", "--format", "json")

    assert "Git still wants what was undone: revert it there, too, or the next apply does it again." in undone.out
    causes = {change["cause"] for target in planned.json["targets"] for change in target["changes"]}
    assert (planned.code, causes) == (2, {"pending"})


def test_a_claim_is_undone_to_an_object_without_a_mark(deployer, small, live):
    """What was there before `--adopt` was nobody's: it is so again, note, tags and all."""
    deployer("apply", "site")
    live.edit_kibana(tags=[], severity="low", note="Mine.")
    query = live.arm("GET", rule_uuid(BOTNET))["properties"]["query"].split("\n", 1)[1]
    live.edit_sentinel(query=query, severity="Low")
    change = {"list_id": "deployer-proxies", "type": "detection", "tags": ["theirs"], "name": "x", "description": "x"}
    live.kibana("PUT", LISTS, change)
    view = live.kibana("GET", f"/api/data_views/data_view/deployer-{BOTNET}")["data_view"]["runtimeFieldMap"]
    for one in view.values():
        source = one["script"]["source"].split("\n")
        one["script"]["source"] = "\n".join(line for line in source if "deployer:1" not in line)
    live.kibana("POST", f"/api/data_views/data_view/deployer-{BOTNET}", {"data_view": {"runtimeFieldMap": view}})
    before = live.whole()
    adopted = deployer("apply", "site", "--adopt", "--format", "json")
    assert (adopted.code, adopted.json["summary"]["claim"]) == (0, 4)
    assert live.whole() != before

    undone = deployer("rollback", "site", runs(small)[-1], "--format", "json")

    assert undone.code == 0
    assert live.whole() == before
    told = remarks(undone.json, "kibana") + remarks(undone.json, "sentinel")
    assert len([one for one in told if "it is nobody's until it is adopted" in one]) == 4


def test_what_sentinel_will_not_take_back_yet_is_said_with_the_time(deployer, small, live):
    environment(small, rules=[BOTNET, BEACON])
    deployer("apply", "site")
    environment(small, rules=[BOTNET])
    deployer("apply", "site")
    run = runs(small)[-1]

    shown = deployer("rollback", "site", run, "--dry-run", "--format", "json")
    refused = deployer("rollback", "site", run, "--format", "json")
    small.emulator.set_clock(datetime.now(UTC) + timedelta(hours=25))
    later = deployer("rollback", "site", run)

    assert shown.code == 2
    (remark,) = remarks(shown.json, "sentinel")
    assert re.fullmatch(r"Sentinel keeps a deleted id back and may refuse it until about [-\d]+ \d\d:\d\d UTC", remark)
    assert refused.code == 3
    error = changes(refused.json, "sentinel")[f"rule/{BEACON}"]["error"]
    assert "recently deleted" in error
    times = r"deleted it at [-\d]+ \d\d:\d\d UTC, so until about [-\d]+ \d\d:\d\d UTC; roll back again then"
    assert re.search(times, error)
    (history,) = remarks(refused.json, "kibana")
    assert "Kibana no longer counts its alerts of before as its own" in history
    assert later.code == 0


def test_a_rule_is_not_restored_to_a_list_that_is_gone(deployer, small, live):
    """A list that an entry of the journal stands in was deleted since; neither is written."""
    deployer("apply", "site")
    overlay(small, severity="low")
    deployer("apply", "site")
    attached = live.kibana("GET", RULES, rule_id=BOTNET)["exceptions_list"]
    live.kibana("DELETE", LISTS, list_id="deployer-proxies")
    small.emulator.clear_requests()

    undone = deployer("rollback", "site", runs(small)[-1], "--format", "json")

    assert undone.code == 3
    error = changes(undone.json, "kibana")[f"rule/{BOTNET}"]["error"]
    assert error == "it needs list/deployer-proxies, which is not there any more"
    assert live.kibana("GET", RULES, rule_id=BOTNET)["exceptions_list"] == attached


def test_a_list_that_a_rule_of_ours_came_to_use_since_is_not_taken_away(deployer, small, live):
    """The list was made by the run; a rule that the run did not write uses it by now."""
    environment(small, rules=[BURST])
    deployer("apply", "site")
    environment(small, rules=[BOTNET, BURST])
    deployer("apply", "site")
    lists = live.kibana("GET", RULES, rule_id=BOTNET)["exceptions_list"]
    used = live.kibana("GET", RULES, rule_id=BURST)["exceptions_list"]
    (new, *_) = [one for one in lists if one["list_id"] not in {each["list_id"] for each in used}]
    live.edit_kibana(BURST, exceptions_list=[*used, new])

    undone = deployer("rollback", "site", runs(small)[-1], "--format", "json")

    found = changes(undone.json, "kibana")
    assert undone.code == 3
    assert found[f"list/{new['list_id']}"]["error"] == f"rule/{BURST} still needs it; left alone"
    assert found[f"rule/{BOTNET}"]["done"] is True
    assert live.kibana("GET", LISTS, list_id=new["list_id"])


def test_one_rule_of_a_run_is_undone_with_what_it_alone_needs(deployer, small, live):
    before = set(live.whole())
    environment(small, rules=[BOTNET, BEACON])
    deployer("apply", "site")

    undone = deployer("rollback", "site", runs(small)[0], "--rule", "*-beaconing", "--format", "json")
    left = deployer("plan", "site", "--rule", BOTNET)

    assert undone.code == 0
    assert f"rule/{BOTNET}" not in changes(undone.json, "kibana")
    assert changes(undone.json, "kibana")[f"rule/{BEACON}"]["done"] is True
    assert left.code == 0
    assert before < set(live.whole())


def test_a_write_that_failed_or_was_cut_short_is_looked_at_before_it_is_undone(deployer, small, live):
    """The journal of a killed run ends with writes that nothing follows: one of them happened, one did not."""
    deployer("apply", "site")
    before = live.whole()
    overlay(small, severity="low")
    deployer("apply", "site")
    file = small.root / f".deployer/journal/{runs(small)[-1]}.jsonl"
    lines = [line for line in file.read_text().splitlines() if '"phase":"writing"' in line]
    deployer("rollback", "site", runs(small)[-1], "--yes")
    live.edit_kibana(severity="low")
    live.edit_kibana(severity="high")
    overlay(small, severity="high")
    unwritten = json.loads(lines[0])
    file.write_text("\n".join(lines) + '\n{"schema": "deployer-jour')
    assert unwritten["phase"] == "writing"

    undone = deployer("rollback", "site", file.stem, "--format", "json")

    assert undone.code == 0
    assert undone.json["summary"]["unchanged"] == 2
    assert live.whole() == before


def test_targets_that_no_file_names_any_more_are_said_and_the_others_are_undone(deployer, small):
    deployer("apply", "site")
    small.edit(small.tenant("acme"), lambda one: one["targets"].pop("sentinel"))

    undone = deployer("rollback", "site", runs(small)[0], "--format", "json")
    small.tenant("acme").unlink()
    shutil.copy(small.root / "environments/demo/tenants/globex.yaml", small.tenant("globex"))
    gone = deployer("rollback", "site", runs(small)[0])

    assert undone.code == 3
    assert outcomes(undone.json) == {"kibana": "applied", "sentinel": "failed"}
    assert "does not name it any more; nothing was undone there" in undone.out
    assert gone.code == 1
    assert gone.out.count("does not name it any more") == 2


def test_a_broken_tenant_is_said_and_not_touched(deployer, small):
    deployer("apply", "site")
    small.edit(small.tenant("acme"), lambda one: one["targets"]["kibana"].update(credential="nobodys"))
    small.emulator.clear_requests()

    undone = deployer("rollback", "site", runs(small)[0])

    assert undone.code == 1
    assert "`targets.kibana.credential` names no credential" in undone.out
    assert small.emulator.requests == []


def test_a_target_that_points_elsewhere_by_now_is_not_touched(deployer, small):
    deployer("apply", "site")
    small.edit(small.tenant("acme"), lambda one: one["targets"]["kibana"].update(space="other"))

    undone = deployer("rollback", "site", runs(small)[0], "--format", "json")

    assert undone.code == 3
    assert outcomes(undone.json) == {"kibana": "failed", "sentinel": "applied"}
    assert "the run wrote to http://127.0.0.1:" in undone.out
    assert "/s/other; nothing was undone" in undone.out
    assert [one for one in small.emulator.requests if "/s/other" in one["path"]] == []


def test_an_object_whose_secret_the_journal_left_out_is_not_written_with_stars(deployer, small, live):
    deployer("apply", "site")
    live.edit_kibana(setup=f"ask with {KEY}")
    deployer("apply", "site")

    undone = deployer("rollback", "site", runs(small)[-1], "--format", "json")

    assert undone.code == 1
    assert "secret of the run taken out (***)" in changes(undone.json, "kibana")[f"rule/{BOTNET}"]["error"]
    assert not live.kibana("GET", RULES, rule_id=BOTNET).get("setup", "").startswith("ask")


def test_what_analysts_gave_to_an_object_since_stays_with_it(deployer, small, live):
    """A note, and a comment on an entry, made after the run: neither is Git's, both stay."""
    deployer("apply", "site")
    overlay(small, severity="low")
    deployer("apply", "site")
    live.edit_kibana(note="Found something.")
    live.edit_sentinel(somethingNew={"a": 1})

    undone = deployer("rollback", "site", runs(small)[-1])

    assert undone.code == 0
    assert live.kibana("GET", RULES, rule_id=BOTNET)["note"] == "Found something."
    assert live.arm("GET", rule_uuid(BOTNET))["properties"]["somethingNew"] == {"a": 1}
    assert live.kibana("GET", RULES, rule_id=BOTNET)["severity"] != "low"


def test_what_an_object_carried_comes_back_with_it_from_the_journal(deployer, small, live):
    """A deleted rule had a note and a foreign list, a deleted entry a comment."""
    deployer("apply", "site")
    made = live.kibana("POST", LISTS, {"list_id": "theirs", "name": "x", "description": "x", "type": "detection"})
    theirs = {"id": made["id"], "list_id": "theirs", "type": "detection", "namespace_type": "single"}
    lists = live.kibana("GET", RULES, rule_id=BOTNET)["exceptions_list"]
    live.edit_kibana(note="Found something.", exceptions_list=[*lists, theirs])
    live.edit_sentinel(somethingNew={"a": 1})
    (item,) = live.kibana("GET", f"{ITEMS}/_find", list_id="deployer-proxies")["data"]
    names = ("item_id", "name", "description", "type", "entries", "tags", "namespace_type")
    kept = {name: item[name] for name in names}
    live.kibana("PUT", ITEMS, {**kept, "comments": [{"comment": "Still needed."}]})
    before = live.whole()
    environment(small, rules=[VOLUMETRIC])
    assert deployer("apply", "site", "--allow-deletes", "9").code == 0
    small.emulator.set_clock(datetime.now(UTC) + timedelta(hours=25))

    undone = deployer("rollback", "site", runs(small)[-1])

    assert undone.code == 0
    assert live.whole() == before


def test_a_rule_does_not_come_back_without_the_foreign_list_that_it_had(deployer, small, live):
    deployer("apply", "site")
    made = live.kibana("POST", LISTS, {"list_id": "theirs", "name": "x", "description": "x", "type": "detection"})
    theirs = {"id": made["id"], "list_id": "theirs", "type": "detection", "namespace_type": "single"}
    live.edit_kibana(exceptions_list=[*live.kibana("GET", RULES, rule_id=BOTNET)["exceptions_list"], theirs])
    environment(small, rules=[VOLUMETRIC])
    deployer("apply", "site", "--allow-deletes", "9")
    live.kibana("DELETE", LISTS, list_id="theirs")

    undone = deployer("rollback", "site", runs(small)[-1], "--format", "json")

    assert undone.code == 3
    assert "the exception list theirs is gone" in changes(undone.json, "kibana")[f"rule/{BOTNET}"]["error"]


def test_the_text_report_reads_well(deployer, small, live, golden, repo_root):
    deployer("apply", "site")
    overlay(small, severity="low")
    small.edit(small.tenant("acme"), lambda one: one.update(allowlists={}))
    deployer("apply", "site")
    live.edit_sentinel(enabled=False)
    run = runs(small)[-1]

    shown = deployer("rollback", "site", run, "--dry-run")
    undone = deployer("rollback", "site", run)

    assert (shown.code, undone.code) == (2, 3)
    text = re.sub(r"\d{8}T\d{6}Z-site-\d+(-\d+)?", "RUN", shown.out + "-----\n" + undone.out)
    golden(repo_root / "tests/cases/cli/rollback.txt", re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "TIME", text))


def lines(root, name, *written):
    folder = root / ".deployer/journal"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in written))


AFTER: dict[str, Any] = {"body": {}, "carried": {}, "mark": "deployer:1:site-soc:site:rule/r1:0123456789abcdef"}
LINE = {
    "schema": "deployer-journal/1", "run": "one", "at": "2026-11-22T04:00:00.000000Z", "environment": "site",
    "tenant": "acme", "target": "kibana", "action": "create", "kind": "rule", "id": "r1", "phase": "writing",
    "before": None, "after": AFTER,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "written", "said"),
    [
        ("other", [], "has no journal of a run 'other'; no run has written there"),
        ("other.jsonl", [], "there is no journal other.jsonl"),
        ("20261", [("20261a", [LINE]), ("20261b", [LINE])], "is the beginning of 2 runs: 20261a, 20261b"),
        ("one", [("one", [])], "tells of no write"),
        ("one", [("one", [{**LINE, "environment": "prod"}])], "is the journal of a run on prod, not on site"),
        ("one", [("one", [{**LINE, "schema": "deployer-journal/9"}])], "is of schema 'deployer-journal/9'"),
        ("one", [("one", [{"phase": "writing"}])], "is not a journal of deployer: KeyError"),
        ("one", [("one", [[1, 2]])], "is not a journal of deployer: TypeError"),
        (
            "one",
            [
                (
                    "one",
                    [{**LINE, "after": {**AFTER, "mark": AFTER["mark"].replace("site-soc", "acme")}}],
                )
            ],
            "is the journal of a run of owner acme, and site is now site-soc's",
        ),
    ],
    ids=["unknown", "no-file", "ambiguous", "empty", "environment", "schema", "not-one", "list", "owner"],
)
def test_what_is_no_run_of_this_environment_is_a_usage_error(deployer, site, name, written, said):
    for run, told in written:
        lines(site.root, run, *told)

    done = deployer("rollback", "site", name)

    assert done.code == 64
    assert said in done.err
    assert site.emulator.requests == []


@pytest.mark.parametrize("option", [("--tenant", "globex"), ("--rule", "t9*")], ids=" ".join)
def test_a_selection_that_the_run_did_not_write_is_a_usage_error(deployer, site, option):
    lines(site.root, "one", LINE)

    done = deployer("rollback", "site", "one", *option)

    assert done.code == 64
    assert "acme" in done.err or "r1" in done.err


def test_the_beginning_of_a_runs_id_and_the_path_of_its_journal_name_it_too(deployer, small):
    deployer("apply", "site")
    (run,) = runs(small)
    file = small.root / "elsewhere.jsonl"
    shutil.copy(small.root / f".deployer/journal/{run}.jsonl", file)

    for name in (run, run[:9], str(file)):
        assert deployer("rollback", "site", name, "--dry-run", "--format", "json").json["runs"] == [run]


def test_phases_of_later_versions_are_skipped(deployer, small):
    deployer("apply", "site")
    (run,) = runs(small)
    file = small.root / f".deployer/journal/{run}.jsonl"
    file.write_text(file.read_text() + json.dumps({**LINE, "phase": "settled", "owned": []}) + "\n")

    assert deployer("rollback", "site", run, "--allow-deletes", "9").code == 0
