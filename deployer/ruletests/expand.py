"""From what a case says of its events to the events themselves. Pure."""

import ipaddress
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import datetime

from deployer.cases import AddressesFrom
from deployer.cases import Cycle
from deployer.cases import EventSeries
from deployer.cases import NumbersFrom
from deployer.cases import TextOf
from deployer.cases import Variation
from deployer.engines.rows import Row
from deployer.manifest.events import TIME
from deployer.model import Json
from deployer.model import Platform


def expand(series: Iterable[EventSeries], platform: Platform) -> Mapping[str, list[Row]]:
    """The events by table (Sentinel) or index (Kibana), in the order written: columns, or dotted fields, and the time
    as ISO text in UTC (`TimeGenerated`, `@timestamp`)."""
    found: dict[str, list[Row]] = {}
    for each in series:
        found.setdefault(each.source, []).extend(_events(each, TIME[platform]))
    return found


def instant(moment: datetime) -> str:
    """ISO text of a moment in UTC, as the platforms write it: with a fraction only where there is one."""
    return moment.isoformat().replace("+00:00", "Z")


def _events(series: EventSeries, time: str) -> Iterator[Row]:
    moments = (start + number * series.every for start in series.starts for number in range(series.times))
    for number, moment in enumerate(moments):
        varied = {name: _varied(variation, number) for name, variation in series.vary.items()}
        yield {**series.fields, **varied, time: instant(moment)}


def _varied(variation: Variation, number: int) -> Json:
    match variation:
        case AddressesFrom(first=address):
            return str(ipaddress.ip_address(address) + number)
        case NumbersFrom(first=first):
            return first + number
        case TextOf(template=template):
            return template.replace("{n}", str(number))
        case Cycle(values=values):
            return values[number % len(values)]
