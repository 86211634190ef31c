"""What becomes of the fields of a group's objects, in words: each transition once, and where it stays otherwise."""

import json
from collections.abc import Iterator
from collections.abc import Sequence

from deployer.report.groups import Group
from deployer.report.groups import Moved
from deployer.report.naming import NAMED
from deployer.report.naming import Names
from deployer.report.rows import KeptRow
from deployer.report.rows import Row
from deployer.report.wording import count
from deployer.report.wording import plain
from deployer.report.wording import value
from deployer.state import as_json

TRANSITIONS = 5
"""Different things that become of one field in several targets each and are told one by one."""
_ALONE = 2
"""The same, where it is another in every target."""
_BEFORES = 3
_LINES = 60
_WIDE = 110
_LET = "query.let "

Kept = Sequence[tuple[Row, KeptRow]]


def lines(group: Group, kept: Kept, said: Names) -> Iterator[str]:
    """The lines under the head of a group; `kept` is what other targets keep of its object."""
    for path, several in group.moved().items():
        shared = [moved for moved in several if len(moved.members) > 1 or len(several) <= _ALONE][:TRANSITIONS]
        for moved in shared:
            yield from _moved(path, moved, _where(moved, group, said), said)
        if rest := several[len(shared) :]:
            rows = [member.row for moved in rest for member in moved.members]
            [first, *_] = said.each(_rows(rest[0].members))
            others = "other" if shared else "different"
            told = said.few(rows, group.rows)
            where = f"{len(rest):,} {others} changes of it{f' in {told}' if told else ''}; the one in {first}:"
            yield from _moved(path, rest[0], where, said)
        yield from _kept(path, several, [one for one in kept if one[1].path == path], said)


def _moved(path: str, moved: Moved, where: str, said: Names) -> Iterator[str]:
    name = plain(path)
    if moved.transition.lines:
        shown = moved.transition.lines
        yield from _line(f"      {name}", where)
        yield from (f"        |{plain(line)}" for line in shown[:_LINES])
        if len(shown) > _LINES:
            yield f"        |and {count(len(shown) - _LINES, 'more line')}"
    elif moved.transition.sets:
        for one in moved.transition.sets:
            tally = f"{len(one.added):,} added, {len(one.removed):,} removed"
            yield from _line(f"      {plain(one.path)}: {tally}", where)
            yield from (f"        {line}" for line in one.lines)
    else:
        old, new = _befores(path, moved), _shown(path, moved.transition.after)
        if len(name) + len(old) + len(new) <= _WIDE - 20:
            yield from _line(f"      {name}  {old} -> {new}", where)
        else:
            yield from _line(f"      {name}", where)
            yield f"        - {old}"
            yield f"        + {new}"
    for origins, members in moved.origins.items():
        part = "" if len(members) == len(moved.members) else f" (in {said.few(_rows(members), _rows(moved.members))})"
        yield from (f"        origin: {plain(one)}{part}" for one in origins)


def _line(text: str, where: str) -> Iterator[str]:
    """A line and in whom it is so, on a second line where there is no room."""
    if not where or len(text) + len(where) + 4 <= _WIDE:
        yield f"{text}  ({where})" if where else text
    else:
        yield text
        yield f"        ({where})"


def _rows(members: Sequence[tuple[Row, object]]) -> list[Row]:
    return [row for row, _ in members]


def _where(moved: Moved, group: Group, said: Names) -> str:
    """In how many it is so, and in whom, where it is not in all of the group."""
    if len(moved.members) == len(group.members):
        return ""
    told = said.few(_rows(moved.members), group.rows)
    return f"{len(moved.members):,} of {len(group.members):,}{f': {told}' if told else ''}"


def _befores(path: str, moved: Moved) -> str:
    """The old values, the most frequent first: `"medium" | "low"`."""
    found = sorted(moved.befores, key=lambda one: (-moved.befores[one], one))
    told = " | ".join(_shown(path, one) for one in found[:_BEFORES])
    more = len(found) - _BEFORES
    return f"{told} | {count(more, 'other value')}" if more > 0 else told


def _shown(path: str, written: str) -> str:
    """A value as it is told; what stands in a query is text of that query."""
    found = json.loads(written)
    if found is None:
        return "(none)"
    if path.startswith(_LET) and isinstance(found, str):
        return value(found)[1:-1] if '"' not in found and "\\" not in found else plain(found)[:160]
    return value(found)


def _kept(path: str, several: Sequence[Moved], kept: Kept, said: Names) -> Iterator[str]:
    """Who holds the same object and another value: because a file says so, because it is there already, or else."""
    afters = {one for moved in several for one in moved.afters}
    because: dict[tuple[str, str], list[Row]] = {}
    already: list[Row] = []
    stay: dict[str, list[Row]] = {}
    for row, one in kept:
        written = as_json(one.value)
        if written in afters:
            already.append(row)
        elif one.by:
            because.setdefault((written, one.by), []).append(row)
        else:
            stay.setdefault(written, []).append(row)
    yield from _because(path, because, said)
    if already:
        told = f": {', '.join(said.each(already))}" if len(already) <= NAMED else ""
        yield f"        {len(already):,} {'has' if len(already) == 1 else 'have'} it already{told}"
    if any(moved.transition.sets or moved.transition.lines for moved in several):
        return  # whoever has other parts of a set or a text is no exception
    for written, rows in sorted(stay.items(), key=lambda item: (-len(item[1]), item[0])):
        verb = "stays" if len(rows) == 1 else "stay"
        yield f"        {len(rows):,} {verb} at {_brief(path, written)}: {said.first(rows)}"


def _because(path: str, because: dict[tuple[str, str], list[Row]], said: Names) -> Iterator[str]:
    ordered = sorted(because.items(), key=lambda item: (-len(item[1]), item[0]))
    for (written, by), rows in ordered[:TRANSITIONS]:
        who = ", ".join(said.each(rows)) if len(rows) == 1 else f"{len(rows):,}"
        verb, told = ("keeps", "") if len(rows) == 1 else ("keep", f": {said.first(rows)}")
        yield f"        {who} {verb} {_brief(path, written)} because {plain(by)} sets it{told}"
    if rest := [row for _, rows in ordered[TRANSITIONS:] for row in rows]:
        yield f"        {len(rest):,} more keep what their own files set: {said.first(rest)}"


def _brief(path: str, written: str) -> str:
    found = json.loads(written)
    return f"its own ({count(found.count(chr(10)) + 1, 'line')})" if _is_long(found) else _shown(path, written)


def _is_long(found: object) -> bool:
    return isinstance(found, str) and "\n" in found
