"""One change of one rule."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.model import Platform


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch of a text and what stands there instead."""

    start: int
    end: int
    text: str
    said: str
    """`old -> new`, for people."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A half of a rule with one change. Known by the text of its line and the change, because lines move."""

    rule: str
    platform: Platform
    file: str
    number: int
    """Of the line in the file; 0 for a field of rule.yaml."""
    line: str
    """The text of the line, or the path of the field."""
    change: str
    query: str
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        place = f"{self.file}:{self.number}" if self.number else self.file
        return f"{self.rule} {place}: {self.line}: {self.change}"


def apply_edits(text: str, edits: Iterable[Edit]) -> Iterator[tuple[int, str, str, str]]:
    """Line number, the line's text, the change, the whole text. What is there twice is numbered."""
    lines = text.splitlines()
    seen: dict[tuple[int, str], int] = {}
    for edit in edits:
        number = text.count("\n", 0, edit.start) + 1
        key = (number, edit.said)
        seen[key] = seen.get(key, 0) + 1
        change = edit.said if seen[key] == 1 else f"{edit.said} ({seen[key]})"
        line = lines[number - 1].strip()
        alike = sum(other.strip() == line for other in lines[:number])
        line = line if alike == 1 else f"{line} [{alike}]"
        yield number, line, change, text[: edit.start] + edit.text + text[edit.end :]
