"""A plan that was saved for later: what it would do, object by object, and whether that is still exactly so.

The saved plan is the JSON report of `plan`. What counts is not its text but what it was made from: per object the live
state that was read and the desired state that was to be written.
"""

import hashlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from typing import TypeAlias

from deployer.errors import CannotStart
from deployer.errors import StalePlan
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.shards import Dealt
from deployer.shards import parse
from deployer.state import DesiredState
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Mark
from deployer.state import UnknownMark
from deployer.state import as_json

Where: TypeAlias = tuple[str, str]
"""Tenant and target."""
_SEEN_ALWAYS = (Kind.RULE, Kind.LIST, Kind.ITEM)
"""Kinds that a target names all of; others are found only through what uses them, so that none can be said to be gone.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """What one change was made from."""

    action: str
    live: str | None
    """Digest and version of the object as it was read; None where there was none."""
    desired: str | None
    """Digest of what is to be written; None for a delete."""
    blocked: str | None = None


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """The plan of a run, with everything that it was asked with: it is applied in the same way."""

    environment: str
    asked: Mapping[str, Any]
    """The options of the run that made it."""
    targets: Mapping[Where, Mapping[str, Step]]
    """Per target that could be looked at, its changes by object."""
    addresses: Mapping[Where, str]
    """Where each of these targets was."""
    dealt: str | None = None
    """Of the plan of a shard: the digest of the tenants that were dealt out."""


def digest_of(outcomes: Sequence[Outcome]) -> str:
    """16 hexadecimal digits over the plans of a run, target by target."""
    return digest_over(
        [outcome.place.tenant, outcome.place.target, outcome.plan.digest]
        for outcome in outcomes
        if isinstance(outcome, Planned)
    )


def digest_over(plans: Iterable[Sequence[str | None]]) -> str:
    """The same, of tenant, target and digest of each plan."""
    return hashlib.sha256(as_json([list(plan) for plan in plans]).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def digest_to_approve(outcomes: Sequence[Outcome]) -> str:
    """The digest of a run that would change something; empty for any other."""
    there_is = any(isinstance(outcome, Planned) and outcome.plan.changes for outcome in outcomes)
    return digest_of(outcomes) if there_is else ""


def step(change: Change) -> Step:
    """What a change is made from."""
    live = None if isinstance(change, Create) else f"{change.live.digest}:{change.live.version or ''}"
    desired = None if isinstance(change, Delete) else _state(change.desired.digest, change.mark)
    return Step(change.action, live, desired, change.blocked)


def require_same_deal(saved: SavedPlan, dealt: Dealt | None) -> None:
    """Raise `StalePlan` where the planned shard holds other tenants by now: some would be left out without a word."""
    if saved.dealt is not None and (dealt is None or dealt.digest != saved.dealt):
        raise StalePlan(
            "tenants have come or gone since the plan of this shard was made, so that it holds others by now. Nothing "
            "was written; plan again"
        )


def stale(saved: SavedPlan, place: Place, plan: Plan, desired: DesiredState, live: LiveState) -> Iterator[str]:
    """Why the saved plan is not the plan of now, object by object; nothing if it is.

    An object that is by now, to its mark, what the plan would make of it is no reason: a run of the plan that was
    stopped is gone on with by running it again, and writes what is left of it. `plan` compares `desired` with `live`.
    """
    before = saved.targets.get((place.tenant, place.target or ""))
    if before is None:
        yield "the saved plan does not know it: it could not be looked at when the plan was made"
        return
    if (then := saved.addresses[place.tenant, place.target or ""]) != plan.address:
        yield f"it was at {then} when the plan was made, and is at {plan.address} by now"
    now = {str(change.key): step(change) for change in plan.changes}
    taken = _Taken(desired, live)
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key) and not (key not in now and taken.holds(key, before[key])):
            yield f"{key}: {_difference(before.get(key), now.get(key))}"


class _Taken:
    """Which steps of a plan a target shows to have been taken."""

    def __init__(self, desired: DesiredState, live: LiveState) -> None:
        self._desired = desired
        self._there = {str(key): one for key, one in live.resources.items()}
        self._others = {f"{one.kind}/{one.id}" for one in live.unmanaged}

    def holds(self, key: str, step: Step) -> bool:
        """Whether the object is as the step leaves it: content, mark and all. What cannot be told is not."""
        found = self._there.get(key)
        if step.blocked:
            return False
        if step.desired is None:
            seen = key.partition("/")[0] in _SEEN_ALWAYS
            return seen and found is None and key not in self._others
        return found is not None and self._desired.owns(found) and step.desired == _state(found.digest, found.mark)


def _state(digest: str, mark: Mark | UnknownMark | None) -> str:
    """The content of an object, and what it is marked as."""
    return f"{digest}:{mark}"


def _difference(before: Step | None, now: Step | None) -> str:
    if before is None:
        return f"the plan has nothing for it, and by now there is something to {now.action if now else 'do'}"
    if now is None:
        return f"was to {before.action}, and by now there is nothing to do"
    if before.live != now.live:
        return "changed in the target since the plan was made; plan again"
    if before.desired != now.desired:
        return "changed in Git since the plan was made; plan again"
    return f"was to {before.action} ({before.blocked or 'free'}), by now to {now.action} ({now.blocked or 'free'})"


def read(document: Any, environment: str) -> SavedPlan:
    """The plan in a JSON report of `plan`. Raises `CannotStart` for anything else, and for another environment."""
    if not isinstance(document, dict) or document.get("verb") != "plan" or "asked" not in document:
        raise CannotStart("it is no plan: write one with `deployer plan ENV --out FILE`")
    if document.get("environment") != environment:
        raise CannotStart(f"it is a plan of {document.get('environment')}, not of {environment}")
    try:
        planned = {
            (str(target["tenant"]), str(target["target"])): target
            for target in document["targets"]
            if target["outcome"] == "planned"
        }
        return SavedPlan(
            environment=environment,
            asked=_asked(document["asked"]),
            targets={
                where: {
                    f"{change['kind']}/{change['id']}": Step(**change["made_from"], blocked=change["blocked"])
                    for change in target["changes"]
                }
                for where, target in planned.items()
            },
            addresses={where: str(target["address"]) for where, target in planned.items()},
            dealt=str(document["shard"]["dealt"]) if document["asked"].get("shard") else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CannotStart(f"the plan is damaged ({type(error).__name__}: {error}); make it again") from None


def _asked(told: Any) -> dict[str, Any]:
    """The options, each of its own type; raise `ValueError` for others: somebody wrote into the plan."""
    fits: dict[str, Callable[[Any], bool]] = {
        **dict.fromkeys(("tenants", "rules"), _is_texts),
        "wave": lambda value: value is None or isinstance(value, str),
        **dict.fromkeys(("adopt", "reenable", "rekey"), lambda value: isinstance(value, bool)),
        "shard": lambda value: value is None or isinstance(value, str),
        **dict.fromkeys(("allow_deletes", "allow_updates"), lambda value: value is None or _is_count(value)),
    }
    if isinstance(told, dict):
        told = {"wave": None, "shard": None, **told}  # plans of before do not tell them
    if not isinstance(told, dict) or told.keys() != fits.keys():
        raise ValueError("it does not hold the options of `plan`")
    for name, value in told.items():
        if not fits[name](value):
            raise ValueError(f"{name} cannot be {value!r}")
    return {**told, "shard": None if told["shard"] is None else parse(told["shard"])}


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
