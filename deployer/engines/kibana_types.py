"""Elasticsearch's field types: how the value of a document is kept in DuckDB, and how a value of a query is read.

Every field is a list, because any field of a document may hold several values. What is kept:
keyword and its kin as text; ip as 32 hexadecimal digits of its 16 bytes, IPv4 as the mapped IPv6 address, just as
Elasticsearch indexes it, so that a range of addresses is a range of texts; date as milliseconds since 1970; text as its
tokens, each between blanks.
https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/field-data-types
"""

import ipaddress
import math
import re
from collections.abc import Callable
from collections.abc import Mapping
from decimal import Decimal
from decimal import InvalidOperation
from enum import Enum
from functools import lru_cache
from typing import Any

from deployer.engines.kibana_dates import parse_document_date
from deployer.errors import BadQuery

_MAPPED = 0xFFFF << 32
# Dots and apostrophes join letters, dots and commas digits: "foo.bar" and "10.0.0.1" are one word each.
_TOKEN = re.compile(r"\w+(?:(?:(?<=[^\W\d_])['.\u2019](?=[^\W\d_])|(?<=\d)[.,;'](?=\d))\w+)*")


class Family(Enum):
    """Types that behave alike."""

    EXACT = "exact"
    CASELESS = "caseless"
    TEXT = "text"
    IP = "ip"
    WHOLE = "whole number"
    REAL = "number"
    BOOLEAN = "boolean"
    DATE = "date"


# The types that hold dates.
DATES = ("date", "date_nanos")

# The type of a field whose objects are asked one by one.
NESTED = "nested"

_FAMILIES = {
    **dict.fromkeys(("keyword", "constant_keyword", "wildcard"), Family.EXACT),
    **dict.fromkeys(("text", "match_only_text"), Family.TEXT),
    **dict.fromkeys(("long", "integer", "short", "byte"), Family.WHOLE),
    **dict.fromkeys(("double", "float", "half_float", "scaled_float"), Family.REAL),
    **dict.fromkeys(DATES, Family.DATE),
    "ip": Family.IP,
    "boolean": Family.BOOLEAN,
}
_SQL = {Family.WHOLE: "BIGINT", Family.REAL: "DOUBLE", Family.BOOLEAN: "BOOLEAN", Family.DATE: "BIGINT"}


def family(name: str, type: str) -> Family | None:
    """How a field of this type behaves; None for a type that is not run here (geo_point, flattened, nested, …)."""
    if type == "keyword" and name.endswith(".caseless"):
        # Elastic Defend's name for a keyword whose normalizer is lowercase.
        return Family.CASELESS
    return _FAMILIES.get(type)


def nested_parent(name: str, fields: Mapping[str, str]) -> str | None:
    """The innermost nested field that a field is within."""
    end = name.rfind(".")
    while end > 0:
        if fields.get(name[:end]) == NESTED:
            return name[:end]
        end = name.rfind(".", 0, end)
    return None


def sql_type(family: Family) -> str:
    """The type of one value in DuckDB."""
    return _SQL.get(family, "VARCHAR")


def keeper(family: Family) -> Callable[[Any], Any]:
    """What turns one value of a document into what is kept; it raises `ValueError` where Elasticsearch refuses it."""
    return _KEEPERS[family]


def shown(family: Family, value: Any) -> Any:
    """A kept value as Elasticsearch shows it in a bucket."""
    if family is not Family.IP:
        return value
    number = int(value, 16)
    if number >> 32 == 0xFFFF:
        return str(ipaddress.IPv4Address(number & 0xFFFFFFFF))
    return _compressed(number)


@lru_cache(maxsize=1 << 16)
def address(text: str) -> str:
    """An address as it is kept; `ValueError` where it is none."""
    return f"{_number(ipaddress.ip_address(_without_zone(text))):032x}"


@lru_cache(maxsize=4096)
def addresses(text: str) -> tuple[str, str]:
    """First and last address, as kept, of an address or a CIDR range, whose host bits are let pass."""
    network = ipaddress.ip_network(_without_zone(text), strict=False)
    return f"{_number(network.network_address):032x}", f"{_number(network.broadcast_address):032x}"


def tokens(text: str) -> list[str]:
    """The words of the standard analyzer in lower case (Unicode's UAX 29, less its rules for East Asian scripts)."""
    return [word.lower() for word in _TOKEN.findall(text) if word.strip("_")]


def whole(value: str) -> Decimal:
    """A number of a query; `BadQuery` where it is none, as Elasticsearch refuses it."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise BadQuery(f'"{value}" is no number')
    return number


def real(value: str) -> float:
    """A number for a field of floating point; `BadQuery` beyond its range, as Elasticsearch takes finite ones only."""
    number = float(whole(value))
    if math.isinf(number):
        raise BadQuery(f'"{value}" is beyond what a field of floating point holds')
    return number


def truth(value: str) -> bool:
    """true or false of a query; `BadQuery` for any other word."""
    if value not in ("true", "false", ""):
        raise BadQuery(f'"{value}" is neither true nor false')
    return value == "true"


def _number(value: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    return int(value) | _MAPPED if value.version == 4 else int(value)


def _without_zone(text: str) -> str:
    if "%" in text:
        raise ValueError(f"'{text}' has a zone")
    return text


def _compressed(number: int) -> str:
    return ipaddress.IPv6Address(number).compressed


def _keep_exact(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ValueError("a text")


def _keep_caseless(value: Any) -> str:
    return _keep_exact(value).lower()


def _keep_text(value: Any) -> str:
    return f" {' '.join(tokens(_keep_exact(value)))} "


def _keep_address(value: Any) -> str:
    try:
        return address(value)
    except (ValueError, TypeError, AttributeError):
        raise ValueError("an IP address") from None


def _keep_whole(value: Any) -> int:
    # `coerce` is on unless a mapping says otherwise: texts are read, fractions cut off.
    try:
        if isinstance(value, bool):
            raise ValueError
        number = value if isinstance(value, int) else int(Decimal(str(value)))
    except (ValueError, ArithmeticError):
        raise ValueError("a whole number") from None
    if not -(2**63) <= number < 2**63:
        raise ValueError("a whole number of 64 bits")
    return number


def _keep_real(value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
    except (ValueError, TypeError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("a number")
    return number


def _keep_truth(value: Any) -> bool:
    if value in ("true", "false", ""):
        return bool(value == "true")
    if isinstance(value, bool):
        return value
    raise ValueError("true or false")


def _keep_date(value: Any) -> int:
    return parse_document_date(value)


_KEEPERS: dict[Family, Callable[[Any], Any]] = {
    Family.EXACT: _keep_exact,
    Family.CASELESS: _keep_caseless,
    Family.TEXT: _keep_text,
    Family.IP: _keep_address,
    Family.WHOLE: _keep_whole,
    Family.REAL: _keep_real,
    Family.BOOLEAN: _keep_truth,
    Family.DATE: _keep_date,
}
