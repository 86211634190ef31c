"""What a plan proposes, and what it must never touch."""

from dataclasses import replace

import pytest

from deployer.errors import UnsafePlan
from deployer.limits import check_limits
from deployer.model import Limits
from deployer.model import NotApplicable
from deployer.narrowing import narrow
from deployer.plan import Cause
from deployer.plan import Claim
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Update
from deployer.plan import make_plan
from deployer.state import Key
from deployer.state import Kind
from deployer.state import UnknownMark
from tests import make

HIGH = {"severity": "high", "enabled": True}
LOW = {"severity": "low", "enabled": True}
MEDIUM = {"severity": "medium", "enabled": True}


def test_what_is_in_git_and_not_in_the_target_is_created():
    wanted = make.resource()

    plan = make_plan(make.desired(wanted), make.live())

    assert plan.changes == (Create(wanted, make.marked(wanted)),)


def test_equal_objects_are_left_alone_whatever_their_mark_says():
    wanted = make.resource()
    marks = (
        make.marked(wanted),
        make.marked(wanted, body=LOW),
        make.marked(wanted, owner="other"),
        UnknownMark("deployer:9:x"),
    )

    for mark in marks:
        plan = make_plan(make.desired(wanted), make.live(replace(wanted, mark=mark)))

        assert (plan.changes, plan.unchanged) == ((), (wanted.key,))


@pytest.mark.parametrize(
    ("applied", "live", "cause"),
    [(LOW, LOW, Cause.PENDING), (HIGH, LOW, Cause.DRIFT), (MEDIUM, LOW, Cause.BOTH)],
    ids=["git moved", "live moved", "both moved"],
)
def test_the_mark_tells_who_moved(applied, live, cause):
    wanted = make.resource(body=HIGH)
    found = make.resource(body=live, mark=make.marked(wanted, body=applied))

    (change,) = make_plan(make.desired(wanted), make.live(found)).changes

    assert isinstance(change, Update)
    assert (change.cause, change.blocked) == (cause, None)
    assert [(field.path, field.before, field.after) for field in change.fields] == [("severity", "low", "high")]


def test_an_object_without_a_mark_is_claimed_only_with_consent():
    wanted = make.resource()
    state = make.live(make.resource(body=LOW))

    (refused,) = make_plan(make.desired(wanted), state).changes
    (agreed,) = make_plan(make.desired(wanted), state, adopt=True).changes

    assert isinstance(refused, Claim)
    assert "--adopt" in str(refused.blocked)
    assert isinstance(agreed, Claim)
    assert agreed.blocked is None


@pytest.mark.parametrize(
    ("mark", "cause"),
    [
        (make.marked(make.resource(), owner="other"), Cause.CONFLICT),
        (make.marked(make.resource(), environment="other"), Cause.CONFLICT),
        (make.marked(make.resource(), key=Key(Kind.RULE, "original")), Cause.CONFLICT),
        (UnknownMark("deployer:2:whatever"), Cause.UNKNOWN),
    ],
    ids=["another owner", "another environment", "a copy", "a later format"],
)
def test_what_another_mark_speaks_for_is_never_written(mark, cause):
    wanted = make.resource()

    (change,) = make_plan(make.desired(wanted), make.live(make.resource(body=LOW, mark=mark)), adopt=True).changes

    assert change.cause is cause
    assert change.blocked


def test_only_owned_objects_are_deleted():
    ours = make.resource("ours")
    copy = make.resource("copy", mark=make.marked(ours))
    foreign = make.resource("foreign", mark=make.marked(make.resource("foreign"), owner="other"))
    bare = make.resource("bare")

    plan = make_plan(make.desired(), make.live(replace(ours, mark=make.marked(ours)), copy, foreign, bare))

    assert [(change.action, change.key.id) for change in plan.changes] == [("delete", "ours")]


def test_an_owned_object_that_others_rely_on_is_not_deleted():
    list_ = make.resource("servers", Kind.LIST)
    held = replace(list_, mark=make.marked(list_), keep="the rule 'x', which is not ours, uses it")

    (change,) = make_plan(make.desired(), make.live(held)).changes

    assert change.blocked == held.keep


def test_guards_are_written_before_the_rule_and_deleted_after_it_but_for_the_data_view():
    kinds = [Kind.RULE, Kind.ITEM, Kind.LIST, Kind.DATA_VIEW]
    wanted = [make.resource("new", kind) for kind in kinds]
    gone = [make.resource("old", kind) for kind in kinds]

    plan = make_plan(make.desired(*wanted), make.live(*(replace(one, mark=make.marked(one)) for one in gone)))

    order = [(change.action, change.key.kind.value) for change in plan.changes]
    assert order == [
        *(("create", kind) for kind in ("data_view", "list", "item", "rule")),
        *(("delete", kind) for kind in ("data_view", "rule", "item", "list")),
    ]


def test_a_rule_of_another_type_is_not_updated_in_place():
    wanted = make.resource(body={"type": "threshold"})
    found = make.resource(body={"type": "query"}, mark=make.marked(wanted, body={"type": "query"}))

    (change,) = make_plan(make.desired(wanted), make.live(found)).changes

    assert "type cannot be changed in place" in str(change.blocked)


def test_a_rule_that_the_platform_switched_off_waits_for_consent():
    wanted = make.resource()
    found = make.resource(body=LOW, mark=make.marked(wanted), halted="switched off")

    (held,) = make_plan(make.desired(wanted), make.live(found)).changes
    (agreed,) = make_plan(make.desired(wanted), make.live(found), reenable=True).changes

    assert "--reenable" in str(held.blocked)
    assert agreed.blocked is None


def owned(number: int):
    rules = [make.resource(f"r{index}") for index in range(number)]
    return [replace(one, mark=make.marked(one)) for one in rules]


@pytest.mark.parametrize(("rules", "gone", "refused"), [(2, 2, False), (3, 3, True), (15, 3, False), (15, 4, True)])
def test_deletes_are_limited_to_two_or_a_fifth(rules, gone, refused):
    live = owned(rules)
    plan = make_plan(make.desired(*live[gone:]), make.live(*live))

    if refused:
        with pytest.raises(
            UnsafePlan, match=rf"would delete {gone} of {rules} owned rules.*limits.deletes.*--allow-deletes"
        ):
            check_limits(plan, Limits())
    else:
        check_limits(plan, Limits())


def test_the_share_is_of_rules_that_are_ours():
    """15 owned rules allow 3 deletes; other objects and other people's rules do not raise that."""
    others = [make.resource(f"x{index}") for index in range(20)]
    lists = [make.resource(f"l{index}", Kind.LIST) for index in range(20)]
    lists = [replace(one, mark=make.marked(one)) for one in lists]
    live = owned(15)

    plan = make_plan(make.desired(*live[4:], *lists), make.live(*live, *others, *lists))

    assert plan.owned_rules == 15
    with pytest.raises(UnsafePlan, match=r"would delete 4 of 15 owned rules \(r0, r1, r2, r3\), the limit is 3"):
        check_limits(plan, Limits())


def test_updates_are_limited_and_the_refusal_names_the_way_out():
    live = owned(3)
    wanted = [make.resource(one.key.id, body=LOW) for one in live]

    with pytest.raises(UnsafePlan, match=r"would update 3 rules, the limit is 2 \(limits.updates\).*--allow-updates 3"):
        check_limits(make_plan(make.desired(*wanted), make.live(*live)), Limits(updates=2))


def test_a_narrowed_plan_touches_the_chosen_rule_and_what_it_needs_only():
    guard = make.resource("servers", Kind.LIST)
    chosen = make.resource("a", needs=(guard.key,))
    other = make.resource("b")
    gone = make.resource("c")
    state = make.desired(guard, chosen, other)

    live = make.live(replace(gone, mark=make.marked(gone)))

    plan = narrow(make_plan(state, live), state, live, ["a"])

    assert [str(change.key) for change in plan.changes] == ["list/servers", "rule/a"]


def test_a_narrowed_plan_still_deletes_the_entries_that_stand_in_the_rules_lists():
    guard = make.resource("servers", Kind.LIST)
    rule = make.resource("a", needs=(guard.key,))
    entry = make.resource("entry", Kind.ITEM, needs=(guard.key,))
    live = make.live(*(replace(one, mark=make.marked(one)) for one in (guard, rule, entry)))
    state = make.desired(guard, rule)

    plan = narrow(make_plan(state, live), state, live, ["a"])

    assert [(change.action, change.key.id) for change in plan.changes] == [("delete", "entry")]


def test_a_renamed_rule_is_chosen_by_its_new_name_and_excused_by_it():
    renamed = make.resource("old", git_id="new")
    live = make.live(replace(make.resource("old"), mark=make.marked(renamed)))
    state = make.desired(renamed)
    idle = replace(make.desired(), not_applicable=(NotApplicable("new", "no data", ("old",)),))

    assert narrow(make_plan(state, make.live()), state, make.live(), ["new"]).changes
    (gone,) = make_plan(idle, live).changes
    assert isinstance(gone, Delete)
    assert gone.reason == "not applicable: no data"


def test_the_digest_tells_what_was_shown_from_what_is_there_now():
    wanted = make.resource()
    plans = [
        make_plan(make.desired(wanted), make.live(make.resource(body=body, mark=make.marked(wanted), version=version)))
        for body, version in ((LOW, "1"), (MEDIUM, "1"), (LOW, "2"))
    ]

    assert len({plan.digest for plan in plans}) == 3


def test_the_digest_changes_when_and_only_when_the_plan_does():
    wanted = make.resource()
    plan = make_plan(make.desired(wanted), make.live())
    same = make_plan(make.desired(make.resource(body=dict(reversed(HIGH.items())))), make.live())
    other = make_plan(make.desired(make.resource(body=LOW)), make.live())

    assert plan.digest == same.digest
    assert plan.digest != other.digest
