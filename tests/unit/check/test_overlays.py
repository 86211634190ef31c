"""Overlays that change nothing, and overlays that are wrong for a rule which has nothing to run on yet."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.check import inspect
from deployer.check.workbench import Workbench

ENVIRONMENT = "environments/test/environment.yaml"
ACME = "environments/test/tenants/acme.yaml"
TENANT = """\
targets:
  kibana: {platform: kibana, emulator: true, overlay: OWN}
  sentinel:
    platform: sentinel
    emulator: true
    subscription_id: 11111111-1111-4111-8111-111111111111
    resource_group: soc
    workspace: acme-soc
data_sources: DATA
overlay: TENANT
"""
ALL = "{kibana: {events: []}, sentinel: [DeviceNetworkEvents]}"


@pytest.fixture
def said(tmp_path: Path, repo_root: Path) -> Callable[..., list[str]]:
    """What `check` says about overlays of the three levels, given as flow YAML, without columns."""

    def build(
        environment: str = "{}",
        tenant: str = "{}",
        own: str = "{}",
        data: str = ALL,
        tenants: tuple[str, ...] = (),
        relay: str = "",
    ) -> list[str]:
        shutil.copytree(repo_root / "tests/cases/explained/rules", tmp_path / "rules")
        with (tmp_path / "rules/relay/rule.yaml").open("a") as rule:
            rule.write(relay)
        file = tmp_path / ACME
        file.parent.mkdir(parents=True)
        file.write_text(TENANT.replace("OWN", own).replace("DATA", data).replace("TENANT", tenant))
        (file.parent / "globex.yaml").write_text(
            "targets: {kibana: {platform: kibana, emulator: true, space: g}}\ndata_sources: {kibana: {events: []}}\n"
        )
        (tmp_path / ENVIRONMENT).write_text(f"owner: o\noverlay: {environment}\n")
        bench = Workbench(lambda: None)
        found = inspect(tmp_path, "test", None, bench=bench, tenants=tenants).findings
        ours = {"unowned-exception", "idle-overlay", "unknown-parameter", "parameter-type", "unknown-tactic"}
        return [re.sub(r"^(\S+:\d+):\d+", r"\1", str(finding)) for finding in found if finding.code in ours]

    return build


def idle(place: str, path: str) -> str:
    return f"{place}: warning: `{path}` changes nothing: it is so already without it; take it out [idle-overlay]"


def test_an_overlay_that_says_what_is_so_already_is_remarked_on(said: Callable[..., list[str]]) -> None:
    found = said(tenant='{beacon: {severity: high}, "tag:hunting": {severity: medium, enabled: false}}')

    assert found == [
        idle(f"{ACME}:10", "overlay.beacon.severity"),
        idle(f"{ACME}:10", "overlay.tag:hunting.severity"),
    ]


def test_one_rule_that_it_changes_is_enough(said: Callable[..., list[str]]) -> None:
    assert said(environment='{"*": {severity: medium}}') == []


def test_one_target_that_it_changes_is_enough(said: Callable[..., list[str]]) -> None:
    assert said(environment="{beacon: {severity: high}}", tenant="{beacon: {severity: low}}") == [
        idle(f"{ENVIRONMENT}:2", "overlay.beacon.severity")
    ]


def test_what_a_nearer_overlay_replaces_still_says_something(said: Callable[..., list[str]]) -> None:
    found = said(
        environment="{beacon: {kibana: {interval: 10m}}}",
        tenant="{beacon: {kibana: {interval: 20m}}}",
        own="{beacon: {kibana: {interval: 20m}}}",
    )

    assert found == [idle(f"{ACME}:2", "targets.kibana.overlay.beacon.kibana.interval")]


def test_what_the_platforms_block_has_the_last_word_on_is_remarked_on(said: Callable[..., list[str]]) -> None:
    found = said(tenant="{relay: {severity: critical, enabled: false}}", relay="  severity: Low\n")

    assert found == [idle(f"{ACME}:10", "overlay.relay.severity")]


def test_what_is_taken_out_and_never_was_there_is_remarked_on(said: Callable[..., list[str]]) -> None:
    found = said(tenant="{beacon: {kibana: {setup: null, note: null}, sentinel: {customDetails: null}}}")

    assert found == [
        idle(f"{ACME}:10", "overlay.beacon.kibana.note"),
        idle(f"{ACME}:10", "overlay.beacon.sentinel.customDetails"),
    ]


def test_a_parameter_may_say_the_querys_own_number(said: Callable[..., list[str]]) -> None:
    assert said(tenant="{beacon: {sentinel: {parameters: {Threshold: 20}}}}") == []


def test_of_one_tenant_alone_nothing_is_said_about_what_holds_for_all(said: Callable[..., list[str]]) -> None:
    assert said(environment="{beacon: {severity: high}}", tenants=("globex",)) == []


@pytest.mark.parametrize("data", [ALL, "{kibana: {events: []}, sentinel: [Others]}"])
def test_a_wrong_parameter_is_found_whether_or_not_the_rule_has_its_data(
    said: Callable[..., list[str]], data: str
) -> None:
    found = said(
        environment='{"tag:noisy": {sentinel: {parameters: {Treshold: 3, Window: 3}}}}',
        tenant="{beacon: {sentinel: {parameters: {Allowed: [a]}, tactics: [Magic]}}}",
        data=data,
    )

    typed = "a time such as 24h, 30m or 1d is needed, this is 3"
    filled = "Allowed is filled from an allowlist; its parameters are Excluded, Threshold, Window"
    assert found == [
        f"{ENVIRONMENT}:2: error: beacon has no parameter Treshold; did you mean Threshold? [unknown-parameter]",
        f"{ENVIRONMENT}:2: error: beacon: parameter Window: {typed} [parameter-type]",
        f"{ACME}:10: error: {filled} [unknown-parameter]",
        f"{ACME}:10: error: beacon: Sentinel knows no tactic 'Magic' [unknown-tactic]",
    ]


def test_an_overlay_that_makes_an_exception_is_told_that_nobody_answers_for_it(said: Callable[..., list[str]]) -> None:
    found = said(
        environment="{beacon: {sentinel: {parameters: {Excluded: []}}}}",
        tenant="{beacon: {sentinel: {parameters: {Excluded: [backup.exe], Threshold: 30}}}}",
    )

    what = "lets its values through with no reason, no owner and no end: write them into the tenant's `exceptions`"
    assert found == [f"{ACME}:10: warning: `overlay.beacon.sentinel.parameters.Excluded` {what} [unowned-exception]"]
