"""What is said of a wave that stopped a run: why, and commands that look at just that, and go on."""

import shutil

import pytest
import yaml

RULE = "t1584.005-botnet-node"


@pytest.fixture
def estate(site):
    """Three tenants with a space each, and one rule; acme and globex must have run it before initech is begun."""
    for folder in (one for one in (site.root / "rules").iterdir() if one.is_dir()):
        if folder.name not in (RULE, "allowlists"):
            shutil.rmtree(folder)
    for name in ("acme", "globex"):
        site.edit(site.tenant(name), lambda one: one.update(targets={"kibana": one["targets"]["kibana"]}))
        site.edit(site.tenant(name), lambda one: one.update(data_sources={"kibana": {"endpoint.events.network": []}}))
    other = yaml.safe_load(site.tenant("globex").read_text())
    other["targets"]["kibana"]["space"] = "initech"
    site.tenant("initech").write_text(yaml.safe_dump(other))
    gate = {"levels": ["equal", "ran"]}
    in_waves(site, {"name": "canary", "tenants": ["acme", "globex"], "verify": gate}, {"name": "rest"})
    return site


def in_waves(site, *waves):
    path = site.root / "environments/site/environment.yaml"
    site.edit(path, lambda one: one.update(rules=[RULE], waves=list(waves)))


def hinted(run):
    """The arguments of the command that looks at the wave."""
    (line,) = [line for line in run.out.splitlines() if line.startswith("To look at it: deployer ")]
    return line.removeprefix("To look at it: deployer ").replace("'", "").split()


def test_the_command_that_looks_at_a_wave_requires_what_its_gate_did(deployer, estate):
    stopped = deployer("apply", "site")
    looked = deployer(*hinted(stopped))
    whole = deployer("verify", "site", "--tenant", "acme")
    other = deployer("verify", "site", "--wave", "rest")

    assert (stopped.code, looked.code, whole.code, other.code) == (3, 3, 0, 1)
    assert hinted(stopped) == ["verify", "site", "--wave", "1"]
    assert looked.out.splitlines()[-2:] == [
        "2 targets: 2 cannot be told what is required (present, equal, ran).",
        "Required are the levels of wave 1 (canary): present, equal, ran.",
    ]
    assert "  ran unknown: it has not run yet: rule/" in looked.out
    assert "Required are" not in whole.out + other.out


def test_the_command_that_looks_at_a_wave_keeps_to_the_tenants_and_rules_of_the_run(deployer, estate):
    stopped = deployer("apply", "site", "--tenant", "ac*", "--rule", "t1584*")

    assert hinted(stopped) == ["verify", "site", "--tenant", "ac*", "--rule", "t1584*", "--wave", "1"]
    assert "1 target: 1 cannot be told" in deployer(*hinted(stopped)).out


def test_waiting_for_a_wave_waits_for_its_own_levels(deployer, estate):
    in_waves(estate, {"name": "canary", "tenants": ["acme"], "verify": {"levels": ["ran"]}}, {"name": "rest"})
    deployer("apply", "site", "--tenant", "acme")

    waited = deployer("verify", "site", "--wave", "canary", "--wait", "0s")
    idle = deployer("verify", "site", "--tenant", "acme", "--wait", "0s")

    assert (waited.code, idle.code) == (3, 0)
    assert waited.err == "The time is up; not known yet: acme/kibana (ran of 1)\n"
    assert idle.err.startswith("Nothing to wait for: site requires present, equal, enabled; ")
