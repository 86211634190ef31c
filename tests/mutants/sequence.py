"""Mutants of an EQL query: the same text with one condition broken.

Mutated are: whole numbers outside of lists (one more, one less), times (one unit more, one less), ranges of addresses
(removed, half as wide, twice as wide), every value of a list (removed), other strings (changed), comparisons (their
neighbour and their opposite), `and`, `or`, `not` (dropped), every operand of an `and` or `or` (removed), the category
of an event (any), every field that a sequence is joined by (removed), and every event of a sequence (removed).
"""

import re
from collections.abc import Iterator

from tests.mutants.mutant import Edit
from tests.mutants.operands import Token
from tests.mutants.operands import said
from tests.mutants.operands import without_operands
from tests.mutants.ranges import ranges_beside

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*) | (?P<string>"(?:[^"\\]|\\.)*") | (?P<time>\d+[dhms]\b) | (?P<number>\d+)
      | (?P<word>[A-Za-z_@][\w.@]*) | (?P<sign><=|>=|==|!=|.)""",
    re.VERBOSE,
)
_NEIGHBOURS = {
    "==": ("!=",),
    "!=": ("==",),
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "and": ("or",),
    "or": ("and",),
    "not": ("",),
}
_LISTS = ("in", "cidrMatch")


def edits(query: str) -> Iterator[Edit]:
    """Every mutation of the query."""
    tokens = list(_tokens(query))
    for number, token in enumerate(tokens):
        for text in _instead_of(tokens, number):
            yield Edit(token.start, token.end, text, f"{token.text} -> {text or '(nothing)'}")
        if token.listed and token.kind in ("string", "number"):
            yield _without_value(tokens, number)
        if token.text == "[":
            end = next(one for one in tokens[number:] if one.text == "]" and one.depth == token.depth)
            yield Edit(token.start, end.end, "", f"{said(query[token.start : end.end])} -> (nothing)")
    yield from _without_keys(tokens)
    yield from without_operands(query, tokens, before=("where",))


def _tokens(query: str) -> Iterator[Token]:
    opened: list[bool] = []
    before = ""
    for match in _TOKEN.finditer(query):
        kind, text = str(match.lastgroup), match.group()
        if kind == "blank":
            continue
        if text in ")]":
            opened.pop()
        yield Token(kind, text, match.start(), len(opened), any(opened))
        if text in "([":
            opened.append(before in _LISTS)
        before = text


def _instead_of(tokens: list[Token], number: int) -> Iterator[str]:
    token = tokens[number]
    if token.text in _NEIGHBOURS and not token.listed:
        yield from _NEIGHBOURS[token.text]
    elif tokens[number + 1 :] and tokens[number + 1].text == "where":
        yield "any"
    elif token.kind == "number" and not token.listed:
        yield from (str(int(token.text) + 1), str(int(token.text) - 1))
    elif token.kind == "time":
        count, unit = int(token.text[:-1]), token.text[-1]
        yield from (f"{count + 1}{unit}", f"{count - 1}{unit}")
    elif token.kind == "string":
        changed = [] if token.listed else [f'{token.text[:-1]}x"']
        yield from (f'"{one}"' for one in ranges_beside(token.text.strip('"'))) if token.listed else changed


def _without_value(tokens: list[Token], number: int) -> Edit:
    """The value, and the comma after it, or before it where it is the last."""
    token, before, after = tokens[number], tokens[number - 1], tokens[number + 1]
    change = f"{token.text} -> (nothing)"
    if after.text == ",":
        return Edit(token.start, after.end, "", change)
    return Edit(before.start if before.text == "," else token.start, token.end, "", change)


def _without_keys(tokens: list[Token]) -> Iterator[Edit]:
    """Of `sequence by a, b`."""
    for number, token in enumerate(tokens):
        if token.text != "by":
            continue
        keys = [number + 1]
        while tokens[keys[-1] + 1].text == ",":
            keys.append(keys[-1] + 2)
        for key in keys if len(keys) > 1 else ():
            yield _without_value(tokens, key)
