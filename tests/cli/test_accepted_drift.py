"""Drift that the tenant's file accepts until a day, with a reason: reported as such, left alone, and not for ever."""

import pytest

from tests.cli import colleague

RULE = "t1584.005-botnet-node"


@pytest.fixture
def drifted(deployer, site):
    """One tenant; jo has made its Kibana rule quieter."""
    site.tenant("globex").unlink()
    deployer("apply", "site", "--rule", RULE)
    colleague.edit_rule(site.emulator, "acme", RULE, severity="low")
    return site


def accept(site, until="2099-12-31", **change):
    entry = {"object": f"rule/{RULE}", "target": "kibana", "fields": {"severity": "low"}, "until": until,
             "reason": "Trial with the SOC, ACME-77", "owner": "jo@acme.example", **change}  # fmt: skip
    site.edit(site.tenant("acme"), lambda document: document.update(accepted=[entry]))


def test_accepted_drift_is_reported_as_accepted_and_is_no_drift(deployer, drifted):
    accept(drifted)

    drift = deployer("drift", "site", "--rule", RULE)

    assert drift.code == 0
    assert (
        f'  accepted: rule/{RULE} severity is "low", until 2099-12-31 by jo@acme.example: Trial with the SOC, ACME-77'
        in drift.out.split("\n")
    )
    assert "2 targets: no drift, 1 accepted" in drift.out


def test_apply_leaves_what_is_accepted_as_it_is_and_still_brings_what_git_changes(deployer, drifted):
    accept(drifted)
    settled = deployer("plan", "site", "--rule", RULE)
    overlay = {RULE: {"kibana": {"interval": "10m"}}}
    drifted.edit(drifted.tenant("acme"), lambda document: document.update(overlay=overlay))
    pending = deployer("drift", "site", "--rule", RULE)
    applied = deployer("apply", "site", "--rule", RULE)

    live = colleague.rule_in(drifted.emulator, "acme", RULE)
    assert (settled.code, pending.code, applied.code) == (0, 0, 0)
    assert (live["severity"], live["interval"]) == ("low", "10m")
    assert deployer("plan", "site", "--rule", RULE).code == 0
    assert deployer("drift", "site", "--rule", RULE).code == 0


def test_when_the_acceptance_goes_git_puts_its_own_back(deployer, drifted):
    accept(drifted)
    deployer("apply", "site", "--rule", RULE)
    drifted.edit(drifted.tenant("acme"), lambda document: document.pop("accepted"))

    deployer("apply", "site", "--rule", RULE)

    assert colleague.rule_in(drifted.emulator, "acme", RULE)["severity"] == "high"


def test_a_change_beyond_what_was_accepted_is_drift_again(deployer, drifted):
    accept(drifted)
    colleague.edit_rule(drifted.emulator, "acme", RULE, severity="medium")

    drift = deployer("drift", "site", "--rule", RULE)

    assert drift.code == 2
    assert f"rule/{RULE} severity is not live as it was accepted; take the entry out" in drift.out


def test_an_acceptance_that_has_run_out_is_drift_with_a_finding_and_apply_still_leaves_it(deployer, drifted):
    accept(drifted, until="2026-01-31")

    drift = deployer("drift", "site", "--rule", RULE, "--format", "json")
    checked = deployer("check", "site", "--rule", "t1584.005-port-scan-burst", "--format", "json")
    planned = deployer("plan", "site", "--rule", RULE)

    findings = [(one["code"], one["line"]) for target in drift.json["targets"] for one in target["findings"]]
    assert (drift.code, [code for code, _ in findings]) == (2, ["accepted-lapsed"])
    assert findings[0][1] > 1
    assert "lapsed-acceptance" in [one["code"] for one in checked.json["findings"]]
    assert planned.code == 0


def test_an_acceptance_of_what_is_git_s_again_is_a_finding(deployer, drifted):
    accept(drifted)
    colleague.edit_rule(drifted.emulator, "acme", RULE, severity="high")

    drift = deployer("drift", "site", "--rule", RULE, "--format", "json")

    findings = [one["code"] for target in drift.json["targets"] for one in target["findings"]]
    assert (drift.code, findings) == (0, ["accepted-idle"])


def test_verify_takes_what_is_accepted_for_equal_and_says_so(deployer, drifted):
    accept(drifted)

    verified = deployer("verify", "site", "--rule", RULE, "--format", "json")

    (equal,) = [
        level
        for target in verified.json["targets"] if target["target"] == "kibana"
        for level in target["levels"] if level["level"] == "equal" and level["kind"] == "rule"
    ]  # fmt: skip
    assert (equal["answer"], equal["reason"]) == ("pass", "but for severity, accepted until 2099-12-31")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"target": "elsewhere"}, "no-target"),
        ({"object": "rule/t1584.005-botnet-nod"}, "no-match"),
        ({"until": "2026-02-30"}, "bad-value"),
        ({"fields": {}}, "empty"),
        ({"reason": None}, "wrong-type"),
    ],
)
def test_what_would_accept_nothing_or_anything_is_an_error(deployer, drifted, change, code):
    accept(drifted, **change)

    checked = deployer("check", "site", "--rule", "t1584.005-port-scan-burst", "--format", "json")

    errors = [one for one in checked.json["findings"] if one["severity"] == "error"]
    assert checked.code == 1
    assert len(errors) == 1
    assert errors[0]["code"] == code
    assert errors[0]["path"] == "environments/site/tenants/acme.yaml"


def test_of_two_acceptances_of_one_value_the_one_that_lasts_longest_counts(deployer, drifted):
    accept(drifted)
    entry = {"object": f"rule/{RULE}", "fields": {"severity": "low"}, "until": "2020-01-01",
             "reason": "Before", "owner": "jo@acme.example"}  # fmt: skip
    drifted.edit(drifted.tenant("acme"), lambda document: document["accepted"].insert(0, entry))

    drift = deployer("drift", "site", "--rule", RULE)

    assert drift.code == 0
    assert drift.out.count("  accepted: ") == 1


def test_an_acceptance_that_fits_one_of_the_targets_is_not_to_be_taken_out(deployer, drifted):
    accept(drifted)
    drifted.edit(drifted.tenant("acme"), lambda document: document["accepted"][0].pop("target"))

    drift = deployer("drift", "site", "--rule", RULE)

    assert drift.code == 0
    assert "is not live as it was accepted; name the target where it is, or take the entry out" in drift.out
    assert "acme/kibana: no drift, but for what is accepted (" in drift.out


def test_a_rule_that_is_accepted_as_disabled_is_not_asked_whether_it_ran(deployer, drifted):
    environment = drifted.root / "environments/site/environment.yaml"
    required = ["present", "equal", "enabled", "ran", "healthy"]
    drifted.edit(environment, lambda document: document.update(verify={"require": required}))
    drifted.edit(drifted.tenant("acme"), lambda document: document["targets"].pop("sentinel"))
    colleague.edit_rule(drifted.emulator, "acme", RULE, enabled=False, severity="high")
    accept(drifted, fields={"enabled": False})

    verified = deployer("verify", "site", "--rule", RULE)

    assert verified.code == 0, verified.out


def test_what_azure_pipelines_takes_for_a_command_is_none_in_the_json_either(deployer, drifted):
    words = "##vso[task.setvariable variable=x]y ##[error] a\\##[group]"
    colleague.edit_rule(drifted.emulator, "acme", RULE, description=words)

    drift = deployer("drift", "site", "--rule", RULE, "--format", "json")

    (change,) = [change for target in drift.json["targets"] for change in target["changes"]]
    assert {field["path"]: field["before"] for field in change["fields"]}["description"] == words
    assert "##" not in drift.out
