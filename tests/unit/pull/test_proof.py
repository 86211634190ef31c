"""An edit is written only if the file then makes exactly what is live, and nothing else anew."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.crew import Job
from deployer.diff import field_changes
from deployer.fleet import Fleet
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.manifest.replacing import replace_text
from deployer.outcome import Taken
from deployer.plan import Cause
from deployer.plan import Plan
from deployer.plan import Update
from deployer.providers.codecs import encode
from deployer.pull.draft import Draft
from deployer.pull.proof import fault
from deployer.pull.sights import Sight
from deployer.state import Key
from deployer.state import Kind

CASES = Path(__file__).parents[2] / "cases" / "manifest"
BEACON = Key(Kind.RULE, "beacon")


class Bench:
    """The tenant acme of the sound case, whose rule `beacon` was edited in its space."""

    def __init__(self, root: Path) -> None:
        shutil.copytree(CASES / "sound" / "rules", root / "rules")
        folder = root / "environments/test/tenants"
        folder.mkdir(parents=True)
        (root / "environments/test/environment.yaml").write_text("owner: o\n")
        for name in ("acme", "globex"):
            tenant = {
                "targets": {"kibana": {"platform": "kibana", "emulator": True, "space": name}},
                "data_sources": {"kibana": {"endpoint.events.network": []}},
            }
            (folder / f"{name}.yaml").write_text(json.dumps(tenant, indent=1))
        self.fleet = Fleet(load(root, "test"), root)
        manifest = self.fleet.manifest
        tenant_, target = manifest.tenants[0], manifest.tenants[0].targets[0]
        desired = encode(assign(manifest, tenant_, target))
        git = desired.resources[BEACON]
        live = replace(git, body={**git.body, "interval": "9m", "max_signals": 9})
        fields = tuple(one for one in field_changes(live.body, git.body) if one.path == "interval")
        change = Update(live, git, desired.mark(git), Cause.DRIFT, fields)
        plan = Plan((change,), (), (), (), (), 1)
        self.sights = [Sight(Job(target, desired), plan, {})]
        self.draft = Draft.of(manifest, tenant_, manifest.documents[tenant_.location.path], root)
        self.taken = [Taken("kibana", BEACON, "interval", "5m", "9m", ("overlay", "beacon", "kibana", "interval"))]

    def lay(self, **fields: Any) -> None:
        self.draft.block(None, self.draft.target("kibana").platform, "beacon").update(fields)

    def fault(self) -> str | None:
        return fault(self.fleet, self.draft, self.sights, self.taken, None)[2]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_makes_the_live_value_is_proven(bench: Bench) -> None:
    bench.lay(interval="9m")

    assert bench.fault() is None


def test_what_makes_another_value_is_not(bench: Bench) -> None:
    bench.lay(interval="8m")

    assert bench.fault() == "kibana: rule/beacon would still differ in interval"


def test_a_field_that_nobody_asked_for_must_not_change(bench: Bench) -> None:
    bench.lay(interval="9m", severity="low")

    assert bench.fault() == "kibana: rule/beacon would still differ in severity"


def test_an_object_that_nobody_asked_for_must_not_change(bench: Bench) -> None:
    bench.lay(interval="9m")
    bench.taken = []

    assert bench.fault() == "kibana: rule/beacon would change, too"


def test_what_the_file_cannot_hold_is_said_as_check_would(bench: Bench) -> None:
    bench.lay(interval="9m", from_="now")

    assert "unknown key `from_`" in str(bench.fault())


def test_another_tenants_file_that_was_changed_meanwhile_stops_it(bench: Bench) -> None:
    bench.lay(interval="9m")
    other = bench.fleet.root / "environments/test/tenants/globex.yaml"
    other.write_text(other.read_text().replace('"globex"', '"globex2"'))

    assert "another tenant's file" in str(bench.fault())


def test_a_file_that_was_changed_meanwhile_is_not_written(bench: Bench) -> None:
    path, root = bench.draft.document.path, bench.fleet.root
    (root / path).write_text("x")

    assert replace_text(root, path, bench.draft.text, "y") == f"{path} was changed meanwhile; run again"
    assert (root / path).read_text() == "x"


def test_a_file_that_cannot_be_written_is_named(bench: Bench) -> None:
    assert replace_text(bench.fleet.root, "environments/none.yaml", "a", "b") == (
        "environments/none.yaml cannot be written: No such file or directory"
    )
