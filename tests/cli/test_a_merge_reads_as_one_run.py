"""The last lines of a joined report, which many read alone, are those of one run over all of it, word for word."""

import pytest

from tests.cli import colleague
from tests.cli.test_report_merge import shards as shards
from tests.cli.test_shards import RULE
from tests.cli.test_shards import four as four

SHARD_WORDS = ("To ", "Wave ", "Plan ")


def told(text):
    """The sentences on all targets, without what is said of the shards and the exit code."""
    lines = text.rstrip("\n").rpartition("\n\n")[2].split("\n")
    return [line for line in lines if not line.startswith(SHARD_WORDS) and " in order. Exit code " not in line]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "site"), "2 of 3 targets: 2 fail what is required (present, equal, enabled)."),
        (("drift", "site"), "2 of 3 targets: 1 object drifted, of 5 it cannot be told, 4 in sync."),
        (("plan", "site"), "2 of 3 targets: 5 to create, 1 to update, 4 unchanged."),
        (("pull", "site", "--dry-run"), "3 targets."),
    ],
    ids=lambda words: words[0] if isinstance(words, tuple) else "",
)
def test_all_shards_are_summed_up_as_one_run(deployer, shards, four, words, said):
    deployer("apply", "site", "--tenant", "acme")
    colleague.edit_rule(four.emulator, "acme", RULE, interval="9m")
    four.emulator.fault(path="/s/initech/", status=401)

    *joined, made = told(shards.merge(shards.run(*words), "text").out)

    assert joined == told(deployer(*words).out)
    assert joined[0].startswith(said)
    assert joined[1:] == [
        "1 target was not looked at: nothing is known of it.",
        "1 tenant's file cannot be used, as is said above.",
    ]
    assert made == "Made of 3 shards."


def test_targets_that_were_not_begun_are_not_said_to_have_failed(deployer, shards, four):
    four.tenant("hooli").unlink()
    waves = [{"name": "canary", "tenants": ["acme"]}, {"name": "rest"}]
    four.edit(four.root / "environments/site/environment.yaml", lambda document: document.update(waves=waves))
    four.emulator.fault(path="/s/acme/", status=401)
    file = shards.folder / "apply.json"
    deployer("apply", "site", "--format", "json", "--out", str(file))

    for form in ("text", "markdown"):
        joined = shards.merge([str(file)], form).out

        assert "2 failed" not in joined
        assert "3 targets.\n1 target was not looked at: nothing is known of it.\n2 targets were not begun: " in joined
    assert told(shards.merge([str(file)], "text").out)[:-1] == told(deployer("apply", "site").out)
