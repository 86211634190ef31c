"""Edits of lists and mappings in brackets: a comment stays with what it is about, or nothing is edited."""

import pytest

from deployer.errors import CannotEdit
from deployer.manifest import edit

LINES = """\
list: [   # here
  {a: 1},   # first
  # two comes
  {a: 2}   # second
]   # end
"""


def test_an_item_goes_with_its_line_and_its_comment_only() -> None:
    assert edit.remove(LINES, "f", ("list", 0)) == LINES.replace("  {a: 1},   # first\n", "")
    after = LINES.replace("  {a: 2}   # second\n", "").replace("{a: 1},", "{a: 1}")
    assert edit.remove(LINES, "f", ("list", 1)) == after


def test_a_new_item_gets_a_line_of_its_own_and_goes_without_a_trace() -> None:
    for text in (LINES, LINES.replace("{a: 2}", "{a: 2},")):
        added = edit.change(text, "f", ("list", -1), {"a": 3})
        assert "  {a: 2},   # second\n  {a: 3}" in added
        assert edit.remove(added, "f", ("list", 2)) == text


def test_the_last_item_that_goes_leaves_what_is_said_about_the_list() -> None:
    text = "list: [   # here\n  a,   # first\n]\n"
    assert edit.remove(text, "f", ("list", 0)) == "list: [   # here\n]\n"


def test_a_list_on_one_line_stays_on_one_line() -> None:
    text = "list: [a, b]   # both\n"
    assert edit.remove(text, "f", ("list", 0)) == "list: [b]   # both\n"
    assert edit.remove(text, "f", ("list", 1)) == "list: [a]   # both\n"
    assert edit.change(text, "f", ("list", -1), "c") == "list: [a, b, c]   # both\n"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("list: [a, b,   # two\n  c]\n", ("list", 1)),
        ("list: [   # here\n  a]\n", ("list", 0)),
        ("a: 1\n? key\n: value\n", ("key",)),
    ],
)
def test_what_cannot_be_taken_out_cleanly_is_left_and_said(text: str, path: tuple[str | int, ...]) -> None:
    with pytest.raises(CannotEdit, match="by hand: take it out"):
        edit.remove(text, "f", path)


def test_a_comment_behind_an_empty_list_stays_on_the_line_of_its_key() -> None:
    after = edit.change("list: []   # none so far\nend: 1\n", "f", ("list",), [{"a": 1, "b": [{"c": 2}]}])
    assert after.startswith("list:   # none so far\n  - a: 1\n")
    assert after.endswith("\nend: 1\n")
