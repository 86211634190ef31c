"""Carry out a plan, change by change, in its order. What an object needs must be in place before it is written.

Many objects of one kind that only come or change need nothing of each other: they are written side by side, as many at
a time as the platform takes from one target.
"""

import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import groupby
from typing import Protocol

from deployer.errors import Denied
from deployer.errors import Overloaded
from deployer.errors import ProviderError
from deployer.errors import Unreachable
from deployer.errors import Unrecorded
from deployer.outcome import Applied
from deployer.outcome import Failure
from deployer.outcome import Place
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.providers.base import Provider
from deployer.staging import Step
from deployer.staging import steps
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Resource


class Record(Protocol):
    """Who is told of every write: before it is sent, and what came of it."""

    def writing(self, place: Place, change: Change, switched_off: Sequence[Resource] = ()) -> None: ...

    def written(self, place: Place, change: Change) -> None: ...

    def failed(self, place: Place, change: Change, error: str) -> None: ...


def apply(
    place: Place,
    plan: Plan,
    provider: Provider,
    stopping: Callable[[], bool] = lambda: False,
    record: Record | None = None,
) -> Applied:
    """Every change is done, failed or not tried; what was done is said whatever happens after it.

    A refused credential ends the target, and so does a platform that takes nothing for `PATIENCE_SECONDS`; any other
    failure only what needs the object. `stopping` is asked before
    each change: once it says so, the rest is not tried. Nothing is sent that `record` could not be told of.
    """
    end, unfit = _unready(plan, provider)
    run = _Run(place, plan, provider, stopping, record, end, unfit)
    for batch in _batches(steps(plan.changes)):
        run.carry_out(batch)
    return Applied(place, plan, tuple(run.done), tuple(run.failures))


PATIENCE_SECONDS = 120.0
"""How long a target is tried while it puts off every write, or answers none: each of them waits by itself."""
_FEW = 8
"""So many writes are made one after another: little is to be gained, and their order is that of the plan."""
_APART = (Kind.DATA_VIEW, Kind.LIST, Kind.ITEM, Kind.RULE)
"""Kinds whose objects are written by requests that know nothing of each other."""


def _batches(found: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """The steps in their order, those that may be taken side by side together."""

    def alike(step: Step) -> tuple[object, ...]:
        apart = step.change.key.kind in _APART and not step.narrows and not isinstance(step.change, Delete)
        return (step.change.key.kind,) if apart else (step.change.key.kind, step.narrows, id(step))

    for _, together in groupby(found, alike):
        batch = tuple(together)
        yield from [batch] if len(batch) > _FEW else ((step,) for step in batch)


class _Run:
    """One plan that is carried out."""

    def __init__(
        self,
        place: Place,
        plan: Plan,
        provider: Provider,
        stopping: Callable[[], bool],
        record: Record | None,
        end: str | None,
        unfit: Mapping[Key, str],
    ) -> None:
        self._place, self._plan, self._provider = place, plan, provider
        self._stopping, self._record = stopping, record
        self._unfit = unfit
        self._end = end
        """Why nothing is tried any more."""
        self._heard = time.monotonic()
        """When the platform last had an answer to a write."""
        self._begun: set[Key] = set()
        self.done: list[Change] = []
        self.failures: list[Failure] = []

    def carry_out(self, batch: Sequence[Step]) -> None:
        """All of these steps, in no order."""
        if len(batch) == 1:
            results = [self._step(batch[0])]
        else:
            at_once = min(self._provider.writes_at_once, len(batch))
            with ThreadPoolExecutor(at_once, thread_name_prefix=threading.current_thread().name) as pool:
                results = list(pool.map(self._step, batch))
        for step, failure in zip(batch, results, strict=True):
            if failure:
                self.failures.append(failure)
            elif any(one.change is step.of for one in self.failures):
                continue  # its first write failed
            elif step.last:
                self.done.append(step.of)
            else:
                self._begun.add(step.change.key)

    def _step(self, step: Step) -> Failure | None:
        """Why the step was not taken; None also where its change has failed before."""
        change = step.change
        if any(failure.change is step.of for failure in self.failures):
            return None
        if self._stopping():
            self._end = "not tried: interrupted"
        reason = change.blocked or self._end or self._unfit.get(change.key) or _hindrance(step, self.failures)
        if reason:
            half = change.key in self._begun
            return Failure(step.of, f"{reason}{_HALF if half else ''}", tried=half)
        switched_off = _switched_off(change, self._plan)
        error, problem = _carry_out(self._place, change, self._provider, self._record, switched_off)
        self._end = self._end or self._over(problem)
        return Failure(step.of, error) if error is not None else None

    def _over(self, problem: ProviderError | None) -> str | None:
        """Why nothing is tried after a write that ended so."""
        if isinstance(problem, Denied):
            return "not tried: the credential was refused before"
        if not isinstance(problem, Overloaded | Unreachable):
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > PATIENCE_SECONDS:
            return f"not tried: no write got through for {PATIENCE_SECONDS:.0f} s"
        return None


def ours_after(applied: Applied, desired: DesiredState, live: LiveState) -> set[Key]:
    """What is ours in a target after an apply, given what was there before it. What failed is as it was before."""
    owned = {key for key, one in live.resources.items() if desired.owns(one)}
    gone = {change.key for change in applied.done if isinstance(change, Delete)}
    return (owned | {change.key for change in applied.done}) - gone


def _carry_out(
    place: Place, change: Change, provider: Provider, record: Record | None, switched_off: Sequence[Resource]
) -> tuple[str | None, ProviderError | None]:
    """Why the change is not known to have happened, and what the platform raised if it did; None when it is done."""
    try:
        if record:
            record.writing(place, change, switched_off)
    except Unrecorded as problem:
        return f"not sent: {problem}", None
    error, raised = None, None
    try:
        provider.apply(change)
    except ProviderError as problem:
        error, raised = str(problem), problem
    except Exception as problem:  # noqa: BLE001 - whatever goes wrong here, what was written before must be said
        error = f"internal error, please report it: {type(problem).__name__}: {problem}"
    if record:
        with suppress(Unrecorded):  # it happened, or not, all the same; the next write finds the journal closed
            record.written(place, change) if error is None else record.failed(place, change, error)
    return error, raised


def _switched_off(change: Change, plan: Plan) -> tuple[Resource, ...]:
    """The rules that are switched off before their data view goes: they go after it."""
    if not isinstance(change, Delete) or change.key.kind is not Kind.DATA_VIEW:
        return ()
    rules = (one.live for one in plan.changes if isinstance(one, Delete) and change.key in one.live.needs)
    return tuple(rule for rule in rules if rule.body.get("enabled"))


def _unready(plan: Plan, provider: Provider) -> tuple[str | None, Mapping[Key, str]]:
    """Why the target cannot take any write, and which objects it cannot take; not asked when there is none to make."""
    if all(change.blocked for change in plan.changes):
        return None, {}
    try:
        return None, provider.ready(plan)
    except ProviderError as error:
        return str(error), {}


_HALF = "; what is new in it is there, and what is to go still is"


def _hindrance(step: Step, failures: list[Failure]) -> str | None:
    """Why a change must not even be tried: fail closed."""
    change = step.change
    if isinstance(change, Delete) and change.key.kind is Kind.RULE:
        # Nothing stands on a rule; but a data view that could not be deleted is found again only through its rule.
        kept = [
            one.change.key for one in failures if isinstance(one.change, Delete) and one.change.key in change.live.needs
        ]
        return f"not tried: {kept[0]}, which it uses, could not be deleted" if kept else None
    if isinstance(change, Delete) or (step.narrows and not isinstance(change, Create)):
        # What guards a rule stays while a rule that stands on it, or the entry that takes its place, is not written.
        ground = {change.key, *change.live.needs}
        what = "it" if isinstance(change, Delete) else "what is taken out of it"
        needed = [failure.change.key for failure in failures if ground.intersection(_ground(failure))]
        return f"not tried: {needed[0]} may still need {what} and could not be written" if needed else None
    failed = {failure.change.key for failure in failures}
    missing = sorted(key for key in change.desired.needs if key in failed)
    return f"not tried: it needs {_names(missing)}, which could not be written" if missing else None


def _ground(failure: Failure) -> set[Key]:
    """Everything that a failed object stands on, before and after the change; and it itself, if it was tried."""
    change = failure.change
    live = () if isinstance(change, Create) else change.live.needs
    desired = () if isinstance(change, Delete) else change.desired.needs
    return {*live, *desired, *([change.key] if failure.tried else [])}


def _names(keys: list[Key]) -> str:
    return ", ".join(map(str, keys[:3])) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
