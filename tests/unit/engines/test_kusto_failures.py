"""A wrong query is told with its place and what was meant; what we cannot run is named, and is never "no match"."""

import duckdb
import pytest

from deployer.engines import kusto_failures
from deployer.engines import kusto_functions
from deployer.errors import BadQuery
from deployer.errors import NotRunnable
from tests.unit.engines.kusto_make import answer

NEVER = "Kusto compares no text with others"
NOWHERE = (None, None)


@pytest.mark.parametrize(
    ("query", "message", "place"),
    [
        ("Evnets", "there is no table Evnets; Events is one", (1, 1)),
        ("events | count", "there is no table events; Events is one", (1, 1)),
        ("Events\n| where name == 'a'", "there is no column name here; Name is one", (2, 9)),
        ("Events | project Name | where Port == 1", "there is no column Port here", (1, 31)),
        ("Events | summarize count() by Nmae", "there is no column Nmae here; Name is one", (1, 31)),
        ("Events | project-away Prot", "there is no column Prot here; Port is one", (1, 23)),
        ("Events | join (Events | project Name) on Addres", "there is no column Addres here; Address is one", (1, 42)),
        ("Events | where Foo == 1 or Foo == 2", "there is no column Foo here", NOWHERE),
        ("Events | extend a = tolog(Name)", "there is no function tolog; tolong is one", (1, 21)),
        ("Events | summarize a = nothing_like_it(Name)", "there is no function nothing_like_it", (1, 24)),
        ("Events | where Port == '6667'", f"Port is int and is compared with string: {NEVER}", (1, 16)),
        ("Events | where Port in ('1')", f"Port is int and is compared with string: {NEVER}", (1, 16)),
        (
            "let Ports = dynamic(['1']);\nEvents | where Port !in (Ports)",
            f"Port is int and is compared with string: {NEVER}",
            (2, 16),
        ),
        (
            "Events | where TimeGenerated > '2026'",
            f"TimeGenerated is datetime and is compared with string: {NEVER}",
            (1, 16),
        ),
        ("Events | where Name == tolong('4')", f"Name is string and is compared with long: {NEVER}", (1, 16)),
        ("Events | where Port", "`where` needs true or false, what it has is int", NOWHERE),
        ("Events | where iff(Port == 1, 1, 0)", "`where` needs true or false, what it has is long", NOWHERE),
        ("_GetWatchlist('nope')", "there is no watchlist nope", NOWHERE),
        ("_Im_Dns(ago(1h), starttime2=now())", "_Im_Dns has no parameter starttime2", NOWHERE),
        ("Events | extend a = column_ifexists(Name, 1)", "column_ifexists takes the column's name as a text", NOWHERE),
    ],
)
def test_a_wrong_query_is_told_in_its_authors_words(query, message, place):
    with pytest.raises(BadQuery) as caught:
        answer(query)
    assert (str(caught.value), (caught.value.line, caught.value.column)) == (message, place)


@pytest.mark.parametrize("query", ["Events | where", "Events | wher Name == 1", "Events | project (Name", "let a = 5"])
def test_a_query_that_cannot_be_read_is_told_with_its_place(query):
    with pytest.raises(BadQuery, match="cannot be read") as caught:
        answer(query)
    assert caught.value.line == 1
    assert caught.value.column


@pytest.mark.parametrize(
    ("query", "construct"),
    [
        ("Events | serialize", "serialize"),
        ("Events | serialize Row = row_number()", "serialize"),
        ("table('Events') | count", "table"),
        ("Events | mv-apply More on (take 1)", "mv-apply"),
        ("Events | evaluate bag_unpack(More)", "evaluate"),
        ("Events | project-reorder Name", "project-reorder"),
        ('Events | where Name == h"x" or Name == H@"x"', "an obfuscated text"),
        ("Events | where Name in ('a', ```x```)", "a text over several lines"),
        (r'Events | where Name == "\\\u0041"', r"\u in a text"),
        ("Events | summarize percentiles(Port, 5, 50)", "percentiles"),
        ("Events | extend a = geo_info_from_ip_address(Address)", "geo_info_from_ip_address"),
        ("externaldata(a:string)['https://a.example']", "externaldata"),
        ("cluster('other').database('d').Events", "cluster"),
        ("_Im_Dns(response_has_ipv4='192.0.2.1')", "_Im_Dns with response_has_ipv4"),
        ("Events | extend a = range(1h, 5h)", "range"),
        ("print datetime_diff('week', now(), ago(8d))", "datetime_diff in weeks"),
        ("let F = (T:(Name:string)) { T | project Name }; F(Events)", "duckdb-kql fails on it (AssertionError"),
        ("union Events, (Events | project Port = 'a')", "a union of tables in which Port has different types"),
    ],
)
def test_what_kusto_has_and_we_cannot_run_is_refused_by_name(query, construct):
    with pytest.raises(NotRunnable) as caught:
        answer(query)
    assert str(caught.value).startswith(f"cannot run here: {construct}")


def test_a_time_beyond_the_calendar_is_refused():
    with pytest.raises(NotRunnable, match="outside of the years 1 to 9999"):
        answer("print datetime(9999-12-31) + 2d")


def test_a_backslash_or_an_h_that_is_no_escape_and_no_prefix_is_let_pass():
    query = r"""Events | where Name == "a\\u\"" // h"x" "\u0041"
        or Name == @'\d' or Name == 'a\tb' | extend hh = "a" """
    assert answer(query, [{"Name": 'a\\u"'}, {"Name": r"\d"}, {"Name": "a\tb"}, {"Name": "a"}])[2]["hh"] == "a"


def test_a_sum_beyond_a_long_is_refused_where_kusto_would_wrap_around():
    with pytest.raises(NotRunnable, match="too large for a long"):
        answer("Events | summarize sum(Bytes)", [{"Bytes": 2**63 - 1}] * 2)


def test_types_that_do_not_fit_are_the_querys_fault():
    with pytest.raises(BadQuery, match="types do not fit"):
        answer("Events | extend a = Name + 1")


def test_what_duckdb_alone_refuses_is_no_fault_of_the_query():
    error = kusto_failures.of_database(duckdb.OutOfMemoryException("Out of Memory Error: too much\nmore"), "Events")
    assert (type(error), str(error)) == (NotRunnable, "cannot run here: Out of Memory Error: too much")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "KQL cannot run here: duckdb-kql is not installed (the extra `local` has it); it needs 1.1.2"),
        ("1.1.3", "KQL cannot run here: duckdb-kql 1.1.3 is installed; it needs 1.1.2"),
    ],
)
def test_another_version_of_duckdb_kql_runs_nothing(found, message):
    """Its registries, which are extended, are private to it: another version may mean something else by them."""
    with pytest.raises(NotRunnable) as caught:
        kusto_functions.require_supported(found)
    assert str(caught.value) == message


def test_the_version_that_is_known_is_the_one_installed():
    assert kusto_functions.installed() == kusto_functions.SUPPORTED
