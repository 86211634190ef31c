"""What does not fit into a query is read from a watchlist, as long as nothing widens by it; else it is refused."""

import ipaddress
import random
from dataclasses import replace
from datetime import UTC
from datetime import datetime

import pytest

from deployer import covering
from deployer.allowlist.platforms import becomes
from deployer.engines import tables
from deployer.engines.kusto import Kusto
from deployer.errors import CannotEncode
from deployer.model import Platform
from deployer.model import ValueKind
from deployer.providers.codecs import encode
from deployer.providers.sentinel import allowlist
from deployer.providers.sentinel import watchlist
from deployer.providers.sentinel.fitting import QUERY_LIMIT
from deployer.state import Key
from deployer.state import Kind
from tests import make
from tests import watchlists

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
[TABLE] = [table for table in [tables.sentinel("DeviceNetworkEvents")] if table]
KEY = Key(Kind.WATCHLIST, watchlists.ALIAS)


def query(desired, rule="example"):
    return desired.resources[Key(Kind.RULE, rule)].body["query"]


def silenced(desired, addresses, **columns):
    """Which of these addresses the rule lets through, by the engine."""
    rows = [{"TimeGenerated": NOW.isoformat(), "RemoteIP": address, **columns} for address in addresses]
    with Kusto([TABLE], watchlist.rows(desired)) as database:
        database.load("DeviceNetworkEvents", rows)
        found = {row["RemoteIP"] for row in database.run(query(desired), NOW).rows}
    return set(addresses) - found


def test_a_list_that_fits_stays_in_the_query():
    desired = encode(watchlists.assignment(watchlists.entries(20)))

    assert [key.kind for key in desired.resources] == [Kind.RULE]
    assert (desired.notes, "_GetWatchlist" in query(desired)) == ((), False)


def test_a_list_that_does_not_fit_becomes_a_watchlist_and_the_plan_says_so():
    desired = encode(watchlists.assignment(watchlists.entries(150)))

    held = desired.resources[KEY]
    assert held.body == {
        "name": "deployer-servers",
        "description": "Servers: addresses that rules let through. Managed in Git: edit them there, changes made here "
        "are undone.",
        "values": sorted(watchlists.addresses(150)),
    }
    assert desired.resources[Key(Kind.RULE, "example")].needs == (KEY,)
    assert desired.notes == (
        (KEY, "150 ranges of servers do not fit into the query of example, which reads them from this watchlist"),
    )
    assert (
        'let AllowedServers = coalesce(toscalar(_GetWatchlist("deployer-servers") | where SearchKey !contains ":" '
        "| summarize make_list(SearchKey)), dynamic([]));"
    ) in query(desired)


def test_what_is_let_through_is_the_same_from_a_watchlist():
    addresses = [f"203.0.113.{number}" for number in range(0, 256, 5)] + ["2001:db8::7", "2001:db8:1::7", "", "x"]
    entries = [make.entry("203.0.113.64/26"), make.entry("2001:db8::/48"), make.entry("203.0.113.5")]
    ending = [make.entry("203.0.113.10", expires="2030-01-01"), make.entry("203.0.113.15", expires="2020-01-01")]
    scoped = [make.entry("203.0.113.20", hosts=("build-7",))]
    few, many = (
        encode(watchlists.assignment([*entries, *ending, *scoped, *watchlists.entries(count)])) for count in (0, 150)
    )

    expected = {address for address in addresses if "." in address and 64 <= int(address.rsplit(".", 1)[1]) < 128}
    expected |= {"203.0.113.5", "203.0.113.10", "2001:db8::7"}
    assert KEY in many.resources
    assert KEY not in few.resources
    for desired in (few, many):
        assert silenced(desired, addresses) == expected
        assert silenced(desired, addresses, DeviceName="build-7") == expected | {"203.0.113.20"}


def test_a_watchlist_that_is_empty_lets_nothing_through():
    desired = encode(watchlists.assignment(watchlists.entries(150)))
    rows = [{"TimeGenerated": NOW.isoformat(), "RemoteIP": address} for address in ("10.0.0.0", "2001:db8::1", "")]
    with Kusto([TABLE], {watchlists.ALIAS: []}) as database:
        database.load("DeviceNetworkEvents", rows)

        assert len(database.run(query(desired), NOW).rows) == 3


def test_only_the_rule_that_is_too_long_reads_the_watchlist():
    short = make.rule("short", sentinel=make.sentinel_half(watchlists.KQL.replace(watchlists.LONG, "")))

    desired = encode(watchlists.assignment(watchlists.entries(150), watchlists.rule(), short))

    assert ["_GetWatchlist" in query(desired, rule) for rule in ("example", "short")] == [True, False]
    assert desired.resources[Key(Kind.RULE, "short")].needs == ()


def test_the_longest_list_goes_first_and_no_more_than_it_takes():
    names = {"ipv4": "Others", "ipv6": "OthersIPv6", "scoped": "ScopedOthers"}
    scoped = f"let ScopedOthers = {allowlist.SIGNATURE} {{ false }};\n"
    lets = f"let Others = dynamic([]);\nlet OthersIPv6 = dynamic([]);\n{scoped}"
    kql = watchlists.KQL.replace(watchlists.LONG, "")
    used = "| where not(RemoteIP in (Others) or RemoteIP in (OthersIPv6) or ScopedOthers('', '', RemoteIP, 1))\n"
    rule = make.rule(sentinel=make.sentinel_half(lets + kql + used), allowlists=("servers", "others"))
    categories = {"servers": watchlists.category(), "others": watchlists.category("others", sentinel=names)}

    def spilled(servers, others):
        entries = {"servers": tuple(watchlists.entries(servers)), "others": tuple(watchlists.entries(others))}
        desired = encode(replace(watchlists.assignment([], rule, categories=categories), entries=entries))
        return [key.id for key in desired.resources if key.kind is Kind.WATCHLIST]

    assert spilled(600, 200) == ["deployer-servers"]
    assert spilled(200, 600) == ["deployer-others"]
    assert spilled(500, 500) == ["deployer-others"]
    assert spilled(900, 900) == ["deployer-others", "deployer-servers"]


@pytest.mark.parametrize(
    ("change", "category"),
    [
        ({"hosts": ("build-7",)}, {}),
        ({"expires": "2030-01-01"}, {}),
        ({}, {"ports": (6667,), "sentinel": {**watchlists.LETS, "ports": "ServerPorts"}}),
        ({"value": "a{}.example", "kind": ValueKind.DOMAIN}, {"sentinel": {**watchlists.LETS, "domain": "Domains"}}),
    ],
    ids=["scope", "expiry", "ports", "domain"],
)
def test_what_would_widen_in_a_watchlist_is_refused_with_the_sizes(change, category):
    value = change.pop("value", None)
    entries = watchlists.entries(400, **change)
    if value:
        entries = [make.entry(value.format(number), **change) for number in range(400)]
    extra = "let ServerPorts = dynamic([]);\nlet Domains = dynamic([]);\n"
    used = "| where not(RemotePort in (ServerPorts) and RemoteIP in (Domains))\n"
    rule = make.rule(sentinel=make.sentinel_half(extra + watchlists.KQL + used))
    assignment = watchlists.assignment(entries, rule, categories={"servers": watchlists.category(**category)})

    with pytest.raises(CannotEncode) as caught:
        encode(assignment)

    (finding,) = caught.value.findings
    assert finding.code == "query-too-long"
    assert "Characters by let: servers with 400 entries: " in finding.message
    assert "only entries without scope and expiry, of a category without ports" in finding.message


def test_a_query_that_is_too_long_by_itself_makes_no_watchlist():
    rule = make.rule(sentinel=make.sentinel_half(f"{watchlists.KQL}// {'x' * QUERY_LIMIT}"))

    with pytest.raises(CannotEncode, match="With servers in watchlists it is too long all the same"):
        encode(watchlists.assignment(watchlists.entries(150), rule))


def test_a_list_that_no_query_could_read_is_refused():
    values = [f"2001:db8:{number // 30_000:x}:{number % 30_000 * 2:x}::/64" for number in range(45_000)]

    assert watchlist.too_large(values) is not None
    assert watchlist.too_large(values[:30_000]) is None


def test_an_alias_that_sentinel_does_not_take_keeps_the_list_in_the_query():
    category = watchlists.category("servers_")

    assert allowlist.spillable(category, watchlists.entries(3)) == ()
    assert watchlist.is_alias("x" * 55)
    assert not watchlist.is_alias("x" * 56)


def test_arrays_hold_the_fewest_ranges_and_allow_exactly_the_same():
    draw = random.Random(7)  # noqa: S311 - addresses, no secrets
    networks = {f"10.0.{draw.randrange(4)}.{draw.randrange(64) * 4}/{draw.choice([30, 31, 32])}" for _ in range(120)}
    values = sorted({covering.text(ipaddress.ip_network(one)) for one in networks})

    lets = allowlist.compile(watchlists.category(), [make.entry(value) for value in values])

    made = [one.strip(' "') for one in lets["AllowedServers"].removeprefix("dynamic([").removesuffix("])").split(",")]
    addresses = {address for one in values for address in ipaddress.ip_network(one)}
    assert {address for one in made for address in ipaddress.ip_network(one)} == addresses
    assert len(made) < len(values)


def test_ranges_touch_within_one_expiry_only():
    entries = [
        make.entry("192.0.2.0"),
        make.entry("192.0.2.1", expires="2030-01-01"),
        make.entry("192.0.2.2", hosts=("a",)),
        make.entry("192.0.2.3", hosts=("a",)),
        make.entry("192.0.2.4", hosts=("b",)),
    ]

    lets = allowlist.compile(watchlists.category(), entries)

    assert '"192.0.2.0", datetime(9999-12-31), "192.0.2.1", datetime(2030-01-02T00:00:00Z)' in lets["AllowedServers"]
    assert lets["ScopedServers"].count('dynamic(["192.0.2.2/31"])') == 1
    assert lets["ScopedServers"].count('dynamic(["192.0.2.4"])') == 1


def test_a_query_can_be_given_the_contents_of_its_lists():
    desired = encode(watchlists.assignment(watchlists.entries(150)))
    text = watchlist.inlined(query(desired), desired)

    with Kusto([TABLE]) as database:
        rows = [{"TimeGenerated": NOW.isoformat(), "RemoteIP": one} for one in ("10.0.0.2", "10.0.0.3")]
        database.load("DeviceNetworkEvents", rows)
        assert [row["RemoteIP"] for row in database.run(text, NOW).rows] == ["10.0.0.3"]
    assert "_GetWatchlist" not in text
    assert watchlist.inlined(query(desired), make.desired()) == query(desired)


def test_explaining_an_entry_finds_it_in_the_watchlist():
    entries = [make.entry("192.0.2.0"), make.entry("192.0.2.1"), *watchlists.entries(150)]
    ending = make.entry("198.51.100.7", expires="2030-01-01")
    desired = encode(watchlists.assignment([*entries, ending]))

    told = [becomes(Platform.SENTINEL, watchlists.category(), one, desired) for one in (entries[0], ending)]

    assert "192.0.2.0/31" in desired.resources[KEY].body["values"]
    inline = "a value of `AllowedServers` in the query"
    assert told == [f"{inline}, or of the watchlist deployer-servers where that would be too long", inline]
