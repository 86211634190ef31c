"""The objects beside a Kibana rule, value by value; and what becomes of marks, on both platforms."""

from collections.abc import Callable
from typing import Any

import pytest

from deployer.model import Platform
from deployer.plan import Cause
from deployer.plan import Claim
from deployer.plan import Create
from deployer.plan import Update
from deployer.providers.kibana import canonical
from deployer.providers.shapes import leaves
from deployer.state import Key
from deployer.state import Kind
from tests import every_field
from tests import make
from tests.bench import Bench

LISTS, ITEMS, VIEWS = "/api/exception_lists", "/api/exception_lists/items", "/api/data_views/data_view"
LIST_ID, VIEW_ID = "deployer-servers", "deployer-example"
ENTRY = make.entry(hosts=("ws-1", "ws-2"), processes=("irc.exe",), expires="2030-01-31")
OTHER = make.category("others", title="Others")


def longer(old: str) -> str:
    return f"{old} edited"


def a_list_entry(old: list[Any]) -> list[Any]:
    value_list = {"id": "addresses", "type": "ip"}
    return [{"field": old[0]["field"], "operator": "included", "type": "list", "list": value_list}]


def a_nested_entry(old: list[Any]) -> list[Any]:
    inner = {"field": "name", "operator": "included", "type": "match", "value": "x"}
    return [{"field": "parent", "type": "nested", "entries": [inner]}, *old[1:]]


EDITS: dict[Kind, dict[str, tuple[str, Callable[[Any], Any]]]] = {
    Kind.LIST: {
        "name": ("name", longer),
        "description": ("description", longer),
        "type": ("type", lambda old: "rule_default"),
    },
    Kind.ITEM: {
        "name": ("name", longer),
        "description": ("description", longer),
        "expire_time": ("expire_time", lambda old: "2031-01-01T00:00:00.000Z"),
        "os_types": ("os_types", lambda old: ["linux"]),
        "entries[].field": ("entries[].field", longer),
        "entries[].operator": ("entries[].operator", lambda old: "excluded"),
        "entries[].type": ("entries", lambda old: [{**old[0], "type": "wildcard", "value": "a*"}, *old[1:]]),
        "entries[].value": ("entries[].value", lambda old: ["ws-3"] if isinstance(old, list) else "192.0.2.1"),
        "entries[].list.id": ("entries", a_list_entry),
        "entries[].list.type": ("entries", a_list_entry),
        **{
            f"entries[].entries[].{name}": ("entries", a_nested_entry)
            for name in ("field", "operator", "type", "value")
        },
        **{f"entries[].entries[].list.{name}": ("entries", a_nested_entry) for name in ("id", "type")},
    },
    Kind.DATA_VIEW: {
        "title": ("title", lambda old: "logs-*,other-*"),
        "name": ("name", longer),
        "timeFieldName": ("timeFieldName", lambda old: "event.ingested"),
        "allowNoIndex": ("allowNoIndex", lambda old: False),
        "runtimeFieldMap.*.type": ("runtimeFieldMap.*.type", lambda old: "double"),
        "runtimeFieldMap.*.script.source": ("runtimeFieldMap.*.script.source", lambda old: f"{old} emit(2L);"),
    },
}
"""Of a managed value: the path that is edited, its own unless it stands in an entry of another sort, and how."""
FIXED = {Kind.ITEM: {"type", "list_id"}}
"""An item has one type only, and it cannot be moved to another list."""
SHAPES = {Kind.LIST: canonical.LIST, Kind.ITEM: canonical.ITEM, Kind.DATA_VIEW: canonical.VIEW}
CARRIED = {
    Kind.LIST: canonical.LIST_CARRIED,
    Kind.ITEM: canonical.ITEM_CARRIED,
    Kind.DATA_VIEW: canonical.VIEW_CARRIED,
}
GIVEN: dict[Kind, dict[str, Any]] = {
    Kind.LIST: {"meta": {"a": 1}, "tags": ["vip"], "os_types": ["linux"]},
    Kind.ITEM: {"meta": {"a": 1}, "tags": ["vip"], "comments": [{"comment": "Asked for by Jo."}]},
    Kind.DATA_VIEW: {
        "sourceFilters": [{"value": "secret.*"}],
        "fieldFormats": {"destination.bytes": {"id": "bytes"}},
        "type": "default",
        "typeMeta": {"aggs": {}, "params": {}},
    },
}
SERVER_SIDE = {"fieldAttrs": {"host.name": {"customLabel": "Host", "count": 7}}}
"""Of a data view: written by routes that the emulator does not have."""
ROWS = [pytest.param(kind, value, id=f"{kind}-{value}") for kind, edits in EDITS.items() for value in sorted(edits)]


class Objects:
    """The list, the item and the data view of one rule."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.git = bench.assignment(entries=[ENTRY])
        self.bench.apply(self.git)

    def live(self, kind: Kind) -> Any:
        if kind is Kind.LIST:
            return self.bench.kibana("GET", LISTS, list_id=LIST_ID)
        if kind is Kind.ITEM:
            (item,) = self.bench.kibana("GET", f"{ITEMS}/_find", list_id=LIST_ID)["data"]
            return item
        return self.bench.kibana("GET", f"{VIEWS}/{VIEW_ID}")["data_view"]

    def put(self, kind: Kind, document: Any) -> None:
        """Write the object as the forms do: all that was shown, and what was changed."""
        if kind is Kind.DATA_VIEW:
            changes = {
                name: value
                for name, value in document.items()
                if name not in ("id", "version", "namespaces", "fields", "fieldAttrs")
            }
            self.bench.kibana("POST", f"{VIEWS}/{VIEW_ID}", {"data_view": changes})
            return
        shown = {name: value for name, value in document.items() if name not in ("_version", "list_id", "item_id")}
        self.bench.kibana("PUT", LISTS if kind is Kind.LIST else ITEMS, shown)


@pytest.fixture
def objects(kibana: Bench) -> Objects:
    return Objects(kibana)


@pytest.mark.parametrize("kind", EDITS, ids=str)
def test_every_managed_value_has_an_example_and_every_example_is_one_of_a_managed_value(kind):
    every = {path for name, shape in SHAPES[kind].items() for path in leaves(shape, name)}

    assert EDITS[kind].keys() == every - FIXED.get(kind, set())
    assert GIVEN[kind].keys() | ({*SERVER_SIDE} if kind is Kind.DATA_VIEW else set()) == set(CARRIED[kind])


@pytest.mark.parametrize(("kind", "value"), ROWS)
def test_an_edit_of_any_managed_value_is_the_one_drift_that_is_seen(objects, kind, value):
    before = objects.live(kind)
    path, change = EDITS[kind][value]

    objects.put(kind, every_field.edited(before, path, change))

    (found,) = objects.bench.plan(objects.git).changes
    assert isinstance(found, Update)
    assert (found.key.kind, found.cause) == (kind, Cause.DRIFT)
    runtime = f"runtimeFieldMap.deployer.epoch_hour{path.removeprefix('runtimeFieldMap.*')}"
    assert [field.path for field in found.fields] == [runtime if "*" in path else value.split("[]")[0]]
    if kind is not Kind.DATA_VIEW:  # Kibana does not say who edited a data view
        assert found.live.edited_by == "night-shift"
        assert found.live.edited_at is not None
    if found.blocked is None:
        assert [one.key for one in objects.bench.apply(objects.git).done] == [found.key]
        assert objects.bench.plan(objects.git).changes == ()


@pytest.mark.parametrize(
    ("kind", "name"), [pytest.param(kind, name, id=f"{kind}-{name}") for kind, given in GIVEN.items() for name in given]
)
def test_what_belongs_to_the_analysts_is_no_drift_and_survives_an_apply(objects, kind, name):
    live = objects.live(kind)
    given = GIVEN[kind][name]
    objects.put(kind, {**live, name: [*live["tags"], *given] if name == "tags" else given})
    theirs = objects.live(kind)[name]
    unmoved = objects.bench.plan(objects.git)
    objects.put(kind, every_field.edited(objects.live(kind), "name", longer))

    drifted = objects.bench.plan(objects.git)
    applied = objects.bench.apply(objects.git)

    assert unmoved.changes == ()
    assert [[field.path for field in change.fields] for change in drifted.changes] == [["name"]]
    assert len(applied.done) == 1
    after = objects.live(kind)[name]
    # The mark is one of the tags, and new where the object was edited.
    assert [one for one in after if "deployer:" not in str(one)] == [
        one for one in theirs if "deployer:" not in str(one)
    ]
    assert name in {one for key, names in drifted.carried for one in names if key.kind is kind}


def test_labels_and_popularity_of_a_data_views_fields_are_no_drift(objects):
    live = objects.live(Kind.DATA_VIEW)
    body = {"data_view": {**live, **SERVER_SIDE}}
    objects.bench.emulator.fault(path=f"{VIEWS}/{VIEW_ID}", method="GET", status=200, body=body, times=1)

    plan = objects.bench.plan(objects.git)

    assert plan.changes == ()
    assert (Key(Kind.DATA_VIEW, VIEW_ID), ("fieldAttrs",)) in plan.carried


def test_an_item_of_ours_that_was_moved_to_another_list_of_ours_is_seen(kibana):
    """By deleting and adding it: an item's id is one in its space."""
    rules = [make.rule(), make.rule("second", allowlists=("others",))]
    categories = {"servers": make.category(), "others": OTHER}
    git = kibana.assignment(*rules, entries=[ENTRY], categories=categories)
    kibana.apply(git)
    (item,) = kibana.kibana("GET", f"{ITEMS}/_find", list_id=LIST_ID)["data"]
    kibana.kibana("DELETE", ITEMS, item_id=item["item_id"])
    kibana.kibana("POST", ITEMS, {**item, "list_id": "deployer-others"})

    (change,) = kibana.plan(git).changes

    assert (change.key, change.cause, [field.path for field in change.fields]) == (
        Key(Kind.ITEM, item["item_id"]), Cause.DRIFT, ["list_id"]
    )  # fmt: skip


def test_an_item_of_ours_that_was_deleted_by_hand_is_made_again(objects):
    item = objects.live(Kind.ITEM)
    objects.bench.kibana("DELETE", ITEMS, item_id=item["item_id"])

    (change,) = objects.bench.plan(objects.git).changes

    assert (type(change), change.key) == (Create, Key(Kind.ITEM, item["item_id"]))
    objects.bench.apply(objects.git)
    assert objects.live(Kind.ITEM)["entries"] == item["entries"]


def test_an_item_that_was_added_by_hand_is_unmanaged_and_kept(objects):
    entry = {"field": "destination.ip", "operator": "included", "type": "match", "value": "203.0.113.9"}
    added = objects.bench.kibana(
        "POST", ITEMS,
        {"list_id": LIST_ID, "type": "simple", "name": "By hand", "description": "x", "entries": [entry]},
    )  # fmt: skip

    plan = objects.bench.plan(objects.git)
    objects.bench.apply(objects.git)

    assert plan.changes == ()
    (found,) = plan.unmanaged
    assert (found.kind, found.id) == (Kind.ITEM, added["item_id"])
    assert "by night-shift" in found.note
    assert objects.bench.kibana("GET", ITEMS, item_id=added["item_id"]) == added


def test_a_data_view_that_was_deleted_by_hand_is_made_again(objects):
    objects.bench.kibana("DELETE", f"{VIEWS}/{VIEW_ID}")

    (change,) = objects.bench.plan(objects.git).changes

    assert (type(change), change.key) == (Create, Key(Kind.DATA_VIEW, VIEW_ID))


def test_a_runtime_field_that_somebody_adds_is_drift(objects):
    live = objects.live(Kind.DATA_VIEW)
    added = {"type": "long", "script": {"source": "emit(3L);"}}
    objects.put(Kind.DATA_VIEW, {**live, "runtimeFieldMap": {**live["runtimeFieldMap"], "theirs": added}})

    (change,) = objects.bench.plan(objects.git).changes

    assert [(field.path, field.before) for field in change.fields] == [("runtimeFieldMap.theirs", added)]


# -- marks ------------------------------------------------------------------------------------------------------------


def with_mark(bench: Bench, change: Callable[[str], str]) -> None:
    """Rewrite the mark of the live rule."""
    document = bench.document()
    if bench.platform is Platform.KIBANA:
        bench.edit(tags=[tag for tag in map(change, document["tags"]) if tag])
    else:
        head, _, rest = document["properties"]["query"].partition("\n")
        new = change(head)
        bench.edit(query=f"{new}\n{rest}" if new else rest)


def test_a_rule_whose_mark_was_removed_is_unclaimed_and_is_not_written(bench):
    git = bench.assignment()
    bench.apply(git)
    with_mark(bench, lambda mark: "")

    (change,) = bench.plan(git).changes

    assert (type(change), change.cause, change.fields) == (Claim, Cause.UNCLAIMED, ())
    assert bench.apply(git).done == ()
    assert [one.key for one in bench.apply(git, adopt=True).done] == [change.key]
    assert bench.plan(git).changes == ()


def test_a_rule_whose_mark_names_another_owner_is_a_conflict_once_it_differs(bench):
    """As long as it is what Git wants there is nothing to do, and whose it is is said."""
    git = bench.assignment()
    bench.apply(git)
    with_mark(bench, lambda mark: mark.replace(f":{make.OWNER}:", ":somebody:"))
    same = bench.plan(git)
    bench.edit(severity="low" if bench.platform is Platform.KIBANA else "Low")

    (change,) = bench.plan(git).changes

    assert same.changes == ()
    assert [key.id for key, _ in same.notes] == ["example"]
    assert (change.cause, [field.path for field in change.fields]) == (Cause.CONFLICT, ["severity"])
    assert "somebody" in str(change.blocked)
    assert bench.apply(git).done == ()


def test_a_rule_whose_mark_is_of_a_later_format_is_unknown_once_it_differs(bench):
    git = bench.assignment()
    bench.apply(git)
    with_mark(bench, lambda mark: mark.replace("deployer:1:", "deployer:99:"))
    same = bench.plan(git)
    bench.edit(severity="low" if bench.platform is Platform.KIBANA else "Low")

    (change,) = bench.plan(git).changes

    assert same.changes == ()
    assert (change.cause, [field.path for field in change.fields]) == (Cause.UNKNOWN, ["severity"])
    assert bench.apply(git).done == ()


def test_a_rule_that_takes_our_mark_along_when_it_is_copied_is_unmanaged(bench):
    git = bench.assignment()
    bench.apply(git)
    document = bench.document()
    if bench.platform is Platform.KIBANA:
        bench.kibana("POST", "/api/detection_engine/rules", {**document, "rule_id": "copy", "name": "Copy"})
        copy = "copy"
    else:
        copy = "00000000-0000-4000-8000-000000000001"
        bench.arm("PUT", copy, {"kind": document["kind"], "properties": document["properties"]})

    plan = bench.plan(git)

    assert plan.changes == ()
    assert [(one.kind, one.id) for one in plan.unmanaged] == [(Kind.RULE, copy)]
    assert plan.owned_rules == 1


def test_a_rule_that_was_switched_off_by_hand_is_drift(bench):
    git = bench.assignment()
    bench.apply(git)
    bench.edit(enabled=False)

    (change,) = bench.plan(git).changes

    assert (change.cause, change.blocked) == (Cause.DRIFT, None)
    assert [(field.path, field.before, field.after) for field in change.fields] == [("enabled", False, True)]


def test_a_rule_that_sentinel_switched_off_by_itself_is_named_as_such(sentinel):
    """Which fields differ is said as well; whoever looks at the report can tell the two apart."""
    git = sentinel.assignment()
    sentinel.apply(git)
    properties = sentinel.document()["properties"]
    reason = "The query failed 10 times in a row."
    sentinel.edit(
        enabled=False,
        displayName=f"AUTO DISABLED {properties['displayName']}",
        description=f"{properties['description']}\n{reason}",
    )

    (change,) = sentinel.plan(git).changes

    assert [field.path for field in change.fields] == ["description", "displayName", "enabled"]
    assert str(change.blocked).startswith(f"Sentinel switched this rule off by itself (AUTO DISABLED): {reason}")


@pytest.mark.parametrize("kind", [Kind.LIST, Kind.ITEM, Kind.DATA_VIEW], ids=str)
def test_an_object_whose_mark_was_removed_is_unclaimed(objects, kind):
    live = objects.live(kind)
    if kind is Kind.DATA_VIEW:
        field = live["runtimeFieldMap"]["deployer.epoch_hour"]
        bare = {**field, "script": {"source": field["script"]["source"].split("\n", 1)[1]}}
        objects.put(kind, {**live, "runtimeFieldMap": {"deployer.epoch_hour": bare}})
    else:
        objects.put(kind, {**live, "tags": []})

    (change,) = objects.bench.plan(objects.git).changes

    assert (type(change), change.key.kind, change.fields) == (Claim, kind, ())
