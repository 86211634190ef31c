"""What undoes a run's writes in one target: a comparison of what the journal tells with what is live."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta

from deployer.crew import Job
from deployer.diff import field_changes
from deployer.model import Platform
from deployer.outcome import Applied
from deployer.outcome import Failure
from deployer.plan import Cause
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.plan import Update
from deployer.plan import in_order
from deployer.plan import matches
from deployer.providers.base import Provider
from deployer.providers.codecs import needs
from deployer.rollback.runs import State
from deployer.rollback.runs import Write
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Mark
from deployer.state import Resource
from deployer.state import digest
from deployer.state import whole_mark
from deployer.state import whose

GOAL = "what was there before the run"
HELD_BACK = timedelta(hours=24)
"""About how long Sentinel keeps a deleted id back: one tool measured it, the documentation names no time."""
_HISTORY = (
    "it is made again as a new object: Kibana no longer counts its alerts of before as its own, so it may alert again "
    "on what it alerted on"
)
_COMMENTS = "its comments come back with the author and the time of this run"
_UNMARKED = "it had no mark before the run and has none again: it is nobody's until it is adopted"


def undo(provider: Provider, job: Job, writes: Sequence[Write], globs: Sequence[str] = ()) -> tuple[Plan, LiveState]:
    """What to do in one target so that it is again as it was before these writes, and what was read of it."""
    view = _view(job, writes)
    live = provider.read(view)
    if globs:
        keys = _concerned(job, writes, globs)
        writes = [write for write in writes if write.key in keys]
    changes: dict[Key, Change] = {}
    for write in writes:
        if change := _change(write, live.resources.get(write.key), job):
            changes[write.key] = change
    if globs:
        changes = {key: change for key, change in changes.items() if not _still_needed(change, changes, live)}
    changes = _standing(_guarded(changes), live)
    return Plan(
        changes=in_order(changes.values()),
        unchanged=tuple(sorted(write.key for write in writes if write.key not in changes)),
        unmanaged=live.unmanaged,
        not_applicable=(),
        carried=tuple(
            (key, tuple(sorted(change.live.carried)))
            for key, change in sorted(changes.items())
            if isinstance(change, Update) and change.live.carried
        ),
        owned_rules=sum(key.kind is Kind.RULE and view.owns(one) for key, one in live.resources.items()),
        goal=GOAL,
        remarks=tuple(_remarks(job, changes.values(), {write.key: write for write in writes})),
    ), live


def _view(job: Job, writes: Iterable[Write]) -> DesiredState:
    """What to look at, and how: everything that the run wrote, as it wrote it, and what that stood on."""
    states = {write.key: [state for state in (*reversed(write.left), write.before) if state] for write in writes}
    platform = job.target.platform
    grounds = {need for key, told in states.items() for state in told for need in needs(platform, key, state.body)}
    looked = {key: Resource(key, told[0].body, git_id=job.desired.git_id(key)) for key, told in states.items() if told}
    return replace(job.desired, resources={**{key: Resource(key, {}) for key in grounds}, **looked})


def _change(write: Write, found: Resource | None, job: Job) -> Change | None:
    """What undoes one write; None if there is nothing to undo."""
    if _is(found, write.before):
        return None
    blocked = None if any(_is(found, state) for state in write.left) else _left_alone(write, found, job.desired)
    if write.torn:
        blocked = blocked or "changed between the runs; left alone: undo them one at a time, the last one first"
    before = write.before
    if found is not None and (why := _nobodys(found, before, job)):
        blocked = blocked or why
    if before is None:
        if found is None:
            return None
        return Delete(found, "what the run created", Cause.ROLLBACK, blocked or found.keep)
    name = str(before.body.get("displayName") or before.body.get("name") or "")
    grounds = needs(job.target.platform, write.key, before.body)
    wanted = Resource(write.key, before.body, name, git_id=job.desired.git_id(write.key), needs=grounds)
    mark = whole_mark(before.mark) if before.mark else None
    if before.mark and not (isinstance(mark, Mark) and replace(wanted, mark=mark).owned_by(*_owner(job))):
        blocked = blocked or f"its mark of before cannot be written again ({before.mark}); restore it by hand"
    if digest(before.body) != before.digest:
        blocked = blocked or "the journal holds it with a secret of the run taken out (***); restore it by hand"
    written = mark if isinstance(mark, Mark) else None
    if found is not None:
        return Update(found, wanted, written, Cause.ROLLBACK, field_changes(found.body, wanted.body), blocked)
    if digest(before.carried) != before.carried_digest:
        blocked = blocked or "the journal holds what it carried with a secret taken out (***); restore it by hand"
    return Create(replace(wanted, carried=before.carried), written, Cause.ROLLBACK, blocked)


def _nobodys(found: Resource, before: State | None, job: Job) -> str | None:
    """Why a live object is not ours to undo, whatever the journal says: what a run of ours leaves carries our mark."""
    if found.mark is None:
        return None if before and before.mark else "it carries no mark, so it is nobody's; left alone"
    return None if job.desired.owns(found) else f"{whose(found)}; left alone"


def _is(found: Resource | None, told: State | None) -> bool:
    if found is None or told is None:
        return found is None and told is None
    return found.digest == told.digest and str(found.mark or "") == told.mark


def _left_alone(write: Write, found: Resource | None, ours: DesiredState) -> str:
    """Why an object that is neither as the run found it nor as it left it is not touched."""
    if found is None:
        return "deleted since the run; left alone"
    by = f" by {found.edited_by}" if found.edited_by else ""
    at = f" at {found.edited_at:%Y-%m-%d %H:%M:%S %Z}" if found.edited_at else ""
    if not write.sure:
        text = "the run did not see this write through, and what is there is neither what was there before it nor that"
        return f"{text}; last edited{by}{at}; left alone"
    if write.left[-1] is None:
        return f"made again since the run{by}{at}; left alone"
    if isinstance(found.mark, Mark) and ours.owns(found) and found.mark.digest == found.digest:
        return f"written by a later run{by}{at}; left alone: undo that one first"
    return f"changed since the run{by}{at}; left alone"


def _guarded(changes: Mapping[Key, Change]) -> dict[Key, Change]:
    """The same changes; a rule stands on the entries that come back into its lists, too, and is written after them.

    An entry that somebody changed since is there, and holds up no rule.
    """
    back = [
        change.desired
        for change in changes.values()
        if change.key.kind is Kind.ITEM
        and (isinstance(change, Create) or (isinstance(change, Update) and not change.blocked))
    ]

    def guarded(change: Change) -> Change:
        if isinstance(change, Delete) or change.key.kind is not Kind.RULE:
            return change
        items = [item.key for item in back if set(item.needs).intersection(change.desired.needs)]
        return replace(change, desired=replace(change.desired, needs=(*change.desired.needs, *items)))

    return {key: guarded(change) for key, change in changes.items()}


def _standing(changes: Mapping[Key, Change], live: LiveState) -> dict[Key, Change]:
    """The same changes; one that would take away what stays in use, or build on what is not there, is blocked."""
    made = dict(changes)
    while True:
        grounds = [(change, _ground(change, made, live)) for change in made.values() if not change.blocked]
        found = [(change, why) for change, why in grounds if why]
        if not found:
            return made
        made |= {change.key: replace(change, blocked=why) for change, why in found}


def _still_needed(change: Change, changes: Mapping[Key, Change], live: LiveState) -> bool:
    """Whether a delete would take away what a rule that was not selected stands on, or what stands in its list."""
    if not isinstance(change, Delete) or change.key.kind is Kind.RULE:
        return False
    others = {
        need
        for key, one in live.resources.items()
        if key.kind is Kind.RULE and key not in changes
        for need in one.needs
    }
    return bool(others.intersection((change.key, *change.live.needs)))


def _ground(change: Change, changes: Mapping[Key, Change], live: LiveState) -> str | None:
    if isinstance(change, Delete):
        users = [key for key, one in sorted(live.resources.items()) if change.key in _needs_then(one, changes)]
        return f"{users[0]} still needs it; left alone" if users else None
    missing = [need for need in change.desired.needs if not _there_then(need, changes, live)]
    return f"it needs {missing[0]}, which is not there any more" if missing else None


def _needs_then(one: Resource, changes: Mapping[Key, Change]) -> tuple[Key, ...]:
    """What a live object stands on once the changes are made."""
    change = changes.get(one.key)
    if change is None or change.blocked:
        return one.needs
    return () if isinstance(change, Delete) else change.desired.needs


def _there_then(key: Key, changes: Mapping[Key, Change], live: LiveState) -> bool:
    change = changes.get(key)
    if change is None or change.blocked:
        return key in live.resources
    return not isinstance(change, Delete)


def _concerned(job: Job, writes: Iterable[Write], globs: Sequence[str]) -> set[Key]:
    """The rules that match, what they stood on before the run or after it, and what stood in their lists."""
    grounds = {
        write.key: {
            need
            for state in (write.before, *write.left)
            if state
            for need in needs(job.target.platform, write.key, state.body)
        }
        for write in writes
    }
    rules = {
        key
        for key in grounds
        if key.kind is Kind.RULE and (matches(key.id, globs) or matches(job.desired.git_id(key), globs))
    }
    keys = rules.union(*(grounds[rule] for rule in rules))
    return keys | {key for key, needed in grounds.items() if key.kind is not Kind.RULE and keys & needed}


def seen_again(provider: Provider, job: Job, plan: Plan, live: LiveState) -> Plan:
    """The same plan on a second look, with the eyes of what is to be: what goes is no longer wanted.

    A provider judges a delete by what it was told is wanted; what moved between the two looks is blocked.
    """
    if all(change.blocked for change in plan.changes):
        return plan
    used = {need for one in live.resources.values() if job.desired.owns(one) for need in one.needs}
    gone = {
        change.key
        for change in plan.changes
        # Kibana's data views and value lists are found through what uses them; one that nothing uses must be named.
        if isinstance(change, Delete)
        and not change.blocked
        and (change.key.kind not in (Kind.DATA_VIEW, Kind.VALUE_LIST) or change.key in used)
    }
    wanted = {change.key: change.desired for change in plan.changes if not isinstance(change, Delete)}
    stays = {**wanted, **{key: one for key, one in live.resources.items() if key not in gone}}
    second = provider.read(replace(job.desired, resources=stays))

    def again(change: Change) -> Change:
        found = second.resources.get(change.key)
        before = None if isinstance(change, Create) else change.live
        if change.blocked:
            return change
        if _version(found) != _version(before):
            return replace(change, blocked="it changed while it was looked at; run again")
        return change if found is None or isinstance(change, Create) else replace(change, live=found)

    return replace(plan, changes=tuple(again(change) for change in plan.changes))


def _version(one: Resource | None) -> tuple[object, ...] | None:
    return (one.digest, digest(one.carried), str(one.mark), one.version) if one else None


def _remarks(job: Job, changes: Iterable[Change], writes: Mapping[Key, Write]) -> Iterator[tuple[Key, str]]:
    for change in sorted(changes, key=lambda change: change.key):
        if change.blocked:
            continue
        if isinstance(change, Update) and change.mark is None:
            yield change.key, _UNMARKED
        if isinstance(change, Create) and change.key.kind is Kind.WATCHLIST:
            continue  # its alias may be taken again at once
        if isinstance(change, Create) and job.target.platform is Platform.SENTINEL:
            if (until := writes[change.key].at + HELD_BACK) > datetime.now(UTC):
                yield change.key, f"Sentinel keeps a deleted id back and may refuse it until about {_time(until)}"
        elif isinstance(change, Create) and change.key.kind is Kind.RULE:
            yield change.key, _HISTORY
        elif isinstance(change, Create) and change.desired.carried.get("comments"):
            yield change.key, _COMMENTS


def told_until(applied: Applied, job: Job, writes: Iterable[Write]) -> Applied:
    """The same outcome; where Sentinel refused an id that was deleted a moment ago, it is said until when."""
    at = {write.key: write.at for write in writes}

    def told(failure: Failure) -> Failure:
        refused = isinstance(failure.change, Create) and "recently deleted" in failure.error
        if not refused or job.target.platform is not Platform.SENTINEL:
            return failure
        deleted = at[failure.change.key]
        until = f"until about {_time(deleted + HELD_BACK)}; roll back again then"
        return replace(failure, error=f"{failure.error}; the run deleted it at {_time(deleted)}, so {until}")

    return replace(applied, failures=tuple(told(failure) for failure in applied.failures))


def _owner(job: Job) -> tuple[str, str]:
    return job.desired.owner, job.desired.environment


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
