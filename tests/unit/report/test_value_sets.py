"""Long sets of values in reports: what was added and removed, never all of them twice."""

from dataclasses import replace

import pytest

from deployer.diff import field_changes
from deployer.drift import Difference
from deployer.drift import Drift
from deployer.outcome import Drifted
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.plan import Cause
from deployer.plan import make_plan
from deployer.report import as_json
from deployer.report import as_markdown
from deployer.report import as_text
from deployer.report.value_sets import changed_sets
from deployer.state import Kind
from tests import make

VALUES = [f"192.0.2.{number}" for number in range(100)]
MORE = [*VALUES[1:], *(f"203.0.113.{number}" for number in range(8))]


def plan(before=VALUES, after=MORE, kind=Kind.LIST):
    wanted = make.resource("servers", kind, body={"values": after})
    found = replace(wanted, body={"values": before})
    state = replace(make.desired(wanted), notes=((wanted.key, "it is long"),))
    return make_plan(state, make.live(replace(found, mark=make.marked(found))))


def test_a_plan_names_a_few_of_what_is_added_and_removed_and_counts_the_rest() -> None:
    text = as_text.render([Planned(Place("acme", "kibana"), plan())])

    assert "      values: 8 added, 1 removed (of 107)\n        + 203.0.113.0\n" in text
    assert "        + and 3 more\n        - 192.0.2.0\n" in text
    assert "203.0.113.5" not in text


def test_the_markdown_report_says_the_same() -> None:
    text = as_markdown.render("plan", "test", [Planned(Place("acme", "kibana"), plan())])

    assert "values: 8 added, 1 removed (of 107)" in text
    assert "+       203.0.113.0" not in text  # as a diff it stands at the margin with its sign
    assert "+        203.0.113.0" in text


def test_drift_says_which_values_the_target_has_and_git_has_not() -> None:
    made = plan(before=MORE, after=VALUES)
    drift = Drift((Difference(made.changes[0], Cause.DRIFT),), ())

    text = as_text.render([Drifted(Place("acme", "kibana"), made, drift)])

    assert "      values (- in Git, + in the target): 8 added, 1 removed (of 107)\n        + 203.0.113.0\n" in text


def test_json_has_all_of_it() -> None:
    document = as_json.render("plan", "test", [Planned(Place("acme", "kibana"), plan())])

    assert document.count("203.0.113.7") == 1
    assert document.count('"192.0.2.0"') == 1


def test_what_is_to_be_known_of_how_an_object_is_made_stands_in_the_plan_and_in_json() -> None:
    made = Planned(Place("acme", "kibana"), plan(after=VALUES))

    assert "  note on list/servers: it is long\n" in as_text.render([made])
    assert '"remark": "it is long"' in as_json.render("plan", "test", [made])


def test_a_long_condition_of_an_item_is_told_by_its_field() -> None:
    [field] = field_changes(
        {"entries": [{"field": "destination.ip", "type": "match_any", "value": VALUES}, {"field": "host.name"}]},
        {"entries": [{"field": "destination.ip", "type": "match_any", "value": MORE}, {"field": "host.name"}]},
    )

    [found] = changed_sets(field)

    assert (found.path, found.tally) == ("entries destination.ip", "8 added, 1 removed (of 107)")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["a"], ["b"]),
        (VALUES, [*reversed(VALUES)]),
        (VALUES, "text"),
        ([{"value": VALUES, "type": "match_any"}], [{"value": MORE, "type": "match"}]),
        ([{"value": VALUES}], [{"value": MORE}, {"value": VALUES}]),
        ([*VALUES, 1], VALUES),
        ([*VALUES, "192.0.2.0"], VALUES),
    ],
    ids=str,
)
def test_what_is_short_or_more_than_a_set_is_shown_as_it_is(before, after) -> None:
    [field] = field_changes({"x": before}, {"x": after})

    assert changed_sets(field) == ()
