"""t1584.005-botnet-node on Kibana: 20 connections to one public endpoint in three different hours of a day."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta

from tests.oracle.allowed import Allowed
from tests.oracle.allowed import within
from tests.oracle.day import Row
from tests.oracle.expected.kibana_documents import Terms
from tests.oracle.expected.kibana_documents import hour_of
from tests.oracle.expected.kibana_documents import is_allowed
from tests.oracle.expected.kibana_documents import threshold
from tests.oracle.expected.kibana_documents import values
from tests.oracle.rows import Expected

KEYS = ("host.name", "destination.ip", "destination.port")

DAY = timedelta(hours=24)
LOCAL = (*("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "::1/128", "fc00::/7"),)
BOT_PORTS = {6660, 6661, 6662, 6663, 6664, 6665, 6666, 6667, 6668, 6669, 6697, 1080, 4444}
COMMON_PORTS = {80, 443, 53, 25, 587, 22, 21, 3389, 445, 139, 8080, 8443}
CATEGORIES = ("irc_servers", "proxies", "apm_vendors")


def expect(
    documents: Iterable[Row], now: datetime, entries: Sequence[Allowed], history: Mapping[Terms, datetime]
) -> Iterator[Expected]:
    """The alerts that the rule must raise."""

    def matches(document: Row) -> bool:
        return _is_suspicious(document) and not is_allowed(document, entries, CATEGORIES, now)

    return threshold(documents, matches, KEYS, 20, (hour_of, 3), (now - DAY, now), history)


def _is_suspicious(document: Row) -> bool:
    if "network" not in values(document, "event.category") or "egress" not in values(document, "network.direction"):
        return False
    if not {"connection_attempted", "connection_accepted"} & set(values(document, "event.action")):
        return False
    if any(within(ip, LOCAL) for ip in values(document, "destination.ip")):
        return False
    ports = set(values(document, "destination.port"))
    if ports & BOT_PORTS:
        return True
    small = any(size < 1000 for size in values(document, "source.bytes"))
    return small and not ports & COMMON_PORTS and values(document, "process.name") != []
