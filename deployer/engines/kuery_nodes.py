"""What a kuery query is made of, once parsed."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Operator(Enum):
    """The comparison of a range, in kuery's spelling."""

    BELOW = "<"
    UP_TO = "<="
    ABOVE = ">"
    FROM = ">="


@dataclass(frozen=True, slots=True)
class Value:
    """A field name or a value as written: the text with its escapes resolved.

    `parts` is the text cut at its wildcards (`w*n` is ("w", "n")); one part means that it has none. A quoted text
    has none ever. `line` and `column` count from 1.
    """

    parts: tuple[str, ...]
    quoted: bool
    line: int
    column: int

    @property
    def has_wildcard(self) -> bool:
        """Whether an unescaped `*` stands in it."""
        return len(self.parts) > 1

    @property
    def is_lone_wildcard(self) -> bool:
        """Whether it is `*` and nothing else."""
        return self.parts == ("", "")

    @property
    def is_null(self) -> bool:
        """Whether it is the bare word null, which Kibana sends as JSON's null and not as a text."""
        return self.parts == ("null",) and not self.quoted

    @property
    def text(self) -> str:
        """The text, wildcards written as `*`."""
        return "*".join(self.parts)


@dataclass(frozen=True, slots=True)
class Everything:
    """The empty query: every document."""


@dataclass(frozen=True, slots=True)
class Is:
    """`field: value`; without a field, `value` alone."""

    field: Value | None
    value: Value


@dataclass(frozen=True, slots=True)
class Range:
    """`field < value` and its three sisters."""

    field: Value
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Not:
    """`not operand`."""

    operand: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """`first and second and …`; also within the brackets of a value."""

    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """`first or second or …`; also within the brackets of a value."""

    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Nested:
    """`path: { operand }`: one object of a nested field for which all of `operand` holds."""

    path: Value
    operand: "Expression"


Expression: TypeAlias = Everything | Is | Range | Not | And | Or | Nested
