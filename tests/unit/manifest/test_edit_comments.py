"""Comments around what is edited: those that hold a dash, and those of keys behind the one that goes."""

import pytest

from deployer.manifest import edit


@pytest.mark.parametrize("index", [0, 1])
def test_a_comment_with_a_dash_behind_the_dash_of_an_item_is_no_item(index: int) -> None:
    text = "list:\n  -  # re-used - by all\n    value: a\n    hosts: [b]\n  - # another - one\n    value: b\n"

    assert edit.remove(text, "file", ("list", index)).count("value:") == 1
    assert edit.change(text, "file", ("list", 0, "value"), "c") == text.replace("value: a", "value: c")


def test_the_comment_of_the_key_behind_a_first_key_that_goes_stays() -> None:
    text = "list:\n  - hosts: [a]   # theirs\n    # the address - of the farm\n    value: b\n"

    assert edit.remove(text, "file", ("list", 0, "hosts")) == "list:\n  # the address - of the farm\n  - value: b\n"


def test_what_does_not_show_is_escaped_and_what_shows_is_not() -> None:
    text = edit.change("a: 1\n", "file", ("b",), {"hidden": "x\u202ey\u200b", "shown": "\u00e9 \u2713"})

    assert text == 'a: 1\nb: {hidden: "x\\u202Ey\\u200B", shown: \u00e9 \u2713}\n'


@pytest.mark.parametrize("key", ["a", "b"])
def test_a_text_of_several_lines_can_end_a_file_that_has_no_last_line_end(key: str) -> None:
    changed = edit.change("a: 1", "file", (key,), "one\ntwo\n")

    assert changed == f"{'a: 1' if key == 'b' else ''}{'' if key == 'a' else chr(10)}{key}: |\n  one\n  two\n"
