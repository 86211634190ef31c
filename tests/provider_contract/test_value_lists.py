"""A long allowlist in Kibana: one value list behind one item, made equal value by value, and taken away again whole."""

import random
from collections import Counter
from datetime import UTC
from datetime import datetime

import pytest

from deployer.apply import apply
from deployer.emulator import reshaping
from deployer.errors import BadAnswer
from deployer.errors import CannotEncode
from deployer.outcome import Place
from deployer.plan import Cause
from deployer.plan import Claim
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Update
from deployer.plan import make_plan
from deployer.providers.codecs import encode
from deployer.providers.http import Http
from deployer.providers.kibana import grouping
from deployer.providers.kibana.guarding import Space
from deployer.state import Key
from deployer.state import Kind
from tests import make

LISTS, ITEMS = "/api/lists", "/api/exception_lists/items"
ID = "deployer-servers"
KEY = Key(Kind.VALUE_LIST, ID)
BEGIN = datetime(2026, 11, 20, tzinfo=UTC)
BEHIND = Key(Kind.ITEM, f"{ID}-values")


def assigned(bench, numbers, *more, **change):
    """A tenant that allows a /32 for each number, and more entries."""
    entries = [make.entry(f"198.{number // 8192}.{number // 32 % 256}.{number % 32 * 8}") for number in numbers]
    categories = {"servers": make.category(ports=())}
    return bench.assignment(entries=[*entries, *more], categories=categories, **change)


def values(bench):
    return sorted(one["value"] for one in items(bench))


def items(bench):
    return bench.kibana("GET", f"{LISTS}/items/_find", list_id=ID, per_page=10_000)["data"]


def wanted(assignment):
    return list(encode(assignment).resources[KEY].body["values"])


def requests_of(bench, do):
    """What was asked of Kibana meanwhile, by method and the last parts of the path."""
    before = len(bench.emulator.requests)
    do()
    asked = bench.emulator.requests[before:]
    return Counter(f"{one['method']} {one['path'].split('/api/')[-1]}" for one in asked)


def test_ten_thousand_addresses_are_planned_and_applied_with_few_requests(kibana):
    git = assigned(kibana, range(10_000))

    first = requests_of(kibana, lambda: kibana.apply(git))
    again = requests_of(kibana, lambda: kibana.plan(git))

    assert values(kibana) == wanted(git)
    value_lists = {name: number for name, number in first.items() if " lists" in name}
    assert value_lists == {
        "GET lists": 2,  # before, and after
        "GET lists/index": 1,
        "POST lists/index": 1,
        "POST lists": 1,
        "POST lists/items/_import": 1,
        "GET lists/items/_find": 4,  # until all of it is there, and to confirm it, 5,000 a page
        "PUT lists": 1,
    }
    assert sum(first.values()) - sum(value_lists.values()) < 25
    assert {name: number for name, number in again.items() if " lists" in name} == {
        "GET lists": 1,
        "GET lists/items/_find": 3,
    }
    assert kibana.plan(git).changes == ()


def test_the_plan_says_that_the_list_has_spilled(kibana):
    plan = kibana.plan(assigned(kibana, range(300), make.entry("203.0.113.9", hosts=("build-7",))))

    [(key, remark)] = plan.remarks
    assert key == KEY
    assert remark.startswith("300 addresses of servers are held by one value list behind one item: ")
    assert remark.endswith("; 1 more stay items of their own")


def test_what_is_not_used_is_not_asked_for(kibana):
    git = assigned(kibana, range(30))
    kibana.apply(git)

    assert not [name for name in requests_of(kibana, lambda: kibana.plan(git)) if " lists" in name]


def test_one_more_and_one_less_are_one_import_and_one_removal(kibana):
    kibana.apply(assigned(kibana, range(300)))
    before = {one["value"]: one["id"] for one in items(kibana)}
    git = assigned(kibana, range(1, 301))

    asked = requests_of(kibana, lambda: kibana.apply(git))

    assert (asked["POST lists/items/_import"], asked["DELETE lists/items"]) == (1, 1)
    after = {one["value"]: one["id"] for one in items(kibana)}
    assert sorted(after) == wanted(git)
    assert len(before.items() & after.items()) == 299
    assert kibana.plan(git).changes == ()


def test_a_value_added_by_hand_is_drift_and_is_taken_out_alone(kibana):
    git = assigned(kibana, range(300))
    kibana.apply(git)
    kibana.kibana("POST", f"{LISTS}/items", {"list_id": ID, "value": "198.0.0.0/8"})

    (change,) = kibana.plan(git).changes
    kibana.apply(git)

    assert (type(change), change.key, change.cause, change.live.edited_by) == (Update, KEY, Cause.DRIFT, "night-shift")
    assert [field.path for field in change.fields] == ["values"]
    assert values(kibana) == wanted(git)


@pytest.mark.parametrize("value", ["198.51.100.7", "198.51.100.7-198.51.100.9"])
def test_a_value_with_a_dash_is_drift_too(kibana, value):
    git = assigned(kibana, range(300))
    kibana.apply(git)
    kibana.kibana("POST", f"{LISTS}/items", {"list_id": ID, "value": value})

    kibana.apply(git)

    assert values(kibana) == wanted(git)


def test_after_any_edits_by_hand_and_in_git_an_apply_makes_what_git_says(kibana):
    dice = random.Random(5)  # noqa: S311 - no secret
    for _ in range(3):
        git = assigned(kibana, dice.sample(range(400), dice.randrange(201, 300)))
        kibana.apply(git)
        assert values(kibana) == wanted(git)
        for one in dice.sample(items(kibana), 5):
            kibana.kibana("DELETE", f"{LISTS}/items", id=one["id"])
        for number in dice.sample(range(200), 5):
            kibana.kibana("POST", f"{LISTS}/items", {"list_id": ID, "value": f"203.0.113.{number}/32"})
        kibana.apply(git)
        assert values(kibana) == wanted(git)
        assert kibana.plan(git).changes == ()


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/lists$"), ("POST", "/items/_import$"), ("DELETE", "/api/lists/items$")],
)
def test_a_run_that_was_cut_short_shows_and_is_finished_by_the_next_one(kibana, method, path):
    new = path == "/api/lists$"
    if not new:
        kibana.apply(assigned(kibana, range(250)))
    git = assigned(kibana, range(3, 253))
    kibana.emulator.fault(path=path, method=method, status=500, times=1)

    applied = kibana.apply(git)
    left = kibana.plan(git)
    kibana.apply(git)

    assert applied.failures[0].change.key == KEY
    assert [type(change) for change in left.changes if change.key == KEY] == [Create if new else Update]
    assert values(kibana) == wanted(git)
    assert kibana.plan(git).changes == ()


def test_a_run_that_was_cut_short_before_the_mark_leaves_what_git_says(kibana):
    kibana.apply(assigned(kibana, range(250)))
    git = assigned(kibana, range(3, 253))
    kibana.emulator.fault(path="/api/lists$", method="PUT", status=500, times=1)

    applied = kibana.apply(git)

    assert applied.failures[0].change.key == KEY
    assert values(kibana) == wanted(git)
    assert kibana.plan(git).changes == ()


def drop(bench):
    """Everything that is ours goes."""
    bench.apply(bench.assignment(make.rule(allowlists=()), categories={"servers": make.category(ports=())}))


def test_a_list_that_is_there_without_its_values_is_ours_and_only_pending(kibana):
    git = assigned(kibana, range(300))
    kibana.emulator.fault(path="/items/_import$", method="POST", status=500, times=1)
    kibana.apply(git)

    (change,) = [change for change in kibana.plan(git).changes if change.key == KEY]

    assert (type(change), change.cause, change.blocked) == (Update, Cause.PENDING, None)


def test_the_rule_is_not_written_while_its_value_list_is_not_whole(kibana):
    kibana.emulator.fault(path="/items/_import$", method="POST", status=500, times=1)

    applied = kibana.apply(assigned(kibana, range(300)))

    assert [(one.change.key.kind, one.tried) for one in applied.failures] == [
        (Kind.VALUE_LIST, True),
        (Kind.ITEM, False),
        (Kind.RULE, False),
    ]


def test_a_list_that_is_no_longer_long_is_items_again_and_its_value_list_goes(kibana):
    kibana.apply(assigned(kibana, range(300)))
    git = assigned(kibana, range(3))

    plan = kibana.plan(git)
    kibana.apply(git)

    kinds = [(type(change), change.key) for change in plan.changes]
    assert kinds[-2:] == [(Delete, BEHIND), (Delete, KEY)]
    assert {kind for kind, _ in kinds[:-2]} == {Create, Update}  # the items, and what the list says of itself
    assert kibana.kibana("GET", f"{LISTS}/_find")["total"] == 0
    assert kibana.plan(git).changes == ()


def test_a_list_that_becomes_long_holds_its_items_until_the_value_list_stands(kibana):
    kibana.apply(assigned(kibana, range(3)))
    kibana.emulator.fault(path="/items/_import$", method="POST", status=500, times=1)
    git = assigned(kibana, range(300))

    kibana.apply(git)

    held = kibana.kibana("GET", f"{ITEMS}/_find", list_id=ID, per_page=100)["data"]
    assert len(held) == 3
    kibana.apply(git)
    assert len(kibana.kibana("GET", f"{ITEMS}/_find", list_id=ID, per_page=100)["data"]) == 1


def test_a_category_that_nobody_honours_any_more_takes_its_value_list_along(kibana):
    kibana.apply(assigned(kibana, range(300)))

    drop(kibana)

    assert kibana.kibana("GET", f"{LISTS}/_find")["total"] == 0
    assert kibana.kibana("GET", "/api/exception_lists/_find", namespace_type="single")["total"] == 0


def test_a_value_list_to_which_an_item_of_somebody_else_refers_stays(kibana):
    kibana.apply(assigned(kibana, range(300)))
    theirs = {"list_id": "night", "name": "Night", "description": "x", "type": "detection"}
    kibana.kibana("POST", "/api/exception_lists", theirs)
    entry = {"field": "source.ip", "operator": "included", "type": "list", "list": {"id": ID, "type": "ip_range"}}
    item = {"list_id": "night", "item_id": "by-hand", "type": "simple", "name": "By hand", "description": "x"}
    kibana.kibana("POST", ITEMS, {**item, "entries": [entry]})

    applied = kibana.apply(assigned(kibana, range(3)))

    [failure] = applied.failures
    assert failure.change.key == KEY
    assert failure.error.startswith(f"{KEY} is not deleted: an exception item that is not ours refers to it")
    assert len(values(kibana)) == 300
    assert [(type(change), change.key) for change in kibana.plan(assigned(kibana, range(3))).changes] == [(Delete, KEY)]


def test_a_value_list_that_a_run_left_behind_is_found_again(kibana):
    kibana.apply(assigned(kibana, range(300)))
    kibana.emulator.fault(path="/api/lists$", method="DELETE", status=500, times=1)
    git = assigned(kibana, range(3))
    kibana.apply(git)
    orphan = kibana.kibana("GET", f"{LISTS}/_find")["total"]

    [change] = kibana.plan(git).changes
    kibana.apply(git)

    assert (orphan, type(change), change.key) == (1, Delete, KEY)
    assert kibana.kibana("GET", f"{LISTS}/_find")["total"] == 0
    assert kibana.plan(git).changes == ()
    assert kibana.plan(git).carried == ()


def test_a_value_list_of_our_name_without_a_mark_is_taken_over_only_when_asked(kibana):
    git = assigned(kibana, range(300))
    kibana.kibana("POST", f"{LISTS}/index")
    kibana.kibana("POST", LISTS, {"id": ID, "name": "theirs", "description": "x", "type": "ip_range"})
    kibana.kibana("POST", f"{LISTS}/items", {"list_id": ID, "value": "203.0.113.0/24"})

    (claim,) = [change for change in kibana.plan(git).changes if change.key == KEY]
    kibana.apply(git)
    held = values(kibana)
    kibana.apply(git, adopt=True)

    assert isinstance(claim, Claim)
    assert claim.blocked
    assert held == ["203.0.113.0/24"]
    assert values(kibana) == wanted(git)
    assert kibana.plan(git).changes == ()


def test_a_value_list_of_another_type_is_not_changed(kibana):
    git = assigned(kibana, range(300))
    kibana.kibana("POST", f"{LISTS}/index")
    kibana.kibana("POST", LISTS, {"id": ID, "name": "theirs", "description": "x", "type": "ip"})

    (change,) = [change for change in kibana.plan(git, adopt=True).changes if change.key == KEY]

    assert "type cannot be changed in place" in str(change.blocked)


def test_what_people_wrote_on_the_list_stays(kibana):
    kibana.apply(assigned(kibana, range(300)))
    document = kibana.kibana("GET", LISTS, id=ID)
    shown = {name: document[name] for name in ("id", "name", "description")}
    kibana.kibana("PUT", LISTS, {**shown, "meta": {"team": "night"}})

    kibana.apply(assigned(kibana, range(301)))

    assert kibana.kibana("GET", LISTS, id=ID)["meta"] == {"team": "night"}


def test_a_new_name_is_drift_and_is_put_back_without_touching_a_value(kibana):
    git = assigned(kibana, range(300))
    kibana.apply(git)
    document = kibana.kibana("GET", LISTS, id=ID)
    kibana.kibana("PUT", LISTS, {"id": ID, "name": "Renamed", "description": document["description"]})

    (change,) = kibana.plan(git).changes
    asked = requests_of(kibana, lambda: kibana.apply(git))

    assert (change.cause, [field.path for field in change.fields]) == (Cause.DRIFT, ["name"])
    assert not [name for name in asked if "_import" in name or name == "DELETE lists/items"]
    assert kibana.plan(git).changes == ()


def test_what_kibana_says_in_other_words_is_no_drift(kibana):
    git = assigned(kibana, range(201))
    kibana.apply(git)

    for way in reshaping.WAYS:
        kibana.emulator.set("reshape", [way])
        assert kibana.plan(git).changes == (), way


def test_a_value_list_that_changes_after_the_plan_is_left_alone(kibana):
    kibana.apply(assigned(kibana, range(300)))
    git = assigned(kibana, range(301))
    plan = make_plan(encode(git), kibana.read(git))
    kibana.kibana("POST", f"{LISTS}/items", {"list_id": ID, "value": "203.0.113.0/24"})

    applied = apply(Place("acme", "kibana"), plan, kibana.provider)

    assert "was changed by night-shift since it was read; plan again" in applied.failures[0].error


def test_a_value_that_goes_missing_is_an_error(kibana, monkeypatch):
    git = assigned(kibana, range(300))
    kibana.apply(git)
    whole = Http.json

    def lossy(self, method, path, **options):
        answer = whole(self, method, path, **options)
        return {**answer, "data": answer["data"][1:]} if path.endswith("/api/lists/items/_find") else answer

    monkeypatch.setattr(Http, "json", lossy)

    with pytest.raises(BadAnswer, match="said 300 values in deployer-servers and gave 299"):
        kibana.plan(git)


def test_a_preview_counts_on_the_live_value_list_only_as_long_as_it_holds_what_git_wants(kibana):
    def guards(git):
        state = encode(git)
        return Space(kibana.provider._api).guards(state, state.resources[Key(Kind.RULE, "example")], BEGIN)

    git = assigned(kibana, range(300))
    before = guards(git)
    kibana.apply(git)
    live, moved = guards(git), guards(assigned(kibana, range(301)))

    assert [one["list_id"] for one in live.lists] == [ID]
    assert live.filters == ()
    for one in (before, moved):
        assert one.lists == []
        assert one.filters


def test_more_than_kibana_applies_is_refused(kibana, monkeypatch):
    monkeypatch.setattr(grouping, "LONGEST_VALUE_LIST", 300)

    with pytest.raises(CannotEncode, match="301 addresses, collapsed as far as they go") as refused:
        encode(assigned(kibana, range(301)))

    assert refused.value.findings[0].code == "allowlist-too-long"
