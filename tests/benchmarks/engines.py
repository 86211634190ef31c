"""How fast the engines are: `make bench`, or `python -m tests.benchmarks.engines [--events N ...]`.

For each number of events and each query: the rows found, the seconds of a run on no events (translation and planning),
of a first and of a second run, and what the second costs beside a yardstick measured in the same process: one pass of
plain Python over the same rows that counts them by three fields. Loading is measured once for each table. Nothing is
asserted, because machines differ; the ratios to the yardstick may be compared between two of them.

The events are those of the oracle's generator, in the same proportions.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from itertools import islice
from pathlib import Path
from typing import Any

from deployer.engines import tables
from deployer.engines.kibana import Events
from deployer.engines.kibana import detect
from deployer.engines.kusto import Kusto
from deployer.errors import EngineError
from deployer.manifest import rules
from deployer.model import Platform
from deployer.providers.codecs import encode
from deployer.state import Kind
from tests.oracle import devices
from tests.oracle import endpoints
from tests.oracle import firewall
from tests.oracle import names
from tests.oracle import perimeters
from tests.oracle.day import DAYS
from tests.oracle.day import Row
from tests.oracle.entries import assigned

ROOT = Path(__file__).resolve().parents[2]
SIZES = (10_000, 100_000, 1_000_000)
DAY = DAYS[0]
INDICES = {"network.firewall": "logs-panw.panos-default", "network.dns": "logs-network_traffic.dns-default"}
LINE = "{:<38}{:<28}{:>9}{:>7}{:>8}{:>8}{:>8}{:>10}{:>8}"


@dataclass(frozen=True, slots=True)
class Source:
    """A table or dataset: its events, and the three fields that the yardstick counts by."""

    name: str
    platform: Platform
    make: Callable[[int], list[Row]]
    fields: tuple[str, str, str]
    read_as: str = ""
    """What rules call it, if not by its name."""


def _series(make: Callable[..., list[Row]]) -> Callable[[int], list[Row]]:
    """Three quarters in series of some sixty events, the rest noise."""
    return lambda count: make(DAY, series=count * 3 // 260, noise=count // 4)


SOURCES = (
    Source(
        "DeviceNetworkEvents", Platform.SENTINEL, _series(devices.events), ("DeviceName", "RemoteIP", "ActionType")
    ),
    Source(
        "CommonSecurityLog", Platform.SENTINEL,
        lambda count: firewall.events(DAY, floods=count * 3 // 1_600, noise=count // 4),
        ("DestinationIP", "SourceIP", "DeviceAction"),
    ),
    Source(
        "endpoint.events.network", Platform.KIBANA,
        lambda count: endpoints.events(DAY, series=count // 40, noise=count // 2),
        ("host.name", "destination.ip", "destination.port"),
    ),
    Source(
        "ASimDnsActivityLogs", Platform.SENTINEL,
        lambda count: names.asim(DAY, bursts=count // 140, noise=count // 2),
        ("SrcHostname", "DnsQuery", "EventResultDetails"), "_Im_Dns",
    ),
    Source(
        "network.firewall", Platform.KIBANA,
        lambda count: perimeters.events(DAY, floods=count // 1_200, noise=count // 3),
        ("destination.ip", "source.ip", "event.action"),
    ),
    Source(
        "network.dns", Platform.KIBANA,
        lambda count: names.ecs(DAY, bursts=count // 140, noise=count // 2),
        ("host.name", "dns.question.name", "dns.response_code"),
    ),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.engines", description="Speed of the engines.")
    parser.add_argument("--events", type=int, nargs="+", default=SIZES, metavar="N", help="how many events")
    _say(LINE.format("query", "reads", "events", "found", "empty", "first", "second", "events/s", "ratio"))
    for count in parser.parse_args(arguments).events:
        for source in SOURCES:
            for line in _measure(source, count):
                _say(line)
    return 0


def _measure(source: Source, count: int) -> Iterator[str]:
    events = list(islice(cycle(source.make(count)), count))
    start = time.perf_counter()
    Counter(tuple(str(row.get(name)) for name in source.fields) for row in events)
    yardstick = time.perf_counter() - start
    yield _line("(yardstick: one pass of Python)", source, count, "", "", "", yardstick, yardstick)
    with _loaded(source, []) as nothing:
        start = time.perf_counter()
        with _loaded(source, events) as database:
            yield _line("(load)", source, count, "", "", "", time.perf_counter() - start, yardstick)
            for name, body in _bodies(source):
                try:
                    seconds = [_timed(one, body)[0] for one in (nothing, database)]
                    second, found = _timed(database, body)
                except EngineError as error:
                    yield f"{name:<38}{source.name:<28} not run: {error}"
                    continue
                yield _line(name, source, count, found, f"{seconds[0]:.3f}", f"{seconds[1]:.3f}", second, yardstick)


def _loaded(source: Source, events: Sequence[Row]) -> Kusto | Events:
    if source.platform is Platform.SENTINEL:
        table = tables.sentinel(source.name)
        assert table
        columns = {"SentBytes_CF": "long", "ReceivedBytes_CF": "long"} if "Device" in source.name else {}
        database = Kusto([table.with_columns(columns)])
        database.load(source.name, events)
        return database
    dataset = tables.kibana(source.name)
    assert dataset
    documents = Events(dataset.columns)
    documents.load(INDICES.get(source.name, f"logs-{source.name}-default"), events)
    return documents


def _bodies(source: Source) -> Iterator[tuple[str, dict[Kind, list[Any]]]]:
    """What would be deployed of each rule that reads this source alone."""
    book = rules.read(ROOT)
    for name, rule in sorted(book.rules.items()):
        half = rule.on(source.platform)
        if half and set(half.data) == {source.read_as or source.name}:
            bodies: dict[Kind, list[Any]] = {kind: [] for kind in Kind}
            for resource in encode(assigned(rule, book, source.platform, ())).resources.values():
                bodies[resource.key.kind].append(resource.body)
            yield name, bodies


def _timed(database: Kusto | Events, bodies: dict[Kind, list[Any]]) -> tuple[float, int]:
    [rule], views = bodies[Kind.RULE], bodies[Kind.DATA_VIEW]
    start = time.perf_counter()
    if isinstance(database, Kusto):
        found = len(database.run(str(rule["query"]), DAY.now).rows)
    else:
        found = len(detect(rule, database, DAY.now, data_view=views[0] if views else None).alerts)
    return time.perf_counter() - start, found


def _line(
    name: str, source: Source, count: int, found: object, empty: str, first: str, seconds: float, yardstick: float
) -> str:
    speed, ratio = f"{count / seconds:,.0f}", f"{seconds / yardstick:.1f}"
    return LINE.format(name, source.name, f"{count:,}", str(found), empty, first, f"{seconds:.3f}", speed, ratio)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
