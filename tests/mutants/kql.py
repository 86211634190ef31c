"""Mutants of a KQL query: the same text with one condition broken.

Mutated are: whole numbers (one more, one less; an element of a list is removed), times (one unit more, one less), CIDR
ranges (removed, half as wide, twice as wide), other strings (removed from a list; else changed), comparisons and the
other string operators (their neighbour and their opposite), `and` and `or`, `true` and `false`, `not(` (dropped), `min`
and `max`, units of datetime_diff, and every `where` clause (removed).
Not mutated are: comments, the lets of allowlists (they are replaced when a rule is deployed), column names, `project`
and `sort`.
"""

import re
from collections.abc import Collection
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tests.mutants.mutant import Edit
from tests.mutants.ranges import ranges_beside

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*) | (?P<blank>\s+) | (?P<string>@?"(?:[^"\\\n]|\\.)*")
      | (?P<time>\d+(?:d|h|m|s|ms)\b) | (?P<number>\d+(?:\.\d+)?) | (?P<name>!?[A-Za-z_]\w*~?)
      | (?P<sign><=|>=|==|!=|=~|!~|\.\.|.)""",
    re.VERBOSE,
)
_NEIGHBOURS = {
    ">=": (">", "<"), ">": (">=", "<="), "<=": ("<", ">"), "<": ("<=", ">="), "==": ("!=",), "!=": ("==",),
    "=~": ("!~", "=="), "!~": ("=~", "!="), "in": ("!in",), "!in": ("in",), "in~": ("!in~", "in"),
    "!in~": ("in~", "!in"), "endswith": ("!endswith",), "startswith": ("!startswith",), "contains": ("!contains",),
    "has": ("!has",), "has_any": ("!has_any",), "between": ("!between",), "and": ("or",), "or": ("and",),
    "true": ("false",), "false": ("true",), "min": ("max",), "max": ("min",), "max_of": ("min_of",),
    "isnotempty": ("isempty",), "isempty": ("isnotempty",), "isnotnull": ("isnull",), "isnull": ("isnotnull",),
}  # fmt: skip
_UNITS = {'"minute"': '"hour"', '"hour"': '"minute"'}
_SMALLER = {"d": (24, "h"), "h": (60, "m"), "m": (60, "s"), "s": (1000, "ms")}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int
    depth: int
    """Of brackets, outside of those that it opens or closes itself."""
    lists: bool = False
    """Whether it stands in square brackets."""

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def edits(query: str, replaced: Collection[str] = ()) -> Iterator[Edit]:
    """Every mutation of the query; `replaced` are the lets whose values a deployment sets."""
    tokens = list(_tokens(query))
    skipped = [span for name in replaced for span in _let(tokens, name)]
    for number, token in enumerate(tokens):
        if any(start <= token.start < end for start, end in skipped):
            continue
        yield from _edits(tokens, number)
        if token.text == "|" and _next(tokens, number) == "where":
            yield _without_clause(tokens, number)


def _tokens(query: str) -> Iterator[Token]:
    """All but blanks and comments."""
    depth, at, brackets = 0, 0, [False]
    while at < len(query):
        match = _TOKEN.match(query, at)
        assert match, query[at:]
        kind, text = str(match.lastgroup), match.group()
        if text in ")]}" and kind == "sign":
            depth -= 1
            brackets.pop()
        if kind not in ("blank", "comment"):
            yield Token(kind, text, at, depth, brackets[-1])
        if text in "([{" and kind == "sign":
            depth += 1
            brackets.append(text == "[")
        at = match.end()


def _let(tokens: list[Token], name: str) -> Iterator[tuple[int, int]]:
    for number, (word, named) in enumerate(pairwise(tokens)):
        if word.text == "let" and named.text == name:
            end = next(one for one in tokens[number:] if one.text == ";" and one.depth == word.depth)
            yield word.start, end.start


def _next(tokens: list[Token], number: int) -> str:
    return tokens[number + 1].text if number + 1 < len(tokens) else ""


def _edits(tokens: list[Token], number: int) -> Iterator[Edit]:
    token = tokens[number]
    if token.lists and token.kind in ("string", "number") and tokens[number - 1].text in "[,":
        yield _without_element(tokens, number)
    if token.kind == "number" and not token.lists:
        yield from (_instead(token, text) for text in _numbers(token.text))
    elif token.kind == "time":
        yield from (_instead(token, text) for text in _times(token.text))
    elif token.kind == "string":
        yield from (_instead(token, text) for text in _strings(token))
    elif token.kind in ("name", "sign"):
        yield from (_instead(token, text) for text in _words(tokens, number))
    if token.text == "not" and _next(tokens, number) == "(":
        yield _instead(token, "")


def _words(tokens: list[Token], number: int) -> Iterator[str]:
    token = tokens[number]
    calls = _next(tokens, number) == "("
    if token.text in ("min", "max", "max_of") and not calls:
        return
    if token.text == "not" or (token.text == "=" and token.kind == "sign"):
        return
    yield from _NEIGHBOURS.get(token.text, ())


def _numbers(text: str) -> Iterator[str]:
    if "." in text:
        value = float(text)
        yield from (str(value + 1), str(value - 1))
    else:
        yield from (str(int(text) + 1), str(int(text) - 1))


def _times(text: str) -> Iterator[str]:
    match = re.fullmatch(r"(\d+)(\w+)", text)
    assert match
    count, unit = int(match[1]), match[2]
    yield f"{count + 1}{unit}"
    if count > 1:
        yield f"{count - 1}{unit}"
    elif unit in _SMALLER:
        many, smaller = _SMALLER[unit]
        yield f"{many - 1}{smaller}"


def _strings(token: Token) -> Iterator[str]:
    if beside := ranges_beside(token.text.strip('"')):
        yield from (f'"{one}"' for one in beside)
    elif token.text in _UNITS:
        yield _UNITS[token.text]
    elif not token.lists:
        yield f'{token.text[:-1]}x"'


def _instead(token: Token, text: str) -> Edit:
    return Edit(token.start, token.end, text, f"{token.text} -> {text or '(nothing)'}")


def _without_element(tokens: list[Token], number: int) -> Edit:
    """The element, and the comma after it, or before it where it is the last."""
    token, before, after = tokens[number], tokens[number - 1], tokens[number + 1]
    said = f"{token.text} -> (nothing)"
    if after.text == ",":
        return Edit(token.start, after.end, "", said)
    return Edit(before.start if before.text == "," else token.start, token.end, "", said)


def _without_clause(tokens: list[Token], number: int) -> Edit:
    """The pipe and all that follows, to the next pipe or the end of the statement."""
    pipe = tokens[number]
    ends = (one for one in tokens[number + 1 :] if one.text in ("|", ";", "}") and one.depth <= pipe.depth)
    last = next(ends, None)
    end = last.start if last else tokens[-1].end
    return Edit(pipe.start, end, "", "(clause removed)")
