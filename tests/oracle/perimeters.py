"""A day of firewall logs in ECS: the floods of `firewall`, as an Elastic integration writes them, nearer to the end."""

import random
from collections.abc import Iterator
from datetime import datetime
from datetime import timedelta

from tests.oracle import firewall
from tests.oracle.day import MINUTE
from tests.oracle.day import MOMENT
from tests.oracle.day import PRIVATE
from tests.oracle.day import PUBLIC
from tests.oracle.day import Day
from tests.oracle.day import Row
from tests.oracle.day import text
from tests.oracle.endpoints import nested

SLOT = timedelta(minutes=5)


def events(day: Day, *, floods: int = 24, noise: int = 3_000) -> list[Row]:
    """All of them, in no order."""
    chance = day.chance("network.firewall")
    documents = [
        *_boundaries(day.now),
        *(row for _ in range(floods) for row in _flood(chance, day.now)),
        *(_noise(chance, day.now) for _ in range(noise)),
    ]
    chance.shuffle(documents)
    return [nested(document) if chance.random() < 0.5 else document for document in documents]


def _event(when: datetime, **fields: object) -> Row:
    row = {
        "@timestamp": text(when),
        "event.category": ["network"],
        "event.type": ["connection", "allowed"],
        "event.action": "allow",
        "source.ip": "198.51.100.1",
        "destination.ip": "192.0.2.10",
        "destination.port": 443,
        **{name.replace("__", "."): value for name, value in fields.items()},
    }
    return {name: value for name, value in row.items() if value is not None}


def _slot(when: datetime) -> datetime:
    return when.replace(minute=when.minute // 5 * 5, second=0, microsecond=0)


def _flood(chance: random.Random, now: datetime) -> Iterator[Row]:
    start = _slot(now) - chance.randint(0, 4) * SLOT
    sources = chance.sample(PUBLIC, chance.choice((chance.randint(48, 54), 120)))
    destination, port = f"192.0.2.{chance.randint(1, 250)}", chance.choice((*firewall.WATCHED * 3, 444, 21))
    kinds = chance.choice((["connection", "allowed"], "connection", ["connection", "denied"], None))
    for _ in range(chance.choice((chance.randint(498, 504), 540))):
        when = start + chance.randint(0, 299_999) * MOMENT
        action = chance.choice(("allow", "Deny") if chance.random() < 0.995 else firewall.BLOCKED)
        yield _event(
            when if when <= now else start, source__ip=chance.choice(sources), event__action=action, event__type=kinds,
            destination__ip=destination, destination__port=port,
        )  # fmt: skip


def _noise(chance: random.Random, now: datetime) -> Row:
    return _event(
        now - chance.randint(0, 40 * 60_000) * MOMENT,
        source__ip=chance.choice((chance.choice(PUBLIC), chance.choice(firewall.LOCAL), None)),
        destination__ip=chance.choice(("192.0.2.10", None)),
        destination__port=chance.choice((*firewall.WATCHED, *firewall.OTHER_PORTS)),
        event__action=chance.choice((*firewall.PASSED, *firewall.BLOCKED)),
        event__category=chance.choice((["network"], "network", ["network", "intrusion_detection"], ["web"])),
    )


def _boundaries(now: datetime) -> Iterator[Row]:
    start = _slot(now) - 2 * SLOT
    cases: dict[str, tuple[datetime, tuple[str, ...], int]] = {
        "198.18.0.1": (start, PUBLIC[:51], 501),
        "198.18.0.2": (start, PUBLIC[:50], 501),
        "198.18.0.3": (start, PUBLIC[:51], 500),
        "198.18.0.4": (start, (*PUBLIC[:45], *PRIVATE[:6]), 501),
        "198.18.0.5": (start + SLOT / 2, PUBLIC[:60], 900),  # two slots, neither of which is enough
        "198.18.0.6": (now - 20 * MINUTE, PUBLIC[:51], 501),
        "198.18.0.7": (now - 20 * MINUTE - MOMENT, PUBLIC[:51], 501),
    }
    for destination, (first, sources, count) in cases.items():
        step = 333 * MOMENT if count > 600 else MOMENT
        for number in range(count):
            yield _event(first + number * step, source__ip=sources[number % len(sources)], destination__ip=destination)
