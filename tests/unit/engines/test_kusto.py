"""What goes into the Kusto engine comes out with Kusto's types; errors name what is wrong."""

import threading
from datetime import UTC
from datetime import datetime

import duckdb
import pytest

from deployer.engines.kusto import Kusto
from deployer.engines.tables import Table
from deployer.errors import BadEvents
from tests.unit.engines.kusto_make import EVENTS
from tests.unit.engines.kusto_make import NOW
from tests.unit.engines.kusto_make import answer
from tests.unit.engines.kusto_make import values

ZONE = "a time with its zone, such as 2026-11-20T12:00:00Z, is needed, this is '2026-11-20T12:00:00'"
WHOLE = "a whole number from -2147483648 to 2147483647"
FULL = {
    "TimeGenerated": "2026-11-20T13:00:00.25+01:00",
    "Name": 'it\'s "quoted" ä \\ and \n',
    "Address": "192.0.2.1",
    "Port": 2**31 - 1,
    "Bytes": -(2**63),
    "Ratio": 0.1,
    "Done": False,
    "Took": "1.02:03:04",
    "Id": "0F8FAD5B-D9CB-469F-A165-70867728950E",
    "More": {"list": [1, "two", None, 3.5], "nested": {"yes": True}},
}


@pytest.fixture
def database():
    with Kusto([EVENTS]) as made:
        yield made


def test_every_type_comes_back_as_a_workspace_gives_it(database):
    database.load("Events", [FULL])
    result = database.run("Events", NOW)
    assert dict(result.columns) == dict(EVENTS.columns)
    assert result.rows == (
        FULL | {"TimeGenerated": "2026-11-20T12:00:00.250000Z", "Id": "0f8fad5b-d9cb-469f-a165-70867728950e"},
    )


def test_a_missing_text_is_empty_and_anything_else_that_is_missing_is_null():
    assert answer("Events", [{}]) == [dict.fromkeys(EVENTS.columns) | {"Name": "", "Address": ""}]


def test_an_explicit_null_is_a_missing_value():
    rows = [{"Name": None, "Port": None, "More": None}, {"Name": "a", "Port": 1, "More": []}]
    assert values("Events | project Name, Port, More", rows) == [["", None, None], ["a", 1, []]]


def test_a_time_may_be_a_moment_with_its_zone():
    rows = [{"TimeGenerated": datetime(2026, 11, 20, 11, 59, 59, tzinfo=UTC)}]
    assert values("Events | project TimeGenerated, now() - TimeGenerated", rows) == [
        ["2026-11-20T11:59:59Z", "00:00:01"]
    ]


def test_rows_are_added_by_each_load(database):
    for name in ("a", "b"):
        database.load("Events", iter([{"Name": name}]))
    assert [row["Name"] for row in database.run("Events | sort by Name asc", NOW).rows] == ["a", "b"]


def test_more_rows_than_one_batch_are_all_there(database):
    database.load("Events", ({"Port": number} for number in range(50_001)))
    assert database.run("Events | summarize count(), sum(Port)", NOW).rows == (
        {"count_": 50_001, "sum_Port": 1_250_025_000},
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"Nmae": "a"}, "Events has no column Nmae; Name is one"),
        ({"Colour": 1}, "Events has no column Colour; a column of the workspace's own ends in _CF"),
        ({"Name": 5}, "Events.Name is string: a text is needed, this is 5"),
        (
            {"Port": "6667"},
            f"Events.Port is int: {WHOLE} is needed, this is '6667'",
        ),
        ({"Port": True}, f"Events.Port is int: {WHOLE} is needed, this is True"),
        (
            {"Port": 2**31},
            f"Events.Port is int: {WHOLE} is needed, this is 2147483648",
        ),
        ({"Ratio": "1"}, "Events.Ratio is real: a number is needed, this is '1'"),
        ({"Done": 1}, "Events.Done is bool: true or false is needed, this is 1"),
        ({"Took": "soon"}, "Events.Took is timespan: a timespan such as 1.02:03:04 is needed, this is 'soon'"),
        ({"Id": "1"}, "Events.Id is guid: a GUID is needed, this is '1'"),
        ({"More": {1, 2}}, "Events.More is dynamic: a JSON value is needed, this is {1, 2}"),
        ({"More": float("nan")}, "Events.More is dynamic: a JSON value is needed, this is nan"),
        (
            {"TimeGenerated": "yesterday"},
            "Events.TimeGenerated is datetime: a time such as 2026-11-20T12:00:00Z is needed, this is 'yesterday'",
        ),
        ({"TimeGenerated": "2026-11-20T12:00:00"}, "Events.TimeGenerated is datetime: " + ZONE),
    ],
)
def test_an_event_that_does_not_fit_is_refused_and_named(database, row, message):
    with pytest.raises(BadEvents) as caught:
        database.load("Events", [row])
    assert str(caught.value) == message


def test_events_for_a_table_that_is_not_there_are_refused(database):
    with pytest.raises(BadEvents, match="there is no table Evnets"):
        database.load("Evnets", [])


def test_a_column_of_the_workspaces_own_is_typed_by_its_values_and_stays(database):
    database.load("Events", [{"Name": "before"}])
    rows = [{"A_CF": 1, "B_CF": "x", "C_CF": 1.5, "D_CF": True, "E_CF": {"k": 1}}, {"C_CF": 2}]
    database.load("Events", rows)
    result = database.run("Events | project A_CF, B_CF, C_CF, D_CF, E_CF", NOW)
    assert dict(result.columns) == {"A_CF": "long", "B_CF": "string", "C_CF": "real", "D_CF": "bool", "E_CF": "dynamic"}
    assert [list(row.values()) for row in result.rows] == [
        [None, "", None, None, None],
        [1, "x", 1.5, True, {"k": 1}],
        [None, "", 2.0, None, None],
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"A_CF": None}], "Events.A_CF has no value that tells its type"),
        ([{"A_CF": 1}, {"A_CF": "x"}], "Events.A_CF has values of several types: long, string"),
    ],
)
def test_a_column_of_the_workspaces_own_without_one_type_is_refused(database, rows, message):
    with pytest.raises(BadEvents) as caught:
        database.load("Events", rows)
    assert str(caught.value) == message


def test_a_table_may_be_given_more_columns():
    table = EVENTS.with_columns({"SentBytes_CF": "long"})
    with Kusto([table]) as database:
        assert dict(database.run("Events", NOW).columns) == {**EVENTS.columns, "SentBytes_CF": "long"}


def test_the_clock_stands_at_the_moment_asked_for_also_where_the_translation_is_known(database):
    moments = (NOW, datetime(2027, 1, 1, tzinfo=UTC))
    told = [database.run("print now(), ago(1h), now(1d)", moment).rows[0] for moment in moments]
    assert [list(row.values()) for row in told] == [
        ["2026-11-20T12:00:00Z", "2026-11-20T11:00:00Z", "2026-11-21T12:00:00Z"],
        ["2027-01-01T00:00:00Z", "2026-12-31T23:00:00Z", "2027-01-02T00:00:00Z"],
    ]


def test_a_query_may_set_its_own_clock(database):
    result = database.run("set query_now = datetime(2020-01-01); print now()", NOW)
    assert [list(row.values()) for row in result.rows] == [["2020-01-01T00:00:00Z"]]


def test_a_database_reaches_no_file_and_no_network(database, tmp_path):
    with pytest.raises(duckdb.PermissionException):
        database._connection.execute("SELECT * FROM read_csv(?)", [str(tmp_path / "x.csv")])


def test_databases_in_several_threads_do_not_meet():
    found: dict[int, object] = {}

    def work(number: int) -> None:
        with Kusto([Table("T", {"Number": "long"})]) as one:
            one.load("T", [{"Number": number}] * 3)
            found[number] = one.run(f"T | where Number == {number} | summarize make_set(Number), count()", NOW).rows

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: ({"set_Number": [number], "count_": 3},) for number in range(6)}


def test_queries_see_a_span_of_time_with_both_ends_until_they_are_told_to_see_another():
    moments = [datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in (9, 10, 11, 12)]
    rows = [{"TimeGenerated": moment.isoformat()} for moment in moments]
    seen = []
    with Kusto([EVENTS]) as database:
        database.load("Events", rows[:3])
        for start, end in ((moments[1], moments[2]), (None, moments[0]), (moments[1], None), (None, None)):
            database.see(start, end)
            seen.append(database.run("Events | count", NOW).rows[0]["Count"])
        database.see(moments[3], None)
        database.load("Events", rows[3:])
        seen.append(database.run("Events | count", NOW).rows[0]["Count"])

    assert seen == [2, 1, 2, 3, 4]
