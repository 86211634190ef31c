"""What was seen of a target, and what is to be done about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import UTC
from datetime import date
from datetime import datetime
from fnmatch import fnmatchcase

from deployer.crew import Job
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Plan
from deployer.state import Key
from deployer.state import as_json


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Until when drift is accepted, why, and who answers for it."""

    until: date
    reason: str
    owner: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asks of `pull` beyond the selection of tenants and rules."""

    target: str | None = None
    removed: tuple[str, ...] = ()
    """Globs of the entries that were taken out by hand: their values, or the ids of their items."""
    owner: str | None = None
    """Who answers for new entries, where not whoever added the item."""
    accept: Acceptance | None = None
    dry_run: bool = False
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    """What was accepted until before is drift again."""

    def removes(self, *names: str) -> bool:
        """Whether the user named an entry by one of its names."""
        return any(fnmatchcase(name, glob) for name in names for glob in self.removed)


@dataclass(frozen=True, slots=True)
class Sight:
    """One target as it was read."""

    job: Job
    plan: Plan
    """Without the secrets of the run."""
    bodies: Mapping[Key, str]
    """What the live objects of its changes really hold, as JSON."""

    @property
    def target(self) -> str:
        return self.job.target.name

    def holds_a_secret(self, change: Change) -> bool:
        """Whether a credential of this run stands in the live object: then nothing of it goes into a file."""
        return not isinstance(change, Create) and as_json(change.live.body) != self.bodies.get(change.key)
