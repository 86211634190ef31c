"""Long lists of texts, changed line by line."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.manifest import edit_texts
from deployer.manifest.yaml import parse

LIST = """\
# Ours.
owner: jo
values:
  # Europe
  - 192.0.2.0/24   # the office
  - "2001:DB8::1"
  # America
  - 198.51.100.0/24
  # the end
reason: Agents
"""
SPELLED = {"192.0.2.0/24": "192.0.2.0/24", "2001:DB8::1": "2001:db8::1", "198.51.100.0/24": "198.51.100.0/24"}


def changed(text: str, wanted: list[str], current: dict[str, str] | None = None) -> str:
    return edit_texts.change(text, "list.yaml", ("values",), current or {}, wanted)


def test_what_stays_keeps_its_line_its_comment_and_its_spelling() -> None:
    assert changed(LIST, ["192.0.2.0/24", "2001:db8::1", "198.51.100.0/24"], SPELLED) == LIST


def test_what_goes_takes_its_line_along_and_what_is_new_stands_where_it_belongs() -> None:
    assert changed(LIST, ["192.0.2.0/24", "192.0.3.0/24", "198.51.100.0/24", "203.0.113.0/24"], SPELLED) == (
        LIST.replace('  - "2001:DB8::1"\n', "  - 192.0.3.0/24\n").replace(
            "  - 198.51.100.0/24\n", "  - 198.51.100.0/24\n  - 203.0.113.0/24\n"
        )
    )


def test_a_list_in_an_order_of_its_own_keeps_it() -> None:
    assert changed(LIST, ["198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24"], SPELLED) == LIST.replace(
        '  - "2001:DB8::1"\n', ""
    ).replace("  - 198.51.100.0/24\n", "  - 198.51.100.0/24\n  - 203.0.113.0/24\n")


def test_a_list_of_which_nothing_stays_keeps_its_place() -> None:
    edited = changed(LIST, ["203.0.113.1"], SPELLED)

    assert "  # Europe\n  - 203.0.113.1\n  # America\n  # the end\n" in edited


@pytest.mark.parametrize(
    "text", ["values: [192.0.2.1, 192.0.2.2]\n", "values: []\n", "values:\n  - a\n", "owner: jo\n"]
)
def test_a_list_that_is_not_one_line_a_value_is_written_anew(text: str) -> None:
    document, _ = parse(changed(text, ["192.0.2.1", "192.0.2.3"]).encode(), "list.yaml")

    assert document is not None
    assert document.root.get("values").texts() == ("192.0.2.1", "192.0.2.3")


def test_line_ends_of_windows_and_a_byte_order_mark_stay() -> None:
    text = "\ufeff" + LIST.replace("\n", "\r\n")

    edited = changed(text, ["192.0.2.0/24", "192.0.3.0/24", "2001:db8::1", "198.51.100.0/24"], SPELLED)

    assert edited == "\ufeff" + LIST.replace('  - "2001', '  - 192.0.3.0/24\n  - "2001').replace("\n", "\r\n")


def test_a_new_key_stands_above_another_one_and_its_comment() -> None:
    text = "owner: jo\n# all of them\nvalues:\n  - 192.0.2.1\n"

    assert edit_texts.before_key(text, "list.yaml", "values", "source", "https://a.example/x") == (
        "owner: jo\nsource: 'https://a.example/x'\n# all of them\nvalues:\n  - 192.0.2.1\n"
    )


def test_thousands_of_values_take_no_time_to_speak_of() -> None:
    text = "values:\n" + "".join(f"  - v{number:05}\n" for number in range(0, 4000, 2))
    begin = time.process_time()

    edited = changed(text, [f"v{number:05}" for number in range(1, 4000)])

    assert edited.count("\n") == 4000
    assert time.process_time() - begin < 5  # one by one it would be minutes


@given(
    st.lists(st.from_regex(r"\A[a-z0-9:.]{1,8}\Z"), max_size=8),
    st.lists(st.from_regex(r"\A[a-z0-9:.]{1,8}\Z"), min_size=1, max_size=8, unique=True),
)
def test_the_list_says_afterwards_what_is_wanted_each_once(before: list[str], wanted: list[str]) -> None:
    quoted = "".join(f"  - '{text}' # note\n" for text in before)
    document, findings = parse(changed(f"values:\n{quoted}" if before else "a: b\n", wanted).encode(), "list.yaml")

    assert document is not None
    assert findings == ()
    assert sorted(document.root.get("values").texts()) == sorted(wanted)
