"""What is added to duckdb-kql: functions that our rules use and it lacks, or gets wrong.

Its registries are private to it and one for the process, so they are extended once, when this module is imported,
and only in the version that they were tried with. Sources are the pages at learn.microsoft.com/kusto/query/.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version

from duckdb_kql import ir
from duckdb_kql import translate
from duckdb_kql.errors import KqlUnsupportedError
from duckdb_kql.translate import functions

from deployer.engines import kusto_addresses
from deployer.errors import NotRunnable

SUPPORTED = "1.1.2"
# coalesce() of values that are no texts.
FIRST = "first non-null"
# Behind the name of an aggregate whose values are known to be no lists and no times.
PLAIN = " of plain values"
_COLLECTORS = {"make_set": (1, 2), "make_list": (1, 2), "make_set_if": (2, 3), "make_list_if": (2, 3)}
# Elements of an array that Kusto makes, at most.
_MOST = 2**20
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


def require_supported(found: str | None) -> None:
    """Raise `NotRunnable` unless duckdb-kql is there in the one version whose insides are known."""
    if found != SUPPORTED:
        what = f"duckdb-kql {found} is installed" if found else "duckdb-kql is not installed (the extra `local` has it)"
        raise NotRunnable(f"KQL cannot run here: {what}; it needs {SUPPORTED}")


def installed() -> str | None:
    """The version of duckdb-kql, or None."""
    try:
        return version("duckdb-kql")
    except PackageNotFoundError:
        return None


def known() -> frozenset[str]:
    """The names of all functions that can run."""
    return frozenset(functions.SCALAR_FUNCTIONS) | frozenset(functions.AGGREGATE_FUNCTIONS)


class _Collected(functions.AggregateSpec):
    """make_set, make_list and their `_if` forms; what may follow their arguments is the most elements to keep."""

    def render(self, args: list[str]) -> str:
        least = min(self.arities)
        if len(args) not in self.arities:
            raise ValueError(f"takes {least} or {least + 1} arguments, got {len(args)}")
        chosen = f"({args[0]}) IS NOT NULL" + (f" AND ({args[1]})" if least == 2 else "")
        elements = self._elements(args[0], chosen)
        return f"to_json(list_slice({elements}, 1, {args[least] if len(args) > least else _MOST}))"

    def _elements(self, value: str, chosen: str) -> str:
        distinct = "DISTINCT " if self.prefix == "set" else ""
        if self.name.endswith(PLAIN):
            return f"coalesce(list({distinct}{value}) FILTER (WHERE {chosen}), [])"
        if distinct:
            return f"coalesce(list_distinct(flatten(list({_members(value)}) FILTER (WHERE {chosen}))), [])"
        return f"coalesce(list({_element(value)}) FILTER (WHERE {chosen}), [])"


def collector(name: str, kind: str | None) -> str:
    """The name of the aggregate that collects values of that Kusto type: far less SQL where it is a plain one."""
    return name + PLAIN if name in _COLLECTORS and kind in ("string", "int", "long", "real", "bool") else name


def _members(value: str) -> str:
    """What a value adds to a set: a list its elements (measured on Kusto by duckdb-kql's author); a text is no list."""
    is_list = f"(typeof({value}) = 'JSON' OR typeof({value}) LIKE '%]') AND json_type(to_json({value})) = 'ARRAY'"
    return f"CASE WHEN {is_list} THEN CAST(to_json({value}) AS JSON[]) ELSE [{_element(value)}] END"


def _element(value: str) -> str:
    """A value as it stands in a dynamic: times are texts as Kusto writes them there."""
    moment = translate._kql_datetime_text(f"CAST({value} AS TIMESTAMP)")
    length = translate._kql_timespan_text(f"CAST({value} AS INTERVAL)")
    return (
        f"CASE typeof({value}) WHEN 'TIMESTAMP' THEN to_json({moment}) "
        f"WHEN 'INTERVAL' THEN to_json({length}) ELSE to_json({value}) END"
    )


def _scalar(name: str, arities: tuple[int, ...], render: Callable[[list[ir.Expr]], str]) -> None:
    """Register a function whose SQL is made from its arguments as duckdb-kql has parsed them."""

    def checked(call: ir.FunctionCall) -> str:
        if arities and len(call.args) not in arities:
            raise KqlUnsupportedError(f"function:{name}", hint=f"takes {arities[0]} arguments, got {len(call.args)}")
        return render(list(call.args))

    functions.SCALAR_FUNCTIONS[name] = functions._f(name, "template", "", arities)
    translate._SPECIAL_FORMS[name] = checked


def _in_ranges(family: int) -> Callable[[list[ir.Expr]], str]:
    def render(args: list[ir.Expr]) -> str:
        if len(args) < 2:
            raise KqlUnsupportedError(f"function:ipv{family}_is_in_any_range", hint="takes an address and ranges")
        return kusto_addresses.within(family, translate.render_expr(args[0]), _networks(family, args[1:]))

    return render


def _networks(family: int, ranges: list[ir.Expr]) -> str:
    """SQL of the networks of some ranges, each a text or a list of texts."""
    texts = [_texts(one) for one in ranges]
    if all(one is not None for one in texts):
        return kusto_addresses.constant_networks(family, [text for one in texts for text in one or ()])
    lists = (f"""from_json({_as_list(one)}, '["VARCHAR"]')""" for one in ranges)
    return kusto_addresses.networks(family, f"flatten([{', '.join(lists)}])")


def _texts(ranges: ir.Expr) -> list[str | None] | None:
    """The texts of ranges that are written in the query."""
    if not isinstance(ranges, ir.Literal) or not isinstance(ranges.value, str):
        return None
    if ranges.kind == "string":
        return [ranges.value]
    written = json.loads(ranges.value)
    return [one if isinstance(one, str) else None for one in written] if isinstance(written, list) else None


def _as_list(ranges: ir.Expr) -> str:
    sql = f"to_json({translate.render_expr(ranges)})"
    return f"CASE WHEN json_type({sql}) = 'ARRAY' THEN {sql} ELSE to_json([{sql}]) END"


def _match(family: int) -> Callable[[list[ir.Expr]], str]:
    def render(args: list[ir.Expr]) -> str:
        return kusto_addresses.match(family, translate.render_expr(args[0]), translate.render_expr(args[1]))

    return render


def _private(args: list[ir.Expr]) -> str:
    networks = kusto_addresses.constant_networks(4, _PRIVATE)
    return kusto_addresses.within(4, translate.render_expr(args[0]), networks)


def _range(args: list[ir.Expr]) -> str:
    """An array of equally spaced whole numbers or times; Kusto's cuts it at 2^20 elements (range-function)."""
    if len(args) == 2 and not all(isinstance(one, ir.Literal) and one.kind in ("int", "long") for one in args):
        raise KqlUnsupportedError("function:range", hint="without a step it needs two whole numbers here")
    bounds = ", ".join(translate.render_expr(argument) for argument in args)
    return (
        f"to_json(list_transform(list_slice(generate_series({bounds}), 1, {_MOST}), lambda kql_v: {_element('kql_v')}))"
    )


@cache
def extend() -> None:
    """Add to the registries of the process, once; `NotRunnable` where duckdb-kql is not the version that is known."""
    require_supported(installed())
    for family in (4, 6):
        _scalar(f"ipv{family}_is_in_range", (2,), _in_ranges(family))
        _scalar(f"ipv{family}_is_in_any_range", (), _in_ranges(family))
        _scalar(f"ipv{family}_is_match", (2,), _match(family))
    _scalar("ipv4_is_private", (1,), _private)
    _scalar("range", (2, 3), _range)
    for name, arities in _COLLECTORS.items():
        prefix = name.removeprefix("make_").removesuffix("_if")
        for full in (name, name + PLAIN):
            functions.AGGREGATE_FUNCTIONS[full] = _Collected(full, "", arities, name_prefix=prefix)
    functions.SCALAR_FUNCTIONS[FIRST] = functions._f(FIRST, "template", "coalesce({})")
    # Of one column an empty text only where there is no other (take-any-aggregation-function).
    full = "any_value({0}) FILTER (WHERE CAST({0} AS VARCHAR) <> '')"
    for name in ("take_any", "any"):
        spec = functions.AGGREGATE_FUNCTIONS[name]
        functions.AGGREGATE_FUNCTIONS[name] = replace(spec, template=f"coalesce({full}, any_value({{0}}))")
    # A text is never null.
    is_null = "({0} IS NULL AND typeof({0}) <> 'VARCHAR')"
    for name, template in (("isnull", is_null), ("isnotnull", f"NOT {is_null}"), ("notnull", f"NOT {is_null}")):
        functions.SCALAR_FUNCTIONS[name] = functions._f(name, "template", template, (1,))
    # Around aggregates only what the registry names is a function: round(), datetime_diff() and the like too.
    for name in translate._SPECIAL_FORMS:
        functions.SCALAR_FUNCTIONS.setdefault(name, functions._f(name, "template", "", (), (), "special"))
