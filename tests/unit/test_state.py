"""Marks and digests: the two things that ownership and cause hang on."""

from typing import Any

import pytest

from deployer.diff import FieldChange
from deployer.diff import field_changes
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Mark
from deployer.state import UnknownMark
from deployer.state import choose_mark
from deployer.state import digest
from deployer.state import find_marks

MARK = Mark("acme-soc", "prod", Key(Kind.RULE, "t1584.005-botnet-node"), "0123456789abcdef")


def test_a_mark_is_read_back_from_any_text_that_holds_it():
    for text in (str(MARK), f"// {MARK} (managed in Git)", f"x {MARK}\ny"):
        assert find_marks(text) == (MARK,)


def test_a_mark_of_another_format_version_is_unknown_and_not_absent():
    later = str(MARK).replace("deployer:1:", "deployer:2:")

    assert find_marks(later) == (UnknownMark(later),)


@pytest.mark.parametrize(
    "text",
    [
        "deployer:1:acme-soc",
        "deployer:1:acme-soc:prod:rule/x:0123",
        "deployer:1:acme-soc:prod:gadget/x:0123456789abcdef",
        "deployer:1:acme-soc:prod:rule/x:0123456789abcdefff",
    ],
)
def test_a_mark_that_cannot_be_read_is_unknown_and_not_absent(text):
    (mark,) = find_marks(text)

    assert isinstance(mark, UnknownMark)


def test_a_text_without_a_mark_has_none():
    assert find_marks("deployer: botnet node") == ()


def test_of_several_marks_the_one_that_names_the_object_counts():
    other = Mark("acme-soc", "prod", Key(Kind.RULE, "original"), "0123456789abcdef")

    assert choose_mark([other, MARK], "acme-soc", "prod", MARK.key) == MARK
    assert choose_mark([other], "acme-soc", "prod", MARK.key) == other
    assert choose_mark([], "acme-soc", "prod", MARK.key) is None


def test_digests_are_pinned():
    """A change of the digest makes every live mark stale: it needs a new FORMAT."""
    body: dict[str, Any] = {"name": "Zoë", "value": 20, "list": [1, 2.5, True, None], "nested": {"b": "2", "a": "1"}}

    assert digest(body) == "c0d3a8396937ce00"


@pytest.mark.parametrize(("one", "other"), [(True, 1), (1, 1.0), ("1", 1), (None, ""), ([1, 2], [2, 1]), (False, None)])
def test_values_that_python_or_a_reader_may_mix_up_differ(one, other):
    assert field_changes({"x": one, "y": 1}, {"x": other, "y": 1}) == (FieldChange("x", one, other),)
    assert digest(one) != digest(other)


def test_mappings_are_entered_and_lists_compared_whole():
    before: dict[str, Any] = {"threshold": {"value": 20, "field": ["a"]}, "tags": ["x"], "same": {"deep": [1]}}
    after: dict[str, Any] = {
        "threshold": {"value": 40, "field": ["a"]},
        "tags": ["x", "y"],
        "same": {"deep": [1]},
        "new": 1,
    }

    assert field_changes(before, after) == (
        FieldChange("new", None, 1),
        FieldChange("tags", ["x"], ["x", "y"]),
        FieldChange("threshold.value", 20, 40),
    )
