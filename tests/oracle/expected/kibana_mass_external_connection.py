"""t1583.005-mass-external-connection on Kibana: one program that tries 30 addresses on one port in an hour."""

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

KEYS = ("host.name", "process.name", "destination.port")

WINDOW = timedelta(minutes=60)
CATEGORIES = ("proxies", "apm_vendors")


def expect(
    documents: Iterable[Row], now: datetime, entries: Sequence[Allowed], history: Mapping[Terms, datetime]
) -> Iterator[Expected]:
    """The alerts that the rule must raise."""

    def matches(document: Row) -> bool:
        counted = goes_out(document) and not {80, 443, 53} & set(values(document, "destination.port"))
        return counted and not is_allowed(document, entries, CATEGORIES, now)

    distinct = (lambda document: values(document, "destination.ip"), 30)
    return threshold(documents, matches, KEYS, 30, distinct, (now - WINDOW, now), history)
