"""A day of CommonSecurityLog: floods that meet or just miss a boundary, what looks like them, and ordinary traffic."""

import random
from collections.abc import Iterator
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from typing import Any

from tests.oracle.day import LINK_LOCAL_IPV6
from tests.oracle.day import MINUTE
from tests.oracle.day import MOMENT
from tests.oracle.day import PRIVATE
from tests.oracle.day import PRIVATE_IPV6
from tests.oracle.day import PUBLIC
from tests.oracle.day import Day
from tests.oracle.day import Row
from tests.oracle.day import text

WATCHED = (80, 443, 8080, 8443, 22, 3389, 25, 587)
OTHER_PORTS = (8081, 21, 53, 444, 0, None)
PASSED = ("allow", "Accept", "permit", "", None, "denying", "reset-nobody")
BLOCKED = (
    *("deny", "Denied", "BLOCK", "blocked", "drop", "Dropped", "reset", "reset-both", "Reset-Client", "reset-server"),
)
LOCAL = (*PRIVATE, *PRIVATE_IPV6, *LINK_LOCAL_IPV6)
WINDOW = timedelta(minutes=5)


def events(day: Day, *, floods: int = 36, noise: int = 3_000) -> list[Row]:
    """All of them, in no order."""
    chance = day.chance("CommonSecurityLog")
    rows = [
        *_boundaries(day.now),
        *(row for number in range(floods) for row in _flood(chance, day.now, number)),
        *(_noise(chance, day.now) for _ in range(noise)),
    ]
    chance.shuffle(rows)
    return rows


def _event(when: datetime, **fields: Any) -> Row:
    row = {
        "TimeGenerated": text(when),
        "DeviceVendor": "Acme",
        "DeviceProduct": "Wall",
        "DeviceAction": "allow",
        "SourceIP": "198.51.100.1",
        "DestinationIP": "192.0.2.10",
        "DestinationPort": 443,
        **fields,
    }
    return {name: value for name, value in row.items() if value is not None}


def _floor(when: datetime) -> datetime:
    """The beginning of the five minutes that `when` lies in."""
    return when.replace(minute=when.minute // 5 * 5, second=0, microsecond=0)


def _flood(chance: random.Random, now: datetime, number: int) -> Iterator[Row]:
    """Many sources on one service within five minutes, near the numbers that the rule asks for."""
    start = _floor(now) - chance.randint(0, 10) * WINDOW
    sources = chance.sample(PUBLIC, chance.choice((chance.randint(48, 54), chance.randint(48, 54), 120, 120)))
    requests = chance.choice((chance.randint(495, 505), 520))
    fixed = {
        "DestinationIP": chance.choice(("192.0.2.10", "192.0.2.11", "2001:db8:5::10", f"192.0.2.{100 + number}")),
        "DestinationPort": chance.choice(WATCHED) if chance.random() < 0.9 else chance.choice(OTHER_PORTS),
        "DestinationHostName": chance.choice(("shop", "shop.acme.example", None)),
        "DestinationProcessName": chance.choice(("nginx", None)),
        "DeviceProduct": chance.choice(("Wall", "Gate")),
    }
    merged = chance.random() < 0.5
    while requests > 0:
        many = chance.choice((1, 2, 3, 8)) if merged else 1
        requests -= many
        yield _event(
            start + chance.randint(0, 299_999) * MOMENT,
            SourceIP=chance.choice(sources),
            DeviceAction=chance.choice(PASSED[:2] if chance.random() < 0.97 else (*PASSED, *BLOCKED)),
            EventCount=many if many > 1 else chance.choice((None, 0, 1)),
            **fixed,
            **_country(chance),
        )


def _country(chance: random.Random) -> Row:
    country = chance.choice(("DE", "FR", "BR", ""))
    label = chance.choice(("Source Country", "COUNTRYCODE", "Rule name", None))
    return {"DeviceCustomString1": country, "DeviceCustomString1Label": label} if chance.random() < 0.5 else {}


def _noise(chance: random.Random, now: datetime) -> Row:
    return _event(
        now - chance.randint(1, 150 * 60_000) * MOMENT,
        SourceIP=chance.choice((chance.choice(PUBLIC), chance.choice(PUBLIC), chance.choice(LOCAL), None)),
        DestinationIP=chance.choice(("192.0.2.10", "192.0.2.11", "10.0.0.5", None)),
        DestinationPort=chance.choice((*WATCHED, *OTHER_PORTS)),
        DeviceAction=chance.choice((*PASSED, *BLOCKED)),
        EventCount=chance.choice((None, 1, 4)),
    )


def _boundaries(now: datetime) -> Iterator[Row]:
    """Floods on both sides of every number of the rule, each on an address of its own."""
    window = _floor(now) - 3 * WINDOW
    cases: dict[str, tuple[Sequence[str], int, Row]] = {
        "198.18.0.1": (PUBLIC[:51], 501, {}),
        "198.18.0.2": (PUBLIC[:50], 501, {}),
        "198.18.0.3": (PUBLIC[:51], 500, {}),
        "198.18.0.4": ((*PUBLIC[:45], *PRIVATE[:6]), 501, {}),
        "198.18.0.5": (PUBLIC[-60:], 501, {"DestinationPort": 22}),
        "198.18.0.6": (PUBLIC[:60], 600, {"DestinationPort": 444}),
        "198.18.0.7": (PUBLIC[:60], 600, {"DestinationPort": None}),
        "198.18.0.8": (PUBLIC[:60], 600, {"DeviceAction": "RESET-BOTH"}),
        "198.18.0.9": (PUBLIC[:60], 600, {"DeviceAction": None, "DestinationPort": 587}),
        "198.18.0.10": ((*PRIVATE_IPV6, *LINK_LOCAL_IPV6, *PUBLIC[:45]), 600, {}),
    }
    for destination, (sources, count, fields) in cases.items():
        for number in range(count):
            when = window + number * 500 * MOMENT
            yield _event(when, SourceIP=sources[number % len(sources)], **{"DestinationIP": destination, **fields})
    starts = {
        "198.18.1.1": now - 45 * MINUTE - 501 * MOMENT,  # its last event is 45 minutes old to the moment
        "198.18.1.2": now - 45 * MINUTE - 500 * MOMENT,
        "198.18.1.3": _floor(now),  # on the second day this window has not ended
        "198.18.1.4": _floor(now) - WINDOW,
        "198.18.1.5": now - 60 * MINUTE - 1 * MOMENT,  # two events are too old
    }
    for destination, start in starts.items():
        for number in range(502):
            when = start + number * MOMENT
            yield _event(when, SourceIP=PUBLIC[number % 51], DestinationIP=destination)
    for number in range(63):  # one row that stands for eight
        yield _event(window, SourceIP=PUBLIC[number % 51], DestinationIP="198.18.2.1", EventCount=8)
        yield _event(window, SourceIP=PUBLIC[number % 51], DestinationIP="198.18.2.2", EventCount=7)
