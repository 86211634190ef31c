"""DuckDB's answer as a workspace's answer: Kusto's type names, and values as JSON has them."""

import json
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from typing import Any

from deployer.errors import NotRunnable

_TYPES: Mapping[str, str] = {
    "BOOLEAN": "bool",
    "TINYINT": "int",
    "SMALLINT": "int",
    "INTEGER": "int",
    "BIGINT": "long",
    # Sums and products of long: Kusto keeps them long.
    "HUGEINT": "long",
    "UBIGINT": "long",
    "UINTEGER": "long",
    "FLOAT": "real",
    "DOUBLE": "real",
    "VARCHAR": "string",
    '"NULL"': "string",
    "TIMESTAMP": "datetime",
    "TIMESTAMP WITH TIME ZONE": "datetime",
    "DATE": "datetime",
    "INTERVAL": "timespan",
    "UUID": "guid",
    "JSON": "dynamic",
}
_LONGEST = 2**63


def type_name(duckdb_type: str) -> str:
    """The Kusto type of a column that DuckDB gives."""
    if duckdb_type.endswith("[]") or duckdb_type.startswith(("STRUCT", "MAP")):
        return "dynamic"
    if duckdb_type.startswith("DECIMAL"):
        return "decimal"
    try:
        return _TYPES[duckdb_type]
    except KeyError:
        raise NotRunnable(f"a result of the type {duckdb_type} has no Kusto type") from None


def row(columns: Mapping[str, str], given: Sequence[Any]) -> dict[str, Any]:
    """A row of a result with these columns."""
    return {name: value(kind, one) for (name, kind), one in zip(columns.items(), given, strict=True)}


def value(type_: str, given: Any) -> Any:
    """A value of a column of that Kusto type, JSON-like; a null string is an empty one, as in Kusto."""
    if given is None:
        return "" if type_ == "string" else None
    return _VALUES[type_](given)


def _long(given: Any) -> int:
    if not -_LONGEST <= given < _LONGEST:
        raise NotRunnable(f"{given} is too large for a long; Kusto would wrap it around")
    return int(given)


def _decimal(given: Any) -> float:
    return float(given)


def _datetime(given: Any) -> str:
    if isinstance(given, str):
        raise NotRunnable(f"{given} is outside of the years 1 to 9999, where Kusto has no times")
    moment = given if isinstance(given, datetime) else datetime(given.year, given.month, given.day, tzinfo=UTC)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat() + "Z"


def _timespan(given: timedelta) -> str:
    sign, length = ("-", -given) if given < timedelta(0) else ("", given)
    hours, rest = divmod(length.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    days = f"{length.days}." if length.days else ""
    fraction = f".{length.microseconds:06}0" if length.microseconds else ""
    return f"{sign}{days}{hours:02}:{minutes:02}:{seconds:02}{fraction}"


def _dynamic(given: Any) -> Any:
    return json.loads(given) if isinstance(given, str) else _plain(given)


def _plain(given: Any) -> Any:
    match given:
        case dict():
            return {name: _plain(member) for name, member in given.items()}
        case list() | tuple():
            return [_plain(member) for member in given]
        case datetime():
            return _datetime(given)
        case timedelta():
            return _timespan(given)
        case Decimal():
            return float(given)
        case _:
            return given


_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "bool": bool,
    "int": int,
    "long": _long,
    "real": float,
    "decimal": _decimal,
    "string": str,
    "datetime": _datetime,
    "timespan": _timespan,
    "guid": str,
    "dynamic": _dynamic,
}
