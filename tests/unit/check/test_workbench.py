"""A query is compiled by our own engine and by Microsoft's analyser, each where it is installed."""

import pytest

from deployer.check.workbench import Compiled
from deployer.check.workbench import Said
from deployer.check.workbench import Workbench
from deployer.findings import Severity
from tests import microsoft

DATA = ("DeviceNetworkEvents",)
GROUPED = "DeviceNetworkEvents | summarize Count = count() by DeviceName, RemotePort"
RETURNED = {"DeviceName": "string", "RemotePort": "int", "Count": "long"}


@pytest.fixture
def ours():
    """Without Microsoft's analyser."""
    return Workbench(lambda: None)


@pytest.fixture
def both():
    """With it."""
    return Workbench(microsoft.loaded)


def said(compiled):
    return [(each.code, each.severity.value, each.line, each.column) for each in compiled.said]


def test_each_engine_tells_what_a_sound_query_returns(ours, both):
    assert ours.compile(GROUPED, DATA) == both.compile(GROUPED, DATA) == Compiled((), RETURNED)
    assert (ours.analyses, both.analyses, ours.runs, both.runs) == (False, True, True, True)


@pytest.mark.parametrize(
    ("query", "code", "place"),
    [
        ("DeviceNetworkEvents\n| where RemotePrt == 22", "KS142", (2, 9)),
        ("DeviceNetworkEvents | where DeviceNmae has 'a'", "KS142", (1, 29)),
        ("DeviceNetworkEvnets | take 1", "KS204", (1, 1)),
        (f"{GROUPED}\n| where RemoteIP == '192.0.2.1'", "KS142", (2, 9)),
    ],
)
def test_what_both_see_is_said_once(ours, both, query, code, place):
    assert said(ours.compile(query, DATA)) == [("query-invalid", "error", *place)]
    assert said(both.compile(query, DATA)) == [(f"kql-{code}", "error", *place)]
    assert both.compile(query, DATA).columns is None


def test_a_name_that_is_nearly_a_column_is_guessed(both):
    assert both.compile("DeviceNetworkEvents | where RemotePrt == 22", DATA).said[0].message == (
        "The name 'RemotePrt' does not refer to any known column, table, variable or function; "
        "did you mean 'RemotePort'?"
    )


def test_a_number_compared_with_a_text_is_an_error_that_only_ours_sees(both):
    compiled = both.compile('DeviceNetworkEvents | where RemotePort == "22"', DATA)

    assert said(compiled) == [("query-invalid", "error", 1, 29)]


def test_what_ours_cannot_run_is_named_and_no_error(ours, both):
    query = f"{GROUPED} | scan declare (Total: long = 0) with (step only: true => Total = Count;)"
    named = Said("query-not-run", "not run, so not known to be sound: cannot run here: scan", Severity.WARNING)

    assert ours.compile(query, DATA) == Compiled((named,), None)
    assert both.compile(query, DATA) == Compiled((named,), {**RETURNED, "Total": "long", "match_id": "long"})


def test_of_text_behind_a_fault_of_grammar_nothing_is_said(both):
    query = f"{GROUPED} | where Count == | where Odd == 1 | where (Other"

    assert said(both.compile(query, DATA)) == [("kql-KS006", "error", 1, 91)]


def test_a_function_that_only_microsofts_knows_is_not_run(both):
    assert [(each.code, each.severity) for each in both.compile("print Text = tohex(255)", DATA).said] == [
        ("query-not-run", Severity.WARNING)
    ]


def test_a_table_whose_columns_are_not_known_is_named_and_lets_everything_pass(ours, both):
    message = "the columns of Own_CL are not known here, so what the query reads of it is not checked"
    named = Said("table-unknown", message, Severity.WARNING)

    assert ours.compile("Own_CL | project Any = a", ("Own_CL",)) == Compiled((named,), None)
    assert both.compile("Own_CL | project Any = a", ("Own_CL",)) == Compiled((named,), {"Any": "unknown"})


@pytest.mark.parametrize(
    "query",
    [
        "_Im_Dns(starttime=ago(1d)) | project Domain, DnsQuery",
        "_SentinelHealth() | where Status == 'Failure'",
        "_SentinelHealth | where Status == 'Failure'",
    ],
)
def test_the_functions_of_every_workspace_are_known(ours, both, query):
    assert (ours.compile(query, ("_Im_Dns",)).said, both.compile(query, ("_Im_Dns",)).said) == ((), ())


def test_what_a_watchlist_holds_is_not_known(ours, both):
    query = "_GetWatchlist('vips') | project Own, SearchKey"
    named = Said("query-not-run", "not run: what columns a watchlist has is not known here", Severity.WARNING)

    assert ours.compile(query, DATA) == Compiled((named,), None)
    assert both.compile(query, DATA) == Compiled((named,), {"Own": "unknown", "SearchKey": "unknown"})


def test_a_variant_is_compiled_by_one_engine(ours, both):
    text = 'DeviceNetworkEvents | where RemotePort == "22"'

    assert said(ours.compile_variant(text, DATA)) == [("query-invalid", "error", 1, 29)]
    assert said(both.compile_variant(text, DATA)) == []
    assert said(both.compile_variant("DeviceNetworkEvents | where Odd", DATA)) == [("kql-KS142", "error", 1, 29)]
