"""A small Kusto database and its answers, for the tests of the engine."""

from collections.abc import Iterable
from datetime import UTC
from datetime import datetime
from typing import Any

from deployer.engines.kusto import Kusto
from deployer.engines.tables import Table

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVENTS = Table(
    "Events",
    {
        "TimeGenerated": "datetime",
        "Name": "string",
        "Address": "string",
        "Port": "int",
        "Bytes": "long",
        "Ratio": "real",
        "Done": "bool",
        "Took": "timespan",
        "Id": "guid",
        "More": "dynamic",
    },
    "made up",
)


def answer(query: str, rows: Iterable[Any] = (), **watchlists: list[Any]) -> list[dict[str, Any]]:
    """The rows of the query's result over a table `Events` that holds these."""
    with Kusto([EVENTS], watchlists) as database:
        database.load("Events", rows)
        return list(database.run(query, NOW).rows)


def values(query: str, rows: Iterable[Any] = (), **watchlists: list[Any]) -> list[list[Any]]:
    """The same without the columns' names."""
    return [list(row.values()) for row in answer(query, rows, **watchlists)]
