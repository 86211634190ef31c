"""Whatever is allowed: a preview with entries finds nothing that one without does not, live or not live.

For a longer look: `EXAMPLES=200 pytest --timeout=0 tests/properties/test_entries_only_hide.py`.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from itertools import count
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from deployer.emulator import Emulator
from deployer.model import Platform
from deployer.previews import Preview
from deployer.providers.codecs import encode
from deployer.state import Key
from deployer.state import Kind
from deployer.trials import effect
from tests import make
from tests.bench import Bench

UNTIL = datetime(2025, 11, 20, 12, tzinfo=UTC)
INDEX = "logs-endpoint.events.network-default"
HOSTS, PROCESSES, PORTS = ("ws-1", "ws-2"), ("a.exe", "b.exe"), (6667, 8080)
ADDRESSES = ("192.0.2.1", "192.0.2.2", "192.0.2.130", "2001:db8::1")
SPACES = (f"space-{number}" for number in count())

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(HOSTS),
        st.sampled_from(ADDRESSES),
        st.sampled_from(PROCESSES),
        st.sampled_from(PORTS),
        st.integers(0, 30 * 60),
    ),
    min_size=20,
    max_size=60,
)
ENTRIES = st.lists(
    st.builds(
        make.entry,
        value=st.sampled_from([*ADDRESSES, "192.0.2.0/25", "192.0.2.0/24", "2001:db8::/32"]),
        hosts=st.sampled_from([(), ("ws-1",)]),
        processes=st.sampled_from([(), ("a.exe",)]),
        ports=st.sampled_from([(), (8080,)]),
    ),
    min_size=1,
    max_size=3,
)
FIELDS: dict[str, Any] = {"threshold": {"field": ["host.name", "destination.ip"], "value": 3}, "data_view": None}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@hypothesis.settings(
    max_examples=int(os.environ.get("EXAMPLES", "3")),
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
@hypothesis.given(EVENTS, ENTRIES)
def test_entries_only_hide(emulator: Emulator, events: list[Any], entries: list[Any]) -> None:
    bench = Bench(Platform.KIBANA, emulator, next(SPACES))
    emulator.load(kibana={bench.place: {INDEX: [document(*one) for one in events]}})
    half = make.kibana_half(**FIELDS, interval="6h")
    fields = {name: value for name, value in half.fields.items() if value is not None}
    rule = make.rule(kibana=replace(half, fields={**fields, "from": "now-12h"}))
    assignment, bare = bench.assignment(rule, entries=entries), bench.assignment(rule)

    found, without = preview(bench, assignment), preview(bench, bare)

    assert not keys(found) - keys(without)
    told = effect(without, found)
    assert told.hidden - told.added == len(without.alerts) - len(found.alerts)
    bench.provider.close()
    again = Bench(Platform.KIBANA, emulator, bench.place)
    assert not again.apply(assignment).failures
    assert preview(again, assignment).alerts == found.alerts
    assert preview(again, bare).alerts == without.alerts
    again.provider.close()


def document(host: str, address: str, process: str, port: int, minutes: int) -> dict[str, Any]:
    return {
        "@timestamp": (UNTIL - timedelta(minutes=minutes)).isoformat(),
        "event.category": ["network"],
        "host.name": host,
        "destination.ip": address,
        "destination.port": port,
        "process.name": process,
    }


def preview(bench: Bench, assignment: Any) -> Preview:
    found = bench.provider.preview(encode(assignment), Key(Kind.RULE, "example"), UNTIL - timedelta(days=1), UNTIL)
    assert found.whole or found.quiet  # no event at all is said, and no alert is then right
    return found


def keys(found: Preview) -> set[str]:
    """What alerts are about: with fewer events one may come in a later run."""
    return {str(alert.about) for alert in found.alerts}
