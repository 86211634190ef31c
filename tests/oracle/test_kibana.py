"""Every alert of the Kibana rules, as deployed, is what plain loops over the same documents give.

The loops (`expected/`) were written from the rules' descriptions and Kibana's, and share no code with the engine.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import pytest

from deployer.engines import tables
from deployer.engines.kibana import Detected
from deployer.engines.kibana import Events
from deployer.engines.kibana import detect
from deployer.manifest import rules
from deployer.manifest.rules import RuleBook
from deployer.model import Platform
from deployer.providers.codecs import encode
from deployer.state import Kind
from tests.oracle import endpoints
from tests.oracle import names
from tests.oracle import perimeters
from tests.oracle.allowed import Allowed
from tests.oracle.day import DAYS
from tests.oracle.day import Day
from tests.oracle.day import Row
from tests.oracle.entries import allowlists
from tests.oracle.entries import assigned
from tests.oracle.expected import kibana_botnet_node
from tests.oracle.expected import kibana_c2_beaconing
from tests.oracle.expected import kibana_connection_burst
from tests.oracle.expected import kibana_dns_burst
from tests.oracle.expected import kibana_inbound_volumetric
from tests.oracle.expected import kibana_mass_external_connection
from tests.oracle.expected import kibana_port_scan_burst
from tests.oracle.rows import differences

EVENTS: Mapping[str, Callable[[Day], list[Row]]] = {
    "endpoint.events.network": endpoints.events,
    "network.firewall": perimeters.events,
    "network.dns": names.ecs,
}
INDICES = {
    "endpoint.events.network": "logs-endpoint.events.network-default",
    "network.firewall": "logs-panw.panos-default",
    "network.dns": "logs-network_traffic.dns-default",
}
RULES = {
    "t1584.005-botnet-node": (kibana_botnet_node, "endpoint.events.network"),
    "t1584.005-connection-burst": (kibana_connection_burst, "endpoint.events.network"),
    "t1584.005-port-scan-burst": (kibana_port_scan_burst, "endpoint.events.network"),
    "t1584.005-dns-burst": (kibana_dns_burst, "network.dns"),
    "t1583.005-c2-beaconing": (kibana_c2_beaconing, "endpoint.events.network"),
    "t1583.005-inbound-volumetric": (kibana_inbound_volumetric, "network.firewall"),
    "t1583.005-mass-external-connection": (kibana_mass_external_connection, "endpoint.events.network"),
}


@lru_cache
def documents(dataset: str, day: Day) -> list[Row]:
    return EVENTS[dataset](day)


@pytest.fixture(scope="module")
def book(repo_root: Path) -> RuleBook:
    return rules.read(repo_root)


@pytest.fixture(scope="module", params=DAYS, ids=lambda day: f"day {day.seed}")
def day(request: pytest.FixtureRequest) -> Day:
    made: Day = request.param
    return made


@pytest.fixture(scope="module")
def loaded(day: Day) -> Iterator[Events]:
    fields: dict[str, str] = {}
    for dataset in EVENTS:
        described = tables.kibana(dataset)
        assert described
        fields |= described.columns
    with Events(fields) as one:
        for dataset, index in INDICES.items():
            half = len(documents(dataset, day)) // 2
            one.load(index, documents(dataset, day)[:half])
            one.load(f"{index}-2", documents(dataset, day)[half:])
        yield one


@pytest.mark.parametrize("allowing", [False, True], ids=["nothing allowed", "with allowlists"])
@pytest.mark.parametrize("name", RULES)
def test_a_rule_finds_what_plain_loops_find(
    name: str, allowing: bool, day: Day, loaded: Events, book: RuleBook
) -> None:
    expectation, dataset = RULES[name]
    entries = allowlists(day.now) if allowing else ()

    detected = run(name, book, loaded, day, entries)

    expected = list(expectation.expect(documents(dataset, day), day.now, entries, {}))
    assert differences(detected.alerts, expected, expectation.KEYS) == []
    assert detected.warnings == ()
    assert len(expected) >= 2, "too few alerts to tell anything"


@pytest.mark.parametrize("name", RULES)
def test_what_was_told_before_counts_no_more(name: str, day: Day, loaded: Events, book: RuleBook) -> None:
    """A quarter of the groups was told half an hour ago, another quarter with its last event, which leaves nothing."""
    expectation, dataset = RULES[name]
    first = list(expectation.expect(documents(dataset, day), day.now, (), {}))
    terms = [tuple(one.values[key] for key in expectation.KEYS) for one in first]
    history = dict.fromkeys(terms[::4], day.now - timedelta(minutes=30))
    history |= {term: one.values["last"] for term, one in zip(terms[1::4], first[1::4], strict=True)}

    detected = run(name, book, loaded, day, (), history)

    expected = list(expectation.expect(documents(dataset, day), day.now, (), history))
    assert differences(detected.alerts, expected, expectation.KEYS) == []
    assert 1 <= len(expected) < len(first)


def test_every_threshold_rule_is_compared(book: RuleBook) -> None:
    threshold = {
        name for name, rule in book.rules.items() if rule.kibana and rule.kibana.fields.get("type") == "threshold"
    }

    assert sorted(RULES) == sorted(threshold)


def test_the_days_hold_a_hundred_thousand_events() -> None:
    assert sum(len(documents(dataset, day)) for dataset in EVENTS for day in DAYS) >= 100_000


def run(name: str, book: RuleBook, loaded: Events, day: Day, entries: tuple[Allowed, ...], history=None) -> Detected:
    desired = encode(assigned(book.rules[name], book, Platform.KIBANA, entries)).resources.values()
    bodies = {kind: [one.body for one in desired if one.key.kind is kind] for kind in Kind}
    [rule], views = bodies[Kind.RULE], bodies[Kind.DATA_VIEW]
    view = views[0] if views else None
    return detect(rule, loaded, day.now, data_view=view, items=bodies[Kind.ITEM], history=history or {})
