"""Pieces of DuckDB's SQL for documents whose fields are lists of values: literals, names, tests on one of the values.

None of them is ever null.
"""

import math
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from decimal import Decimal

from deployer.errors import BadQuery
from deployer.errors import NotRunnable

_FEW = 16
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_PATTERN = re.compile(r"\\(.)|([*?])|([^\\*?]+|\\$)", re.DOTALL)
# Words that the query_string query, which Kibana sends for wildcards outside keyword fields, takes for operators.
_QUERY_STRING_WORDS = frozenset(("AND", "OR", "NOT"))


def text(value: str) -> str:
    """A literal of DuckDB's SQL that means exactly this text."""
    if "\0" in value:
        raise BadQuery("a text with the character U+0000")
    return "'" + value.replace("'", "''") + "'"


def column(field: str) -> str:
    """The column of a field."""
    return '"' + field.replace('"', '""') + '"'


def nested_table(path: str) -> str:
    """The table of the objects of a nested field."""
    return column(f"events {path}")


def has(field: str, literal: str) -> str:
    """The value is one of the field's."""
    return f"coalesce(list_contains({column(field)}, {literal}), false)"


def has_any(field: str, literals: Sequence[str]) -> str:
    """One of the values is one of the field's."""
    return f"coalesce(list_has_any({column(field)}, [{', '.join(literals)}]), false)" if literals else "false"


def any_value(field: str, test: Callable[[str], str]) -> str:
    """One of the field's values passes the test."""
    return f"coalesce(len(list_filter({column(field)}, lambda v: {test('v')})) > 0, false)"


def within_any(value: str, ranges: Iterable[tuple[str, str]]) -> str:
    """The value lies in one of these ranges of texts without commas. Quick for tens of thousands: no test for each."""
    merged: list[tuple[str, str]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    if not merged:
        return "false"
    if len(merged) <= _FEW:
        return " or ".join(f"{value} between {text(low)} and {text(high)}" for low, high in merged)
    starts, ends = (f"string_split({text(','.join(each))}, ',')" for each in zip(*merged, strict=True))
    # The last range that begins at or before the value is the only one that may hold it.
    return f"coalesce({value} <= ({ends})[len(list_filter({starts}, lambda start: start <= {value}))], false)"


def whole_bound(word: str, bound: Decimal) -> tuple[str, str]:
    """Sign and bound of one end of a range of whole numbers: above 1.5 are those from 2 on."""
    near = max(min(bound, Decimal(2**64)), Decimal(-(2**64)))
    if near == near.to_integral_value():
        return _SIGNS[word], str(int(near))
    return (">=", str(math.ceil(near))) if word in ("gt", "gte") else ("<=", str(math.floor(near)))


def is_long(number: Decimal) -> bool:
    """Elasticsearch finds nothing for 1.5 in a field of whole numbers, nor for what 64 bits cannot hold."""
    return number == number.to_integral_value() and -(2**63) <= number < 2**63


def like(each: str, pattern: str, caseless: bool) -> str:
    """A value fits a pattern of SQL's LIKE."""
    return f"{each} {'ilike' if caseless else 'like'} {text(pattern)} escape '\\'"


def like_text(value: str) -> str:
    """A text as a pattern of LIKE that means only itself."""
    return re.sub(r"([\\%_])", r"\\\1", value)


def like_pattern(pattern: str) -> str:
    r"""A pattern of Elasticsearch's wildcard query (`*`, `?` and `\` before a plain character) as one of LIKE."""
    made = ""
    for escaped, wildcard, plain in _PATTERN.findall(pattern):
        made += {"*": "%", "?": "_"}[wildcard] if wildcard else like_text(escaped or plain)
    return made


def clauses(parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    """A value as query_string takes it: words with wildcards apart, the plain words between them as one.

    One of the clauses is enough.
    """
    words: list[tuple[str, ...]] = [()]
    for index, part in enumerate(parts):
        first, *others = re.split(r"\s", part)
        words[-1] = (*words[-1], first) if index or not words[-1] else words[-1]
        words.extend((other,) for other in others)
    found: list[tuple[str, ...]] = []
    plain: list[str] = []
    for word in words:
        if word in (("",), ()):
            continue
        if len(word) == 1 and word[0] in _QUERY_STRING_WORDS:
            raise NotRunnable(f"{word[0]} in a value with wildcards, which Elasticsearch takes for an operator there")
        if len(word) == 1:
            plain.append(word[0])
            continue
        found += [(" ".join(plain),)] if plain else []
        plain = []
        found.append(word)
    return found + ([(" ".join(plain),)] if plain else [])
