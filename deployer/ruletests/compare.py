"""Expected and actual matches: whether they agree, and if not, what an analyst needs to see. Pure."""

import json
import math
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deployer.cases import Matches
from deployer.engines.rows import Row
from deployer.manifest.wording import guess
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown_key
from deployer.model import Json

_MOST_ROWS = 5
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Found:
    """What an engine found."""

    rows: Sequence[Row]
    columns: Sequence[str]
    """Names of all columns, known also where there is no row."""
    notes: tuple[str, ...] = ()
    """What else a reader should know, such as rows that the trigger held back."""
    whole: bool = False
    """No row could have other columns. An alert of Kibana lacks the fields that its events lack."""


def difference(expected: Matches, found: Found) -> str:
    """Why the matches are not those expected, on several lines; empty where they are."""
    lines = [*_unknown_columns(expected, found), *_count(expected, found), *_rows(expected, found)]
    if not lines:
        return ""
    return "\n".join([*lines, *_shown(expected, found), *found.notes])


def same(expected: Json, actual: object) -> bool:
    """Whether two values agree as JSON: numbers by value, lists as sets, instants as instants."""
    if isinstance(expected, bool) or isinstance(actual, bool) or expected is None or actual is None:
        return expected is actual
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        inexact = isinstance(expected, float) or isinstance(actual, float)
        return expected == actual or (inexact and math.isclose(expected, actual, rel_tol=1e-9))
    if isinstance(expected, str) and isinstance(actual, str):
        moments = _instant(expected), _instant(actual)
        return expected == actual or (moments[0] is not None and moments[0] == moments[1])
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return expected.keys() == actual.keys() and all(same(expected[key], actual[key]) for key in expected)
    if isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        return _covered(expected, actual) and _covered(actual, expected)
    return False


def _covered(these: Sequence[Json], those: Sequence[Json]) -> bool:
    return all(any(same(this, that) for that in those) for this in these)


def _instant(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _agrees(wanted: Mapping[str, Json], row: Row) -> bool:
    return not _unlike(wanted, row)


def _unlike(wanted: Mapping[str, Json], row: Row) -> list[str]:
    return [name for name, value in wanted.items() if not same(value, row.get(name))]


def _unknown_columns(expected: Matches, found: Found) -> Iterator[str]:
    if not found.columns:
        return
    asked = (name for row in expected.rows for name, value in row.items() if found.whole or value is not None)
    for name in dict.fromkeys(asked):
        if name not in found.columns:
            near = guess(name, found.columns) or f"; there are {listed(map(shown_key, found.columns))}"
            yield f"the matches have no column {shown_key(name)}{near}"


def _count(expected: Matches, found: Found) -> Iterator[str]:
    actual = len(found.rows)
    if actual != expected.count:
        wanted = {0: "no match was", 1: "1 match was"}.get(expected.count, f"{expected.count} matches were")
        there = {0: "there is none", 1: "there is 1"}.get(actual, f"there are {actual}")
        yield f"{wanted} expected, {there}"


def _rows(expected: Matches, found: Found) -> Iterator[str]:
    taken = _paired(expected.rows, found.rows)
    free = [number for number in range(len(found.rows)) if number not in taken.values()]
    for number, wanted in enumerate(expected.rows):
        if number in taken:
            continue
        yield f"expected row {number + 1} is not among the matches: {_text(wanted)}"
        if free:
            nearest = min(free, key=lambda each: len(_unlike(wanted, found.rows[each])))
            for name in _unlike(wanted, found.rows[nearest]):
                there = f"has {_text(found.rows[nearest][name])}" if name in found.rows[nearest] else "does not have it"
                yield f"  {name}: {_text(wanted[name])} was expected, match {nearest + 1} {there}"


def _paired(expected: Sequence[Mapping[str, Json]], rows: Sequence[Row]) -> dict[int, int]:
    """As many expected rows as possible, each with an actual row of its own (augmenting paths)."""
    owner: dict[int, int] = {}

    def place(number: int, seen: set[int]) -> bool:
        for index, row in enumerate(rows):
            if index not in seen and _agrees(expected[number], row):
                seen.add(index)
                if index not in owner or place(owner[index], seen):
                    owner[index] = number
                    return True
        return False

    for number in range(len(expected)):
        place(number, set())
    return {number: index for index, number in owner.items()}


def _shown(expected: Matches, found: Found) -> Iterator[str]:
    names = dict.fromkeys(name for row in expected.rows for name in row)
    for number, row in enumerate(found.rows[:_MOST_ROWS], 1):
        yield f"match {number}: {_text({name: row[name] for name in names or row if name in row})}"
    if len(found.rows) > _MOST_ROWS:
        yield f"and {len(found.rows) - _MOST_ROWS} more"


def _text(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
