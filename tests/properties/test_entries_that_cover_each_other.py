"""Entries that cover each other, in any order and with any tenant, come to the same: no more and no less is allowed."""

import ipaddress
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from deployer.covering import collapsed
from deployer.covering import covers
from deployer.covering import joined
from deployer.covering import without_covered
from deployer.findings import Location
from deployer.model import Category
from deployer.model import Entry
from deployer.model import ValueKind
from deployer.providers.kibana.items import item
from deployer.providers.sentinel.allowlist import compile

_SERVERS = Category(
    name="servers",
    title="Servers",
    description="",
    kinds=(ValueKind.IP,),
    direction="outbound",
    ports=(1, 2, 3),
    kibana={"ip": "destination.ip", "host": "host.name", "process": "process.name", "port": "destination.port"},
    sentinel={"ipv4": "A", "ipv6": "B", "ports": "P", "scoped": "S"},
    location=Location("rules/allowlists.yaml"),
)
_DAYS = (None, "2030-01-01", "2031-01-01")


@st.composite
def _values(draw: st.DrawFn) -> str:
    """Few addresses, so that ranges meet."""
    family, low = draw(st.sampled_from([("192.0.2.{}", 32), ("2001:db8::{:x}", 128)]))
    length = draw(st.integers(low - 4, low))
    address = family.format(draw(st.integers(0, 15)))
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    return str(network.network_address) if length == low else str(network)


_entries = st.builds(
    Entry,
    category=st.just("servers"),
    value=_values(),
    kind=st.just(ValueKind.IP),
    reason=st.sampled_from(["a", "b"]),
    owner=st.just("jo"),
    location=st.builds(Location, st.just("t.yaml"), st.integers(1, 99)),
    hosts=st.sampled_from([(), ("h1",), ("h1", "h2")]),
    processes=st.sampled_from([(), ("p",)]),
    ports=st.sampled_from([(), (1,), (1, 2), (1, 2, 3)]),
    expires=st.sampled_from(_DAYS),
)
_lists = st.lists(_entries, max_size=8)


def _allowed(entries: list[Entry] | tuple[Entry, ...]) -> set[tuple[object, ...]]:
    """Everything that the entries let through, spelled out."""
    return {
        (address, host, process, port, day)
        for entry in entries
        for address in ipaddress.ip_network(entry.value)
        for host in ("h1", "h2", "h3")
        if not entry.hosts or host in entry.hosts
        for process in ("p", "q")
        if not entry.processes or process in entry.processes
        for port in (1, 2, 3)
        if not entry.ports or port in entry.ports
        for day in ("2029", "2030", "2031")
        if entry.expires is None or f"{day}-06" < entry.expires
    }


def _desired(entries: list[Entry] | tuple[Entry, ...]) -> object:
    found = joined(without_covered(entries, _SERVERS))
    return [item(_SERVERS, one).digest for one in found], compile(_SERVERS, found)


@given(_lists, st.randoms(use_true_random=False))
def test_order_and_covered_entries_change_nothing(entries: list[Entry], random: object) -> None:
    shuffled = sorted(entries, key=lambda _: random.random())  # type: ignore[attr-defined]
    narrower = [replace(one, hosts=("h1",), ports=(1,), reason="again") for one in entries if one.ports != (1,)]
    elsewhere = [replace(one, location=Location("u.yaml", 7)) for one in entries]

    assert _desired(shuffled) == _desired(entries)
    assert _desired([*narrower, *shuffled, *elsewhere]) == _desired([*entries, *narrower])


@given(_lists, _entries)
def test_an_entry_that_another_covers_changes_nothing(entries: list[Entry], further: Entry) -> None:
    if any(covers(one, further, _SERVERS) and not covers(further, one, _SERVERS) for one in entries):
        assert _desired([further, *entries]) == _desired(entries)


@given(_lists)
def test_nothing_more_and_nothing_less_is_allowed(entries: list[Entry]) -> None:
    assert _allowed(joined(without_covered(entries, _SERVERS))) == _allowed(entries)


@given(st.lists(_values()))
def test_collapsed_ranges_hold_the_same_and_are_fewest(values: list[str]) -> None:
    found = collapsed(values)
    held = {address for value in values for address in ipaddress.ip_network(value)}

    assert {address for value in found for address in ipaddress.ip_network(value)} == held
    assert sum(ipaddress.ip_network(value).num_addresses for value in found) == len(held)
    assert collapsed(found) == found
