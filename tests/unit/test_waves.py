"""Who is in which wave: everybody in one, few of them moved when a customer comes, shares rounded up."""

import math
import os
from fractions import Fraction

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.findings import Location
from deployer.model import Gate
from deployer.model import Wave
from deployer.waves import Verdict
from deployer.waves import find
from deployer.waves import home
from deployer.waves import judged
from deployer.waves import stages

EXAMPLES = int(os.environ.get("EXAMPLES", "30"))
NAMES = st.sets(st.text("abc-", min_size=1, max_size=6), max_size=30)
HERE = Location("environments/test/environment.yaml")


def wave(name, *tenants, share=None, may_fail=0):
    return Wave(name, Gate(("present",), may_fail=may_fail), HERE, tenants, share)


@st.composite
def orders(draw):
    """A wave that names tenants, up to three shares, and the one that takes the rest."""
    shares = draw(st.lists(st.integers(1, 33), max_size=3))
    globs = draw(st.lists(st.sampled_from(["a*", "*-", "bb", "c?"]), max_size=2))
    named = [wave("named", *globs)] if globs else []
    return (*named, *(wave(f"share-{number}", share=share) for number, share in enumerate(shares)), wave("rest"))


def members(waves, tenants):
    return [stage.tenants for stage in stages(waves, tenants)]


@settings(max_examples=EXAMPLES)
@given(orders(), NAMES)
def test_every_tenant_is_in_exactly_one_wave(waves, tenants):
    placed = [name for names in members(waves, tenants) for name in names]

    assert sorted(placed) == sorted(tenants)


@settings(max_examples=EXAMPLES)
@given(orders(), NAMES, st.randoms())
def test_the_order_of_the_files_does_not_matter(waves, tenants, random):
    shuffled = sorted(tenants)
    random.shuffle(shuffled)

    assert members(waves, shuffled) == members(waves, tenants)


@settings(max_examples=EXAMPLES)
@given(orders(), NAMES, st.text("xyz", min_size=1, max_size=6))
def test_a_new_tenant_moves_at_most_one_other_across_each_border(waves, tenants, new):
    before = {name: stage.number for stage in stages(waves, tenants) for name in stage.tenants}
    after = {name: stage.number for stage in stages(waves, {*tenants, new}) for name in stage.tenants}

    for border in range(1, len(waves)):
        assert sum((before[name] <= border) != (after[name] <= border) for name in tenants) <= 1


@settings(max_examples=EXAMPLES)
@given(st.integers(1, 40), st.lists(st.integers(1, 25), min_size=1, max_size=4))
def test_shares_add_up_rounded_up_and_each_holds_somebody(number, shares):
    waves = (*(wave(f"share-{index}", share=share) for index, share in enumerate(shares)), wave("rest"))
    sizes = list(map(len, members(waves, [f"t{index}" for index in range(number)])))

    for index, (size, share) in enumerate(zip(sizes, shares, strict=False)):
        upto = sum(sizes[: index + 1])
        assert upto >= math.ceil(Fraction(sum(shares[: index + 1]) * number, 100))
        assert size <= max(1, math.ceil(Fraction(share * number, 100)))
        assert size >= 1 or upto == number


def test_ten_percent_of_three_tenants_is_one():
    waves = (wave("early", share=10), wave("next", share=10), wave("rest"))

    assert list(map(len, members(waves, ["acme", "globex", "initech"]))) == [1, 1, 1]


def test_named_tenants_are_no_part_of_a_share():
    waves = (wave("canary", "acme", "lab-*"), wave("half", share=50), wave("rest"))
    canary, half, rest = members(waves, ["acme", "lab-1", "globex", "initech"])

    assert canary == ("acme", "lab-1")
    assert sorted((*half, *rest)) == ["globex", "initech"]
    assert len(half) == 2


def test_who_is_where_does_not_come_to_differ_with_a_release():
    """A change of the order would move customers between waves for no reason of theirs.

    By `printf %s NAME | sha256sum` umbrella is first, then initech, globex, acme, hooli.
    """
    waves = (wave("tenth", share=10), wave("third", share=30), wave("rest"))

    assert members(waves, ["acme", "globex", "hooli", "initech", "umbrella"]) == [
        ("umbrella",), ("initech",), ("acme", "globex", "hooli")
    ]  # fmt: skip


def test_a_wave_is_found_by_its_number_or_its_name():
    told = stages((wave("canary", "acme"), wave("rest")), ["acme", "globex"])

    assert (find(told, "1"), find(told, "rest"), find(told, "3"), find(told, "01")) == (told[0], told[1], None, None)
    assert (home(told, "globex"), home(told, "initech")) == (told[1], None)


def test_without_waves_nobody_is_in_any():
    assert stages((), ["acme"]) == ()


def test_as_many_as_may_fail_let_the_next_wave_begin_but_never_all_of_them():
    one, two = ["acme"], ["acme", "globex"]
    (stage,) = stages((wave("canary", may_fail=1),), two)

    assert judged(stage, two, {}).outcome is Verdict.PASSED
    assert judged(stage, two, {"acme": "it is off"}).outcome is Verdict.PASSED
    assert judged(stage, two, {"acme": "x", "globex": "y"}).outcome is Verdict.STOPPED
    assert judged(stage, one, {"acme": "it is off"}).outcome is Verdict.STOPPED


def test_a_limit_that_is_less_than_may_fail_says_why():
    (stage,) = stages((wave("canary", may_fail=5),), ["acme", "globex"])

    assert judged(stage, ["acme"], {"acme": ["it is off"]}).reason == (
        "1 of 1 tenants failed, none may (`may_fail` is 5, but never all of a wave may)"
    )
    assert judged(stage, ["acme", "globex"], {"acme": ["it is off"]}).reason == (
        "1 of 2 tenants failed, 1 may (`may_fail` is 5, but never all of a wave may)"
    )
    assert judged(stage, ["a", "b", "c", "d", "e", "f"], {"a": ["it is off"]}).reason == "1 of 6 tenants failed, 5 may"
