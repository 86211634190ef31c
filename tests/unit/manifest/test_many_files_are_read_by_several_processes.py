"""Hundreds of rules and of tenants are read by several processes, to the same manifest that one makes of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.manifest.files import WORTH_A_COPY
from tests.benchmarks import estate

ROOT = Path(__file__).parents[3]
FILES = 2 * WORTH_A_COPY + 3
READ = """
import os, sys
from pathlib import Path
from deployer.errors import InvalidManifest
from deployer.manifest.load import load

forked, copy = [], os.fork
os.fork = lambda: forked.append(1) or copy()
try:
    read = load(Path(sys.argv[1]), sys.argv[2])
    print(read.rules, read.tenants, read.findings, read.broken_tenants, read.readable, sep="\\n")
    for path, document in sorted(read.documents.items()):
        print(path, document.value, sorted(document.values.items(), key=str), sorted(document.keys.items(), key=str))
except InvalidManifest as error:
    print(*error.findings, sep="\\n")
print(len(forked), file=sys.stderr)
"""


def read(root: Path, cores: set[int]) -> tuple[str, int]:
    """Everything that is read with these cores, and how many copies took part."""
    ran = subprocess.run(
        [sys.executable, "-c", READ, str(root), estate.ENVIRONMENT],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=100,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return ran.stdout, int(ran.stderr)


@pytest.mark.skipif(sys.platform != "linux", reason="a process is copied on Linux only")
def test_several_processes_read_what_one_reads(tmp_path: Path) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("this machine has one core")
    estate.write(tmp_path, FILES, FILES, [{"kibana": "http://127.0.0.1:9", "sentinel": "http://127.0.0.1:9"}] * FILES)
    tenants = sorted((tmp_path / "environments" / estate.ENVIRONMENT / "tenants").iterdir())
    tenants[30].write_text("targets: []\n")
    tenants[31].write_text(tenants[31].read_text() + "surprise: 1\n")
    tenants[32].rename(tenants[32].with_suffix(".yml"))

    one, several = read(tmp_path, {cores[0]}), read(tmp_path, set(cores[:2]))

    assert one[0] == several[0]
    assert (one[1], several[1]) == (0, 2)
    assert "surprise" in one[0]

    folders = sorted(folder for folder in (tmp_path / "rules").iterdir() if folder.is_dir())
    for number in (0, 1, 100):
        (folders[number] / "rule.yaml").write_text("id: [\n")
    one, several = read(tmp_path, {cores[0]}), read(tmp_path, set(cores[:2]))

    assert one[0] == several[0]
    assert (one[1], several[1]) == (0, 2)
    assert one[0].count("yaml-syntax") == 3
