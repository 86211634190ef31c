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
        self.seen = [row for row in rows if row.seen]
        self._several = len({row.platform for row in self.seen}) > 1

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
        told = few(rows, among)
        if len(rows) == 1:
            return told or names(rows, among)[0]
        return f"{self.tally(rows, among)}: {told}" if told else self.tally(rows, among)

    def _noun(self, rows: Iterable[Row], number: int) -> str:
        platforms = {row.platform for row in rows}
        [platform, *others] = platforms or {""}
        one, many = (
            _NOUNS.get(platform, ("target", "targets")) if self._several and not others else ("target", "targets")
        )
        return one if number == 1 else many


def few(rows: Sequence[Row], among: Sequence[Row]) -> str:
    """`all but globex, initech`, or the first names and how many more there are; nothing for all of them."""
    left = left_out(rows, among)
    if not left and len(among) > 1:
        return ""
    if len(left) <= FEW and len(rows) > NAMED:
        return f"all but {', '.join(names(left, among))}"
    return shortened(names(rows, among))


def left_out(rows: Iterable[Row], among: Iterable[Row]) -> list[Row]:
    """Those among whom these are and who are none of these."""
    these = {(row.tenant, row.target) for row in rows}
    return [row for row in among if (row.tenant, row.target) not in these]


def names(rows: Iterable[Row], among: Iterable[Row]) -> list[str]:
    """The name of each: that of the tenant alone where nothing else of the tenant is meant, else `tenant/target`."""
    rows = list({(row.tenant, row.target): row for row in rows}.values())
    here = Counter(row.tenant for row in rows)
    there = Counter(row.tenant for row in among)
    told = {
        plain(row.tenant if here[row.tenant] >= there[row.tenant] else f"{row.tenant}/{row.target}")
        if row.target
        else plain(row.tenant)
        for row in rows
    }
    return sorted(told)


def shortened(told: Sequence[str], most: int = NAMED) -> str:
    """The first names, and how many more there are."""
    if len(told) <= most + 1:
        return ", ".join(told)
    return f"{', '.join(told[:most])} and {len(told) - most:,} more"


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
