"""The environments that come with the repository load without a remark and show what they are for."""

from datetime import date
from pathlib import Path

import pytest

from deployer.manifest.load import inspect
from deployer.manifest.load import load
from deployer.manifest.overlay import assign


def test_the_repository_has_nothing_to_remark_upon(repo_root: Path) -> None:
    assert inspect(repo_root, today=date(2026, 11, 21)) == ()


@pytest.mark.parametrize("environment", ["demo", "prod"])
def test_the_rule_on_inbound_traffic_is_not_applicable_without_firewall_logs(repo_root: Path, environment: str) -> None:
    manifest = load(repo_root, environment)
    [globex] = [tenant for tenant in manifest.tenants if tenant.name == "globex"]

    excused = {
        target.name: {each.rule: each.reason for each in assign(manifest, globex, target).not_applicable}
        for target in globex.targets
    }

    assert {name: reasons["t1583.005-inbound-volumetric"] for name, reasons in excused.items()} == {
        "kibana": "needs dataset network.firewall, which the tenant does not have",
        "sentinel": "needs table CommonSecurityLog, which the tenant does not have",
    }


def test_the_demonstration_needs_no_server_and_no_credential(repo_root: Path) -> None:
    manifest = load(repo_root, "demo", trusted_hosts=[])

    assert manifest.broken_tenants == {}
    assert all(target.emulator for tenant in manifest.tenants for target in tenant.targets)
    assert manifest.environment.credentials == {}
