"""Survivors that are accepted, each with its reason: `accepted.yaml`."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from tests.mutants.mutant import Mutant

FILE = Path(__file__).with_name("accepted.yaml")


@dataclass(frozen=True, slots=True)
class Accepted:
    """Mutants that no case can, or need, kill."""

    rule: str
    """A glob of rule ids."""
    platform: str
    line: str
    """A glob of the line's text, or of the path in rule.yaml."""
    changes: tuple[str, ...]
    """Globs of changes."""
    reason: str

    def covers(self, mutant: Mutant) -> bool:
        return (
            fnmatchcase(mutant.rule, self.rule)
            and mutant.platform.value == self.platform
            and fnmatchcase(mutant.line, _literal(self.line))
            and any(fnmatchcase(mutant.change, _literal(change)) for change in self.changes)
        )


def read(file: Path = FILE) -> tuple[Accepted, ...]:
    """Every entry, in the order written; a reason is required."""
    entries: list[Mapping[str, Any]] = yaml.safe_load(file.read_text()) or []
    return tuple(
        Accepted(one["rule"], one["platform"], one["line"], tuple(one["changes"]), one["reason"]) for one in entries
    )


def outdated(accepted: Iterable[Accepted], killed: Iterable[Mutant], survived: Iterable[Mutant]) -> Iterator[str]:
    """What an entry says that is true no longer: a mutant of it is killed, or there is none."""
    dead, alive = list(killed), list(survived)
    for one in accepted:
        for mutant in dead:
            if one.covers(mutant):
                yield f"accepted, but killed: {mutant}"
        if not any(one.covers(mutant) for mutant in alive):
            yield f"accepted, but there is no such survivor: {one.rule} {one.platform}: {one.line}: {one.changes}"


def _literal(text: str) -> str:
    """Only the asterisk is a wildcard: queries are full of brackets and question marks."""
    return text.replace("[", "[[]").replace("?", "[?]")
