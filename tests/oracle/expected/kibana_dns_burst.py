"""t1584.005-dns-burst on Kibana: 50 different names that do not exist, asked by one host within 15 minutes."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta

from tests.oracle.allowed import Allowed
from tests.oracle.day import Row
from tests.oracle.expected.kibana_documents import Terms
from tests.oracle.expected.kibana_documents import threshold
from tests.oracle.expected.kibana_documents import values
from tests.oracle.rows import Expected

KEYS = ("host.name",)

WINDOW = timedelta(minutes=15)


def expect(
    documents: Iterable[Row], now: datetime, entries: Sequence[Allowed], history: Mapping[Terms, datetime]
) -> Iterator[Expected]:
    """The alerts that the rule must raise; no allowlist binds on names."""

    def names(document: Row) -> list[str]:
        return values(document, "dns.question.name")

    return threshold(documents, _is_missing, KEYS, 50, (names, 50), (now - WINDOW, now), history)


def _is_missing(document: Row) -> bool:
    gone = (
        "NXDOMAIN" in values(document, "dns.response_code")
        or 9003 in values(document, "dns.Ext.status")
        or "DNS_ERROR_RCODE_NAME_ERROR" in values(document, "sysmon.dns.status")
    )
    reverse = any(name.endswith(".arpa") for name in values(document, "dns.question.name"))
    return "network" in values(document, "event.category") and gone and not reverse
