"""A tenant of which one target can be looked at and another cannot: by change, neither is taken for the other."""

import re

import pytest
import requests

from tests.cli.conftest import KEY

HEADERS = {"Authorization": f"ApiKey {KEY}", "kbn-xsrf": "x"}
RULE = ("--rule", "t1584.005-botnet-node")


@pytest.fixture
def half_dead(site, deployer):
    """Globex is as Git wants it, and then its Kibana refuses us; nothing of Acme is written yet."""
    assert deployer("apply", "site", "--tenant", "globex", *RULE, "--yes").code == 0
    site.emulator.fault(path="/s/globex/", status=403)


def test_who_was_not_looked_at_is_under_no_heading_that_says_so(half_dead, deployer):
    for heading, verb, *more in (
        ("No changes in", "plan"),
        ("No changes in", "plan", "--format", "markdown"),
        ("No differences in", "drift"),
        ("Nothing to do in", "apply", "--yes"),
    ):
        run = deployer(verb, "site", *RULE, *more, "--by", "change")

        before, _, after = run.out.partition(heading)
        assert run.code == 3
        assert "x 1 target not looked at" in before
        assert "globex/kibana" in before
        assert after.startswith(" 1 of 3 targets that were looked at"), run.out
        assert "globex/sentinel" in after
        assert "globex/kibana" not in after


def test_a_file_that_cannot_be_used_is_counted_as_a_file_however_many_targets_stand_in_it(site, deployer):
    site.tenant("hooli").write_text("targets: [")

    run = deployer("plan", "site", *RULE, "--by", "change")

    assert run.out.startswith("4 targets and 1 tenant's file, by change")
    assert "\nNot looked at, or stopped: 1 tenant's file:\n  x 1 tenant's file that cannot be used: " in run.out
    assert re.search(r"\n4 targets: .*\n1 tenant's file cannot be used, as is said above.\n", run.out)


def test_what_somebody_deleted_by_hand_is_not_said_to_be_a_change_of_git(site, deployer):
    assert deployer("apply", "site", "--tenant", "acme", *RULE, "--yes").code == 0
    path = "/kibana/s/acme/api/detection_engine/rules"
    requests.delete(f"{site.emulator.url}{path}", params={"rule_id": RULE[1]}, headers=HEADERS, timeout=10)

    run = deployer("plan", "site", "--tenant", "acme", *RULE, "--by", "change")

    missing, changed = "New in Git, or deleted in the target (drift can tell which): 1 change:", "Changed in Git"
    assert f"\n{missing}\n  + rule/{RULE[1]} in acme/kibana\n" in run.out
    assert changed not in run.out


def test_the_document_says_the_platform_of_a_target_that_could_not_be_read(half_dead, deployer):
    targets = deployer("plan", "site", "--tenant", "globex", *RULE, "--format", "json").json["targets"]

    assert [(one["target"], one["outcome"], one["platform"]) for one in targets] == [
        ("kibana", "unreadable", "kibana"),
        ("sentinel", "planned", "sentinel"),
    ]


def test_of_many_tenants_only_those_are_named_that_may_be_meant(site, deployer):
    for number in range(20):
        site.tenant(f"t{number:02}").write_text("targets: [")

    near, far = (deployer("plan", "site", "--tenant", name).err for name in ("globx", "zzzz"))

    assert "\nError: no tenant of site matches 'globx'; there are 22 (nearest: globex)\n" in near
    assert far.endswith("there are 22 (first: acme, globex, t00, t01, t02, t03, t04, t05, t06, t07)\n")
