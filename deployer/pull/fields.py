"""Fields of a rule, and of its data view, into overlays."""

import copy
import dataclasses
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployer.diff import FieldChange
from deployer.diff import field_changes
from deployer.errors import CannotEncode
from deployer.manifest import edit
from deployer.manifest.document import Document
from deployer.manifest.document import Path as Steps
from deployer.manifest.document import merged
from deployer.manifest.schema import validate
from deployer.model import Platform
from deployer.model import Rule
from deployer.outcome import Left
from deployer.outcome import Taken
from deployer.plan import Cause
from deployer.plan import Update
from deployer.providers.codecs import blocks
from deployer.providers.codecs import fixed
from deployer.pull.draft import Draft
from deployer.pull.draft import Level
from deployer.state import Key
from deployer.state import Resource
from deployer.state import as_json


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a field was not taken over."""

    reason: str
    sayable: bool = True
    """Whether an overlay could say it, if not quite."""


@dataclass(slots=True)
class _Rule:
    """One rule at one target while its fields are taken over."""

    draft: Draft
    target: str
    rule: Rule
    changes: Sequence[Update]
    """Of the rule and of its data view."""
    git: Mapping[Key, Resource]
    levels: dict[str, Level] = dataclasses.field(default_factory=dict)

    @property
    def platform(self) -> Platform:
        return self.draft.target(self.target).platform

    def block(self, name: str) -> dict[str, Any]:
        """The block of the overlay in which a field of the rule belongs."""
        return self.draft.block(self.level(name), self.platform, self.rule.id)

    def level(self, name: str) -> Level:
        """Where a field is written: told once, from the overlays as they were before."""
        if name not in self.levels:
            self.levels[name] = self.draft.level(self.target, self.platform, self.rule.id, name)
        return self.levels[name]

    def path(self, name: str) -> Steps:
        """Where a field stands in the tenant's file."""
        level = self.level(name)
        base: Steps = ("overlay",) if level is None else ("targets", level, "overlay")
        return (*base, self.rule.id, self.platform.value, name)

    def differing(self) -> set[tuple[Key, str]]:
        """Fields that the overlays as they are now would not make what they are live."""
        made = self.draft.encoded(self.target, self.rule.id)
        return {
            (change.key, field.path)
            for change in self.changes
            for field in field_changes(change.live.body, made[change.key].body if change.key in made else {})
        }

    def untouched(self) -> set[tuple[Key, str]]:
        """Fields that differ and are to stay so: what was accepted is no part of the plan."""
        planned = {(change.key, field.path) for change in self.changes for field in change.fields}
        every = {
            (change.key, field.path)
            for change in self.changes
            for field in field_changes(change.live.body, self.git[change.key].body)
        }
        return every - planned


def take_fields(
    draft: Draft, target: str, rule: Rule, changes: Sequence[Update], git: Mapping[Key, Resource]
) -> tuple[list[Taken], list[Left]]:
    """What of a rule could be laid into the overlays of the draft, and what could not and why."""
    work = _Rule(draft, target, rule, changes, git)
    original = copy.deepcopy(draft.overlays)
    open_ = [(change, name) for change in changes for name in sorted({_top(field) for field in change.fields})]
    done: list[tuple[Update, str]] = []
    refusals: dict[tuple[Key, str], _Refusal] = {}
    progress = True
    while open_ and progress:
        # Some fields fit only together, such as a longer interval and a longer period: what failed is tried again.
        still = []
        for change, name in open_:
            if refusal := _lay(work, change, name):
                refusals[change.key, name] = refusal
                still.append((change, name))
            else:
                done.append((change, name))
        open_, progress = still, len(still) < len(open_)
    left = [_left(work, change, name, refusals[change.key, name]) for change, name in open_]
    _simplify(work, [name for _, name in done], original)
    taken = [
        Taken(target, change.key, field.path, field.after, field.before, work.path(name), _note(change))
        for change, name in done
        for field in change.fields
        if _top(field) == name
    ]
    return taken, left


def _note(change: Update) -> str:
    return "Git was changed, too: here what is live wins" if change.cause is Cause.BOTH else ""


def _top(field: FieldChange) -> str:
    return field.path.partition(".")[0]


def _lay(work: _Rule, change: Update, name: str) -> "_Refusal | None":
    """Write one field of a live object into the draft, or say why it cannot be; then the draft is as before."""
    if reason := fixed(work.platform, work.rule, change.key, name):
        return _Refusal(reason, sayable=False)
    before, reasons = copy.deepcopy(work.draft.overlays), []
    start = _differing(work)
    try:
        candidates = list(blocks(work.platform, _tuned(work), change, name, work.draft.manifest.categories))
    except ValueError as error:
        return _Refusal(str(error), sayable=False)
    for candidate in candidates:
        for key, value in candidate.items():
            block = work.block(key)
            if key == "parameters" and value is None:
                block.pop(key, None)
            else:
                block[key] = merged(block.get(key), value) if isinstance(value, Mapping) else value
        reason = next(
            filter(None, (_unfit(work, key) for key, value in candidate.items() if key != "parameters" or value)), None
        ) or _unlike(work, change, name, start)
        if reason is None:
            return None
        reasons.append(reason)
        work.draft.overlays = copy.deepcopy(before)
    return _Refusal(reasons[-1] if reasons else "no field of an overlay says it")


def _tuned(work: _Rule) -> Rule:
    """The rule with the draft's overlays."""
    return work.draft.rule(work.target, work.rule.id)


def _differing(work: _Rule) -> set[tuple[Key, str]] | None:
    """None where nothing can be made of the overlays as they are."""
    try:
        return work.differing()
    except CannotEncode:
        return None


def _unlike(work: _Rule, change: Update, name: str, start: set[tuple[Key, str]] | None) -> str | None:
    """Why the overlays do not make this field what it is live, or make others what they are not."""
    try:
        found = work.differing()
    except CannotEncode as error:
        return "; ".join(fault.message for fault in error.findings)
    wrong = {path for key, path in found if key == change.key and path.partition(".")[0] == name} - {
        path for _, path in work.untouched()
    }
    if wrong:
        return "an overlay that says it reads back otherwise"
    spoilt = sorted(path for _, path in found - (start or found))
    return f"it would change {', '.join(spoilt)}, too" if spoilt else None


def _unfit(work: _Rule, name: str) -> str | None:
    """What the schema of a tenant's file has against a field as it stands in the draft."""
    value = work.block(name).get(name)
    tuning = {"overlay": {work.rule.id: {work.platform.value: {name: value}}}}
    found = [fault.message for fault in validate(Document("", tuning), "tenant") if "`overlay." in fault.message]
    return "; ".join(found) or None


def _simplify(work: _Rule, names: Sequence[str], original: Mapping[Level, Any]) -> None:
    """Take out again what was written and what the layers below say anyway."""
    before = _differing(work)
    if before is None:
        return
    for name in dict.fromkeys((*names, *_ALSO[work.platform])):
        level = work.level(name)
        old = original[level].get(work.rule.id, {}).get(work.platform.value, {})
        for path in reversed(list(_leaves(work.block(name).get(name), (name,)))):
            if as_json(_inside(old, path)) == as_json(_inside(work.block(name), path)) and _holds(old, path):
                continue
            kept = copy.deepcopy(work.draft.overlays)
            _drop(work.block(name), path)
            if _differing(work) != before:
                work.draft.overlays = kept


_ALSO = {Platform.SENTINEL: ("parameters", "query"), Platform.KIBANA: ("index", "data_view")}
"""What may have been written for other fields."""


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not isinstance(value, Mapping):
        yield path
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        yield from _leaves(inner, (*path, key))


def _inside(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _holds(value: Any, path: tuple[str, ...]) -> bool:
    inner = _inside(value, path[:-1])
    return isinstance(inner, Mapping) and path[-1] in inner


def _drop(block: dict[str, Any], path: tuple[str, ...]) -> None:
    """Take a value out, if it is there, and the mappings that become empty."""
    inner = _inside(block, path[:-1])
    if isinstance(inner, dict):
        inner.pop(path[-1], None)
        if not inner and len(path) > 1:
            _drop(block, path[:-1])


def _left(work: _Rule, change: Update, name: str, refusal: _Refusal) -> Left:
    value = change.live.body.get(name)
    by_hand = edit.lines(work.path(name), value) if refusal.sayable else []
    return Left(work.target, change.key, name, refusal.reason, tuple(by_hand))
