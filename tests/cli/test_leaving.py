"""Rules that are taken out of Git, customers that leave, and keys that change hands."""

import shutil
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta

import pytest

from deployer.cli.common import exactly
from deployer.fleet import Fleet
from deployer.manifest.load import load
from deployer.request import Consent
from tests.cli import colleague

RULE, OTHER = "t1584.005-botnet-node", "t1584.005-port-scan-burst"
TODAY = date(2026, 11, 22)


@pytest.fixture
def acme(site):
    """One tenant."""
    site.tenant("globex").unlink()
    return site


def run(site, day=TODAY):
    fleet = Fleet(load(site.root, "site"), site.root, today=day)
    return fleet.apply()


def live(site):
    rules = colleague.kibana(site.emulator, "acme", "GET", f"{colleague.RULES}/_find", per_page="100")["data"]
    return {rule["rule_id"]: rule for rule in rules}


def objects(site):
    views = colleague.kibana(site.emulator, "acme", "GET", "/api/data_views")["data_view"]
    lists = colleague.kibana(site.emulator, "acme", "GET", "/api/exception_lists/_find", per_page="100")["data"]
    return {view["id"] for view in views} | {one["list_id"] for one in lists}


def grace(site, days):
    environment = site.root / "environments/site/environment.yaml"
    site.edit(environment, lambda document: document.update(deleting={"grace_days": days}))


def test_a_rule_that_is_taken_out_of_git_is_disabled_first_and_deleted_after_its_grace(acme):
    grace(acme, 14)
    run(acme)
    shutil.rmtree(acme.root / "rules" / RULE)

    run(acme)
    disabled, ground = live(acme)[RULE], objects(acme)
    (kibana, sentinel) = run(acme, TODAY + timedelta(days=13))
    before = live(acme)
    run(acme, TODAY + timedelta(days=14))

    assert disabled["enabled"] is False
    words = "Retired 2026-11-22: no longer in Git; deployer deletes it after 14 days.\n\n"
    assert disabled["description"].startswith(words)
    assert f"deployer-{RULE}" in ground
    assert (kibana.plan.changes, sentinel.plan.changes) == ((), ())
    assert (f"rule/{RULE}", "disabled since 2026-11-22, deleted by an apply from 2026-12-06 on") in [
        (str(key), reason) for key, reason in kibana.plan.waiting
    ]
    assert RULE in before
    assert RULE not in live(acme)
    assert f"deployer-{RULE}" not in objects(acme)


def test_a_rule_that_comes_back_within_its_grace_is_as_it_was(acme, repo_root):
    grace(acme, 14)
    run(acme)
    was = live(acme)[RULE]
    shutil.rmtree(acme.root / "rules" / RULE)
    run(acme)
    shutil.copytree(repo_root / "rules" / RULE, acme.root / "rules" / RULE)
    run(acme)

    now = live(acme)[RULE]
    assert now["id"] == was["id"]
    assert (now["enabled"], now["description"]) == (was["enabled"], was["description"])


def test_what_waits_for_its_end_is_neither_drift_nor_a_failure(acme, deployer):
    grace(acme, 14)
    run(acme)
    shutil.rmtree(acme.root / "rules" / RULE)
    run(acme, datetime.now(UTC).date())

    drift, verified = deployer("drift", "site"), deployer("verify", "site")

    assert drift.code == 0
    assert f"no longer in Git: rule/{RULE}: disabled since" in drift.out
    assert verified.code == 0


def test_to_disable_many_rules_at_once_is_refused_as_deleting_them_is(acme, deployer):
    grace(acme, 14)
    run(acme)
    for folder in sorted((acme.root / "rules").iterdir()):
        if folder.is_dir() and folder.name != RULE:
            shutil.rmtree(folder)

    applied = deployer("apply", "site")

    assert applied.code == 1
    assert "would delete" in applied.out
    assert "--allow-deletes" in applied.out


def test_the_end_of_a_grace_is_not_counted_against_the_limits_a_second_time(acme):
    grace(acme, 14)
    run(acme)
    for folder in sorted((acme.root / "rules").iterdir()):
        if folder.is_dir() and folder.name != RULE:
            shutil.rmtree(folder)
    fleet = Fleet(load(acme.root, "site"), acme.root, today=TODAY)
    fleet.apply(Consent(deletes=9))

    run(acme, TODAY + timedelta(days=14))

    assert set(live(acme)) == {RULE}


def test_without_a_grace_a_rule_is_deleted_at_once(acme):
    run(acme)
    shutil.rmtree(acme.root / "rules" / RULE)
    run(acme)

    assert RULE not in live(acme)


def test_a_customer_that_leaves_keeps_what_is_not_ours(acme, deployer):
    deployer("apply", "site")
    theirs = {"rule_id": "theirs", "name": "Theirs", "description": "x", "type": "query", "query": "*:*",
              "severity": "low", "risk_score": 1, "index": ["logs-*"]}  # fmt: skip
    colleague.kibana(acme.emulator, "acme", "POST", colleague.RULES, theirs)

    refused = deployer("tenants", "retire", "site", "acme")
    done = deployer("tenants", "retire", "site", "acme", "--allow-deletes", "8")
    after = deployer("drift", "site")

    assert refused.code == 1
    assert "the limit is 2" in refused.out
    assert done.code == 0
    assert set(live(acme)) == {"theirs"}
    assert {name for name in objects(acme) if name.startswith("deployer-")} == set()
    assert after.code == 0, after.out  # all of it pending: the file is still there


def test_a_tenant_that_is_not_there_cannot_be_retired(acme, deployer):
    assert deployer("tenants", "retire", "site", "acm").code == 64


def test_tenants_are_listed_with_their_targets(deployer, site):
    site.tenant("globex").write_text("targets: 1\n")

    listed = deployer("tenants", "list", "site")

    assert listed.code == 3
    assert listed.out.split("\n")[0] == "acme: kibana (kibana), sentinel (sentinel)"
    assert listed.out.split("\n")[1].startswith("globex: its file cannot be used: ")


def test_rekey_writes_equal_kibana_rules_again_and_nothing_else(acme, deployer):
    deployer("apply", "site")
    before = live(acme)
    acme.emulator.clear_requests()

    applied = deployer("apply", "site", "--rekey")

    writes = [one for one in acme.emulator.requests if one["method"] != "GET"]
    assert applied.code == 0
    assert {one["method"] for one in writes} == {"PUT"}
    assert {one["path"].rpartition("/s/acme")[2] for one in writes} == {colleague.RULES}
    assert len(writes) == len(before)
    assert deployer("plan", "site").code == 0


def test_a_name_is_matched_as_it_is():
    assert exactly("acme-[1]*") == "acme-[[]1][*]"
