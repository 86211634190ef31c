"""Does the data that a workspace's rules read arrive? What to ask of each table, and what the rows say. Pure.

Asked is, within each rule's own period, how many rows a table has, when the newest came, and how many of them fill each
column that the rule's query reads: in all, and per operating system where the table tells it. A column that exists and
is never filled makes a condition on it hold for nothing, and no error anywhere.

The columns are found in the text of the query: those that the table is known to have, and those that the query asks
for by `column_ifexists`. Fails: a table that is not there or has no rows, and a column without which a condition that
every result must meet cannot hold. Other columns that nothing fills are named: part of the query sees nothing.
"""

import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer import queries
from deployer.engines import tables
from deployer.engines.tables import Table
from deployer.outcome import Answer
from deployer.outcome import Level
from deployer.providers.sentinel import canonical
from deployer.state import Key
from deployer.state import Resource

Row = Mapping[str, Any]

SYSTEMS: Mapping[str, str] = {
    "ASimDnsActivityLogs": "DvcOs",
    "ASimNetworkSessionLogs": "DvcOs",
    "DeviceInfo": "OSPlatform",
}
"""The columns that tell a device's operating system, by table; of the other tables none does."""
PARSERS: Mapping[str, str] = {"_Im_Dns": "ASimDnsActivityLogs"}
"""Functions of the workspace that rules read like tables, each with the table whose columns its result has."""
_NEAR_REAL_TIME_SECONDS = 3600.0
_OPTIONAL = re.compile(r"""\bcolumn_ifexists\s*\(\s*["']([A-Za-z_]\w*)["']""")
_WHERE = re.compile(r"\|\s*where\b([^|;]*)")
_MUST = re.compile(
    r"([A-Za-z_]\w*)\s*(?:==|=~|>=?|<=?|\b(?:in~?|has\w*|contains\w*|startswith\w*|endswith\w*|matches|between)(?!\w))"
    r"|isnot(?:empty|null)\s*\(\s*([A-Za-z_]\w*)\s*\)"
)
_EMPTY = re.compile(r"""\s*@?(?:""(?!")|''(?!'))""")
_FUZZY = re.compile(r"\bisfuzzy\s*=\s*true\b")
_LOOSE = re.compile(r"\bkind\s*=\s*(?:\w*outer|\w*anti\w*)\b|\blookup\b|\btoscalar\s*\(")
"""What lets a result be although a table has nothing for it: so a condition within may hold for no row."""
_TABLE_NAME = re.compile(r"[A-Za-z_]\w*")


class Untold(Exception):
    """It cannot be told what the rule reads; the text says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """What one rule reads."""

    tables: tuple[str, ...]
    look_back: str
    seconds: float
    columns: Mapping[str, tuple[str, ...]]
    """By table, the columns of it that the query reads."""
    needed: frozenset[str]
    """Those that a condition asks for which every result must meet."""
    either: bool
    """Whether the tables stand beside each other in a union, so that one of them is enough."""
    fuzzy: bool = True
    """Whether a union leaves out a table that is not there; any other fails with it (union operator, `isfuzzy`)."""
    unclear: bool = False
    """Whether some tables may be empty and others not, and it is not told here which."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The workspace has no such table."""


@dataclass(frozen=True, slots=True)
class Untellable:
    """The table could not be asked."""

    reason: str
    setting: str = ""
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What the table has, per operating system ("" where it tells none)."""

    rows: Mapping[str, Mapping[str, Any]]


Told = Missing | Untellable | Found


def question(wanted: Resource) -> Question:
    """What a rule as Git has it reads. Raises `Untold`."""
    reads, query = wanted.reads, str(wanted.body.get("query") or "")
    if reads is None or not reads.sources:
        raise Untold("Git names no tables for it")
    if odd := [name for name in reads.sources if not _TABLE_NAME.fullmatch(name)]:
        raise Untold(f"{odd[0]!r} is no name of a table")
    seconds = canonical.duration_seconds(reads.look_back) if reads.look_back else _NEAR_REAL_TIME_SECONDS
    if seconds is None:
        raise Untold(f"its period is written as {reads.look_back!r}")
    code = queries.code(query)
    either, loose = bool(re.search(r"\bunion\b", code)), bool(_LOOSE.search(code))
    return Question(
        tables=reads.sources,
        look_back=reads.look_back or "PT1H",
        seconds=seconds,
        columns={name: tuple(_columns(name, query, code)) for name in reads.sources},
        needed=frozenset() if either else frozenset(_needed(query, code)),
        either=either,
        fuzzy=len(_FUZZY.findall(code)) == len(re.findall(r"\bunion\b", code)),
        unclear=loose or (either and bool(re.search(r"\bjoin\b", code))),
    )


def query(table: str, questions: Iterable[Question]) -> str:
    """The one query of a table that answers for all rules which read it."""
    asked = [one for one in questions if table in one.tables]
    names = _all_columns(table, asked)
    spans = _spans(asked)
    filled = [f"    C{number} = isnotempty(tostring({_value(table, name)}))" for number, name in enumerate(names)]
    within = {span: f"TimeGenerated > ago({span:.0f}s)" for span in spans}
    counts = [f"    Rows{place} = countif({within[span]})" for place, span in enumerate(spans)]
    counts += [
        f"    Filled{place}_{number} = countif(C{number} and {within[span]})"
        for place, span in enumerate(spans)
        for number in range(len(names))
    ]
    told = SYSTEMS.get(PARSERS.get(table, table))
    system = f'tostring(column_ifexists("{told}", ""))' if told else '""'
    lines = [
        f"{table}()" if table in PARSERS else table,
        f"| where {within[spans[-1]]} and TimeGenerated <= now()",
        ",\n".join(["| project TimeGenerated", f"    System = {system}", *filled]),
        ",\n".join(["| summarize Newest = max(TimeGenerated)", *counts]),
        "    by System",
    ]
    return "\n".join(lines)


def found(table: str, questions: Iterable[Question], rows: Iterable[Row]) -> Found:
    """What the rows of `query` say, in words instead of numbers."""
    asked = [one for one in questions if table in one.tables]
    names, spans = _all_columns(table, asked), _spans(asked)
    told: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        counts = {
            span: {"rows": int(row[f"Rows{place}"])}
            | {name: int(row[f"Filled{place}_{number}"]) for number, name in enumerate(names)}
            for place, span in enumerate(spans)
        }
        told[str(row["System"] or "")] = {"newest": row["Newest"], "counts": counts}
    return Found(told)


def judge(key: Key, asked: Question, told: Mapping[str, Told]) -> Level:
    """The level `data` of one rule, from what each of its tables told."""
    faults: list[str] = []
    absent = False
    seen: list[_Seen] = []
    for name in asked.tables:
        each = told[name]
        if isinstance(each, Missing):
            absent = absent or not (asked.either and asked.fuzzy)
            faults.append(f"the workspace has no table {name}")
        elif isinstance(each, Found):
            one = _Seen(name, asked, each)
            if one.total:
                seen.append(one)
            else:
                faults.append(f"{name} has no rows within {asked.look_back}, the rule's period{one.aside()}")
    enough = asked.either or asked.unclear
    if absent or (faults and (not enough or len(faults) == len(asked.tables))):
        return Level(key, "data", Answer.FAIL, "; ".join(faults))
    if faults and asked.unclear:
        return _undecided(key, faults)
    for name in asked.tables:
        if isinstance(each := told[name], Untellable):
            return Level(key, "data", Answer.UNKNOWN, each.reason, each.setting, each.awaited)
    blind = [(one, *one.blind(filled=_elsewhere(one, seen))) for one in seen]
    if needed := [one.lacking(names, "and a condition of the query needs it") for one, names, _ in blind if names]:
        return _undecided(key, needed) if asked.unclear else Level(key, "data", Answer.FAIL, "; ".join(needed))
    remarks = list(faults)
    for one, _, names in blind:
        if names:
            remarks.append(one.lacking(names, "so part of the query sees nothing"))
        remarks += one.per_system(names)
    remarks += [one.freshness() for one in seen]
    return Level(key, "data", Answer.PASS, "; ".join(remarks))


def _undecided(key: Key, faults: Sequence[str]) -> Level:
    said = f"{'; '.join(faults)}; whether the query can do without is not known: that depends on how it joins"
    return Level(key, "data", Answer.UNKNOWN, said)


class _Seen:
    """One table with rows, as one rule sees it."""

    def __init__(self, table: str, asked: Question, answer: Found) -> None:
        self.table = table
        self.names = asked.columns[table]
        self._asked = asked
        self._systems = {name: row["counts"][asked.seconds] for name, row in answer.rows.items()}
        newest = [row["newest"] for row in answer.rows.values() if isinstance(row["newest"], datetime)]
        self._newest = max(newest, default=None)
        self.total = sum(counts["rows"] for counts in self._systems.values())

    def filled(self, name: str) -> int:
        return sum(counts[name] for counts in self._systems.values())

    def blind(self, filled: frozenset[str]) -> tuple[list[str], list[str]]:
        """The columns that nothing fills, here or in another table: the needed ones, and the others."""
        empty = [name for name in self._empty(self.filled) if name not in filled]
        needed = [name for name in empty if name in self._asked.needed]
        return needed, [name for name in empty if name not in needed]

    def _empty(self, filled: Callable[[str], int]) -> list[str]:
        """A column that a workspace added itself (suffix _CF) is asked for beside the one that it stands in for."""
        have = {name for name in self.names if filled(name)}
        return [name for name in self.names if not {name, f"{name}_CF", name.removesuffix("_CF")} & have]

    def lacking(self, names: Sequence[str], so: str) -> str:
        return f"0 of {_rows(self.total)} of {self.table} within {self._asked.look_back} have {_listed(names)}, {so}"

    def per_system(self, known: Sequence[str]) -> Iterator[str]:
        """The columns that are filled somewhere, and on one operating system never."""
        for system, counts in sorted(self._systems.items()):
            lacking = [name for name in self._empty(counts.__getitem__) if name not in known]
            if system and counts["rows"] and lacking:
                yield f"0 of {_rows(counts['rows'])} of {self.table} on {system} have {_listed(lacking)}"

    def freshness(self) -> str:
        said = f"{self.table} has {_rows(self.total)} within {self._asked.look_back}{self.aside()}"
        if not _known(self.table):
            said += ", and its columns are not known here"
        if not any(self._systems):
            said += ", and does not tell the operating system"
        return said

    def aside(self) -> str:
        return f", the newest of {self._newest:%Y-%m-%d %H:%M:%S} UTC" if self._newest else ""


def _elsewhere(one: _Seen, seen: Sequence[_Seen]) -> frozenset[str]:
    """The columns of a table that another table of the rule has, too, and fills."""
    others = [other for other in seen if other is not one]
    return frozenset(name for other in others for name in other.names if other.filled(name))


def _columns(table: str, query: str, code: str) -> Iterator[str]:
    known = _known(table)
    optional = list(dict.fromkeys(_OPTIONAL.findall(query)))
    for name in known.columns if known else ():
        if name != "TimeGenerated" and name not in optional and _is_read(name, code):
            yield name
    yield from optional


def _known(table: str) -> Table | None:
    return tables.sentinel(PARSERS.get(table, table))


def _value(table: str, name: str) -> str:
    """A column that need not be there. A dynamic one must: `column_ifexists` gives no such column (its reference)."""
    known = _known(table)
    dynamic = known is not None and known.columns.get(name) == "dynamic"
    return name if dynamic else f'column_ifexists("{name}", "")'


def _is_read(name: str, code: str) -> bool:
    """Whether the query reads it; a name that it makes itself before it reads it is not the table's."""
    first = re.search(rf"(?<![\w.]){re.escape(name)}\b(?!\s*\()(\s*=(?![=~]))?", code)
    return first is not None and first[1] is None


def _needed(query: str, code: str) -> Iterator[str]:
    """The columns without which a condition that stands for itself cannot hold."""
    for condition in _WHERE.finditer(code):
        for start, end in _conjuncts(code, *condition.span(1)):
            found = _MUST.match(code, start, end)
            # What the texts are is seen in the query alone: an empty one is met by a column that nothing fills.
            if found is not None and not _EMPTY.match(query, found.end()):
                yield found[1] or found[2]


def _conjuncts(code: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where what an `and` joins begins and ends, brackets around it taken off; nothing where an `or` joins."""
    while start < end and code[start].isspace():
        start += 1
    parts, depth, begin, closed = [], 0, start, end
    for token in re.compile(r"[()\[\]]|\band\b|\bor\b").finditer(code, start, end):
        text = token.group()
        depth += (text in "([") - (text in ")]")
        if depth == 0 and text == "or":
            return
        if depth == 0 and text == "and":
            parts.append((begin, token.start()))
            begin = token.end()
        if depth == 0 and text == ")":
            closed = min(closed, token.start())
    parts.append((begin, end))
    if len(parts) > 1:
        for part in parts:
            yield from _conjuncts(code, *part)
    elif code.startswith("(", start) and not code[closed + 1 : end].strip():
        yield from _conjuncts(code, start + 1, closed)
    else:
        yield start, end


def _all_columns(table: str, asked: Iterable[Question]) -> list[str]:
    return sorted({name for one in asked for name in one.columns[table]})


def _spans(asked: Iterable[Question]) -> list[float]:
    return sorted({one.seconds for one in asked})


def _rows(number: int) -> str:
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


def _listed(names: Sequence[str]) -> str:
    return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
