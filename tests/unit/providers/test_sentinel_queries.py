"""The queries that deployer itself sends to a workspace: Microsoft's own analyser has nothing against them."""

from datetime import UTC
from datetime import datetime
from pathlib import Path

import pytest

from deployer.engines import tables
from deployer.engines.analyser import Function
from deployer.providers.sentinel import arrival
from deployer.providers.sentinel import edits
from deployer.providers.sentinel import runs
from deployer.state import Reads
from tests import make
from tests import microsoft

TABLES = tuple(table for name in tables.sentinel_names() if (table := tables.sentinel(name)))
FUNCTIONS = (
    Function("_SentinelHealth", "()", "{ SentinelHealth }"),
    Function("_SentinelAudit", "()", "{ SentinelAudit }"),
    Function("_Im_Dns", "(starttime:datetime=datetime(null), pack:bool=false)", "{ ASimDnsActivityLogs }"),
)
SINCE = datetime(2026, 11, 21, tzinfo=UTC)


def question(query, *sources, look_back="P1D"):
    return arrival.question(make.resource(body={"query": query}, reads=Reads(sources, look_back=look_back)))


def clean(query):
    analysis = microsoft.loaded().check(query, TABLES, FUNCTIONS)
    assert analysis.diagnostics == ()
    return analysis.columns


def test_the_query_for_runs_is_sound():
    assert set(clean(runs.QUERY)) >= {"RuleId", "TimeGenerated", "Status", "Reason", "Issues", "Dropped", "Now"}


@pytest.mark.parametrize("since", [None, SINCE])
@pytest.mark.parametrize("query", [edits.audit_query, edits.activity_query])
def test_the_queries_for_edits_are_sound(query, since):
    assert set(clean(query(since))) == {"Resource", "TimeGenerated", "Operation", "Caller"}


def test_the_queries_for_the_data_of_every_shipped_rule_are_sound(repo_root: Path):
    asked = []
    for file in sorted(repo_root.glob("rules/*/sentinel.kql")):
        text = file.read_text(encoding="utf-8")
        sources = [name for name in ("CommonSecurityLog", "DeviceNetworkEvents", "_Im_Dns") if name in text]
        asked += [question(text, *sources), question(text, *sources, look_back="PT1H")]
    for name in ("CommonSecurityLog", "DeviceNetworkEvents", "_Im_Dns"):
        assert clean(arrival.query(name, asked))["Newest"] == "datetime"


@pytest.mark.parametrize(
    ("query", "columns", "needed"),
    [
        ('T | where RemoteIPType == "Public" | take 1', ("RemoteIPType",), {"RemoteIPType"}),
        ('T | where RemoteIPType == "Public" or RemoteIP == "x"', ("RemoteIP", "RemoteIPType"), set()),
        ("T | where RemotePort in (Ports) and isnotempty(RemoteUrl)", ("RemotePort", "RemoteUrl"),
         {"RemotePort", "RemoteUrl"}),
        ("T | where RemotePort !in (Ports) and not(RemoteIP has 'x')", ("RemoteIP", "RemotePort"), set()),
        ('T | extend RemoteUrl = "x" | where RemoteUrl == "x"', (), set()),
        ("T // RemoteUrl\n| where 'RemoteIP' == DeviceName", ("DeviceName",), set()),
        ('T | extend B = column_ifexists("SentBytes", long(null)), DeviceId', ("DeviceId", "SentBytes"), set()),
        ("T | summarize count() by RemoteIP = InitiatingProcessMD5", ("InitiatingProcessMD5",), set()),
        ('T | where (RemotePort > 5) | union (U | where LocalPort > 1)', ("LocalPort", "RemotePort"), set()),
    ],
)  # fmt: skip
def test_what_a_query_reads_is_told_from_its_text(query, columns, needed):
    found = question(query, "DeviceNetworkEvents")

    assert tuple(sorted(found.columns["DeviceNetworkEvents"])) == columns
    assert found.needed & set(columns) == needed


def test_a_rule_that_names_no_table_cannot_be_told():
    for sources, look_back, said in (
        ((), "P1D", "Git names no tables for it"),
        (("T | take 1",), "P1D", "is no name of a table"),
        (("T",), "a while", "its period is written as 'a while'"),
    ):
        with pytest.raises(arrival.Untold, match=said):
            question("T", *sources, look_back=look_back)
