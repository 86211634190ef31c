"""Which comment lines belong to an item of a block list, so that they go where it goes. Pure text.

Below an item: lines that are indented further than its dash. Above it: lines in the dash's own column without a blank
line between, unless the next item follows at once and without comment of its own: then they may speak of both.
"""

from typing import NamedTuple


class Item(NamedTuple):
    """An item of a block list by offsets of line starts; it spans whole lines."""

    start: int
    end: int
    """Where the line behind its last one begins."""
    column: int
    """Of its dash."""
    last: bool
    """Whether no item follows."""


def above(text: str, item: Item) -> int:
    """Where the comment that stands directly above an item begins; its own start where there is none."""
    start = item.start
    while start > 0:
        before = text.rfind("\n", 0, start - 1) + 1
        if not _is_note(text[before:start]) or _indent(text[before:start]) != item.column:
            break
        start = before
    return start


def below(text: str, end: int, column: int) -> int:
    """Where the comment lines end that follow at `end` and are indented further than `column`."""
    while end < len(text):
        after = text.find("\n", end) + 1 or len(text)
        if not _is_note(text[end:after]) or _indent(text[end:after]) <= column:
            break
        end = after
    return end


def own(text: str, item: Item) -> tuple[int, int]:
    """From where to where an item reaches together with the comments that belong to it."""
    end = below(text, item.end, item.column)
    shared = not item.last and text[end : end + item.column + 1].strip(" ") == "-"
    return (item.start if shared else above(text, item)), end


def _is_note(line: str) -> bool:
    return line.lstrip(" ").startswith("#")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
