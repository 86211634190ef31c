"""Reports for people: facts first, a stable order, ASCII symbols, one sentence where there is nothing to do.

Every line begins with a word, a symbol or blanks of ours, never with text from outside.
"""

from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

from deployer.diff import FieldChange
from deployer.exits import not_begun
from deployer.findings import Finding
from deployer.origins import Origins
from deployer.outcome import LEVELS
from deployer.outcome import Adopted
from deployer.outcome import Answer
from deployer.outcome import Applied
from deployer.outcome import Backtested
from deployer.outcome import Drifted
from deployer.outcome import Level
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Planned
from deployer.outcome import Pulled
from deployer.outcome import RunsAs
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.plan import Cause
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.plan import Update
from deployer.report import adopted
from deployer.report import backtest
from deployer.report import drifted
from deployer.report import in_waves
from deployer.report import origins
from deployer.report import parts
from deployer.report import pulled
from deployer.report import value_sets
from deployer.report.wording import count
from deployer.report.wording import plain
from deployer.report.wording import value
from deployer.state import Key
from deployer.waves import Went

SYMBOLS = {"create": "+", "update": "~", "claim": "!", "delete": "-"}
_DONE = {"create": "created", "update": "updated", "claim": "claimed", "delete": "deleted"}
_CAUSES = {
    Cause.DRIFT: "changed in the target, Git has not",
    Cause.BOTH: "changed in the target, and in Git",
    Cause.PENDING: "changed in Git",
    Cause.ROLLBACK: "changed by the run that is undone",
}


def render(
    outcomes: Sequence[Outcome],
    environment: str = "ENV",
    digest: str = "",
    waves: Sequence[Went] = (),
    ways: in_waves.Ways = in_waves.WAYS,
    notes: Sequence[str] = (),
) -> str:
    """The report of a run, one section a target and a summary; `digest` is that of a plan to approve.

    `waves` is how each wave went: those that were not begun are named there, and need no sections. `ways` are the
    commands to go on with. `notes` are lines of ours to say beyond the outcomes.
    """
    sections = [outcome for outcome in outcomes if not (waves and not_begun(outcome))]
    lines = [line for outcome in sections for line in (*_outcome(outcome, environment), "")]
    went = in_waves.lines(waves, environment, ways)
    approve = [f"Plan {digest}."] if digest else []
    return "\n".join([*lines, *went, *([""] if went else []), *_summary(outcomes), *notes, *approve]) + "\n"


def findings(found: Sequence[Finding], checked: str) -> str:
    """The report of `check`, every finding on a line that editors can jump to."""
    lines = [plain(str(finding)) for finding in found]
    errors = sum(finding.severity == "error" for finding in found)
    if not found:
        return f"No findings. {checked}\n"
    return "\n".join([*lines, f"{count(len(found), 'finding')}, {count(errors, 'error')}. {checked}"]) + "\n"


def lines(outcome: Outcome, environment: str) -> list[str]:
    """What the report says of one target."""
    return list(_outcome(outcome, environment))


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """What the report says of all of them."""
    return list(_summary(outcomes))


def _outcome(outcome: Outcome, environment: str) -> Iterator[str]:
    match outcome:
        case Drifted():
            yield from drifted.lines(outcome, environment)
        case Planned(place=place, plan=plan, origins=told):
            yield from _planned(place, plan, told)
        case Applied():
            yield from _applied(outcome)
        case Verified():
            yield from _verified(outcome)
        case Pulled():
            yield from pulled.lines(outcome)
        case Unreadable(place=place, error=error):
            yield f"{place}: not looked at: {plain(error)}"
        case Adopted():
            yield from adopted.lines(outcome)
        case Backtested():
            yield from backtest.lines(outcome)
        case Stopped(place=place, findings=found):
            yield f"{place}: stopped, nothing was written there:" if not outcome.refused else f"{place}: refused:"
            yield from (f"    {plain(str(finding))}" for finding in found)


def _planned(place: Place, plan: Plan, told: Origins) -> Iterator[str]:
    if not plan.changes:
        yield f"{place}: no changes. It matches {plan.goal} ({count(len(plan.unchanged), 'object')})."
    else:
        yield f"{place}: {count(len(plan.changes), 'change')}"
        for change in plan.changes:
            yield from _change(change, told)
    yield from parts.asides(plan)


def _change(change: Change, told: Origins) -> Iterator[str]:
    yield f"  {SYMBOLS[change.action]} {parts.title(change)}"
    if change.blocked:
        yield f"      will not be written: {plain(change.blocked)}"
    match change:
        case Create(desired=desired):
            if desired.source:
                yield f"      (from {parts.origin(desired)})"
            yield from origins.of_change(change, told)
            if change.cause is Cause.ROLLBACK:
                yield "      (deleted by the run that is undone)"
        case Delete(reason=reason):
            yield f"      (because it is {plain(reason)})"
        case _:
            yield from _why(change)
            if isinstance(change, Update) and change.reason:
                yield f"      (because it is {plain(change.reason)})" if change.retires else f"      ({change.reason})"
            for field in change.fields:
                yield from _field(field)
                yield from origins.lines(change, field, told)


def _why(change: Change) -> Iterator[str]:
    if change.cause in _CAUSES and not (isinstance(change, Update) and change.reason):
        yield f"      ({_CAUSES[change.cause]}{_editor(change)})"


def _editor(change: Change) -> str:
    live = None if isinstance(change, Create) else change.live
    if live is None or change.cause is Cause.PENDING or not (live.edited_by or live.edited_at):
        return ""
    by = f" by {plain(live.edited_by)}" if live.edited_by else ""
    at = f" at {live.edited_at:%Y-%m-%d %H:%M:%S %Z}" if live.edited_at else ""
    return f"; last edited{by}{at}"


def _field(field: FieldChange) -> Iterator[str]:
    if sets := value_sets.changed_sets(field):
        for one in sets:
            yield f"      {plain(one.path)}: {one.tally}"
            yield from (f"        {line}" for line in one.lines)
        return
    yield f"      {plain(field.path)}"
    if isinstance(field.before, str) and isinstance(field.after, str) and "\n" in field.before + field.after:
        yield from parts.text_change(field.before, field.after)
        return
    for sign, side in (("-", field.before), ("+", field.after)):
        if side is not None:
            yield f"        {sign} {value(side)}"


def _applied(outcome: Applied) -> Iterator[str]:
    place, plan = outcome.place, outcome.plan
    if not plan.changes:
        yield f"{place}: nothing to do. It matches {plan.goal} ({count(len(plan.unchanged), 'object')})."
    else:
        left = f", {len(outcome.failures)} not" if outcome.failures else ""
        yield f"{place}: {count(len(outcome.done), 'change')} made{left}"
        for change in outcome.done:
            yield f"  {SYMBOLS[change.action]} {parts.title(change)} {_DONE[change.action]}"
        for failure in outcome.failures:
            yield f"  x {parts.title(failure.change)} not {_DONE[failure.change.action]}: {plain(failure.error)}"
    yield from parts.asides(plan)


def _verified(outcome: Verified) -> Iterator[str]:
    verb = "emulated" if outcome.place.emulated else "verified"
    yield f"{outcome.place}: {verb}: {_tally(outcome) or 'nothing to verify'}"
    said: dict[tuple[Key, Answer, str, bool], list[str]] = {}
    for level in outcome.levels:
        if level.answer is not Answer.PASS or (level.level != "enabled" and level.reason):
            reason = f"{level.reason}. To know it: {level.setting}" if level.setting else level.reason
            required = level.level in outcome.required or level.answer is Answer.PASS
            said.setdefault((level.key, level.answer, reason, required), []).append(level.level)
    groups: dict[tuple[str, Answer, str, bool], list[Key]] = {}
    for (key, answer, reason, required), names in said.items():
        groups.setdefault((" and ".join(names), answer, reason, required), []).append(key)
    for (names_of, answer, reason, required), keys in groups.items():
        note = "" if required else " (not required)"
        yield f"  {names_of} {answer}{note}: {plain(reason)}: {_few(keys)}"
    yield from _rights(outcome.runs_as)
    yield from parts.idle(outcome.not_applicable)
    yield from parts.noted(outcome.unmanaged)


def _rights(runs_as: Sequence[RunsAs]) -> Iterator[str]:
    """Whose rights the rules run with, in as few lines as there are answers; warnings stand on lines of their own."""
    groups: dict[str, list[Key]] = {}
    for one in runs_as:
        kind = "an API key" if one.api_key else "the login"
        who = f"runs with {kind} of {one.owner}" if one.owner else f"runs with: not known: {one.note}"
        groups.setdefault(f"{who}; warning: {one.warning}" if one.warning else who, []).append(one.key)
    yield from (f"  {plain(words)}: {_few(keys)}" for words, keys in groups.items())


def _few(keys: Sequence[Key]) -> str:
    named = ", ".join(map(str, keys[:3]))
    return f"{named} and {len(keys) - 3} more" if len(keys) > 3 else named


def _tally(outcome: Verified) -> str:
    """Every level with its count. Unknown is said apart: what was not told is not what was seen to fail."""
    names = [name for name in LEVELS if any(level.level == name for level in outcome.levels)]
    return ", ".join(_level_tally(name, [level for level in outcome.levels if level.level == name]) for name in names)


def _level_tally(name: str, levels: Sequence[Level]) -> str:
    passed, unknown = (sum(level.answer is answer for level in levels) for answer in (Answer.PASS, Answer.UNKNOWN))
    if unknown == len(levels):
        return f"{name} not known ({unknown})"
    return f"{name} {passed} of {len(levels)}" + (f" ({unknown} not known)" if unknown else "")


def _summary(outcomes: Sequence[Outcome]) -> Iterator[str]:
    there = [outcome for outcome in outcomes if not _is_file(outcome)]
    later = sum(map(not_begun, there))
    targets = Count(
        seen=sum(not isinstance(outcome, Unreadable | Stopped) for outcome in there),
        lost=sum(isinstance(outcome, Unreadable) for outcome in there),
        later=later,
        stopped=sum(isinstance(outcome, Stopped) for outcome in there) - later,
        files=len(outcomes) - len(there),
    )
    return summed(targets, _came(outcomes, targets.unseen + targets.files))


def _came(outcomes: Sequence[Outcome], unseen: int) -> str:
    if any(isinstance(outcome, Drifted) for outcome in outcomes):
        return f": {drifted.tally(outcomes)}"
    if any(isinstance(outcome, Backtested) for outcome in outcomes):
        return f": {backtest.tally(outcomes)}"
    if any(isinstance(outcome, Planned | Applied) for outcome in outcomes):
        return f": {_changes(outcomes)}"
    verified = [outcome for outcome in outcomes if isinstance(outcome, Verified)]
    return verdict([outcome.worst() for outcome in verified], verified[0].required, unseen) if verified else ""


class Count(NamedTuple):
    """How many targets were looked at, and of how many others why not."""

    seen: int
    lost: int
    """Could not be looked at."""
    later: int
    """Were not begun: the run stopped before their wave."""
    stopped: int
    files: int
    """Tenants' files that cannot be used: of how many targets they would tell, nobody knows."""

    @property
    def unseen(self) -> int:
        """Targets that nothing is known of."""
        return self.lost + self.later + self.stopped


def summed(targets: Count, came: str) -> Iterator[str]:
    """What is said of all targets: what came of those that were looked at, and how many were not, and why."""
    _, lost, later, stopped, files = targets
    of = f"{targets.seen} of " if came and targets.unseen else ""
    yield f"{of}{count(targets.seen + targets.unseen, 'target')}{came}."
    if lost:
        them = "it" if lost == 1 else "them"
        yield f"{count(lost, 'target was', 'targets were')} not looked at: nothing is known of {them}."
    if later:
        whose = "its" if later == 1 else "their"
        yield f"{count(later, 'target was', 'targets were')} not begun: the run stopped before {whose} wave."
    if stopped:
        yield f"{count(stopped, 'target was', 'targets were')} stopped by what is said above."
    if files:
        told = count(files, "tenant's file", "tenants' files")
        yield f"{told} cannot be used, as is said above."


def _is_file(outcome: Outcome) -> bool:
    """Whether it is a tenant's file that cannot be used, and tells of no target."""
    return isinstance(outcome, Stopped | Unreadable) and outcome.place.target is None


def verdict(answers: Sequence[Answer], required: Sequence[str], unseen: int) -> str:
    """What the targets that were looked at are found to be: each of them is counted once, and none of the `unseen`."""
    levels = ", ".join(required)
    if all(answer is Answer.PASS for answer in answers):
        passes = f" {'passes' if len(answers) == 1 else 'pass'} what is required"
        return f"{passes if unseen else ': all that is required passes'} ({levels})"
    words = {Answer.FAIL: "fail", Answer.UNKNOWN: "cannot be told", Answer.PASS: "pass"}
    tally = [(sum(answer is one for answer in answers), word) for one, word in words.items()]
    return f": {', '.join(f'{number} {word}' for number, word in tally if number)} what is required ({levels})"


def _changes(outcomes: Sequence[Outcome]) -> str:
    changes = [change for outcome in outcomes if isinstance(outcome, Planned) for change in outcome.plan.changes]
    applied = [outcome for outcome in outcomes if isinstance(outcome, Applied)]
    changes += [change for outcome in applied for change in outcome.done]
    return changed(
        [change.action for change in changes],
        done=bool(applied),
        failures=sum(len(outcome.failures) for outcome in applied),
        unchanged=sum(len(outcome.plan.unchanged) for outcome in outcomes if isinstance(outcome, Planned | Applied)),
    )


def changed(actions: Sequence[str], *, done: bool, failures: int, unchanged: int) -> str:
    """`2 created, 1 failed or not tried, 5 unchanged`: what was done with each object, or is to be."""
    words = _DONE if done else {action: f"to {action}" for action in SYMBOLS}
    tally = {action: sum(one == action for one in actions) for action in SYMBOLS}
    parts = [f"{number} {words[action]}" for action, number in tally.items() if number]
    parts += [f"{failures} failed or not tried"] if failures else []
    return ", ".join([*(parts or ["no changes"]), f"{unchanged} unchanged"])
