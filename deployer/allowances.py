"""What tenants allow, after validation: categories and their entries, exceptions, and the policy for them.

Plain frozen values with small derivations only. `deployer.model` has them all, and is where others take them from.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Protocol
from typing import TypeAlias

from deployer.findings import Location

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


class ValueKind(StrEnum):
    """What the value of an allowlist entry may be."""

    IP = "ip"
    """An address or a CIDR range, IPv4 or IPv6."""
    DOMAIN = "domain"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of allowlist: what its values are and what they bind on each platform."""

    name: str
    title: str
    description: str
    kinds: tuple[ValueKind, ...]
    direction: str
    """outbound: the value names the remote end that is connected to; inbound: the one that connects in."""
    ports: tuple[int, ...]
    """The category says nothing about other ports; empty means every port."""
    kibana: Mapping[str, str]
    """Field per value kind (`ip`, `domain`) and per scope (`host`, `process`, `port`)."""
    sentinel: Mapping[str, str]
    """Name of the query's `let` per value kind (`ipv4`, `ipv6`, `domain`, `process`), for the ports, and `scoped`."""
    location: Location
    ask_scope: bool = False
    """A public address is allowed for named hosts or processes only."""
    public_only: bool = False
    """The rules that honour it look at public addresses only: others have no business in it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One allowed value; every scope that it names must hold for it to apply."""

    category: str
    value: str
    """Canonical: an address or the network in CIDR form, lower case for domains."""
    kind: ValueKind
    reason: str
    owner: str
    location: Location
    hosts: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    expires: str | None = None
    """A date (the entry holds through that day, UTC) or an instant with an offset."""
    ticket: str | None = None
    reviewed: str | None = None
    item: str | None = None
    """Id of the item in Kibana, where it is not the one that deployer makes of the entry."""
    shared: str | None = None
    """Name of the shared list that the entry comes from; `location` is then where the tenant includes it."""
    written: Location | None = None
    """Where in the shared list's file its value stands."""

    @property
    def until(self) -> datetime | None:
        """The instant at which the entry stops to hold, UTC."""
        return _end(self.expires)

    @property
    def scoped(self) -> bool:
        """Whether the entry is limited beyond its category."""
        return bool(self.hosts or self.processes or self.ports)


@dataclass(frozen=True, slots=True)
class Exemption:
    """A free-form exception of a tenant: what no category of allowlists covers."""

    rules: tuple[str, ...]
    """Globs of the rules that it is for."""
    kibana: tuple[Mapping[str, Json], ...]
    """Conditions of one exception item, in Kibana's own words; all of them must hold. Empty for none."""
    let: str | None
    """A `let` that the Sentinel queries name for exceptions; None for none."""
    values: tuple[str | int, ...]
    """What is added to it."""
    reason: str
    owner: str
    location: Location
    expires: str | None = None
    """As that of an `Entry`."""
    ticket: str | None = None
    reviewed: str | None = None

    @property
    def until(self) -> datetime | None:
        """The instant at which the exception stops to hold, UTC."""
        return _end(self.expires)

    def is_for(self, rule: str) -> bool:
        """Whether it names the rule of this id."""
        return any(fnmatchcase(rule, glob) for glob in self.rules)


def _end(expires: str | None) -> datetime | None:
    if expires is None:
        return None
    if len(expires) == 10:
        day = date.fromisoformat(expires) + timedelta(days=1)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    return datetime.fromisoformat(expires).astimezone(UTC)


class Allowance(Protocol):
    """What somebody answers for, for a time: an allowlist entry, an exception of a tenant, an include of a list."""

    @property
    def reason(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def ticket(self) -> str | None: ...
    @property
    def expires(self) -> str | None: ...
    @property
    def until(self) -> datetime | None: ...
    @property
    def reviewed(self) -> str | None: ...
    @property
    def location(self) -> Location: ...


@dataclass(frozen=True, slots=True)
class Policy:
    """What an environment asks of whatever its tenants allow. By default nothing beyond a reason and an owner."""

    require: tuple[str, ...] = ()
    """Of ticket, expires and reviewed: what must be said."""
    longest_life_days: int | None = None
    """Days from `reviewed` to `expires` at most; both must then be said."""
    review_every_days: int | None = None
    """Days after which an entry is due for review."""
    widest: Mapping[str, int] = field(default_factory=dict)
    """Shortest prefix length allowed, by `ipv4` and `ipv6`."""
    forbidden: tuple[str, ...] = ()
    """Addresses and ranges, canonical, that no entry may touch."""
    origins: Mapping[str, Location] = field(default_factory=dict)
    """Where each is written: `require`, `widest.ipv4`, a forbidden range by its text."""
