"""What a run of an analytics rule makes of its query's results: does it trigger, and in which alerts. Pure.

Source, read in October 2024's edition: learn.microsoft.com/azure/sentinel/scheduled-rules-overview (alert threshold,
event grouping, suppression) and near-real-time-rules (30 alerts a run). Not tried on a live workspace.
"""

import json
import math
import re
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from typing import Any

from deployer import queries
from deployer.model import Json
from deployer.previews import PastAlert

Row = Mapping[str, Any]

MOST_ALERTS: Mapping[str, int] = {"Scheduled": 150, "NRT": 30}
"""Alerts of one run, by kind of rule. Where there are more results, the last alert stands for all of them."""
ALL: Mapping[str, Json] = {"results": "all of a run"}
"""What an alert of all results is about: there is one in a run, whatever they are."""
_MOST_VALUES = 10
_STAY = frozenset(
    "where filter sort order take limit top serialize as render project-reorder parse parse-where sample".split()
)
"""Operators that keep the names and the values of the columns which are there."""
_NAMED = re.compile(r"([A-Za-z_]\w*)\s*=(?![=~])\s*(.+)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*")
_CHOOSES = re.compile(r"\b(take_any(?:if)?|any(?:if)?|make_(?:set|list|bag)(?:_if)?|arg_max|arg_min)\s*\(")
_KEEPS_NAME = re.compile(r"(?:bin|floor|startofday|startofweek|startofmonth)\s*\(\s*([A-Za-z_]\w*)\s*[,)].*", re.DOTALL)


def triggers(rule: Mapping[str, Any], count: int) -> bool:
    """Whether so many results make an alert. An NRT rule has no threshold: any result does."""
    threshold = rule.get("triggerThreshold", 0)
    match rule.get("triggerOperator", "GreaterThan"):
        case "GreaterThan":
            return bool(count > threshold)
        case "LessThan":
            return bool(count < threshold)
        case "Equal":
            return bool(count == threshold)
        case _:
            return bool(count != threshold)


def raised(rule: Mapping[str, Any], rows: Sequence[Row], at: datetime) -> tuple[PastAlert, ...]:
    """The alerts of a run at that time with these results.

    An alert of one result is known by the columns that the query groups by, as far as its last `summarize` tells;
    otherwise by those of the rule's entities and custom details. What a time says is never among them, and of custom
    details that may be counts neither: both change with every event. What Kusto is free to choose (`take_any`, the
    elements of a set) is left out: it may be another each time, and tells nothing.
    """
    if not triggers(rule, len(rows)):
        return ()
    loose = chosen(str(rule["query"]))
    named = _identity(rule, rows, loose)
    most = MOST_ALERTS[str(rule["kind"])]
    if not rows or (rule.get("eventGroupingSettings") or {}).get("aggregationKind") != "AlertPerResult":
        return (_of_all(rows, named, at),)
    if len(rows) <= most:
        return tuple(_of_one(row, named, loose, at) for row in rows)
    return (*(_of_one(row, named, loose, at) for row in rows[: most - 1]), _of_all(rows, named, at))


def grouped_by(query: str) -> tuple[str, ...] | None:
    """The columns of the result that the last `summarize` groups by, in its order; None where that cannot be told."""
    names: dict[str, str] | None = None
    for operator in queries.pipeline(query)[1:]:
        word, _, rest = operator.replace("\n", " ").replace("\t", " ").partition(" ")
        if word == "summarize":
            names = _grouped(rest)
        elif names is not None and word not in _STAY:
            names = _followed(names, word, rest)
    return None if names is None else tuple(names.values())


def chosen(query: str) -> frozenset[str]:
    """Columns whose values Kusto may choose anew at each run, by name; those made of them included.

    The rows that `arg_max(x, *)` chooses are taken for settled: only where two are equally large are they not.
    """
    found: set[str] = set()
    for operator in re.split(r"[|;]", queries.code(query)):
        for part in queries.parts(operator):
            named = re.search(r"([A-Za-z_]\w*)\s*=(?![=~])\s*(.+)", part, re.DOTALL)
            if named and (_CHOOSES.match(named[2]) or found.intersection(_NAME.findall(named[2]))):
                found.add(named[1])
            elif unnamed := _CHOOSES.search(part):
                arguments = _NAME.findall(part[unnamed.end() :].partition(")")[0])
                found.update(arguments[1:] if unnamed[1].startswith("arg_") else arguments)
    return frozenset(found)


def _grouped(text: str) -> dict[str, str] | None:
    """The names after `by`: each as it is called from here on."""
    flat = _flat(text)
    places = [found.start() for found in re.finditer(r"\bby\b", flat)]
    if not places:
        return {}
    found = {}
    for part in queries.parts(text[places[-1] + len("by") :]):
        named, kept = _NAMED.fullmatch(part), _KEEPS_NAME.fullmatch(part)
        name = named[1] if named else kept[1] if kept else part
        if not _NAME.fullmatch(name):
            return None
        found[name] = name
    return found


def _followed(names: dict[str, str], word: str, text: str) -> dict[str, str] | None:
    """What the columns are called after an operator; None if one of them is lost, or is no longer what it was."""
    made = [(named[1], named[2].strip()) if (named := _NAMED.fullmatch(one)) else (one, one) for one in _parts(text)]
    match word:
        case "extend":
            return None if any(name in names.values() for name, _ in made) else names
        case "project-away":
            return None if "*" in text or any(name in names.values() for name, _ in made) else names
        case "project" | "project-rename":
            renamed = {old: new for new, old in made}
            if word == "project-rename":
                renamed = {**{name: name for name in names.values()}, **renamed}
            return {key: renamed[name] for key, name in names.items()} if set(names.values()) <= set(renamed) else None
        case _:
            return None


def _parts(text: str) -> list[str]:
    return [part for part in queries.parts(text) if part]


def _flat(text: str) -> str:
    """The text with what stands in brackets blanked out."""
    depth, found = 0, []
    for character in text:
        depth -= character in ")]}"
        found.append(character if depth == 0 else " ")
        depth += character in "([{"
    return "".join(found)


def _identity(rule: Mapping[str, Any], rows: Sequence[Row], loose: Collection[str]) -> tuple[str, ...]:
    """The columns that tell the results of one run apart."""
    if not rows:
        return ()
    there = rows[0]
    query = str(rule["query"])
    grouped = grouped_by(query)
    if grouped is not None and there.keys() >= set(grouped):
        wanted = grouped
    else:
        entities = [field["columnName"] for one in rule.get("entityMappings") or () for field in one["fieldMappings"]]
        counted = "summarize" in queries.code(query)
        details = [
            name
            for name in (rule.get("customDetails") or {}).values()
            if not (counted and any(_may_be_count(row.get(name)) for row in rows))
        ]
        wanted = tuple(name for name in (*entities, *details) if name in there and name not in loose)
    return tuple(name for name in dict.fromkeys(wanted) if not any(isinstance(row[name], datetime) for row in rows))


def _may_be_count(value: object) -> bool:
    """Numbers, and the lists that `make_set` makes, which come as JSON texts."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number or (isinstance(value, str) and value.startswith(("[", "{")))


def _of_one(row: Row, named: Sequence[str], loose: Collection[str], at: datetime) -> PastAlert:
    about = {name: plain(row[name]) for name in named}
    rest = (name for name in row if name not in about and name not in loose)
    return PastAlert(at, about, {name: plain(row[name]) for name in rest})


def _of_all(rows: Sequence[Row], named: Sequence[str], at: datetime) -> PastAlert:
    """One alert of all results: how many they are, and some values of each column that tells them apart."""
    measures: dict[str, Json] = {}
    for name in named:
        values = {json.dumps(value): value for value in (plain(row[name]) for row in rows)}
        measures[name] = [values[text] for text in sorted(values)[:_MOST_VALUES]]
    return PastAlert(at, ALL, {**measures, "results": len(rows)})


def plain(value: Any) -> Json:
    """A value of a result as JSON: a time as text, in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, Sequence):
        return [plain(one) for one in value]
    return str(value)
