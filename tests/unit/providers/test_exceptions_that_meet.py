"""Exceptions of one tenant that say the same for one rule: what is let through is what all of them say together."""

import itertools

import pytest

from deployer.model import Exemption
from deployer.model import Platform
from deployer.providers.codecs import encode
from deployer.state import Kind
from tests import make

CONDITION = {"field": "process.name", "operator": "included", "type": "match", "value": "backup.exe"}


def exemption(rules, expires=None, **change):
    fields = {"kibana": (CONDITION,), "let": None, "values": (), "reason": "Known.", "owner": "soc"}
    return Exemption(rules=rules, expires=expires, location=make.HERE, **{**fields, **change})


def items(*exemptions):
    found = encode(make.assignment(Platform.KIBANA, entries=(), exemptions=exemptions)).resources.values()
    return [one.body for one in found if one.key.kind is Kind.ITEM]


@pytest.mark.parametrize("ends", list(itertools.permutations(["2026-12-31", None, "2027-06-30"])))
def test_the_same_conditions_hold_as_long_as_the_longest_of_their_exceptions(ends):
    globs = [("exam*",), ("example",), ("*",)]

    [item] = items(*(exemption(rules, expires) for rules, expires in zip(globs, ends, strict=True)))

    assert item.get("expire_time") is None


def test_the_same_conditions_in_any_order_make_the_same_item():
    one, other = exemption(("exam*",), reason="A first."), exemption(("example",), reason="B second.")

    assert items(one, other) == items(other, one)
