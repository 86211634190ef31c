"""Names and types of a KQL query before it is SQL: what only Kusto's own rules can tell, DuckDB being more lenient.

Works on duckdb-kql's tree. Where DuckDB would answer differently from a workspace the tree is rewritten to what Kusto
means, and a name or a comparison that a workspace refuses is refused.
"""

import dataclasses
from collections.abc import Mapping

from duckdb_kql import ir
from duckdb_kql import schema

from deployer.engines import kusto_types
from deployer.engines.kusto_functions import FIRST
from deployer.engines.kusto_rewriting import Rewriter
from deployer.engines.kusto_types import Columns
from deployer.engines.kusto_words import bad_name
from deployer.engines.kusto_words import meant
from deployer.engines.kusto_workspace import WATCHLIST
from deployer.engines.kusto_workspace import WATCHLISTS
from deployer.errors import BadQuery
from deployer.errors import NotRunnable


def bind(query: ir.Query, tables: Mapping[str, Columns], text: str) -> ir.Query:
    """The query with its names settled; `BadQuery` for a table, column or comparison that Kusto would refuse."""
    return _Binder(text).query(query, tables)


class _Binder:
    def __init__(self, text: str) -> None:
        self._text = text
        # What a bound query gives, by its identity.
        self._columns: dict[int, Columns] = {}
        self._made: list[ir.Query] = []

    def query(self, query: ir.Query, tables: Mapping[str, Columns]) -> ir.Query:
        lets: list[tuple[str, ir.Query | ir.Expr]] = []
        for name, value in query.lets:
            if isinstance(value, ir.Query):
                value = self.query(value, tables)
                tables = {**tables, name: self._columns[id(value)]}
            lets.append((name, value))
        source, operators = self._watchlist(query, tables)
        if isinstance(source, ir.PrintSource | ir.DataTable | ir.RangeSource):
            source = self._rewriter({}, tables).rewrite(schema.resolve_source_let_refs(source))
        columns = self._source(source, tables)
        bound: list[ir.Operator] = []
        for operator in operators:
            operator, columns = self._operator(operator, columns, tables)
            bound += [operator, *_without_null_texts(operator, columns)]
        made = dataclasses.replace(query, source=source, operators=bound, lets=lets)
        self._columns[id(made)] = columns
        # Kept alive, or another query could get its identity.
        self._made.append(made)
        return made

    def _watchlist(self, query: ir.Query, tables: Mapping[str, Columns]) -> tuple[ir.Source, list[ir.Operator]]:
        """`_GetWatchlist` is written to read all watchlists and keep one; each has a table of its own."""
        match query:
            case ir.Query(
                source=ir.TableRef(name=name),
                operators=[ir.Where(predicate=ir.BinaryOp(op="==", right=wanted)), *rest],
            ) if name == WATCHLISTS:
                while isinstance(wanted, ir.LetRef):
                    wanted = wanted.value
                alias = str(wanted.value) if isinstance(wanted, ir.Literal) else "whose name is worked out"
                if WATCHLIST + alias not in tables:
                    raise BadQuery(f"there is no watchlist {alias}")
                return ir.TableRef(WATCHLIST + alias), rest
        return query.source, query.operators

    def _source(self, source: ir.Source, tables: Mapping[str, Columns]) -> Columns:
        match source:
            case ir.TableRef(name=name, database=None, cluster=None):
                if name not in tables:
                    raise bad_name(self._text, f"there is no table {name}{meant(name, tables)}", name)
                return tables[name]
            case ir.DataTable(columns=columns):
                return {name: kusto_types.normal(kind) for name, kind in columns}
            case ir.PrintSource(expressions=expressions):
                names = schema.output_columns(ir.Query(source), _names(tables))
                return {name: kusto_types.of(one.expr, {}) for name, one in zip(names, expressions, strict=True)}
            case _:
                return dict.fromkeys(schema.output_columns(ir.Query(source), _names(tables)))

    def _operator(
        self, operator: ir.Operator, columns: Columns, tables: Mapping[str, Columns]
    ) -> tuple[ir.Operator, Columns]:
        if isinstance(operator, ir.Union):
            operator = dataclasses.replace(operator, branches=self._branches(operator, tables))
        else:
            operator = schema.resolve_let_refs(operator, list(columns))
            self._check_names(operator, columns)
            operator = self._rewriter(columns, tables).rewrite(operator)
            self._check_right_keys(operator)
            if isinstance(operator, ir.Where):
                self._check_predicate(operator, columns)
        names = schema._operator_columns(operator, list(columns), _names(tables))
        types = self._types(operator, columns)
        return operator, {name: types.get(name) for name in names}

    def _rewriter(self, columns: Columns, tables: Mapping[str, Columns]) -> Rewriter:
        return Rewriter(self._text, columns, lambda query: self.query(query, tables))

    def _branches(self, union: ir.Union, tables: Mapping[str, Columns]) -> tuple[ir.Query, ...]:
        """The branches that there are: `isfuzzy=true` leaves out those whose table is missing."""
        found = []
        for branch in union.branches:
            known = isinstance(branch.source, ir.TableRef) and branch.source.name not in tables
            if not (union.isfuzzy and known and not branch.lets):
                found.append(self.query(branch, tables))
        return tuple(found)

    def _check_names(self, operator: ir.Operator, columns: Columns) -> None:
        """Those names that are no expressions."""
        match operator:
            case ir.ProjectAway(columns=names):
                wanted = list(names)
            case ir.ProjectRename(renames=renames):
                wanted = [old for old, _ in renames]
            case ir.MvExpand(targets=targets):
                wanted = [target.column for target in targets]
            case ir.Join(keys=keys) | ir.Lookup(keys=keys):
                wanted = [key.left for key in keys]
            case _:
                return
        self._require(wanted, columns)

    def _check_right_keys(self, operator: ir.Operator) -> None:
        if isinstance(operator, ir.Join | ir.Lookup):
            self._require([key.right for key in operator.keys], self._columns[id(operator.right)])

    def _check_predicate(self, operator: ir.Where, columns: Columns) -> None:
        kind = kusto_types.of(operator.predicate, columns)
        if kind not in ("bool", "dynamic", "null", None):
            raise BadQuery(f"`where` needs true or false, what it has is {kind}")

    def _require(self, wanted: list[str], columns: Columns) -> None:
        for name in wanted:
            if name not in columns:
                raise bad_name(self._text, f"there is no column {name} here{meant(name, columns)}", name)

    def _types(self, operator: ir.Operator, columns: Columns) -> Columns:
        """The types of the columns that the operator gives, as far as they are known; names may be too many."""
        match operator:
            case ir.Project(expressions=expressions) | ir.Distinct(expressions=expressions):
                return _named(expressions, columns)
            case ir.Extend(expressions=expressions):
                return {**columns, **_named(expressions, columns)}
            case ir.Summarize(aggregates=aggregates, by=by):
                # arg_max gives columns under the names that they have.
                return {**columns, **_named(aggregates, columns), **_named(by, columns)}
            case ir.ProjectRename(renames=renames):
                return {**columns, **{new: columns[old] for old, new in renames}}
            case ir.MvExpand(targets=targets):
                return {**columns, **{target.name or target.column: target.to_type or "dynamic" for target in targets}}
            case ir.Parse(segments=segments):
                return {**columns, **{one.name: one.type or "string" for one in segments if one.name}}
            case ir.Join(right=right, kind=kind):
                return self._joined(columns, self._columns[id(right)], kind)
            case ir.Lookup(right=right):
                return {**self._columns[id(right)], **columns}
            case ir.Union(branches=branches):
                all_columns = [columns, *(self._columns[id(branch)] for branch in branches)]
                return {name: _common(name, all_columns) for one in all_columns for name in one}
            case ir.Where() | ir.Take() | ir.Sort() | ir.Top() | ir.ProjectAway():
                return columns
            case _:
                return {}

    def _joined(self, left: Columns, right: Columns, kind: str) -> Columns:
        names = schema.join_output_columns(list(left), list(right), kind)
        if kind.startswith("right") and len(names) == len(right):
            return right
        return dict(zip(names, [*left.values(), *right.values()], strict=False))


def _names(tables: Mapping[str, Columns]) -> dict[str, list[str]]:
    return {name: list(columns) for name, columns in tables.items()}


def _named(expressions: tuple[ir.NamedExpr, ...], columns: Columns) -> dict[str, str | None]:
    named = {}
    for one in expressions:
        match one:
            case ir.NamedExpr(name=str(name)) | ir.NamedExpr(expr=ir.ColumnRef(name=name)):
                named[name] = kusto_types.of(one.expr, columns)
            case _:
                pass
    return named


def _common(name: str, tables: list[Columns]) -> str | None:
    kinds = {columns[name] for columns in tables if name in columns}
    if len(kinds - {None, "null"}) > 1:
        # Kusto makes two columns of it, whose names tell the types.
        raise NotRunnable(f"cannot run here: a union of tables in which {name} has different types")
    return kinds.pop() if len(kinds) == 1 else None


def _without_null_texts(operator: ir.Operator, columns: Columns) -> list[ir.Operator]:
    """What makes empty texts of the nulls of an outer join or a union: Kusto has no null texts."""
    outer = isinstance(operator, ir.Join | ir.Lookup) and "outer" in operator.kind
    texts = [name for name, kind in columns.items() if kind == "string"]
    if not texts or not (outer or isinstance(operator, ir.Union)):
        return []
    empty = ir.Literal("", "string")
    filled = {name: ir.FunctionCall(FIRST, (ir.ColumnRef(name), empty)) for name in texts}
    return [ir.Extend(tuple(ir.NamedExpr(value, name) for name, value in filled.items()))]
