"""What lets something through at one customer, and what does not. Pure values, for reports."""

from dataclasses import dataclass
from datetime import datetime

from deployer.allowlist.outcomes import Refusal
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Exemption
from deployer.model import Platform


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: may this pass, where, by what, on which port?"""

    what: str
    """As it was typed."""
    host: str | None = None
    process: str | None = None
    port: int | None = None
    rules: tuple[str, ...] = ()
    """Globs; empty means every rule."""


@dataclass(frozen=True, slots=True)
class At:
    """What an entry is at one target."""

    target: str
    platform: Platform
    rules: tuple[str, ...]
    """Those that honour its category."""
    becomes: str
    """The object, or the part of one, that it is there."""


@dataclass(frozen=True, slots=True)
class Ground:
    """An entry that holds what was asked for, and how far, at the targets where that is the same."""

    entry: Entry
    category: Category
    limits: tuple[str, ...]
    """What must hold besides, of which nothing was asked; empty where it lets everything through."""
    fails: tuple[str, ...]
    """Why it does not let it through; empty where it does."""
    at: tuple[At, ...]

    @property
    def allows(self) -> bool:
        """Whether it lets it through, if its limits hold."""
        return not self.fails


@dataclass(frozen=True, slots=True)
class Excepted:
    """A free-form exception, and what it does to what was asked, at the targets where that is the same."""

    exemption: Exemption
    platform: Platform
    limits: tuple[str, ...]
    """Conditions of Kibana of which nothing was asked: only where they hold, too, is it let through."""
    fails: tuple[str, ...]
    """Why it does not let it through."""
    taken: str | None
    """The field that what was asked for is taken to stand in, where it may stand in several."""
    near: bool
    """Whether it does not let it through for its day only, or though some of its conditions hold."""
    among: tuple[str, ...]
    """Of what was asked, that which is among the values of Sentinel, as somebody reads it."""
    at: tuple[At, ...]

    @property
    def allows(self) -> bool | None:
        """Whether it lets it through, if its limits hold; None where only the query knows."""
        if self.fails:
            return False
        return None if self.platform is Platform.SENTINEL else True


@dataclass(frozen=True, slots=True)
class Silent:
    """A rule that lets nothing of it through at a target, and why."""

    target: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be said of it at one tenant."""

    tenant: str
    question: Question
    now: datetime
    grounds: tuple[Ground, ...] = ()
    """Those that allow it first."""
    exceptions: tuple[Excepted, ...] = ()
    """Those that let it through first, then those of which only the query knows."""
    silent: tuple[Silent, ...] = ()
    disabled: tuple[tuple[str, str], ...] = ()
    """Target and rule: those that do not run anyway."""
    notes: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    """Why nothing can be said."""
