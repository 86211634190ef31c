"""A plan that is saved, or known by its digest, is applied exactly or not at all, target by target."""

import json

from tests.cli import colleague

RULE = "t1584.005-botnet-node"


def saved(deployer, site, *more):
    file = site.root / "plan.json"
    planned = deployer("plan", "site", "--rule", RULE, "--out", str(file), *more)
    return file, planned


def test_a_saved_plan_is_shown_saved_and_applied(deployer, site):
    file, planned = saved(deployer, site)
    applied = deployer("apply", "site", "--plan", str(file), "--format", "json")

    assert (planned.code, applied.code) == (2, 0)
    assert "to create" in planned.out
    assert applied.json["summary"]["create"] == json.loads(file.read_text())["summary"]["create"] > 0
    assert deployer("plan", "site", "--rule", RULE).code == 0


def test_the_report_in_another_form_is_no_saved_plan(deployer, site):
    file = site.root / "plan.txt"
    deployer("plan", "site", "--rule", RULE, "--format", "text", "--out", str(file))

    applied = deployer("apply", "site", "--plan", str(file))

    assert applied.code == 64
    assert "is not JSON" in applied.err


def test_a_target_that_changed_since_is_stopped_with_every_object_and_the_others_go_on(deployer, site):
    deployer("apply", "site", "--rule", RULE)
    for tenant in ("acme", "globex"):
        site.edit(site.tenant(tenant), lambda document: document.update(overlay={RULE: {"severity": "low"}}))
    file, _ = saved(deployer, site)
    colleague.edit_rule(site.emulator, "acme", RULE, interval="9m")

    applied = deployer("apply", "site", "--plan", str(file), "--format", "json")

    assert applied.code == 3
    outcomes = {f"{one['tenant']}/{one['target']}": one for one in applied.json["targets"]}
    assert {name: one["outcome"] for name, one in outcomes.items()} == {
        "acme/kibana": "failed", "acme/sentinel": "applied", "globex/kibana": "applied", "globex/sentinel": "applied",
    }  # fmt: skip
    assert [(one["code"], one["message"]) for one in outcomes["acme/kibana"]["findings"]] == [
        ("stale-plan", f"rule/{RULE}: changed in the target since the plan was made; plan again")
    ]
    assert colleague.rule_in(site.emulator, "acme", RULE)["severity"] == "high"


def test_what_git_has_changed_since_makes_a_plan_stale(deployer, site):
    file, _ = saved(deployer, site)
    site.edit(site.tenant("acme"), lambda document: document.update(overlay={RULE: {"severity": "low"}}))

    applied = deployer("apply", "site", "--plan", str(file))

    assert applied.code == 3
    assert f"rule/{RULE}: changed in Git since the plan was made" in applied.out


def test_a_target_that_the_plan_could_not_look_at_is_not_applied(deployer, site):
    site.emulator.fault(path="/workspaces/acme/", kind="garbage")
    file, planned = saved(deployer, site)
    site.emulator.clear_faults()

    applied = deployer("apply", "site", "--plan", str(file))

    assert (planned.code, applied.code) == (3, 3)
    assert "could not be looked at when the plan was made" in applied.out


def test_a_plan_of_another_environment_and_flags_beside_a_plan_are_usage_errors(deployer, site):
    file, _ = saved(deployer, site)

    other = deployer("apply", "demo", "--plan", str(file))
    beside = deployer("apply", "site", "--plan", str(file), "--rule", RULE, "--allow-deletes", "3")

    assert (other.code, beside.code) == (64, 64)
    assert "it is a plan of site, not of demo" in other.err
    assert "leave out --rule, --allow-deletes" in beside.err


def test_an_apply_by_digest_does_exactly_what_was_planned_or_nothing(deployer, site):
    digest = deployer("plan", "site", "--rule", RULE, "--format", "json").json["digest"]
    shown = deployer("plan", "site", "--rule", RULE).out
    site.emulator.clear_requests()

    refused = deployer("apply", "site", "--rule", RULE, "--digest", "0123456789abcdef")
    wrote = {one["method"] for one in site.emulator.requests} - {"GET"}
    applied = deployer("apply", "site", "--rule", RULE, "--digest", digest)

    assert shown.rstrip().endswith(f"Plan {digest}.")
    assert (refused.code, wrote, applied.code) == (1, set(), 0)
    assert f"the plan's digest is {digest} by now, not 0123456789abcdef" in refused.err
