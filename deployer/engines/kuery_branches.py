"""The branches of a kuery query: its alternatives that read different fields, and which fields each cannot do without.

`a: 1 and (b: 2 or (c < 3 and not d: 4))` has the branches `b: 2`, which needs a and b, and `c < 3`, which needs a and
c. A list of values is no alternative, and a condition that is denied needs nothing: `not d: 4` holds where d is
missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import product

from deployer.engines import kuery_grammar
from deployer.engines.kuery_nodes import And
from deployer.engines.kuery_nodes import Everything
from deployer.engines.kuery_nodes import Expression
from deployer.engines.kuery_nodes import Is
from deployer.engines.kuery_nodes import Nested
from deployer.engines.kuery_nodes import Not
from deployer.engines.kuery_nodes import Or
from deployer.engines.kuery_nodes import Range
from deployer.engines.kuery_nodes import Value
from deployer.errors import NotRunnable

MOST = 16
"""More alternatives than that are not told apart: together they need what each of them needs."""
_SHOWN = 3
"""Values of a list that are shown."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One way for a document to match."""

    name: str
    """The conditions that tell it from the other branches; "" if there is no other."""
    needs: frozenset[str]
    """The fields without which no document matches in this way."""
    values: tuple[tuple[str, tuple[str, ...]], ...]
    """Fields that must have one of these values, sorted by field; values with wildcards and ranges are left out."""


def branches(text: str) -> tuple[Branch, ...]:
    """At least one. Raises `BadQuery` where Kibana would refuse the query, `NotRunnable` if it is nested too deep."""
    try:
        ways = _ways(kuery_grammar.parse(text))
    except RecursionError:
        raise NotRunnable("a query that is nested too deep") from None
    return tuple(_branch(way, len(ways) > 1) for way in ways)


@dataclass(frozen=True, slots=True)
class _Way:
    """Conditions that all hold; `chosen` are those that came from an alternative."""

    holds: tuple[Expression, ...] = ()
    chosen: tuple[Expression, ...] = ()


def _ways(expression: Expression) -> list[_Way]:
    match expression:
        case And(operands):
            several = [_ways(operand) for operand in operands]
            if reduce(lambda many, ways: many * len(ways), several, 1) > MOST:
                return [_Way((expression,))]
            return [_joined(parts) for parts in product(*several)]
        case Or(operands) if len({_reads(operand) for operand in operands}) > 1:
            found = [_Way(way.holds, way.chosen or (operand,)) for operand in operands for way in _ways(operand)]
            return found if len(found) <= MOST else [_Way((expression,))]
        case _:
            return [_Way((expression,))]


def _joined(parts: tuple[_Way, ...]) -> _Way:
    holds = tuple(one for part in parts for one in part.holds)
    return _Way(holds, tuple(one for part in parts for one in part.chosen))


def _branch(way: _Way, named: bool) -> Branch:
    values: dict[str, tuple[str, ...]] = {}
    for condition in way.holds:
        if (found := _values(condition)) is not None:
            # Two lists for one field (a document may have several values): the first says enough.
            values.setdefault(*found)
    needs: frozenset[str] = frozenset().union(*(_needs(one) for one in way.holds))
    name = " and ".join(_words(way.chosen)) if named else ""
    return Branch(name, needs, tuple(sorted(values.items())))


def _reads(expression: Expression) -> frozenset[str]:
    """Every field that is read, denied or not."""
    match expression:
        case Is(field, _):
            return frozenset({field.text}) if field else frozenset()
        case Range(field, _, _):
            return frozenset({field.text})
        case Not(operand):
            return _reads(operand)
        case And(operands) | Or(operands):
            return frozenset().union(*(_reads(operand) for operand in operands))
        case Nested(path, operand):
            return frozenset({path.text}) | _reads(operand)
        case Everything():
            return frozenset()


def _needs(expression: Expression) -> frozenset[str]:
    """The fields without which it cannot hold. Fields within a nested object are not told: they are asked otherwise."""
    match expression:
        case Is(field, _):
            return frozenset({field.text}) if field and not field.has_wildcard else frozenset()
        case Range(field, _, _):
            return frozenset() if field.has_wildcard else frozenset({field.text})
        case And(operands):
            return frozenset().union(*(_needs(operand) for operand in operands))
        case Or(operands):
            return frozenset.intersection(*(_needs(operand) for operand in operands))
        case Not() | Nested() | Everything():
            return frozenset()


def _values(expression: Expression) -> tuple[str, tuple[str, ...]] | None:
    """The field and the plain values, if that is all that the condition says."""
    leaves = expression.operands if isinstance(expression, Or) else (expression,)
    found: list[str] = []
    field: Value | None = None
    for leaf in leaves:
        if not isinstance(leaf, Is) or leaf.field is None or leaf.field.has_wildcard:
            return None
        if leaf.value.has_wildcard or leaf.value.is_null or (field is not None and field.text != leaf.field.text):
            return None
        field = leaf.field
        found.append(leaf.value.text)
    return (field.text, tuple(found)) if field is not None else None


def _words(chosen: tuple[Expression, ...]) -> Iterator[str]:
    """The chosen conditions, without what they deny if anything else is left to know them by."""
    conditions = [condition for one in chosen for condition in (one.operands if isinstance(one, And) else (one,))]
    asserted = [condition for condition in conditions if not isinstance(condition, Not)]
    yield from map(_shown, asserted or conditions)


def _shown(expression: Expression) -> str:
    match expression:
        case Is(field, value):
            return f"{field.text}: {value.text}" if field else value.text
        case Range(field, operator, value):
            return f"{field.text} {operator.value} {value.text}"
        case Not(operand):
            return f"not {_shown(operand)}"
        case And(operands):
            return f"({' and '.join(map(_shown, operands))})"
        case Or(operands):
            if (listed := _values(expression)) is not None:
                name, values = listed
                more = " or …" if len(values) > _SHOWN else ""
                return f"{name}: ({' or '.join(values[:_SHOWN])}{more})"
            return f"({' or '.join(map(_shown, operands))})"
        case Nested(path, operand):
            return f"{path.text}: {{ {_shown(operand)} }}"
        case Everything():
            return "*"
