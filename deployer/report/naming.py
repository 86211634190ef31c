"""Many targets in few words: `41 of 43 Kibana spaces: all but globex, initech`."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

from deployer.report.rows import Row
from deployer.report.wording import count
from deployer.report.wording import plain

NAMED = 6
"""Names that are still said where the rest may be counted."""
FEW = 3
"""Names of those that are left out, where those are fewer."""
WIDE = 110
"""Characters of a line of names."""
_TARGETS = ("target", "targets")
_NOUNS = {"kibana": ("Kibana space", "Kibana spaces"), "sentinel": ("Sentinel workspace", "Sentinel workspaces")}


class Names:
    """Says which of the targets of a run something is about."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """`rows` are all of the run, those that were not looked at included."""
        self.seen = [row for row in rows if row.seen]
        self.unseen = [row for row in rows if not row.seen]
        self._several = len({row.platform for row in self.seen}) > 1
        self._whole = Counter(tenant for tenant, _ in {(row.tenant, row.target) for row in rows})

    def beside(self, rows: Iterable[Row]) -> list[Row]:
        """Every target that was looked at and is of a platform of these."""
        platforms = {row.platform for row in rows}
        return [row for row in self.seen if row.platform in platforms]

    def tally(self, rows: Sequence[Row], among: Sequence[Row]) -> str:
        """`41 of 43 Kibana spaces`, `all 43 targets`."""
        number, whole = len(rows), max(len(among), len(rows))
        noun = self._noun(among or rows, whole)
        if whole == 1:
            return f"the one {noun}" if number else f"no {noun}"
        return f"all {whole:,} {noun}" if number == whole else f"{number:,} of {whole:,} {noun}"

    def said(self, rows: Sequence[Row], among: Sequence[Row]) -> str:
        """The tally and the names, in one."""
        told = self.few(rows, among)
        if len(rows) == 1:
            return told or self.each(rows)[0]
        return f"{self.tally(rows, among)}: {told}" if told else self.tally(rows, among)

    def few(self, rows: Sequence[Row], among: Sequence[Row]) -> str:
        """`all but globex, initech`, or the first names and how many more there are; nothing for all of them."""
        left = left_out(rows, among)
        if not left and len(among) > 1:
            return ""
        if len(left) <= FEW and len(rows) > NAMED:
            return f"all but {', '.join(self.each(left))}"
        return self.first(rows)

    def first(self, rows: Iterable[Row]) -> str:
        """The first names, and of how many more targets there are."""
        told = self._named(rows)
        if len(told) <= NAMED + 1:
            return ", ".join(told)
        more = sum([*told.values()][NAMED:])
        return f"{', '.join([*told][:NAMED])} and {more:,} more targets"

    def each(self, rows: Iterable[Row]) -> list[str]:
        """The name of each: that of the tenant alone for all that it has in the run, else `tenant/target`."""
        return [*self._named(rows)]

    def _named(self, rows: Iterable[Row]) -> dict[str, int]:
        """The names in order, and for how many targets each stands."""
        places = {(row.tenant, row.target) for row in rows}
        here = Counter(tenant for tenant, _ in places)
        told = Counter(
            plain(tenant if target is None or here[tenant] == self._whole[tenant] else f"{tenant}/{target}")
            for tenant, target in places
        )
        return dict(sorted(told.items()))

    def _noun(self, rows: Iterable[Row], number: int) -> str:
        platforms = {row.platform for row in rows}
        [platform, *others] = platforms or {""}
        one, many = (
            _NOUNS.get(platform, ("target", "targets")) if self._several and not others else ("target", "targets")
        )
        return one if number == 1 else many


def left_out(rows: Iterable[Row], among: Iterable[Row]) -> list[Row]:
    """Those among whom these are and who are none of these."""
    these = {(row.tenant, row.target) for row in rows}
    return [row for row in among if (row.tenant, row.target) not in these]


def wrapped(told: Sequence[str], indent: str) -> Iterator[str]:
    """All of the names, on as many lines as they need."""
    line = ""
    for name in told:
        if line and len(indent) + len(line) + len(name) > WIDE:
            yield f"{indent}{line.rstrip()}"
            line = ""
        line += f"{name}, "
    if line:
        yield f"{indent}{line.removesuffix(', ')}"


def objects(number: int, kind: str) -> str:
    """`3 items`, `1 data view`."""
    return count(number, kind.replace("_", " "))
