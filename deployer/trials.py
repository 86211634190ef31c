"""What came of running a rule over the past, with what the tenant allows and without. Pure."""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployer.findings import Location
from deployer.previews import Gap
from deployer.previews import PastAlert
from deployer.previews import Preview


class Standing(StrEnum):
    """What is known of a part of an allowlist."""

    HID = "hid"
    """At least one alert, or a part of one."""
    NOTHING = "hid nothing"
    """No alert of the whole span is otherwise with it."""
    JOINTLY = "hid nothing alone"
    """Something is otherwise without these, taken together, although each alone changes nothing."""
    UNKNOWN = "unknown"
    UNTRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Unit:
    """What is tried by itself: an entry, or everything that one include of a shared list stands for."""

    category: str
    title: str
    """The value and its scope, or the list's name."""
    location: Location
    """Where it can be taken out: the entry, or the tenant's include."""
    expires: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What alerts have become, compared with those without any entry."""

    hidden: int = 0
    """Alerts that are gone."""
    smaller: int = 0
    """Alerts that are still there and say otherwise: fewer events, a later beginning, a run later."""
    added: int = 0
    """Alerts that are only there with the entries: a rule that does not count may raise one for what is left."""

    @property
    def none(self) -> bool:
        return not (self.hidden or self.smaller or self.added)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one unit hid by itself."""

    unit: Unit
    standing: Standing
    effect: Effect = Effect()
    reason: str = ""
    """Why it is not known, or not tried; or how it is known without a preview of its own."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One rule over the past of one target."""

    rule: str
    with_entries: Preview | None = None
    without: Preview | None = None
    """With no entry at all; the same object where there is no entry."""
    effect: Effect | None = None
    """Of all entries together; None where parts were not looked at."""
    attempts: tuple[Attempt, ...] = ()
    note: str = ""
    """What to know of the rule here, such as that it is disabled; alone, why there was nothing to run."""
    error: str = ""
    """Why it could not be looked at."""
    previews: int = 0
    requests: int = 0

    @property
    def ran(self) -> tuple[Preview, ...]:
        """What was previewed, each once."""
        found = [one for one in (self.with_entries, self.without) if one is not None]
        return tuple(found[:1]) if len(found) == 2 and found[0] is found[1] else tuple(found)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What was not looked at, with or without entries; each once."""
        return tuple(dict.fromkeys(gap for preview in self.ran for gap in preview.gaps))

    @property
    def whole(self) -> bool:
        """Whether everything was looked at that was asked for."""
        untold = any(attempt.standing is Standing.UNKNOWN for attempt in self.attempts)
        return not (self.error or self.gaps or untold)

    @property
    def quiet(self) -> bool:
        """Whether there was, or may have been, nothing to look at in a part of the span."""
        return any(preview.quiet for preview in self.ran)

    @property
    def looked_at(self) -> bool:
        """Whether anything is known, if only that there is nothing to run."""
        return self.with_entries is not None or not self.error


NEAR_SECONDS = 86_400
"""How far apart two alerts about the same may be to count as one that came later."""


def effect(without: Preview, other: Preview) -> Effect:
    """What alerts of `without` have become in `other`; both must be whole.

    An alert is known by what it is about and by its run. What has no counterpart in the same run is compared with what
    is left about the same within a day: entries may let a rule reach its threshold in a later run.
    """
    lost, rest = _unpaired(without.alerts, other.alerts, lambda alert: (alert.at, _identity(alert), _measures(alert)))
    gone, rest = _unpaired(lost, rest, lambda alert: (alert.at, _identity(alert)))
    hidden, moved = _moved(gone, rest)
    return Effect(hidden, len(lost) - len(gone) + moved, len(rest) - moved)


def _unpaired(
    alerts: Sequence[PastAlert], others: Sequence[PastAlert], known_by: Callable[[PastAlert], object]
) -> tuple[list[PastAlert], list[PastAlert]]:
    """What is left on both sides when those known by the same are taken away in pairs."""
    waiting: dict[object, list[PastAlert]] = {}
    for other in others:
        waiting.setdefault(known_by(other), []).append(other)
    left = []
    for alert in alerts:
        if same := waiting.get(known_by(alert)):
            same.pop()
        else:
            left.append(alert)
    return left, sorted((other for same in waiting.values() for other in same), key=lambda other: other.at)


def _moved(gone: Sequence[PastAlert], rest: Sequence[PastAlert]) -> tuple[int, int]:
    """How many alerts are gone for good, and how many came in another run."""
    moved = 0
    waiting = list(rest)
    for alert in gone:
        near = [one for one in waiting if _identity(one) == _identity(alert) and _apart(one, alert) <= NEAR_SECONDS]
        if near:
            waiting.remove(min(near, key=lambda one: _apart(one, alert)))
            moved += 1
    return len(gone) - moved, moved


def _apart(one: PastAlert, other: PastAlert) -> float:
    return abs((one.at - other.at).total_seconds())


def _identity(alert: PastAlert) -> str:
    return repr(list(alert.about.items()))


def _measures(alert: PastAlert) -> str:
    return repr(sorted(alert.measures.items()))


def subject(alert: PastAlert) -> str:
    """What an alert is about, as one line: `ws-21 198.51.100.66 6667`. Fields that we compute ourselves are left out
    where there are others."""
    shown = {name: value for name, value in alert.about.items() if not name.startswith("deployer.")} or alert.about
    return " ".join(_text(value) for value in shown.values())


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return str(value)
