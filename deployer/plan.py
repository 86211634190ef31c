"""What to do to make a target equal to Git: a pure comparison of desired and live state.

Whether something is a pending change or drift is told by the mark alone (no state file):

    live is what we wrote last, Git moved on    pending
    Git is what we wrote last, live moved       drift
    neither                                     both
"""

import hashlib
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TypeAlias

from deployer.accepted import Accepted
from deployer.accepted import as_accepted
from deployer.accepted import idle
from deployer.diff import FieldChange
from deployer.diff import field_changes
from deployer.diff import undone
from deployer.model import Acceptance
from deployer.model import Json
from deployer.model import NotApplicable
from deployer.model import Platform
from deployer.retirement import Goes
from deployer.retirement import Stays
from deployer.retirement import SwitchedOff
from deployer.retirement import fates
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Mark
from deployer.state import Resource
from deployer.state import UnknownMark
from deployer.state import Unmanaged
from deployer.state import as_json
from deployer.state import digest
from deployer.state import whose

FIXED_FIELDS = {
    "type": "give it a new id in Git, or delete it in the target",
    "kind": "give the rule a new id in Git, or delete it in the target",
    "list_id": "delete the item in the target, and the next apply puts it where it belongs",
}
"""What an update cannot change, and the way out: a rule of another type is another rule."""


_DELETES = (Kind.DATA_VIEW, Kind.RULE, Kind.ITEM, Kind.VALUE_LIST, Kind.LIST, Kind.WATCHLIST)
"""The order of deletes. A data view is found again only through the rule that uses it, so the rule goes after it."""


class Cause(StrEnum):
    """Why live and desired state differ."""

    PENDING = "pending"
    DRIFT = "drift"
    BOTH = "both"
    UNCLAIMED = "unclaimed"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"
    ROLLBACK = "rollback"
    """The run that is undone made the difference."""


@dataclass(frozen=True, slots=True)
class Create:
    """The object is in Git and not in the target."""

    desired: Resource
    mark: Mark | None
    """None writes no mark: the object had none, and is to have none again."""
    cause: Cause = Cause.PENDING
    blocked: str | None = None

    @property
    def action(self) -> str:
        return "create"

    @property
    def key(self) -> Key:
        return self.desired.key

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        return field_changes({}, self.desired.body)


@dataclass(frozen=True, slots=True)
class Update:
    """The object is in both and differs; `blocked` says why it will not be written, if so."""

    live: Resource
    desired: Resource
    mark: Mark | None
    cause: Cause
    fields: tuple[FieldChange, ...]
    blocked: str | None = None
    reason: str | None = None
    """Why it is written, where Git's content alone does not say."""
    retires: bool = False
    """Whether it is the first step of a delete: the rule is switched off, and goes when its grace is over."""

    @property
    def action(self) -> str:
        return "update"

    @property
    def key(self) -> Key:
        return self.desired.key


@dataclass(frozen=True, slots=True)
class Claim:
    """The object stands in the target without a mark; taken over only when asked for."""

    live: Resource
    desired: Resource
    mark: Mark | None
    fields: tuple[FieldChange, ...]
    blocked: str | None = None
    cause: Cause = Cause.UNCLAIMED

    @property
    def action(self) -> str:
        return "claim"

    @property
    def key(self) -> Key:
        return self.desired.key


@dataclass(frozen=True, slots=True)
class Delete:
    """The object is ours and no longer wanted."""

    live: Resource
    reason: str
    cause: Cause = Cause.PENDING
    blocked: str | None = None
    agreed: bool = False
    """Whether the limits have let it pass already, when the rule was switched off."""

    @property
    def action(self) -> str:
        return "delete"

    @property
    def key(self) -> Key:
        return self.live.key

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        return ()


Change: TypeAlias = Create | Update | Claim | Delete


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order in which they are carried out, and what is left alone."""

    changes: tuple[Change, ...]
    unchanged: tuple[Key, ...]
    unmanaged: tuple[Unmanaged, ...]
    not_applicable: tuple[NotApplicable, ...]
    carried: tuple[tuple[Key, tuple[str, ...]], ...]
    """Owned objects that hold values Git does not manage, and the names of those values."""
    owned_rules: int
    notes: tuple[tuple[Key, str], ...] = ()
    """What is equal to Git and yet not ours to change: somebody else's mark, or a later one."""
    accepted: tuple[Accepted, ...] = ()
    idle: tuple[tuple[Acceptance, str], ...] = ()
    """Acceptances of a field that is not as they say, and its path: Git's again, or something else altogether."""
    waiting: tuple[tuple[Key, str], ...] = ()
    """What is no longer in Git and still there for a while, and until when."""
    goal: str = "Git"
    """What the target is to equal."""
    remarks: tuple[tuple[Key, str], ...] = ()
    """What is to be known of an object or a change beyond what is written: the notes of the desired state, too."""
    address: str = ""
    """Where the target is."""
    platform: Platform | None = None
    """Of which platform the target is, where it is known."""

    @property
    def digest(self) -> str:
        """16 hexadecimal digits over everything that the plan would do, and where."""
        text = as_json([self.address, *(_summary(change) for change in self.changes)])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def make_plan(
    desired: DesiredState,
    live: LiveState,
    *,
    adopt: bool = False,
    reenable: bool = False,
    rekey: bool = False,
    today: date | None = None,
) -> Plan:
    """Compare whole states. Touches nothing that is neither wanted nor owned.

    `rekey` rewrites Kibana rules that are equal, so that they run with the key in use. `today` decides whether the
    grace of a rule that was taken out of Git is over; without it none is.
    """
    changes: list[Change] = []
    unchanged: list[Key] = []
    accepted: list[Accepted] = []
    for key, git in desired.resources.items():
        found = live.resources.get(key)
        wanted, left = as_accepted(git, found, desired.accepted)
        accepted += left
        change = _change(wanted, git, found, desired, adopt, reenable)
        if change is None and rekey and found is not None:
            change = _rekeyed(wanted, found, desired)
        if change:
            changes.append(change)
        else:
            unchanged.append(key)
    dropped = [
        resource for key, resource in live.resources.items() if key not in desired.resources and desired.owns(resource)
    ]
    gone, waiting = _gone(dropped, desired, today)
    unchanged.sort(key=_by_name)
    return Plan(
        changes=tuple(sorted(_kept_whole([*changes, *gone]), key=_order)),
        unchanged=tuple(unchanged),
        unmanaged=live.unmanaged,
        not_applicable=desired.not_applicable,
        carried=_carried(live, desired),
        owned_rules=sum(key.kind is Kind.RULE and desired.owns(resource) for key, resource in live.resources.items()),
        notes=tuple(
            (key, whose(live.resources[key]))
            for key in sorted(unchanged, key=_by_name)
            if not desired.owns(live.resources[key])
        ),
        accepted=tuple(sorted(accepted, key=lambda one: (one.key, one.field.path))),
        idle=idle(desired.accepted, accepted),
        waiting=tuple(sorted(waiting)),
        remarks=tuple(sorted(desired.notes)),
    )


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The same changes in the order in which they are carried out."""
    return tuple(sorted(_kept_whole(list(changes)), key=_order))


def matches(name: str, globs: Sequence[str]) -> bool:
    """Whether `name` matches one of the globs."""
    return any(fnmatchcase(name, glob) for glob in globs)


def _change(
    wanted: Resource, git: Resource, found: Resource | None, desired: DesiredState, adopt: bool, reenable: bool
) -> Change | None:
    """What makes the object equal to `wanted`, which is what `git` says but for what is accepted as it is live."""
    if found is None:
        return Create(wanted, desired.mark(wanted))
    fields = field_changes(found.body, wanted.body)
    fixed = next((field.path for field in fields if field.path in FIXED_FIELDS), None)
    if not fields and found.mark is not None:
        return None  # live = desired is in sync, whatever the mark says
    mark = desired.mark(wanted)
    blocked = f"{fixed} cannot be changed in place; {FIXED_FIELDS[fixed]}" if fixed else None
    if found.halted and not reenable:
        blocked = blocked or f"{found.halted}; mend the cause, then pass --reenable"
    if found.mark is None:
        return Claim(
            found,
            wanted,
            mark,
            fields,
            blocked or (None if adopt else "not marked as ours; pass --adopt to take it over"),
        )
    if isinstance(found.mark, UnknownMark):
        return Update(found, wanted, mark, Cause.UNKNOWN, fields, f"{whose(found)}; update deployer")
    if not desired.owns(found):
        why = f"{whose(found)}; remove it there or rename the rule"
        return Update(found, wanted, mark, Cause.CONFLICT, fields, why)
    return Update(found, wanted, mark, _cause(found.mark, found, wanted, git), fields, blocked)


def _rekeyed(wanted: Resource, found: Resource, desired: DesiredState) -> Update | None:
    """The same rule written again: Kibana runs a rule with the key of whoever wrote it last."""
    if not desired.keyed or wanted.key.kind is not Kind.RULE or not desired.owns(found):
        return None
    reason = "nothing in it changes; written again so that it runs with the API key in use"
    return Update(found, wanted, desired.mark(wanted), Cause.PENDING, (), reason=reason)


def _gone(
    dropped: Sequence[Resource], desired: DesiredState, today: date | None
) -> tuple[list[Change], list[tuple[Key, str]]]:
    """What is done about our objects that nobody wants any more, and which of them stay for now."""
    not_applicable = {item.live_id: item.reason for item in desired.not_applicable}
    changes: list[Change] = []
    waiting: list[tuple[Key, str]] = []
    for one, fate in fates(dropped, desired.grace_days, today):
        idle_for = not_applicable.get(one.key.id)
        why = f"not applicable: {idle_for}" if idle_for else "no longer in Git"
        cause = Cause.PENDING if one.as_marked else Cause.BOTH
        match fate:
            case Goes(agreed=agreed):
                changes.append(Delete(one, why, cause, blocked=one.keep, agreed=agreed))
            case SwitchedOff(retired=wanted, days=days):
                reason = f"{why}; disabled now, deleted after {days} days"
                fields, mark = field_changes(one.body, wanted.body), desired.mark(wanted)
                changes.append(Update(one, wanted, mark, cause, fields, reason=reason, retires=True))
            case Stays(reason=reason):
                waiting.append((one.key, reason))
    return changes, waiting


def _kept_whole(changes: list[Change]) -> list[Change]:
    """The same changes; what stands in a list that others keep us from deleting is not deleted either."""
    kept = {
        change.key: change.blocked
        for change in changes
        if isinstance(change, Delete) and change.blocked and change.key.kind is Kind.LIST
    }

    def whole(change: Change) -> Change:
        held = [kept[need] for need in change.live.needs if need in kept] if isinstance(change, Delete) else []
        return replace(change, blocked=held[0]) if held and change.key.kind in (Kind.ITEM, Kind.VALUE_LIST) else change

    return [whole(change) for change in changes]


def _cause(mark: Mark, found: Resource, wanted: Resource, git: Resource) -> Cause:
    """Which side moved since the mark was written. What is accepted counts as not moved."""
    accepted = field_changes(git.body, wanted.body)
    if mark.digest in (found.digest, digest(undone(found.body, accepted))):
        return Cause.PENDING
    return Cause.DRIFT if mark.digest in (wanted.digest, git.digest) else Cause.BOTH


def _order(change: Change) -> tuple[bool, int, str]:
    if isinstance(change, Delete):
        return True, _DELETES.index(change.key.kind), change.key.id
    return False, list(Kind).index(change.key.kind), change.key.id


def _by_name(key: Key) -> tuple[str, str]:
    """Keys in their own order; compared as pairs of texts they are in order sooner."""
    return key.kind, key.id


def _summary(change: Change) -> list[Json]:
    """What must not differ between a plan that was shown and one that is carried out."""
    live = None if isinstance(change, Create) else change.live
    desired = None if isinstance(change, Delete) else change.desired
    return [
        change.action,
        str(change.key),
        change.blocked,
        [live.digest, live.version] if live else None,
        desired.digest if desired else None,
    ]


def _carried(live: LiveState, desired: DesiredState) -> tuple[tuple[Key, tuple[str, ...]], ...]:
    return tuple(
        (key, tuple(sorted(resource.carried)))
        for key, resource in sorted(live.resources.items(), key=lambda one: _by_name(one[0]))
        if key in desired.resources and resource.carried
    )
