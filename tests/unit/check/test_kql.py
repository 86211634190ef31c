"""What the text of a KQL query alone gives away."""

import pytest

from deployer.check import kql
from tests.subjects import said
from tests.subjects import sentinel


def found(query, **more):
    return list(kql.findings(sentinel(query, **more)))


@pytest.mark.parametrize(
    ("query", "column"),
    [
        ("search *", 1),
        ('search  * | where A == "x"', 1),
        ("let a = 1; union * | take 1", 12),
        ("union isfuzzy=true * | take 1", 1),
        ("union withsource = T kind=outer *", 1),
    ],
)
def test_reading_every_table_is_refused_by_sentinel(query, column):
    assert said(found(query)) == [("reads-everything", "error", f"sentinel.kql:1:{column}")]


@pytest.mark.parametrize(
    "query",
    [
        "Events // never search *\n| take 1",
        'Events | where Note has "union *"',
        "union A, B | extend C = A * B",
        "Events | extend research = 2 * 3",
    ],
)
def test_words_in_comments_texts_and_other_words_are_not_meant(query):
    assert found(query) == []


def test_a_watchlist_is_named():
    [finding] = found('Events\n| where Host in ((_GetWatchlist( "vips") | project SearchKey))')

    assert said([finding]) == [("watchlist", "warning", "sentinel.kql:2:19")]
    assert finding.message == (
        "example: the watchlist 'vips' is not brought by deployer: where a workspace lacks it, the rule cannot be "
        "written"
    )


@pytest.mark.parametrize("word", ["workspace", "cluster", "app", "resource"])
def test_reading_elsewhere_is_a_warning(word):
    assert said(found(f'union Events, {word}("other").Events')) == [("reads-elsewhere", "warning", "sentinel.kql:1:15")]


def test_a_query_that_is_too_long_is_said_once():
    """The codec counts what each target is to get; a rule that no target gets is counted here."""
    query = "Events // " + "x" * 10_000

    assert said(found(query)) == [("query-too-long", "error", "sentinel.kql:1:1")]
    assert found(query, deployed=True) == []
    assert found(query[:10_000]) == []
