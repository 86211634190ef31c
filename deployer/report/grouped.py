"""One report over many targets, grouped by change: what becomes of an object once, and in whom, not target by target.

Whoever a change takes something away from, whoever it cannot be done for, and whoever was edited by hand is named;
of what Git alone has changed the first are named and the others counted.
"""

import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

from deployer.plan import Cause
from deployer.report import moved
from deployer.report.groups import Group
from deployer.report.groups import Member
from deployer.report.groups import Object
from deployer.report.groups import groups
from deployer.report.groups import holders
from deployer.report.groups import kept
from deployer.report.naming import WIDE
from deployer.report.naming import Names
from deployer.report.naming import objects
from deployer.report.naming import wrapped
from deployer.report.rows import ChangeRow
from deployer.report.rows import KeptRow
from deployer.report.rows import Row
from deployer.report.rows import rows_in as rows_in
from deployer.report.rows import rows_of as rows_of
from deployer.report.wording import count
from deployer.report.wording import places
from deployer.report.wording import plain
from deployer.state import Kind

MANY = 10
"""Targets that are still told one by one, unless something else is asked for."""
_ENTRIES = 5
_ASIDES = 10
_SYMBOLS = {"create": "+", "update": "~", "claim": "!", "delete": "-"}
_DONE = {"create": "created", "update": "updated", "claim": "claimed", "delete": "deleted"}
_MISSING = "New in Git, or deleted in the target (drift can tell which)"
_CHANGED = "Changed in Git"
_NOTHING = {"plan": "No changes", "apply": "Nothing to do", "drift": "No differences"}
_CAUSES = {
    Cause.DRIFT: "changed in the target, Git has not",
    Cause.BOTH: "changed in the target, and in Git",
    Cause.UNCLAIMED: "stands there without our mark",
    Cause.CONFLICT: "stands there with somebody else's mark",
    Cause.UNKNOWN: "its mark is of a later version of deployer",
}
_PLACES = re.compile(r"https?://[^\s)'\"]+|/[^\s)'\":]*/[^\s)'\":]*")


class Section(NamedTuple):
    """A part of the report: its title, and lines; one that is indented by two begins what is indented further."""

    title: str
    lines: tuple[str, ...]
    open: bool = True
    """Whether it is to be seen at once, where parts can be folded."""


def wanted(by: str | None, targets: int) -> bool:
    """Whether to group: as it was asked for, else where there are many targets."""
    return by == "change" if by else targets > MANY


def render(
    rows: Sequence[Row], summary: Sequence[str], digest: str = "", *, verb: str = "plan", hint: str = "--by target"
) -> str:
    """The report of plan, apply or drift as text.

    `summary` holds lines of ours for its end, `hint` the option that tells all of it target by target.
    """
    there = f" ({hint} tells it of each)" if hint else ""
    told = [f"{places([row.target for row in rows])}, by change{there}", "", *lines(rows, verb)]
    return "\n".join([*told, *summary, *([f"Plan {digest}."] if digest else [])]) + "\n"


def lines(rows: Sequence[Row], verb: str = "plan") -> list[str]:
    """The parts of the report, as text."""
    parts = ([f"{each.title}{':' if each.lines else '.'}", *each.lines, ""] for each in sections(rows, verb))
    return [line for part in parts for line in part]


def sections(rows: Sequence[Row], verb: str = "plan") -> list[Section]:
    """What there is to say, the gravest first; every title and line is harmless."""
    said = Names(rows)
    run = _Run(said, verb, kept(rows), holders(rows), set())
    parts = [Section(*_unseen(rows))]
    for title, some in _parts(groups(rows), verb):
        lines = tuple(line for group in some for line in _group(group, run))
        parts.append(Section(f"{title}: {_number(some, verb)}", lines))
    parts.append(Section("Left alone, and notes", tuple(_asides(said)), open=False))
    return [one for one in parts if one.lines] + _idle(said, verb)


def _idle(said: Names, verb: str) -> list[Section]:
    """Those in whom there is nothing to do: a part that may have a title only."""
    rows = [row for row in said.seen if not row.changes]
    which = said.few(rows, said.seen)
    only = " that were looked at" if said.unseen else ""
    title = f"{_NOTHING[verb]} in {said.tally(rows, said.seen)}{only}"
    return [Section(title, (f"  {which}",) if which else (), open=False)] if rows else []


def _parts(found: Sequence[Group], verb: str) -> Iterator[tuple[str, list[Group]]]:
    if verb != "drift":
        yield "To look at", [one for one in found if one.stands_out]
        ordinary = [one for one in found if not one.stands_out]
        if verb == "apply":
            yield "Done", ordinary
            return
        # A plan reads no journal: of what is not there it cannot know who took it away, or that nobody did.
        yield _MISSING, [one for one in ordinary if one.sort.action == "create"]
        yield _CHANGED, [one for one in ordinary if one.sort.action != "create"]
        return
    pending, untold = Cause.PENDING, Cause.UNKNOWN
    yield "Drifted, Git's value -> the target's", [one for one in found if one.cause not in (pending, untold)]
    yield "Cannot be told", [one for one in found if one.cause == untold]
    yield "Pending, changed in Git", [one for one in found if one.cause == pending]


def _number(found: Sequence[Group], verb: str) -> str:
    return count(sum(len(one.members) for one in found), "object" if verb == "drift" else "change")


# -- changes ----------------------------------------------------------------------------------------------------------


class _Run(NamedTuple):
    """What every group is told against."""

    said: Names
    verb: str
    kept: Mapping[Object, moved.Kept]
    holders: Mapping[Object, Sequence[Row]]
    told: set[tuple[Object, str]]
    """The fields of which it is said already who keeps what: the same object may stand in several groups."""


def _group(group: Group, run: _Run) -> Iterator[str]:
    sort, rows = group.sort, group.rows
    among = run.said.beside(rows)
    yield from _head(group, run, among)
    if sort.blocked:
        yield f"      will not be written: {plain(sort.blocked)}"
    if sort.failed:
        yield f"      {plain(sort.failed)}"
    if sort.reason:
        yield f"      (because it is {plain(sort.reason)})" if _goes(group) else f"      ({plain(sort.reason)})"
    elif sort.cause in _CAUSES and not sort.blocked:
        yield f"      ({_CAUSES[Cause(sort.cause)]})"
    if group.stands_out:
        yield from _editors(group, run.said)
    yield from _entries(group, run.said)
    yield from moved.lines(group, _untold(group, run), run.said)


def _object(group: Group) -> Object | None:
    """What the group updates, if that is one object."""
    found = {(row.platform, change.kind, change.id) for row, change in group.members}
    return found.pop() if group.sort.action == "update" and len(found) == 1 else None


def _untold(group: Group, run: _Run) -> list[tuple[Row, KeptRow]]:
    """What others keep of the fields of this group, and no group before it has said."""
    one = _object(group)
    if one is None:
        return []
    paths = {field.path for _, change in group.members for field in change.fields}
    found = [each for each in run.kept.get(one, ()) if each[1].path in paths and (one, each[1].path) not in run.told]
    run.told.update((one, path) for path in paths)
    return found


def _goes(group: Group) -> bool:
    first = group.members[0].change
    return first.action == "delete" or first.retires


def _head(group: Group, run: _Run, among: Sequence[Row]) -> Iterator[str]:
    sort, rows, said = group.sort, group.rows, run.said
    first = group.members[0].change
    gone = run.verb == "drift" and sort.action == "create" and group.stands_out
    symbol = "x" if gone or first.done is False else _SYMBOLS[sort.action]
    done = "" if first.done is None else f" {_DONE[sort.action]}" if first.done else f" not {_DONE[sort.action]}"
    one, that = _object(group), ""
    if one and one in run.kept and len(run.holders[one]) < len(among):
        among, that = run.holders[one], " that hold it"
    head = f"  {symbol} {_what(group)}{done} in "
    if len(rows) == 1:
        yield head + said.each(rows)[0]
    elif not group.stands_out:
        told = said.few(rows, among)
        yield f"{head}{said.tally(rows, among)}{that}{f': {told}' if told else ''}"
    else:
        yield f"{head}{said.tally(rows, among)}{that}:"
        yield from wrapped(said.each(rows), "      ")


def _what(group: Group) -> str:
    """The object, or how many of which kind."""
    ids, sort = group.ids, group.sort
    if len(ids) == 1:
        return title(group.members[0].change)
    more = f" ({len(group.members):,} changes)" if len(group.members) > len(ids) else ""
    of_list = f" of {plain(sort.name)}" if sort.name else ""
    return f"{objects(len(ids), sort.kind)}{of_list}{more}"


def title(change: ChangeRow) -> str:
    """The object; an entry is better known by its name, a rule with an id of before by that in Git."""
    key = f"{change.kind}/{plain(change.id)}"
    named = change.kind == Kind.ITEM or (change.kind == Kind.RULE and change.name != change.id)
    return f"{key} ({plain(change.name)})" if named and change.name else key


def _entries(group: Group, said: Names) -> Iterator[str]:
    """Of several objects the names, those in most targets first."""
    ids = group.ids
    if len(ids) == 1:
        return
    rows = group.rows
    told = sorted(((_name(one[0].change), one) for one in ids.values()), key=lambda each: (-len(each[1]), each[0]))
    if all(len(members) == len(rows) for members in ids.values()):
        yield from wrapped(sorted(name for name, _ in told), "      ")
        return
    for name, members in told[:_ENTRIES]:
        where = [member.row for member in members]
        yield f"      {name} in {'each of them' if len(where) == len(rows) > 1 else said.first(where)}"
    if len(ids) > _ENTRIES:
        yield f"      and {len(ids) - _ENTRIES:,} more"


def _name(change: ChangeRow) -> str:
    return plain(change.name if change.kind == Kind.ITEM and change.name else change.id)


def _editors(group: Group, said: Names) -> Iterator[str]:
    """Who edited it last where, if somebody did."""
    if group.sort.cause in ("", Cause.PENDING):
        return
    found: dict[tuple[str, str], list[Member]] = {}
    for member in group.members:
        if member.change.by or member.change.at:
            found.setdefault((member.change.by, member.change.source), []).append(member)
    for (by, source), members in sorted(found.items(), key=lambda item: (-len(item[1]), item[0])):
        where = [
            said.each([row])[0] + (f" ({change.at:%Y-%m-%d %H:%M:%S %Z})" if change.at else "")
            for row, change in members
        ]
        who = f"      last edited{f' by {plain(by)}' if by else ''}{f' (says {plain(source)})' if source else ''}"
        if sum(map(len, where)) < 60:
            yield f"{who}: {', '.join(where)}"
        else:
            yield f"{who}:"
            yield from wrapped(where, "        ")


# -- what was not looked at, and what is left alone ------------------------------------------------------------------


def _unseen(rows: Sequence[Row]) -> tuple[str, tuple[str, ...]]:
    """Why nothing is known of some targets, or nothing done there, and which they are."""
    lost = [row.target for row in rows if not row.seen]
    return f"Not looked at, or stopped: {places(lost)}", tuple(_grounds(rows))


def _grounds(rows: Sequence[Row]) -> Iterator[str]:
    found: dict[tuple[bool, tuple[str, ...]], list[Row]] = {}
    for row in rows:
        if not row.seen:
            found.setdefault((row.target is None, _masked(row)), []).append(row)
    for (_, masked), some in sorted(found.items(), key=lambda item: (-len(item[1]), item[0])):
        word, *reasons = _reasons(some[0]) if len(some) == 1 else masked
        yield f"  x {places([row.target for row in some])} {word}: {plain(reasons[0])}"
        yield from (f"      {plain(reason)}" for reason in reasons[1:])
        yield from wrapped([_placed(row) for row in some], "      ")


def _reasons(row: Row) -> tuple[str, ...]:
    if row.outcome == "unreadable":
        return "not looked at", row.error
    said = [message for _, message in row.findings]
    word = "that cannot be used" if row.target is None else "refused" if row.refused else "stopped"
    return word, *(said or ("no reason is given",))


def _masked(row: Row) -> tuple[str, ...]:
    """What the same cause says everywhere: without the addresses and names of the target."""
    own = "|".join(re.escape(name) for name in (row.tenant, row.target) if name)
    masked = re.compile(rf"{_PLACES.pattern}|\b(?:{own})\b(?:/(?:{own})\b)?")
    return tuple(masked.sub("...", reason) for reason in _reasons(row))


def _placed(row: Row) -> str:
    place = f"{row.tenant}/{row.target}" if row.target else row.tenant
    where = ", ".join(place for place, _ in row.findings if place)
    return plain(f"{place} ({where})" if where else place)


def _asides(said: Names) -> Iterator[str]:
    lines: dict[str, list[Row]] = {}
    kinds: dict[str, list[Row]] = {}
    noted: dict[str, list[Row]] = {}
    for row in said.seen:
        for aside in dict.fromkeys(row.asides):
            lines.setdefault(aside, []).append(row)
        for kind, note in row.unmanaged:
            kinds.setdefault(kind, []).append(row)
            if note:
                noted.setdefault(note, []).append(row)
    yield from _counted(lines, said)
    if kinds:
        rows = list({(row.tenant, row.target): row for some in kinds.values() for row in some}.values())
        words = ", ".join(objects(len(kinds[kind]), kind) for kind in Kind if kind in kinds)
        yield f"  left alone, not ours: {words} in {said.said(rows, said.seen)}"
        yield from (f"    {line}" for line in _counted(noted, said))


def _counted(found: dict[str, list[Row]], said: Names) -> Iterator[str]:
    """The lines, each with its targets; of very many that begin alike the first, and how many more there are."""
    heads: dict[str, list[str]] = {}
    for line in sorted(found, key=lambda line: (-len(found[line]), line)):
        heads.setdefault(re.split(r":| in | on |/", line)[0], []).append(line)
    for head, several in heads.items():
        for line in several[:_ASIDES]:
            where = said.said(found[line], said.beside(found[line]))
            told = f"  {plain(line)}"
            if len(told) + len(where) < WIDE:
                yield f"{told} ({where})"
            else:
                yield told
                yield f"      in {where}"
        if rest := several[_ASIDES:]:
            rows = [row for line in rest for row in found[line]]
            where = said.first(rows)
            yield f"  {plain(head)}: {count(len(rest), 'more line')} of {where}"
