"""The three bursts of connections on Kibana: by number, by ports, by addresses. Each has a module to be chosen by."""

from tests.oracle.allowed import within
from tests.oracle.day import Row
from tests.oracle.expected.kibana_documents import values

LOCAL = (*("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "::1/128", "fc00::/7"),)


def goes_out(document: Row) -> bool:
    """A connection that a device opens, to no private address."""
    return (
        "network" in values(document, "event.category")
        and "egress" in values(document, "network.direction")
        and bool({"connection_attempted", "connection_accepted"} & set(values(document, "event.action")))
        and not any(within(ip, LOCAL) for ip in values(document, "destination.ip"))
    )
