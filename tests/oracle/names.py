"""A day of DNS answers, for Sentinel (ASimDnsActivityLogs) and in ECS: bursts of names that do not exist."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tests.oracle.day import MINUTE
from tests.oracle.day import MOMENT
from tests.oracle.day import SECOND
from tests.oracle.day import Day
from tests.oracle.day import Row
from tests.oracle.day import text
from tests.oracle.endpoints import nested

MISSING = "NXDOMAIN"
KINDS = (*(["network"], "network", ["network", "info"]) * 9, ["process"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client was told of a name."""

    when: datetime
    host: str
    address: str
    name: str
    told: str
    number: int = 1
    process: str = ""
    exact: bool = False
    """Whether its row is to have nothing odd."""


def asim(day: Day, *, bursts: int = 60, noise: int = 6_000) -> list[Row]:
    """Rows of ASimDnsActivityLogs, in no order."""
    chance = day.chance("ASimDnsActivityLogs")
    rows = []
    for one in _answers(chance, day.now, bursts, noise):
        row = {
            "TimeGenerated": text(one.when),
            "EventType": "Query",
            "EventSubType": chance.choice(("response", "response", "", None)),
            "EventResultDetails": one.told,
            "EventCount": one.number if one.number > 1 else chance.choice((None, 0, 1)),
            "SrcHostname": one.host or None,
            "SrcIpAddr": one.address or None,
            "SrcProcessName": one.process or None,
            "DnsQuery": one.name.upper() + "." if chance.random() < 0.1 else one.name,
        }
        if not one.exact and chance.random() < 0.05:
            row |= chance.choice(
                (
                    *({"EventType": "Info"}, {"EventType": "query"}, {"EventType": None}, {"EventSubType": "Request"}),
                    *({"EventResultDetails": one.told.lower()}, {"EventResultDetails": None}),
                )
            )
        rows.append({name: value for name, value in row.items() if value is not None})
    return rows


def ecs(day: Day, *, bursts: int = 60, noise: int = 6_000) -> list[Row]:
    """Documents of three kinds of sources, in no order."""
    chance = day.chance("network.dns")
    documents = []
    for one in _answers(chance, day.now, bursts, noise):
        gone = one.told == MISSING
        source = chance.choice(
            (
                {"dns.response_code": one.told},
                {"dns.Ext.status": 9003 if gone else 0},
                {"sysmon.dns.status": "DNS_ERROR_RCODE_NAME_ERROR" if gone else "ERROR_SUCCESS"},
                {"dns.response_code": [one.told], "dns.Ext.status": 87},
            )
        )
        document = {
            "@timestamp": text(one.when),
            "event.category": ["network"] if one.exact else chance.choice(KINDS),
            "host.name": one.host or None,
            "dns.question.name": one.name,
            **source,
        }
        kept = {name: value for name, value in document.items() if value is not None}
        documents.append(nested(kept) if chance.random() < 0.5 else kept)
    return documents


def _answers(chance: random.Random, now: datetime, bursts: int, noise: int) -> list[Answer]:
    made = [
        *_boundaries(now),
        *(one for number in range(bursts) for one in _burst(chance, now, number)),
        *(_noise(chance, now) for _ in range(noise)),
    ]
    chance.shuffle(made)
    return made


def _burst(chance: random.Random, now: datetime, number: int) -> Iterator[Answer]:
    """Some fifty names that do not exist, with as many others that the share is about four fifths."""
    host = chance.choice((f"client-{number}", f"client-{number}", "", "WS-1"))
    address = chance.choice((f"10.0.0.{number}", "")) if host else f"10.0.0.{number}"
    first = now - chance.randint(0, 70 * 60_000) * MOMENT
    length = chance.choice((4, 12, 15, 17)) * 60_000
    names = [f"{chance.choice('qxz')}{each}-{number}.example" for each in range(chance.randint(46, 54))]
    known = chance.choice((0, 5, len(names) // 4, len(names) // 4 + 1, len(names) // 3))
    for name in (*names, *chance.sample(names, 5), *(f"known-{each}.example" for each in range(known))):
        when = min(first + chance.randint(0, length) * MOMENT, now)
        told = "NOERROR" if name.startswith("known") else MISSING
        process = chance.choice(("bot.exe", "curl.exe", "")) if host else ""
        yield Answer(when, host, address, name, told, chance.choice((1, 1, 1, 2)), process)


def _noise(chance: random.Random, now: datetime) -> Answer:
    name = chance.choice(("www.example", "Mail.example", "4.3.2.1.in-addr.arpa", "gone.example", "", "x.arpa.example"))
    told = chance.choice(("NOERROR", "NOERROR", "SERVFAIL", MISSING)) if "arpa" not in name else MISSING
    host = f"client-{chance.randint(0, 80)}"
    return Answer(now - chance.randint(0, 90 * 60_000) * MOMENT, host, "10.0.1.1", name, told)


def _boundaries(now: datetime) -> Iterator[Answer]:
    start = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0) - 10 * MINUTE
    for host, missing, known, times in (
        ("50-names", 50, 0, 1),
        ("49-names", 49, 0, 1),
        ("49-names-twice", 49, 0, 2),
        ("80-percent", 80, 20, 1),
        ("less-than-80-percent", 80, 21, 1),
    ):
        for number in range(missing * times):
            yield Answer(start + number * SECOND, host, "10.0.2.1", f"n{number % missing}.example", MISSING, exact=True)
        for number in range(known):
            yield Answer(start + number * SECOND, host, "10.0.2.1", f"k{number}.example", "NOERROR", exact=True)
    for number in range(60):
        name = f"{number}.2.0.192.in-addr.arpa"
        yield Answer(start + number * SECOND, "reverse-look-ups", "10.0.2.2", name, MISSING, exact=True)
    for number in range(90):  # fifteen minutes and a little more
        yield Answer(
            start - 6 * MINUTE + number * 11 * SECOND, "slowly", "10.0.2.3", f"s{number}.example", MISSING, exact=True
        )
