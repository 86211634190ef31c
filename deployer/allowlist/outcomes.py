"""What the allowlist commands find and do. Pure values, for reports."""

from dataclasses import dataclass
from enum import StrEnum

from deployer.findings import Finding
from deployer.findings import Location
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Exemption
from deployer.model import Platform


class Standing(StrEnum):
    """What an entry does today."""

    HOLDS = "holds"
    EXPIRES = "expires"
    """Soon."""
    EXPIRED = "expired"
    COVERED = "covered"
    """Others allow all of it for as long, so that it is put into no target."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry and what it does today."""

    entry: Entry
    standing: Standing
    days: int | None
    """Whole days until it expires, negative once it has; None for one that does not."""
    covered_by: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class ListedException:
    """A free-form exception and what it does today."""

    exemption: Exemption
    standing: Standing
    """Never covered."""
    days: int | None
    """As that of `Listed`."""
    rules: tuple[str, ...]
    """Those of the environment that it names."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What one tenant allows."""

    tenant: str
    file: str
    categories: tuple[tuple[Category, tuple[Listed, ...]], ...]
    """Those with entries, in the order of rules/allowlists.yaml."""
    exceptions: tuple[ListedException, ...] | None = ()
    """In the order written; None where they were not asked for."""

    @property
    def entries(self) -> tuple[Listed, ...]:
        """All of them."""
        return tuple(one for _, found in self.categories for one in found)


@dataclass(frozen=True, slots=True)
class Broken:
    """A tenant whose file has errors: of what it allows nothing can be told."""

    tenant: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an edit was not made."""

    message: str
    option: str | None = None
    """The option that would mend it."""
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Honoured:
    """The rules of one target that honour a category."""

    target: str
    platform: Platform
    rules: tuple[str, ...]
    idle: tuple[str, ...] = ()
    """Of these, the ones that are disabled here."""
    not_applicable: tuple[str, ...] = ()
    """Rules that honour it and have nothing to run on here."""
    deaf: tuple[str, ...] = ()
    """Of an exception: rules that it names and that do not name its `let`."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What came of asking for an edit of a tenant's file."""

    action: str
    """add or remove."""
    tenant: str
    file: str
    category: Category | None = None
    entries: tuple[Entry, ...] = ()
    """What was added or removed: one entry, or the values of an include."""
    include: str | None = None
    """The shared list that was included, or is no more."""
    refusals: tuple[Refusal, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What is to be said of it and is no error."""
    candidates: tuple[Entry, ...] = ()
    """Of a removal that could mean several."""
    covers: tuple[Entry, ...] = ()
    """Entries that are not needed beside a new one."""
    still: tuple[Entry, ...] = ()
    """Entries that still let all of a removed one through."""
    honoured: tuple[Honoured, ...] = ()
    excepts: bool = False
    """Whether it is about an exception of single rules."""
    exceptions: tuple[Exemption, ...] = ()
    """The one that was added or removed."""
    like: tuple[Exemption, ...] = ()
    """Those that a removal could mean."""
    covers_exceptions: tuple[Exemption, ...] = ()
    still_exceptions: tuple[Exemption, ...] = ()
    """As `covers` and `still`, of exceptions."""
    note: str = ""
    diff: str = ""
    written: bool = False

    @property
    def refused(self) -> bool:
        """Whether nothing was, or would be, written."""
        return bool(self.refusals)


class Due(StrEnum):
    """Why something is to be looked at."""

    EXPIRED = "expired"
    EXPIRES = "expires"
    """Within the time that was asked for."""
    OVERDUE = "overdue"
    """Its last review is longer ago than the policy allows."""
    UNREVIEWED = "never reviewed"


@dataclass(frozen=True, slots=True)
class Reminder:
    """Something that is due for review."""

    kind: str
    """entry, list, exception or acceptance."""
    what: str
    """In words."""
    category: str | None
    dues: tuple[Due, ...]
    """Why, the most pressing first; never empty."""
    reason: str
    owner: str
    ticket: str | None
    expires: str | None
    days: int | None
    """Whole days until it expires, negative once it has; None for what does not."""
    reviewed: str | None
    location: Location
    """Where it is written; of a shared list its own file."""
    held: tuple[tuple[str, Location], ...]
    """The tenants that have it, each with its line."""


@dataclass(frozen=True, slots=True)
class Review:
    """What of an environment is due for review."""

    within: int
    """Days."""
    reminders: tuple[Reminder, ...]
    looked_at: int
    """How many things were looked at."""
    broken: tuple[Broken, ...]
    """Tenants of which it cannot be told."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import into a shared list."""

    file: str
    where: str
    """What of the source was read."""
    read: int
    """Addresses and ranges in the source, before they were collapsed."""
    added: tuple[str, ...]
    removed: tuple[str, ...]
    kept: int
    diff: str
    notes: tuple[str, ...] = ()
    new: bool = False
    """Whether the list was not there before."""
    written: bool = False
    refused: str = ""
    """Why it was not written."""
