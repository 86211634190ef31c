"""The `filters` of a rule: Elasticsearch queries in Kibana's wrapping, as conditions in DuckDB's SQL.

A subset of the query language; every other query and every other option is refused by its name.
https://www.elastic.co/docs/explore-analyze/query-filter/languages/querydsl
"""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from deployer.engines.kibana_conditions import Condition
from deployer.engines.rows import Row
from deployer.errors import NotRunnable

_BOUNDS = ("gt", "gte", "lt", "lte")
# What these options say is what is done anyway.
_IDLE = {"boost", "_name", "rewrite"}
_UTC = ("Z", "UTC", "+00:00", "Zulu")


def filters_sql(filters: Iterable[Row], condition: Condition) -> list[str]:
    """One condition for each filter that is not disabled; `NotRunnable` names what cannot be run."""
    return [_filter(filter, condition) for filter in filters if not (filter.get("meta") or {}).get("disabled")]


def query_sql(query: Any, condition: Condition) -> str:
    """One query of the query DSL."""
    if not isinstance(query, Mapping) or len(query) != 1:
        raise NotRunnable(f"a filter with {_listed(query)}: a query has one name")
    [(name, body)] = query.items()
    make = _QUERIES.get(name)
    if make is None:
        raise NotRunnable(f"a filter with the query {name}")
    return make(body, condition)


def _filter(filter: Row, condition: Condition) -> str:
    meta = filter.get("meta") or {}
    if meta.get("type") == "combined":
        raise NotRunnable("a filter of type combined")
    # Kibana takes `query` where it is there, and otherwise (filters of old) all but its own two keys.
    query = filter.get("query") or {name: body for name, body in filter.items() if name not in ("meta", "$state")}
    found = query_sql(query, condition)
    return f"not {found}" if meta.get("negate") else found


def _bool(body: Row, condition: Condition) -> str:
    _only(body, "bool", {"must", "filter", "should", "must_not", "minimum_should_match", "adjust_pure_negative"})
    needed = [query_sql(query, condition) for word in ("must", "filter") for query in _many(body.get(word))]
    needed += [f"not {query_sql(query, condition)}" for query in _many(body.get("must_not"))]
    choices = [query_sql(query, condition) for query in _many(body.get("should"))]
    least = body.get("minimum_should_match")
    if least is None:
        # Beside must or filter, should only ranks.
        least = 0 if _many(body.get("must")) or _many(body.get("filter")) else 1
    if not str(least).lstrip("-").isdigit() or int(least) < 0:
        raise NotRunnable(f"a filter with minimum_should_match {least}")
    if choices and int(least) == 1:
        needed.append(f"({' or '.join(choices)})")
    elif choices and int(least) > 1:
        needed.append(f"({' + '.join(f'({choice})::int' for choice in choices)} >= {int(least)})")
    return f"({' and '.join(needed)})" if needed else "true"


def _term(body: Row, condition: Condition) -> str:
    field, options = _one(body, "term", "value")
    _only(options, "term", {"value", "case_insensitive"})
    make = condition.caseless_term if options.get("case_insensitive") else condition.term
    return make(field, _text(options.get("value"), "term"))


def _terms(body: Row, condition: Condition) -> str:
    [(field, values)] = _named(body, "terms")
    if not isinstance(values, list):
        raise NotRunnable("a filter with terms that are looked up in an index")
    return condition.any_of(field, [_text(value, "terms") for value in values])


def _match(body: Row, condition: Condition) -> str:
    field, options = _one(body, "match", "query")
    _only(options, "match", {"query", "type", "operator"})
    if str(options.get("operator", "or")).lower() != "or" or options.get("type") not in (None, "phrase"):
        raise NotRunnable("a filter with match and an operator or a type")
    make = condition.phrase if options.get("type") == "phrase" else condition.match
    return make(field, _text(options.get("query"), "match"))


def _match_phrase(body: Row, condition: Condition) -> str:
    field, options = _one(body, "match_phrase", "query")
    _only(options, "match_phrase", {"query"})
    return condition.phrase(field, _text(options.get("query"), "match_phrase"))


def _wildcard(body: Row, condition: Condition) -> str:
    field, options = _one(body, "wildcard", "value")
    _only(options, "wildcard", {"value", "wildcard", "case_insensitive"})
    pattern = _text(options.get("value", options.get("wildcard")), "wildcard")
    return condition.pattern(field, pattern, caseless=bool(options.get("case_insensitive")))


def _prefix(body: Row, condition: Condition) -> str:
    field, options = _one(body, "prefix", "value")
    _only(options, "prefix", {"value", "case_insensitive"})
    return condition.prefix(
        field, _text(options.get("value"), "prefix"), caseless=bool(options.get("case_insensitive"))
    )


def _range(body: Row, condition: Condition) -> str:
    [(field, options)] = _named(body, "range")
    _only(options, "range", {*_BOUNDS, "format", "time_zone"})
    if options.get("time_zone", "Z") not in _UTC:
        raise NotRunnable(f"a filter with a range in the time zone {options['time_zone']}")
    if options.get("format", "strict_date_optional_time") not in ("strict_date_optional_time", "epoch_millis"):
        raise NotRunnable(f"a filter with a range in the format {options['format']}")
    bounds = {word: _text(options[word], "range") for word in _BOUNDS if options.get(word) is not None}
    return condition.range(field, bounds) if bounds else condition.exists(field)


def _exists(body: Row, condition: Condition) -> str:
    _only(body, "exists", {"field"})
    return condition.exists(_text(body.get("field"), "exists"))


def _nested(body: Row, condition: Condition) -> str:
    _only(body, "nested", {"path", "query", "score_mode"})
    path = _text(body.get("path"), "nested")
    return condition.nested(path, lambda inner: query_sql(body.get("query"), inner))


def _one(body: Row, query: str, short: str) -> tuple[str, Mapping[str, Any]]:
    """Field and options of a query whose short form is `{field: value}`."""
    [(field, options)] = _named(body, query)
    return field, options if isinstance(options, Mapping) else {short: options}


def _named(body: Any, query: str) -> list[tuple[str, Any]]:
    named = [(name, value) for name, value in body.items() if name not in _IDLE] if isinstance(body, Mapping) else []
    if len(named) != 1:
        raise NotRunnable(f"a filter with {query} over {_listed(body)}: one field is needed")
    return named


def _only(options: Any, query: str, known: set[str]) -> None:
    if not isinstance(options, Mapping):
        raise NotRunnable(f"a filter with {query} that is {options!r}")
    if unknown := sorted(options.keys() - known - _IDLE):
        raise NotRunnable(f"a filter with {query} and the option {', '.join(unknown)}")


def _text(value: Any, query: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise NotRunnable(f"a filter with {query} for the value {value!r}")


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _listed(value: Any) -> str:
    return ", ".join(value) if isinstance(value, Mapping) and value else repr(value)


_QUERIES = {
    "bool": _bool,
    "exists": _exists,
    "match": _match,
    "match_all": lambda _, __: "true",
    "match_phrase": _match_phrase,
    "nested": _nested,
    "prefix": _prefix,
    "range": _range,
    "term": _term,
    "terms": _terms,
    "wildcard": _wildcard,
}
