"""`apply` in waves: a wave that fails keeps the run from the next one; once it is mended, the same command goes on."""

import json

import pytest

from deployer.journal import read
from tests.cli.small import RULE
from tests.cli.small import make_small
from tests.cli.small import set_waves

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
RULES_OF_ACME = "/s/acme/api/detection_engine/rules$"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("deployer.providers.http._backoff", lambda left: 0.0)


@pytest.fixture
def estate(site):
    """Three tenants with a space each, one rule; acme is the canary."""
    make_small(site, more=("initech",))
    set_waves(site, {"name": "canary", "tenants": ["acme"]}, {"name": "early", "tenants": ["glob*"]}, {"name": "rest"})
    return site


def written(site, tenant):
    return [one["path"] for one in site.asked(tenant) if one["method"] in WRITES]


def went(run):
    return {one["name"]: one["outcome"] for one in run.json["waves"]}


def outcomes(run):
    return {one["tenant"]: one["outcome"] for one in run.json["targets"]}


def test_a_canary_that_fails_keeps_the_run_from_everybody_else_until_it_is_mended(deployer, estate):
    estate.emulator.fault(path=RULES_OF_ACME, method="POST", status=400)

    stopped = deployer("apply", "site", "--format", "json")

    assert stopped.code == 3
    canary, early, rest = stopped.json["waves"]
    assert (canary["number"], canary["outcome"], canary["tenants"]) == (1, "stopped", ["acme"])
    assert (canary["failed"], canary["reason"]) == (["acme"], "1 of 1 tenants failed, none may")
    assert f"rule/{RULE}" in canary["failures"][0]["reason"]
    assert (early["outcome"], rest["outcome"], rest["tenants"]) == ("not begun", "not begun", ["initech"])
    assert outcomes(stopped) == {"acme": "partial", "globex": "failed", "initech": "failed"}
    said = [(one["code"], one["message"]) for target in stopped.json["targets"] for one in target["findings"]]
    assert said[0] == (
        "wave",
        "wave 2 (early) was not begun: wave 1 (canary) stopped the run; nothing was written there",
    )
    assert [code for code, _ in said] == ["wave", "wave"]
    assert estate.asked("globex") == estate.asked("initech") == []

    estate.emulator.clear_faults()
    gone_on = deployer("apply", "site", "--format", "json")
    estate.emulator.clear_requests()
    again = deployer("apply", "site", "--format", "json")

    passed = {"canary": "passed", "early": "passed", "rest": "passed"}
    assert (gone_on.code, went(gone_on)) == (0, passed)
    assert (again.code, went(again)) == (0, passed)
    assert written(estate, "acme") == written(estate, "globex") == written(estate, "initech") == []


def test_what_was_done_before_the_stop_is_not_written_again(deployer, estate):
    estate.emulator.fault(path="/s/globex/api/detection_engine/rules$", method="POST", status=400)
    first = deployer("apply", "site", "--format", "json")
    done = written(estate, "acme")
    estate.emulator.clear_faults()

    second = deployer("apply", "site", "--format", "json")

    assert (went(first), first.code) == ({"canary": "passed", "early": "stopped", "rest": "not begun"}, 3)
    assert (second.code, outcomes(second)) == (0, dict.fromkeys(("acme", "globex", "initech"), "applied"))
    assert written(estate, "acme") == done
    assert written(estate, "initech")


def test_a_wave_that_cannot_be_looked_at_again_does_not_pass(deployer, estate):
    """Every write went well, and then the space answers no more."""
    deployer("apply", "site", "--wave", "canary")
    reads = sum(one["method"] == "GET" for one in estate.asked("acme"))
    deployer("apply", "site", "--tenant", "acme", "--wave", "1")
    again = sum(one["method"] == "GET" for one in estate.asked("acme")) - reads
    # Nothing is written any more, so that half of the reads are those of the verification.
    estate.emulator.fault(path="/s/acme/", method="GET", status=500, after=again // 2)

    run = deployer("apply", "site", "--format", "json")

    assert (run.code, went(run)) == (3, {"canary": "stopped", "early": "not begun", "rest": "not begun"})
    assert outcomes(run)["acme"] == "applied"
    assert run.json["waves"][0]["failures"][0]["reason"].startswith("kibana: not looked at: ")
    assert estate.asked("globex") == []


def test_a_level_that_is_not_known_stops_a_wave_that_asks_for_it(deployer, estate):
    canary = {"name": "canary", "tenants": ["acme"], "verify": {"levels": ["enabled", "ran"]}}
    set_waves(estate, canary, {"name": "rest"})

    run = deployer("apply", "site", "--format", "json")

    assert (run.code, went(run)) == (3, {"canary": "stopped", "rest": "not begun"})
    (failure,) = run.json["waves"][0]["failures"]
    reason = f"kibana: ran unknown: rule/{RULE}: it has not run yet"
    assert failure == {"tenant": "acme", "reason": reason, "reasons": [reason]}
    assert estate.asked("globex") == []


def test_a_wave_in_which_nothing_could_be_asked_says_so(deployer, estate):
    """Its tenants have none of the rules: it passes, and shows nothing."""
    estate.edit(estate.tenant("acme"), lambda one: one.update(data_sources={"kibana": {"other.data": []}}))
    canary = {"name": "canary", "tenants": ["acme"], "verify": {"levels": ["equal", "ran"]}}
    set_waves(estate, canary, {"name": "rest"})

    run = deployer("apply", "site", "--tenant", "[ag]*", "--format", "json")

    assert (run.code, went(run)) == (0, {"canary": "passed", "rest": "passed"})
    assert [one["reason"] for one in run.json["waves"]] == ["no object there was asked: present, equal, ran", ""]
    assert "Wave 1 (canary) passed: no object there was asked: present, equal, ran.\n" in run.err


def test_a_last_wave_that_does_not_pass_is_not_done_although_all_was_written(deployer, estate):
    set_waves(estate, {"name": "all", "verify": {"levels": ["ran"]}})

    run = deployer("apply", "site", "--tenant", "acme", "--format", "json")

    assert (run.code, run.json["exit_code"], went(run)) == (3, 3, {"all": "stopped"})
    assert outcomes(run) == {"acme": "applied"}


def test_as_many_as_may_fail_let_the_run_go_on_and_are_named(deployer, estate):
    both = {"name": "both", "tenants": ["acme", "globex"], "verify": {"may_fail": 1}}
    set_waves(estate, both, {"name": "rest"})
    estate.emulator.fault(path=RULES_OF_ACME, method="POST", status=400)

    run = deployer("apply", "site", "--format", "json")

    assert (run.code, went(run)) == (3, {"both": "passed", "rest": "passed"})
    assert run.json["waves"][0]["failed"] == ["acme"]
    assert outcomes(run) == {"acme": "partial", "globex": "applied", "initech": "applied"}


def test_a_tenant_whose_file_is_broken_fails_its_own_wave(deployer, estate):
    estate.tenant("globex").write_text("targets: 3\n")

    run = deployer("apply", "site", "--format", "json")

    assert (run.code, went(run)) == (3, {"canary": "passed", "early": "stopped", "rest": "not begun"})
    assert outcomes(run) == {"acme": "applied", "globex": "failed", "initech": "failed"}
    assert estate.asked("initech") == []


def test_a_refused_plan_stops_the_waves_behind_it(deployer, estate):
    deployer("apply", "site")
    estate.edit(estate.tenant("acme"), lambda one: one.update(overlay={RULE: {"severity": "low"}}))
    set_waves(estate, {"name": "canary", "tenants": ["acme"]}, {"name": "rest"}, limits={"updates": 0})
    estate.emulator.clear_requests()

    run = deployer("apply", "site", "--format", "json")

    assert (run.code, went(run)) == (1, {"canary": "stopped", "rest": "not begun"})
    assert written(estate, "acme") == estate.asked("globex") == []


def test_the_report_says_what_happened_and_how_to_go_on(deployer, estate, golden, repo_root):
    estate.emulator.fault(path=RULES_OF_ACME, method="POST", status=400)

    run = deployer("apply", "site", "--rule", "t1584.005-*")
    shown = deployer("apply", "site", "--format", "markdown")

    golden(repo_root / "tests/cases/cli/apply-in-waves.txt", run.out.replace(estate.emulator.url, "http://server"))
    golden(repo_root / "tests/cases/cli/apply-in-waves.md", shown.out.replace(estate.emulator.url, "http://server"))
    assert "In waves: wave 1 (canary): acme, then wave 2 (early): globex, then wave 3 (rest): initech.\n" in run.err


def test_one_wave_alone_asks_no_other(deployer, estate):
    planned = deployer("plan", "site", "--wave", "2", "--format", "json")
    applied = deployer("apply", "site", "--wave", "early", "--format", "json")
    verified = deployer("verify", "site", "--wave", "2", "--format", "json")
    drifted = deployer("drift", "site", "--wave", "2", "--format", "json")

    assert [run.code for run in (planned, applied, verified, drifted)] == [2, 0, 0, 0]
    for run in (planned, applied, verified, drifted):
        assert list(outcomes(run)) == ["globex"]
    assert went(applied) == {"early": "passed"}
    assert applied.json["waves"][0]["number"] == 2
    assert estate.asked("acme") == estate.asked("initech") == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--wave", "4"), "site has no wave '4'; there are 1 (canary), 2 (early), 3 (rest)"),
        (("--wave", "cannary"), "site has no wave 'cannary'"),
        (("--wave", "1", "--tenant", "globex"), "no tenant of that wave of site matches 'globex'; there are acme"),
    ],
)
def test_a_wave_that_means_nobody_is_a_usage_error(options, said, deployer, estate):
    run = deployer("apply", "site", *options)

    assert (run.code, said in run.err) == (64, True)
    assert estate.emulator.requests == []


def test_an_environment_without_waves_has_none_to_choose_and_reports_none(deployer, estate):
    estate.edit(estate.root / "environments/site/environment.yaml", lambda one: one.pop("waves"))
    chosen = deployer("plan", "site", "--wave", "1")
    applied = deployer("apply", "site", "--tenant", "acme", "--format", "json")

    assert (chosen.code, "site has no waves" in chosen.err) == (64, True)
    assert (applied.code, "waves" in applied.json) == (0, False)


def test_waves_that_nobody_of_the_selected_tenants_is_in_are_passed_over(deployer, estate):
    run = deployer("apply", "site", "--tenant", "initech", "--format", "json")

    assert (run.code, went(run)) == (0, {"rest": "passed"})
    assert estate.asked("acme") == []


def test_a_saved_plan_and_a_digest_are_applied_wave_by_wave(deployer, estate):
    file = estate.root / "plan.json"
    deployer("plan", "site", "--out", str(file))
    estate.emulator.fault(path=RULES_OF_ACME, method="POST", status=400, times=1)
    stopped = deployer("apply", "site", "--plan", str(file), "--format", "json")
    digest = deployer("plan", "site", "--format", "json").json["digest"]
    wrong = deployer("apply", "site", "--digest", "0" * 16)
    before = estate.asked("initech")
    right = deployer("apply", "site", "--digest", digest, "--format", "json")

    assert (went(stopped)["rest"], wrong.code) == ("not begun", 1)
    assert [one for one in before if one["method"] in WRITES] == []
    assert (right.code, went(right)) == (0, {"canary": "passed", "early": "passed", "rest": "passed"})


def test_a_plan_of_a_wave_that_has_other_tenants_by_now_is_refused(deployer, estate):
    file = estate.root / "plan.json"
    deployer("plan", "site", "--wave", "early", "--out", str(file))
    set_waves(estate, {"name": "early", "tenants": ["initech"]}, {"name": "rest"})

    run = deployer("apply", "site", "--plan", str(file))

    assert (run.code, "a wave that globex is in no more" in run.err) == (1, True)
    assert [one for one in estate.emulator.requests if one["method"] in WRITES] == []


def test_a_plan_that_was_saved_before_there_were_waves_is_still_applied(deployer, estate):
    file = estate.root / "plan.json"
    deployer("plan", "site", "--tenant", "acme", "--out", str(file))
    saved = json.loads(file.read_text())
    del saved["asked"]["wave"]
    file.write_text(json.dumps(saved))

    assert deployer("apply", "site", "--plan", str(file)).code == 0


def test_a_run_that_stopped_in_the_middle_is_one_journal_and_is_undone(deployer, estate):
    estate.emulator.fault(path="/s/globex/api/detection_engine/rules$", method="POST", status=400)
    deployer("apply", "site")
    estate.emulator.clear_faults()
    (journal,) = (estate.root / ".deployer/journal").glob("*.jsonl")
    assert {line["tenant"] for line in read(journal)} == {"acme", "globex"}

    undone = deployer("rollback", "site", journal.stem, "--allow-deletes", "9")

    assert undone.code == 0
    assert deployer("plan", "site", "--wave", "1", "--format", "json").json["summary"]["unchanged"] == 0


def test_the_tenants_are_listed_with_their_waves(deployer, estate):
    assert deployer("tenants", "list", "site").out.splitlines() == [
        "acme, wave 1 (canary): kibana (kibana)",
        "globex, wave 2 (early): kibana (kibana)",
        "initech, wave 3 (rest): kibana (kibana)",
    ]
