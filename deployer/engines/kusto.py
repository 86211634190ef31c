"""Runs KQL on rows: duckdb-kql translates it, an in-memory DuckDB runs it.

What differs from a workspace is refused where it can be seen. What remains: `dcount` counts exactly, where Kusto
estimates; `take_any` takes any row's value, which need not be the one that Kusto takes.
"""

import itertools
import json
import weakref
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from types import TracebackType
from typing import Any
from typing import Self

import duckdb

from deployer.engines import kusto_events
from deployer.engines import kusto_failures
from deployer.engines import kusto_results
from deployer.engines import kusto_translation
from deployer.engines import kusto_workspace
from deployer.engines.rows import Row
from deployer.engines.tables import Table
from deployer.errors import BadEvents

_NONE: Mapping[str, Sequence[Row]] = MappingProxyType({})
# The schema of what queries see while that is less than all: found first, so that a view hides the table of its name.
_SEEN = "seen"
_NUMBERS = itertools.count()
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "threads": "2",
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gave: its columns with their Kusto types, in order, and its rows as JSON-like values.

    A datetime is text such as 2026-11-20T12:00:00Z, with a fraction only where it is not zero; a timespan is text as
    Kusto writes it (1.02:03:04); dynamic is parsed; a string is never None.
    """

    columns: Mapping[str, str]
    rows: tuple[dict[str, Any], ...]


class Kusto:
    """An in-memory database of some tables and watchlists. A context manager; not for several threads at once."""

    def __init__(self, tables: Iterable[Table], watchlists: Mapping[str, Sequence[Row]] = _NONE) -> None:
        """`watchlists` holds the items of each by its alias, for `_GetWatchlist`."""
        self._connection, catalog = _attached()
        self._detach = weakref.finalize(self, _detached, self._connection, catalog)
        self._detach.atexit = False
        self._main, self._seen_schema = f"{catalog}.main", f"{catalog}.{_SEEN}"
        self._connection.execute("SET TimeZone='UTC'")
        self._connection.execute(f"CREATE SCHEMA {self._seen_schema}")
        self._connection.execute(f"SET search_path = '{self._seen_schema},{self._main}'")
        self._seen: tuple[datetime | None, datetime | None] = (None, None)
        self._tables: dict[str, Table] = {}
        for table in tables:
            self._create(table)
        for alias, items in watchlists.items():
            self._create_watchlist(alias, items)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back; the database is gone."""
        self._detach()

    def load(self, table: str, rows: Iterable[Row]) -> None:
        """Add rows; a missing string is empty (Kusto has no null strings), anything else that is missing is null.

        Columns that end in `_CF` may be new: the table has them from here on, typed by their values.
        `BadEvents` names a table or column that is not there, or the value that its column cannot hold.
        """
        if table not in self._tables:
            raise BadEvents(f"there is no table {table}")
        rows = rows if isinstance(rows, Sequence) else tuple(rows)
        described = kusto_events.with_custom_columns(self._tables[table], rows)
        self.see()
        self._widen(described)
        self._insert(described, rows)

    def see(self, start: datetime | None = None, end: datetime | None = None) -> None:
        """From here on queries see the rows whose `TimeGenerated` lies between these, both included; None is open."""
        if (start, end) == self._seen:
            return
        self._seen = (start, end)
        for table in self._tables.values():
            if start is None and end is None:
                self._connection.execute(f"DROP VIEW IF EXISTS {self._seen_schema}.{_quoted(table.name)}")
            elif "TimeGenerated" in table.columns:
                bounds = [f"{sign} TIMESTAMP '{_utc(one)}'" for sign, one in ((">=", start), ("<=", end)) if one]
                where = " AND ".join(f'"TimeGenerated" {bound}' for bound in bounds)
                view, held = f"{self._seen_schema}.{_quoted(table.name)}", f"{self._main}.{_quoted(table.name)}"
                self._connection.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {held} WHERE {where}")  # noqa: S608 - quoted names

    def run(self, query: str, now: datetime) -> Result:
        """The query's result with the clock at `now`. `NotRunnable` or `BadQuery` say why there is none."""
        tables = tuple((name, tuple(table.columns.items())) for name, table in self._tables.items())
        translation = kusto_translation.translate(query, tables)
        try:
            cursor = self._connection.execute(translation.statement, translation.parameters(now))
            columns = {name: kusto_results.type_name(str(kind)) for name, kind, *_ in cursor.description or ()}
            rows = cursor.fetchall()
        except duckdb.Error as error:
            raise kusto_failures.of_database(error, query) from None
        return Result(columns, tuple(kusto_results.row(columns, row) for row in rows))

    def _create(self, table: Table) -> None:
        columns = ", ".join(_column(name, kind) for name, kind in table.columns.items())
        self._connection.execute(f"CREATE TABLE {self._main}.{_quoted(table.name)} ({columns})")
        self._tables[table.name] = table

    def _widen(self, table: Table) -> None:
        for name in table.columns.keys() - self._tables[table.name].columns.keys():
            self._connection.execute(
                f"ALTER TABLE {self._main}.{_quoted(table.name)} ADD COLUMN {_column(name, table.columns[name])}"
            )
        self._tables[table.name] = table

    def _insert(self, table: Table, rows: Iterable[Row]) -> None:
        for names, batch in kusto_events.batches(table, rows):
            shape = json.dumps([{name: kusto_events.TYPES[table.columns[name]] for name in names}])
            # What one row of a batch has and another lacks is null here; the rest of the columns take their default.
            values = ", ".join(_value(name, table.columns[name]) for name in names)
            columns = ", ".join(_quoted(name) for name in names)
            self._connection.execute(
                f"INSERT INTO {self._main}.{_quoted(table.name)} ({columns}) "  # noqa: S608 - quoted names
                f"SELECT {values} FROM (SELECT unnest(from_json(?, ?)) AS e)",
                [batch, shape],
            )

    def _create_watchlist(self, alias: str, items: Sequence[Row]) -> None:
        """A table for one watchlist: its items' columns are strings, and SearchKey is there in any case."""
        names = dict.fromkeys(["SearchKey", *(name for item in items for name in item)], "string")
        table = Table(kusto_workspace.WATCHLIST + alias, names)
        self._create(table)
        self._insert(table, [{name: str(value) for name, value in item.items() if value is not None} for item in items])


@lru_cache(maxsize=1)
def _process_wide() -> duckdb.DuckDBPyConnection:
    """One DuckDB for the process: to open one takes longer than most queries on the events of a case."""
    return duckdb.connect(":memory:", config=_CONFIG)


def _attached() -> tuple[duckdb.DuckDBPyConnection, str]:
    """A connection of its own to a new database in memory, and the name of that."""
    connection, catalog = _process_wide().cursor(), f"kusto_{next(_NUMBERS)}"
    connection.execute(f"ATTACH ':memory:' AS {catalog}")
    return connection, catalog


def _detached(connection: duckdb.DuckDBPyConnection, catalog: str) -> None:
    connection.execute("SET search_path = 'memory.main'")
    connection.execute(f"DETACH {catalog}")
    connection.close()


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _value(name: str, kind: str) -> str:
    return f"coalesce(e.{_quoted(name)}, '')" if kind == "string" else f"e.{_quoted(name)}"


def _column(name: str, kind: str) -> str:
    default = " DEFAULT ''" if kind == "string" else ""
    return f"{_quoted(name)} {kusto_events.TYPES[kind]}{default}"
