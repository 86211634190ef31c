"""Where a value that a target is to hold comes from: who said it, where, and what it would be without.

Values, no reading: the codecs say which keys a value of their documents is made of (`Made`), the manifest says who
wrote those keys (`Said`), and `explaining` puts the two together (`Origin`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from deployer.findings import Location
from deployer.model import Json

Keys: TypeAlias = tuple[str | int, ...]
"""Keys and indices as people write them: `("kibana", "threshold", "value")`, `("allowlists", 0)`."""


class Voice(StrEnum):
    """Who says a value."""

    RULE = "rule"
    QUERY = "query"
    ENVIRONMENT = "environment"
    DATA = "data_sources"
    TENANT = "tenant"
    TARGET = "target"
    ALLOWLIST = "allowlist"
    EXCEPTION = "exception"
    """A free-form exception of the tenant."""
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Said:
    """One value as it is written in one place."""

    voice: Voice
    where: Location | None
    """None for a default."""
    value: Json
    """None takes a field out."""
    key: str = ""
    """Of an overlay the id, glob or tag that it stands under; of data sources the dataset; of an allowlist its
    category; of a default whose it is."""


@dataclass(frozen=True, slots=True)
class Made:
    """What one value of a platform's document is made of."""

    block: Keys = ()
    """The key of the platform's block that has the last word wherever it is written; empty if there is none."""
    neutral: tuple[Keys, ...] = ()
    """The keys that it is made of otherwise: all of those that are written."""
    default: str = ""
    """Whose default it is where none of them is written."""
    how: str = ""
    """How it is made of the neutral keys, where it does not simply say what they say."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A `let` of a query that the tenant's allowlist is put into."""

    category: str
    said: tuple[Said, ...]
    """The entries; where there is none, the category itself."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one value of a document comes from."""

    path: tuple[str, ...]
    """Keys from the root of the canonical body; behind `query`, `let NAME` stands for a part of it."""
    value: Json
    said: tuple[Said, ...]
    """Who has the last word; several where the value is put together of what they say."""
    without: tuple[Said, ...] = ()
    """Who would have it without them, the next one first."""
    how: str = ""
    """How the value is made of what they say."""

    @property
    def name(self) -> str:
        """The path as reports print it."""
        return ".".join(self.path)

    @property
    def tuned(self) -> bool:
        """Whether something beside the rule's own files and its defaults has the last word."""
        own = (Voice.RULE, Voice.QUERY, Voice.DEFAULT)
        return any(one.voice not in own for one in self.said) or any(one.voice not in own for one in self.without)


Origins: TypeAlias = Mapping[str, tuple[Origin, ...]]
"""By object as reports print it (`rule/ID`), the origin of each of its values in the order of their paths."""
