"""Where a name stands in a query's text, and which known name was probably meant."""

import difflib
import re
from collections.abc import Iterable

from deployer.errors import BadQuery
from deployer.errors import NotRunnable

_SKIPPED = re.compile(
    r"""//[^\n]* | ```.*?``` | ~~~.*?~~~ | @"(?:[^"]|"")*" | @'(?:[^']|'')*'
      | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'""",
    re.VERBOSE | re.DOTALL,
)

# What duckdb-kql leaves without its backslash.
_ODD_ESCAPE = re.compile(r"""(?<!\\)(?:\\\\)*(\\[^\\"'tnr])""")


def code(query: str) -> str:
    """The query with `_` for each character of its strings and a blank for those of its comments; lines stay lines."""
    return _SKIPPED.sub(lambda match: re.sub(r"[^\n]", " " if match[0].startswith("//") else "_", match[0]), query)


def require_plain_texts(query: str) -> None:
    """`NotRunnable` for a text that duckdb-kql takes for another one than Kusto does, and so never finds.

    (learn.microsoft.com/kusto/query/scalar-data-types/string: obfuscated and multi-line texts; escapes.)
    """
    for match in _SKIPPED.finditer(query):
        written = match[0]
        if written.startswith("//"):
            continue
        if re.search(r"(?<!\w)[hH]$", query[max(0, match.start() - 2) : match.start()]):
            raise NotRunnable("cannot run here: an obfuscated text (h before its quote)")
        if written.startswith(("```", "~~~")):
            raise NotRunnable("cannot run here: a text over several lines, in ``` or ~~~")
        if written[0] != "@" and (escape := _ODD_ESCAPE.search(written)):
            raise NotRunnable(f"cannot run here: {escape[1]} in a text")


def bad_name(query: str, message: str, name: str) -> BadQuery:
    """The error of a wrong name; it has a place only where the text has the name once."""
    found = _places(query, name)
    return BadQuery(message, *found[0]) if len(found) == 1 else BadQuery(message)


def meant(name: str, known: Iterable[str]) -> str:
    """`; NAME is one` for the known name that is closest, or nothing."""
    by_case = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(name.casefold(), by_case, 1, 0.75)
    return f"; {by_case[close[0]]} is one" if close else ""


def _places(query: str, name: str) -> list[tuple[int, int]]:
    """Line and column, from 1, of each place of a name."""
    text = code(query)
    starts = (match.start() for match in re.finditer(rf"(?<![\w.]){re.escape(name)}(?!\w)", text) if name)
    return [(text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)) for start in starts]
