"""A saved plan that is not what `plan` wrote, or that was made of another place, is refused before any write."""

import json

import pytest

from tests.cli import colleague

RULE = "t1584.005-botnet-node"


@pytest.fixture
def file(deployer, site):
    """A saved plan of one rule in one space."""
    site.tenant("globex").unlink()
    for part in ("targets", "data_sources"):
        site.edit(site.tenant("acme"), lambda document, part=part: document[part].pop("sentinel"))
    file = site.root / "plan.json"
    assert deployer("plan", "site", "--rule", RULE, "--out", str(file)).code == 2
    return file


def rules(site, space):
    return colleague.kibana(site.emulator, space, "GET", f"{colleague.RULES}/_find")["data"]


def test_a_plan_is_not_applied_to_a_target_that_is_elsewhere_by_now(deployer, site, file):
    digest = json.loads(file.read_text())["digest"]
    site.edit(site.tenant("acme"), lambda document: document["targets"]["kibana"].update(space="elsewhere"))

    applied = deployer("apply", "site", "--plan", str(file))
    by_digest = deployer("apply", "site", "--rule", RULE, "--digest", digest)

    assert (applied.code, by_digest.code) == (1, 1)
    assert "/kibana/s/acme when the plan was made, and is at " in applied.out
    assert rules(site, "elsewhere") == []


@pytest.mark.parametrize(
    "change",
    [
        {"tenants": "acme"},
        {"tenants": None},
        {"rules": [1]},
        {"adopt": "no"},
        {"allow_deletes": "5"},
        {"allow_updates": True},
        {"allow_updates": -1},
        {"more": 1},
        [],
        None,
    ],
)
def test_options_that_plan_never_writes_are_a_damaged_plan(deployer, site, file, change):
    document = json.loads(file.read_text())
    document["asked"] = document["asked"] | change if isinstance(change, dict) else change
    file.write_text(json.dumps(document))

    applied = deployer("apply", "site", "--plan", str(file))

    assert applied.code == 64
    assert "the plan is damaged" in applied.err
    assert rules(site, "acme") == []


def test_consent_that_is_written_into_a_plan_does_what_was_not_planned_for_nobody(deployer, site, file):
    deployer("apply", "site", "--plan", str(file))
    tags = colleague.rule_in(site.emulator, "acme", RULE)["tags"]
    colleague.edit_rule(site.emulator, "acme", RULE, tags=[tag for tag in tags if not tag.startswith("deployer:")])
    deployer("plan", "site", "--rule", RULE, "--out", str(file))
    document = json.loads(file.read_text())
    document["asked"]["adopt"] = True
    file.write_text(json.dumps(document))

    applied = deployer("apply", "site", "--plan", str(file))

    assert applied.code == 1
    assert f"rule/{RULE}: was to claim (not marked as ours" in applied.out


@pytest.mark.parametrize("text", ["", "[" * 100_000, "{", "\0"])
def test_a_file_that_is_not_json_is_a_usage_error(deployer, root, text):
    file = root / "plan.json"
    file.write_text(text)

    applied = deployer("apply", "demo", "--plan", str(file))

    assert (applied.code, "is not JSON" in applied.err) == (64, True)
