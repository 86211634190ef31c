"""What the generated days share: two of them, each with its clock, its chance and its addresses.

A day is made from a seed alone, so that a difference found once is found again. The second day ends between two whole
minutes, where a window is still open. Times have whole milliseconds: finer ones are not in the platforms' exports.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

Row = dict[str, Any]

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
MOMENT = timedelta(milliseconds=1)
"""The smallest step: what lies this far past a boundary is past it."""


@dataclass(frozen=True, slots=True)
class Day:
    """Twenty-four hours that end at `now`."""

    seed: int
    now: datetime

    def chance(self, name: str) -> random.Random:
        """Its own source of chance per table, so that a change of one leaves the others as they are."""
        return random.Random(f"{self.seed}/{name}")  # noqa: S311  # a repeatable day, no secret


DAYS = (
    Day(1, datetime(2026, 11, 20, 12, tzinfo=UTC)),
    Day(2, datetime(2026, 3, 1, 0, 2, 13, 500_000, tzinfo=UTC)),
)

PUBLIC = (
    *(f"198.51.100.{last}" for last in range(1, 120)),
    *(f"203.0.113.{last}" for last in range(1, 250)),
    # an octet of a private range in the wrong place, and the neighbours of the ranges
    *("203.10.5.6", "8.127.0.1", "45.192.168.1", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.1"),
    *("192.167.255.255", "192.169.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "100.64.0.1"),
    *(f"2001:db8:{block}::{last:x}" for block in ("1", "a9", "6667", "ffff") for last in range(1, 16)),
)
PRIVATE = (
    *("10.0.0.0", "10.255.255.255", "10.20.30.40", "172.16.0.0", "172.31.255.255", "172.20.0.9", "192.168.0.0"),
    *("192.168.255.255", "127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.255.255", "169.254.169.254"),
)
PRIVATE_IPV6 = ("::1", "fc00::1", "fd12:3456::7", "fdff:ffff::1")
LINK_LOCAL_IPV6 = ("fe80::1", "febf::9")


def text(moment: datetime) -> str:
    """As the platforms export it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moments(chance: random.Random, first: datetime, last: datetime, count: int) -> Iterator[datetime]:
    """`count` times from `first` to `last`, both among them."""
    length = (last - first) // MOMENT
    inner = sorted(chance.randint(0, length) for _ in range(max(count - 2, 0)))
    for offset in [0, *inner, length][:count] if count > 1 else [length]:
        yield first + offset * MOMENT


def every(first: datetime, step: timedelta, count: int) -> Iterator[datetime]:
    """`count` times, `step` apart."""
    for number in range(count):
        yield first + number * step
