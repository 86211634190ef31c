"""Read a target back and ask of every object: present, equal, enabled; of a rule also: ran, healthy, data.

Each answer is pass, fail or unknown. The last three come from the provider, asked once for all rules; a rule that Git
wants disabled is not asked them, so that a hunting rule at rest leaves nothing unknown.
"""

import time
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from itertools import repeat

from deployer.accepted import as_accepted
from deployer.diff import field_changes
from deployer.outcome import Answer
from deployer.outcome import Health
from deployer.outcome import Level
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.providers.base import Asked
from deployer.retirement import Stays
from deployer.retirement import fates
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Resource
from deployer.state import whose

PAUSES_SECONDS = (5.0, 10.0, 20.0, 30.0)
"""Between two looks; the last one again and again. Rules run every minute at most."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long to look again, and the hands to do it with."""

    seconds: float
    say: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


Look = Callable[[Collection[Place] | None], list[Outcome]]
"""Looks at these targets, or at all."""


def until_known(look: Look, waiting: Waiting, interrupted: Callable[[], bool]) -> list[Outcome]:
    """What `look` finds once every required answer is known that time alone can make known, or the time is up.

    Only targets that lack such an answer are looked at again. One that cannot be read then keeps what was known of it,
    and is tried again. Whoever interrupts gets what is known by then.
    """
    ends = waiting.clock() + waiting.seconds
    outcomes = look(None)
    for pause in chain(PAUSES_SECONDS, repeat(PAUSES_SECONDS[-1])):
        lacking = [outcome for outcome in outcomes if isinstance(outcome, Verified) and outcome.awaited()]
        left = ends - waiting.clock()
        if not lacking or interrupted():
            break
        if left <= 0:
            waiting.say(f"The time is up; not known yet: {_lacking(lacking)}")
            break
        waiting.say(f"Waiting up to {_duration(left)} more; not known yet: {_lacking(lacking)}")
        try:
            waiting.sleep(min(pause, left))
            again = {outcome.place: outcome for outcome in look({outcome.place for outcome in lacking})}
        except KeyboardInterrupt:
            waiting.say("Interrupted: this is what is known so far.")
            break
        for outcome in again.values():
            if isinstance(outcome, Unreadable) and not interrupted():
                waiting.say(f"{outcome.place} could not be read again: {outcome.error}")
        outcomes = [_newer(outcome, again.get(outcome.place)) for outcome in outcomes]
    return outcomes


def asked(desired: DesiredState, live: LiveState, among: Collection[Key] | None = None) -> list[Asked]:
    """The rules to ask the provider's `health` of: wanted enabled, and there. `among` narrows them.

    What is accepted is wanted as it is live: a rule that may rest for a while is not asked whether it runs.
    """
    found = [
        Asked(as_accepted(wanted, live.resources[key], desired.accepted)[0], live.resources[key])
        for key, wanted in sorted(desired.resources.items())
        if key in live.resources and (among is None or key in among)
    ]
    return [one for one in found if _runs(one.wanted)]


def verify(
    desired: DesiredState, live: LiveState, health: Mapping[Key, Health], today: date | None = None
) -> tuple[Level, ...]:
    """Every answer there is, object by object. An object that is missing is asked nothing more.

    `health` is what the provider answered for the rules in `asked`. `today` tells whose grace is over.
    """
    levels: list[Level] = []
    for key, wanted in sorted(desired.resources.items()):
        found = live.resources.get(key)
        levels += _object(wanted, found, desired, today)
        levels += health[key].levels if key in health else ()
    dropped = [one for key, one in sorted(live.resources.items()) if key not in desired.resources and desired.owns(one)]
    for one, fate in fates(dropped, desired.grace_days, today):
        if isinstance(fate, Stays):
            levels.append(Level(one.key, "equal", Answer.PASS, f"no longer in Git: {fate.reason}"))
        else:
            levels.append(Level(one.key, "equal", Answer.FAIL, "it is still there, though no longer in Git"))
    return tuple(levels)


def _newer(known: Outcome, again: Outcome | None) -> Outcome:
    return known if again is None or isinstance(again, Unreadable) else again


def _lacking(outcomes: Sequence[Verified]) -> str:
    return ", ".join(f"{outcome.place} ({_levels(outcome)})" for outcome in outcomes)


def _levels(outcome: Verified) -> str:
    names = [level.level for level in outcome.awaited()]
    return ", ".join(f"{name} of {names.count(name)}" for name in dict.fromkeys(names))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _runs(wanted: Resource) -> bool:
    return wanted.key.kind is Kind.RULE and wanted.body.get("enabled") is True


def _object(wanted: Resource, found: Resource | None, desired: DesiredState, today: date | None) -> Iterator[Level]:
    key = wanted.key
    if found is None:
        yield Level(key, "present", Answer.FAIL, "it is not there")
        return
    yield Level(key, "present", Answer.PASS)
    accepted, left = as_accepted(wanted, found, desired.accepted)
    notes = [] if desired.owns(found) else [f"though not ours: {whose(found) if found.mark else 'it carries no mark'}"]
    for one in left:
        over = ", which is over" if today and not one.acceptance.covers(today) else ""
        notes.append(f"but for {one.field.path}, accepted until {one.acceptance.until}{over}")
    yield _equal(key, accepted, found, "; ".join(notes))
    if key.kind is Kind.RULE:
        yield _enabled(key, accepted, found)


def _equal(key: Key, wanted: Resource, found: Resource, note: str) -> Level:
    paths = [field.path for field in field_changes(found.body, wanted.body)]
    if not paths:
        return Level(key, "equal", Answer.PASS, note)
    return Level(key, "equal", Answer.FAIL, f"it differs from Git in {', '.join(paths)}")


def _enabled(key: Key, wanted: Resource, found: Resource) -> Level:
    if found.halted:
        return Level(key, "enabled", Answer.FAIL, found.halted)
    state = "enabled" if found.body.get("enabled") is True else "disabled"
    if found.body.get("enabled") != wanted.body.get("enabled"):
        return Level(key, "enabled", Answer.FAIL, f"it is {state}, Git says otherwise")
    return Level(key, "enabled", Answer.PASS, "" if state == "enabled" else "disabled, as Git says")
