"""What a kuery query finds, for tests: documents in, numbers of the documents out."""

from datetime import UTC
from datetime import datetime

from deployer.engines import kuery
from deployer.engines.kibana import Events

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def found(query, *documents, **fields):
    """The positions (from 0) of the documents that the query finds; fields are written with `__` for dots."""
    typed = {name.replace("__", "."): type for name, type in fields.items()}
    with Events(typed) as events:
        events.load("logs", documents)
        condition = kuery.sql(kuery.parse(query), events.fields, NOW)
        rows = events.connection.execute(f"select _id from events where {condition} order by _id").fetchall()  # noqa: S608
    return [number for (number,) in rows]
