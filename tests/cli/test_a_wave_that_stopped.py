"""What is said of a wave that stopped a run: why, and commands that look at just that, and go on."""

import pytest

from deployer.outcome import Place
from deployer.outcome import Unreadable
from deployer.report import as_markdown
from deployer.report import in_waves
from deployer.waves import Verdict
from deployer.waves import Went
from tests.cli.small import make_small
from tests.cli.small import set_waves


@pytest.fixture
def estate(site):
    """Three tenants with a space each, and one rule; acme and globex must have run it before initech is begun."""
    make_small(site, more=("initech",))
    gate = {"levels": ["equal", "ran"]}
    set_waves(site, {"name": "canary", "tenants": ["acme", "globex"], "verify": gate}, {"name": "rest"})
    return site


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
    set_waves(estate, {"name": "canary", "tenants": ["acme"], "verify": {"levels": ["ran"]}}, {"name": "rest"})
    deployer("apply", "site", "--tenant", "acme")

    waited = deployer("verify", "site", "--wave", "canary", "--wait", "0s")
    idle = deployer("verify", "site", "--tenant", "acme", "--wait", "0s")

    assert (waited.code, idle.code) == (3, 0)
    assert waited.err == "The time is up; not known yet: acme/kibana (ran of 1)\n"
    assert idle.err.startswith("Nothing to wait for: site requires present, equal, enabled; ")


def test_each_different_reason_of_a_tenant_is_told_and_first_what_no_waiting_mends(deployer, site):
    logs = f"{site.emulator.url}/loganalytics"
    site.edit(site.tenant("acme"), lambda one: one["targets"]["sentinel"].update(logs_endpoint=logs))
    environment = site.root / "environments/site/environment.yaml"
    waves = [{"name": "canary", "tenants": ["acme"], "verify": {"levels": ["ran", "healthy"]}}, {"name": "rest"}]
    site.edit(environment, lambda one: one.update(waves=waves))

    text = deployer("apply", "site").out.splitlines()
    page = deployer("apply", "site", "--format", "json").json
    begin = text.index("Wave 1 (canary), 1 tenant: stopped: 1 of 1 tenants failed, none may") + 1

    none = "the workspace has no table SentinelHealth, where runs are recorded"
    switch = "switch on health monitoring in the workspace: Settings > Auditing and health monitoring"
    told = [
        f"sentinel: ran and healthy unknown: 4 rules: {none}. To know it: {switch}",
        "kibana: ran and healthy unknown: 3 rules: it has not run yet",
    ]
    assert text[begin : begin + 3] == [
        *(f"    acme: {reason}" for reason in told),
        "Wave 2 (rest), 1 tenant: not begun: wave 1 (canary) stopped the run: globex",
    ]
    assert page["waves"][0]["failures"] == [{"tenant": "acme", "reason": "; ".join(told), "reasons": told}]


def test_of_many_reasons_the_first_are_told_and_the_others_counted():
    reasons = [f"kibana: rule/{each}: 400" for each in range(6)]
    wave = Went(1, "canary", ("acme",), Verdict.STOPPED, {"acme": reasons}, "1 of 1 tenants failed, none may")

    assert in_waves.went([wave])[1:] == [
        *(f"    acme: {reason}" for reason in reasons[:4]),
        "    acme: and 2 more reasons",
    ]
    assert in_waves.document([wave])["waves"][0]["failures"][0]["reasons"] == reasons


def test_the_way_to_go_on_is_told_however_much_there_is_to_say_of_a_wave():
    names = [f"t{each}" for each in range(500)]
    failed = {name: ["kibana: " + "x" * 200] for name in names}
    page = as_markdown.render(
        "apply",
        "site",
        [Unreadable(Place(name, "kibana"), "x") for name in names],
        waves=[Went(1, "canary", tuple(names), Verdict.STOPPED, failed, "500 of 500 tenants failed, none may")],
    )

    assert "\n# left out: " in page
    assert "\nTo go on once it is mended: deployer apply site (" in page
