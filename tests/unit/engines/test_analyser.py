"""Microsoft's analyser, where it is installed: what it says of a query, where, and what the query returns."""

import pytest

from deployer.engines.analyser import Analysis
from deployer.engines.analyser import Diagnostic
from deployer.engines.analyser import Function
from deployer.engines.tables import Table
from deployer.errors import NotRunnable
from tests import microsoft

EVENTS = Table(
    "Events",
    {"TimeGenerated": "datetime", "Device": "string", "Port": "int", "Bytes": "long", "Extra": "dynamic"},
)
NO_COLUMN = "The name '{}' does not refer to any known column, table, variable or function."


def said(query, tables=(EVENTS,), functions=()):
    return [
        (each.code, each.severity, each.line, each.column)
        for each in microsoft.loaded().check(query, tables, functions).diagnostics
    ]


def test_a_sound_query_is_said_nothing_of_and_its_columns_are_named_with_their_types():
    query = "Events | summarize Count = count(), Ports = make_set(Port) by Device, Hour = bin(TimeGenerated, 1h)"

    assert microsoft.loaded().check(query, [EVENTS]) == Analysis(
        (), {"Device": "string", "Hour": "datetime", "Count": "long", "Ports": "dynamic"}
    )


def test_a_misspelt_column_is_named_at_its_place():
    found = microsoft.loaded().check("Events\n| where Prot == 22", [EVENTS])

    assert found.diagnostics == (Diagnostic("KS142", NO_COLUMN.format("Prot"), "error", 2, 9),)


def test_a_place_counts_characters_whatever_their_encoding():
    assert said('Events | where Device == "\U0001f600é" and Prot == 22') == [("KS142", "error", 1, 35)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ('Events | where Port has "22"', "KS106"),
        ("Events | where Device > 22", "KS106"),
        ("Evnets | take 1", "KS204"),
        ("Events | extend Odd = no_such_function(Port)", "KS211"),
        ("Events | where ipv4_is_private(Device, 1, 2)", "KS119"),
        ("Events | summarize count() by Device | where Port == 22", "KS142"),
        ("Events | extend Count = count()", "KS144"),
        ("Events | where (Port == 22", "KS005"),
        ("Events | where Port !in ()", "KS006"),
    ],
)
def test_what_the_service_would_refuse_is_an_error(query, code):
    assert {(each[0], each[1]) for each in said(query)} == {(code, "error")}


def test_a_table_without_known_columns_lets_every_column_pass():
    found = microsoft.loaded().check("Own_CL | where a == 1 | project b, Port = toint(c)", [Table("Own_CL", {})])

    assert found == Analysis((), {"b": "unknown", "Port": "int"})


def test_a_function_is_known_with_its_parameters_and_its_columns():
    body = "{ Events | where TimeGenerated > starttime and (name == '*' or Device == name) | extend Query = name }"
    parser = Function("_Im_Events", "(starttime:datetime=datetime(null), name:string='*')", body)
    open_ended = Function("_GetWatchlist", "(watchlistAlias:string)", None)

    assert said("_Im_Events | where Query == 'x'", functions=[parser]) == []
    assert said("_Im_Events(starttime=ago(1h), name='x') | project Query", functions=[parser]) == []
    assert said("_Im_Events(nmae='x') | project Query", functions=[parser]) == [("KS196", "error", 1, 12)]
    assert said("_Im_Events() | project Device, Dvc", functions=[parser]) == [("KS142", "error", 1, 32)]
    assert said("_GetWatchlist('x') | project SearchKey, Own", functions=[open_ended]) == []


def test_one_workspace_does_not_leak_into_the_next():
    assert said("Other | where Port == 1", [EVENTS, Table("Other", {"Port": "int"})]) == []
    assert said("Other | where Port == 1") == [("KS204", "error", 1, 1)]
    assert said("Events | where Port == 1", [Table("Events", {"Device": "string"})]) == [("KS142", "error", 1, 16)]


def test_hundreds_of_conditions_are_read_and_what_is_too_deep_is_not_run():
    wide = " or ".join(f"Port == {number}" for number in range(300))

    assert said(f"Events | where {wide}") == []
    with pytest.raises(NotRunnable, match=r"^Microsoft's analyser gave up on the query: RangeError"):
        said(f"Events | where {'(' * 2000}true{')' * 2000}")
    assert said("Events | where Port == 1") == []
