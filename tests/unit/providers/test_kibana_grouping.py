"""Entries as items and value lists: which belong together, what stays when one more is added, what is refused."""

import os
import random
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.covering import collapsed
from deployer.errors import CannotEncode
from deployer.model import ValueKind
from deployer.providers.kibana import grouping
from deployer.providers.kibana import items
from deployer.providers.kibana.codec import encode
from deployer.state import Key
from deployer.state import Kind
from tests import make

FREE = make.category(ports=())
PORTS = make.category(ports=(6667,))
SCOPE = {"hosts": ("build-7",)}


def address(number):
    """No two of them collapse."""
    return f"10.{number // 16384}.{number // 64 % 256}.{number % 64 * 4}"


def shared(numbers, name="vendor", **scope):
    return [make.entry(address(number), shared=name, **scope) for number in numbers]


def guards(entries, category=FREE):
    found = grouping.guards(category, entries)
    assert found.faults == ()
    return {one.key.id: one for one in found.resources}


def values(found):
    return [value for one in found.values() for entry in one.body["entries"] if isinstance(entry.get("value"), list)
            for value in entry["value"] if entry["field"] == "destination.ip"]  # fmt: skip


def test_what_a_tenant_wrote_itself_is_one_item_an_entry_as_ever():
    entries = [make.entry(address(number), **SCOPE) for number in range(3)]

    assert grouping.guards(FREE, entries).resources == tuple(items.item(FREE, entry) for entry in entries)


def test_a_shared_list_is_one_item_with_its_scope_and_its_words():
    found = guards(shared(range(3), hosts=("b", "a"), processes=("x.exe",), expires="2027-01-01"), PORTS)

    [one] = found.values()
    assert [(entry["field"], entry["type"], entry["value"]) for entry in one.body["entries"]] == [
        ("destination.ip", "match_any", [address(0), address(1), address(2)]),
        ("destination.port", "match_any", ["6667"]),
        ("host.name", "match_any", ["a", "b"]),
        ("process.name", "match_any", ["x.exe"]),
    ]
    assert one.name == "vendor on a, b by x.exe"
    assert one.body["expire_time"] == "2027-01-02T00:00:00.000Z"
    assert one.body["description"].startswith("Known. Owner: soc.")


def test_lists_and_scopes_are_items_of_their_own():
    entries = [*shared(range(3)), *shared(range(3), "other"), *shared(range(3), **SCOPE), *shared([9], reason="Else.")]

    assert len(guards(entries)) == 4


def test_the_id_stays_when_values_change_and_whatever_their_order():
    before = guards(shared(range(5), **SCOPE))
    after = guards(list(reversed(shared(range(3, 9), **SCOPE))))

    assert before.keys() == after.keys()
    assert all(grouping.is_of_many(Key(Kind.ITEM, id)) for id in before)


def test_a_shared_list_of_domains_is_one_item_too():
    category = make.category(ports=(), kinds=(ValueKind.DOMAIN,), kibana={"domain": "destination.domain"})
    entries = [make.entry(f"{name}.example", kind=ValueKind.DOMAIN, shared="vendor") for name in "cab"]

    [one] = guards(entries, category).values()

    assert one.body["entries"][0]["value"] == ["a.example", "b.example", "c.example"]


def test_a_long_shared_list_is_cut_so_that_one_more_value_changes_one_item_alone():
    numbers = list(range(700))
    before = guards(shared(numbers, **SCOPE))
    after = guards(shared([*numbers, 4000], **SCOPE))

    assert all(len(one.body["entries"][0]["value"]) <= 200 for one in before.values())
    assert sorted(values(before)) == sorted(map(address, numbers))
    changed = [id for id in before.keys() | after.keys() if before.get(id) != after.get(id)]
    assert len(changed) in (1, 3)  # one that grows, or one that is cut in two


def test_more_than_two_hundred_addresses_without_scope_spill_whoever_wrote_them():
    entries = [*shared(range(150)), *(make.entry(address(number)) for number in range(150, 201))]

    found = grouping.guards(FREE, entries)

    values, behind = found.resources
    assert values.key == Key(Kind.VALUE_LIST, "deployer-servers")
    assert values.body["type"] == "ip_range"
    assert sorted(values.body["values"]) == sorted(f"{address(number)}/32" for number in range(201))
    assert behind.body["entries"] == [
        {
            "field": "destination.ip",
            "operator": "included",
            "type": "list",
            "list": {"id": "deployer-servers", "type": "ip_range"},
        }
    ]
    assert values.key in behind.needs
    assert [key for key, _ in found.notes] == [values.key]


def test_two_hundred_do_not_and_neighbours_count_as_what_they_collapse_into():
    assert grouping.guards(FREE, shared(range(200))).notes == ()
    assert grouping.guards(FREE, [make.entry(f"10.0.{n // 256}.{n % 256}") for n in range(512)]).notes == ()


def test_a_value_list_holds_the_fewest_ranges_each_with_its_prefix():
    entries = [make.entry(value) for value in ("192.0.2.0", "192.0.2.1", "2001:db8::/33", "2001:db8:8000::/33", "::1")]

    found = grouping.guards(FREE, [*entries, *shared(range(200))]).resources[0]

    assert {"192.0.2.0/31", "2001:db8::/32", "::1/128"} < set(found.body["values"])
    assert len(found.body["values"]) == 203
    assert not any("-" in value for value in found.body["values"])


@pytest.mark.parametrize(
    "limit",
    [SCOPE, {"processes": ("x.exe",)}, {"ports": (443,)}, {"expires": "2027-01-01"}, {"item": "by-hand"}],
    ids=str,
)
def test_what_says_more_than_an_address_stays_an_item_beside_the_value_list(limit):
    apart = make.entry("203.0.113.9", **limit)

    found = guards([apart, *shared(range(201))])

    own = items.item(FREE, apart)
    assert found[own.key.id] == own
    assert "203.0.113.9/32" not in found["deployer-servers"].body["values"]


def test_nothing_of_a_category_with_ports_spills():
    found = grouping.guards(PORTS, shared(range(201)))

    assert found.notes == ()
    assert len(found.resources) == 2


@pytest.mark.parametrize("number", [1_000, 1_001])
def test_more_than_a_thousand_values_that_cannot_spill_are_refused_with_the_sizes_and_the_way_out(number):
    entries = [*shared(range(number - 1), **SCOPE), make.entry("203.0.113.9", ports=(1,), expires="2027-01-01")]

    faults = grouping.guards(FREE, entries).faults

    if number == 1_000:
        assert faults == ()
        return
    [fault] = faults
    assert fault.code == "allowlist-too-long"
    assert fault.location == entries[0].location
    assert "1,001 values, collapsed as far as they go" in fault.message
    assert "1,000 of the shared list vendor (limited to hosts); 1 of the tenant's own entries" in fault.message
    assert "take these off the longest, or allow wider ranges" in fault.message


def test_the_rest_of_a_category_that_spills_has_its_own_limit():
    entries = [*shared(range(5_000)), *shared(range(5_000, 6_001), "other", **SCOPE)]

    with pytest.raises(CannotEncode, match="1,001 values"):
        encode(make.assignment(entries=entries, categories={"servers": FREE}))


def test_a_category_without_a_field_for_addresses_is_refused_where_the_entry_stands():
    category = replace(FREE, kibana={"host": "host.name"})

    [fault] = grouping.guards(category, shared(range(201))).faults

    assert (fault.code, fault.location) == ("entry-not-expressible", make.entry().location)


def test_a_list_that_spills_says_where_its_addresses_are_and_any_other_is_as_it_was():
    def described(number):
        state = encode(make.assignment(entries=shared(range(number)), categories={"servers": FREE}))
        return state.resources[Key(Kind.LIST, "deployer-servers")].body["description"]

    assert described(1) == "Servers that are allowed. Managed in Git: items added here by hand are kept."
    assert described(201) == f"{described(1)} Most of its addresses are in the value list deployer-servers."


EXAMPLES = int(os.environ.get("EXAMPLES", "0")) or 15
LIMITS = st.sampled_from([{}, {}, SCOPE, {"expires": "2027-01-01"}, {"ports": (443,)}])
SOURCES = st.sampled_from([None, "vendor", "other"])


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), SOURCES, LIMITS), max_size=40), st.integers(0, 250), st.randoms())
def test_whatever_the_entries_the_objects_let_through_exactly_them_in_any_order(rows, free, dice):
    entries = [make.entry(address(number), shared=name, **limits) for number, name, limits in rows]
    entries += shared(range(100, 100 + free))
    entries = list({(one.value, one.hosts, one.ports, one.expires): one for one in entries}.values())
    turned = entries[:]
    random.Random(dice.random()).shuffle(turned)  # noqa: S311 - no secret

    found = guards(entries)

    assert {id: one.digest for id, one in found.items()} == {id: one.digest for id, one in guards(turned).items()}
    assert let_through(found.values()) == {
        (str(ip_network(one.value)), one.hosts, one.ports, one.until is not None) for one in entries
    }


def let_through(resources):
    """What the items allow, an address at a time, with what limits it."""
    lists = {one.key.id: one.body["values"] for one in resources if one.key.kind is Kind.VALUE_LIST}
    found = set()
    for one in resources:
        if one.key.kind is not Kind.ITEM:
            continue
        said = {entry["field"]: entry for entry in one.body["entries"]}
        ip = said["destination.ip"]
        held = (
            lists[ip["list"]["id"]] if ip["type"] == "list" else [ip["value"]] if ip["type"] == "match" else ip["value"]
        )
        hosts = tuple(said["host.name"]["value"]) if "host.name" in said else ()
        ports = tuple(map(int, said["destination.port"]["value"])) if "destination.port" in said else ()
        found |= {(str(ip_network(value)), hosts, ports, "expire_time" in one.body) for value in held}
    return found


def test_collapsing_is_exact_for_what_a_value_list_holds():
    numbers = random.Random(1).sample(range(2_000), 900)  # noqa: S311 - no secret
    entries = [make.entry(f"10.0.{number // 256}.{number % 256}") for number in numbers]

    found = grouping.guards(FREE, entries).resources[0].body["values"]

    held = [str(one) for value in found for one in ip_network(value)]
    assert sorted(held) == sorted(entry.value for entry in entries)
    assert len(found) == len(collapsed(entry.value for entry in entries))
