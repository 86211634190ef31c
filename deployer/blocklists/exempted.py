"""What of a free-form exception blocklists may name: the addresses, ranges and domains among its values."""

from collections.abc import Iterator
from collections.abc import Mapping

from deployer.covering import text
from deployer.findings import Location
from deployer.hosts import Unfit
from deployer.manifest import values
from deployer.model import Exemption
from deployer.model import Json
from deployer.model import ValueKind


def allowed_by(one: Exemption) -> Iterator[tuple[ValueKind, str, Location]]:
    """Each of them, canonical, with the place of the exception."""
    for written in _texts([*one.kibana, *one.values]):
        yield from ((kind, value, one.location) for kind, value in _named(written))


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _named(written: str) -> Iterator[tuple[ValueKind, str]]:
    """The addresses, the ranges or the domain that a text is; nothing for any other text."""
    if networks := values.networks(written):
        yield from ((ValueKind.IP, text(network)) for network in networks)
        return
    try:
        yield ValueKind.DOMAIN, values.domain(written)
    except Unfit:
        return
