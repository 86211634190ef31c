"""Values that stay as they are in some targets while they change in others, and who says so there.

Known only once every target was read, and looked up only for what changes somewhere.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from typing import TypeAlias

from deployer import queries
from deployer.concealing import conceal
from deployer.diff import QUERY
from deployer.diff import FieldChange
from deployer.diff import parted
from deployer.diff import undone
from deployer.explaining import Path
from deployer.explaining import origins_of
from deployer.manifest.load import Manifest
from deployer.model import Acceptance
from deployer.model import Assignment
from deployer.model import Json
from deployer.model import Platform
from deployer.origins import Origin
from deployer.origins import Said
from deployer.origins import Voice
from deployer.outcome import Kept
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.plan import Cause
from deployer.plan import Change
from deployer.plan import Claim
from deployer.plan import Update
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import as_json

Object: TypeAlias = tuple[Platform | None, Key]
"""The same rule is another object on another platform."""

Moving: TypeAlias = Mapping[Path, Collection[str]]
"""What becomes of each value of an object that is updated somewhere: as JSON, over all of the targets."""

Wanted: TypeAlias = tuple[DesiredState, Assignment | None]
"""What a target is to hold, and what that was made of; None where it is not known."""

_MOVED_BY_US = (Cause.PENDING, Cause.DRIFT, Cause.BOTH)
_ABSENT = object()


class Keeping:
    """What the targets of one run keep of what others of it change, once all are read."""

    def __init__(self, manifest: Manifest, wanted: Callable[[], Mapping[Place, Wanted]]) -> None:
        """`wanted` gives what each target is to hold; it is asked only where something changes."""
        self._manifest = manifest
        self._wanted = wanted

    def told(self, outcomes: Sequence[Outcome], redact: Callable[[str], str]) -> list[Outcome]:
        """The same plans; each that keeps a value that others change says so, and who has it so if it is another one.

        Costs nothing where nothing is updated, and else grows with the targets that hold what is. Nothing that it adds
        holds a secret of the run: `redact` takes those out of a text.
        """
        moving = _moving(outcomes)
        if not moving:
            return list(outcomes)
        wanted = self._wanted()
        keeper = _Keeper(self._manifest, moving)
        return [
            replace(one, kept=conceal(keeper.kept(one, *wanted[one.place]), redact))
            if isinstance(one, Planned) and one.place in wanted
            else one
            for one in outcomes
        ]


def _moving(outcomes: Iterable[Outcome]) -> dict[Object, dict[Path, set[str]]]:
    found: dict[Object, dict[Path, set[str]]] = {}
    for plan in (one.plan for one in outcomes if isinstance(one, Planned)):
        for change in plan.changes:
            if isinstance(change, Update) and not change.retires and change.cause in _MOVED_BY_US:
                of_object = found.setdefault((plan.platform, change.key), {})
                for part in _parts(change):
                    of_object.setdefault(part.keys, set()).add(as_json(part.after))
    return found


class _Keeper:
    """Looks up what the targets of one run keep."""

    def __init__(self, manifest: Manifest, moving: Mapping[Object, Moving]) -> None:
        self._manifest = manifest
        self._tenants = {tenant.name: tenant for tenant in manifest.tenants}
        self._moving = moving

    def kept(self, outcome: Planned, desired: DesiredState, assignment: Assignment | None) -> tuple[Kept, ...]:
        """What one target keeps, in a stable order."""
        plan = outcome.plan
        changes: dict[Key, Change] = {change.key: change for change in plan.changes}
        found: list[Kept] = []
        asked: dict[Key, list[Path]] = {}
        for key in sorted({*plan.unchanged, *changes}):
            moving = self._moving.get((plan.platform, key))
            if not moving:
                continue
            for path, value in _staying(outcome, desired, key, changes.get(key), moving):
                found.append(Kept(key, path, value))
                if as_json(value) not in moving[path]:
                    asked.setdefault(key, []).append(path)
        if not asked or assignment is None:
            return tuple(found)
        accepted = {(one.key, one.field.keys): _accepting(one.acceptance) for one in plan.accepted}
        tenant = self._tenants[outcome.place.tenant]
        told = origins_of(self._manifest, tenant, assignment, desired, asked) | accepted
        return tuple(
            replace(one, origin=told.get((one.key, one.path))) if one.path in asked.get(one.key, ()) else one
            for one in found
        )


def _staying(
    outcome: Planned, desired: DesiredState, key: Key, change: Change | None, moving: Moving
) -> Iterator[tuple[Path, Json]]:
    """The values of one object that others change and this target does not, by path."""
    if change is None:
        body: Mapping[str, Any] = undone(
            desired.resources[key].body, [one.field for one in outcome.plan.accepted if one.key == key]
        )
    elif isinstance(change, Update | Claim):
        body = change.desired.body
    else:
        return
    own = [part.keys for part in _parts(change)] if change else []
    for path in sorted(moving):
        if any(path[: len(one)] == one[: len(path)] for one in own):
            continue
        if (value := _value(body, path)) is not _ABSENT:
            yield path, value


def _parts(change: Change) -> Iterator[FieldChange]:
    return (part for one in change.fields for part in parted(one))


def _value(body: Mapping[str, Any], path: Path) -> Any:
    """None for a field that is not there; `_ABSENT` for a part of a query that is not there, which nobody keeps."""
    if len(path) == 2 and path[0] == QUERY and path[1].startswith("let "):
        found = {let.name: let.value for let in queries.lets(str(body.get(QUERY) or ""))}
        return found.get(path[1].removeprefix("let "), _ABSENT)
    value: Any = body
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _accepting(acceptance: Acceptance) -> Origin:
    said = Said(Voice.TENANT, acceptance.location, None, "accepted")
    return Origin((), None, (said,))
