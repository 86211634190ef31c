"""Whatever is typed for a query: it runs, or it is refused in the engine's own words."""

from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st

from deployer.engines import kuery
from deployer.engines.kibana import Events
from deployer.errors import BadQuery
from deployer.errors import EngineError

FIELDS = {
    "a": "keyword",
    "ip": "ip",
    "n": "long",
    "r": "double",
    "t": "date",
    "w": "text",
    "b": "boolean",
    "x": "wildcard",
}
DOCUMENTS = [{"a": "x", "ip": "10.0.0.1", "n": [1, 2], "r": 0.5, "t": "2026-11-20", "w": "Some words", "b": True}, {}]
NAMES = st.sampled_from([*FIELDS, "*", "nobody", "a*", '"a"', "a b"])
VALUES = st.sampled_from(
    [
        "x",
        "*",
        "x*",
        '"x y"',
        "10.0.0.1",
        '"10.0.0.0/8"',
        '"::/0"',
        "1",
        "-1.5",
        "1e400",
        "true",
        "null",
        "now-1d",
        "''",
        "%",
    ]
) | st.text(max_size=6)
QUERIES = st.recursive(
    st.builds("{}: {}".format, NAMES, VALUES)
    | st.builds("{} {} {}".format, NAMES, st.sampled_from(["<", "<=", ">", ">="]), VALUES),
    lambda inner: (
        st.builds("({} and {})".format, inner, inner)
        | st.builds("({} or {})".format, inner, inner)
        | st.builds("not {}".format, inner)
        | st.builds("({})".format, inner)
    ),
    max_leaves=6,
)
PIECES = st.lists(
    st.sampled_from([*'abn:()"*<>={}\\ \n', " and ", " or ", "not ", "ip", "10.0.0.0/8"]), max_size=25
).map("".join)


@example("r: 1e400")
@given(QUERIES | PIECES | st.text(max_size=20))
def test_a_query_runs_or_is_refused(text):
    try:
        expression = kuery.parse(text)
        condition = kuery.sql(expression, FIELDS)
    except EngineError:
        return
    with Events(FIELDS) as events:
        events.load("logs", DOCUMENTS)
        held, negated = (
            {number for (number,) in events.connection.execute(f"select _id from events where {part}").fetchall()}  # noqa: S608
            for part in (condition, f"not {condition}")
        )
    # Never null: of a condition and its negation exactly one holds for each document.
    assert held | negated == {0, 1}
    assert held & negated == set()


@given(PIECES)
def test_a_fault_of_syntax_is_told_with_a_place_within_the_query(text):
    try:
        kuery.parse(text)
        place: tuple[int | None, int | None] = (1, 1)
    except BadQuery as fault:
        place = (fault.line, fault.column)
    lines = text.split("\n")
    line, column = place
    assert line is not None
    assert column is not None
    assert 1 <= line <= len(lines)
    assert 1 <= column <= len(lines[line - 1]) + 1


@given(QUERIES)
def test_brackets_and_double_negation_change_nothing(text):
    try:
        plain = kuery.sql(kuery.parse(text), FIELDS)
    except EngineError:
        return
    assert kuery.sql(kuery.parse(f"({text})"), FIELDS) == plain
    assert kuery.sql(kuery.parse(f"not (not ({text}))"), FIELDS) == f"not not {plain}"
