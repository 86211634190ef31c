"""One operator's expressions, rewritten to what Kusto means where DuckDB means something else."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from duckdb_kql import ir

from deployer.engines import kusto_functions
from deployer.engines import kusto_types
from deployer.engines.kusto_functions import FIRST
from deployer.engines.kusto_types import Columns
from deployer.engines.kusto_words import bad_name
from deployer.engines.kusto_words import meant
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

_COMPARISONS = frozenset(["==", "!=", "<>", "<", "<=", ">", ">="])
_RANGES = frozenset(f"ipv{version}_is_in_{name}" for version in (4, 6) for name in ("range", "any_range"))
_FALSE = ir.Literal(False, "bool")


class Rewriter:
    """For an operator whose input has these columns. `query` binds a query inside an expression."""

    def __init__(self, text: str, columns: Columns, query: Callable[[ir.Query], ir.Query]) -> None:
        self._text = text
        self._columns = columns
        self._query = query
        # A part that stands in several places is one object, and must stay one: it is worked out once then.
        self._done: dict[int, tuple[Any, Any]] = {}

    def rewrite(self, node: Any) -> Any:
        if isinstance(node, tuple):
            made = tuple(self.rewrite(one) for one in node)
            return node if all(new is old for new, old in zip(made, node, strict=True)) else made
        if not isinstance(node, ir.Node):
            return node
        if id(node) not in self._done:
            self._done[id(node)] = (node, self._rewritten(node))
        return self._done[id(node)][1]

    def _rewritten(self, node: ir.Node) -> Any:
        match node:
            case ir.Query():
                return self._query(node)
            case ir.ColumnRef(name=name):
                if name not in self._columns:
                    raise self._no_column(name)
                return node
            case ir.FunctionCall(name="column_ifexists", args=args):
                return self.rewrite(self._column_or_default(args))
            case _:
                pass
        changed = {}
        for field in dataclasses.fields(node):  # type: ignore[arg-type]
            old = getattr(node, field.name)
            new = self.rewrite(old)
            if new is not old:
                changed[field.name] = new
        return self._settled(dataclasses.replace(node, **changed) if changed else node)  # type: ignore[type-var]

    def _settled(self, node: ir.Node) -> ir.Node:
        """A node whose parts are settled."""
        match node:
            case ir.BinaryOp(op=op, left=left, right=right) if op in _COMPARISONS:
                self._check(self._type(left), self._type(right), left, right)
                return _emptiness(node)
            case ir.InList(value=value, items=items):
                for item in items:
                    for kind in _kinds(item, self._type(item)):
                        self._check(self._type(value), kind, value, item)
            case ir.Between(value=value, low=low):
                self._check(self._type(value), self._type(low), value, low)
            case ir.FunctionCall(name=name, args=args) if name.lower() == "coalesce":
                return self._coalesce(node, args)
            case ir.FunctionCall(name=name, args=(ir.Literal(value="week" | "Week"), *_)) if "datetime_diff" in name:
                # Its page's example gives five where DuckDB counts four, and says no rule.
                raise NotRunnable("cannot run here: datetime_diff in weeks")
            case ir.FunctionCall(name=name, args=(value, *_)):
                chosen = kusto_functions.collector(name.lower(), self._type(value))
                return dataclasses.replace(node, name=chosen) if chosen != name.lower() else node
            case _:
                pass
        return node

    def _coalesce(self, node: ir.FunctionCall, args: tuple[ir.Expr, ...]) -> ir.Expr:
        if _is_in_no_range(args[0]) and args[1:] == (_FALSE,):
            return _FALSE
        kinds = {self._type(argument) for argument in args}
        # An empty text is skipped like null; of anything else only null is, which is far less SQL.
        return ir.FunctionCall(FIRST, args) if len(kinds) == 1 and kinds <= _NO_TEXT else node

    def _column_or_default(self, args: tuple[ir.Expr, ...]) -> ir.Expr:
        """The column, unless it is not there or is dynamic: Kusto gives the default then (column-ifexists-function)."""
        if len(args) != 2:
            raise BadQuery(f"column_ifexists takes a name and a default, got {len(args)} arguments")
        name = args[0].value if isinstance(args[0], ir.LetRef) else args[0]
        if not isinstance(name, ir.Literal) or name.kind != "string":
            raise BadQuery("column_ifexists takes the column's name as a text")
        column = ir.ColumnRef(str(name.value))
        return args[1] if self._columns.get(column.name, "dynamic") == "dynamic" else column

    def _type(self, expression: ir.Expr) -> str | None:
        return kusto_types.of(expression, self._columns)

    def _check(self, one: str | None, other: str | None, *sides: ir.Expr) -> None:
        if kusto_types.comparable(one, other):
            return
        name = next((side.name for side in sides if isinstance(side, ir.ColumnRef)), "")
        raise bad_name(
            self._text,
            f"{name or 'a value'} is {one} and is compared with {other}: Kusto compares no text with others",
            name,
        )

    def _no_column(self, name: str) -> BadQuery:
        return bad_name(self._text, f"there is no column {name} here{meant(name, self._columns)}", name)


def _is_in_no_range(call: ir.Expr) -> bool:
    """Whether it asks for an address in an empty list: false, or null where the text is no address."""
    match call:
        case ir.FunctionCall(name=name, args=(_, ir.Literal(kind="dynamic", value=str(value)))):
            return name in _RANGES and json.loads(value) == []
        case _:
            return False


_NO_TEXT = frozenset(["bool", "int", "long", "real", "decimal", "datetime", "timespan"])


def _emptiness(node: ir.BinaryOp) -> ir.Expr:
    """`x == ""` as isempty(x): DuckDB has null strings (after an outer join, say), Kusto has empty ones for them."""
    empty = [side for side in (node.left, node.right) if isinstance(side, ir.Literal) and side.value == ""]
    names = {"==": "isempty", "!=": "isnotempty", "<>": "isnotempty"}
    if len(empty) != 1 or node.op not in names:
        return node
    return ir.FunctionCall(names[node.op], (node.left if node.right is empty[0] else node.right,))


def _kinds(item: ir.Expr, kind: str | None) -> set[str | None]:
    """The types of what an item of `in (...)` holds: those of a list's elements, or its own."""
    if not (isinstance(item, ir.Literal) and item.kind == "dynamic" and isinstance(item.value, str)):
        return {kind}
    value = json.loads(item.value)
    return {_json_kind(one) for one in value} if isinstance(value, list) else {None}


def _json_kind(value: Any) -> str | None:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int():
            return "long"
        case float():
            return "real"
        case _:
            return None
