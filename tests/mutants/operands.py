"""Operands of `and` and `or` in a tokenised condition, each removed with its word."""

from collections.abc import Collection
from collections.abc import Iterator
from dataclasses import dataclass

from tests.mutants.mutant import Edit


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int
    depth: int
    listed: bool
    """Whether it stands in a list of values."""

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def without_operands(query: str, tokens: list[Token], before: Collection[str] = ()) -> Iterator[Edit]:
    """Of each `and` and `or` outside of lists: the operand behind it, and the one before the first of its level.

    `before` are words that stand before a condition and are no part of it.
    """
    words = [number for number, one in enumerate(tokens) if one.text in ("and", "or") and not one.listed]
    for number in words:
        word = tokens[number]
        end = _end(tokens, number, word.depth)
        yield Edit(word.start, end, "", f"{said(query[word.start : end])} -> (nothing)")
        start = _start(tokens, number, word.depth, before)
        if start is not None:
            yield Edit(start, word.end, "", f"{said(query[start : word.end])} -> (nothing)")


def _end(tokens: list[Token], number: int, depth: int) -> int:
    for one, before in zip(tokens[number + 1 :], tokens[number:], strict=False):
        if (one.text in ("and", "or") and one.depth == depth and not one.listed) or one.depth < depth:
            return before.end
    return tokens[-1].end


def _start(tokens: list[Token], number: int, depth: int, before: Collection[str]) -> int | None:
    """Where the first operand begins, if nothing but it stands before the word on its level."""
    start = tokens[number].start
    for one in reversed(tokens[:number]):
        if one.depth < depth or one.text in before:
            return start
        if one.text in ("and", "or") and one.depth == depth and not one.listed:
            return None
        start = one.start
    return start


def said(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 60 else f"{words[:57]}..."
