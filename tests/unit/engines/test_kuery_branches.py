"""A query's branches: its alternatives that read different fields, and what each cannot do without."""

import pytest

from deployer.engines.kuery_branches import MOST
from deployer.engines.kuery_branches import branches
from deployer.errors import BadQuery
from deployer.errors import NotRunnable


def told(query: str) -> dict[str, str]:
    return {branch.name: " ".join(sorted(branch.needs)) for branch in branches(query)}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"": ""}),
        ("*", {"": ""}),
        ("a: 1", {"": "a"}),
        ("a: 1 and b < 2", {"": "a b"}),
        ("a: (1 or 2) or a: 3", {"": "a"}),
        ("not (a: 1 or b: 2) and c: *", {"": "c"}),
        ("a: 1 and (b: 2 or c < 3)", {"b: 2": "a b", "c < 3": "a c"}),
        ("a: 1 and (b: 2 or (c < 3 and not d: 4 and e: *))", {"b: 2": "a b", "c < 3 and e: *": "a c e"}),
        ("a: 1 or b: 2 and (c: 3 or d: 4)", {"a: 1": "a", "c: 3": "b c", "d: 4": "b d"}),
        (
            "(a: 1 or b: 1) and (c: 1 or d: 1)",
            {"a: 1 and c: 1": "a c", "a: 1 and d: 1": "a d", "b: 1 and c: 1": "b c", "b: 1 and d: 1": "b d"},
        ),
        ("a: (1 or 2 or 3 or 4) or b: 1", {"a: (1 or 2 or 3 or …)": "a", "b: 1": "b"}),
        ("not a: 1 or not b: 1", {"not a: 1": "", "not b: 1": ""}),
        ("a: 1 and (b: 1 or not b: *)", {"": "a"}),
        ("n: { x: 1 and y: 2 } and a: 1", {"": "a"}),
        ("a*: 1 and b: 2", {"": "b"}),
        ("loose and b: 2", {"": "b"}),
    ],
    ids=str,
)
def test_branches_are_alternatives_that_read_different_fields(query, expected):
    assert told(query) == expected


def test_values_are_told_where_a_condition_is_a_plain_list_of_them():
    (branch,) = branches('a: (x or "y z") and b: w* and c: 1 and d < 2 and (e: 1 and e: 2) and not f: 1')

    assert branch.values == (("a", ("x", "y z")), ("c", ("1",)), ("e", ("1",)))


def test_too_many_alternatives_stay_together_and_need_what_all_of_them_need():
    (branch,) = branches(" or ".join(f"(shared: 1 and own{number}: 1)" for number in range(MOST + 1)))

    assert (branch.name, sorted(branch.needs)) == ("", ["shared"])


def test_a_query_that_kibana_refuses_is_refused():
    with pytest.raises(BadQuery):
        branches("a: (1")


def test_a_query_that_is_nested_too_deep_is_said_to_be():
    with pytest.raises(NotRunnable, match="nested too deep"):
        branches("(a: 1 and (b: 2 or " * 3_000 + "c: 1" + "))" * 3_000)


def test_the_branch_of_small_transfers_of_our_own_rule(repo_root):
    found = told((repo_root / "rules/t1584.005-botnet-node/kibana.kuery").read_text())

    common = "event.action event.category network.direction"
    assert found == {
        "destination.port: (6660 or 6661 or 6662 or …)": f"destination.port {common}",
        "source.bytes < 1000 and process.name: *": f"{common} process.name source.bytes",
    }
