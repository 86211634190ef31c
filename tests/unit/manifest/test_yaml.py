"""YAML 1.2 core types by own resolution; whatever lets a file say something else than it seems to is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.findings import Location
from deployer.manifest.yaml import MAXIMUM_BYTES
from deployer.manifest.yaml import MAXIMUM_DEPTH
from deployer.manifest.yaml import parse


def value_of(text: str) -> object:
    document, findings = parse(f"a: {text}\n".encode(), "f.yaml")
    assert document is not None
    assert findings == ()
    assert isinstance(document.value, dict)
    return document.value["a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("nULL", "nULL"),
        ("2027-01-31", "2027-01-31"),
        ("2027-01-31T12:00:00Z", "2027-01-31T12:00:00Z"),
        ("2001:db8::1", "2001:db8::1"),
        ("::1", "::1"),
        ("1:20", "1:20"),
        ("1:20:30.5", "1:20:30.5"),
        ("192.0.2.1", "192.0.2.1"),
        ("10", 10),
        ("-10", -10),
        ("+10", 10),
        ("010", 10),
        ("0o17", 15),
        ("-0o17", "-0o17"),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
        ("1e", "1e"),
        (".", "."),
        ("=", "="),
        ("9223372036854775807", 9223372036854775807),
        ("'10'", "10"),
        ('"true"', "true"),
        ("٣", "٣"),
    ],
)
def test_plain_scalars_have_the_types_of_the_core_schema(text: str, value: object) -> None:
    found = value_of(text)

    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    "text", [".inf", "-.INF", ".nan", "1e999", "9223372036854775808", "9" * 5000, "0x" + "f" * 100]
)
def test_numbers_that_json_cannot_hold_are_refused(text: str) -> None:
    _, findings = parse(f"a: {text}\n".encode(), "f.yaml")

    assert [(finding.code, finding.location) for finding in findings] == [("yaml-number", Location("f.yaml", 1, 4))]


@pytest.mark.parametrize(
    ("data", "code", "line", "column"),
    [
        (b"a: !!str 1\n", "yaml-tag", 1, 4),
        (b"a: !include x\n", "yaml-tag", 1, 4),
        (b"a: !!python/object:os.system x\n", "yaml-tag", 1, 4),
        (b"a: &x 1\n", "yaml-anchor", 1, 4),
        (b"a: *x\n", "yaml-alias", 1, 4),
        (b"<<: {a: 1}\n", "yaml-merge", 1, 1),
        (b"a: 1\nb: 2\na: 3\n", "yaml-duplicate", 3, 1),
        (b"1: a\n", "yaml-key", 1, 1),
        (b"null: a\n", "yaml-key", 1, 1),
        (b"true: a\n", "yaml-key", 1, 1),
        (b"? {a: 1}\n: b\n", "yaml-key", 1, 3),
        (b"a: 1\n---\nb: 2\n", "yaml-documents", 2, 1),
        (b"%YAML 1.1\n---\na: 1\n", "yaml-directive", 1, 1),
        (b"a:\n\tb: 1\n", "yaml-syntax", 2, 1),
        (b"a: b: c\n", "yaml-syntax", 1, 5),
        (b"a: [1\n", "yaml-syntax", 2, 1),
        (b"a: 'x\n", "yaml-syntax", 2, 1),
        ("aé: \x07\n".encode(), "yaml-syntax", 1, 5),
        ("a: b\nc: d\u2028e\n".encode(), "yaml-syntax", 2, 5),
        (b"a: b\nc: \xff\n", "not-utf-8", 2, 4),
        ("a: b".encode("utf-16"), "not-utf-8", 1, 1),
        (b"", "empty-file", 1, 1),
        (b"# only words\n", "empty-file", 1, 1),
        (b"---\n", "empty-file", 1, 1),
        (b"a" * (MAXIMUM_BYTES + 1), "file-too-large", 1, 1),
        (b"[" * 100_000, "yaml-too-deep", 1, MAXIMUM_DEPTH + 1),
    ],
)
def test_what_is_refused_has_one_finding_with_its_place(data: bytes, code: str, line: int, column: int) -> None:
    _, findings = parse(data, "f.yaml")

    assert [(each.code, each.location) for each in findings] == [(code, Location("f.yaml", line, column))]


def test_merge_keys_and_nulls_in_quotes_are_ordinary_keys() -> None:
    document, findings = parse(b"'<<': 1\n\"null\": 2\nno: 3\n", "f.yaml")

    assert findings == ()
    assert document is not None
    assert document.value == {"<<": 1, "null": 2, "no": 3}


def test_several_faults_of_a_file_are_found_together() -> None:
    _, findings = parse(b"a: &x 1\nb: *x\nc: !t 1\na: 2\n", "f.yaml")

    assert [finding.code for finding in findings] == ["yaml-anchor", "yaml-alias", "yaml-tag", "yaml-duplicate"]


def test_a_key_said_twice_beneath_a_refused_one_is_not_looked_for_in_another_mapping() -> None:
    _, findings = parse(b"a: 1\ntrue: {a: 1, a: 2}\na: 3\n", "x.yaml")

    assert [str(each.message) for each in findings[1:]] == [
        "the key 'a' is here a second time",
        "the key 'a' is here a second time, first in line 1",
    ]


def test_the_first_of_two_equal_keys_counts_and_the_second_leaves_nothing_behind() -> None:
    document, _ = parse(b"a: {b: 1}\na: {c: 2}\n", "f.yaml")

    assert document is not None
    assert document.value == {"a": {"b": 1}}
    assert document.at(("a", "c")) == Location("f.yaml", 1, 4)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_value_and_key_has_its_place_whatever_ends_a_line(ending: str) -> None:
    text = "first: 1\nlist:\n  - {key: value}\n  - é: [x, y]\n".replace("\n", ending)

    document, findings = parse(text.encode(), "f.yaml")

    assert findings == ()
    assert document is not None
    assert document.at(("list", 0, "key")) == Location("f.yaml", 3, 11)
    assert document.key_at(("list", 0, "key")) == Location("f.yaml", 3, 6)
    assert document.at(("list", 1, "é", 1)) == Location("f.yaml", 4, 12)
    assert document.key_at(("list",)) == Location("f.yaml", 2, 1)
    assert document.key_at(("list", 1)) == Location("f.yaml", 4, 5)


def test_a_part_that_is_not_there_has_the_place_of_what_is_around_it() -> None:
    document, _ = parse(b"a:\n  b: 1\n", "f.yaml")

    assert document is not None
    assert document.at(("a", "no", "such")) == Location("f.yaml", 2, 3)


def test_a_byte_order_mark_is_read_past() -> None:
    document, findings = parse(b"\xef\xbb\xbfa: 1\n", "f.yaml")

    assert findings == ()
    assert document is not None
    assert document.value == {"a": 1}


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(alphabet="ab:-[]{}&*!%?|>'\"#,. \n\t01~<\x00é\u2028", max_size=80).map(str.encode),
    )
)
def test_reading_never_raises(data: bytes) -> None:
    document, findings = parse(data, "f.yaml")

    assert document is not None or findings
