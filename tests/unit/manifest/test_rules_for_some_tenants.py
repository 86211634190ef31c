"""`tenants` of a rule: where it goes, and what is said where that leads nowhere."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.findings import Severity
from deployer.manifest.load import inspect
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.manifest.yaml import parse

RULE = "t1584.005-botnet-node"


SENTINEL = (
    "{platform: sentinel, emulator: true, subscription_id: 11111111-2222-4333-8444-555555555555, "
    "resource_group: rg, workspace: %s-law}"
)
TENANT = """\
targets:
  kibana: {platform: kibana, emulator: true, space: %s}
  sentinel: %s
data_sources: {kibana: {endpoint.events.network: []}, sentinel: [DeviceNetworkEvents]}
"""


@pytest.fixture
def root(tmp_path: Path, repo_root: Path) -> Path:
    """The real rules, and two tenants with a space and a workspace each."""
    shutil.copytree(repo_root / "rules", tmp_path / "rules")
    (tmp_path / "environments/demo/tenants").mkdir(parents=True)
    (tmp_path / "environments/demo/environment.yaml").write_text("owner: o\n")
    for name in ("acme", "globex"):
        (tmp_path / f"environments/demo/tenants/{name}.yaml").write_text(TENANT % (name, SENTINEL % name))
    return tmp_path


@pytest.fixture
def limited(root: Path) -> Callable[..., None]:
    """Gives the rule a `tenants:`."""

    def write(*globs: str) -> None:
        path = root / "rules" / RULE / "rule.yaml"
        path.write_text(f"{path.read_text()}tenants: {yaml.safe_dump(list(globs), default_flow_style=True)}")

    return write


def places(root: Path) -> set[str]:
    manifest = load(root, "demo")
    return {
        f"{tenant.name}/{target.name}"
        for tenant in manifest.tenants
        for target in tenant.targets
        if RULE in {rule.id for rule in assign(manifest, tenant, target).rules}
    }


def findings(root: Path) -> list[tuple[str, str, str]]:
    return [(each.code, each.message, str(each.severity)) for each in inspect(root) if each.severity is Severity.ERROR
            or each.code == "unknown-tenant"]  # fmt: skip


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (["acme"], {"acme/kibana", "acme/sentinel"}),
        (["glob*"], {"globex/kibana", "globex/sentinel"}),
        (["acme/kibana"], {"acme/kibana"}),
        (["*/sentinel", "globex"], {"acme/sentinel", "globex/kibana", "globex/sentinel"}),
    ],
)
def test_a_rule_goes_only_to_the_tenants_and_targets_that_it_names(root, limited, globs, expected):
    assert len(places(root)) == 4

    limited(*globs)

    assert places(root) == expected


def test_a_rule_that_is_not_for_a_tenant_is_not_called_not_applicable_there(root, limited):
    (root / "environments/demo/tenants/globex.yaml").write_text(
        "targets:\n  kibana: {platform: kibana, emulator: true, space: globex}\ndata_sources: {kibana: {}}\n"
    )
    limited("acme")

    manifest = load(root, "demo")
    globex = next(tenant for tenant in manifest.tenants if tenant.name == "globex")
    assigned = assign(manifest, globex, globex.targets[0])

    assert RULE not in {item.rule for item in assigned.not_applicable}
    assert assigned.rules == ()


def test_an_overlay_of_a_rule_that_does_not_come_to_the_tenant_is_an_error(root, limited):
    path = root / "environments/demo/tenants/globex.yaml"
    path.write_text(f"{path.read_text()}overlay: {{{RULE}: {{severity: low}}}}\n")
    assert findings(root) == []

    limited("acme")

    said = f"`{RULE}` matches no rule that comes here: see `tenants` in its rule.yaml"
    assert said in [message for code, message, _ in findings(root) if code == "no-match"]


def test_a_glob_that_matches_no_tenant_of_any_environment_is_a_remark(root, limited):
    limited("acme", "globexx", "acme/elastic")

    said = [message for code, message, _ in findings(root) if code == "unknown-tenant"]

    nowhere = "matches no tenant of any environment, so the rule does not go there"
    assert said == [
        f"{RULE}: 'globexx' {nowhere}; did you mean 'globex'?",
        f"{RULE}: 'acme/elastic' {nowhere}",
    ]


def test_rule_tests_run_for_a_rule_whoever_it_is_for(root, limited):
    from deployer.ruletests.suite import run_all

    limited("acme")
    path = root / "rules" / RULE / "tests.yaml"
    document, _ = parse(path.read_bytes(), "tests.yaml")
    written: Any = document.value if document else {}
    path.write_text(json.dumps({**written, "cases": written["cases"][:3]}))

    report = run_all(root, [RULE])

    assert {one.outcome for one in report.cases} == {"passed"}
