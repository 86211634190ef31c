"""Where DuckDB is more lenient than Kusto, or has nulls that Kusto has not, Kusto's answer is given."""

import pytest

from deployer.engines.kusto import Kusto
from tests.unit.engines.kusto_make import EVENTS
from tests.unit.engines.kusto_make import NOW
from tests.unit.engines.kusto_make import answer
from tests.unit.engines.kusto_make import values

BOTH = 'column_ifexists("Name", "none"), column_ifexists("Nmae", "none")'
ROWS = [{"Name": "a", "Port": 1}, {"Name": "", "Port": 2}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"Events | project {BOTH}", [["a", "none"], ["", "none"]]),
        # What a column is called behind a project, not what it was.
        (f"Events | project Nmae = Name | project {BOTH}", [["none", "a"], ["none", ""]]),
        (
            """Events | project Name | join kind=inner (Events | project Name, Sent_CF = 5) on Name
            | where Name == "a" | project column_ifexists("Sent_CF", 0), column_ifexists("Name1", "none")""",
            [[5, "a"]],
        ),
        ('let C = "Name"; Events | project column_ifexists(C, "none")', [["a"], [""]]),
        ('Events | where Name in ((Events | project X = column_ifexists("Name", "none"))) | count', [[2]]),
    ],
)
def test_a_column_that_may_be_missing_is_looked_for_where_it_is_asked_for(query, expected):
    assert values(query, ROWS) == expected


def test_an_outer_join_and_a_union_leave_empty_texts_not_nulls():
    query = """Events | project Name, Port
        | join kind=leftouter (Events | where Port == 1 | project Port, Got = "yes") on Port
        | summarize dcount(Got), countif(Got == ""), countif(isempty(Got)), make_set(Got)"""
    [[*counts, found]] = values(query, ROWS)
    assert (counts, sorted(found)) == ([2, 1, 1], ["", "yes"])
    query = """union (Events | project Name), (Events | project Other = "x")
        | summarize countif(Name == ""), countif(Other == "")"""
    assert values(query, ROWS) == [[3, 2]]


@pytest.mark.parametrize("text", ["tostring(More.none)", 'extract("(z)", 1, Name)', 'iff(Port == 1, "", Name)'])
def test_a_text_that_nothing_was_found_for_is_empty(text):
    query = f"""Events | where Port == 1 | extend t = {text}
        | project t == "", t != "", "" == t, isempty(t), isnull(t), strlen(t)"""
    assert values(query, ROWS) == [[True, False, True, True, False, 0]]


def test_a_missing_table_of_a_fuzzy_union_is_left_out():
    assert values("union isfuzzy=true Events, Nothing | count", ROWS) == [[2]]


def test_columns_keep_their_types_through_a_query():
    query = """Events
        | summarize n = count(), b = sum(Bytes), r = avg(Port), t = max(TimeGenerated), s = make_set(Port) by Name"""
    with Kusto([EVENTS]) as database:
        columns = dict(database.run(query, NOW).columns)
    assert columns == {"Name": "string", "n": "long", "b": "long", "r": "real", "t": "datetime", "s": "dynamic"}


def test_an_int_that_is_reckoned_with_is_a_long():
    """numerical-operators: no overflow at 2^31."""
    assert answer("Events | project x = Port + 1, y = Port * 3", [{"Port": 2**31 - 1}]) == [
        {"x": 2**31, "y": 3 * (2**31 - 1)}
    ]


def test_the_greatest_of_no_texts_is_empty():
    assert values('Events | summarize m = max(Name) | project m == "", m != "", strcat("-", m)') == [[True, False, "-"]]
