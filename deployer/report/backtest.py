"""What rules would have raised in the past, for people and for scripts: days, groups, and what each entry hid."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from typing import Any

from deployer.outcome import Backtested
from deployer.outcome import Outcome
from deployer.previews import Gap
from deployer.previews import Preview
from deployer.report.wording import count
from deployer.report.wording import plain
from deployer.trials import Attempt
from deployer.trials import Standing
from deployer.trials import Trial
from deployer.trials import Unit
from deployer.trials import subject

Document = dict[str, Any]

_WIDTH = 40
_TOP = 5
_GAPS = 5


def lines(outcome: Backtested) -> Iterator[str]:
    """The section of one target. `!` and `#` are alerts, `.` is what the allowlists hide."""
    emulated = ", emulated" if outcome.place.emulated else ""
    yield f"{outcome.place}: {_when(outcome.since)} to {_when(outcome.until)} UTC{emulated}"
    for trial in outcome.trials:
        yield from _trial(trial, outcome)
    if not outcome.trials:
        yield "  no rule goes to this target"
    if outcome.spare:
        yield f"  could go: hid nothing in {_length(outcome)}, in any rule and target of {outcome.place.tenant}:"
        yield from (f"    . {plain(_unit(unit))}" for unit in outcome.spare)


def sentence(outcome: Backtested) -> str:
    """What there is to say of a target, in one."""
    ran = [trial for trial in outcome.trials if trial.with_entries is not None]
    lost = sum(bool(trial.error) for trial in outcome.trials)
    least = "" if all(trial.whole for trial in ran) else "at least "
    found = sum(len(trial.with_entries.alerts) for trial in ran if trial.with_entries is not None)
    words = [f"{count(len(ran), 'rule')} run, {least}{count(found, 'alert')}"]
    return ", ".join([*words, f"{count(lost, 'rule')} not looked at"] if lost else words)


def tally(outcomes: Sequence[Outcome]) -> str:
    """`2 rules run, 12 alerts, 172 without allowlists; 9 previews, 31 requests`."""
    trials = [trial for outcome in outcomes if isinstance(outcome, Backtested) for trial in outcome.trials]
    ran = [trial for trial in trials if trial.with_entries is not None and trial.without is not None]
    return words(
        ran=len(ran),
        whole=all(trial.whole for trial in ran),
        found=sum(len(trial.with_entries.alerts) for trial in ran if trial.with_entries),
        bare=sum(len(trial.without.alerts) for trial in ran if trial.without),
        lost=sum(bool(trial.error) for trial in trials),
        asked=(sum(trial.previews for trial in trials), sum(trial.requests for trial in trials)),
    )


def words(*, ran: int, whole: bool, found: int, bare: int, lost: int, asked: tuple[int, int]) -> str:
    """The same of numbers: `found` alerts of the rules that ran, `bare` without allowlists; previews and requests."""
    least = "" if whole else "at least "
    said = [f"{count(ran, 'rule')} run", f"{least}{count(found, 'alert')}", f"{least}{bare} without allowlists"]
    said += [f"{count(lost, 'rule')} not looked at"] if lost else []
    previews, requests = asked
    return f"{', '.join(said)} ({count(previews, 'preview')}, {count(requests, 'request')})"


def document(outcome: Backtested) -> Document:
    """What the JSON document says of one target."""
    trials = [_document(trial, outcome) for trial in outcome.trials]
    could_go = [_place(unit) for unit in outcome.spare]
    span = {"emulated": outcome.place.emulated, "since": outcome.since, "until": outcome.until}
    return {**span, "rules": trials, "could_go": could_go}


# -- for people -------------------------------------------------------------------------------------------------------


def _trial(trial: Trial, outcome: Backtested) -> Iterator[str]:
    found, without = trial.with_entries, trial.without
    if found is None or without is None:
        yield f"  {trial.rule}: {f'not looked at: {plain(trial.error)}' if trial.error else plain(trial.note)}"
        return
    least = "at least " if trial.gaps else ""
    bare = f", {least}{len(without.alerts)} without allowlists" if found is not without else ""
    yield f"  {trial.rule}: {least}{count(len(found.alerts), 'alert')}{bare}"
    if trial.note:
        yield f"    note: {plain(trial.note)}"
    yield from _gaps(trial.gaps)
    for note in dict.fromkeys(note for preview in trial.ran for note in preview.notes):
        yield f"    note: {plain(note)}"
    yield from _chart(trial, outcome)
    yield from _groups(found, without)
    yield from _attempts(trial, outcome)


def _gaps(gaps: Sequence[Gap]) -> Iterator[str]:
    for gap in gaps[:_GAPS]:
        yield f"    x not looked at, or not wholly: {_when(gap.since)} to {_when(gap.until)}: {plain(gap.reason)}"
    if len(gaps) > _GAPS:
        yield f"    x and {count(len(gaps) - _GAPS, 'more span')}, until {_when(max(gap.until for gap in gaps))}"


def _chart(trial: Trial, outcome: Backtested) -> Iterator[str]:
    """A line a day, the longest bar as wide as there is room: `#` an alert, `.` what the allowlists hide."""
    rows = _days(trial, outcome)
    most = max((max(row["with"], row["without"]) for row in rows), default=0)
    wide = max(len(str(most)), 2)
    for row in rows:
        kept, bare = row["with"], row["without"]
        bar = "#" * _scaled(kept, most)
        bar += "." * max(0, _scaled(bare, most) - len(bar))
        tail = f"  without allowlists {bare:>{wide}}" if trial.with_entries is not trial.without else ""
        mark = "  (not whole)" if row["partial"] else ""
        yield f"    {row['date']}  {kept:>{wide}} {bar:<{min(most, _WIDTH)}}{tail}{mark}".rstrip()


def _scaled(number: int, most: int) -> int:
    """Characters for a number; one that is not zero is always seen."""
    if most <= _WIDTH:
        return number
    return max(1, round(number * _WIDTH / most)) if number else 0


def _groups(found: Preview, without: Preview) -> Iterator[str]:
    """What the alerts are about, and what those are about that the allowlists hide; the most first."""
    raised = Counter(subject(alert) for alert in found.alerts)
    hidden = Counter(subject(alert) for alert in without.alerts) - raised
    for mark, groups in (("!", raised), (".", hidden)):
        for what, number in groups.most_common(_TOP):
            yield f"    {mark} {number} x {plain(what) or '(nothing tells them apart)'}"
        if len(groups) > _TOP:
            yield f"    {mark} and {count(len(groups) - _TOP, 'other group')}"


def _attempts(trial: Trial, outcome: Backtested) -> Iterator[str]:
    by = {standing: [one for one in trial.attempts if one.standing is standing] for standing in Standing}
    if by[Standing.HID]:
        yield "    what each entry hides by itself:"
        for one in sorted(by[Standing.HID], key=lambda one: (-one.effect.hidden, -one.effect.smaller)):
            yield f"      - {plain(_effect(one))}: {plain(_unit(one.unit))}"
    if by[Standing.NOTHING]:
        why = {one.reason for one in by[Standing.NOTHING]}
        reason = f" ({next(iter(why))})" if len(why) == 1 and "" not in why else ""
        where = ", where there were events: see above" if trial.quiet else ""
        yield f"    hid nothing of this rule in {_length(outcome)}{where}{plain(reason)}:"
        yield from (f"      . {plain(_unit(one.unit))}" for one in by[Standing.NOTHING])
    if by[Standing.JOINTLY]:
        yield "    hides nothing alone; together with other entries some of these do:"
        yield from (f"      - {plain(_unit(one.unit))}" for one in by[Standing.JOINTLY])
    yield from _apart("what these hide is not known", by[Standing.UNKNOWN])
    yield from _apart("not tried", by[Standing.UNTRIED])


def _apart(title: str, attempts: Sequence[Attempt]) -> Iterator[str]:
    for reason in dict.fromkeys(one.reason for one in attempts):
        yield f"    {title}: {plain(reason)}:"
        yield from (f"      ? {plain(_unit(one.unit))}" for one in attempts if one.reason == reason)


def _effect(one: Attempt) -> str:
    found = one.effect
    words = [count(found.hidden, "alert")] if found.hidden else []
    words += [f"{count(found.smaller, 'alert')} made smaller"] if found.smaller else []
    words += [f"{found.added} raised otherwise"] if found.added else []
    return ", ".join(words)


def _unit(unit: Unit) -> str:
    until = f", expires {unit.expires}" if unit.expires else ""
    return f"{unit.title} ({unit.category}{until}) {unit.location.path}:{unit.location.line}"


def _length(outcome: Backtested) -> str:
    return count(round((outcome.until - outcome.since) / timedelta(days=1)), "day")


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


# -- for scripts ------------------------------------------------------------------------------------------------------


def _document(trial: Trial, outcome: Backtested) -> Document:
    found, without = trial.with_entries, trial.without
    ran = found is not None and without is not None
    return {
        "rule": trial.rule,
        "looked_at": ran,
        "whole": trial.whole,
        "note": trial.note,
        "error": trial.error or None,
        "alerts": {"with": len(found.alerts), "without": len(without.alerts)} if found and without else None,
        "days": _days(trial, outcome) if ran else [],
        "groups": {"with": _counted(found), "without": _counted(without)},
        "effect": _numbers(trial.effect) if trial.effect else None,
        "entries": [_entry(one) for one in trial.attempts],
        "gaps": [{"since": gap.since, "until": gap.until, "reason": gap.reason} for gap in trial.gaps],
        "notes": list(dict.fromkeys(note for preview in trial.ran for note in preview.notes)),
        "quiet": trial.quiet,
        "previews": trial.previews,
        "requests": trial.requests,
    }


def _counted(preview: Preview | None) -> list[Document]:
    groups = Counter(subject(alert) for alert in preview.alerts) if preview else Counter()
    about = {subject(alert): dict(alert.about) for alert in preview.alerts} if preview else {}
    return [{"about": about[what], "alerts": number} for what, number in groups.most_common()]


def _entry(one: Attempt) -> Document:
    return {**_place(one.unit), "standing": one.standing, **_numbers(one.effect), "reason": one.reason}


def _place(unit: Unit) -> Document:
    where = {"path": unit.location.path, "line": unit.location.line}
    return {"category": unit.category, "entry": unit.title, **where, "expires": unit.expires}


def _numbers(effect: Any) -> Document:
    return {"hidden": effect.hidden, "smaller": effect.smaller, "added": effect.added}


def _days(trial: Trial, outcome: Backtested) -> list[Document]:
    """Every day of the span, UTC, those without alerts too; the first and the last may be parts of days."""
    found, without = _by_day(trial.with_entries), _by_day(trial.without)
    return [
        {
            "date": day.isoformat(),
            "with": found[day],
            "without": without[day],
            "partial": any(gap.since.astimezone(UTC).date() <= day <= _day(gap.until) for gap in trial.gaps),
        }
        for day in _dates(outcome)
    ]


def _by_day(preview: Preview | None) -> Counter[date]:
    return Counter(_day(alert.at) for alert in preview.alerts) if preview else Counter()


def _day(moment: datetime) -> date:
    """The day of a run: one at midnight looks at the day that ends."""
    return (moment.astimezone(UTC) - timedelta(seconds=1)).date()


def _dates(outcome: Backtested) -> Iterator[date]:
    day, last = outcome.since.astimezone(UTC).date(), _day(outcome.until)
    while day <= last:
        yield day
        day += timedelta(days=1)
