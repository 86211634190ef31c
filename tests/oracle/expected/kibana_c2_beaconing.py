"""t1583.005-c2-beaconing on Kibana: 12 connections of a process to one address, in 7 slots of five minutes."""

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
from tests.oracle.expected.kibana_documents import is_allowed
from tests.oracle.expected.kibana_documents import slot_of
from tests.oracle.expected.kibana_documents import threshold
from tests.oracle.expected.kibana_documents import values
from tests.oracle.rows import Expected

KEYS = ("process.entity_id", "destination.ip", "destination.port")

WINDOW = timedelta(hours=3)
NOT_PUBLIC = (
    *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
    *("224.0.0.0/3", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8"),
)
POLLING = {
    *("svchost.exe", "SearchIndexer.exe", "MicrosoftEdgeUpdate.exe", "OneDrive.exe", "Teams.exe", "outlook.exe"),
    *("OUTLOOK.EXE", "msedge.exe", "chrome.exe", "firefox.exe"),
}
CATEGORIES = ("irc_servers", "proxies", "apm_vendors")


def expect(
    documents: Iterable[Row], now: datetime, entries: Sequence[Allowed], history: Mapping[Terms, datetime]
) -> Iterator[Expected]:
    """The alerts that the rule must raise."""

    def matches(document: Row) -> bool:
        return _is_beacon(document) and not is_allowed(document, entries, CATEGORIES, now)

    return threshold(documents, matches, KEYS, 12, (slot_of, 7), (now - WINDOW, now), history)


def _is_beacon(document: Row) -> bool:
    return (
        "network" in values(document, "event.category")
        and "connection_attempted" in values(document, "event.action")
        and "egress" in values(document, "network.direction")
        and not any(within(ip, NOT_PUBLIC) for ip in values(document, "destination.ip"))
        and not {80, 443, 53} & set(values(document, "destination.port"))
        and not POLLING & set(values(document, "process.name"))
    )
