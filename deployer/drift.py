"""Which differences are drift: the plan's causes, weighed with what else is known of objects that are not there.

The mark tells who moved, live or Git, for everything that is there; only where Git took a hand's edit over, and nothing
was written since, the mark is older than the last run, and the journal tells.

For an object that is missing there is no mark, and two stories: it is new in Git, or somebody deleted it. Evidence
decides, in this order:

    the platform's own record of the delete           drift, with who and when
    a journal: our last run left it there             drift
    a rule that is as we wrote it refers to it        drift (nothing is written before what it needs)
    a journal: our last run left it not there         pending
    nothing                                           unknown: never said to be in order
"""

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import date
from datetime import datetime

from deployer.accepted import Accepted
from deployer.findings import Finding
from deployer.findings import Severity
from deployer.plan import Cause
from deployer.plan import Change
from deployer.plan import Claim
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.plan import Update
from deployer.state import DesiredState
from deployer.state import Edit
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState

DRIFT = frozenset({Cause.DRIFT, Cause.BOTH, Cause.UNCLAIMED, Cause.CONFLICT})
"""Causes that say that somebody changed the target."""


@dataclass(frozen=True, slots=True)
class Witness:
    """What the journals say of one target: what was ours there after the last run that looked at it."""

    run: str
    at: datetime
    owned: frozenset[Key]
    unsure: frozenset[Key] = frozenset()
    """Written since, or not: the run was cut short, or the write could not be confirmed."""
    whole: bool = True
    """Whether it is known of every object; False where no run has ever come to its end there."""
    untold: frozenset[Key] = frozenset()
    """Wanted and not there when the first of these runs came to its end, and it did not try: deleted before, or new."""
    earlier: Mapping[Key, "Witness"] = field(default_factory=dict)
    """Of what the last run did not bring back: the witness of the run after which it was still ours."""
    equal: Mapping[Key, str] = field(default_factory=dict)
    """Digests of what was as Git had it then although its mark does not say so: Git took a hand's edit over."""
    found: bool = False
    """Whether something of ours was there that no run of these journals wrote: the place had another address."""

    def of(self, key: Key) -> "Witness":
        """The witness of the last run that says something of an object."""
        return self.earlier.get(key, self)

    @property
    def since(self) -> datetime:
        """From when on somebody may have taken away what is not there."""
        return min([self.at, *(one.at for one in self.earlier.values())])


@dataclass(frozen=True, slots=True)
class History:
    """What a platform's own records say of some objects."""

    edits: Mapping[Key, Edit] = field(default_factory=dict)
    note: str = ""
    """Why it is not whole: nobody recorded is not the same as nobody."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that is not as Git says: why, and who did it when, where that is known."""

    change: Change
    cause: Cause
    note: str = ""
    by: str | None = None
    at: datetime | None = None
    source: str = ""
    """Whose word it is, if not the object's own."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What a target's differences are, those that are accepted, and what is to be said about either."""

    differences: tuple[Difference, ...]
    accepted: tuple[Accepted, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def found(self) -> bool:
        """Whether anything was changed in the target and is not accepted."""
        return any(one.cause in DRIFT for one in self.differences) or self.lapsed

    @property
    def untold(self) -> bool:
        """Whether of some object it cannot be told."""
        return any(one.cause is Cause.UNKNOWN for one in self.differences)

    @property
    def lapsed(self) -> bool:
        """Whether an acceptance has run out of what is still live."""
        return any(finding.code == LAPSED for finding in self.findings)


LAPSED = "accepted-lapsed"


def assess(
    plan: Plan, desired: DesiredState, live: LiveState, witness: Witness | None, history: History, today: date
) -> Drift:
    """Weigh a plan. A difference of which nothing is known is `Cause.UNKNOWN`, never pending."""
    referring = _references(desired, live)
    differences = tuple(
        _missing(change, witness, history, referring.get(change.key))
        if isinstance(change, Create)
        else _present(change, witness, history)
        for change in plan.changes
    )
    return Drift(differences, plan.accepted, tuple(_remarks(plan, today)))


def is_last(change: Change) -> bool:
    """Whether it takes away what is no longer in Git, at once or after a grace."""
    return isinstance(change, Delete) or (isinstance(change, Update) and change.retires)


def to_ask_about(plan: Plan) -> frozenset[Key]:
    """The objects whose last edit the target itself does not tell."""
    return frozenset(
        change.key
        for change in plan.changes
        if isinstance(change, Create)
        or (change.cause in DRIFT and not (change.live.edited_by and change.live.edited_at))
    )


def _references(desired: DesiredState, live: LiveState) -> dict[Key, Key]:
    """The rule that refers to each object, or the item to a value list, for those that are as we wrote them."""
    found: dict[Key, Key] = {}
    for one in live.resources.values():
        if one.key.kind in (Kind.RULE, Kind.ITEM) and desired.owns(one) and one.as_marked:
            needs = [need for need in one.needs if one.key.kind is Kind.RULE or need.kind is Kind.VALUE_LIST]
            found |= dict.fromkeys(needs, one.key)
    return found


def _missing(change: Create, witness: Witness | None, history: History, referring: Key | None) -> Difference:
    edit = history.edits.get(change.key)
    witness = witness.of(change.key) if witness else None
    if edit and edit.action == "delete" and not (witness and edit.at and edit.at <= witness.at):
        return Difference(change, Cause.DRIFT, "deleted in the target", edit.by, edit.at, edit.source)
    if witness and change.key in witness.owned:
        note = f"deleted in the target: it was there after run {witness.run}"
        return Difference(change, Cause.DRIFT, note)
    if referring:
        return Difference(change, Cause.DRIFT, f"deleted in the target: {referring} refers to it")
    if witness and witness.whole and change.key not in witness.unsure | witness.untold:
        return Difference(change, Cause.PENDING, "new in Git")
    if witness and change.key in witness.unsure:
        note = f"not there: run {witness.run} tried to write it and did not see it done; the next apply settles it"
        return Difference(change, Cause.UNKNOWN, note)
    asked = f"; {history.note}" if history.note else ""
    note = f"not there: new in Git or deleted in the target, and no journal of an apply tells which (--journal){asked}"
    return Difference(change, Cause.UNKNOWN, note)


def _present(change: Update | Claim | Delete, witness: Witness | None, history: History) -> Difference:
    live, note = change.live, change.live.halted or ""
    cause = _since(change, witness) if witness and change.key in witness.equal else change.cause
    if cause is Cause.PENDING:
        return Difference(change, cause, note)
    if is_last(change):
        note = note or "no longer in Git"
    last = witness.of(change.key) if witness else None
    if change.cause is Cause.UNCLAIMED and last and change.key in last.owned:
        note = f"its mark was taken out; it was ours after run {last.run}"
    edit = history.edits.get(change.key)
    if edit and edit.action == "write" and not (live.edited_by and live.edited_at):
        return Difference(change, cause, note, edit.by, edit.at, edit.source)
    return Difference(change, cause, note, live.edited_by, live.edited_at)


def _since(change: Update | Claim | Delete, witness: Witness) -> Cause:
    """Which side moved since the last run, where the mark tells of a state before it: Git took a hand's edit over."""
    if change.cause not in (Cause.PENDING, Cause.DRIFT, Cause.BOTH):
        return change.cause
    then = witness.equal[change.key]
    if change.live.digest == then:
        return Cause.PENDING
    return Cause.DRIFT if not isinstance(change, Delete) and change.desired.digest == then else Cause.BOTH


def _remarks(plan: Plan, today: date) -> Iterator[Finding]:
    """Warnings about acceptances that are over, or of something that is not live."""
    for one in plan.accepted:
        if not one.acceptance.covers(today):
            message = (
                f"{one.key} {one.field.path} was accepted until {one.acceptance.until} and is still there: "
                "accept it anew, pull it, or take the entry out and apply"
            )
            yield Finding(LAPSED, message, Severity.WARNING, one.acceptance.location)
    for acceptance, path in plan.idle:
        way_out = "take the entry out" if acceptance.target else "name the target where it is, or take the entry out"
        message = f"{acceptance.object} {path} is not live as it was accepted; {way_out}"
        yield Finding("accepted-idle", message, Severity.WARNING, acceptance.location)
