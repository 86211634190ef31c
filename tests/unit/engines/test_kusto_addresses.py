"""Addresses: SQL, our own Python for what is written in a query, and the standard library agree."""

import ipaddress
from collections.abc import Sequence

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.engines import kusto_addresses
from tests.unit.engines.kusto_make import values

V4 = st.ip_addresses(v=4)
V6 = st.one_of(
    st.ip_addresses(v=6),
    # Runs of zeros, where `::` stands.
    st.lists(st.sampled_from([0, 0, 0, 1, 0xFFFF]), min_size=8, max_size=8).map(
        lambda groups: ipaddress.IPv6Address(":".join(f"{group:x}" for group in groups))
    ),
)


def sql(version: int, texts: Sequence[str | None]) -> list[tuple[int, int] | None]:
    """The ends that DuckDB works out."""
    with duckdb.connect() as connection:
        networks = kusto_addresses.networks(version, "(SELECT list(t ORDER BY n) FROM texts)")
        connection.execute("CREATE TABLE texts (n INTEGER, t VARCHAR)")
        connection.executemany("INSERT INTO texts VALUES (?, ?)", list(enumerate(texts)))
        found = connection.execute(f"SELECT {networks}").fetchall()[0][0]
    return [(one["low"], one["high"]) if one else None for one in found]


def written(version: int, texts: Sequence[str | None]) -> list[tuple[int, int] | None]:
    """The ends of texts that stand in a query."""
    with duckdb.connect() as connection:
        [[found]] = connection.execute(f"SELECT {kusto_addresses.constant_networks(version, texts)}").fetchall()
    return [(one["low"], one["high"]) if one else None for one in found]


def ends(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> tuple[int, int]:
    return int(network.network_address), int(network.broadcast_address)


@given(st.lists(st.tuples(V4, st.integers(0, 32)), min_size=1, max_size=40))
@settings(max_examples=25)
def test_ipv4_networks_have_the_ends_that_the_standard_library_gives(parts):
    texts = [f"{address}/{bits}" for address, bits in parts]
    expected = [ends(ipaddress.ip_network(text, strict=False)) for text in texts]
    assert sql(4, texts) == expected
    assert written(4, texts) == expected


@given(st.lists(st.tuples(V6, st.integers(0, 128), st.booleans()), min_size=1, max_size=40))
@settings(max_examples=25)
def test_ipv6_networks_have_the_ends_that_the_standard_library_gives(parts):
    texts = [f"{address.exploded if long else address.compressed}/{bits}" for address, bits, long in parts]
    expected = [ends(ipaddress.ip_network(text, strict=False)) for text in texts]
    assert sql(6, texts) == expected
    assert written(6, texts) == expected


@pytest.mark.parametrize(
    ("version", "text", "expected"),
    [
        (4, "192.0.2.1", (0xC0000201, 0xC0000201)),
        (4, " 192.0.2.1 ", (0xC0000201, 0xC0000201)),
        (4, "192.0.2.1/0", (0, 2**32 - 1)),
        (4, "192.0.2.01", None),
        (4, "192.0.2.256", None),
        (4, "192.0.2", None),
        (4, "192.0.2.1/33", None),
        (4, "192.0.2.1/", None),
        (4, "192.0.2.1/x", None),
        (4, "192.0.2.1/255.255.255.0", None),
        (4, "::1", None),
        (4, "", None),
        (4, None, None),
        # An IPv4 address is the mapped IPv6 one, and its prefix counts from its own start.
        (6, "192.0.2.1", (0xFFFFC0000201, 0xFFFFC0000201)),
        (6, "192.0.2.1/24", (0xFFFFC0000200, 0xFFFFC00002FF)),
        (6, "::ffff:192.0.2.1", (0xFFFFC0000201, 0xFFFFC0000201)),
        (6, "::FFFF:192.0.2.1/24", (0xFFFFC0000200, 0xFFFFC00002FF)),
        (6, "64:ff9b::192.0.2.33", (0x0064FF9B << 96 | 0xC0000221,) * 2),
        (6, "192.0.2.1/33", None),
        (6, "fe80::1%eth0", (0xFE80 << 112 | 1,) * 2),
        (6, "fe80::1%eth0/10", (0xFE80 << 112, (0xFEC0 << 112) - 1)),
        (6, "::/0", (0, 2**128 - 1)),
        (6, "1::2::3", None),
        (6, "1:2:3:4:5:6:7", None),
        (6, "1:2:3:4::5:6:7:8", None),
        (6, ":1", None),
        (6, "12345::", None),
        (6, "::192.0.2.256", None),
        (6, "::1/129", None),
        (6, "::1/", None),
        (6, "here", None),
        (6, None, None),
    ],
)
def test_a_text_names_a_network_or_none(version, text, expected):
    assert sql(version, [text]) == [expected]
    assert written(version, [text]) == [expected]


RANGES = {
    "written in the query": 'let Ranges = dynamic(["203.0.113.0/24", "198.51.100.7"]);',
    "made by a query": """let Ranges = toscalar(datatable(value:string, until:datetime)[
        "203.0.113.0/24", datetime(2027-01-01), "198.51.100.7", datetime(2027-01-01),
        "192.0.2.0/24", datetime(2026-01-01)] | where until > now() | summarize make_list(value));""",
}
ADDRESSES = ["203.0.113.9", "198.51.100.7", "198.51.100.8", "192.0.2.1", "2001:db8::1", "", "unknown"]


@pytest.mark.parametrize("ranges", RANGES.values(), ids=RANGES.keys())
@pytest.mark.parametrize("by_function", [False, True])
def test_an_address_is_in_any_of_a_lists_ranges(ranges, by_function):
    test = "ipv4_is_in_any_range(Address, Ranges)"
    if by_function:
        ranges += f"let Test = (Address:string, Ranges:dynamic) {{ {test} }};"
        test = "Test(Address, Ranges)"
    rows = [{"Address": address} for address in ADDRESSES]
    assert values(f"{ranges} Events | project {test}", rows) == [
        [True],
        [True],
        [False],
        [False],
        [None],
        [None],
        [None],
    ]


def test_an_address_that_is_none_is_kept_where_the_null_is_made_false():
    rows = [{"Address": address} for address in ADDRESSES]
    for ranges in ('dynamic(["203.0.113.0/24"])', "dynamic([])"):
        query = f"Events | where not(coalesce(ipv4_is_in_any_range(Address, {ranges}), false)) | count"
        assert values(query, rows) == [[6 if "203" in ranges else 7]]


def test_ranges_may_stand_in_a_column_or_several_arguments():
    rows = [
        {"Address": "192.0.2.1", "More": ["192.0.2.0/24"], "Name": "192.0.2.1/32"},
        {"Address": "192.0.2.1", "More": []},
    ]
    query = """Events | project ipv4_is_in_any_range(Address, More), ipv6_is_in_any_range(Address, More),
        ipv4_is_in_range(Address, Name), ipv4_is_in_any_range(Address, "10.0.0.0/8", Name)"""
    assert values(query, rows) == [[True, True, True, True], [False, False, None, None]]


def test_a_column_named_like_a_part_of_our_sql_is_left_alone():
    query = 'datatable(v:string, r:string, t:string, address:string)["192.0.2.1", "a", "b", "c"]'
    assert values(f'{query} | project ipv4_is_in_any_range(v, toscalar(print pack_array("192.0.2.0/24")))') == [[True]]
