"""Many tenants are looked at by several processes, which together say what one says."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.looking import WORTH_A_COPY
from deployer.looking import parts
from deployer.manifest.load import load
from tests.benchmarks import estate
from tests.benchmarks.measure import Stubs

ROOT = Path(__file__).parents[2]
KEY = "planted-key-of-another-tenant"
TENANTS = 2 * WORTH_A_COPY + 2


def edit(file: Path, change: Callable[[Any], object]) -> None:
    document = yaml.safe_load(file.read_text())
    change(document)
    file.write_text(yaml.safe_dump(document))


def own_credential(environment: Any) -> None:
    credential = next(one for one in environment["credentials"].values() if one["type"] == "api_key")
    environment["credentials"]["own"] = {**deepcopy(credential), "env": "DEPLOYER_BENCH_OWN_KEY"}


def plan(root: Path, cores: set[int]) -> tuple[int, Any]:
    """The exit code and document of a plan by a process that may use these cores."""
    words = ["--root", str(root), "plan", estate.ENVIRONMENT, "--format", "json", "--stats"]
    ran = subprocess.run(
        [sys.executable, "-m", "deployer", *words],
        env={**os.environ, **estate.SECRETS, "DEPLOYER_BENCH_OWN_KEY": KEY, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return ran.returncode, json.loads(ran.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="a process is copied on Linux only")
def test_several_processes_say_together_what_one_says(tmp_path: Path) -> None:
    """Of a run with a broken tenant, one whose file has a fault and one that nobody answers for, whose space is called
    as the key of a tenant that another process looks at: nobody says it.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("this machine has one core")
    with Stubs(1) as stubs:
        urls = [stubs.all[0].url] * TENANTS
        urls[0] = f"http://127.0.0.1:{stubs.all[0].refusing}"
        estate.write(tmp_path, TENANTS, 1, [{"kibana": url, "sentinel": url} for url in urls])
        files = sorted((tmp_path / "environments" / estate.ENVIRONMENT / "tenants").iterdir())
        files[30].write_text("targets: []\n")
        files[31].write_text(files[31].read_text() + "surprise: 1\n")

        edit(tmp_path / "environments" / estate.ENVIRONMENT / "environment.yaml", own_credential)
        edit(files[0], lambda tenant: tenant["targets"]["kibana"].update(space=KEY))
        edit(files[1], lambda tenant: tenant["targets"]["kibana"].update(credential="own"))

        one, several = plan(tmp_path, {cores[0]}), plan(tmp_path, set(cores[:2]))

    assert one[0] == several[0] == 3
    assert KEY not in str(one)
    assert KEY not in str(several)
    requests = [document.pop("requests")["made"] for _, document in (one, several)]
    assert several[1] == one[1]
    assert requests[0]["reads"] == requests[1]["reads"]
    assert {target["outcome"] for target in one[1]["targets"]} == {"planned", "unreadable", "failed"}


def test_each_tenant_is_in_one_part_and_few_tenants_are_one_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployer.copies.possible", lambda: True)
    estate.write(tmp_path, TENANTS, 1, [{"kibana": "http://127.0.0.1:9", "sentinel": "http://127.0.0.1:9"}] * TENANTS)
    manifest = load(tmp_path, estate.ENVIRONMENT)
    names = {tenant.name for tenant in manifest.tenants}

    dealt = parts(manifest, names, cores=8)

    assert len(dealt) == 2
    assert sorted(name for part in dealt for name in part) == sorted(names)
    assert len(parts(manifest, sorted(names)[: 2 * WORTH_A_COPY - 1], cores=8)) == 1
    assert len(parts(manifest, names, cores=1)) == 1
