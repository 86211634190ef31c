"""Long sets of values that differ, as what was added and removed: nobody reads ten thousand addresses twice."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from deployer.diff import FieldChange
from deployer.model import Json
from deployer.report.wording import plain
from deployer.state import as_json

LONG = 20
"""Values that are still shown whole."""
SHOWN = 5
"""Added or removed values that are named."""


@dataclass(frozen=True, slots=True)
class ChangedSet:
    """A set of values within a field that differs: what is after has more, and has less, than what is before."""

    path: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    size: int
    """How many there are afterwards."""

    @property
    def tally(self) -> str:
        """`3 added, 1 removed (of 10,000)`."""
        return f"{len(self.added):,} added, {len(self.removed):,} removed (of {self.size:,})"

    @property
    def lines(self) -> Iterator[str]:
        """`+ 192.0.2.1`, a few of either sign, then how many more."""
        for sign, values in (("+", self.added), ("-", self.removed)):
            yield from (f"{sign} {plain(one)}" for one in values[:SHOWN])
            if len(values) > SHOWN:
                yield f"{sign} and {len(values) - SHOWN:,} more"


def changed_sets(field: FieldChange, longer_than: int = LONG) -> tuple[ChangedSet, ...]:
    """The long sets that differ, if nothing else does; nothing where the field is better shown as it is."""
    found = _differing(field.path, field.before, field.after)
    return tuple(found) if found and any(one.size + len(one.removed) > longer_than for one in found) else ()


def _differing(path: str, before: Json, after: Json) -> list[ChangedSet] | None:
    """None if something differs that is no set of values."""
    old, new = _set(before), _set(after)
    if old is not None and new is not None:
        added, removed = (tuple(one for one in new if one not in old), tuple(one for one in old if one not in new))
        return [ChangedSet(path, added, removed, len(new))] if added or removed else None
    if isinstance(before, Mapping) and isinstance(after, Mapping) and before.keys() == after.keys():
        return _all(
            (f"{path} {before['field']}" if "field" in before else path, before[name], after[name]) for name in before
        )
    one, other = _list(before), _list(after)
    if one is None or other is None or len(one) != len(other):
        return None
    return _all((path, left, right) for left, right in zip(one, other, strict=True))


def _all(parts: Iterable[tuple[str, Json, Json]]) -> list[ChangedSet] | None:
    found: list[ChangedSet] = []
    for path, before, after in parts:
        if as_json(before) == as_json(after):
            continue
        inner = _differing(path, before, after)
        if inner is None:
            return None
        found += inner
    return found


def _set(value: Json) -> dict[str, None] | None:
    """A set in its order: absent, or a list of texts that all differ; None for anything else."""
    values = () if value is None else _list(value)
    if values is None:
        return None
    texts = [one for one in values if isinstance(one, str)]
    found = dict.fromkeys(texts)
    return found if len(found) == len(values) else None


def _list(value: Json) -> Sequence[Json] | None:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else None
