"""The writes of a plan in their order: what allowlists gain before the rules, what they lose after them. Pure.

An entry may move from one object to another, out of a value list into an item of its own because it expires now, say.
Written in one go, either list may be the first; what both states allow must have a place at every moment between, and
for good where the run ends in between.
"""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

from deployer.plan import Change
from deployer.plan import Delete
from deployer.plan import Update
from deployer.widening import joint
from deployer.widening import move


@dataclass(frozen=True, slots=True)
class Step:
    """One write of a planned change."""

    change: Change
    of: Change
    """What was planned."""
    last: bool = True
    """Whether the planned change is done with it."""
    narrows: bool = False
    """Whether it takes something out of an allowlist, and adds nothing."""


def steps(changes: Sequence[Change]) -> tuple[Step, ...]:
    """Deletes come last, as they stand in a plan; before them, what takes values out and does nothing else.

    A change that does both takes two writes, unless it is the only one.
    """
    alone = sum(not isinstance(change, Delete) for change in changes) == 1
    found = [step for change in changes for step in _steps(change, alone=alone)]
    deletes = [step for step in found if isinstance(step.change, Delete)]
    others = [step for step in found if not isinstance(step.change, Delete)]
    return (
        *(step for step in others if not step.narrows),
        *(step for step in others if step.narrows),
        *deletes,
    )


def _steps(change: Change, *, alone: bool) -> Iterator[Step]:
    if not isinstance(change, Update) or change.blocked:
        yield Step(change, change)
        return
    gains, loses = move(change.live, change.desired)
    both = joint(change.live, change.desired) if gains and loses and not alone else None
    if both is None:
        yield Step(change, change, narrows=loses and not gains)
        return
    mark = replace(change.mark, digest=both.digest) if change.mark else None
    yield Step(replace(change, desired=both, mark=mark), change, last=False)
    between = replace(change.live, body=both.body, name=both.name, mark=mark)
    yield Step(replace(change, live=between), change, narrows=True)
