"""Entries that another one covers alone, and what it costs to find them."""

import sys

import pytest

from deployer.manifest.shadowing import shadowed
from tests import make

CATEGORY = make.category(ports=())


def found(*entries, stands_for=lambda one, other: one == other, category=CATEGORY):
    return [(entry.value, cover.value) for entry, cover in shadowed([(one, category) for one in entries], stands_for)]


def test_the_widest_cover_is_named_and_of_two_alike_the_first():
    one, wide, wider = (make.entry(value) for value in ("192.0.2.7", "192.0.2.0/24", "192.0.0.0/16"))

    assert found(one, wide, wider) == [("192.0.2.7", "192.0.0.0/16"), ("192.0.2.0/24", "192.0.0.0/16")]
    assert found(one, one) == [("192.0.2.7", "192.0.2.7")]
    assert found(make.entry("2001:db8::1"), make.entry("::/16"), make.entry("2001:d00::/24")) == [
        ("2001:db8::1", "2001:d00::/24")
    ]


@pytest.mark.parametrize(
    ("scope", "wider", "covered"),
    [
        ({"hosts": ("a",)}, {}, True),
        ({}, {"hosts": ("a",)}, False),
        ({"hosts": ("b", "a")}, {"hosts": ("a", "b", "c")}, True),
        ({"hosts": ("a", "d")}, {"hosts": ("a", "b", "c")}, False),
        ({"hosts": ("a",), "processes": ("x",)}, {"processes": ("x", "y")}, True),
        ({"ports": (1,), "hosts": ("a",)}, {"ports": (2, 1)}, True),
        ({"ports": (3,)}, {"ports": (2, 1)}, False),
        ({"expires": "2027-01-01"}, {"expires": "2027-01-01"}, True),
        ({}, {"expires": "2027-01-01"}, False),
    ],
)
def test_a_cover_is_limited_to_nothing_that_the_entry_is_not_limited_to(scope, wider, covered):
    entries = make.entry("192.0.2.7", **scope), make.entry("192.0.2.0/24", **wider)

    assert found(*entries) == ([("192.0.2.7", "192.0.2.0/24")] if covered else [])


def test_a_category_may_stand_for_another():
    """An entry for every port covers one of a category of few ports, and never the other way round."""
    few, every = make.category("irc", ports=(6667,)), make.category("vendors", ports=())
    pairs = [(make.entry("192.0.2.7", category="irc"), few), (make.entry("192.0.2.7", category="vendors"), every)]

    assert [cover.category for _, cover in shadowed(pairs, lambda one, other: True)] == ["vendors"]
    assert list(shadowed(pairs, lambda one, other: one == other)) == []


@pytest.mark.parametrize("scope", ["none", "a host each", "one value", "a program each on one value"])
def test_ten_thousand_entries_cost_little_more_than_ten_thousand_look_ups(scope):
    def entry(number: int):
        value = "198.51.100.7" if "one value" in scope else f"20.{number // 65536}.{number // 256 % 256}.{number % 256}"
        limits = {"hosts": (f"h{number}",)} if scope in ("a host each", "one value") else {}
        return make.entry(value, **({"processes": (f"p{number}",)} if "program" in scope else limits))

    def calls(count: int) -> int:
        entries = [entry(number) for number in range(count)]
        counted = [0]

        def count_one(*_: object) -> None:
            counted[0] += 1

        before = sys.getprofile()
        sys.setprofile(count_one)
        try:
            nothing = found(*entries)
        finally:
            sys.setprofile(before)
        assert nothing == []
        return counted[0]

    few, many = calls(1000), calls(10000)
    assert many < 11 * few
