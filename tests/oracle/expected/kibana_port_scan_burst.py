"""t1584.005-port-scan-burst on Kibana: 101 connections of one program to 20 different ports within 15 minutes."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta

from tests.oracle.allowed import Allowed
from tests.oracle.day import Row
from tests.oracle.expected.kibana_bursts import goes_out
from tests.oracle.expected.kibana_documents import Terms
from tests.oracle.expected.kibana_documents import is_allowed
from tests.oracle.expected.kibana_documents import threshold
from tests.oracle.expected.kibana_documents import values
from tests.oracle.rows import Expected

KEYS = ("host.name", "process.name")

WINDOW = timedelta(minutes=15)
CATEGORIES = ("proxies", "apm_vendors")


def expect(
    documents: Iterable[Row], now: datetime, entries: Sequence[Allowed], history: Mapping[Terms, datetime]
) -> Iterator[Expected]:
    """The alerts that the rule must raise."""

    def matches(document: Row) -> bool:
        counted = goes_out(document) and values(document, "destination.ip") != []
        return counted and not is_allowed(document, entries, CATEGORIES, now)

    distinct = (lambda document: values(document, "destination.port"), 20)
    return threshold(documents, matches, KEYS, 101, distinct, (now - WINDOW, now), history)
