"""Kuery, the query language of Kibana (also called KQL there): text -> expression -> condition in DuckDB's SQL.

What a condition means follows Kibana's translation into Elasticsearch queries (kbn-es-query, `is.ts`, `range.ts`) and
Elasticsearch's field types: see `kibana_conditions`. `not field: x` holds where the field is missing.
https://www.elastic.co/docs/explore-analyze/query-filter/languages/kql
"""

import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import datetime

from deployer.engines import kuery_grammar
from deployer.engines.kibana_conditions import Condition
from deployer.engines.kuery_nodes import And
from deployer.engines.kuery_nodes import Everything
from deployer.engines.kuery_nodes import Expression
from deployer.engines.kuery_nodes import Is
from deployer.engines.kuery_nodes import Nested
from deployer.engines.kuery_nodes import Not
from deployer.engines.kuery_nodes import Operator
from deployer.engines.kuery_nodes import Or
from deployer.engines.kuery_nodes import Range
from deployer.engines.kuery_nodes import Value
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

__all__ = ["And", "Everything", "Expression", "Is", "Nested", "Not", "Operator", "Or", "Range", "Value"]
__all__ += ["condition", "fields", "parse", "sql"]

_RANGES = {Operator.BELOW: "lt", Operator.UP_TO: "lte", Operator.ABOVE: "gt", Operator.FROM: "gte"}


def parse(text: str) -> Expression:
    """The query as an expression; `BadQuery` with line and column where Kibana would refuse it."""
    with _refusing_depth():
        return kuery_grammar.parse(text)


def fields(expression: Expression) -> tuple[str, ...]:
    """The names of the fields that it reads, sorted; one with a wildcard as it is written."""
    return tuple(sorted(_fields(expression, "")))


def sql(expression: Expression, fields: Mapping[str, str], now: datetime | None = None) -> str:
    """A condition on a table of `kibana_events.Events` that holds for the documents that the query matches.

    `fields` gives the Elasticsearch type of each field; a field that is not in it matches nothing. `now` is what
    `now` means in dates. Raises `BadQuery` for a value that Elasticsearch refuses for its field's type, `NotRunnable`
    for what is known to Kibana and not here: a value without a field, null.
    """
    return condition(expression, Condition(fields, now))


def condition(expression: Expression, leaves: Condition) -> str:
    """As `sql`, with the maker of the leaves given: it remembers which fields were asked for."""
    with _refusing_depth():
        return _sql(expression, leaves)


def _fields(expression: Expression, prefix: str) -> set[str]:
    match expression:
        case Is(field, _):
            return {prefix + field.text} if field else set()
        case Range(field, _, _):
            return {prefix + field.text}
        case Not(operand):
            return _fields(operand, prefix)
        case And(operands) | Or(operands):
            return set().union(*(_fields(operand, prefix) for operand in operands))
        case Nested(path, operand):
            return _fields(operand, f"{prefix}{path.text}.")
        case Everything():
            return set()


def _sql(expression: Expression, condition: Condition) -> str:
    match expression:
        case Everything():
            return "true"
        case Not(operand):
            return f"not {_sql(operand, condition)}"
        case And(operands):
            return _joined(" and ", operands, condition)
        case Or(operands):
            if (field_of_all := _one_of_many(operands, condition)) is not None:
                return _one_of(field_of_all, operands, condition)
            return _joined(" or ", operands, condition)
        case Is(field, value):
            with _placed(value):
                return _is(field, value, condition)
        case Range(field, operator, value):
            with _placed(value):
                return _range(field, operator, value, condition)
        case Nested(path, operand):
            with _placed(path):
                return condition.nested(path.text, lambda inner: _sql(operand, inner))


def _joined(word: str, operands: tuple[Expression, ...], condition: Condition) -> str:
    return f"({word.join(_sql(operand, condition) for operand in operands)})"


def _one_of_many(operands: tuple[Expression, ...], condition: Condition) -> str | None:
    """The field, where they are plain values of one field that is not analysed: nearly every list in a rule."""
    found: set[str] = set()
    for operand in operands:
        if not isinstance(operand, Is) or operand.field is None or operand.field.has_wildcard:
            return None
        if (
            operand.value.has_wildcard
            or operand.value.is_null
            or condition.is_analysed(_full(operand.field, condition))
        ):
            return None
        found.add(_full(operand.field, condition))
    return found.pop() if len(found) == 1 else None


def _one_of(field: str, operands: tuple[Expression, ...], condition: Condition) -> str:
    values = [operand.value for operand in operands if isinstance(operand, Is)]
    for value in values:
        with _placed(value):
            condition.phrase(field, value.text)
    return condition.any_of(field, [value.text for value in values])


def _is(field: Value | None, value: Value, condition: Condition) -> str:
    if field is None:
        raise NotRunnable(f"{value.text}: a value without a field; index.query.default_field says where it is sought")
    if field.is_lone_wildcard and value.is_lone_wildcard:
        return "true"
    if field.is_lone_wildcard:
        raise NotRunnable(f"*: {value.text}: a value looked for in every field")
    if value.is_null:
        raise NotRunnable(f"{field.text}: null: Elasticsearch refuses null; `not {field.text}: *` finds the missing")
    if value.is_lone_wildcard:
        return _each(field, condition, condition.exists)
    if value.has_wildcard:
        return _each(field, condition, lambda name: condition.wildcard(name, value.parts))
    if value.quoted:
        return _each(field, condition, lambda name: condition.phrase(name, value.text))
    return _each(field, condition, lambda name: condition.match(name, value.text))


def _range(field: Value, operator: Operator, value: Value, condition: Condition) -> str:
    if value.is_null:
        raise NotRunnable(f"{field.text} {operator.value} null: a range without a bound")
    return _each(field, condition, lambda name: condition.range(name, {_RANGES[operator]: value.text}))


def _each(field: Value, condition: Condition, make: Callable[[str], str]) -> str:
    """The condition on a field, or on any of those that its wildcards fit."""
    if not field.has_wildcard:
        return make(_full(field, condition))
    pattern = re.compile(
        re.escape(_full(None, condition)) + ".*".join(re.escape(part) for part in field.parts), re.DOTALL
    )
    found = [make(name) for name in sorted(condition.fields) if pattern.fullmatch(name)]
    return f"({' or '.join(found)})" if found else "false"


def _full(field: Value | None, condition: Condition) -> str:
    """The whole name of a field, which within `path: { … }` is written without the path; of None what comes before."""
    return (f"{condition.within}." if condition.within else "") + (field.text if field else "")


@contextmanager
def _placed(value: Value) -> Iterator[None]:
    """A fault of this value is told with its place."""
    try:
        yield
    except BadQuery as fault:
        raise BadQuery(str(fault), value.line, value.column) from None


@contextmanager
def _refusing_depth() -> Iterator[None]:
    """Brackets in brackets without end are no fault of the query, only too much for this engine."""
    try:
        yield
    except RecursionError:
        raise NotRunnable("a query that is nested too deep") from None
