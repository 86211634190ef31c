"""What a workspace has beside Kusto: its watchlists and the parser of DNS events."""

import pytest

from deployer.engines import tables
from deployer.engines.kusto import Kusto
from tests.unit.engines.kusto_make import NOW
from tests.unit.engines.kusto_make import values

VIPS = [{"SearchKey": "ann", "Rank": "1"}, {"SearchKey": "bob", "Rank": "2", "Note": None}]
DNS = [
    {"TimeGenerated": "2026-11-20T11:30:00Z", "EventType": "Query", "SrcIpAddr": "192.0.2.1", "DnsQuery": "a.example"},
    {
        "TimeGenerated": "2026-11-20T10:30:00Z",
        "EventType": "Query",
        "SrcIpAddr": "192.0.2.2",
        "SrcHostname": "ws-2",
        "DnsQuery": "b.example",
        "EventResultDetails": "NXDOMAIN",
    },
    {"TimeGenerated": "2026-11-20T11:45:00Z", "EventType": "Info", "DnsQuery": "c.example"},
]


@pytest.mark.parametrize(
    "query",
    [
        "_GetWatchlist('vips') | where Rank == '2' | project SearchKey",
        "let Vips = _GetWatchlist('vips') | project SearchKey, Rank; Vips | where Rank == '2' | project SearchKey",
        "datatable(u:string)['bob', 'cy'] | where u in ((_GetWatchlist('vips') | project SearchKey))",
        "let V = _GetWatchlist('vips') | project SearchKey; print u = 'BOB' | where u in~ (V) | project tolower(u)",
        "datatable(u:string)['bob'] | join kind=leftanti (_GetWatchlist('others')) on $left.u == $right.SearchKey",
        "let Name = 'vips'; _GetWatchlist(Name) | where Note == '' and Rank == '2' | project SearchKey",
    ],
)
def test_a_watchlist_is_a_table_of_texts(query):
    assert values(query, vips=VIPS, others=[]) == [["bob"]]


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ("_Im_Dns()", {"a.example", "b.example"}),
        ("_Im_Dns(starttime=ago(1h))", {"a.example"}),
        ("_Im_Dns(\n    endtime=ago(1h),\n    starttime=ago(2h))", {"b.example"}),
        ("_Im_Dns(ago(2h), ago(1h))", {"b.example"}),
        ("_Im_Dns(ago(2h), eventtype='Info')", {"c.example"}),
        ("_Im_Dns(eventtype='*')", {"a.example", "b.example", "c.example"}),
        ("_Im_Dns(srcipaddr='192.0.2.2')", {"b.example"}),
        ("_Im_Dns(responsecodename='NXDOMAIN')", {"b.example"}),
        ("_Im_Dns(domain_has_any=dynamic(['a.example', \"x)\"]))", {"a.example"}),
        (
            "_Im_Dns(starttime=datetime(2026-11-20 11:00)) | union (_Im_Dns(endtime=ago(1h)))",
            {"a.example", "b.example"},
        ),
    ],
)
def test_the_parser_of_dns_events_filters_by_named_or_placed_arguments(call, names):
    table = tables.sentinel("ASimDnsActivityLogs")
    assert table
    with Kusto([table]) as database:
        database.load(table.name, DNS)
        assert {row["Domain"] for row in database.run(f"{call} | project Domain", NOW).rows} == names


def test_the_parser_of_dns_events_adds_its_aliases():
    table = tables.sentinel("ASimDnsActivityLogs")
    assert table
    query = "_Im_Dns(endtime=ago(1h)) | project Domain, IpAddr, Src, Hostname, DnsResponseCodeName, EventStartTime"
    with Kusto([table]) as database:
        database.load(table.name, DNS)
        [row] = database.run(query, NOW).rows
    assert list(row.values()) == ["b.example", "192.0.2.2", "192.0.2.2", "ws-2", "NXDOMAIN", "2026-11-20T10:30:00Z"]


def test_the_health_table_is_read_by_its_function():
    table = tables.sentinel("SentinelHealth")
    assert table
    with Kusto([table]) as database:
        database.load("SentinelHealth", [{"Status": "Success", "ExtendedProperties": {"RuleId": "r"}}])
        query = "_SentinelHealth() | project Status, tostring(ExtendedProperties.RuleId)"
        assert [list(row.values()) for row in database.run(query, NOW).rows] == [["Success", "r"]]
