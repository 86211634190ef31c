"""Reports for pull requests, issues and job summaries on GitHub: a table of the targets, then what was found in each.

Text from outside stands in one of three places, and nowhere else: in a code span (without backtick and pipe), in a
fenced block whose fence is longer than any run of backticks within, or escaped in `<code>` within `<summary>`. There it
becomes neither markup nor a mention, a reference or a link.

A comment holds 65,536 characters. What does not fit is left out from the end, where the least grave targets stand, and
counted.
"""

import html
import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass

from deployer.errors import DeployerError
from deployer.errors import InvalidManifest
from deployer.exits import not_begun
from deployer.findings import Finding
from deployer.outcome import Answer
from deployer.outcome import Applied
from deployer.outcome import Backtested
from deployer.outcome import Drifted
from deployer.outcome import Outcome
from deployer.outcome import Planned
from deployer.outcome import Pulled
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.report import as_text
from deployer.report import grouped
from deployer.report import in_waves
from deployer.report import table
from deployer.report.rule_tests import tally
from deployer.report.wording import count
from deployer.report.wording import plain
from deployer.ruletests.outcomes import Outcome as Tried
from deployer.ruletests.outcomes import Report
from deployer.saved import digest_to_approve
from deployer.waves import Went

LONGEST = 64_000
"""In UTF-16 units, so that it is no more whichever way GitHub counts; the rest is for what a workflow adds."""
_TABLE = LONGEST // 2
_FAIR = 600
"""What the section of a target may always take while there is room, so that not all are cut to nothing."""
_LINE = 400
_NAME = 80
_SIGNS = re.compile(r"( *)(\|?)([-+!])(.*)", re.DOTALL)


def render(
    verb: str,
    environment: str,
    outcomes: Sequence[Outcome],
    *,
    waves: Sequence[Went] = (),
    ways: in_waves.Ways = in_waves.WAYS,
    notes: Sequence[str] = (),
    by: str | None = "target",
) -> str:
    """The report of a run, what went wrong first; `waves` is how each wave went, `ways` how to go on.

    `notes` are lines of ours to say beyond the outcomes. `by` is `change` or `target`; None leaves it to their number.
    """
    ordered = sorted(outcomes, key=lambda outcome: (_gravity(outcome), outcome.place))
    digest = digest_to_approve(outcomes) if verb == "plan" else ""
    approved = [f"Plan {_code(digest)}"] if digest else []
    head = [*_head(verb, environment), *as_text.summary(outcomes), *notes, *approved, ""]
    if waves:
        head += [*_fenced(in_waves.went(waves), LONGEST // 4, "text"), ""]
        on = in_waves.onward(waves, environment, ways)
        head += [*_fenced(on, LONGEST // 16, "text"), ""] if on else []
    if grouped.wanted(by, len(outcomes)):
        return _parts(head, grouped.sections(grouped.rows_of(outcomes), verb))
    worthy = [outcome for outcome in ordered if _worth_a_section(outcome)]
    return _composed(head, _rows(verb, ordered), len(worthy), (_section(outcome, environment) for outcome in worthy))


def told(verb: str, environment: str, top: Sequence[str], sections: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A report of lines that are there already: `top` are ours, a section is a title and its lines, the gravest first.

    A line of a section that is indented by two begins a block with what is indented further.
    """
    made = (_Section(plain(title), _blocks(map(plain, lines))) for title, lines in sections)
    return _composed([*_head(verb, environment), *top, ""], None, len(sections), made)


def _composed(head: Sequence[str], rows: Sequence[str] | None, number: int, sections: Iterable["_Section"]) -> str:
    """The report, as much of it as there is room for; what there is no room for is not made."""
    shown = [] if rows is None else [*_table(rows, min(_TABLE, LONGEST - _size(head) - 2_000)), ""]
    room = LONGEST - _size(head) - _size(shown) - 1_000
    return _written([*head, *shown, *_sections(number, sections, room)])


def by_change(verb: str, environment: str, top: Sequence[str], parts: Sequence[grouped.Section]) -> str:
    """A report of the parts of `grouped.sections`; `top` holds lines of ours, for its beginning."""
    return _parts([*_head(verb, environment), *top, ""], parts)


def _parts(head: Sequence[str], parts: Sequence[grouped.Section]) -> str:
    """What stands first may take all the room that there is, but for the beginning of each part after it."""
    made = [_Section(each.title, _blocks(each.lines), each.open) for each in parts]
    room = LONGEST - _size(head) - 1_000
    lines: list[str] = []
    for number, part in enumerate(made):
        kept = sum(min(_FAIR, _size(_details(each, LONGEST, "part"))) for each in made[number + 1 :])
        shown = _details(part, room - kept, "part")
        room -= _size(shown)
        lines += shown or [f"There was no room for: {_code(part.title)}", ""]
    return _written([*head, *lines])


def failure(verb: str, environment: str, error: DeployerError) -> str:
    """The report of a run that stopped before any target was looked at."""
    found = error.findings if isinstance(error, InvalidManifest) else ()
    lines = [str(finding) for finding in found] or str(error).split("\n")
    said = "**Nothing was looked at: the run stopped before any target.**"
    return _written([*_head(verb, environment), said, "", *_fenced(lines, LONGEST - 2_000, "text")])


def findings(environment: str | None, found: Sequence[Finding], checked: str) -> str:
    """The report of `check`."""
    errors = sum(finding.severity == "error" for finding in found)
    said = f"{count(len(found), 'finding')}, {count(errors, 'error')}." if found else "No findings."
    lines = _fenced([str(finding) for finding in found], LONGEST - 4_000, "text") if found else []
    return _written([*_head("check", environment or "all"), f"{said} {_code(checked)}", "", *lines])


def rule_tests(report: Report) -> str:
    """The report of `test`: what failed and what was not run, by name."""
    head, number = _head("test", "rules"), tally(report.cases)
    said = ", ".join(f"{number[outcome]} {outcome}" for outcome in Tried)
    told = [
        line
        for case in sorted(report.cases, key=lambda case: case.outcome is not Tried.FAILED)
        if case.outcome is not Tried.PASSED
        for line in (f"{case.outcome}: {case.rule} {case.platform}: {case.name}", *case.reason.split("\n"))
    ]
    told += [str(finding) for finding in report.findings]
    lines = _fenced(told, LONGEST - 4_000, "text") if told else []
    return _written([*head, f"{count(len(report.cases), 'case')}: {said}.", "", *lines])


def marker(verb: str, environment: str) -> str:
    """The first line, which is not shown: how a workflow finds its own comment or issue again."""
    return f"<!-- deployer:{_word(verb)}:{_word(environment)} -->"


def _head(verb: str, environment: str) -> list[str]:
    return [marker(verb, environment), f"### deployer {_word(verb)} {_code(environment)}", ""]


def _written(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


# -- the table --------------------------------------------------------------------------------------------------------


def _gravity(outcome: Outcome) -> int:
    """What is known least comes first, what is as it should be last."""
    match outcome:
        case Unreadable():
            return 0
        case Stopped():
            return 4 if not_begun(outcome) else 1
        case Applied(failures=failures) if failures:
            return 2
        case Verified() if outcome.worst() is not Answer.PASS:
            return 2
        case Pulled() | Backtested() if outcome.code:
            return 2
        case Drifted(drift=drift) if drift.untold or drift.found:
            return 3
        case Planned(plan=plan) if any(change.cause in table.NOT_PENDING for change in plan.changes):
            return 3
        case Planned(plan=plan) | Drifted(plan=plan) | Applied(plan=plan) if plan.changes:
            return 4
        case _:
            return 5


def _rows(verb: str, outcomes: Sequence[Outcome]) -> list[str]:
    """The table: its two lines of head, then one for each target."""
    head, *rows = table.rows(verb, outcomes)
    numbers = "|".join(["--:"] * (len(head) - 2))
    lines = [f"| {' | '.join(head)} |", f"|---|---|{f'{numbers}|' if numbers else ''}"]
    return [*lines, *(f"| {' | '.join([_code(place), *cells])} |" for place, *cells in rows)]


def _table(told: Sequence[str], room: int) -> list[str]:
    """As much of it as there is room for."""
    lines, rows = list(told[:2]), told[2:]
    if not rows:
        return ["No target."]
    left = room - _size(lines)
    for number, row in enumerate(rows):
        left -= _size([row])
        if left < 0:
            return [*lines, "", f"The table leaves out {count(len(rows) - number, 'target')} of {len(rows)}."]
        lines.append(row)
    return lines


# -- what was found in each target ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Section:
    """The lines of one target or part, in blocks that are shown or left out as a whole."""

    title: str
    blocks: tuple[tuple[str, ...], ...]
    open: bool = False


def _worth_a_section(outcome: Outcome) -> bool:
    return not not_begun(outcome) and (_gravity(outcome) < 5 or len(as_text.lines(outcome, "")) > 1)


def _sections(number: int, sections: Iterable[_Section], room: int) -> Iterator[str]:
    for place, section in enumerate(sections):
        waiting = number - place
        lines = _details(section, min(room, max(room // waiting, _FAIR)), "target")
        if not lines:
            yield f"There was no room for the details of {count(waiting, 'more target')}."
            return
        room -= _size(lines)
        yield from lines


def _section(outcome: Outcome, environment: str) -> _Section:
    """The lines of the text report; one that is indented by two begins a block with what is indented further."""
    title, *lines = map(plain, as_text.lines(outcome, environment))
    if isinstance(outcome, Unreadable):
        because = _shortened(f"  because: {plain(outcome.error)}", _LINE * 4)
        return _Section(plain(f"{outcome.place}: not looked at"), (*_blocks(lines), (because,)))
    return _Section(title, _blocks(lines))


def _blocks(lines: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    blocks: list[list[str]] = []
    for line in lines:
        if not blocks or not line.startswith("   "):
            blocks.append([])
        blocks[-1].append(_shortened(_signed(line), _LINE))
    return tuple(map(tuple, blocks))


def _details(section: _Section, room: int, of: str) -> list[str]:
    """Nothing if there is no room for any of it. `of` says what a section is about."""
    summary = html.escape(_shortened(section.title, _LINE))
    top = ["<details open>" if section.open else "<details>", f"<summary><code>{summary}</code></summary>", ""]
    bottom = ["", "</details>", ""]
    lines = [line for block in _fitting(section.blocks, room - _size(top) - _size(bottom) - 120, of) for line in block]
    if section.blocks and not lines:
        return []
    written = [*top, *(_fence(lines, "diff") if lines else ()), *bottom]
    return written if _size(written) <= room else []


def _fitting(blocks: Sequence[tuple[str, ...]], room: int, of: str) -> list[tuple[str, ...]]:
    """The first blocks, whole; of the first that does not fit its first lines; then what was left out, in numbers."""
    chosen: list[tuple[str, ...]] = []
    for number, block in enumerate(blocks):
        if _size(block) <= room:
            chosen.append(block)
            room -= _size(block)
            continue
        begun = _begun(block, room)
        rest = blocks[number + bool(begun) :]
        lines = sum(map(len, rest)) + (len(block) - len(begun) if begun else 0)
        if not chosen and not begun:
            return []
        changes = sum(block[0][:3].strip() in ("+", "~", "-", "!", "x") for block in rest)
        entire = f", among them {count(changes, 'whole change')}" if changes else ""
        return [*chosen, begun, (f"# left out: {count(lines, 'more line')} of this {of}{entire}",)]
    return chosen


def _begun(block: Sequence[str], room: int) -> tuple[str, ...]:
    for number, line in enumerate(block):
        room -= _size([line])
        if room < 0:
            return tuple(block[:number])
    return tuple(block)


def _signed(line: str) -> str:
    """The line with its sign at the very beginning, where GitHub's colours for a diff look for it."""
    match = _SIGNS.fullmatch(line)
    if not match or not match[1]:
        return line
    blanks, bar, sign, rest = match.groups()
    return f"{sign}{blanks[1:]}{bar}{rest}"


# -- text from outside ------------------------------------------------------------------------------------------------


def _code(text: str) -> str:
    """A code span, in a table too."""
    shown = _shortened(plain(text), _NAME * 4).replace("`", "\\x60").replace("|", "\\x7c")
    return f"`{shown}`" if shown.strip() else "`(empty)`"


def _fenced(lines: Sequence[str], room: int, language: str) -> list[str]:
    """A block of as many lines as there is room for, each made harmless."""
    chosen: list[str] = []
    for number, line in enumerate(lines):
        shown = _shortened(plain(line), _LINE * 4)
        room -= _size([shown])
        if room < 0:
            chosen.append(f"# left out: {count(len(lines) - number, 'more line')} of {len(lines)}")
            break
        chosen.append(shown)
    return _fence(chosen, language)


def _fence(lines: Sequence[str], language: str) -> list[str]:
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]


def _shortened(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} ... {text[-half:]} ({len(text):,} characters)"


def _word(text: str) -> str:
    """For where nothing can be quoted: the marker's comment."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:_NAME].replace("--", "__")


def _size(lines: Sequence[str]) -> int:
    """With their line ends."""
    return sum(len(line.encode("utf-16-le", "surrogatepass")) // 2 + 1 for line in lines)
