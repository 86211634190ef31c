"""Pure text of KQL queries: the top-level `let` statements of one, their replacement, and the clock that it reads.

Knows strings (plain, verbatim, of several lines), `//` comments and brackets; nothing of what a query means.
Grammar: https://learn.microsoft.com/kusto/query/let-statement and scalar-data-types/string.
"""

import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from functools import lru_cache

_SKIP = re.compile(
    r"""//[^\n]*
      | ```.*?``` | ~~~.*?~~~
      | @"(?:[^"]|"")*" | @'(?:[^']|'')*'
      | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'""",
    re.VERBOSE | re.DOTALL,
)
_TOKEN = re.compile(rf"{_SKIP.pattern} | \s+ | [\w.]+ | .", re.VERBOSE | re.DOTALL)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_LET = re.compile(r"let\s+([A-Za-z_]\w*)\s*=\s*")
_TYPES = (
    ("long", re.compile(r"-?[0-9]+")),
    ("real", re.compile(r"-?[0-9]+\.[0-9]+")),
    ("bool", re.compile(r"true|false")),
    ("timespan", re.compile(r"[0-9]+(\.[0-9]+)?(d|h|m|s|ms)")),
    ("string", re.compile(r"""@"[^"]*"|@'[^']*'|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""")),
    ("dynamic", re.compile(r"dynamic\(\s*\[.*\]\s*\)", re.DOTALL)),
    ("function", re.compile(r"\([^)]*\)\s*\{.*\}", re.DOTALL)),
)
_TIMESPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(d|h|m|s|ms)")
_NEEDED = {
    "long": "a whole number without quotes",
    "real": "a number without quotes",
    "bool": "true or false",
    "timespan": "a time such as 24h, 30m or 1d",
    "string": "a text",
    "dynamic": "a list",
}
# A name behind one dot is a property of something; two dots are a range: `between (ago(1d)..now())`.
_CLOCK = re.compile(r"(?<!\w)(?:(?<!\.)|(?<=\.\.))(now|ago)\s*\(")
_OWN_CLOCK = re.compile(r"\blet\s+(now|ago)\s*=|\bset\s+(query_now)\b")
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


@dataclass(frozen=True, slots=True)
class Let:
    """One top-level `let NAME = value;`: where the value stands in the text, and what it is."""

    name: str
    value: str
    start: int
    end: int
    line: int

    @property
    def type(self) -> str:
        """long, real, bool, timespan, string, dynamic, function; or expression, which is no parameter."""
        return next((name for name, pattern in _TYPES if pattern.fullmatch(self.value)), "expression")

    @property
    def is_parameter(self) -> bool:
        """Whether an overlay may set it: a plain value, and no function or expression."""
        return self.type not in ("function", "expression")


@lru_cache(maxsize=256)
def lets(query: str) -> tuple[Let, ...]:
    """The top-level `let` statements, in order."""
    return tuple(_lets(query))


def replace_lets(query: str, values: Mapping[str, str]) -> str:
    """The query with the right-hand sides in `values` put in place; every name must be there exactly once."""
    found = {let.name: let for let in lets(query)}
    missing = sorted(values.keys() - found.keys())
    if missing:
        raise KeyError(f"the query has no let named {', '.join(missing)}")
    for let in sorted((found[name] for name in values), key=lambda let: let.start, reverse=True):
        query = query[: let.start] + values[let.name] + query[let.end :]
    return query


def repeated(query: str) -> list[str]:
    """Names that are declared twice; Kusto refuses such a query."""
    counted = Counter(let.name for let in lets(query))
    return sorted(name for name, times in counted.items() if times > 1)


@lru_cache(maxsize=4096)
def uses(query: str, name: str) -> int:
    """How often `name` stands in the query outside comments, strings and its own `let`."""
    code = _SKIP.sub(" ", query)
    return len(re.findall(rf"\b{re.escape(name)}\b", code)) - len(re.findall(rf"\blet\s+{re.escape(name)}\b", code))


@lru_cache(maxsize=256)
def code(query: str) -> str:
    """The query with its comments and strings blanked out; what is left stands where it stood."""
    return _SKIP.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), query)


def at(query: str, moment: datetime) -> str:
    """The query with its clock stopped at `moment`: `now()` is that time, `ago(x)` so long before it.

    By their pages (learn.microsoft.com/kusto/query/now-function, ago-function) these two read the clock, `now` with an
    offset or without. Nothing else is changed, and every line keeps its number: no string, comment or longer name, and
    no function that the workspace keeps, whose text is not here.
    Raises `ValueError` for a query with a `now`, `ago` or `query_now` of its own: these would mean something else.
    """
    text = code(query)
    if own := _OWN_CLOCK.search(text):
        raise ValueError(f"the query declares {own[1] or own[2]} itself, so its clock cannot be set")
    then = f"datetime({moment.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.%f')}Z)"
    edits: list[tuple[int, int, str]] = []
    for call in _CLOCK.finditer(text):
        close = _closing(text, call.end())
        if close is None:
            continue
        if not re.sub(r"//[^\n]*", "", query[call.end() : close]).strip():
            # ago() without an argument is an error, and stays one.
            edits += [(call.start(), close + 1, then)] if call[1] == "now" else []
        else:
            edits += [(call.start(), call.end(), f"({then} {'+' if call[1] == 'now' else '-'} (")]
            edits += [(close, close + 1, "))")]
    for start, end, new in sorted(edits, reverse=True):
        query = query[:start] + new + "\n" * query.count("\n", start, end) + query[end:]
    return query


def pipeline(query: str) -> tuple[str, ...]:
    """The last statement's operators, which make the result: source first, comments and strings blanked out."""
    depth, start = 0, 0
    found: list[str] = []
    last = code(query).rstrip().rstrip(";").rstrip()
    for place, character in enumerate(last):
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth == 0 and character == ";":
            start, found = place + 1, []
        elif depth == 0 and character == "|":
            found.append(last[start:place].strip())
            start = place + 1
    return (*found, last[start:].strip())


def parts(text: str) -> tuple[str, ...]:
    """What the commas of a list divide, those in brackets left alone; the text holds no strings and no comments."""
    depth, start, found = 0, 0, []
    for place, character in enumerate(text):
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth == 0 and character == ",":
            found.append(text[start:place].strip())
            start = place + 1
    return (*found, text[start:].strip())


def _closing(text: str, start: int) -> int | None:
    """Where the bracket that was opened before `start` is closed, in a text without strings and comments."""
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] in _OPENING) - (text[place] in _CLOSING)
        if depth == 0:
            return place
    return None


def place(query: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, from 1."""
    before = query[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def timespan_seconds(text: str) -> float | None:
    """Seconds of a timespan literal such as 24h; None if it is none."""
    match = _TIMESPAN.fullmatch(text)
    return float(match[1]) * _UNITS[match[2]] if match else None


def literal(value: object, let: Let) -> str:
    """`value` as a KQL literal of the type that `let` has; `ValueError` says what was expected."""
    type = let.type
    match type, value:
        case "long", int() if not isinstance(value, bool):
            return str(value)
        case "real", int() | float() if not isinstance(value, bool):
            return repr(float(value))
        case "bool", bool():
            return "true" if value else "false"
        case "timespan", str() if _TIMESPAN.fullmatch(value):
            return value
        case "string", str():
            return string(value)
        case "dynamic", list() | tuple():
            _require_elements(value, let.value)
            return array(value)
        case _:
            pass
    raise ValueError(f"{_NEEDED.get(type, 'no value')} is needed, this is {value!r}")


def value(let: Let) -> bool | int | float | str | list[int | str] | None:
    """The value that `literal` would write as this right-hand side, None where none would."""
    text = let.value
    found: bool | int | float | str | list[int | str] | None = None
    match let.type:
        case "long":
            found = int(text)
        case "real":
            found = float(text)
        case "bool":
            found = text == "true"
        case "timespan":
            found = text
        case "string" if text.startswith('"'):
            found = _unescaped(text[1:-1])
        case "dynamic":
            found = elements(text)
        case _:
            pass
    try:
        return found if found is not None and literal(found, let) == text else None
    except ValueError:
        return None


def _unescaped(text: str) -> str:
    meant = {"n": "\n", "r": "\r", "t": "\t"}
    return re.sub(r"\\(.)", lambda match: meant.get(match[1], match[1]), text)


def elements(text: str) -> list[int | str] | None:
    """The elements of `dynamic([...])`: texts in double quotes and whole numbers; None where it holds anything else."""
    inner = text.removeprefix("dynamic(").removesuffix(")").strip()[1:-1].strip()
    one = r'(?:"((?:[^"\\\n]|\\.)*)"|(-?[0-9]+))'
    if not re.fullmatch(rf"({one}(\s*,\s*{one})*)?", inner):
        return None
    found = re.findall(one, inner)
    return [_unescaped(words) if not number else int(number) for words, number in found]


def _require_elements(values: Sequence[object], before: str) -> None:
    """Numbers stay numbers and texts texts: `RemotePort in ("22")` never holds."""
    texts = '"' in before or "'" in before
    if before.strip("dynamic()[] \n\t") and any(isinstance(value, str) is not texts for value in values):
        raise ValueError(f"{'texts are' if texts else 'numbers are'} needed, this is {list(values)!r}")


def string(value: str) -> str:
    """A KQL string literal that means exactly `value`."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    if any(not character.isprintable() and character not in escapes for character in value):
        raise ValueError(f"a text of printable characters is needed, this is {value!r}")
    return '"' + "".join(escapes.get(character, character) for character in value) + '"'


def array(values: Sequence[object]) -> str:
    """`dynamic([...])` of strings and whole numbers, in the order given."""
    return f"dynamic([{', '.join(_element(value) for value in values)}])"


def _element(value: object) -> str:
    if isinstance(value, str):
        return string(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"a string or a whole number is needed, this is {value!r}")


def _lets(query: str) -> Iterator[Let]:
    for start, end in _statements(query):
        match = _LET.match(query, start)
        if match and match.end() < end:
            value = query[match.end() : end].rstrip()
            yield Let(match.group(1), value, match.end(), match.end() + len(value), query.count("\n", 0, start) + 1)


def _statements(query: str) -> Iterator[tuple[int, int]]:
    """Start and end of each statement that a semicolon ends; starts stand past blanks and comments."""
    depth, start = 0, None
    for token in _TOKEN.finditer(query):
        text = token.group()
        if text.isspace() or text.startswith("//"):
            continue
        if text == ";" and depth == 0:
            if start is not None:
                yield start, token.start()
            start = None
            continue
        if start is None:
            start = token.start()
        depth += (text in _OPENING) - (text in _CLOSING)
