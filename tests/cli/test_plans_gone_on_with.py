"""A run of a saved plan that was stopped is gone on with by the same file: what it has done is neither stale nor
written again, and what is left is done only where it is as it was planned."""

import pytest

from tests.cli import colleague
from tests.cli.test_waves import RULES_OF_ACME
from tests.cli.test_waves import WRITES
from tests.cli.test_waves import estate as estate
from tests.cli.test_waves import no_waiting as no_waiting
from tests.cli.test_waves import outcomes
from tests.cli.test_waves import went
from tests.cli.test_waves import written

RULE = "t1584.005-botnet-node"


@pytest.fixture
def plan(deployer, estate):
    """A plan of everything whose run stopped at the canary: its lists are written, its rule is not."""
    file = str(estate.root / "plan.json")
    deployer("plan", "site", "--out", file)
    estate.emulator.fault(path=RULES_OF_ACME, method="POST", status=400)
    stopped = deployer("apply", "site", "--plan", file, "--format", "json")
    assert (stopped.code, went(stopped)) == (3, {"canary": "stopped", "early": "not begun", "rest": "not begun"})
    estate.emulator.clear_faults()
    return file


def stale(run):
    """What keeps the canary from being applied to."""
    return [one["message"] for one in run.json["targets"][0]["findings"] if one["code"] == "stale-plan"]


def test_a_plan_that_stopped_at_a_wave_goes_on_and_writes_only_what_is_left(deployer, estate, plan):
    before = written(estate, "acme")

    gone_on = deployer("apply", "site", "--plan", plan, "--format", "json")
    estate.emulator.clear_requests()
    again = deployer("apply", "site", "--plan", plan, "--format", "json")

    passed = {"canary": "passed", "early": "passed", "rest": "passed"}
    assert (gone_on.code, went(gone_on)) == (0, passed)
    assert gone_on.json["targets"][0]["changes"][0]["id"] == RULE
    assert [len(one["changes"]) for one in gone_on.json["targets"]] == [1, 5, 5]
    assert len(before) == 5
    assert (again.code, went(again), again.json["summary"]["unchanged"]) == (0, passed, 15)
    assert {one["method"] for one in estate.emulator.requests} & WRITES == set()


def test_the_report_names_the_same_plan_to_go_on_with(deployer, estate, plan):
    estate.emulator.fault(path=RULES_OF_ACME, method="POST", status=400)

    run = deployer("apply", "site", "--plan", plan)

    assert f"To go on once it is mended: deployer apply site --plan {plan} (what is done" in run.out
    assert "To go on without it: plan wave 2 alone, and apply that\n" in run.out


def test_what_somebody_changed_in_the_done_part_is_stale(deployer, estate, plan):
    found = colleague.kibana(estate.emulator, "acme", "GET", "/api/exception_lists/_find")["data"][0]
    keep = {name: found[name] for name in ("list_id", "type", "tags", "namespace_type")}
    colleague.kibana(
        estate.emulator, "acme", "PUT", "/api/exception_lists", keep | {"name": "mine", "description": "mine"}
    )

    run = deployer("apply", "site", "--plan", plan, "--format", "json")

    assert (run.code, went(run)["canary"]) == (1, "stopped")
    assert stale(run) == [f"list/{found['list_id']}: changed in the target since the plan was made; plan again"]
    assert estate.asked("initech")[-1]["method"] == "GET"
    assert {one["method"] for one in estate.asked("globex")} == {"GET"}


def test_what_git_says_of_the_done_part_since_is_stale(deployer, estate, plan):
    deployer("apply", "site", "--plan", plan)
    estate.edit(estate.tenant("acme"), lambda one: one.update(overlay={RULE: {"severity": "low"}}))

    run = deployer("apply", "site", "--plan", plan, "--format", "json")

    assert (run.code, stale(run)) == (1, [f"rule/{RULE}: changed in the target since the plan was made; plan again"])


@pytest.mark.parametrize("waves", [True, False])
def test_a_customer_who_left_since_the_plan_was_made_is_named(deployer, estate, waves):
    file = str(estate.root / "plan.json")
    deployer("plan", "site", "--out", file)
    settings = estate.root / "environments/site/environment.yaml"
    estate.edit(settings, lambda one: None if waves else one.pop("waves"))
    estate.tenant("initech").unlink()

    run = deployer("apply", "site", "--plan", file, "--format", "json")

    assert (run.code, outcomes(run)) == (3, {"acme": "applied", "globex": "applied", "initech": "failed"})
    [finding] = run.json["targets"][-1]["findings"]
    assert finding["message"].startswith("the plan has changes for it, and no tenant's file names it any more")
    assert {one["method"] for one in estate.asked("initech")} == {"GET"}


def test_a_target_that_a_canary_lost_since_the_plan_was_made_fails_its_wave(deployer, estate):
    file = str(estate.root / "plan.json")
    deployer("plan", "site", "--out", file)
    estate.edit(estate.tenant("acme"), lambda one: one.update(targets={"other": one["targets"]["kibana"]}))

    run = deployer("apply", "site", "--plan", file, "--format", "json")

    assert (run.code, went(run)["canary"]) == (1, "stopped")
    assert [one["target"] for one in run.json["targets"]] == ["kibana", "other", "kibana", "kibana"]
    assert "no tenant's file names it any more" in run.json["targets"][0]["findings"][0]["message"]
