"""Rule tests, after validation: cases, each with events and with what a rule is to find in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from typing import TypeAlias

from deployer.findings import Location
from deployer.model import Entry
from deployer.model import Json
from deployer.model import Platform


@dataclass(frozen=True, slots=True)
class AddressesFrom:
    """Consecutive addresses, beginning with `first`."""

    first: str


@dataclass(frozen=True, slots=True)
class NumbersFrom:
    """Consecutive whole numbers, beginning with `first`."""

    first: int


@dataclass(frozen=True, slots=True)
class TextOf:
    """A text in which `{n}` stands for the number of the event."""

    template: str


@dataclass(frozen=True, slots=True)
class Cycle:
    """The values in turn, again and again."""

    values: tuple[Json, ...]


Variation: TypeAlias = AddressesFrom | NumbersFrom | TextOf | Cycle
"""How a field differs from event to event; events count from 0."""


@dataclass(frozen=True, slots=True)
class EventSeries:
    """Events that are alike: one, one at each of several instants, or one repeated at a fixed distance."""

    source: str
    """Table (Sentinel) or index (Kibana) that holds them."""
    fields: Mapping[str, Json]
    """Without their time. For Kibana the keys are dotted."""
    starts: tuple[datetime, ...]
    """UTC. More than one is never repeated."""
    location: Location
    times: int = 1
    every: timedelta = timedelta(0)
    vary: Mapping[str, Variation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matches:
    """What a rule is to find: how much, and of it the rows that are spelled out, each by the columns that matter."""

    count: int
    rows: tuple[Mapping[str, Json], ...] = ()


@dataclass(frozen=True, slots=True)
class CaseHalf:
    """One platform's half of a case."""

    events: tuple[EventSeries, ...]
    matches: Matches
    location: Location
    """Of what is expected."""


@dataclass(frozen=True, slots=True)
class Case:
    """Events, and what a rule is to find in them at a pinned moment."""

    name: str
    now: datetime
    """UTC."""
    halves: Mapping[Platform, CaseHalf]
    location: Location
    about: str = ""
    """Which requirement it shows."""
    allowlists: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    overlay: Mapping[str, Json] = field(default_factory=dict)
    """As a tenant's overlay of this one rule."""
    overlay_location: Location | None = None


@dataclass(frozen=True, slots=True)
class RuleTest:
    """The cases of one rule, in the order written."""

    rule: str
    """Id of the rule."""
    cases: tuple[Case, ...]
    location: Location
