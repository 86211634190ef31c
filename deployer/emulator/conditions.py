"""Queries of Elasticsearch's DSL as tests of documents: match_all, term, terms, match_phrase, range, exists, bool.

Source: Elasticsearch reference, Query DSL. Documents may have dotted keys, nested objects and lists; a condition holds
when any value of the field fits.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import TypeAlias

from deployer.emulator.calls import Document
from deployer.engines.kibana_dates import instant
from deployer.engines.kibana_dates import span

Test: TypeAlias = Callable[[Document], bool]
_UNITS = {"s": 1, "m": 60, "h": 3600, "H": 3600, "d": 86400, "w": 604800}
_BOUNDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, bound: bool(value > bound),
    "gte": lambda value, bound: bool(value >= bound),
    "lt": lambda value, bound: bool(value < bound),
    "lte": lambda value, bound: bool(value <= bound),
}


class NotUnderstood(Exception):
    """Outside the emulated part of Elasticsearch's search; the text names it."""


def values(document: Mapping[str, Any], field: str) -> Iterator[Any]:
    """Every value of a field, wherever the dots of its name are keys or steps; nulls are no values."""
    for name, value in document.items():
        if name == field:
            yield from _leaves(value)
        elif field.startswith(f"{name}."):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    yield from values(part, field.removeprefix(f"{name}."))


def moment(value: Any) -> datetime | None:
    """The ISO 8601 date and time that a value is, in UTC; None where it is none."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d", value):
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def compile_query(query: Any, now: datetime) -> Test:
    """The query as a test. Raises NotUnderstood."""
    if not isinstance(query, dict) or len(query) != 1:
        raise NotUnderstood(f"query: {query!r} is not one condition")
    [(kind, spec)] = query.items()
    if not isinstance(spec, dict):
        raise NotUnderstood(f"{kind}: {spec!r} is no object")
    match kind:
        case "match_all":
            return lambda document: True
        case "bool":
            return _bool(spec, now)
        case "exists":
            field = _text(kind, spec.get("field"))
            return lambda document: any(True for _ in values(document, field))
        case "term" | "match_phrase" | "terms" | "range":
            field, wanted = _one_field(kind, spec)
            return _on_field(kind, field, wanted, now)
        case _:
            raise NotUnderstood(f"query: {kind}; known are bool, exists, match_all, match_phrase, range, term, terms")


def _on_field(kind: str, field: str, wanted: Any, now: datetime) -> Test:
    match kind:
        case "terms":
            if not isinstance(wanted, list):
                raise NotUnderstood(f"terms: {wanted!r} is no list")
            return lambda document: any(
                _equal(field, value, one) for value in values(document, field) for one in wanted
            )
        case "range":
            return _range(field, wanted, now)
        case _:
            key = "value" if kind == "term" else "query"
            if isinstance(wanted, dict) and set(wanted) != {key}:
                raise NotUnderstood(f"{kind}: {wanted!r}; known is a value, or {{{key!r}: value}}")
            one = wanted[key] if isinstance(wanted, dict) else wanted
            return lambda document: any(_equal(field, value, one) for value in values(document, field))


def _bool(spec: Mapping[str, Any], now: datetime) -> Test:
    if odd := set(spec) - {"must", "filter", "should", "must_not", "minimum_should_match"}:
        raise NotUnderstood(f"bool: {', '.join(sorted(odd))}")
    every = [*_several(spec, "must", now), *_several(spec, "filter", now)]
    none = _several(spec, "must_not", now)
    some = _several(spec, "should", now)
    least = spec.get("minimum_should_match", 0 if every else 1)
    if isinstance(least, bool) or not isinstance(least, int):
        raise NotUnderstood(f"minimum_should_match: {least!r} is no whole number")
    enough = min(least, len(some)) if "minimum_should_match" not in spec else least
    return lambda document: (
        all(test(document) for test in every)
        and not any(test(document) for test in none)
        and sum(test(document) for test in some) >= enough
    )


def _several(spec: Mapping[str, Any], name: str, now: datetime) -> list[Test]:
    given = spec.get(name, [])
    return [compile_query(query, now) for query in (given if isinstance(given, list) else [given])]


def _range(field: str, spec: Any, now: datetime) -> Test:
    if not isinstance(spec, dict) or not set(spec) <= {*_BOUNDS, "format"}:
        raise NotUnderstood(f"range: {spec!r}; known are {', '.join(_BOUNDS)}")
    if spec.get("format") not in (None, "strict_date_optional_time"):
        raise NotUnderstood(f"range: format {spec['format']!r}")
    bounds = [(_BOUNDS[name], _bound(name, value, now)) for name, value in spec.items() if name in _BOUNDS]
    return lambda document: any(
        all(_within(value, compare, bound) for compare, bound in bounds) for value in values(document, field)
    )


def _within(value: Any, compare: Callable[[Any, Any], bool], bound: float | datetime) -> bool:
    if isinstance(bound, datetime):
        when = moment(value)
        return when is not None and compare(when, bound)
    return isinstance(value, int | float) and not isinstance(value, bool) and compare(value, bound)


def _bound(name: str, value: Any, now: datetime) -> float | datetime:
    """A number, or a moment: ISO 8601, `now`, or `now` with one step such as `now-24h`.

    A day is a span: after it (`gt`) is after its last millisecond, up to it (`lte`) includes that one.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if moment(value) is not None and (named := span(value)) is not None:
        return instant(named[0] if name in ("gte", "lt") else named[1])
    found = re.fullmatch(r"now(?:([+-])(\d+)([smhHdw]))?", value) if isinstance(value, str) else None
    if found is None:
        raise NotUnderstood(f"range: {value!r} is no number, no ISO 8601 moment and no now-24h")
    step = timedelta(seconds=int(found[2]) * _UNITS[found[3]]) if found[1] else timedelta()
    return now - step if found[1] == "-" else now + step


def _one_field(kind: str, spec: Mapping[str, Any]) -> tuple[str, Any]:
    if len(spec) != 1:
        raise NotUnderstood(f"{kind}: {spec!r} must name one field")
    [(field, wanted)] = spec.items()
    return field, wanted


def _text(kind: str, value: Any) -> str:
    if not isinstance(value, str):
        raise NotUnderstood(f"{kind}: {value!r} is no field")
    return value


def _equal(field: str, value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return str(value).lower() == str(wanted).lower()
    if isinstance(value, int | float):
        return str(value) == str(wanted) or value == wanted
    if isinstance(wanted, str) and "/" in wanted and field.endswith(".ip"):
        return _in_network(value, wanted)
    if (when := moment(value)) is not None and moment(wanted) is not None and (named := span(wanted)) is not None:
        return instant(named[0]) <= when <= instant(named[1])
    return str(value) == str(wanted)


def _in_network(value: Any, network: str) -> bool:
    """A term on a field of type ip takes a range in CIDR notation (Elasticsearch reference, ip field type)."""
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value
