"""A day of DeviceNetworkEvents: series that meet or just miss a boundary, what looks like them, ordinary traffic."""

import random
from collections.abc import Iterable
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

DEVICES = (*(f"ws-{number}.acme.example" for number in range(40)), "WS-7.Acme.Example", "srv-web", "ws-3.lab.example")
ACCOUNTS = (("jo", "acme"), ("kim", "acme"), ("svc-build", "acme"), ("system", "nt authority"), ("", ""))
PROCESSES = (
    *("bot.exe", "curl.exe", "hexchat.exe", "HexChat.exe", "agent.exe", "apm-agent.exe", "ms-teams.exe", "python3", ""),
    *("chrome.exe", "Chrome.EXE", "evil-chrome.exe", "svchost.exe", "mysvchost.exe", "Teams.exe", "nginx"),
)
PORTS = (6667, 6697, 6660, 6669, 6670, 1080, 4444, 4445, 8080, 9050, 3128, 8443, 10516, 80, 443, 53, 22, 49152)
SINGLE = ("ConnectionSuccess", "ConnectionFailed", "ConnectionAttempt")
REPORTS = ("ConnectionSuccessAggregatedReport", "ConnectionFailedAggregatedReport")
UNCOUNTED = ("ConnectionFound", "ConnectionRequest", "ListeningConnectionCreated", "connectionsuccess", "DnsInspected")


def events(day: Day, *, series: int = 420, noise: int = 7_000) -> list[Row]:
    """All of them, in no order."""
    chance = day.chance("DeviceNetworkEvents")
    rows = [
        *_boundaries(day.now),
        *(row for _ in range(series) for row in _series(chance, day.now)),
        *(row for _ in range(series // 4) for row in _relay(chance, day.now)),
        *(row for _ in range(series // 5) for row in _burst(chance, day.now)),
        *_burst_boundaries(day.now),
        *_relay_boundaries(day.now),
        *(_noise(chance, day.now) for _ in range(noise)),
    ]
    chance.shuffle(rows)
    return rows


def _event(when: datetime, **fields: Any) -> Row:
    """An event with only the fields that are not None, as a log holds it."""
    process = fields.get("InitiatingProcessFileName", "bot.exe")
    account = fields.pop("account", ACCOUNTS[0])
    row = {
        "TimeGenerated": text(when),
        "DeviceName": "ws-99.acme.example",
        "ActionType": "ConnectionSuccess",
        "RemoteIP": "203.0.113.250",
        "RemoteIPType": "Public",
        "RemotePort": 6667,
        "LocalPort": 50_000,
        "InitiatingProcessFileName": process,
        "InitiatingProcessFolderPath": f"c:\\tools\\{process}",
        "InitiatingProcessCommandLine": f"{process} --run",
        "InitiatingProcessId": 4711,
        "InitiatingProcessAccountName": account[0],
        "InitiatingProcessAccountDomain": account[1],
        **fields,
    }
    return {name: value for name, value in row.items() if value is not None}


def _series(chance: random.Random, now: datetime) -> Iterator[Row]:
    """One process on one device that goes to one address: as often, as long and as late as the rules ask, or not."""
    ranges = ((2, 30), (10, 13), (18, 22), (48, 53), (98, 103), (198, 203))
    count = chance.randint(*chance.choice(ranges))
    minutes = chance.choice(((5, 40), (28, 32), (60, 240), (118, 123), (150, 420), (300, 1440)))
    late = chance.choice(((0, 70), (0, 70), (0, 70), (73, 77), (60, 600)))
    last = now - chance.randint(*(bound * 60_000 for bound in late)) * MOMENT
    first = last - chance.randint(*(bound * 60_000 for bound in minutes)) * MOMENT
    process = chance.choice(PROCESSES)
    fixed = {
        "DeviceName": chance.choice(DEVICES),
        "RemoteIP": chance.choice(PUBLIC if chance.random() < 0.9 else (*PRIVATE, "")),
        "RemotePort": chance.choice(PORTS) if chance.random() < 0.98 else None,
        "InitiatingProcessFileName": process if chance.random() < 0.98 else None,
        "InitiatingProcessId": chance.choice((4711, 4712, None))
        if chance.random() < 0.3
        else chance.randint(100, 9999),
        "account": chance.choice(ACCOUNTS),
    }
    actions = chance.choice((SINGLE[:1], SINGLE[:1], SINGLE[:2], SINGLE, (*SINGLE[:2], *REPORTS), UNCOUNTED))
    size = chance.choice((None, 240, 249, 250, 251, 5000))
    for when in moments(chance, first, last, count):
        action = chance.choice(actions)
        reported = {"AdditionalFields": _additional(chance)} if action in REPORTS else {}
        lines = {"InitiatingProcessCommandLine": f"{process} --try {chance.randint(1, 3)}"} if count % 3 == 0 else {}
        folders = {"InitiatingProcessFolderPath": f"c:\\{chance.randint(1, 9)}\\{process}"} if count % 4 == 0 else {}
        yield _event(when, ActionType=action, **fixed, **reported, **lines, **folders, **_bytes(chance, size))


def _additional(chance: random.Random) -> Any:
    """What a report says of its number: as an object, as a text that holds one, wrongly, or not at all."""
    number = chance.choice((0, 1, 2, 7, 12))
    return chance.choice(
        (
            *({"uniqueEventsAggregated": number}, {"uniqueEventsAggregated": number, "other": [1, 2]}),
            *({"uniqueEventsAggregated": str(number)}, f'{{"uniqueEventsAggregated": {number}}}'),
            *({"uniqueEventsAggregated": None}, {"uniqueEventsAggregated": "many"}, {}, {"other": 3}, None),
        )
    )


def _bytes(chance: random.Random, size: int | None) -> Row:
    """Byte counts around `size` in both columns, sometimes in one of them only."""
    if size is None:
        return {}
    sent, received = ({"SentBytes_CF": size}, {"ReceivedBytes_CF": size})
    return chance.choice(({**sent, **received}, {**sent, **received}, {**sent, **received}, sent, received, {}))


def _relay(chance: random.Random, now: datetime) -> Iterator[Row]:
    """Connections that come in, each with one that goes out soon after, or a little too late."""
    device, process = chance.choice(DEVICES), chance.choice(PROCESSES)
    source, target = chance.choice(PUBLIC), chance.choice(PUBLIC)
    start = now - chance.randint(1, 90 if chance.random() < 0.7 else 1500) * MINUTE
    for _ in range(chance.randint(1, 6)):
        came = start - chance.randint(0, 600_000) * MOMENT
        went = came + chance.choice((0, 1, 60_000, 299_999, 300_000, 300_001, 400_000, -1)) * MOMENT
        if chance.random() < 0.2:
            source, target = chance.choice(PUBLIC), chance.choice((*PUBLIC, source))
        port = chance.choice((22, 443, 8080, None))
        kind = "Public" if chance.random() < 0.9 else "Private"
        yield _inbound(came, source, DeviceName=device, LocalPort=port, RemoteIPType=kind)
        yield _event(
            went, DeviceName=device, RemoteIP=target, RemotePort=chance.choice((*PORTS, None)),
            InitiatingProcessFileName=process, ActionType=chance.choice(("ConnectionSuccess",) * 5 + SINGLE),
        )  # fmt: skip


def _burst(chance: random.Random, now: datetime) -> Iterator[Row]:
    """Many connections of one program within minutes: to one address, to many, or to many ports."""
    fixed = {"DeviceName": chance.choice(DEVICES), "InitiatingProcessFileName": chance.choice(PROCESSES)}
    first = now - chance.randint(0, 80 * 60_000) * MOMENT
    last = min(first + chance.randint(60_000, 17 * 60_000) * MOMENT, now)
    addresses = chance.sample(PUBLIC, chance.choice((1, 3, chance.randint(28, 33), chance.randint(29, 31), 70)))
    ports = chance.choice((PORTS[:1], PORTS[5:6], range(7000, 7000 + chance.randint(18, 22)), (443, 8443, 22)))
    actions = chance.choice((SINGLE[:1], SINGLE[1:2], SINGLE, (*SINGLE, *REPORTS)))
    count = chance.choice((chance.randint(97, 106), chance.randint(28, 60), 180))
    for number, when in enumerate(moments(chance, first, last, count)):
        port, address = ports[number % len(ports)], addresses[number % len(addresses)]
        yield _event(when, ActionType=chance.choice(actions), RemoteIP=address, RemotePort=port, **fixed)


def _burst_boundaries(now: datetime) -> Iterator[Row]:
    """Bursts on both sides of every number of the hunting rules, each on a device of its own."""
    start = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0) - 20 * MINUTE
    bursts = {  # name of the device: number of events, minutes that they take, ports, addresses
        "burst-of-101": (101, 15, 1, 1),
        "burst-of-100": (100, 15, 1, 1),
        "burst-of-101-in-16-minutes": (101, 16, 1, 1),
        "burst-on-20-ports": (101, 5, 20, 1),
        "burst-on-19-ports": (101, 5, 19, 1),
        "burst-to-30-addresses": (60, 5, 1, 30),
        "burst-to-29-addresses": (60, 5, 1, 29),
    }
    for device, (count, minutes, ports, addresses) in bursts.items():
        for number, when in enumerate(every(start, minutes * 60_000 // count * MOMENT, count)):
            address, port = f"198.51.100.{number % addresses}", 4445 + number % ports
            yield _event(when, DeviceName=device, RemoteIP=address, RemotePort=port)


def _inbound(when: datetime, source: str, **fields: Any) -> Row:
    fixed = {"ActionType": "InboundConnectionAccepted", "InitiatingProcessFileName": "sshd", "LocalPort": 22}
    return _event(when, RemoteIP=source, **{**fixed, "RemotePort": 40_000, **fields})


def _noise(chance: random.Random, now: datetime) -> Row:
    address, kind = chance.choice(
        (
            *((chance.choice(PUBLIC), "Public"),) * 4,
            *((chance.choice(PRIVATE), "Private"), (chance.choice(PRIVATE_IPV6), "Private")),
            *((chance.choice(LINK_LOCAL_IPV6), "Reserved"), ("::ffff:198.51.100.7", "FourToSixMapping"), ("", None)),
        )
    )
    return _event(
        now - chance.randint(1, 26 * 3_600_000) * MOMENT,
        DeviceName=chance.choice(DEVICES),
        ActionType=chance.choice((*SINGLE[:1] * 6, *SINGLE, *UNCOUNTED, "InboundConnectionAccepted", None)),
        RemoteIP=address,
        RemoteIPType=kind,
        RemotePort=chance.choice((443, 443, 443, 80, 53, *PORTS)),
        InitiatingProcessFileName=chance.choice(PROCESSES),
        InitiatingProcessId=chance.randint(100, 9999),
        account=chance.choice(ACCOUNTS),
    )


def _boundaries(now: datetime) -> Iterator[Row]:
    """Series on both sides of every number of the rules, each on a device of its own."""
    recent, hour = now - MINUTE, now.replace(minute=0, second=0, microsecond=0) - HOUR
    spread = {  # name of the device: first event, step, count, further fields
        "20-in-3-hours": (hour - 2 * HOUR, 9 * MINUTE, 20, {}),
        "19-in-3-hours": (hour - 2 * HOUR, 9 * MINUTE, 19, {}),
        "20-in-2-hours": (hour, 3 * MINUTE, 20, {}),
        "101-on-a-quiet-port": (hour - 2 * HOUR, 100 * SECOND, 101, {"RemotePort": 4445}),
        "100-on-a-quiet-port": (hour - 2 * HOUR, 100 * SECOND, 100, {"RemotePort": 4445}),
        "201-in-6-hours": (hour - 5 * HOUR, 105 * SECOND, 201, {"RemotePort": 4445}),
        "200-in-6-hours": (hour - 5 * HOUR, 105 * SECOND, 200, {"RemotePort": 4445}),
        "201-in-5-hours": (hour - 4 * HOUR, 85 * SECOND, 201, {"RemotePort": 4445}),
        "33-of-499-bytes": (hour - 2 * HOUR, 5 * MINUTE, 33, _of_bytes(499)),
        "33-of-500-bytes": (hour - 2 * HOUR, 5 * MINUTE, 33, _of_bytes(500)),
        "30-of-499-bytes": (hour - 2 * HOUR, 5 * MINUTE, 30, _of_bytes(499)),
        "12-in-30-minutes": (recent - 30 * MINUTE, 30 * MINUTE / 11, 12, {"RemotePort": 4445}),
        "11-in-30-minutes": (recent - 30 * MINUTE, 3 * MINUTE, 11, {"RemotePort": 4445}),
        "12-in-29-minutes": (recent - 29 * MINUTE, 29 * MINUTE / 11, 12, {"RemotePort": 4445}),
        "120-an-hour": (recent - 60 * MINUTE, 60 * MINUTE / 119, 120, {"RemotePort": 4445}),
        "121-an-hour": (recent - 60 * MINUTE, 60 * MINUTE / 120, 121, {"RemotePort": 4445}),
        "4-an-hour": (recent - 180 * MINUTE, 180 * MINUTE / 11, 12, {"RemotePort": 4445}),
        "less-than-4-an-hour": (recent - 181 * MINUTE, 181 * MINUTE / 11, 12, {"RemotePort": 4445}),
        "101-in-121-minutes": (recent - 121 * MINUTE, 121 * MINUTE / 100, 101, {"RemotePort": 4445}),
        "101-in-120-minutes": (recent - 120 * MINUTE, 120 * MINUTE / 100, 101, {"RemotePort": 4445}),
        "a-day-and-no-more": (now - 24 * HOUR, HOUR - SECOND, 25, {}),
        "ends-75-minutes-ago": (now - 75 * MINUTE - 19 * 10 * MINUTE, 10 * MINUTE, 20, {}),
        "ends-a-moment-later": (now - 75 * MINUTE - 19 * 10 * MINUTE + MOMENT, 10 * MINUTE, 20, {}),
        "no-port": (hour - 2 * HOUR, 90 * SECOND, 105, {"RemotePort": None}),
        "no-address": (hour - 2 * HOUR, 9 * MINUTE, 20, {"RemoteIP": None}),
        "two-processes": (hour - 2 * HOUR, 9 * MINUTE, 12, {"InitiatingProcessFileName": "other.exe"}),
    }
    for device, (first, step, count, fields) in spread.items():
        for when in every(first, step, count):
            yield _event(_whole(when), DeviceName=device, **fields)
    for when in every(hour - 2 * HOUR, 9 * MINUTE, 12):
        yield _event(when, DeviceName="two-processes")
    yield from _reports(hour)


def _of_bytes(average: int) -> Row:
    return {"RemotePort": 4445, "SentBytes_CF": average - 200, "ReceivedBytes_CF": 200}


def _reports(hour: datetime) -> Iterator[Row]:
    """Reports beside the same connections one by one: the larger number of each hour counts."""
    for back in range(3):
        start = hour - back * HOUR
        for device, number, listed in (("reports-more", 9, 3), ("reports-less", 3, 7), ("reports-only", 7, 0)):
            yield _event(
                start + MINUTE, DeviceName=device, ActionType=REPORTS[0],
                AdditionalFields={"uniqueEventsAggregated": number},
            )  # fmt: skip
            for when in every(start + 2 * MINUTE, MINUTE, listed):
                yield _event(when, DeviceName=device)


def _relay_boundaries(now: datetime) -> Iterator[Row]:
    delays: dict[str, Iterable[timedelta]] = {
        "relays-within-5-minutes": (timedelta(), 299 * SECOND, 300 * SECOND),
        "relays-a-moment-late": (timedelta(), 299 * SECOND, 300 * SECOND + MOMENT),
        "relays-before": (timedelta(), 299 * SECOND, -MOMENT),
    }
    for device, steps in delays.items():
        for number, step in enumerate(steps):
            came = now - (60 - 15 * number) * MINUTE
            yield _inbound(came, "198.51.100.200", DeviceName=device)
            yield _event(came + step, DeviceName=device, RemoteIP="203.0.113.200", RemotePort=4445)
    for number in range(3):
        came = now - (60 - 15 * number) * MINUTE
        yield _inbound(came, "198.51.100.200", DeviceName="answers-its-visitor")
        yield _event(came, DeviceName="answers-its-visitor", RemoteIP="198.51.100.200", RemotePort=4445)


def _whole(when: datetime) -> datetime:
    """Without what is finer than a millisecond."""
    return when.replace(microsecond=when.microsecond // 1000 * 1000)
