"""t1583.005-inbound-volumetric on Kibana: 501 requests of 51 sources to one service in one slot of five minutes."""

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

SLOT = "deployer.epoch_five_minutes"
KEYS = ("destination.ip", "destination.port", SLOT)

WINDOW = timedelta(minutes=20)
LOCAL = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"),
    *("::1/128", "fc00::/7", "fe80::/10"),
)
STOPPED = {
    *("deny", "denied", "block", "blocked", "drop", "dropped"),
    *("reset", "reset-both", "reset-client", "reset-server"),
}
PORTS = {80, 443, 8080, 8443, 22, 3389, 25, 587}


def expect(
    documents: Iterable[Row], now: datetime, entries: Sequence[Allowed], history: Mapping[Terms, datetime]
) -> Iterator[Expected]:
    """The alerts that the rule must raise."""

    def matches(document: Row) -> bool:
        return _is_request(document) and not is_allowed(document, entries, ("trusted_sources",), now, "source.ip")

    def sources(document: Row) -> list[str]:
        return values(document, "source.ip")

    slotted = ({**document, SLOT: slot_of(document)} for document in documents)
    return threshold(slotted, matches, KEYS, 501, (sources, 51), (now - WINDOW, now), history)


def _is_request(document: Row) -> bool:
    sources = values(document, "source.ip")
    return (
        "network" in values(document, "event.category")
        and "denied" not in values(document, "event.type")
        and not STOPPED & set(values(document, "event.action"))
        and bool(PORTS & set(values(document, "destination.port")))
        and sources != []
        and not any(within(ip, LOCAL) for ip in sources)
    )
