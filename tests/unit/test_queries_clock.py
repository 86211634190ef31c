"""The clock of a KQL query is set by rewriting its own calls of `now()` and `ago()`, and nothing that only looks so."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from datetime import timezone

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer import queries

THEN = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW = "datetime(2026-11-20T12:00:00.000000Z)"


@pytest.mark.parametrize(
    ("query", "rewritten"),
    [
        ("T | where t > ago(1h)", f"T | where t > ({NOW} - (1h))"),
        ("T | where t > ago (Look + 2 * f(1, (2)))", f"T | where t > ({NOW} - (Look + 2 * f(1, (2))))"),
        ("print now()", f"print {NOW}"),
        ("print now( )", f"print {NOW}"),
        ("print now(-1d)", f"print ({NOW} + (-1d))"),
        ("print now\n(\n)", f"print {NOW}\n\n"),
        ("print now( // or later\n)", f"print {NOW}\n"),
        ("print ago( // a day\n 1d // )\n)", f"print ({NOW} - ( // a day\n 1d // )\n))"),
        ("T | where t between (ago(1d)..now())", f"T | where t between (({NOW} - (1d))..{NOW})"),
        ("T | make-series n=count() on t from ago(1d) to now() step 1h", None),
        ("print ago(now() - ago(1h))", f"print ({NOW} - ({NOW} - ({NOW} - (1h))))"),
        ('print ago(totimespan(")")), 1', f'print ({NOW} - (totimespan(")"))), 1'),
        ("let f = (x: timespan) { ago(x) }; print f(1d)", f"let f = (x: timespan) {{ ({NOW} - (x)) }}; print f(1d)"),
        ("_Im_Dns(starttime=ago(1h), endtime=now())", f"_Im_Dns(starttime=({NOW} - (1h)), endtime={NOW})"),
    ],
)
def test_calls_are_rewritten_wherever_they_stand(query: str, rewritten: str | None) -> None:
    made = queries.at(query, THEN)

    assert made == (rewritten or query.replace("ago(1d)", f"({NOW} - (1d))").replace("now()", NOW))
    assert made.count("\n") == query.count("\n")


@pytest.mark.parametrize(
    "query",
    [
        "T | where agoo(1h) and Known() and _now() and ago_(1) and xnow() and ago1(2)",
        "T | extend now = 1 | where now in (1, 2) | project now, ago",
        "T | where Details.now() == 1 and $left.ago (1) == 2",
        "print 'now()', \"ago(1d)\", @'now()''ago(1d)', @\"C:\\now()\", 'it\\'s now()'",
        "print h'now()', h@\"ago(1d)\", ```now()\nago(1d)```, ~~~now()'~~~",
        "T // now() and ago(1d)\n| take 1 // now()",
        "print Now(), AGO(1d), NOW()",
        "print ago(), ago( ), now(, ago(1d",
        "",
    ],
)
def test_what_only_looks_like_a_call_is_left_alone(query: str) -> None:
    assert queries.at(query, THEN) == query


@pytest.mark.parametrize(
    "query",
    ["let now = 5; print now", "let ago = (x: timespan) { 1 }; print ago(1d)", "set query_now = datetime(2020); T"],
)
def test_a_query_with_a_clock_of_its_own_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match=r"declares (now|ago|query_now) itself"):
        queries.at(query, THEN)


def test_a_moment_of_another_zone_is_written_in_utc_to_the_microsecond() -> None:
    moment = datetime(2026, 11, 20, 13, 0, 0, 7, tzinfo=timezone(timedelta(hours=1)))

    assert queries.at("print now()", moment) == "print datetime(2026-11-20T12:00:00.000007Z)"


PLAIN = [
    *(
        "'now() \\' ago(1d)'",
        '"ago(1d) // \\" now()"',
        "@'C:\\now()'",
        '@"a""now()"',
        "```now()\n'```",
        '~~~ago(1)"~~~',
    ),
    *(
        "// now() 'ago(1d)\n",
        "agoo(",
        "Known(",
        "x.now(",
        "now",
        "ago",
        "(",
        ")",
        "[",
        "]",
        " ",
        "\n",
        ",",
        "|",
        "1d",
        "\\",
    ),
]
"""Pieces of a query, none of which is a call by itself."""


@settings(max_examples=200)
@given(st.lists(st.sampled_from(PLAIN), max_size=12), st.lists(st.sampled_from(PLAIN), max_size=12))
def test_a_call_is_found_between_any_texts_and_they_stay_as_they_are(before: list[str], after: list[str]) -> None:
    """Blanks keep the pieces apart, so that no two of them make a third."""
    left, right = ("".join(f" {piece} ;" for piece in pieces) for pieces in (before, after))
    changed = queries.at(left, THEN), queries.at(right, THEN)

    assert changed == (left, right)
    assert queries.at(f"{left}\nnow(){right}", THEN) == f"{left}\n{NOW}{right}"
    assert queries.at(f"{left}\nago(1d + ago(2d)){right}", THEN) == f"{left}\n({NOW} - (1d + ({NOW} - (2d)))){right}"


def test_rewriting_twice_is_rewriting_once() -> None:
    query = "T | where t between (ago(1d) .. now(-1h))"

    assert queries.at(queries.at(query, THEN), THEN + timedelta(days=1)) == queries.at(query, THEN)


def test_the_operators_of_the_last_statement_are_told_apart() -> None:
    query = "let a = T | take 1; // x | y\nT\n| where x == 'a | b' and f(c | d)\n| project x;\n"

    assert queries.pipeline(query) == ("T", "where x ==         and f(c | d)", "project x")
    assert queries.pipeline("T") == ("T",)
    assert queries.parts("a = f(1, 2), b, [3, 4]") == ("a = f(1, 2)", "b", "[3, 4]")
