"""A repository with one environment of two customers, on a server that wants credentials, and its GitHub."""

import shutil
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from deployer.emulator import Emulator
from tests.workflows.runner import Job
from tests.workflows.runner import Runner

RULE = "t1584.005-botnet-node"
KEY = "cGxhbnRlZDpTM2NyM3RLZXlPZkFjbWU="
TOKEN = "eyJhbGciOiJub25lIn0.eyJhcHBpZCI6InBpcGVsaW5lIn0.cGxhbnRlZC10b2tlbg"
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


@dataclass
class Repository:
    """`main` and what a pull request proposes, each a folder; and the live side."""

    main: Path
    proposed: Path
    emulator: Emulator
    runner: Runner

    def pull_request(self, *, fork: bool = False) -> dict[str, Job]:
        head = {"sha": "1" * 40, "repo": {"full_name": "stranger/soc" if fork else "example/soc"}}
        self.runner.trees = {"main": self.main, "": self.proposed}
        return self.runner.event("plan", "pull_request", pull_request={"number": 7, "head": head})

    def merge(self) -> dict[str, Job]:
        self.runner.trees = {"": self.main}
        return self.runner.event("apply", "push")

    def night(self) -> dict[str, Job]:
        self.runner.trees = {"": self.main}
        return self.runner.event("drift", "schedule")

    def edit(self, tree: Path, path: str, change: Callable[[Any], None]) -> None:
        file = tree / path
        document = yaml.safe_load(file.read_text())
        change(document)
        file.write_text(yaml.safe_dump(document, sort_keys=False))

    def tune(self, tree: Path, **fields: Any) -> None:
        """Change the rule for both customers."""
        self.edit(tree, "environments/prod/environment.yaml", lambda it: it.update(overlay={RULE: fields}))

    def writes(self) -> list[str]:
        return [f"{one['method']} {one['path']}" for one in self.emulator.requests if one["method"] in WRITES]

    def colleague(self, tenant: str, **fields: Any) -> None:
        """What somebody does in Kibana at night."""
        answer = requests.patch(
            f"{self.emulator.url}/kibana/s/{tenant}/api/detection_engine/rules",
            json={"rule_id": RULE, **fields},
            auth=("night-shift", "pw"),
            headers={"kbn-xsrf": "x"},
            timeout=10,
        )
        assert answer.ok, answer.text


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path, repo_root: Path, emulator: Emulator, deployer_command: Path) -> Repository:
    if shutil.which("jq") is None:
        pytest.skip("jq is not here; GitHub's runners have it")
    main = tmp_path / "main"
    for rule in ("allowlists.yaml", RULE):
        source, target = repo_root / "rules" / rule, main / "rules" / rule
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    folder = main / "environments/prod"
    (folder / "tenants").mkdir(parents=True)
    credentials = {
        "kibana": {"type": "api_key", "env": "ACME_KIBANA_KEY", "hosts": ["127.0.0.1"]},
        "arm": {"type": "bearer", "env": "ACME_AZURE_SECRET", "hosts": ["127.0.0.1"]},
    }
    environment = {"owner": "example-soc", "trusted_hosts": ["127.0.0.1"], "credentials": credentials}
    (folder / "environment.yaml").write_text(yaml.safe_dump(environment, sort_keys=False))
    for name in ("acme", "globex"):
        tenant = {
            "targets": {
                "kibana": {
                    "platform": "kibana", "url": f"{emulator.url}/kibana", "space": name, "credential": "kibana",
                },
                "sentinel": {
                    "platform": "sentinel", "endpoint": f"{emulator.url}/arm", "credential": "arm",
                    "subscription_id": "11111111-1111-4111-8111-111111111111", "resource_group": "soc",
                    "workspace": name,
                },
            },
            "data_sources": {"kibana": {"endpoint.events.network": []}, "sentinel": ["DeviceNetworkEvents"]},
        }  # fmt: skip
        (folder / f"tenants/{name}.yaml").write_text(yaml.safe_dump(tenant, sort_keys=False))
    proposed = tmp_path / "proposed"
    shutil.copytree(main, proposed)
    secrets = {"ACME_KIBANA_KEY": KEY, "ACME_AZURE_SECRET": TOKEN}
    variables = {"DEPLOYER_ENVIRONMENTS": '["prod"]', "AZURE_CLIENT_ID": "", "AZURE_TENANT_ID": ""}
    runner = Runner(repo_root, deployer_command, tmp_path / "runner", secrets, variables)
    return Repository(main, proposed, emulator, runner)
