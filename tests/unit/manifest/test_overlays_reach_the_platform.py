"""What may be tuned, at each level and under each kind of key, arrives in the platform's document."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.providers.codecs import encode
from deployer.state import Key
from deployer.state import Kind

TUNINGS: dict[str, dict[str, Any]] = {
    "kibana": {
        "severity": "critical",
        "enabled": False,
        "kibana": {"interval": "30m", "from": "now-2h", "threshold": {"value": 3}, "building_block_type": "default"},
    },
    "sentinel": {
        "severity": "low",
        "enabled": False,
        "sentinel": {
            "queryFrequency": "PT2H", "triggerThreshold": 5, "suppressionEnabled": True, "parameters": {"Threshold": 7},
        },
    },
}  # fmt: skip
ARRIVED: dict[str, dict[str, Any]] = {
    "kibana": {
        "severity": "critical", "risk_score": 99, "enabled": False, "interval": "30m", "from": "now-2h",
        "threshold": {"field": ["host.name"], "value": 3}, "building_block_type": "default",
    },
    "sentinel": {
        "severity": "Low", "enabled": False, "queryFrequency": "PT2H", "triggerThreshold": 5,
        "suppressionEnabled": True, "query": "let Threshold = 7;",
    },
}  # fmt: skip


@pytest.mark.parametrize("platform", TUNINGS)
@pytest.mark.parametrize("key", ["beacon", "b*", "tag:noisy"])
@pytest.mark.parametrize("level", ["environment", "tenant", "target"])
def test_it_arrives(tmp_path: Path, repo_root: Path, level: str, key: str, platform: str) -> None:
    shutil.copytree(repo_root / "tests/cases/explained", tmp_path, dirs_exist_ok=True)
    environment = tmp_path / "environments/test/environment.yaml"
    acme = tmp_path / "environments/test/tenants/acme.yaml"
    tenant = yaml.safe_load(acme.read_text())
    tenant.pop("overlay")
    for target in tenant["targets"].values():
        target.pop("overlay", None)
    settings: dict[str, Any] = {"owner": "o"}
    place = {"environment": settings, "tenant": tenant, "target": tenant["targets"][platform]}[level]
    place["overlay"] = {key: TUNINGS[platform]}
    environment.write_text(yaml.safe_dump(settings))
    acme.write_text(yaml.safe_dump(tenant))

    manifest = load(tmp_path, "test")
    [customer] = manifest.tenants
    [target] = [one for one in customer.targets if one.platform == platform]
    body = encode(assign(manifest, customer, target)).resources[Key(Kind.RULE, "beacon")].body

    found = {name: body[name] for name in ARRIVED[platform]}
    if "query" in found:
        found["query"] = next(line for line in found["query"].split("\n") if "let Threshold" in line)
    assert found == ARRIVED[platform]
