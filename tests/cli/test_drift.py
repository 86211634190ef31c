"""`deployer drift`: what was changed in the targets, by whom, when, in which field; and what nobody can tell."""

import shutil
from datetime import datetime

import pytest

from tests.cli import colleague

RULE = "t1584.005-botnet-node"


@pytest.fixture
def applied(deployer, site):
    """One tenant whose rule is as Git says."""
    site.tenant("globex").unlink()
    assert deployer("apply", "site", "--rule", RULE).code == 0
    return site


def seen(deployer, *more):
    """The exit code, and what is said of each object that is not as Git says."""
    drift = deployer("drift", "site", "--rule", RULE, "--format", "json", *more)
    return drift.code, [
        (
            target["target"],
            f"{change['kind']}/{change['id']}",
            change["cause"],
            [field["path"] for field in change["fields"]],
            change["edited_by"],
        )
        for target in drift.json["targets"]
        for change in target["changes"]
    ]


def test_what_was_applied_is_no_drift(deployer, applied):
    drift = deployer("drift", "site", "--rule", RULE)

    assert drift.code == 0
    assert "acme/kibana: no drift. Nothing was changed there" in drift.out


def test_an_edit_in_kibana_is_told_with_field_person_and_time(deployer, applied):
    colleague.edit_rule(applied.emulator, "acme", RULE, severity="low", interval="7m")

    drift = deployer("drift", "site", "--rule", RULE, "--format", "json")

    (change,) = [change for target in drift.json["targets"] for change in target["changes"]]
    assert drift.code == drift.json["exit_code"] == 2
    assert (drift.json["verb"], {target["outcome"] for target in drift.json["targets"]}) == ("drift", {"planned"})
    assert (change["action"], change["kind"], change["id"], change["cause"]) == ("update", "rule", RULE, "drift")
    assert change["fields"] == [
        {"path": "interval", "before": "7m", "after": change["fields"][0]["after"]},
        {"path": "severity", "before": "low", "after": "high"},
    ]
    assert change["edited_by"] == "jo"
    live = colleague.rule_in(applied.emulator, "acme", RULE)
    assert datetime.fromisoformat(change["edited_at"]) == datetime.fromisoformat(live["updated_at"])
    assert drift.json["summary"]["drift"] == 1


def test_the_text_says_who_when_which_field_and_what_can_be_done(deployer, applied, golden, repo_root):
    colleague.edit_rule(applied.emulator, "acme", RULE, severity="low")
    colleague.edit_properties(applied.emulator, "acme", RULE, severity="Low", enabled=False)

    drift = deployer("drift", "site", "--rule", RULE)

    lines = drift.out.split("\n")
    assert drift.code == 2
    when = next(line for line in lines if line.startswith("      by jo"))
    assert when.endswith(" UTC")
    text = "\n".join(line if not line.startswith("      by ") else line.split(",")[0] + ", WHEN" for line in lines)
    golden(repo_root / "tests/cases/cli/drift.txt", text)


def test_what_git_has_changed_is_pending_and_no_drift(deployer, applied):
    applied.edit(applied.tenant("acme"), lambda document: document.update(overlay={RULE: {"severity": "medium"}}))

    code, changes = seen(deployer)

    assert code == 0
    assert {(target, cause) for target, _, cause, _, _ in changes} == {("kibana", "pending"), ("sentinel", "pending")}


def test_what_both_have_changed_is_told_as_both(deployer, applied):
    applied.edit(applied.tenant("acme"), lambda document: document.update(overlay={RULE: {"severity": "medium"}}))
    colleague.edit_rule(applied.emulator, "acme", RULE, interval="9m")

    code, changes = seen(deployer)

    assert code == 2
    assert ("kibana", f"rule/{RULE}", "both", ["interval", "risk_score", "severity"], "jo") in changes


def test_a_rule_deleted_by_hand_is_drift_and_one_new_in_git_is_not(deployer, applied):
    away = applied.root / "away"
    (applied.root / "rules/t1584.005-port-scan-burst").rename(away)
    deployer("apply", "site")
    away.rename(applied.root / "rules/t1584.005-port-scan-burst")
    colleague.kibana(applied.emulator, "acme", "DELETE", colleague.RULES, rule_id=RULE)
    colleague.sentinel(applied.emulator, "acme", "DELETE", RULE)

    drift = deployer("drift", "site", "--rule", RULE, "--rule", "t1584.005-port-scan-burst", "--format", "json")

    found = {(target["target"], change["kind"], change["id"]): (change["cause"], change["note"])
             for target in drift.json["targets"] for change in target["changes"]}  # fmt: skip
    assert drift.code == 2
    assert found["kibana", "rule", RULE][0] == "drift"
    assert found["kibana", "rule", RULE][1].startswith("deleted in the target: it was there after run ")
    assert found["sentinel", "rule", RULE][0] == "drift"
    assert found["kibana", "rule", "t1584.005-port-scan-burst"] == ("pending", "new in Git")


def test_without_a_journal_it_is_said_that_nobody_can_tell(deployer, applied):
    colleague.kibana(applied.emulator, "acme", "DELETE", colleague.RULES, rule_id=RULE)
    shutil.rmtree(applied.root / ".deployer/journal")

    drift = deployer("drift", "site", "--rule", RULE)

    assert drift.code == 3
    assert "new in Git or deleted in the target, and no journal of an apply tells which" in drift.out


def test_without_a_journal_a_list_that_a_rule_of_ours_refers_to_was_deleted(deployer, applied):
    colleague.kibana(applied.emulator, "acme", "DELETE", "/api/exception_lists", list_id="deployer-proxies")
    shutil.rmtree(applied.root / ".deployer/journal")

    code, changes = seen(deployer)

    assert (code, changes[0][:3]) == (2, ("kibana", "list/deployer-proxies", "drift"))


def test_a_journal_is_found_where_it_is_said_to_be(deployer, applied):
    (applied.root / ".deployer/journal").rename(applied.root / "kept")
    colleague.kibana(applied.emulator, "acme", "DELETE", colleague.RULES, rule_id=RULE)

    assert seen(deployer)[0] == 3
    assert seen(deployer, "--journal", str(applied.root / "kept"))[0] == 2


def test_a_journal_that_is_damaged_is_an_error_and_not_the_absence_of_one(deployer, applied):
    (file,) = (applied.root / ".deployer/journal").iterdir()
    file.write_text("{\n" + file.read_text())

    drift = deployer("drift", "site", "--rule", RULE)

    assert drift.code == 1
    assert "cannot be read" in drift.err


def test_a_mark_that_was_taken_out_is_drift(deployer, applied):
    tags = colleague.rule_in(applied.emulator, "acme", RULE)["tags"]
    colleague.edit_rule(applied.emulator, "acme", RULE, tags=[tag for tag in tags if not tag.startswith("deployer:")])

    drift = deployer("drift", "site", "--rule", RULE, "--format", "json")

    (change,) = [change for target in drift.json["targets"] for change in target["changes"]]
    assert (drift.code, change["cause"], change["edited_by"]) == (2, "unclaimed", "jo")
    assert change["note"].startswith("its mark was taken out; it was ours after run ")


def test_a_mark_of_a_later_version_is_neither_drift_nor_fine(deployer, applied):
    tags = colleague.rule_in(applied.emulator, "acme", RULE)["tags"]
    later = [tag.replace("deployer:1:", "deployer:2:") for tag in tags]
    colleague.edit_rule(applied.emulator, "acme", RULE, tags=later, severity="low")

    code, changes = seen(deployer)

    assert (code, [change[2] for change in changes]) == (3, ["unknown"])


def test_a_target_that_cannot_be_read_is_not_looked_at_and_the_run_is_partial(deployer, applied):
    applied.emulator.fault(path="/arm/", kind="garbage")

    drift = deployer("drift", "site", "--rule", RULE)

    assert drift.code == 3
    assert "acme/sentinel: not looked at" in drift.out


def test_a_target_that_no_file_names_any_more_is_told(deployer, applied):
    applied.edit(applied.tenant("acme"), lambda document: document["targets"].pop("sentinel"))

    drift = deployer("drift", "site", "--rule", RULE)

    assert drift.code == 3
    assert "acme/sentinel: not looked at: no tenant's file names it any more, and 1 object" in drift.out


def test_what_no_run_has_tried_since_there_are_journals_is_not_said_to_be_new(deployer, applied):
    """The first journal is of a run over one rule: of the others it tells only that they were not there."""
    drift = deployer("drift", "site", "--rule", "t1584.005-port-scan-burst")

    assert drift.code == 3
    assert "new in Git or deleted in the target" in drift.out
