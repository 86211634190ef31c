"""What becomes of an object of ours that nobody wants any more: it goes, or it is switched off first and goes later.

There is no state file that could know since when a rule is switched off, so the rule's own description says it, and
counts only as long as the rule is as we wrote it: whoever edits it in the meantime begins its grace anew.
"""

import re
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from datetime import date
from datetime import timedelta
from typing import TypeAlias

from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource

_RETIRED = re.compile(r"\ARetired (\d{4}-\d{2}-\d{2}): no longer in Git; deployer deletes it after \d+ days\.\s*")


@dataclass(frozen=True, slots=True)
class Goes:
    """It is deleted now."""

    agreed: bool = False
    """Whether it was counted as a delete when it was switched off."""


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """It is written as `retired`, disabled, and deleted after `days`."""

    retired: Resource
    days: int


@dataclass(frozen=True, slots=True)
class Stays:
    """It is left as it is for now, and why."""

    reason: str


Fate: TypeAlias = Goes | SwitchedOff | Stays


def fates(dropped: Sequence[Resource], grace_days: int, today: date | None) -> Iterator[tuple[Resource, Fate]]:
    """What becomes of each. What a rule that stays for a while stands on stays with it, unless others stand on it, too:
    an entry that is taken out of a list which is still wanted goes at once.

    Without `today` no grace is over, and none begins.
    """
    rules = {one.key: _of_rule(one, grace_days, today) for one in dropped if one.key.kind is Kind.RULE}
    staying = [one for one in dropped if not isinstance(rules.get(one.key, Goes()), Goes)]
    unwanted = {one.key for one in dropped}
    ground: dict[Key, Key] = {need: one.key for one in staying for need in one.needs if need in unwanted}
    for one in dropped:
        user = next((ground[key] for key in (one.key, *one.needs) if key in ground), None)
        if one.key in rules:
            yield one, rules[one.key]
        else:
            yield one, Stays(f"stays as long as {user} does") if user else Goes()


def _of_rule(found: Resource, grace_days: int, today: date | None) -> Fate:
    if not grace_days or found.keep:
        return Goes()
    if (since := _retired_on(found)) is not None:
        end = since + timedelta(days=grace_days)
        if today and end <= today:
            return Goes(agreed=True)
        return Stays(f"disabled since {since}, deleted by an apply from {end} on")
    if today is None:
        return Stays("no longer in Git")
    words = f"Retired {today}: no longer in Git; deployer deletes it after {grace_days} days."
    said = _RETIRED.sub("", str(found.body.get("description", "")))  # of a grace that somebody's edit has ended
    description = f"{words}\n\n{said}".strip()
    return SwitchedOff(replace(found, body={**found.body, "enabled": False, "description": description}), grace_days)


def _retired_on(found: Resource) -> date | None:
    """The day on which we switched the rule off, if we did and nobody has touched it since."""
    match = _RETIRED.match(str(found.body.get("description", "")))
    if match is None or found.body.get("enabled") is not False or not found.as_marked:
        return None
    try:
        return date.fromisoformat(match[1])
    except ValueError:
        return None
