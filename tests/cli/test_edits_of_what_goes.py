"""What is no longer in Git and was edited by hand before it went: said, and never deleted by somebody else's words."""

import shutil

import pytest

from tests.cli import colleague

RULE, OTHER = "t1584.005-botnet-node", "t1584.005-port-scan-burst"


@pytest.fixture
def acme(deployer, site):
    """One tenant with a grace of 14 days, and a proxy that it allows."""
    site.tenant("globex").unlink()
    proxy = {"value": "10.1.2.3", "reason": "Their proxy", "owner": "jo@acme.example"}
    site.edit(site.tenant("acme"), lambda document: document.update(allowlists={"proxies": [proxy]}))
    site.edit(
        site.root / "environments/site/environment.yaml",
        lambda document: document.update(deleting={"grace_days": 14}, limits={"deletes": 9}),
    )
    assert deployer("apply", "site").code == 0
    shutil.rmtree(site.root / "rules" / RULE)
    return site


def causes(drift):
    return {
        f"{change['kind']}/{change['id']}": change["cause"]
        for target in drift.json["targets"]
        if target["target"] == "kibana"
        for change in target["changes"]
    }


def items(site):
    return {
        item["item_id"]
        for item in colleague.kibana(
            site.emulator, "acme", "GET", "/api/exception_lists/items/_find", list_id="deployer-proxies"
        )["data"]
    }


def test_an_entry_goes_at_once_from_a_list_that_other_rules_still_use(deployer, acme):
    deployer("apply", "site")
    acme.edit(acme.tenant("acme"), lambda document: document.pop("allowlists"))
    there = items(acme)

    applied = deployer("apply", "site")

    assert len(there) == 1
    assert applied.code == 0
    assert items(acme) == set()
    assert colleague.rule_in(acme.emulator, "acme", RULE)["enabled"] is False


def test_a_rule_that_was_edited_before_it_left_git_is_drift(deployer, acme):
    colleague.edit_rule(acme.emulator, "acme", RULE, severity="low")

    drift = deployer("drift", "site", "--format", "json")
    told = deployer("drift", "site")

    assert (drift.code, causes(drift)[f"rule/{RULE}"]) == (2, "both")
    assert "to take it into Git" not in told.out


def test_a_rule_that_was_edited_before_it_left_git_is_drift_where_it_is_deleted_at_once(deployer, acme):
    acme.edit(acme.root / "environments/site/environment.yaml", lambda document: document.pop("deleting"))
    colleague.edit_rule(acme.emulator, "acme", RULE, severity="low")

    drift = deployer("drift", "site", "--format", "json")

    assert (drift.code, causes(drift)[f"rule/{RULE}"]) == (2, "both")
    assert deployer("drift", "site").code == 2


@pytest.mark.parametrize("edit", [{"enabled": True}, {"severity": "low"}])
def test_whoever_edits_a_rule_in_its_grace_is_told_and_its_grace_begins_anew(deployer, acme, edit):
    deployer("apply", "site")
    quiet = deployer("drift", "site", "--format", "json")
    colleague.edit_rule(acme.emulator, "acme", RULE, **edit)

    drift = deployer("drift", "site", "--format", "json")
    deployer("apply", "site")

    live = colleague.rule_in(acme.emulator, "acme", RULE)
    assert (quiet.code, causes(quiet)) == (0, {})
    assert (drift.code, causes(drift)) == (2, {f"rule/{RULE}": "both"})
    assert (live["enabled"], live["description"].count("Retired ")) == (False, 1)
    assert deployer("drift", "site").code == 0


def test_words_that_a_colleague_wrote_into_a_rule_do_not_end_its_grace(deployer, acme):
    words = "Retired 2020-01-01: no longer in Git; deployer deletes it after 14 days.\n\nSee ACME-77."
    colleague.edit_rule(acme.emulator, "acme", RULE, enabled=False, description=words)

    deployer("apply", "site")

    description = colleague.rule_in(acme.emulator, "acme", RULE)["description"]
    assert description.startswith("Retired 2")
    assert not description.startswith("Retired 2020")
    assert description.endswith("See ACME-77.")
