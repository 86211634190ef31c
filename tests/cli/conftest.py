"""The command line in this process, on a copy of the repository's own rules and environments."""

import json
import re
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.cli.main import run
from deployer.emulator import Emulator

KEY = "cGxhbnRlZDpTM2NyM3RLZXlPZkFjbWU="
"""base64 of planted:S3cr3tKeyOfAcme"""
TOKEN = "eyJhbGciOiJub25lIn0.eyJhcHBpZCI6InBpcGVsaW5lIn0.cGxhbnRlZC10b2tlbg"


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def root(tmp_path: Path, repo_root: Path) -> Path:
    """A repository of its own: the real rules, and the real demo environment."""
    for folder in ("rules", "environments"):
        shutil.copytree(repo_root / folder, tmp_path / folder)
    return tmp_path


@pytest.fixture
def deployer(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """`deployer("plan", "demo")`: exit code, standard output, standard error."""

    def call(*arguments: str) -> Run:
        code = run(["--root", str(root), *arguments])
        out, err = capsys.readouterr()
        return Run(code, out, err)

    return call


@dataclass(frozen=True)
class Site:
    """An environment whose targets are given by address and credential, as real ones are."""

    root: Path
    emulator: Emulator

    def tenant(self, name: str) -> Path:
        return self.root / "environments/site/tenants" / f"{name}.yaml"

    def edit(self, path: Path, change: Callable[[Any], None]) -> None:
        document = yaml.safe_load(path.read_text())
        change(document)
        path.write_text(yaml.safe_dump(document, sort_keys=False))

    def asked(self, tenant: str) -> list[Any]:
        return [one for one in self.emulator.requests if re.search(rf"/s/{tenant}/|/workspaces/{tenant}/", one["path"])]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def site(root: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Two tenants, acme and globex, each with a space and a workspace on a server that wants credentials."""
    monkeypatch.setenv("SITE_KIBANA_KEY", KEY)
    monkeypatch.setenv("SITE_ARM_TOKEN", TOKEN)
    folder = root / "environments/site"
    (folder / "tenants").mkdir(parents=True)
    credentials = {
        "kibana": {"type": "api_key", "env": "SITE_KIBANA_KEY", "hosts": ["127.0.0.1"]},
        "arm": {"type": "bearer", "env": "SITE_ARM_TOKEN", "hosts": ["127.0.0.1"]},
    }
    environment = {"owner": "site-soc", "trusted_hosts": ["127.0.0.1"], "credentials": credentials}
    (folder / "environment.yaml").write_text(yaml.safe_dump(environment, sort_keys=False))
    made = Site(root, emulator)
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
            "data_sources": {
                "kibana": {"endpoint.events.network": []},
                "sentinel": ["DeviceNetworkEvents", "CommonSecurityLog"],
            },
        }  # fmt: skip
        made.tenant(name).write_text(yaml.safe_dump(tenant, sort_keys=False))
    return made
