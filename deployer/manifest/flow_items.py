"""Items of flow collections (`[a, b]`, `{a: 1}`), put in and taken out; every comment stays with what it is about.

Pure text. What cannot be done so is left undone: whoever edits reads the text again and sees that nothing changed.
"""

import re
from typing import NamedTuple

_BEHIND = re.compile(r"[ \t]*,?(?:[ \t]+#.*|[ \t]*)(?:\n|\Z)")


class Span(NamedTuple):
    """A part of the text by its offsets."""

    start: int
    end: int


def added(text: str, last: Span, item: str) -> str:
    """The text with `item` behind the last one, on a line of its own where that one has its own."""
    lines = _lines(text, last)
    if lines is None or not text[lines.start : lines.end].endswith("\n"):
        return f"{text[: last.end]}, {item}{text[last.end :]}"
    comma = "," if _has_comma(text, last) else ""
    head = text[: last.end] + ("" if comma else ",") + text[last.end : lines.end]
    return f"{head}{text[lines.start : last.start]}{item}{comma}\n{text[lines.end :]}"


def removed(text: str, whole: Span, item: Span, before: Span | None, after: Span | None, empty: str) -> str:
    """The text without `item` of the collection `whole`; as it is where a comment may be about a neighbour.

    `before` and `after` are the items next to it. `empty` takes the place of all where it was the only one.
    """
    lines = _lines(text, item)
    if before is None and after is None:
        if lines and "#" in text[whole.start : lines.start] + text[lines.end : whole.end]:
            return text[: lines.start] + text[lines.end :]
        around = text[whole.start : item.start] + (text[lines.end : whole.end] if lines else text[item.end : whole.end])
        return text if "#" in around else text[: whole.start] + empty + text[whole.end :]
    comma = _has_comma(text, item)
    if lines and (comma or after is None):
        head = text[: lines.start]
        if before and not comma and _has_comma(text, before):
            at = text.index(",", before.end)
            head = text[:at] + text[at + 1 : lines.start]
        return head + text[lines.end :]
    cut = Span(item.start, after.start) if after else Span(before.end if before else item.start, item.end)
    between = text[cut.start : item.start] + text[item.end : cut.end]
    return text if "#" in between else text[: cut.start] + text[cut.end :]


def _lines(text: str, item: Span) -> Span | None:
    """The whole lines of an item, with its comma and the comment behind it; None where it shares one of them."""
    start = text.rfind("\n", 0, item.start) + 1
    behind = _BEHIND.match(text, item.end)
    if text[start : item.start].strip() or behind is None:
        return None
    return Span(start, behind.end())


def _has_comma(text: str, item: Span) -> bool:
    return text[item.end :].lstrip(" \t").startswith(",")
