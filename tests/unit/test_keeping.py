"""What a target keeps while others change it, and the line that decides it; asks nothing of any target."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.findings import Location
from deployer.keeping import Keeping
from deployer.keeping import Wanted
from deployer.manifest.load import Manifest
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.model import Acceptance
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.plan import make_plan
from deployer.providers.codecs import encode
from deployer.report import as_json
from deployer.report import grouped
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Mark

BEACON = Key(Kind.RULE, "beacon")
OTHERS = ("duff", "hooli", "octan", "pied", "stark")
SENTINEL = """\
Changed in Git: 5 changes:
  ~ rule/beacon in 5 of 6 Sentinel workspaces: duff/sentinel, hooli/sentinel, octan/sentinel, pied/sentinel, \
stark/sentinel
      query.let Window  23h -> 24h
        acme/sentinel keeps 12h because environments/test/tenants/acme.yaml:48 (be*) sets it
      severity  "Medium" -> "Low"  (1 of 5: octan/sentinel)
        4 keep "Medium" because environments/test/environment.yaml:6 (tag:attack.t1584*) sets it: duff/sentinel, \
hooli/sentinel, pied/sentinel, stark/sentinel
        1 has it already: acme/sentinel"""

ACCEPTED = Acceptance(
    "rule/beacon",
    {"severity": "Informational"},
    "2026-12-31",
    "A trial",
    "jo",
    Location("environments/test/x.yaml", 30),
)
Edit = Callable[[Place, dict[str, Any]], dict[str, Any]]


@pytest.fixture
def manifest(tmp_path: Path, repo_root: Path) -> Manifest:
    """Six tenants of two targets: acme, which is much tuned, octan with a severity of its own, and four others."""
    for folder in ("rules", "environments"):
        shutil.copytree(repo_root / "tests/cases/explained" / folder, tmp_path / folder)
    tenants = tmp_path / "environments/test/tenants"
    acme = (tenants / "acme.yaml").read_text()
    plain = acme[: acme.index("\nallowlists:")].replace(
        "    emulator: true\n", "    emulator: true\n    space: acme\n", 1
    )
    for name in OTHERS:
        own = "overlay: {beacon: {severity: low}}\ndata_sources:" if name == "octan" else "data_sources:"
        (tenants / f"{name}.yaml").write_text(plain.replace("acme", name).replace("data_sources:", own))
    return load(tmp_path, "test")


def planned(manifest: Manifest, edit: Edit) -> list[Planned]:
    """The plans of targets that hold what Git wants, but for what `edit` makes of the rule `beacon`."""
    wanted: dict[Place, Wanted] = {}
    keeping, outcomes = Keeping(manifest, lambda: wanted), []
    for tenant in manifest.tenants:
        for target in tenant.targets:
            assignment, place = assign(manifest, tenant, target), Place(tenant.name, target.name)
            state, live = encode(assignment), {}
            for key, one in state.resources.items():
                there = replace(one, body=edit(place, dict(one.body))) if key == BEACON else one
                live[key] = replace(there, mark=Mark(state.owner, state.environment, key, there.digest))
            wanted[place] = (state, assignment)
            plan = replace(make_plan(state, LiveState(live)), platform=target.platform)
            outcomes.append(Planned(place, plan))
    return [one for one in keeping.told(outcomes, str) if isinstance(one, Planned)]


def before(place: Place, body: dict[str, Any]) -> dict[str, Any]:
    """The workspaces as they were before Git's window grew, and before octan lowered the severity."""
    if place.target == "sentinel":
        body["query"] = body["query"].replace("let Window = 24h", "let Window = 23h")
        body["severity"] = "Medium" if place.tenant == "octan" else body["severity"]
    return body


def test_the_line_that_decides_otherwise_is_named(manifest):
    outcomes = planned(manifest, before)

    assert grouped.render(grouped.rows_of(outcomes), []).split("\n\n")[1] == SENTINEL


def test_a_script_gets_what_is_kept_with_its_origin(manifest):
    workspaces = [one for one in planned(manifest, before) if one.place.target == "sentinel"]

    keeps = {one.place.tenant: [short(each) for each in as_json.target(one)["keeps"]] for one in workspaces}
    assert keeps.pop("acme") == [
        ("query.let Window", "12h", "environments/test/tenants/acme.yaml", 48),
        ("severity", "Low", None, None),
    ]
    assert keeps.pop("octan") == []
    assert keeps == {
        name: [("severity", "Medium", "environments/test/environment.yaml", 6)] for name in OTHERS if name != "octan"
    }


def short(kept: dict[str, Any]) -> tuple[Any, ...]:
    said = kept["origin"]["said"][0] if kept["origin"] else {"path": None, "line": None}
    return kept["path"], kept["value"], said["path"], said["line"]


def test_where_nothing_is_updated_nothing_is_looked_up(manifest):
    outcomes = planned(manifest, lambda _, body: body)

    assert not any(one.kept for one in outcomes)


def test_a_field_that_is_there_nowhere_else_is_kept_as_none(manifest):
    def noted(place: Place, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "note": "by hand"} if place == Place("duff", "kibana") else body

    kept = {str(one.place): [(each.path, each.value) for each in one.kept] for one in planned(manifest, noted)}

    assert kept["duff/kibana"] == []
    assert kept["acme/kibana"] == kept["octan/kibana"] == [(("note",), None)]
    assert kept["acme/sentinel"] == []


def test_what_is_accepted_as_it_is_live_is_kept_by_the_line_that_accepts_it(manifest):
    tenants = [replace(one, accepted=(ACCEPTED,)) if one.name == "hooli" else one for one in manifest.tenants]
    manifest = replace(manifest, tenants=tuple(tenants))

    def edited(place: Place, body: dict[str, Any]) -> dict[str, Any]:
        level = {"hooli": "Informational", "duff": "Low"}.get(place.tenant, "Medium")
        return {**body, "severity": level} if place.target == "sentinel" and place.tenant != "acme" else body

    [kept] = next(one.kept for one in planned(manifest, edited) if one.place == Place("hooli", "sentinel"))

    assert kept.value == "Informational"
    assert kept.origin
    assert [one.where for one in kept.origin.said] == [ACCEPTED.location]


def test_no_secret_of_the_run_is_in_what_is_kept(manifest):
    wanted: dict[Place, Wanted] = {}
    keeping = Keeping(manifest, lambda: wanted)
    for tenant in manifest.tenants:
        for target in tenant.targets:
            assignment = assign(manifest, tenant, target)
            wanted[Place(tenant.name, target.name)] = (encode(assignment), assignment)

    told = keeping.told(planned(manifest, before), lambda text: text.replace("12h", "***"))

    kept = [each for one in told if isinstance(one, Planned) for each in one.kept]
    assert [one.value for one in kept if one.path[0] == "query"] == ["***"]
