"""The let statements of a KQL query are found, told apart and replaced without touching anything else."""

import pytest

from deployer import queries

QUERY = """// let Commented = 1;
let Threshold = 20;
let Name = "semi;colon and \\"quote\\" // no comment";  // let Trailing = 2;
let Path = @"C:\\dir\\"; let Ports = dynamic([80,
    443]);
let Scope = (Host:string, Port:int) { let inner = 1; Host == "x;y" };
let Window = 24h; let Ratio = 0.5; let On = true; let Until = ago(Window);
Table | where Note == "let Fake = 3;" | take 1
"""


def test_the_top_level_lets_are_found_with_their_types_and_lines():
    found = [(let.name, let.type, let.line) for let in queries.lets(QUERY)]

    assert found == [
        ("Threshold", "long", 2),
        ("Name", "string", 3),
        ("Path", "string", 4),
        ("Ports", "dynamic", 4),
        ("Scope", "function", 6),
        ("Window", "timespan", 7),
        ("Ratio", "real", 7),
        ("On", "bool", 7),
        ("Until", "expression", 7),
    ]


def test_replacing_changes_the_right_hand_side_and_nothing_else():
    changed = queries.replace_lets(QUERY, {"Threshold": "40", "Ports": "dynamic([22])"})

    assert changed == QUERY.replace("let Threshold = 20;", "let Threshold = 40;").replace(
        "dynamic([80,\n    443])", "dynamic([22])"
    )
    assert queries.replace_lets(QUERY, {}) == QUERY


def test_a_let_that_is_not_there_is_an_error():
    with pytest.raises(KeyError, match="no let named Fake"):
        queries.replace_lets(QUERY, {"Fake": "1"})


LETS = {let.type: let for let in queries.lets(QUERY)} | {"empty": queries.lets("let A = dynamic([]); T")[0]}


def test_a_type_is_told_from_the_right_hand_side():
    assert set(LETS) == {"long", "string", "dynamic", "function", "timespan", "real", "bool", "expression", "empty"}


def test_uses_are_counted_outside_comments_strings_and_the_let_itself():
    query = 'let A = 1; // A\nlet B = A; T | where x == "A" and y == A and AB == 1'

    assert (queries.uses(query, "A"), queries.uses(query, "B"), queries.uses(query, "x")) == (2, 0, 1)


def test_a_let_that_is_declared_twice_is_found():
    assert queries.repeated("let A = 1; let B = 2; let A = 3; T") == ["A"]


def test_a_tilde_string_may_hold_anything():
    assert [let.name for let in queries.lets("let A = ~~~it's; let B = 5; ~~~; let C = 1; T")] == ["A", "C"]


@pytest.mark.parametrize(
    ("value", "type", "text"),
    [
        (40, "long", "40"),
        (2, "real", "2.0"),
        (True, "bool", "true"),
        ("36h", "timespan", "36h"),
        ('a"b\\c\n', "string", '"a\\"b\\\\c\\n"'),
        ([80, 22], "dynamic", "dynamic([80, 22])"),
        (["x", "y"], "empty", 'dynamic(["x", "y"])'),
    ],
)
def test_a_value_becomes_a_literal_of_the_same_type(value, type, text):
    assert queries.literal(value, LETS[type]) == text


@pytest.mark.parametrize(
    ("value", "type"),
    [
        (True, "long"),
        ("40", "long"),
        (1.5, "long"),
        ("1d; drop", "timespan"),
        (1, "bool"),
        ([True], "dynamic"),
        (["80"], "dynamic"),
        ("\u0663h", "timespan"),
        ("a\u2028b", "string"),
        (1, "function"),
    ],
)
def test_a_value_of_another_type_is_refused(value, type):
    with pytest.raises(ValueError, match="needed"):
        queries.literal(value, LETS[type])


@pytest.mark.parametrize("value", [7, -7, 1.5, True, "24h", 'a "b" \\ c\n', "", [], ["a", 'b"c', "d, e"], [1, -2]])
def test_a_value_is_read_back_from_the_literal_that_was_made_of_it(value: object) -> None:
    before = {int: "1", float: "1.0", bool: "true", list: "dynamic([])"}.get(type(value), '"x"')
    if value == "24h":
        before = "1d"
    [let] = queries.lets(f"let A = {before};")

    [made] = queries.lets(f"let A = {queries.literal(value, let)};")

    assert queries.value(made) == value
    assert type(queries.value(made)) is type(value)


@pytest.mark.parametrize(
    "text", ["'a'", '@"a"', 'dynamic(["a","b"])', "dynamic(['a'])", "1 + 2", "() { 1 }", '"\\u0041"', "007"]
)
def test_what_would_be_written_otherwise_is_no_value(text: str) -> None:
    """Its text would not come back as it is, and the plan would never be empty."""
    [let] = queries.lets(f"let A = {text};")

    assert queries.value(let) is None
