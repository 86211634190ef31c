"""Every row and column of the Sentinel queries, as deployed, is what plain loops over the same events give.

The loops (`expected/`) were written from the rules' descriptions and share no code with the engine, the codecs or each
other's platform. Where a query leaves the choice to Kusto (`take_any`, `make_set`), every choice that it may make is
right, and nothing else.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from deployer.engines import tables
from deployer.engines.kusto import Kusto
from deployer.manifest import rules
from deployer.manifest.rules import RuleBook
from deployer.model import Platform
from deployer.providers.codecs import encode
from tests.oracle import devices
from tests.oracle import firewall
from tests.oracle import names
from tests.oracle.day import DAYS
from tests.oracle.day import Day
from tests.oracle.day import Row
from tests.oracle.entries import allowlists
from tests.oracle.entries import assigned
from tests.oracle.expected import botnet_node
from tests.oracle.expected import c2_beaconing
from tests.oracle.expected import connection_burst
from tests.oracle.expected import dns_burst
from tests.oracle.expected import inbound_volumetric
from tests.oracle.expected import mass_external_connection
from tests.oracle.expected import orb_relay
from tests.oracle.rows import differences

BYTES = ("SentBytes", "ReceivedBytes")
"""A workspace that has byte counts has them in columns of its own: on the first day `_CF` is their suffix."""
EVENTS: Mapping[str, Callable[[Day], list[Row]]] = {
    "DeviceNetworkEvents": devices.events,
    "CommonSecurityLog": firewall.events,
    "ASimDnsActivityLogs": names.asim,
}
RULES = {
    "t1584.005-botnet-node": (botnet_node, "DeviceNetworkEvents"),
    "t1583.005-c2-beaconing": (c2_beaconing, "DeviceNetworkEvents"),
    "t1583.005-inbound-volumetric": (inbound_volumetric, "CommonSecurityLog"),
    "t1583.005-orb-relay": (orb_relay, "DeviceNetworkEvents"),
    "t1583.005-mass-external-connection": (mass_external_connection, "DeviceNetworkEvents"),
    "t1584.005-connection-burst": (connection_burst, "DeviceNetworkEvents"),
    "t1584.005-dns-burst": (dns_burst, "ASimDnsActivityLogs"),
}


@lru_cache
def events(table: str, day: Day) -> list[Row]:
    return EVENTS[table](day)


@pytest.fixture(scope="module")
def book(repo_root: Path) -> RuleBook:
    return rules.read(repo_root)


@pytest.fixture(scope="module", params=DAYS, ids=lambda day: f"day {day.seed}")
def day(request: pytest.FixtureRequest) -> Day:
    made: Day = request.param
    return made


@pytest.fixture(scope="module")
def database(day: Day) -> Iterator[Kusto]:
    suffix = "_CF" if day is DAYS[0] else ""
    described = [table for name in EVENTS if (table := tables.sentinel(name))]
    wide = {f"{name}{suffix}": "long" for name in BYTES}
    with Kusto(one.with_columns(wide) if one.name == "DeviceNetworkEvents" else one for one in described) as database:
        for name in EVENTS:
            database.load(name, [_with_suffix(row, suffix) for row in events(name, day)])
        yield database


@pytest.mark.parametrize("allowing", [False, True], ids=["nothing allowed", "with allowlists"])
@pytest.mark.parametrize("rule", RULES)
def test_a_query_finds_what_plain_loops_find(
    rule: str, allowing: bool, day: Day, database: Kusto, book: RuleBook
) -> None:
    expectation, table = RULES[rule]
    entries = allowlists(day.now) if allowing else ()
    [resource] = encode(assigned(book.rules[rule], book, Platform.SENTINEL, entries)).resources.values()

    result = database.run(str(resource.body["query"]), day.now)

    expected = list(expectation.expect(events(table, day), day.now, entries))
    assert differences(result.rows, expected, expectation.KEYS) == []
    assert len(expected) >= 2, "too few rows to tell anything"
    assert _unsorted(result.rows, expectation) == []


def test_every_query_is_compared(book: RuleBook) -> None:
    assert sorted(RULES) == sorted(name for name, rule in book.rules.items() if rule.sentinel)


def test_the_days_hold_a_hundred_thousand_events() -> None:
    assert sum(len(events(table, day)) for table in EVENTS for day in DAYS) >= 100_000


def _with_suffix(row: Row, suffix: str) -> Row:
    return {f"{name[:-3]}{suffix}" if name.endswith("_CF") else name: value for name, value in row.items()}


def _unsorted(rows: tuple[Row, ...], expectation: ModuleType) -> list[tuple[Row, Row]]:
    """Neighbours in the wrong order; all our queries put the largest first."""
    return [
        (before, after)
        for before, after in pairwise(rows)
        if [before[name] for name in expectation.ORDER] < [after[name] for name in expectation.ORDER]
    ]
