"""What a run found in each target, in small rows: made of outcomes, or of a JSON document of them, to the same end.

Rows hold what a report over many targets needs, with text from outside as it is: whoever prints it makes it harmless.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime
from typing import Any

from deployer.diff import FieldChange
from deployer.diff import parted
from deployer.drift import Difference
from deployer.model import Json
from deployer.origins import Origin
from deployer.origins import Origins
from deployer.origins import Voice
from deployer.outcome import Applied
from deployer.outcome import Drifted
from deployer.outcome import Outcome
from deployer.outcome import Planned
from deployer.plan import Cause
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Update
from deployer.report import as_json
from deployer.report import origins
from deployer.report.wording import value
from deployer.state import Kind

_OVERLAYS = frozenset({Voice.ENVIRONMENT, Voice.DATA, Voice.TENANT, Voice.TARGET})
"""Who decides over a rule's own files."""


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field that a change changes."""

    path: str
    before: Json
    after: Json
    origins: tuple[str, ...] = ()
    """Where the new value comes from, where that was asked for."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change of one target."""

    action: str
    kind: str
    id: str
    name: str = ""
    cause: str = "pending"
    blocked: str = ""
    reason: str = ""
    retires: bool = False
    by: str = ""
    at: datetime | None = None
    note: str = ""
    """What `drift` found out about it."""
    source: str = ""
    """Whose word it is who edited it, if not the object's own."""
    fields: tuple[FieldRow, ...] = ()
    done: bool | None = None
    """Of an apply: whether it happened; None for a plan."""
    error: str = ""
    """Why it did not."""


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A value that other targets change, and this one does not."""

    kind: str
    id: str
    path: str
    value: Json
    by: str = ""
    """The places that set it, where something beside the rule's own files does."""


@dataclass(frozen=True, slots=True)
class Row:
    """One target, or a tenant whose file could not be used."""

    tenant: str
    target: str | None
    outcome: str
    platform: str = ""
    changes: tuple[ChangeRow, ...] = ()
    kept: tuple[KeptRow, ...] = ()
    knows_kept: bool = False
    """Whether it was looked up what it keeps."""
    unchanged: int = 0
    asides: tuple[str, ...] = ()
    """What is left alone and the like, a line each."""
    unmanaged: tuple[tuple[str, str], ...] = ()
    """Of each object that is not ours its kind and, where it is worth a line, what it is and why."""
    error: str = ""
    """Why it could not be looked at."""
    findings: tuple[tuple[str, str], ...] = ()
    """Of each finding where it stands, if anywhere, and what it says."""
    refused: bool = False

    @property
    def seen(self) -> bool:
        """Whether it was looked at: neither unreadable nor stopped before anything was done."""
        return self.outcome != "unreadable" and (self.outcome != "failed" or bool(self.changes))


def rows_of(outcomes: Sequence[Outcome]) -> list[Row]:
    """The rows of the outcomes of plan, apply or drift."""
    return [_row(as_json.target(outcome, outline=True), _changes_of(outcome)) for outcome in outcomes]


def rows_in(document: Mapping[str, Any]) -> list[Row]:
    """The rows of a `deployer/1` document of plan, apply or drift."""
    changed = (lambda one: _weighed(_change_in(one))) if document["verb"] == "drift" else _change_in
    return [_row(target, [changed(one) for one in target["changes"]]) for target in document["targets"]]


def _row(told: Mapping[str, Any], changes: Iterable[ChangeRow]) -> Row:
    found = [(_place(one), f"{one['message']} [{one['code']}]") for one in told["findings"]]
    remarks = told["outcome"] not in ("failed", "unreadable")
    return Row(
        tenant=told["tenant"],
        target=told.get("target"),
        outcome=told["outcome"],
        platform=told.get("platform") or "",
        changes=tuple(changes),
        kept=tuple(_kept(one) for one in told.get("keeps", ())),
        knows_kept="keeps" in told,
        unchanged=told["unchanged"],
        asides=(*(f"{words} ({place})" for place, words in found if remarks), *_asides(told)),
        unmanaged=tuple(_unmanaged(one) for one in told.get("unmanaged_objects", ())),
        error=told.get("error") or "",
        findings=() if remarks else tuple(found),
        refused=any(one["code"] == "limits" for one in told["findings"]),
    )


# -- changes ----------------------------------------------------------------------------------------------------------


def _changes_of(outcome: Outcome) -> list[ChangeRow]:
    match outcome:
        case Planned(plan=plan, origins=told):
            return [_change_of(one, told) for one in plan.changes]
        case Drifted(drift=drift):
            return [_weighed(_difference_of(one)) for one in drift.differences]
        case Applied(done=done, failures=failures):
            failed = [replace(_change_of(one.change), done=False, error=one.error) for one in failures]
            return [*(replace(_change_of(one), done=True) for one in done), *failed]
        case _:
            return []


def _difference_of(one: Difference) -> ChangeRow:
    change = _change_of(one.change)
    return replace(change, cause=one.cause, by=one.by or "", at=one.at, note=one.note, source=one.source)


def _weighed(change: ChangeRow) -> ChangeRow:
    """A change as what has become of Git's state in the target; what only Git has changed stays as it is."""
    if change.cause == Cause.PENDING:
        return replace(change, blocked="")
    fields = tuple(replace(one, before=one.after, after=one.before) for one in change.fields)
    return replace(change, fields=fields, blocked="")


def _change_of(change: Change, told: Origins | None = None) -> ChangeRow:
    resource = change.live if isinstance(change, Delete) else change.desired
    live = None if isinstance(change, Create) else change.live
    return ChangeRow(
        action=change.action,
        kind=change.key.kind,
        id=change.key.id,
        name=resource.known_as if change.key.kind is Kind.RULE else resource.name,
        cause=Cause.PENDING if change.cause is Cause.ROLLBACK else change.cause,
        blocked=change.blocked or "",
        reason=(change.reason or "") if isinstance(change, Update | Delete) else "",
        retires=isinstance(change, Update) and change.retires,
        by=(live.edited_by or "") if live else "",
        at=live.edited_at if live else None,
        fields=() if isinstance(change, Create) else tuple(_fields_of(change, told or {})),
    )


def _fields_of(change: Change, told: Origins) -> Iterator[FieldRow]:
    for field in change.fields:
        found = origins.of_field(change, field, told) if told else []
        parts = parted(field)
        for one in parts:
            mine = found if one.path == field.path else [each for each in found if each.path == one.keys]
            yield FieldRow(one.path, one.before, one.after, tuple(_origin(each, one.keys) for each in mine))


def _origin(one: Origin, keys: tuple[str, ...]) -> str:
    part = "" if one.path in (keys, ()) else f"{'.'.join(one.path[len(keys) :])}: "
    return f"{part}{origins.words(one)}"


def _change_in(told: Mapping[str, Any]) -> ChangeRow:
    fields = () if told["action"] == "create" else told["fields"]
    return ChangeRow(
        action=told["action"],
        kind=told["kind"],
        id=told["id"],
        name=told.get("name") or "",
        cause=told["cause"],
        blocked=told.get("blocked") or "",
        reason=told.get("reason") or "",
        retires=told.get("retires", False),
        by=told.get("edited_by") or "",
        at=datetime.fromisoformat(told["edited_at"]) if told.get("edited_at") else None,
        note=told.get("note") or "",
        source=told.get("source") or "",
        fields=tuple(
            FieldRow(one.path, one.before, one.after)
            for each in fields
            for one in parted(FieldChange(each["path"], each.get("before"), each.get("after")))
        ),
        done=told.get("done"),
        error=told.get("error") or "",
    )


# -- what stays -------------------------------------------------------------------------------------------------------


def _kept(told: Mapping[str, Any]) -> KeptRow:
    said = [one for one in (told.get("origin") or {}).get("said", ()) if one["voice"] in _OVERLAYS and one.get("path")]
    places = dict.fromkeys(f"{one['path']}:{one.get('line')}{_selector(one.get('key') or '')}" for one in said)
    return KeptRow(told["kind"], told["id"], told["path"], told.get("value"), " and ".join(places))


def _selector(key: str) -> str:
    """What an overlay stands under, where that is not simply the rule."""
    return f" ({key})" if key.startswith("tag:") or set(key) & set("*?[") else ""


def _asides(told: Mapping[str, Any]) -> Iterator[str]:
    for one in told.get("remarks", ()):
        yield f"note on {_key(one)}: {one['remark']}"
    for one in told.get("not_applicable", ()):
        yield f"not applicable: {one['rule']}: {one['reason']}"
    for one in told.get("notes", ()):
        yield f"equal to Git, but not ours: {_key(one)}: {one['note']}"
    for one in told.get("waiting", ()):
        yield f"no longer in Git: {_key(one)}: {one['note']}"
    for one in told.get("accepted", ()):
        said = f"until {one['until']} by {one['owner']}: {one['reason']}"
        yield f"accepted: {_key(one)} {one['path']} is {value(one.get('live'))}, {said}"
    for one in told.get("accepted_in_vain", ()):
        at = one["accepted_at"]
        yield f"accepted in vain: {one['object']} {one['path']} is not live as {at['path']}:{at['line']} accepts it"
    for one in told.get("carried", ()):
        yield f"left as it is in {_key(one)}: {', '.join(one['names'])}"


def _unmanaged(one: Mapping[str, Any]) -> tuple[str, str]:
    return one["kind"], f"{_key(one)} ({one['name']}): {one['note']}" if one["note"] else ""


def _key(told: Mapping[str, Any]) -> str:
    return f"{told['kind']}/{told['id']}"


def _place(finding: Mapping[str, Any]) -> str:
    return f"{finding['path']}:{finding.get('line')}" if finding.get("path") else ""
