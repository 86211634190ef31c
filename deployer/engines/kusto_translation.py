"""KQL text -> DuckDB SQL: parsed and rendered by duckdb-kql, settled in between by our own rules."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from functools import cache
from functools import lru_cache
from typing import Any

import duckdb
from duckdb_kql import translate as rendering
from duckdb_kql.errors import KqlError
from duckdb_kql.lower import lower
from duckdb_kql.stored_functions import ResolvedFunctions
from duckdb_kql.stored_functions import effective_functions

from deployer.engines import kusto_binding
from deployer.engines import kusto_failures
from deployer.engines import kusto_functions
from deployer.engines import kusto_workspace
from deployer.engines.kusto_types import Columns
from deployer.engines.kusto_words import require_plain_texts
from deployer.errors import NotRunnable

# A clock to translate with; the SQL has a placeholder for it.
_ANY = datetime(2000, 1, 1, tzinfo=UTC)
# What a fault of duckdb-kql raises on a query that it did not foresee.
_FAULTS = (AssertionError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
Tables = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True, slots=True)
class Translation:
    """SQL, parsed for all databases, and whether it asks for the clock: then `now` is what to bind for it."""

    statement: duckdb.Statement
    reads_clock: bool
    pinned: datetime | None

    def parameters(self, now: datetime) -> dict[str, Any] | None:
        """What to bind: the clock at `now`, unless the query sets its own."""
        return {rendering.CLOCK_SLOT: self.pinned or now.astimezone(UTC)} if self.reads_clock else None


@lru_cache(maxsize=256)
def translate(query: str, tables: Tables) -> Translation:
    """The query over tables with these columns. `BadQuery` or `NotRunnable` where there is no SQL for it."""
    kusto_functions.extend()
    require_plain_texts(query)
    columns: dict[str, Columns] = {name: dict(members) for name, members in tables}
    text = kusto_workspace.by_position(query)
    try:
        with rendering.clock(_ANY) as clock:
            with _faults():
                tree = lower(text, {}, _functions(), None, {})
            bound = kusto_binding.bind(tree, columns, query)
            with _faults():
                sql = str(rendering.to_sql(bound, {name: list(members) for name, members in columns.items()}))
            [statement] = duckdb.extract_statements(sql)
            return Translation(statement, clock.used, clock.moment if clock.moment != _ANY else None)
    except KqlError as error:
        raise kusto_failures.of_translation(error, query) from None
    except duckdb.Error as error:
        raise kusto_failures.of_database(error, query) from None


@cache
def _functions() -> ResolvedFunctions | None:
    return effective_functions(kusto_workspace.definitions())


@contextmanager
def _faults() -> Iterator[None]:
    """A fault of duckdb-kql is no fault of the query's."""
    try:
        yield
    except _FAULTS as fault:
        raise NotRunnable(f"cannot run here: duckdb-kql fails on it ({type(fault).__name__} {fault})") from fault
