"""The tables of a workspace, and queries over the part of them that a span of time lets through."""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from deployer.emulator.arm import watchlist_store
from deployer.emulator.arm.alert_rules import TABLES
from deployer.emulator.arm.workspaces import TELEMETRY
from deployer.emulator.calls import Document
from deployer.emulator.conditions import moment
from deployer.emulator.kusto_errors import missing_table
from deployer.emulator.telemetry import workspace_table
from deployer.emulator.timespans import Span
from deployer.emulator.world import World
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

if TYPE_CHECKING:
    from deployer.engines.kusto import Kusto
    from deployer.engines.kusto import Result

HEALTH = "SentinelHealth"
AUDIT = "SentinelAudit"
ACTIVITY = "AzureActivity"
ALERTS = "SecurityAlert"
_READS_CLOCK = re.compile(r"\b(?:now|ago)\s*\(|\bquery_now\b")
_MOMENT = re.compile(r"\bdatetime\s*\(([^()]*)\)")


def run(world: World, scope: str, query: str, now: datetime, span: Span) -> Result:
    """Run a query over a workspace. Raises NotRunnable, or BadQuery, where a table that is not there counts as well."""
    edition = world.store.edition(TELEMETRY, scope)
    names = table_names(world, scope)
    lists = watchlist_store.rows(world, scope)
    held = tuple((alias, tuple(tuple(row.items()) for row in rows)) for alias, rows in lists.items())
    key = (TELEMETRY, scope, edition, names, held)
    database = world.databases.take(key, lambda: _database(world, scope, names, lists))
    database.see(span.start, span.end)
    try:
        if span.end is not None and (open_ended := by_clock(query, span.end)) is not None:
            with suppress(BadQuery, NotRunnable):  # which the query as it was written then tells, with its places
                return database.run(open_ended, span.end)
        return database.run(query, now)
    except BadQuery as error:
        if (missing := missing_table(error)) in names:
            raise NotRunnable(f"the table {missing}, which is there and whose columns are not described") from None
        raise


def by_clock(query: str, end: datetime) -> str | None:
    """The query with `now()` for every mention of the end of its span, if it does not read the clock otherwise.

    To look back at many moments, clients write each of them into the query: run with the clock at that moment, it is
    one and the same text every time, and is translated once.
    """
    from deployer.engines.kusto_words import code

    text = code(query)
    if _READS_CLOCK.search(text):
        return None
    mentions = [found for found in _MOMENT.finditer(text) if moment(found[1].strip()) == end]
    for found in reversed(mentions):
        query = f"{query[: found.start()]}now(){query[found.end() :]}"
    return query if mentions else None


def table_names(world: World, scope: str) -> tuple[str, ...]:
    """The tables that exist, sorted.

    A table springs into being with its first row. Those that a control call told exist too; without such a call every
    known table does, but for SentinelHealth, which is there only once health monitoring has recorded a run, and
    SentinelAudit likewise.
    """
    from deployer.engines import tables

    told = (world.store.get(TABLES, scope, "tables") or {}).get("tables")
    named = set(tables.sentinel_names()) - {HEALTH, AUDIT} if told is None else set(told)
    return tuple(sorted(named | {ALERTS} | set(world.store.names(TELEMETRY, scope))))


def append(world: World, scope: str, table: str, rows: list[Document]) -> None:
    """Add rows that the service itself writes; what the table's description does not name is left out."""
    from deployer.engines import tables

    known = tables.sentinel(table)
    if known is not None and rows:
        kept = [{name: value for name, value in row.items() if name in known.columns} for row in rows]
        world.store.append(TELEMETRY, scope, table, kept)


def _database(world: World, scope: str, names: tuple[str, ...], lists: dict[str, list[dict[str, str]]]) -> Kusto:
    from deployer.engines.kusto import Kusto

    rows: dict[str, list[Document]] = defaultdict(list)
    for _, name, batch in world.store.batches(TELEMETRY, scope):
        rows[name] += batch
    found = [table for name in names if (table := workspace_table(name, rows[name])) is not None]
    database = Kusto(found, lists)
    for table in found:
        database.load(table.name, rows[table.name])
    return database
