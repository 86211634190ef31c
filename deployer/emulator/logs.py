"""The tables of a workspace, and queries over the part of them that a span of time lets through."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING

from deployer.emulator.arm import watchlist_store
from deployer.emulator.arm.alert_rules import TABLES
from deployer.emulator.arm.workspaces import TELEMETRY
from deployer.emulator.calls import Document
from deployer.emulator.kusto_errors import missing_table
from deployer.emulator.telemetry import event_time
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


def run(world: World, scope: str, query: str, now: datetime, span: Span) -> Result:
    """Run a query over a workspace. Raises NotRunnable, or BadQuery, where a table that is not there counts as well."""
    edition = world.store.edition(TELEMETRY, scope)
    names = table_names(world, scope)
    lists = watchlist_store.rows(world, scope)
    held = tuple((alias, tuple(tuple(row.items()) for row in rows)) for alias, rows in lists.items())
    key = (TELEMETRY, scope, edition, names, span, held)
    try:
        return world.databases.take(key, lambda: _database(world, scope, names, span, lists)).run(query, now)
    except BadQuery as error:
        if (missing := missing_table(error)) in names:
            raise NotRunnable(f"the table {missing}, which is there and whose columns are not described") from None
        raise


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


def _database(
    world: World, scope: str, names: tuple[str, ...], span: Span, lists: dict[str, list[dict[str, str]]]
) -> Kusto:
    from deployer.engines.kusto import Kusto

    rows: dict[str, list[Document]] = defaultdict(list)
    for _, name, batch in world.store.batches(TELEMETRY, scope):
        rows[name] += batch
    found = [table for name in names if (table := workspace_table(name, rows[name])) is not None]
    database = Kusto(found, lists)
    for table in found:
        database.load(table.name, [row for row in rows[table.name] if span.holds(event_time(row, "TimeGenerated"))])
    return database
