"""What somebody deleted is drift until it is there again, also when runs in between could not make it, or did not."""

import pytest

from tests.cli import colleague

RULE, OTHER = "t1584.005-botnet-node", "t1583.005-inbound-volumetric"


@pytest.fixture
def applied(deployer, site):
    """One tenant with two rules."""
    site.tenant("globex").unlink()
    environment = site.root / "environments/site/environment.yaml"
    site.edit(environment, lambda one: one.update(rules=[RULE, OTHER]))
    assert deployer("apply", "site").code == 0
    return site


@pytest.fixture
def deleted(applied):
    """One rule was deleted by hand in Sentinel, which keeps its id back for a day."""
    colleague.sentinel(applied.emulator, "acme", "DELETE", RULE)
    return applied


def missing(deployer):
    """The exit code of drift, and what it says of the rule that is gone."""
    drift = deployer("drift", "site", "--format", "json")
    changes = [change for target in drift.json["targets"] for change in target["changes"]]
    return drift.code, [(change["id"], change["cause"], change["note"].split(" run ")[0]) for change in changes]


def test_it_is_drift_after_an_apply_that_was_refused(deployer, deleted):
    assert deployer("apply", "site").code == 3

    assert missing(deployer) == (2, [(RULE, "drift", "deleted in the target: it was there after")])


def test_it_is_drift_after_an_apply_of_another_rule(deployer, deleted):
    assert deployer("apply", "site", "--rule", OTHER).code == 0
    assert deployer("apply", "site", "--rule", OTHER).code == 0

    assert missing(deployer) == (2, [(RULE, "drift", "deleted in the target: it was there after")])


def test_what_git_took_out_in_between_and_put_back_is_new(deployer, deleted):
    environment = deleted.root / "environments/site/environment.yaml"
    deleted.edit(environment, lambda one: one.update(rules=[OTHER]))
    assert deployer("apply", "site").code == 0
    deleted.edit(environment, lambda one: one.update(rules=[RULE, OTHER]))

    code, found = missing(deployer)

    assert (code, {cause for _, cause, _ in found}) == (0, {"pending"})


def test_the_run_that_wrote_last_has_the_last_word_however_it_is_called(deployer, applied):
    """Runs of one second are told apart by what says nothing of their order."""
    folder = applied.root / ".deployer/journal"
    [first] = folder.glob("*.jsonl")
    deployer("rollback", "site", first.stem, "--yes")
    [undone] = set(folder.glob("*.jsonl")) - {first}
    undone.rename(folder / f"{first.stem}-2.jsonl")

    code, found = missing(deployer)

    assert (code, {cause for _, cause, _ in found}) == (0, {"pending"})
