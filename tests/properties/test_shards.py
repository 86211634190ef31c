"""Any tenants in any number of shards: each in exactly one, the shards of equal size, and the same for everybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.shards import Dealt
from deployer.shards import Shard
from deployer.shards import deal
from deployer.shards import parse

NAMES = st.lists(st.text("abcz019-._", min_size=1, max_size=6), max_size=40, unique=True)


@given(NAMES, st.integers(1, 50))
def test_shards_are_a_partition_whose_sizes_differ_by_one_at_most(names, of):
    ordered = tuple(sorted(names))
    shards = [Dealt(Shard(index, of), ordered).own for index in range(1, of + 1)]

    assert sorted(name for shard in shards for name in shard) == sorted(names)
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@given(NAMES, st.integers(1, 50), st.text("abcz019-._", max_size=6))
def test_every_name_is_in_one_shard_also_one_that_was_not_dealt_out(names, of, stranger):
    ordered = tuple(sorted(names))
    shards = [Dealt(Shard(index, of), ordered) for index in range(1, of + 1)]

    for name in (*names, stranger):
        assert sum(shard.holds(name) for shard in shards) == 1
    assert all(shard.holds(name) for shard in shards for name in shard.own)


@given(NAMES, st.integers(1, 50))
def test_a_matrix_has_the_shards_that_its_jobs_will_find_and_none_that_is_empty(names, of):
    dealt = deal(names, of)

    assert len(dealt) == min(of, len(names))
    assert all(dealt)
    ordered = tuple(sorted(names))
    assert dealt == [Dealt(Shard(index, len(dealt)), ordered).own for index in range(1, len(dealt) + 1)]


@pytest.mark.parametrize("text", ["0/10", "11/10", "a/b", "3", "", "1/0", "-1/3", "1/2/3", "1.5/3", "٣/٤", "1/10000"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ValueError, match="shard"):
        parse(text)


def test_a_shard_is_written_as_it_is_read():
    assert str(parse("3/10")) == "3/10"
