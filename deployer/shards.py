"""Tenants dealt out to the jobs of a CI matrix: each is in exactly one shard, whichever job asks.

Names are dealt out in turn, sorted, so that the sizes of two shards differ by one at most. Who is in which depends on
the names alone: every job that reads the same commit, and narrows it with the same --tenant, deals alike.
"""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_WRITTEN = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")


class Shard(NamedTuple):
    """One part of several; `number` counts from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parse(text: str) -> Shard:
    """`3/10`. Raises `ValueError`, with what is wrong, for anything else."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no shard; write 3/10 for the third of ten")
    shard = Shard(int(found[1]), int(found[2]))
    if not 1 <= shard.number <= shard.of:
        raise ValueError(f"there is no shard {text}: the first of {shard.of} is 1, and none comes after the last")
    return shard


def deal(names: Iterable[str], shards: int) -> list[tuple[str, ...]]:
    """The names of each shard, at most `shards` of them and none empty."""
    ordered = sorted(set(names))
    number = min(shards, len(ordered))
    return [tuple(ordered[first::number]) for first in range(number)]


@dataclass(frozen=True, slots=True)
class Dealt:
    """A shard among the names that were dealt out, sorted, each once."""

    shard: Shard
    names: Sequence[str]

    def holds(self, name: str) -> bool:
        """Whether a name is in the shard.

        One that was not dealt out, such as a tenant that only the journals know, is where it would stand: no name is
        in no shard, and none in two.
        """
        return bisect_left(self.names, name) % self.shard.of == self.shard.number - 1

    @property
    def own(self) -> tuple[str, ...]:
        """The names in the shard."""
        return tuple(self.names[self.shard.number - 1 :: self.shard.of])

    @property
    def digest(self) -> str:
        """16 hexadecimal digits over all names: two jobs with another one have not dealt the same tenants out."""
        return hashlib.sha256("\0".join(self.names).encode("utf-8", "surrogatepass")).hexdigest()[:16]
