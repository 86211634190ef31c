"""When a saved plan is stale, and what of it is done already: told by the target alone."""

from dataclasses import replace
from datetime import date

import pytest

from deployer.outcome import Place
from deployer.plan import Update
from deployer.plan import make_plan
from deployer.saved import SavedPlan
from deployer.saved import stale
from deployer.saved import step
from deployer.state import Kind
from deployer.state import Unmanaged
from tests import make

PLACE = Place("acme", "kibana")
OLD, NEW = {"severity": "low", "enabled": True}, {"severity": "high", "enabled": True}
KEPT = make.resource("kept")


def ours(one, **change):
    """The object as we left it."""
    return replace(one, mark=make.marked(one), version="1", **change)


def saved(desired, live, **how):
    steps = {str(change.key): step(change) for change in make_plan(desired, live, **how).changes}
    return SavedPlan("test", {}, {("acme", "kibana"): steps}, {("acme", "kibana"): ""})


def reasons(plan, desired, live, **how):
    return list(stale(plan, PLACE, make_plan(desired, live, **how), desired, live))


def test_a_plan_that_is_done_is_not_stale_whatever_it_does():
    gone, moved, new = make.resource("gone"), make.resource("moved", body=NEW), make.resource("new")
    found = replace(make.resource("claimed"), version="1")
    before = make.live(ours(gone), ours(replace(moved, body=OLD)), found)
    desired = make.desired(moved, new, make.resource("claimed"))
    plan = saved(desired, before, adopt=True)
    after = make.live(*(ours(one) for one in desired.resources.values()))

    assert {one.action for one in plan.targets["acme", "kibana"].values()} == {"create", "update", "claim", "delete"}
    assert reasons(plan, desired, after, adopt=True) == []


def test_what_is_left_of_a_plan_is_not_stale_where_it_is_as_it_was():
    first, second = make.resource("first"), make.resource("second", body=NEW)
    before = make.live(ours(replace(second, body=OLD)))
    desired = make.desired(first, second)
    plan = saved(desired, before)

    assert reasons(plan, desired, make.live(ours(first), *before.resources.values())) == []
    edited = ours(replace(second, body={"severity": "medium", "enabled": True}))
    assert reasons(plan, desired, make.live(ours(first), edited)) == [
        "rule/second: changed in the target since the plan was made; plan again"
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"mark": make.marked(make.resource(), body=OLD)},
        {"mark": make.marked(make.resource(), owner="somebody")},
    ],
    ids=["what it was before", "somebody else's"],
)
def test_what_is_equal_under_another_mark_was_not_done_by_the_plan(change):
    desired = make.desired(make.resource())
    plan = saved(desired, make.live())

    found = replace(ours(make.resource()), **change)

    assert reasons(plan, desired, make.live(found)) == [
        "rule/example: was to create, and by now there is nothing to do"
    ]


def test_what_git_has_changed_since_is_stale_though_the_target_is_as_planned():
    plan = saved(make.desired(make.resource()), make.live())
    later = make.desired(make.resource(body=OLD))

    assert len(reasons(plan, later, make.live(ours(make.resource())))) == 1
    assert len(reasons(plan, make.desired(), make.live(ours(make.resource())))) == 1


def test_what_was_planned_for_another_owner_is_not_done():
    plan = saved(make.desired(make.resource()), make.live())
    other = replace(make.desired(make.resource()), owner="other-soc")

    assert len(reasons(plan, other, make.live(ours(make.resource())))) == 1


@pytest.mark.parametrize("kind", [Kind.RULE, Kind.LIST, Kind.ITEM])
def test_a_delete_is_done_once_the_target_holds_nothing_of_that_name(kind):
    desired, gone = make.desired(KEPT), make.resource("gone", kind)
    plan = saved(desired, make.live(ours(KEPT), ours(gone)))
    unmarked = (Unmanaged(kind, "gone", "Gone"),)

    assert reasons(plan, desired, make.live(ours(KEPT))) == []
    assert reasons(plan, desired, make.live(ours(KEPT), unmanaged=unmarked)) == [
        f"{kind}/gone: was to delete, and by now there is nothing to do"
    ]


@pytest.mark.parametrize("kind", [Kind.DATA_VIEW, Kind.VALUE_LIST, Kind.WATCHLIST])
def test_a_delete_of_what_is_found_only_through_a_rule_cannot_be_told_to_be_done(kind):
    desired, gone = make.desired(KEPT), make.resource("gone", kind)
    plan = saved(desired, make.live(ours(KEPT), ours(gone)))

    assert len(reasons(plan, desired, make.live(ours(KEPT)))) == 1


def test_what_was_not_to_be_done_is_not_done():
    """It was blocked, so that somebody else did it."""
    desired = make.desired(make.resource())
    plan = saved(desired, make.live(make.resource()))

    assert len(reasons(plan, desired, make.live(ours(make.resource())))) == 1


def test_a_rule_that_is_switched_off_for_its_grace_is_done():
    desired, today = replace(make.desired(), grace_days=7), date(2026, 11, 22)
    before = make.live(ours(make.resource()))
    made = make_plan(desired, before, today=today)
    [change] = made.changes
    assert isinstance(change, Update)

    assert reasons(saved(desired, before, today=today), desired, make.live(ours(change.desired)), today=today) == []


def test_a_rule_that_is_to_be_written_again_for_its_key_may_not_have_been():
    desired = replace(make.desired(make.resource()), keyed=True)
    plan = saved(desired, make.live(ours(make.resource())), rekey=True)
    written = replace(ours(make.resource()), version="2")

    assert len(reasons(plan, desired, make.live(written), rekey=True)) == 1
