"""Each managed value of each rule kind, edited by hand, is drift and the only drift; nothing else ever is.

The table comes from the codecs: a value without an example of an edit fails, and so does an example of none.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from deployer.emulator import Emulator
from deployer.emulator import reshaping
from deployer.model import Platform
from deployer.plan import Cause
from deployer.plan import Plan
from deployer.plan import Update
from deployer.providers import base
from deployer.providers.kibana import canonical as kibana
from deployer.providers.sentinel import canonical as sentinel
from deployer.providers.sentinel.codec import rule_uuid
from tests import every_field
from tests import make
from tests.bench import Bench

RULES = "/api/detection_engine/rules"
KINDS = [(Platform.KIBANA, kind) for kind in every_field.KIBANA_KINDS] + [
    (Platform.SENTINEL, kind) for kind in every_field.SENTINEL_KINDS
]
EDITS = {Platform.KIBANA: every_field.KIBANA_EDITS, Platform.SENTINEL: every_field.SENTINEL_EDITS}
ELSEWHERE = {Platform.KIBANA: every_field.KIBANA_ELSEWHERE, Platform.SENTINEL: every_field.SENTINEL_ELSEWHERE}
CARRIED = {Platform.KIBANA: every_field.KIBANA_CARRIED, Platform.SENTINEL: every_field.SENTINEL_CARRIED}


def leaves(platform: Platform, kind: str) -> frozenset[str]:
    return every_field.kibana_leaves(kind) if platform is Platform.KIBANA else every_field.sentinel_leaves(kind)


def rule(platform: Platform, kind: str, **change: Any) -> Any:
    if platform is Platform.KIBANA:
        return every_field.kibana_rule(kind, **change)
    return every_field.sentinel_rule(kind, **change)


@pytest.fixture(scope="module")
def world() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "CONFIRM_WAITS_SECONDS", (0.0, 0.01, 0.02))


class Ground(Bench):
    """A target that holds one rule of a kind, with everything that the kind can have."""

    def __init__(self, platform: Platform, kind: str, emulator: Emulator, place: str = "", **change: Any) -> None:
        super().__init__(platform, emulator, place or f"every-{kind}".replace("_", "-").lower())
        self.kind = kind
        self.git = self.assignment(rule(platform, kind, **change), entries=[make.entry()])
        self.moved = True

    def settled(self) -> "Ground":
        """With Git and live in agreement, whatever an earlier test did."""
        if self.moved:
            applied = self.apply(self.git)
            assert [failure.error for failure in applied.failures] == []
            assert self.plan(self.git).changes == ()
        self.moved = True
        return self

    def fields(self) -> Any:
        document = self.document()
        return document if self.platform is Platform.KIBANA else document["properties"]

    def put(self, fields: Any) -> None:
        """Write the whole rule, as the platform's own user interface does."""
        whole = {name: value for name, value in fields.items() if value is not None}
        if self.platform is Platform.KIBANA:
            self.kibana("PUT", RULES, whole)
        else:
            document = self.document()
            self.arm("PUT", document["name"], {**document, "properties": whole})


@pytest.fixture(scope="module")
def grounds(world: Emulator) -> Iterator[dict[tuple[Platform, str], Ground]]:
    made = {(platform, kind): Ground(platform, kind, world) for platform, kind in KINDS}
    yield made
    for one in made.values():
        one.provider.close()


def only_drift(plan: Plan) -> list[str]:
    """The paths of the one change, which is drift, and says who and when."""
    (change,) = plan.changes
    assert isinstance(change, Update)
    assert (change.cause, change.live.edited_by) == (Cause.DRIFT, "night-shift")
    assert change.live.edited_at is not None
    return [field.path for field in change.fields]


ROWS = [
    pytest.param(platform, kind, path, id=f"{platform}-{kind}-{path}")
    for platform, kind in KINDS
    for path in sorted(leaves(platform, kind) - ELSEWHERE[platform])
]


@pytest.mark.parametrize("platform", list(Platform), ids=str)
def test_every_managed_value_has_an_example_and_every_example_is_one_of_a_managed_value(platform):
    every = {path for kind_of, kind in KINDS if kind_of is platform for path in leaves(platform, kind)}

    assert EDITS[platform].keys() == every - ELSEWHERE[platform]


@pytest.mark.parametrize(("platform", "kind", "path"), ROWS)
def test_an_edit_of_any_managed_value_is_the_one_drift_that_is_seen_and_apply_reverts_it(grounds, platform, kind, path):
    ground = grounds[platform, kind].settled()
    before = ground.fields()
    after = every_field.edited(before, path, EDITS[platform][path])
    assert after != before

    ground.put(after)

    shown = every_field.shown_path(every_field.SENTINEL_GATES.get(path, path), before)
    assert only_drift(ground.plan(ground.git)) == [shown]
    assert [str(change.key) for change in ground.apply(ground.git).done] == ["rule/example"]
    ground.moved = False  # a write that does not read back as Git has it is not done


KEPT = {"enabled", "from", "language", "techniques"}
"""Kibana keeps the first, refuses a rule without the second (it would look back less far than it runs) and fills in
the third as it was; ARM refuses sub-techniques without their techniques."""
EMPTIED = [
    pytest.param(platform, kind, name, id=f"{platform}-{kind}-{name}")
    for platform, kind in KINDS
    for name in sorted({path.split(".")[0].split("[")[0] for path in leaves(platform, kind) - ELSEWHERE[platform]})
    if name not in every_field.required(kind) | KEPT
]


@pytest.mark.parametrize(("platform", "kind", "name"), EMPTIED)
def test_a_field_that_a_colleague_takes_out_is_seen(grounds, platform, kind, name):
    ground = grounds[platform, kind].settled()
    before = ground.fields()
    emptied = {one: value for one, value in before.items() if one != name}
    if name == "tags":
        emptied["tags"] = before["tags"][-1:]  # the mark

    ground.put(emptied)

    assert {path.split(".")[0] for path in only_drift(ground.plan(ground.git))} == {name}


@pytest.mark.parametrize(("platform", "kind"), KINDS)
def test_a_rule_that_was_replaced_by_one_of_another_kind_is_seen_and_not_written(world, platform, kind):
    """By hand or by another tool, and with our mark on it."""
    other = Ground(platform, kind, world, f"from-{kind}".replace("_", "-").lower()).settled()
    usual = "query" if platform is Platform.KIBANA else "Scheduled"
    target = {"query": "saved_query", "Scheduled": "NRT"}.get(kind, usual)
    here = Ground(platform, kind, world, f"to-{kind}".replace("_", "-").lower())
    written = Ground(platform, target, world, here.place).settled()
    before = written.document()
    mark = [tag for tag in other.fields().get("tags", []) if tag.startswith("deployer:")]
    if mark:
        here.edit(tags=mark)

    (change,) = [one for one in here.plan(here.git).changes if one.key.kind.value == "rule"]

    assert isinstance(change, Update)
    assert ("type" if platform is Platform.KIBANA else "kind") in {field.path for field in change.fields}
    assert "cannot be changed in place" in str(change.blocked)
    assert here.apply(here.git).done == ()
    kept = here.document()
    assert {**kept, "tags": 0, "revision": 0, "updated_at": 0, "updated_by": 0} == {
        **before, "tags": 0, "revision": 0, "updated_at": 0, "updated_by": 0
    }  # fmt: skip
    for one in (other, here, written):
        one.provider.close()


WITH_VIEWS = [kind for kind in every_field.KIBANA_KINDS if "data_view_id" in leaves(Platform.KIBANA, kind)]


@pytest.mark.parametrize("kind", WITH_VIEWS)
def test_a_rule_that_is_led_to_another_data_view_is_seen(world, kind):
    """Where there is a data view, index patterns mean nothing: they are no part of what is compared."""
    place = f"view-{kind}".replace("_", "-")
    ground = Ground(Platform.KIBANA, kind, world, place, index=None, data_view_id="theirs").settled()

    ground.put({**ground.fields(), "data_view_id": "another"})

    assert only_drift(ground.plan(ground.git)) == ["data_view_id"]
    ground.settled().put({**ground.fields(), "index": ["logs-*"]})
    assert ground.plan(ground.git).changes == ()
    ground.provider.close()


@pytest.mark.parametrize(("platform", "kind"), KINDS)
def test_a_rule_with_every_field_has_no_drift_in_whatever_words(grounds, platform, kind):
    ground = grounds[platform, kind].settled()
    try:
        for way in reshaping.WAYS:
            ground.emulator.set("reshape", [way])
            assert (way, ground.plan(ground.git).changes) == (way, ())
        ground.emulator.set("reshape", list(reshaping.WAYS))
        assert ground.plan(ground.git).changes == ()
    finally:
        ground.emulator.set("reshape", [])
    ground.moved = False


# -- what is not Git's ------------------------------------------------------------------------------------------------


def test_every_carried_field_has_an_example():
    assert every_field.KIBANA_CARRIED.keys() == set(kibana.CARRIED)
    assert every_field.SENTINEL_CARRIED.keys() == sentinel.CARRIED


CARRIED_ROWS = [
    pytest.param(platform, kind, name, id=f"{platform}-{kind}-{name}")
    for platform, kind in KINDS
    for name in CARRIED[platform]
    if platform is Platform.SENTINEL or name in every_field.emulated_leaves(kind)
]


@pytest.mark.parametrize(("platform", "kind", "name"), CARRIED_ROWS)
def test_what_belongs_to_the_analysts_is_no_drift_and_survives_an_apply(grounds, platform, kind, name):
    ground = grounds[platform, kind].settled()
    given = {name: CARRIED[platform][name]}
    if name in every_field.TOGETHER:
        given[every_field.TOGETHER[name]] = CARRIED[platform][every_field.TOGETHER[name]]
    ground.put({**ground.fields(), **given})
    theirs = {one: ground.fields()[one] for one in given}

    unmoved = ground.plan(ground.git)
    moved = ground.assignment(rule(platform, kind), entries=[make.entry()])
    low = ground.assignment(replace(moved.rules[0], severity="low"), entries=[make.entry()])
    applied = ground.apply(low)

    assert unmoved.changes == ()
    assert [str(change.key) for change in applied.done] == ["rule/example"]
    assert {one: ground.fields()[one] for one in given} == theirs
    left = {one for _, names in ground.plan(low).carried for one in names}
    assert set(given) <= left


SERVER_VALUES: dict[Platform, dict[str, Any]] = {
    Platform.KIBANA: {
        "id": "00000000-0000-4000-8000-00000000000a",
        "immutable": False,
        "rule_source": {"type": "external", "is_customized": True},
        "revision": 77,
        "version": 9,
        "created_at": "2020-01-01T00:00:00.000Z",
        "created_by": "somebody",
        "updated_at": "2020-01-01T00:00:00.000Z",
        "updated_by": "somebody",
        "execution_summary": {"last_execution": {"status": "failed", "date": "2020-01-01T00:00:00.000Z"}},
        "outcome": "aliasMatch",
        "alias_target_id": "x",
        "alias_purpose": "savedObjectConversion",
        "throttle": "1h",
    },
    Platform.SENTINEL: {"lastModifiedUtc": "2020-01-01T00:00:00Z", "provisioningState": "Updating"},
}
IDENTITY = {Platform.KIBANA: {"rule_id"}, Platform.SENTINEL: set[str]()}


@pytest.mark.parametrize("platform", list(Platform), ids=str)
def test_every_field_that_is_the_servers_has_an_example(platform):
    owned = kibana.SERVER_OWNED if platform is Platform.KIBANA else sentinel.SERVER_OWNED

    assert SERVER_VALUES[platform].keys() == owned - IDENTITY[platform]


@pytest.mark.parametrize(("platform", "kind"), KINDS)
def test_what_is_the_servers_is_no_drift(grounds, platform, kind):
    ground = grounds[platform, kind].settled()
    for name, value in SERVER_VALUES[platform].items():
        if platform is Platform.KIBANA:
            page = ground.kibana("GET", f"{RULES}/_find")
            answer = {**page, "data": [{**page["data"][0], name: value}]}
            ground.emulator.fault(path=f"/s/{ground.place}{RULES}/_find", status=200, body=answer, times=1)
        else:
            document = ground.document()
            answer = {"value": [{**document, "properties": {**document["properties"], name: value}}]}
            ground.emulator.fault(path=f"/workspaces/{ground.place}/.*alertRules$", status=200, body=answer, times=1)

        assert (name, ground.plan(ground.git).changes) == (name, ())
    ground.emulator.clear_faults()


@pytest.mark.parametrize("name", ["etag", "systemData", "id", "type", "unheardOf"])
def test_what_stands_around_an_arm_resource_is_no_drift(grounds, name):
    ground = grounds[Platform.SENTINEL, "Scheduled"].settled()
    document = {**ground.document(), name: {"lastModifiedBy": "somebody"} if name == "systemData" else "other"}
    path = f"/workspaces/{ground.place}/.*alertRules$"

    ground.emulator.fault(path=path, status=200, body={"value": [document]}, times=1)

    assert ground.plan(ground.git).changes == ()
    assert document["name"] == rule_uuid("example")


@pytest.mark.parametrize(("platform", "kind"), KINDS)
def test_what_a_later_version_adds_at_any_depth_is_no_drift_and_survives_an_apply(world, platform, kind):
    """Sent back as it was: the emulator's own writes drop it, so what was sent is looked at."""
    ground = Ground(platform, kind, world, f"later-{kind}".replace("_", "-").lower()).settled()
    ground.emulator.set("reshape", ["unknown"])
    try:
        unmoved = ground.plan(ground.git)
        live = ground.fields()
        severity = "low" if platform is Platform.KIBANA else "Low"
        ground.emulator.clear_requests()
        ground.apply(ground.assignment(replace(ground.git.rules[0], severity="low"), entries=[make.entry()]))
        (sent,) = [one["body"] for one in ground.emulator.requests if one["method"] == "PUT"]
    finally:
        ground.emulator.set("reshape", [])
    sent = sent if platform is Platform.KIBANA else sent["properties"]

    assert unmoved.changes == ()
    assert sent["severity"] == severity
    for name, value in live.items():
        if "x_emulated" in str(value) and name not in ("exceptions_list", "rule_source", "execution_summary"):
            assert str(sent[name]).count("x_emulated") == str(value).count("x_emulated"), name
    ground.provider.close()
