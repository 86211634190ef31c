"""A query that reads watchlists of ours is compiled whole: what stands in them is known."""

import pytest

from deployer.check.workbench import Workbench
from deployer.providers.codecs import encode
from deployer.state import Key
from deployer.state import Kind
from tests import make
from tests import microsoft
from tests import watchlists

DATA = ("DeviceNetworkEvents",)


@pytest.fixture(params=[lambda: None, microsoft.loaded], ids=["ours", "both"])
def bench(request):
    return Workbench(request.param)


@pytest.fixture
def query():
    ending = make.entry("198.51.100.7", expires="2030-01-01")
    desired = encode(watchlists.assignment([*watchlists.entries(200), ending]))
    return str(desired.resources[Key(Kind.RULE, "example")].body["query"])


def test_both_engines_take_what_a_spilled_list_is_read_with(bench, query):
    compiled = bench.compile(query, DATA)

    assert query.count("_GetWatchlist") == 2
    assert compiled.said == ()
    assert compiled.columns is not None
    assert bench.compile_variant(query, DATA).said == ()


def test_a_column_that_our_lists_do_not_have_is_an_error(bench):
    compiled = bench.compile('_GetWatchlist("deployer-servers") | project Owner', DATA)

    assert not compiled.sound


def test_beside_a_list_of_somebody_else_nothing_is_known(bench, query):
    compiled = bench.compile(f'{query}| where RemoteIP in ((_GetWatchlist("vips") | project Ip))', DATA)

    assert [each.code for each in compiled.said] == ["query-not-run"]
