"""A day of Elastic Defend's network events: series near every boundary, what looks like them, and ordinary traffic.

Documents come as agents send them: keys nested or dotted, one value or an array, fields that are missing, one IPv6
address in two spellings.
"""

import ipaddress
import random
from collections.abc import Iterator
from datetime import datetime
from datetime import timedelta
from typing import Any

from tests.oracle.day import HOUR
from tests.oracle.day import LINK_LOCAL_IPV6
from tests.oracle.day import MINUTE
from tests.oracle.day import MOMENT
from tests.oracle.day import PRIVATE
from tests.oracle.day import PRIVATE_IPV6
from tests.oracle.day import PUBLIC
from tests.oracle.day import SECOND
from tests.oracle.day import Day
from tests.oracle.day import Row
from tests.oracle.day import every
from tests.oracle.day import moments
from tests.oracle.day import text

HOSTS = tuple(f"ws-{number}" for number in range(60))
PROCESSES = ("bot", "hexchat", "HexChat", "apm-agent", "curl", "chrome.exe", "Chrome.exe", "OUTLOOK.EXE", None)
SPECIAL = ("100.64.0.0", "100.127.255.255", "100.128.0.0", "223.255.255.255", "224.0.0.1", "255.255.255.255", "ff02::1")
LISTED_PORTS = (6660, 6661, 6662, 6663, 6664, 6665, 6666, 6667, 6668, 6669, 6697, 1080, 4444)
EXCEPTED_PORTS = (80, 443, 53, 25, 587, 22, 21, 3389, 445, 139, 8080, 8443)
OTHER_PORTS = (6659, 6670, 4443, 1081, 9050, 3128, 10516, 54, 0)
COUNTED = ("connection_attempted", "connection_accepted")
UNCOUNTED = ("disconnect_received", "Connection_Attempted", "connection_refused", None)


def events(day: Day, *, series: int = 520, noise: int = 12_000) -> list[Row]:
    """All of them, in no order."""
    chance = day.chance("endpoint.events.network")
    rows = [
        *_boundaries(day.now),
        *(row for _ in range(series) for row in _series(chance, day.now)),
        *(row for _ in range(series // 2) for row in _beacon(chance, day.now)),
        *(row for _ in range(series // 6) for row in _burst(chance, day.now)),
        *_beacon_boundaries(day.now),
        *_burst_boundaries(day.now),
        *(_noise(chance, day.now) for _ in range(noise)),
    ]
    chance.shuffle(rows)
    return rows


def event(when: datetime, **fields: Any) -> Row:
    """A document with dotted keys; a double underscore stands for the dot, and None for a field that is missing."""
    row = {
        "@timestamp": text(when),
        "event.category": ["network"],
        "event.action": "connection_attempted",
        "network.direction": "egress",
        "host.name": "ws-99",
        "destination.ip": "203.0.113.250",
        "destination.port": 6667,
        "process.name": "bot",
        "process.entity_id": f"{fields.get('host__name', 'ws-99')}/{fields.get('process__name', 'bot')}",
        **{name.replace("__", "."): value for name, value in fields.items()},
    }
    return {name: value for name, value in row.items() if value is not None}


def nested(document: Row) -> Row:
    """The same document with an object for each dot."""
    made: Row = {}
    for name, value in document.items():
        *path, last = name.split(".")
        place = made
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return made


def _series(chance: random.Random, now: datetime) -> Iterator[Row]:
    count = chance.randint(*chance.choice(((2, 40), (18, 23), (19, 21))))
    hours = chance.choice((0.5, 1.2, 1.9, 2.0, 2.1, 2.5, 5.0, 23.0))
    last = now - chance.randint(0, 24 * 3_600_000 if chance.random() < 0.3 else 3_600_000) * MOMENT
    port = chance.choice(chance.choice((LISTED_PORTS, LISTED_PORTS, OTHER_PORTS, EXCEPTED_PORTS)))
    address = chance.choice(chance.choice((PUBLIC, PUBLIC, PUBLIC, PRIVATE, PRIVATE_IPV6, LINK_LOCAL_IPV6)))
    fixed = {
        "host__name": chance.choice(HOSTS),
        "destination__port": port if chance.random() < 0.98 else None,
        "process__name": chance.choice(PROCESSES),
        "event__category": chance.choice((["network"], "network", ["network", "session"], ["process"], "Network")),
        "network__direction": chance.choice(("egress", "egress", "egress", "egress", "ingress", "EGRESS", None)),
    }
    size = chance.choice((None, 10, 999, 1000, 1001))
    actions = chance.choice((COUNTED, COUNTED, COUNTED, COUNTED[:1], COUNTED[1:], UNCOUNTED))
    for when in moments(chance, last - hours * HOUR, last, count):
        document = event(
            when, **fixed,
            destination__ip=_spelled(chance, address),
            event__action=chance.choice(actions),
            source__bytes=chance.choice((size, size, size, 999, 1000)) if size else None,
        )  # fmt: skip
        yield nested(document) if chance.random() < 0.5 else document


def _beacon(chance: random.Random, now: datetime) -> Iterator[Row]:
    """A process that returns to one address: some twelve times in some seven slots of five minutes."""
    count = chance.choice((chance.randint(10, 14), chance.randint(10, 14), 40))
    last = now - chance.randint(0, 60 * 60_000) * MOMENT
    first = last - chance.choice((chance.randint(20, 40), chance.randint(90, 180))) * MINUTE
    fixed = {
        "host__name": chance.choice(HOSTS),
        "process__name": chance.choice(PROCESSES),
        "process__entity_id": chance.choice((f"entity-{chance.randint(1, 10_000)}",) * 9 + (None,)),
        "destination__port": chance.choice((*OTHER_PORTS, 6667, 80, 443, 53)),
    }
    address = chance.choice((chance.choice(PUBLIC), chance.choice(PUBLIC), chance.choice((*PRIVATE, *SPECIAL))))
    actions = chance.choice((COUNTED[:1], COUNTED[:1], COUNTED))
    for when in moments(chance, first, last, count):
        document = event(when, **fixed, destination__ip=_spelled(chance, address), event__action=chance.choice(actions))
        yield nested(document) if chance.random() < 0.5 else document


def _burst(chance: random.Random, now: datetime) -> Iterator[Row]:
    """Many connections of one program within minutes: to one address, to many, or to many ports."""
    fixed = {"host__name": chance.choice(HOSTS), "process__name": chance.choice(PROCESSES)}
    last = now - chance.randint(0, chance.choice((2, 30)) * 60_000) * MOMENT
    first = last - chance.randint(1, 17) * MINUTE
    addresses = chance.sample(PUBLIC, chance.choice((1, 3, chance.randint(28, 33), 60)))
    ports = chance.choice(((6667,), (8443,), (80, 8443), range(7000, 7000 + chance.randint(18, 22))))
    count = chance.choice((chance.randint(97, 106), chance.randint(28, 60)))
    for number, when in enumerate(moments(chance, first, last, count)):
        address, port = _spelled(chance, addresses[number % len(addresses)]), ports[number % len(ports)]
        yield event(when, destination__ip=address, destination__port=port, **fixed)


def _beacon_boundaries(now: datetime) -> Iterator[Row]:
    slot = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0)
    cases: dict[str, tuple[datetime, timedelta, int]] = {
        "12-in-7-slots": (slot - 31 * MINUTE, 165 * SECOND, 12),
        "11-in-7-slots": (slot - 31 * MINUTE, 180 * SECOND, 11),
        "12-in-6-slots": (slot - 30 * MINUTE, 160 * SECOND, 12),
        "from-three-hours-ago": (now - 3 * HOUR, 16 * MINUTE, 12),
        "from-before-three-hours": (now - 3 * HOUR - MOMENT, 16 * MINUTE, 12),
    }
    for host, (first, step, count) in cases.items():
        for when in every(first, step, count):
            yield event(when, host__name=host, destination__port=9000)


def _burst_boundaries(now: datetime) -> Iterator[Row]:
    bursts = {  # name of the host: first event, number of events, ports, addresses
        "burst-of-101": (now - 15 * MINUTE, 101, 1, 1),
        "burst-of-100": (now - 15 * MINUTE, 100, 1, 1),
        "burst-from-before": (now - 15 * MINUTE - MOMENT, 101, 1, 1),
        "burst-on-20-ports": (now - 5 * MINUTE, 101, 20, 1),
        "burst-on-19-ports": (now - 5 * MINUTE, 101, 19, 1),
        "burst-to-30-addresses": (now - 59 * MINUTE, 40, 1, 30),
        "burst-to-29-addresses": (now - 59 * MINUTE, 40, 1, 29),
    }
    for host, (first, count, ports, addresses) in bursts.items():
        for number, when in enumerate(every(first, SECOND, count)):
            address, port = f"198.51.100.{number % addresses}", 7000 + number % ports
            yield event(when, host__name=host, destination__ip=address, destination__port=port)


def _spelled(chance: random.Random, address: str) -> str:
    """Sometimes another spelling of the same address."""
    if chance.random() < 0.5:
        return address
    return ipaddress.ip_address(address).exploded.upper() if ":" in address else f"::ffff:{address}"


def _noise(chance: random.Random, now: datetime) -> Row:
    address = chance.choice(chance.choice((PUBLIC, PRIVATE, PRIVATE_IPV6, LINK_LOCAL_IPV6, SPECIAL)))
    document = event(
        now - chance.randint(1, 26 * 3_600_000) * MOMENT,
        host__name=chance.choice((*HOSTS, None)),
        destination__ip=address if chance.random() < 0.97 else None,
        destination__port=chance.choice((*LISTED_PORTS, *EXCEPTED_PORTS, *OTHER_PORTS, None)),
        process__name=chance.choice(PROCESSES),
        event__action=chance.choice((*COUNTED, *UNCOUNTED)),
        source__bytes=chance.choice((None, 10, 999, 1000, 100_000)),
    )
    return nested(document) if chance.random() < 0.5 else document


def _boundaries(now: datetime) -> Iterator[Row]:
    """Series on both sides of every number of the rule, each on a host of its own."""
    hour = now.replace(minute=0, second=0, microsecond=0) - HOUR
    small = {"destination__port": 9000, "source__bytes": 999}
    cases: dict[str, tuple[datetime, timedelta, int, Row]] = {
        "20-in-3-hours": (hour - 2 * HOUR, 9 * MINUTE, 20, {}),
        "19-in-3-hours": (hour - 2 * HOUR, 9 * MINUTE, 19, {}),
        "20-in-2-hours": (hour, 3 * MINUTE, 20, {}),
        "20-in-40-seconds": (hour, 2 * SECOND, 20, {}),
        "20-of-999-bytes": (hour - 2 * HOUR, 9 * MINUTE, 20, small),
        "20-of-1000-bytes": (hour - 2 * HOUR, 9 * MINUTE, 20, {**small, "source__bytes": 1000}),
        "20-without-process": (hour - 2 * HOUR, 9 * MINUTE, 20, {**small, "process__name": None}),
        "20-without-bytes": (hour - 2 * HOUR, 9 * MINUTE, 20, {**small, "source__bytes": None}),
        "20-without-address": (hour - 2 * HOUR, 9 * MINUTE, 20, {"destination__ip": None}),
        "20-without-port": (hour - 2 * HOUR, 9 * MINUTE, 20, {**small, "destination__port": None}),
        "from-a-day-ago": (now - 24 * HOUR, 72 * MINUTE, 20, {}),
        "from-before-a-day": (now - 24 * HOUR - MOMENT, 72 * MINUTE, 20, {}),
        "until-now": (now - 19 * 9 * MINUTE, 9 * MINUTE, 20, {}),
        "one-name-per-value": (hour - 2 * HOUR, 9 * MINUTE, 20, {"host__name": ["one-name", "other-name"]}),
        "a-private-address-beside": (hour - 2 * HOUR, 9 * MINUTE, 20, {"destination__ip": ["203.0.113.9", "10.1.1.1"]}),
    }
    for host, (first, step, count, fields) in cases.items():
        for when in every(first, step, count):
            yield event(when, **{"host__name": host, **fields})
