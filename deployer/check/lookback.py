"""How far back a KQL query reads, against the period that the service reads for it.

The service runs a scheduled rule's query on the events of its `queryPeriod` only: what the query asks for beyond that
is cut off in silence (https://learn.microsoft.com/azure/sentinel/scheduled-rules-overview).
"""

import re
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass

from deployer import queries
from deployer.check.subjects import Subject
from deployer.engines import tables
from deployer.findings import Finding
from deployer.findings import Location
from deployer.providers.sentinel.canonical import duration_seconds

_AGO = re.compile(r"\b(?:ago\s*\(|now\s*\(\s*-)")
"""`now(-1d)` is `ago(1d)`."""
_OTHER_CLOCK = re.compile(r"\bnow\s*\(\s*\)\s*-")
"""Other ways to say how far back: what they read is not worked out here."""
_READS = re.compile(r"(?:\bTimeGenerated\s*(?:>=?|between\s*\()|\bstarttime\s*=)\s*$")
_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)(?P<unit>[a-z]*)|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*/()]))")
_UNITS: Mapping[str, float] = {
    "": 1,
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("ms", "milli", "millis", "millisecond", "milliseconds"), 0.001),
}


@dataclass(frozen=True, slots=True)
class Ago:
    """One `ago(...)` of a query."""

    text: str
    """What stands in the brackets."""
    seconds: float | None
    """None where it cannot be worked out from the query's own lets."""
    reads: bool
    """It bounds the events that are read, as can be seen: `TimeGenerated > ago(...)`, or a parser's starttime."""
    offset: int


def agos(query: str, parameters: Mapping[str, str]) -> list[Ago]:
    """Every `ago(...)`, with `parameters` as the right-hand sides of the lets that they name."""
    values = {let.name: let.value for let in queries.lets(query)} | dict(parameters)
    code = queries.code(query)
    found = []
    for match in _AGO.finditer(code):
        text = code[match.end() : _closing(code, match.end())].strip()
        reads = bool(_READS.search(code[: match.start()]))
        found.append(Ago(text, seconds(text, values), reads, match.start()))
    return found


def findings(subject: Subject, parameters: Mapping[str, str]) -> Iterator[Finding]:
    """Events that the query asks for and the service leaves out, or the other way round."""
    period = duration_seconds(str(subject.fields.get("queryPeriod")))
    if subject.fields.get("kind", "Scheduled") != "Scheduled" or period is None:
        return
    found = agos(subject.half.query, parameters)
    for ago in found:
        # What is named LookbackPeriod the codec compares itself, for every target.
        if ago.seconds and ago.seconds > period and not (subject.deployed and ago.text == "LookbackPeriod"):
            yield _beyond(subject, ago, period)
    reading = [ago for ago in found if ago.reads]
    if not reading or not _is_bounded(subject, len(reading)) or any(ago.seconds is None for ago in reading):
        return
    longest = max(reading, key=lambda ago: ago.seconds or 0)
    if longest.seconds is not None and longest.seconds < period:
        message = f"the query looks back {_length(longest.seconds)}, queryPeriod is {_length(period)}: set both alike"
        yield subject.warning("window-unused", message, _place(subject, longest, "queryPeriod"))


def seconds(text: str, values: Mapping[str, str], depth: int = 0) -> float | None:
    """A length of time made of literals, sums, products and names in `values`; None for anything else."""
    if depth > len(values):
        return None
    try:
        return _Sum(text, values, depth).value()
    except (ValueError, ZeroDivisionError):
        return None


class _Sum:
    """A reader of one expression. Raises `ValueError` for what it does not know."""

    def __init__(self, text: str, values: Mapping[str, str], depth: int) -> None:
        self._values, self._depth, self._tokens = values, depth, _tokens(text)

    def value(self) -> float:
        total = self._sum()
        if self._tokens:
            raise ValueError
        return total

    def _sum(self) -> float:
        total = self._product()
        while self._next() in ("+", "-"):
            total += self._product() if self._tokens.pop(0)["sign"] == "+" else -self._product()
        return total

    def _product(self) -> float:
        product = self._factor()
        while self._next() in ("*", "/"):
            product = product * self._factor() if self._tokens.pop(0)["sign"] == "*" else product / self._factor()
        return product

    def _factor(self) -> float:
        if not self._tokens:
            raise ValueError
        token = self._tokens.pop(0)
        if (number := token["number"]) is not None and (unit := token["unit"] or "") in _UNITS:
            return float(number) * _UNITS[unit]
        if token["name"] is not None and token["name"] in self._values and self._next() != "(":
            found = seconds(self._values[token["name"]], self._values, self._depth + 1)
            if found is not None:
                return found
        if token["sign"] == "(" or (token["name"] in ("timespan", "time") and self._next() == "("):
            if token["sign"] is None:
                self._tokens.pop(0)
            inner = self._sum()
            if self._tokens and self._tokens.pop(0)["sign"] == ")":
                return inner
        raise ValueError

    def _next(self) -> str | None:
        return self._tokens[0]["sign"] if self._tokens else None


def _tokens(text: str) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = []
    end = 0
    while text[end:].strip():
        match = _TOKEN.match(text, end)
        if match is None:
            raise ValueError
        found.append(match.groupdict())
        end = match.end()
    return found


def _closing(code: str, start: int) -> int:
    """Where the bracket that was opened before `start` closes."""
    depth = 1
    for offset in range(start, len(code)):
        depth += (code[offset] == "(") - (code[offset] == ")")
        if not depth:
            return offset
    return len(code)


def _is_bounded(subject: Subject, reading: int) -> bool:
    """Whether every table of the query has an `ago` of its own; without one it is read for the whole period."""
    query = subject.half.query
    names = {*subject.half.data, *tables.sentinel_names()}
    uses = sum(queries.uses(query, name) for name in names)
    return reading >= uses and not _OTHER_CLOCK.search(queries.code(query))


def _beyond(subject: Subject, ago: Ago, period: int) -> Finding:
    lengths = f"ago({ago.text}) reaches back {_length(ago.seconds or 0)}, queryPeriod is {_length(period)}"
    if ago.reads:
        message = f"{lengths}: the service leaves older events out; set both alike"
        return subject.error("window-cut", message, _place(subject, ago, "queryPeriod"))
    message = f"{lengths}: if it is for events that the query reads, the service leaves the older ones out"
    return subject.warning("window-cut", message, _place(subject, ago, "queryPeriod"))


def _place(subject: Subject, ago: Ago, name: str) -> Location:
    """The overlay that brought it about, or the place in the query."""
    origins = subject.rule.origins
    tuned = [origins.get(f"sentinel.parameters.{word}") for word in re.findall(r"[A-Za-z_]\w*", ago.text)]
    places = [origins.get(f"sentinel.{name}"), *tuned]
    return next((place for place in places if place), subject.in_query(*queries.place(subject.half.query, ago.offset)))


def _length(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds:g}s"
