"""Ctrl-C, in a process of its own: once, twice, and what ends a job of a pipeline."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.emulator import Emulator
from deployer.errors import Declined
from deployer.fleet import Fleet
from deployer.manifest.load import load

ROOT = Path(__file__).parents[2]
SECONDS = 2.5
"""How late the emulator answers the write."""


def heard() -> None:
    """What a shell starts in the background does not hear of Ctrl-C, nor do the processes that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Running:
    """`deployer apply demo` in the middle of a write that the emulator answers late."""

    def __init__(self, root: Path, emulator: Emulator) -> None:
        self.root, self.emulator = root, emulator
        command = [sys.executable, "-m", "deployer", "--root", str(root), "apply", "demo", "--yes", "--format", "json"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heard,
        )

    def until_it_writes(self) -> None:
        ends = time.monotonic() + 60
        while not self.emulator.stalled(SECONDS):
            assert time.monotonic() < ends, "no write was begun"
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.02)

    def phases(self) -> Counter[str]:
        """How many writes the journal says were begun, and how many ended."""
        (file,) = (self.root / ".deployer" / "journal").iterdir()
        return Counter(json.loads(line)["phase"] for line in file.read_text().splitlines())

    def end(self) -> tuple[int, dict[str, Any], str]:
        out, said = self.process.communicate(timeout=60)
        return self.process.returncode, json.loads(out), said


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    for folder in ("rules", "environments"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    with Emulator(tmp_path / ".deployer" / "emulator") as emulator:
        emulator.fault(path="/s/acme/api/exception_lists$", method="POST", kind="late", seconds=SECONDS, times=1)
        running = Running(tmp_path, emulator)
        yield running
        running.process.kill()
        running.process.wait()


def changes(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [change for target in report["targets"] for change in target["changes"]]


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "the end of a job"])
def test_a_write_under_way_is_finished_and_journalled_and_what_was_not_tried_is_said(running: Running, asked: int):
    running.until_it_writes()
    running.process.send_signal(asked)

    code, report, said = running.end()

    left = [change for change in changes(report) if not change["done"]]
    assert code == 3
    assert "Interrupt again" in said
    assert left
    assert {change["error"] for change in left} == {"not tried: interrupted"}
    assert running.phases()["writing"] == running.phases()["written"] > 0


def test_whoever_asks_twice_waits_for_nothing_and_the_next_apply_makes_it_whole(running: Running):
    running.until_it_writes()
    running.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    running.process.send_signal(signal.SIGINT)

    code, report, _ = running.end()

    assert running.emulator.stalled(SECONDS), "the write was waited for"
    assert code in (1, 3)
    assert any("left while it was worked on" in target.get("error", "") for target in report["targets"])
    assert running.phases()["writing"] > running.phases()["written"]
    again = Running(running.root, running.emulator).end()
    assert again[0] == 0


def test_whoever_interrupts_while_the_plan_is_made_is_not_asked_to_approve_half_of_it(tmp_path: Path):
    for folder in ("rules", "environments"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    fleet = Fleet(load(tmp_path, "demo"), tmp_path)
    fleet.crew.interrupted.set()

    with pytest.raises(Declined, match="Interrupted while the targets were looked at"):
        fleet.apply(approve=lambda outcomes: pytest.fail("asked"))
