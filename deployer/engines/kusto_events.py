"""Events for a Kusto table: checked against its columns, and written as JSON that DuckDB reads back typed."""

import difflib
import json
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from typing import Any
from uuid import UUID

from deployer.engines.rows import Row
from deployer.engines.tables import Table
from deployer.errors import BadEvents

# Kusto type -> DuckDB type.
TYPES: Mapping[str, str] = {
    "bool": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "decimal": "DECIMAL(38,9)",
    "string": "VARCHAR",
    "datetime": "TIMESTAMP",
    "timespan": "INTERVAL",
    "guid": "UUID",
    "dynamic": "JSON",
}
# What a workspace's own columns of a vendor's table end in:
# learn.microsoft.com/azure/azure-monitor/logs/create-custom-table.
_CUSTOM = "_CF"
_BATCH = 20_000
_TIMESPAN = re.compile(r"-?(\d+\.)?\d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,6})?)?")


class _Unfit(Exception):
    """A value that its column cannot hold; the text says what it can."""


def with_custom_columns(table: Table, rows: Sequence[Row]) -> Table:
    """The table with the `_CF` columns that the rows have and it has not, typed by their values."""
    names: set[str] = set()
    for row in rows:
        names.update(row)
    new = sorted(name for name in names - table.columns.keys() if name.endswith(_CUSTOM))
    return table.with_columns({name: _common(table, name, rows) for name in new}) if new else table


def batches(table: Table, rows: Iterable[Row]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The columns that some thousand rows have, and the rows as a JSON array; `BadEvents` names column and value."""
    writers = {name: _WRITERS[kind] for name, kind in table.columns.items()}
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(_written(table, writers, row))
        if len(batch) == _BATCH:
            yield _as_json(table, batch)
            batch = []
    if batch:
        yield _as_json(table, batch)


def _as_json(table: Table, batch: list[dict[str, Any]]) -> tuple[tuple[str, ...], str]:
    # One column at least: rows without any value are rows too.
    return tuple(sorted({next(iter(table.columns))}.union(*batch))), json.dumps(batch)


def _written(table: Table, writers: Mapping[str, Callable[[Any], Any]], row: Row) -> dict[str, Any]:
    written = {}
    for name, value in row.items():
        if value is None:
            continue
        try:
            written[name] = writers[name](value)
        except KeyError:
            raise BadEvents(_unknown(table, name)) from None
        except _Unfit as unfit:
            kind = table.columns[name]
            raise BadEvents(f"{table.name}.{name} is {kind}: {unfit} is needed, this is {value!r}") from None
    return written


def _unknown(table: Table, name: str) -> str:
    close = difflib.get_close_matches(name, table.columns, 1, 0.7)
    hint = f"; {close[0]} is one" if close else f"; a column of the workspace's own ends in {_CUSTOM}"
    return f"{table.name} has no column {name}{hint}"


def _kind(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "bool"
        case int():
            return "long"
        case float():
            return "real"
        case datetime():
            return "datetime"
        case dict() | list():
            return "dynamic"
        case _:
            return "string"


def _common(table: Table, name: str, rows: Sequence[Row]) -> str:
    kinds = {_kind(row.get(name)) for row in rows} - {""}
    if not kinds:
        raise BadEvents(f"{table.name}.{name} has no value that tells its type")
    if kinds == {"long", "real"}:
        return "real"
    if len(kinds) > 1:
        raise BadEvents(f"{table.name}.{name} has values of several types: {', '.join(sorted(kinds))}")
    return kinds.pop()


def _string(value: Any) -> str:
    if type(value) is not str:
        raise _Unfit("a text")
    return value


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def write(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise _Unfit(f"a whole number from {low} to {high}")
        return value

    return write


def _real(value: Any) -> float:
    if type(value) not in (int, float):
        raise _Unfit("a number")
    return float(value)


def _bool(value: Any) -> bool:
    if type(value) is not bool:
        raise _Unfit("true or false")
    return value


def _datetime(value: Any) -> str:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _Unfit("a time such as 2026-11-20T12:00:00Z") from None
    if moment.tzinfo is None:
        raise _Unfit("a time with its zone, such as 2026-11-20T12:00:00Z,")
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.replace(tzinfo=None).isoformat(" ")


def _timespan(value: Any) -> str:
    if type(value) is not str or not _TIMESPAN.fullmatch(value):
        raise _Unfit("a timespan such as 1.02:03:04")
    sign, rest = ("-", value[1:]) if value.startswith("-") else ("", value)
    days, _, clock = rest.partition(".") if "." in rest.partition(":")[0] else ("0", ".", rest)
    return f"{sign}{days} days {sign}{clock}"


def _guid(value: Any) -> str:
    try:
        return str(UUID(value))
    except (AttributeError, TypeError, ValueError):
        raise _Unfit("a GUID") from None


def _dynamic(value: Any) -> Any:
    # What cannot be JSON fails in json.dumps otherwise, far from its column's name.
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise _Unfit("a JSON value") from None
    return value


_WRITERS: Mapping[str, Callable[[Any], Any]] = {
    "bool": _bool,
    "int": _whole(-(2**31), 2**31 - 1),
    "long": _whole(-(2**63), 2**63 - 1),
    "real": _real,
    "decimal": _real,
    "string": _string,
    "datetime": _datetime,
    "timespan": _timespan,
    "guid": _guid,
    "dynamic": _dynamic,
}
