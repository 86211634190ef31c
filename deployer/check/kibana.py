"""Kibana's half of a rule: its query parsed, and every field that the rule names held against the data's fields.

Kibana takes a rule whatever its query and fields are; what is wrong shows when the rule runs, or never
(create_rule/route.ts checks neither).
"""

import ipaddress
import re
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from deployer.check.subjects import Subject
from deployer.check.workbench import NOW
from deployer.check.workbench import optional
from deployer.engines import tables
from deployer.engines.kuery_nodes import And
from deployer.engines.kuery_nodes import Everything
from deployer.engines.kuery_nodes import Expression
from deployer.engines.kuery_nodes import Is
from deployer.engines.kuery_nodes import Nested
from deployer.engines.kuery_nodes import Not
from deployer.engines.kuery_nodes import Or
from deployer.engines.kuery_nodes import Range
from deployer.errors import BadQuery
from deployer.errors import NotRunnable
from deployer.findings import Finding
from deployer.findings import Location
from deployer.manifest.document import Node
from deployer.manifest.wording import guess
from deployer.providers.kibana.canonical import DEFAULTS

KUERY_TYPES = frozenset({"query", "threshold", "saved_query", "threat_match", "new_terms"})
"""Types of rules whose language is kuery where they name none."""
_NUMBERS = frozenset("long integer short byte unsigned_long double float half_float scaled_float".split())
_RANGES = _NUMBERS | {"date", "date_nanos", "ip", "unknown"}
_TEXTS = frozenset({"text", "match_only_text"})
_LENGTH = re.compile(r"([1-9]\d*)([smhd])")
_AGO = re.compile(r"now((?:[-+]\d+[smhdw])*)")
_STEP = re.compile(r"([-+])(\d+)([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class _Fields:
    """What the rule can read."""

    types: Mapping[str, str]
    unknown: tuple[str, ...]
    """Datasets whose fields are not known here."""
    whole: bool
    """There are no other fields than these."""


def findings(subject: Subject) -> Iterator[Finding]:
    """Everything about the rule, as it is written or as a target's overlays make it."""
    for found in _findings(subject):
        # Without `data` no field is known; that they were not checked is said once, not of each.
        if subject.half.data or found.code != "field-missing":
            yield found


def _findings(subject: Subject) -> Iterator[Finding]:
    fields = _fields(subject)
    for dataset in fields.unknown:
        message = f"the fields of {dataset} are not known here, so what the rule reads of it is not checked"
        yield subject.warning("table-unknown", message, subject.at("data"))
    if not subject.half.data:
        message = "`data` names no dataset, so whether the fields that the rule reads are right was not checked"
        yield subject.warning("tables-not-named", message, subject.at("data"))
    yield from _schedule(subject)
    yield from _override(subject, fields)
    yield from _filters(subject, fields)
    type, language = subject.fields.get("type"), subject.fields.get("language")
    if type == "threshold":
        yield from _threshold(subject, fields)
    if type == "machine_learning":
        return
    if type not in KUERY_TYPES or language not in (None, "kuery"):
        message = f"not checked: no engine here runs a query in {language or type}"
        yield subject.warning("query-not-run", message, subject.in_query(1, 1))
    elif (kuery := optional("deployer.engines.kuery")) is not None:
        yield from _query(subject, kuery, fields)


def _fields(subject: Subject) -> _Fields:
    found: dict[str, str] = {}
    known = {dataset: tables.kibana(dataset) for dataset in subject.half.data}
    for table in known.values():
        found |= table.columns if table else {}
    node = _node(subject)
    for name, field in node.get("data_view").get("runtimeFieldMap").entries():
        found[name] = field.get("type").text() or "unknown"
    unknown = tuple(dataset for dataset, table in known.items() if table is None)
    # A data view of the space's own may have runtime fields that nobody here knows of.
    return _Fields(found, unknown, whole=bool(known) and not unknown and "data_view_id" not in subject.fields)


def _node(subject: Subject) -> Node:
    return Node(subject.document, (subject.platform.value,), dict(subject.fields))


def _query(subject: Subject, kuery: Any, fields: _Fields) -> Iterator[Finding]:
    try:
        expression = kuery.parse(subject.half.query)
        unfit = [finding for leaf in _leaves(expression, "") for finding in _leaf(subject, leaf, fields)]
        yield from unfit
        if not unfit:
            kuery.sql(expression, fields.types, NOW)
    except BadQuery as error:
        yield subject.error("query-invalid", str(error), subject.in_query(error.line, error.column))
    except NotRunnable as error:
        message = f"not known to be sound, because it cannot be run here: {error}"
        yield subject.warning("query-not-run", message, subject.in_query(1, 1))


def _filters(subject: Subject, fields: _Fields) -> Iterator[Finding]:
    """The queries beside the query: what one of them looks for in no field, none of the events has."""
    engine, conditions = optional("deployer.engines.kibana_filters"), optional("deployer.engines.kibana_conditions")
    if engine is None or conditions is None:
        return
    for number, item in enumerate(_node(subject).get("filters").items()):
        where = subject.at("filters", number)
        condition = conditions.Condition(fields.types, NOW)
        try:
            engine.filters_sql([item.mapping()], condition)
        except BadQuery as error:
            yield subject.error("query-invalid", str(error), where)
        except NotRunnable as error:
            message = f"not known to be sound, because it cannot be run here: {error}"
            yield subject.warning("query-not-run", message, where)
        for name in sorted(condition.unmapped):
            yield _missing(subject, name, fields, where)


def _override(subject: Subject, fields: _Fields) -> Iterator[Finding]:
    name = subject.fields.get("timestamp_override")
    # Fleet itself writes event.ingested into every data stream.
    if isinstance(name, str) and name not in {*fields.types, "event.ingested"}:
        yield _missing(subject, name, fields, subject.at("timestamp_override"))


def _leaves(expression: Expression, prefix: str) -> Iterator[tuple[str, Is | Range]]:
    """Every comparison with a field, after the field's whole name."""
    match expression:
        case Everything():
            return
        case Is(field=field) | Range(field=field):
            if field is not None:
                yield prefix + field.text, expression
        case Not(operand):
            yield from _leaves(operand, prefix)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from _leaves(operand, prefix)
        case Nested(path, operand):
            yield from _leaves(operand, f"{prefix}{path.text}.")


def _leaf(subject: Subject, leaf: tuple[str, Is | Range], fields: _Fields) -> Iterator[Finding]:
    name, comparison = leaf
    written = comparison.field or comparison.value
    where = subject.in_query(written.line, written.column)
    if name not in fields.types:
        if not any(fnmatchcase(field, name) or field.startswith(f"{name}.") for field in fields.types):
            yield _missing(subject, name, fields, where)
        return
    type, value = fields.types[name], comparison.value.text
    if isinstance(comparison, Range) and type not in _RANGES:
        message = f"{name} is of type {type}; {comparison.operator.value} needs a field that holds numbers, dates or ip"
        yield subject.error("field-type", message, where)
    elif type not in ("ip", "ip_range", "unknown") and _is_network(value):
        message = f"{name} is of type {type}: the range {value} matches addresses on fields of type ip only"
        yield subject.error("field-type", message, where)


def _threshold(subject: Subject, fields: _Fields) -> Iterator[Finding]:
    """Group-by and cardinality, which Kibana aggregates by (rule_types/threshold in its detection engine)."""
    threshold = _node(subject).get("threshold")
    for item in threshold.get("field").items():
        yield from _aggregated(subject, item, fields)
    for entry in threshold.get("cardinality").items():
        field = entry.get("field")
        where = subject.at(*field.path[1:])
        if field.text() in threshold.get("field").texts():
            message = f"{field.text()} is grouped by, so a group never has more than one of it; Kibana refuses that"
            yield subject.error("cardinality-of-group", message, where)
        elif field.text() == "@timestamp":
            message = "the cardinality of @timestamp counts milliseconds; count a runtime field that says the hour"
            yield subject.error("cardinality-of-time", message, where)
        else:
            yield from _aggregated(subject, field, fields)


def _aggregated(subject: Subject, node: Node, fields: _Fields) -> Iterator[Finding]:
    name = node.text() or ""
    where = subject.at(*node.path[1:])
    if name not in fields.types:
        yield _missing(subject, name, fields, where)
    elif (type := fields.types[name]) in _TEXTS:
        message = f"{name} is of type {type}, which cannot be counted or grouped by; use a keyword field"
        yield subject.error("field-type", message, where)


def _schedule(subject: Subject) -> Iterator[Finding]:
    """Newer versions refuse a span shorter than the interval (rule_schedule.ts); older ones leave events out."""
    given = {name: str(subject.fields.get(name) or DEFAULTS[name]) for name in ("interval", "from", "to")}
    interval = _LENGTH.fullmatch(given["interval"])
    start, end = _moment(given["from"]), _moment(given["to"])
    if interval is None or start is None or end is None:
        return
    if int(interval[1]) * _UNITS[interval[2]] > end - start:
        span = f"from {given['from']} to {given['to']}"
        message = f"the rule runs every {given['interval']} and looks at {span}: events between two runs are lost"
        yield subject.error("schedule-gap", message, subject.at("interval" if "interval" in subject.fields else "from"))


def _missing(subject: Subject, name: str, fields: _Fields, where: Location) -> Finding:
    message = f"{' and '.join(subject.half.data)} has no field {name!r}{guess(name, fields.types)}"
    if fields.whole:
        return subject.error("field-missing", message, where)
    return subject.warning("field-missing", f"{message} (as far as its fields are known here)", where)


def _is_network(value: str) -> bool:
    try:
        return "/" in value and bool(ipaddress.ip_network(value, strict=False))
    except ValueError:
        return False


def _moment(text: str) -> int | None:
    """Seconds after now; None for what is rounded or has months."""
    match = _AGO.fullmatch(text)
    if match is None:
        return None
    return sum(int(sign + number) * _UNITS[unit] for sign, number, unit in _STEP.findall(match[1]))
