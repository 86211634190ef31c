"""`apply`: whichever writes fail, no rule is ever live and running without what it stands on; and what can go, goes."""

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from deployer import apply as applying
from deployer.apply import apply
from deployer.errors import Overloaded
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.outcome import Place
from deployer.plan import Delete
from deployer.plan import make_plan
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Resource
from tests import make

LISTS = [Key(Kind.LIST, f"l{number}") for number in range(2)]
VIEWS = [Key(Kind.DATA_VIEW, f"v{number}") for number in range(2)]


class Platform:
    """Live objects, some of whose writes fail; it switches rules off before their data view goes, as Kibana's does."""

    writes_at_once = 4

    def __init__(self, live: Mapping[Key, Resource], fails: Any) -> None:
        self.live = dict(live)
        self.off: set[Key] = set()
        self.faults: list[tuple[Key, Key]] = []
        self._fails = fails

    def ready(self, plan: Any) -> dict[Key, str]:
        return {}

    def apply(self, change: Any) -> None:
        if isinstance(change, Delete) and change.key.kind is Kind.DATA_VIEW:
            self.off |= {key for key, one in self.live.items() if change.key in one.needs}
        if self._fails(change):
            raise Refused("no")
        if isinstance(change, Delete):
            self.live.pop(change.key, None)
        else:
            self.live[change.key] = change.desired
            self.off.discard(change.key)
        self.standing()

    def standing(self) -> None:
        for key, one in self.live.items():
            if key not in self.off:
                self.faults += [(key, need) for need in one.needs if need not in self.live]


def world(random: random.Random, *, live: bool) -> dict[Key, Resource]:
    """Up to two lists with entries, two data views and three rules on some of them."""
    found: dict[Key, Resource] = {}
    entries: list[Key] = []
    for key in [one for one in LISTS if random.random() < 0.7]:
        found[key] = make.resource(key.id, Kind.LIST)
        for number in range(random.randrange(3)):
            entry = Key(Kind.ITEM, f"{key.id}-{number}")
            body = {"list_id": key.id, "x": random.randrange(2)}
            found[entry] = make.resource(entry.id, Kind.ITEM, body=body, needs=(key,))
            entries.append(entry)
    for key in [one for one in VIEWS if random.random() < 0.5]:
        found[key] = make.resource(key.id, Kind.DATA_VIEW, body={"title": random.randrange(2)})
    for number in range(random.randrange(4)):
        lists = [key for key in LISTS if key in found and random.random() < 0.6]
        views = [key for key in VIEWS if key in found][: random.randrange(2)]
        # Of a live rule nobody tells its entries, only its lists.
        needs = [*lists, *views, *(one for one in entries if not live and found[one].needs[0] in lists)]
        body = {"enabled": True, "on": [key.id for key in (*lists, *views)], "severity": random.randrange(2)}
        rule = make.resource(f"r{number}", Kind.RULE, body=body, needs=tuple(needs))
        found[rule.key] = rule
    return found


@pytest.mark.parametrize("block", range(8))
def test_no_rule_ever_runs_without_what_it_stands_on(block):
    for seed in range(block * 500, block * 500 + 500):
        chance = random.Random(seed)  # noqa: S311 - no secret
        desired = make.desired(*world(chance, live=False).values())
        live = {key: replace(one, mark=desired.mark(one)) for key, one in world(chance, live=True).items()}
        platform: Any = Platform(live, lambda change, chance=chance: chance.random() < 0.3)

        apply(Place("acme", "kibana"), make_plan(desired, LiveState(live)), platform)

        assert platform.faults == [], seed


def test_a_rule_goes_although_another_one_on_its_list_could_not_be_written_and_the_list_stays():
    guard = make.resource("l0", Kind.LIST)
    kept, gone = (make.resource(name, needs=(guard.key,)) for name in ("kept", "gone"))
    desired = make.desired(make.resource("kept", body={"severity": "low", "enabled": True}))
    live = {one.key: replace(one, mark=desired.mark(one)) for one in (guard, kept, gone)}
    platform: Any = Platform(live, lambda change: change.key == kept.key)

    done = apply(Place("acme", "kibana"), make_plan(desired, LiveState(live)), platform)

    assert [change.key for change in done.done] == [gone.key]
    assert set(platform.live) == {guard.key, kept.key}


@pytest.mark.parametrize("problem", [Overloaded("429"), Unreachable("silence")], ids=["puts off", "silent"])
def test_a_target_that_takes_nothing_for_long_is_given_up_and_not_asked_for_each_object(monkeypatch, problem):
    """Each write waits by itself: a thousand of them would take hours."""
    monkeypatch.setattr(applying, "PATIENCE_SECONDS", 0.0)
    tried: list[Key] = []

    class Busy(Platform):
        def apply(self, change: Any) -> None:
            tried.append(change.key)
            raise problem

    platform: Any = Busy({}, None)
    desired = make.desired(*(make.resource(f"r{number}") for number in range(8)))

    done = apply(Place("acme", "kibana"), make_plan(desired, LiveState({})), platform)

    assert len(tried) == 1
    assert [one.error for one in done.failures[1:]] == ["not tried: no write got through for 0 s"] * 7


def test_a_rule_that_is_refused_by_itself_stops_no_other_however_long_it_took(monkeypatch):
    monkeypatch.setattr(applying, "PATIENCE_SECONDS", 0.0)
    platform: Any = Platform({}, lambda change: True)
    desired = make.desired(*(make.resource(f"r{number}") for number in range(8)))

    done = apply(Place("acme", "kibana"), make_plan(desired, LiveState({})), platform)

    assert [one.error for one in done.failures] == ["no"] * 8
