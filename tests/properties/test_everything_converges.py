"""Whatever people do in portals and in Git, and whatever becomes of the runs between: in the end Git and live agree.

Random edits by colleagues, commits, applies, saved plans, pulls, rollbacks, faults and kills on both platforms. After
every step nothing unowned may have changed and nothing unmanaged may be lost; `drift` may neither miss an edit nor take
a commit for one. What people and Git said last is kept in a model beside it (`tests/properties/model.py`).
For a longer look: `EXAMPLES=300 pytest --timeout=0 tests/properties/test_everything_converges.py`.
"""

import itertools
import json
import os
from collections.abc import Callable
from collections.abc import Iterator
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import initialize
from hypothesis.stateful import invariant
from hypothesis.stateful import rule
from hypothesis.stateful import run_state_machine_as_test

from deployer.emulator import Emulator
from tests.properties import portal
from tests.properties import repository
from tests.properties.model import ENTITIES
from tests.properties.model import Field
from tests.properties.model import Model
from tests.properties.repository import Ran

PLATFORMS = st.sampled_from(["kibana", "sentinel"])
RULES = st.sampled_from(repository.RULES)
PLACES = itertools.count()
NUMBERS = itertools.count(1)
PLAN = "plan.json"
CONSENT = ("--yes", "--allow-updates", "99", "--allow-deletes", "99")
CODES = {"apply": {0, 1, 3}, "drift": {0, 1, 2, 3}, "plan": {0, 1, 2, 3}, "pull": {0, 1, 3}, "rollback": {0, 1, 3},
         "verify": {0, 1, 3}}  # fmt: skip
KEPT = ("added by hand", "which is not ours, uses it", "it is also used by", "is kept")
"""Why something of ours stays although Git does not want it."""


FIELDS = st.sampled_from(
    [(platform, name, field) for platform, name in ENTITIES for field in portal.fields_of(platform, name)]
)
"""Of every rule on every platform."""
SOME_FIELDS = st.lists(FIELDS, min_size=1, max_size=3, unique=True)


@st.composite
def faults(draw: st.DrawFn) -> dict[str, Any]:
    """What goes wrong with a few requests to one platform."""
    path = repository.SERVICES[draw(PLATFORMS)]
    times, after = draw(st.integers(1, 3)), draw(st.integers(0, 4))
    reads = {"path": path, "method": "GET", "times": times, "after": after}
    writes = {**reads, "method": repository.WRITES}
    kinds: list[dict[str, Any]] = [
        *({**writes, "status": status, "applied": applied} for status in (500, 409) for applied in (False, True)),
        *({**writes, "kind": kind, "applied": applied} for kind in ("close", "garbage") for applied in (False, True)),
        {**writes, "status": 403},
        {**writes, "status": 429, "times": 1},
        {**reads, "status": 403},
        {**reads, "status": 503, "times": 1},
        {**reads, "kind": "garbage"},
    ]
    return draw(st.sampled_from(kinds))


def step(name: str, *drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """A method of the machine, and what it is called with."""
    return st.tuples(st.just(name), *drawn)


WHICH = st.integers(0, 1)
EDIT, TUNE = step("edit_fields", SOME_FIELDS, WHICH), step("tune", SOME_FIELDS, WHICH)
APPLY = step("apply", st.booleans())
PULL = step("pull", SOME_FIELDS, st.sampled_from([*repository.RULES, "*"]), st.booleans())
ROLLBACK = step("rollback", SOME_FIELDS, st.integers(1, 2))
SAVED = step("apply_saved_plan", SOME_FIELDS, st.booleans())
UNREADABLE = st.sampled_from([{"status": 403}, {"kind": "garbage"}])
STEPS = st.one_of(
    *(EDIT, EDIT, EDIT, EDIT),
    step("take_mark_out", PLATFORMS, RULES),
    step("delete_rule", PLATFORMS, RULES),
    step("give", st.sampled_from(["note", "list", "actions", "later"]), RULES),
    step("add_unowned", st.sampled_from(["rule", "copy"]), PLATFORMS, RULES),
    step("touch_item", st.sampled_from(["add", "edit", "delete"])),
    step("edit_view"),
    *(TUNE, TUNE),
    step("select", RULES, st.booleans()),
    step("change_allowlist", st.sampled_from(["192.0.2.10", "198.51.100.7", "2001:db8::/32"])),
    step("accept", FIELDS),
    step("accept_nothing"),
    *(APPLY, APPLY),
    step("apply_with_a_fault", SOME_FIELDS, faults()),
    step("kill_apply", SOME_FIELDS, PLATFORMS, st.integers(1, 4), st.booleans()),
    step("save_plan", st.booleans()),
    *(SAVED, SAVED),
    *(PULL, PULL),
    *(ROLLBACK, ROLLBACK),
    step("drift_of_what_cannot_be_read", PLATFORMS, UNREADABLE),
    step("verify"),
    step("a_day_passes"),
)
"""Each branch is as likely as any other; in one rule, because hypothesis leaves many rules out of every single run."""


class Everything(RuleBasedStateMachine):
    """One tenant, its two targets, and everybody who works on them."""

    emulator: Emulator
    new_folder: Callable[[], Any]

    def __init__(self) -> None:
        super().__init__()
        self.days = 0
        place = f"place-{next(PLACES)}"
        self.git = repository.Repository(self.new_folder(), self.emulator, place)
        self.portal = portal.Portal(self.emulator, place)
        self.model = Model(self.git, self.portal)

    @initialize()
    def begin(self) -> None:
        """Everything is in order at first, and somebody else is there, too."""
        for platform in repository.SERVICES:
            self.portal.add_rule(platform, next(NUMBERS))
        self.model.look()
        assert self.run("apply", "--yes").code == 0

    @rule(what=STEPS)
    def happens(self, what: tuple[Any, ...]) -> None:
        """One thing after another."""
        name, *drawn = what
        getattr(self, name)(*drawn)

    # -- colleagues ---------------------------------------------------------------------------------------------------

    def edit_fields(self, fields: list[Field], which: int) -> None:
        for platform, name, field in fields:
            if self.model.has(platform, name):
                values = portal.others(platform, field, self.model.live(platform, name, field))
                self.portal.edit(platform, name, field, values[which % len(values)])
                self.model.edited(platform, name, field)

    def take_mark_out(self, platform: str, name: str) -> None:
        if self.model.marked(platform, name):
            self.portal.unmark(platform, name)
            self.model.hurt("mark", platform, name)

    def delete_rule(self, platform: str, name: str) -> None:
        if self.model.has(platform, name):
            marked = self.model.marked(platform, name)
            self.portal.delete(platform, name)
            self.model.deleted(platform, name)
            if marked:
                self.model.hurt("rule", platform, name)

    def give(self, gift: str, name: str) -> None:
        platform = "sentinel" if gift == "later" else "kibana"
        if not self.model.has(platform, name):
            return
        number = next(NUMBERS)
        if gift == "list":
            self.model.given(platform, name, gift, self.portal.attach_list(name, number))
            return
        action = {"id": f"mail-{number}", "group": "default", "action_type_id": ".email", "params": {"message": "x"}}
        value = {"note": f"Seen {number}.", "actions": [action], "later": {"a": number}}[gift]
        self.portal.change(platform, name, **{gift: value})
        self.model.given(platform, name, gift, value)

    def add_unowned(self, what: str, platform: str, name: str) -> None:
        if what == "rule":
            self.portal.add_rule(platform, next(NUMBERS))
        elif self.model.has(platform, name):
            self.portal.copy(platform, name, next(NUMBERS))
        self.model.look()

    def touch_item(self, what: str) -> None:
        ours = self.model.items()
        if what == "add" and self.model.has_list():
            self.portal.add_item(next(NUMBERS))
            self.model.look()
        elif what != "add" and ours:
            (self.portal.edit_item if what == "edit" else self.portal.delete_item)(ours[0]["item_id"])
            self.model.hurt("item", ours[0]["item_id"])

    def edit_view(self) -> None:
        if self.model.has_view():
            self.portal.edit_view()
            self.model.hurt("view")

    # -- commits ------------------------------------------------------------------------------------------------------

    def tune(self, fields: list[Field], which: int) -> None:
        for platform, name, field in fields:
            if name in self.git.rules():
                values = portal.others(platform, field, self.model.git(platform, name, field))
                wanted = values[which % len(values)]
                if field == "query" and platform == "sentinel":
                    wanted = repository.KQL[name].replace("| take 10", wanted)
                self.git.overlay(platform, name, field, wanted)

    def select(self, name: str, wanted: bool) -> None:
        self.git.select(name, wanted=wanted)
        self.model.selected(name, wanted=wanted)

    def change_allowlist(self, value: str) -> None:
        if any(one["value"] == value for one in self.git.entries()):
            self.git.disallow(value)
        else:
            self.git.allow(value)

    def accept(self, key: Field) -> None:
        there = self.model.has(*key[:2]) and key[1] in self.git.rules()
        if there and key[2] != "query" and not self.git.accepted(*key):
            self.git.accept(*key, self.model.live(*key))

    def accept_nothing(self) -> None:
        self.git.accept_nothing()

    # -- deployer -----------------------------------------------------------------------------------------------------

    def apply(self, adopt: bool) -> None:
        self.applied(self.run("apply", *CONSENT, *(["--adopt"] if adopt else [])))

    def apply_with_a_fault(self, fields: list[Field], fault: dict[str, Any]) -> None:
        self.tune(fields, 0)
        self.applied(self.run("apply", *CONSENT, fault=fault))

    def kill_apply(self, fields: list[Field], platform: str, number: int, applied: bool) -> None:
        self.tune(fields, 0)
        with self.model.by_deployer("apply"):
            ran = self.git.kill(platform, number, applied=applied, verb="apply", options=CONSENT)
        self.applied(ran)

    def save_plan(self, adopt: bool) -> None:
        self.run("plan", "--out", str(self.git.root / PLAN), *CONSENT[1:], *(["--adopt"] if adopt else []))
        self.model.planned()

    def apply_saved_plan(self, fields: list[Field], edited: bool) -> None:
        if not (self.git.root / PLAN).exists():
            self.save_plan(adopt=False)
        self.edit_fields(fields if edited else [], 0)
        moved = self.model.moved_since_planned()
        ran = self.run("apply", "--plan", str(self.git.root / PLAN))
        (self.git.root / PLAN).unlink()
        assert {key: self.model.values().get(key) for key in moved} == moved, ran.told
        self.applied(ran)

    def pull(self, fields: list[Field], name: str, accepting: bool) -> None:
        self.edit_fields(fields, 0)
        if not any(one == name or name == "*" for one in self.git.rules()):
            return
        how = ("--accept-until", "2099-12-31", "--reason", "A trial.") if accepting else ()
        ran = self.run("pull", "--rule", name, "--owner", "jo@acme.example", *how)
        self.model.pulled()
        if ran.code == 0:
            assert self.model.edits_unseen([name] if name != "*" else self.git.rules()) == [], ran.told

    def rollback(self, fields: list[Field], runs: int) -> None:
        self.edit_fields(fields[1:], 0)
        if names := self.git.runs()[-runs:]:
            fresh = self.model.fresh()
            ran = self.run("rollback", *names, *CONSENT)
            assert {key: self.model.values().get(key) for key in fresh} == fresh, ran.told
            self.model.rolled_back()

    def drift_of_what_cannot_be_read(self, platform: str, fault: dict[str, Any]) -> None:
        ran = self.run("drift", fault={"path": repository.SERVICES[platform], **fault})
        assert ran.code == 3, ran.told

    def verify(self) -> None:
        ran = self.run("verify")
        wrong = self.model.disagreements(kept=True, unmarked=True)
        assert ran.code != 0 or not wrong, f"{wrong}\n{ran.told}"

    def a_day_passes(self) -> None:
        """Sentinel takes deleted ids again."""
        self.days += 1
        self.emulator.set_clock(datetime.now(UTC) + timedelta(hours=25 * self.days), frozen=False)

    def run(self, verb: str, *options: str, fault: dict[str, Any] | None = None) -> Ran:
        """One command, after which what is not ours must be as it was."""
        with self.model.by_deployer(verb):
            if fault:
                self.emulator.fault(**fault)
            ran = self.git.deployer(verb, *options)
            self.emulator.clear_faults()
        assert ran.code in CODES[verb], ran
        assert not [word for word in ("internal error", "Traceback") if word in ran.told], ran.told
        return ran

    def applied(self, ran: Ran) -> None:
        if ran.code == 0:
            assert self.model.disagreements() == [], ran.told
        self.model.applied(clean=ran.code == 0)

    @invariant()
    def drift_tells_the_truth(self) -> None:
        """It misses no edit, and takes no commit for one."""
        guilty, innocent = self.model.guilty(), self.model.innocent()
        ran = self.run("drift")
        assert ran.code != 0 or not guilty, f"missed: {guilty}\n{ran.told}"
        assert ran.code != 1, ran.told  # everything can be read, and people write what can be read
        assert ran.code == 0 or not innocent, f"false drift:\n{ran.told}"

    # -- the end ------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        self.emulator.clear_faults()
        if not self.model.broken:
            self.settle()
        self.portal.close()
        self.emulator.set_clock(datetime.now(UTC), frozen=False)

    def settle(self) -> None:
        """At most two runs, and everything is as Git says, or kept for a reason that is told."""
        self.a_day_passes()
        told = [self.run("apply", *CONSENT, "--adopt").told]
        told += [self.run("apply", *CONSENT, "--adopt").told]
        ran = self.run("plan", "--format", "json")
        changes = [change for target in json.loads(ran.out)["targets"] for change in target["changes"]]
        odd = [one for one in changes if not any(word in (one["blocked"] or "") for word in KEPT)]
        assert (odd, self.model.disagreements(kept=bool(changes))) == ([], []), "\n".join(told)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def test_in_the_end_git_and_live_agree_and_nothing_of_others_is_lost(emulator, tmp_path_factory, monkeypatch):
    for name, secret in repository.KEYS.items():
        monkeypatch.setenv(name, secret)
    machine = type("Machine", (Everything,), {
        "emulator": emulator, "new_folder": staticmethod(lambda: tmp_path_factory.mktemp("repository")),
    })  # fmt: skip
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    examples = int(os.environ.get("EXAMPLES", "8"))
    # What fails is shown as it was found: to shrink it would take longer than a test may, and 14 steps can be read.
    how = settings(
        max_examples=examples, stateful_step_count=14, deadline=None, suppress_health_check=slow,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=how)
