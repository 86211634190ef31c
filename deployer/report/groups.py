"""The changes of a run by what they change: every change of every target stands in exactly one group."""

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import NamedTuple
from typing import TypeAlias

from deployer.diff import FieldChange
from deployer.model import Json
from deployer.plan import Cause
from deployer.report import value_sets
from deployer.report.rows import ChangeRow
from deployer.report.rows import FieldRow
from deployer.report.rows import KeptRow
from deployer.report.rows import Row
from deployer.report.value_sets import ChangedSet
from deployer.state import Kind
from deployer.state import as_json

Object: TypeAlias = tuple[str, str, str]
"""Platform, kind and id."""

_OF_TENANTS = (Kind.ITEM, Kind.VALUE_LIST, Kind.WATCHLIST)
"""Kinds of which every tenant has its own, by the hundred."""
_AROUND_RULES = (Kind.LIST, Kind.DATA_VIEW)
_OF_ONE_LIST = re.compile(r"(.+?)(?:-shared)?-[0-9a-f]{8,}")
_GRAVITY = ("delete", "claim", "conflict", "unknown", "unclaimed", "drift", "both")
_ACTIONS = ("create", "update", "claim", "delete")
_LIST_IN_QUERY = re.compile(r"dynamic\(\s*(\[.*\])\s*\)", re.DOTALL)


class Sort(NamedTuple):
    """What the changes of a group have in common."""

    action: str
    kind: str
    name: str
    """The id of the object; of entries, that of the list that they are in; of what stands around rules, nothing."""
    platform: str = ""
    """Of an update: the platforms have fields of their own."""
    cause: str = ""
    blocked: str = ""
    reason: str = ""
    failed: str = ""


class Member(NamedTuple):
    """One change, and where."""

    row: Row
    change: ChangeRow


class Transition(NamedTuple):
    """What becomes of one field, as it is shown: the same in every target that has it."""

    path: str
    after: str
    """The new value as JSON; nothing where the difference is what is said."""
    sets: tuple[ChangedSet, ...] = ()
    lines: tuple[str, ...] = ()
    """Lines of a text that are taken out and put in, each with its sign."""


@dataclass(slots=True)
class Moved:
    """Everybody in whom one thing becomes of a field."""

    transition: Transition
    members: list[Member] = field(default_factory=list)
    befores: dict[str, int] = field(default_factory=dict)
    """The old values as JSON, and in how many targets."""
    afters: set[str] = field(default_factory=set)
    """The new values as JSON."""
    origins: dict[tuple[str, ...], list[Member]] = field(default_factory=dict)
    """Where the new values come from, where that was asked for."""


@dataclass(slots=True)
class Group:
    """Changes that are said together."""

    sort: Sort
    members: list[Member] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        """Its targets, each once."""
        return list({(row.tenant, row.target): row for row, _ in self.members}.values())

    @property
    def stands_out(self) -> bool:
        """Whether everybody is to be named: it takes away, cannot be done, or is not of Git's making."""
        return _stands_out(self.members[0].change)

    @property
    def cause(self) -> str:
        """Why its objects differ."""
        return self.members[0].change.cause

    @property
    def ids(self) -> dict[str, list[Member]]:
        """By object, the changes of it; that of most targets first."""
        found: dict[str, list[Member]] = {}
        for one in self.members:
            found.setdefault(one.change.id, []).append(one)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))

    def moved(self) -> dict[str, list[Moved]]:
        """By path, what becomes of it; what becomes of it in most targets first."""
        found: dict[str, dict[Transition, Moved]] = {}
        for member in self.members:
            for one in member.change.fields:
                transition = transition_of(one)
                moved = found.setdefault(one.path, {}).setdefault(transition, Moved(transition))
                moved.members.append(member)
                moved.afters.add(as_json(one.after))
                before = as_json(one.before)
                moved.befores[before] = moved.befores.get(before, 0) + 1
                if one.origins:
                    moved.origins.setdefault(one.origins, []).append(member)
        return {path: sorted(one.values(), key=lambda one: -len(one.members)) for path, one in sorted(found.items())}


def groups(rows: Iterable[Row]) -> list[Group]:
    """Every change in its group: what stands out first, by how grave it is, then what reaches most targets."""
    found: dict[Sort, Group] = {}
    for row in rows:
        for change in row.changes:
            sort = _sort(row, change)
            found.setdefault(sort, Group(sort)).members.append(Member(row, change))
    return sorted(found.values(), key=_order)


def kept(rows: Iterable[Row]) -> dict[Object, list[tuple[Row, KeptRow]]]:
    """By platform, kind and id: what is kept, and where."""
    found: dict[Object, list[tuple[Row, KeptRow]]] = {}
    for row in rows:
        for one in row.kept:
            found.setdefault((row.platform, one.kind, one.id), []).append((row, one))
    return found


def holders(rows: Iterable[Row]) -> dict[Object, list[Row]]:
    """By platform, kind and id: the targets that hold the object, because it is changed there or a value of it kept."""
    found: dict[Object, list[Row]] = {}
    for row in rows:
        changed = ((row.platform, one.kind, one.id) for one in row.changes if one.action != "create")
        for each in dict.fromkeys((*changed, *((row.platform, one.kind, one.id) for one in row.kept))):
            found.setdefault(each, []).append(row)
    return found


def transition_of(one: FieldRow) -> Transition:
    """What becomes of a field: what is put into a set and taken out of it, the lines of a text, or the new value."""
    before, after = _value(one.path, one.before), _value(one.path, one.after)
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        changed = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
        if lines := tuple(line for line in changed if not line.startswith("@@")):
            return Transition(one.path, "", (), lines)
    sets = value_sets.changed_sets(FieldChange(one.path, before, after), longer_than=0)
    if sets:
        return Transition(one.path, "", tuple(replace(each, size=0) for each in sets))  # sizes differ, changes do not
    return Transition(one.path, as_json(one.after))


def _value(path: str, value: Json) -> Json:
    """The value; of a `let` that is a list of texts, that list."""
    found = _LIST_IN_QUERY.fullmatch(value) if path.startswith("query.let ") and isinstance(value, str) else None
    try:
        return json.loads(found[1]) if found else value
    except ValueError:
        return value  # what Kusto takes for a list and JSON does not


def _stands_out(change: ChangeRow) -> bool:
    grave = change.action in ("delete", "claim") or change.cause != Cause.PENDING or change.retires
    return grave or bool(change.blocked) or change.done is False


def _sort(row: Row, change: ChangeRow) -> Sort:
    platform = row.platform if change.action == "update" else ""
    if _stands_out(change):
        why = (change.cause, change.blocked, change.reason or change.note, change.error)
        return Sort(change.action, change.kind, change.id, platform, *why)
    name = change.id
    if change.kind in _OF_TENANTS:
        name = of_list(change.id)
    elif change.kind in _AROUND_RULES and change.action == "create":
        name = ""
    return Sort(change.action, change.kind, name, platform, reason=change.reason)


def of_list(id: str) -> str:
    """The list that an entry stands in, by the entry's id."""
    found = _OF_ONE_LIST.fullmatch(id)
    return found[1] if found else id


def _order(group: Group) -> tuple[bool, int, int, int, int, Sort]:
    sort, kinds = group.sort, list(Kind)
    known = {kind.value: number for number, kind in enumerate(kinds)}
    return (
        not group.stands_out,
        _gravity(sort) if group.stands_out else 0,
        -len(group.rows),
        -known.get(sort.kind, -1),
        _ACTIONS.index(sort.action),
        sort,
    )


def _gravity(sort: Sort) -> int:
    """What could not be done or takes away is the gravest."""
    if sort.failed:
        return -2
    if sort.blocked:
        return -1
    found = [number for number, word in enumerate(_GRAVITY) if word in (sort.action, sort.cause)]
    return min(found, default=len(_GRAVITY))
