"""A document with targets missing is damaged: nobody takes it for all that its shard had to say."""

import pytest

from tests.cli import colleague
from tests.cli.test_report_merge import named
from tests.cli.test_report_merge import shards as shards
from tests.cli.test_report_merge import written as written
from tests.cli.test_shards import RULE
from tests.cli.test_shards import four as four

LOST = "it says nothing of t1, which its shard holds"


def cut(document):
    document["targets"].pop()


def cut_of_each_tenant(document):
    """Nobody misses a tenant; the sums do not tell it either."""
    document["targets"].append({**document["targets"][0], "target": "other", "unchanged": 0})
    document["shard"]["targets"] = 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (cut, "its `summary` has 3 unchanged, and its targets make 0"),
        (
            lambda document: (cut(document), document["summary"].update(unchanged=0)),
            "it says nothing of t1, which its shard holds",
        ),
        (cut_of_each_tenant, "it was written with 3 targets, and has 2"),
        (lambda document: document["targets"][0].update(tenant="t9"), LOST),
        (lambda document: document["summary"].update(create=1), "its `summary` has 1 create, and its targets make 0"),
        (lambda document: document["summary"].update(failed=1), "its `summary` has 1 failed, and its targets make 0"),
        (lambda document: document["summary"].update(rules=4), "its `summary` has 4 rules, and its targets make 0"),
        (lambda document: document["shard"].pop("names"), "its shard holds 1 tenants, and 0 are named"),
        (
            lambda document: document["targets"].append({**document["targets"][0], "tenant": "t2", "unchanged": 0}),
            "it speaks of t2, which its shard does not hold",
        ),
    ],
)
def test_a_document_that_lacks_some_of_its_targets_is_damaged(shards, written, change, said):
    shards.edit(written[0], change)

    done = shards.merge(written)

    assert (done.code, done.json["merged"]["missing"]) == (3, [1])
    assert named(done)["shard-unusable"].endswith(f"{said}: it was damaged")


@pytest.mark.parametrize(
    "words",
    [
        ("drift", "site"),
        ("verify", "site"),
        ("backtest", "site", "--days", "1"),
        ("pull", "site", "--dry-run"),
        ("plan", "site", "--rule", RULE),
        ("apply", "site"),
    ],
    ids=" ".join,
)
def test_what_a_run_has_written_is_whole(deployer, shards, four, words):
    """Of one that fails here and there, too."""
    deployer("apply", "site", "--tenant", "acme")
    colleague.edit_rule(four.emulator, "acme", RULE, interval="9m")
    four.emulator.fault(path="/s/initech/", status=401)
    files = shards.run(*words)

    done = shards.merge(files)

    assert "findings" not in done.json
    assert len(done.json["targets"]) == 4
    if words[0] in ("drift", "verify", "backtest"):
        shards.edit(files[0], cut)
        assert "it was damaged" in named(shards.merge(files))["shard-unusable"]


def test_a_rollback_of_each_shard_is_whole(deployer, shards, four):
    journal = four.root / "journal"
    deployer("apply", "site", "--journal", str(journal))
    [run] = journal.glob("*.jsonl")

    files = shards.run("rollback", "site", str(run), "--journal", str(journal), "--allow-deletes", "9")

    assert "findings" not in shards.merge(files).json
    shards.edit(files[0], cut)
    assert "it was damaged" in named(shards.merge(files))["shard-unusable"]
