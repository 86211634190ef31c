"""Expected rows, and the comparison of every one of them, column by column, with what an engine gave."""

import math
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Some:
    """What make_set over an arbitrary choice may give: a value from each of the groups, `limit` values at most."""

    groups: Sequence[frozenset[Any]]
    limit: int


@dataclass(frozen=True, slots=True)
class Expected:
    """One row: columns with one right value, columns that are jointly free to choose, and sets."""

    values: Row
    one_of: Mapping[tuple[str, ...], frozenset[tuple[Any, ...]]] = field(default_factory=dict)
    sets: Mapping[str, Some] = field(default_factory=dict)
    others: "tuple[Expected, ...]" = ()
    """Rows that are as right as this one: where several are the largest, a query may give any of them."""

    def columns(self) -> set[str]:
        return {*self.values, *self.sets, *(name for names in self.one_of for name in names)}


def differences(actual: Iterable[Row], expected: Iterable[Expected], keys: Sequence[str]) -> list[str]:
    """Every difference in words; rows are matched by `keys`, of which every expected row has its own."""
    rows = list(actual)
    found = {_key(row, keys): row for row in rows}
    wanted = {_key(one.values, keys): one for one in expected}
    said = [f"missing: {key} {dict(wanted[key].values)}" for key in sorted(wanted.keys() - found.keys())]
    said += [f"{len(rows)} rows, of which {len(rows) - len(found)} repeat a key"] if len(rows) > len(found) else []
    said += [f"not expected: {key} {dict(found[key])}" for key in sorted(found.keys() - wanted.keys())]
    for key in sorted(found.keys() & wanted.keys()):
        unlike = [list(_unlike(found[key], one)) for one in (wanted[key], *wanted[key].others)]
        said += [f"{key}: {text}" for text in min(unlike, key=len)]
    return said


def _key(row: Row, keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(repr(_instant(row[name])) for name in keys)


def _unlike(row: Row, expected: Expected) -> Iterable[str]:
    if row.keys() != expected.columns():
        yield f"columns {sorted(row.keys() ^ expected.columns())}"
        return
    for name, value in expected.values.items():
        if not _same(row[name], value):
            yield f"{name} is {row[name]!r}, not {value!r}"
    for names, choices in expected.one_of.items():
        given = tuple(row[name] for name in names)
        if given not in choices:
            yield f"{', '.join(names)} is {given!r}, none of {sorted(map(repr, choices))}"
    for name, some in expected.sets.items():
        if not _fits(row[name], some):
            yield f"{name} is {row[name]!r}, not {some.limit} at most of {some.groups}"


def _same(given: Any, wanted: Any) -> bool:
    """As JSON: a whole number is no float and no bool; times are instants."""
    if isinstance(wanted, datetime):
        return isinstance(given, str) and datetime.fromisoformat(given) == wanted
    if isinstance(wanted, float):
        return type(given) is float and math.isclose(given, wanted, rel_tol=1e-12)
    return type(given) is type(wanted) and bool(given == wanted)


def _fits(given: Any, some: Some) -> bool:
    if not isinstance(given, list) or len(set(given)) != len(given) or len(given) > some.limit:
        return False
    known = frozenset[Any]().union(*some.groups)
    whole = all(group & set(given) for group in some.groups)
    return set(given) <= known and (whole or len(given) == some.limit)


def _instant(value: Any) -> Any:
    """Keys may be times."""
    if isinstance(value, str) and len(value) > 18 and value.endswith("Z") and value[10] == "T":
        return datetime.fromisoformat(value)
    return value
