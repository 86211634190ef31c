"""Mutants of a kuery query: the same text with one condition broken.

Mutated are: whole numbers outside of lists of values (one more, one less), ranges of addresses (removed, half as wide,
twice as wide), other values (changed), every value of a list (removed), comparisons (their neighbour and their
opposite), `and`, `or`, `not` (dropped), and every operand of an `and` (removed).
"""

import re
from collections.abc import Iterator

from tests.mutants.mutant import Edit
from tests.mutants.operands import Token
from tests.mutants.operands import without_operands
from tests.mutants.ranges import ranges_beside

_TOKEN = re.compile(
    r"""(?P<blank>\s+) | (?P<string>"(?:[^"\\]|\\.)*") | (?P<sign><=|>=|[<>:(){}]) | (?P<word>[^\s():<>"{}]+)""",
    re.VERBOSE,
)
_NEIGHBOURS = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "and": ("or",), "or": ("and",)}


def edits(query: str) -> Iterator[Edit]:
    """Every mutation of the query."""
    tokens = list(_tokens(query))
    for number, token in enumerate(tokens):
        for text in _instead_of(tokens, number):
            yield Edit(token.start, token.end, text, f"{token.text} -> {text or '(nothing)'}")
        if token.listed and token.text not in ("and", "or", "not", "(", ")"):
            yield _without_value(tokens, number)
    yield from without_operands(query, tokens)


def _tokens(query: str) -> Iterator[Token]:
    opened: list[bool] = []
    before = ""
    for match in _TOKEN.finditer(query):
        kind, text = str(match.lastgroup), match.group()
        if kind == "blank":
            continue
        if text == ")":
            opened.pop()
        yield Token(kind, text, match.start(), len(opened), any(opened))
        if text == "(":
            opened.append(before == ":")
        before = text


def _instead_of(tokens: list[Token], number: int) -> Iterator[str]:
    token = tokens[number]
    if token.text in _NEIGHBOURS and token.kind in ("sign", "word"):
        yield from _NEIGHBOURS[token.text]
    elif token.text == "not":
        yield ""
    elif token.text.isdecimal() and not token.listed:
        yield from (str(int(token.text) + 1), str(int(token.text) - 1))
    elif token.kind == "word" and tokens[number - 1].text == ":" and token.text != "*":
        yield f"{token.text}x"
    elif token.kind == "string":
        beside = ranges_beside(token.text.strip('"'))
        changed = [] if token.listed else [f'{token.text[:-1]}x"']  # a listed value is removed instead
        yield from (f'"{one}"' for one in beside) if beside else changed


def _without_value(tokens: list[Token], number: int) -> Edit:
    """The value, and the `or` after it, or before it where it is the last."""
    token, before, after = tokens[number], tokens[number - 1], tokens[number + 1]
    said = f"{token.text} -> (nothing)"
    if after.text == "or":
        return Edit(token.start, after.end, "", said)
    return Edit(before.start if before.text == "or" else token.start, token.end, "", said)
