"""`kill -9` at any write: the next apply converges, nothing is written twice, and the killed run can be undone.

The emulator answers from the test's own process and holds one write back, before it carries it out or after; the
process that waits for the answer is killed there.
"""

import os
import shutil
import signal
from collections import Counter
from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest

from deployer.journal import read
from tests.cli.test_rollback import BEACON
from tests.cli.test_rollback import BOTNET
from tests.cli.test_rollback import ITEMS
from tests.cli.test_rollback import RULES
from tests.cli.test_rollback import WRITES
from tests.cli.test_rollback import Live
from tests.cli.test_rollback import entry
from tests.cli.test_rollback import environment
from tests.cli.test_rollback import overlay
from tests.cli.test_rollback import runs
from tests.warm import Process

TARGETS = {"kibana": "/kibana/", "sentinel": "/arm/"}
_NAMES = ("item_id", "rule_id", "list_id", "id")


class Place:
    """One tenant with one target, so that the n-th write is always the same one; Git has moved on since its apply.

    A rule changes, another goes, and one entry takes the place of another.
    """

    def __init__(self, site, deployer, target, command):
        self.site, self.deployer, self.target, self.command = site, deployer, target, command
        self.live = Live(site.emulator)
        self.journal = site.root / ".deployer/journal"
        self.days = 0
        site.tenant("globex").unlink()
        for folder in (*(site.root / "rules").iterdir(), *(site.root / "environments").iterdir()):
            if folder.is_dir() and folder.name not in (BOTNET, BEACON, "site"):
                shutil.rmtree(folder)  # every run reads all of them
        other = next(name for name in TARGETS if name != target)
        site.edit(site.tenant("acme"), lambda one: one["targets"].pop(other))
        environment(site, rules=[BOTNET, BEACON])
        self.allow("198.51.100.8/29", "203.0.113.9")
        self.apply()
        leave_theirs(self)
        self.start, self.others = self.now()
        environment(site, rules=[BOTNET])
        self.allow("198.51.100.8/29", "192.0.2.77")
        overlay(site, severity="low")

    def allow(self, *values):
        entries = {"proxies": [entry(value) for value in values]}
        self.site.edit(self.site.tenant("acme"), lambda one: one.update(allowlists=entries))

    def now(self):
        """What is ours, and what is theirs."""
        whole = self.live.whole()
        others = {name: one for name, one in whole.items() if "theirs" in name or "ffffffff" in name}
        return {name: one for name, one in whole.items() if name not in others}, others

    def apply(self):
        self.wait_a_day()
        assert self.deployer("apply", "site").code == 0

    def undo(self, *names):
        self.wait_a_day()
        done = self.deployer("rollback", "site", *names)
        assert done.code == 0, done.out

    def wait_a_day(self):
        """Or Sentinel would not take a deleted id again."""
        self.days += 1
        self.site.emulator.set_clock(datetime.now(UTC) + timedelta(hours=25 * self.days))

    def writes(self, *, applied=False):
        """Every write that was carried out since the log was cleared, and how often; one may have had no answer."""
        found: Counter[tuple[str, str, str]] = Counter()
        for one in self.site.emulator.requests:
            if one["method"] in WRITES and one["status"] in (200, 201, 204, None if applied else 200):
                named = {**one.get("body", {}), **one["query"]}
                found[one["method"], one["path"], next((named[name] for name in _NAMES if name in named), "")] += 1
        return found

    def kill_at(self, number, *, applied):
        """Run apply in a process of its own and kill it while its `number`-th write waits; False if it has fewer."""
        emulator = self.site.emulator
        for file in self.journal.iterdir():
            file.unlink()
        self.wait_a_day()
        emulator.clear_requests()
        fault = {"kind": "timeout", "after": number - 1, "times": 1, "applied": applied}
        emulator.fault(path=TARGETS[self.target], method="|".join(WRITES), **fault)
        told = self.site.root / "told.txt"
        process = Process(self.command, ["--root", str(self.site.root), "apply", "site"], told)
        while not (stalled := emulator.stalled(0.02)) and not process.has_ended():
            pass
        if stalled:
            os.kill(process.pid, signal.SIGKILL)
        code = process.code()
        emulator.clear_faults()
        assert code == (None if stalled else 0), told.read_text()
        return stalled


def leave_theirs(place):
    """Objects that are nobody's business but theirs, one of them in a list of ours."""
    if place.target == "sentinel":
        properties = {"displayName": "Theirs", "enabled": True, "productFilter": "Microsoft Defender for Cloud"}
        body = {"kind": "MicrosoftSecurityIncidentCreation", "properties": properties}
        place.live.arm("PUT", "ffffffff-0000-4000-8000-000000000000", body)
        return
    rule = {"type": "query", "query": "*", "name": "x", "description": "x", "severity": "low", "risk_score": 1}
    place.live.kibana("POST", RULES, {**rule, "rule_id": "theirs"})
    condition = {"field": "destination.ip", "operator": "included", "type": "match", "value": "203.0.113.200"}
    item = {"list_id": "deployer-proxies", "item_id": "theirs", "type": "simple", "name": "x", "description": "x"}
    place.live.kibana("POST", ITEMS, {**item, "entries": [condition]})


@pytest.fixture(params=TARGETS)
def place(request, site, deployer, deployer_command):
    return Place(site, deployer, request.param, deployer_command)


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
def test_a_run_killed_at_any_write_is_repeated_and_converges_and_is_undone(place, applied):
    """`applied`: the write that waits has been carried out, and only its answer is missing."""
    goals, written, number = [], [], 1
    while place.kill_at(number, applied=applied):
        (killed,) = runs(place.site)
        lines = read(place.journal / f"{killed}.jsonl")
        assert lines[-1]["phase"] == "writing"
        # repeated
        place.apply()
        assert place.deployer("plan", "site").code == 0
        goal, others = place.now()
        goals.append(goal)
        assert others == place.others
        written.append(place.writes(applied=applied))
        # and undone, both runs together
        place.undo(*runs(place.site))
        assert place.now() == (place.start, place.others)
        # undone at once, although the file ends in the middle of a line
        assert place.kill_at(number, applied=applied)
        (killed,) = runs(place.site)
        with (place.journal / f"{killed}.jsonl").open("ab") as file:
            file.write(b'{"schema": "deployer-journal/1", "run": "\xc3')
        place.undo(killed)
        assert place.now() == (place.start, place.others)
        number += 1
    goal, others = place.now()
    clean = place.writes()
    (whole,) = runs(place.site)
    place.undo(whole)

    assert number > {"kibana": 6, "sentinel": 2}[place.target]
    assert (place.now(), others) == ((place.start, place.others), place.others)
    assert all(one == goal for one in goals)
    for one in written:
        assert clean - one == Counter()
        assert {method for method, *_ in one - clean} <= {"PATCH"}  # a rule may be switched off a second time
