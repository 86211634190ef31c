"""`rollback` never leaves a rule live and enabled without what it stood on, and touches nothing that is not ours."""

import json

from deployer.providers.kibana import canonical
from deployer.state import digest
from tests.cli.test_rollback import BOTNET
from tests.cli.test_rollback import LISTS
from tests.cli.test_rollback import RULES
from tests.cli.test_rollback import VOLUMETRIC
from tests.cli.test_rollback import changes
from tests.cli.test_rollback import environment
from tests.cli.test_rollback import live  # noqa: F401 - a fixture
from tests.cli.test_rollback import overlay
from tests.cli.test_rollback import runs
from tests.cli.test_rollback import small  # noqa: F401 - a fixture


def test_a_rule_does_not_come_back_without_an_entry_that_could_not_be_written(deployer, small, live):  # noqa: F811
    deployer("apply", "site")
    environment(small, rules=[VOLUMETRIC])
    assert deployer("apply", "site", "--allow-deletes", "9").code == 0
    small.emulator.fault(path="/api/exception_lists/items", method="POST", status=400, body={"message": "no"})

    undone = deployer("rollback", "site", runs(small)[-1], "--tenant", "acme", "--format", "json")

    found = changes(undone.json, "kibana")
    assert undone.code == 3
    assert found[f"rule/{BOTNET}"]["done"] is False, found[f"rule/{BOTNET}"]
    assert found[f"rule/{BOTNET}"]["error"].startswith("not tried: it needs item/")
    rules = live.kibana("GET", f"{RULES}/_find", per_page=100)["data"]
    assert BOTNET not in {one["rule_id"] for one in rules}


def test_a_rule_is_not_widened_while_an_entry_of_its_list_could_not_be_written(deployer, small, live):  # noqa: F811
    """The run disabled the rule and took its entry away; enabled again it would alert on what the entry let pass."""
    deployer("apply", "site")
    overlay(small, enabled=False)
    small.edit(small.tenant("acme"), lambda one: one.update(allowlists={}))
    assert deployer("apply", "site").code == 0
    small.emulator.fault(path="/api/exception_lists/items", method="POST", status=400, body={"message": "no"})

    undone = deployer("rollback", "site", runs(small)[-1], "--format", "json")

    assert undone.code == 3
    assert live.kibana("GET", RULES, rule_id=BOTNET)["enabled"] is False


def test_a_journal_is_no_leave_to_delete_what_carries_no_mark_of_ours(deployer, small, live):  # noqa: F811
    """Whoever writes a journal by hand, or mends one, does not get at what belongs to others."""
    deployer("apply", "site")
    file = small.root / f".deployer/journal/{runs(small)[-1]}.jsonl"
    theirs = {"list_id": "theirs", "name": "x", "description": "y", "type": "detection"}
    body = canonical.exception_list(live.kibana("POST", LISTS, theirs))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    (one, *_) = [line for line in lines if line["phase"] == "writing" and line["kind"] == "list"]
    after = {**one["after"], "body": body, "mark": "", "digest": digest(body)}
    forged = {**one, "id": "theirs", "after": after}
    file.write_text("".join(f"{json.dumps(line)}\n" for line in (forged, {**forged, "phase": "written"})))

    undone = deployer("rollback", "site", file.stem, "--format", "json")

    assert undone.code == 1
    assert "it carries no mark" in changes(undone.json, "kibana")["list/theirs"]["error"]
    assert live.kibana("GET", LISTS, list_id="theirs")
