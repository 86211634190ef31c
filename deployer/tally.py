"""How many requests a run made, or will make."""

from dataclasses import dataclass
from dataclasses import fields


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests by what they do; two can be added."""

    reads: int = 0
    """That change nothing, queries and previews that are sent as POST included."""
    writes: int = 0
    tokens: int = 0
    """Tokens asked for: one per credential and audience."""
    refused: int = 0
    """Of all of them, those that a server put off (429, 503); they were sent again, or given up."""
    connections: int = 0
    """Connections that all of them went over."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Tally)))

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, field.name) - getattr(other, field.name) for field in fields(Tally)))

    @property
    def requests(self) -> int:
        """Reads and writes together, every try counted."""
        return self.reads + self.writes


@dataclass(frozen=True, slots=True)
class Ahead:
    """The requests that a plan will take when it is carried out; two can be added."""

    reads: int = 0
    writes: int = 0
    least: bool = False
    """Whether it may be more: what is asked then depends on what is found, or on how long the platform takes."""
    once: frozenset[str] = frozenset()
    """Hosts that are asked something once, for all of their targets: one read more each."""

    def __add__(self, other: "Ahead") -> "Ahead":
        once = self.once | other.once
        return Ahead(self.reads + other.reads, self.writes + other.writes, self.least or other.least, once)
