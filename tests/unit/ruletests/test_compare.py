"""Expected and actual matches, and the reason where they differ."""

from typing import Any

import pytest

from deployer.cases import Matches
from deployer.ruletests.compare import Found
from deployer.ruletests.compare import difference
from deployer.ruletests.compare import same


def found(*rows: dict[str, Any], columns: tuple[str, ...] | None = None, notes: tuple[str, ...] = ()) -> Found:
    names = tuple(dict.fromkeys(name for row in rows for name in row)) if columns is None else columns
    return Found(rows, names, notes)


def rows(*expected: dict[str, Any]) -> Matches:
    return Matches(len(expected), expected)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (1, 1.0),
        (0.3, 0.1 + 0.2),
        ("x", "x"),
        (None, None),
        (["a", "b"], ["b", "a", "a"]),
        ([1], [1.0]),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ("2026-11-20T12:00:00Z", "2026-11-20T13:00:00.000+01:00"),
    ],
)
def test_values_agree_as_json_with_lists_as_sets_and_instants_as_instants(expected: Any, actual: Any) -> None:
    assert same(expected, actual)
    assert same(actual, expected)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (1, True),
        (1, "1"),
        (1, None),
        (0, None),
        ("", None),
        ("x", "X"),
        (["a"], ["a", "b"]),
        (["a"], "a"),
        ({"a": 1}, {"a": 1, "b": 2}),
        ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00.001Z"),
        ("2026-11-20", "2026-11-20T00:00:00Z"),
        (1000, 1000.0001),
        (5_000_000_000, 5_000_000_001),
    ],
)
def test_other_values_differ(expected: Any, actual: Any) -> None:
    assert not same(expected, actual)
    assert not same(actual, expected)


def test_a_number_alone_says_nothing_of_the_rows() -> None:
    assert difference(Matches(2), found({"a": 1}, {"a": 2})) == ""
    assert difference(Matches(0), found()) == ""


def test_a_row_is_known_by_the_columns_that_are_named() -> None:
    assert difference(rows({"a": 2}, {"a": 1}), found({"a": 1, "b": 7}, {"a": 2, "b": 7})) == ""


def test_rows_that_fit_more_than_one_expectation_are_shared_out_so_that_all_hold() -> None:
    """Taken greedily, the first expectation would use up the only row of the second."""
    assert difference(rows({"a": 1}, {"a": 1, "b": 1}), found({"a": 1, "b": 1}, {"a": 1, "b": 2})) == ""


def test_one_actual_row_never_stands_for_two_expected_ones() -> None:
    assert difference(rows({"a": 1}, {"a": 1}), found({"a": 1}, {"a": 2})) == (
        'expected row 2 is not among the matches: {"a": 1}\n'
        "  a: 1 was expected, match 2 has 2\n"
        'match 1: {"a": 1}\n'
        'match 2: {"a": 2}'
    )


def test_none_where_one_was_expected_shows_what_held_it_back() -> None:
    note = "the number of results is 5, which makes no alert with the trigger GreaterThan 10"

    assert difference(Matches(1), found(notes=(note,))) == f"1 match was expected, there is none\n{note}"


def test_some_where_none_was_expected_are_shown_whole() -> None:
    assert difference(Matches(0), found({"Host": "ws-1", "Connections": 20})) == (
        'no match was expected, there is 1\nmatch 1: {"Host": "ws-1", "Connections": 20}'
    )


def test_of_many_matches_the_first_are_shown() -> None:
    reason = difference(Matches(2), found(*({"n": number} for number in range(7))))

    assert reason.split("\n") == [
        "2 matches were expected, there are 7",
        *(f'match {number + 1}: {{"n": {number}}}' for number in range(5)),
        "and 2 more",
    ]


def test_the_nearest_match_says_which_columns_differ() -> None:
    there = found({"Host": "a", "Score": 1, "Port": 1}, {"Host": "b", "Score": 2, "Port": 6667, "Other": "x"})

    assert difference(rows({"Host": "a"}, {"Host": "b", "Score": 3, "Port": 6667}), there) == (
        'expected row 2 is not among the matches: {"Host": "b", "Score": 3, "Port": 6667}\n'
        "  Score: 3 was expected, match 2 has 2\n"
        'match 1: {"Host": "a", "Score": 1, "Port": 1}\n'
        'match 2: {"Host": "b", "Score": 2, "Port": 6667}'
    )


def test_a_column_that_does_not_exist_is_named_with_those_like_it() -> None:
    reason = difference(rows({"Scor": 3}), found({"Score": 3}))

    assert reason.split("\n")[0] == "the matches have no column `Scor`; did you mean 'Score'?"


def test_a_column_that_does_not_exist_is_a_failure_also_where_nothing_was_found() -> None:
    reason = difference(rows({"Verdict": 3}), found(columns=("Host", "Score")))

    assert reason.split("\n")[0] == "the matches have no column `Verdict`; there are `Host`, `Score`"


def test_null_is_expected_of_a_column_that_is_null_or_not_there() -> None:
    assert difference(rows({"a": None, "b": None}), found({"a": None})) == ""
    assert difference(rows({"a": None}), found({"a": 0})) != ""


def test_a_long_value_is_cut() -> None:
    reason = difference(Matches(0), found({"text": "x" * 1000}))

    assert len(reason) < 400
    assert reason.endswith("...")
