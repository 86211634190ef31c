"""The part of Elasticsearch's search that looking through alerts needs: query, sort, size, `_source`, aggregations.

Anything else is refused by name: a condition that is not understood would show everything, or nothing. There is no
mapping here, so a value is what it looks like: a number, a moment, an address in a field called `ip`, or a keyword.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.emulator.calls import Document
from deployer.emulator.conditions import NotUnderstood
from deployer.emulator.conditions import compile_query
from deployer.emulator.conditions import moment
from deployer.emulator.conditions import values

RESULT_WINDOW = 10_000
_KEYS = {"query", "size", "from", "sort", "search_after", "_source", "track_total_hits", "aggs", "aggregations"}


@dataclass(frozen=True, slots=True)
class Hit:
    """A document and where it lies."""

    index: str
    id: str
    source: Document


def search(hits: Sequence[Hit], body: Mapping[str, Any], now: datetime) -> Document:
    """Elasticsearch's answer to a search over these documents. Raises NotUnderstood."""
    if odd := [name for name, value in body.items() if name not in _KEYS and value not in ({}, [], None)]:
        raise NotUnderstood(f"{', '.join(sorted(odd))}; a search may have {', '.join(sorted(_KEYS))}")
    size, start = _whole(body, "size", 10), _whole(body, "from", 0)
    if start + size > RESULT_WINDOW:
        raise NotUnderstood(f"from + size above {RESULT_WINDOW} (the result window of Elasticsearch)")
    holds = compile_query(body.get("query") or {"match_all": {}}, now)
    found = [hit for hit in hits if holds(hit.source)]
    order = _order(body.get("sort"))
    later = _after(_sorted(found, order), order, body.get("search_after"), start)
    shown = later[start : start + size]
    answer: Document = {
        "took": 0,
        "timed_out": False,
        "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        "hits": {
            "total": {"value": len(found), "relation": "eq"},
            "max_score": None if order or not shown else 1.0,
            "hits": [_shown(hit, order, body.get("_source", True)) for hit in shown],
        },
    }
    if body.get("track_total_hits") is False:
        del answer["hits"]["total"]
    if aggregations := body.get("aggs") or body.get("aggregations"):
        answer["aggregations"] = _aggregated([hit.source for hit in found], aggregations, now)
    return answer


def _whole(body: Mapping[str, Any], name: str, default: int) -> int:
    value = default if body.get(name) is None else body[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise NotUnderstood(f"{name}: {value!r} is no whole number of 0 or more")
    return value


def _order(sort: Any) -> list[tuple[str, bool]]:
    """Field and whether it descends, most important first."""
    entries = sort if isinstance(sort, list) else [] if sort is None else [sort]
    order = []
    for entry in entries:
        [(field, how)] = entry.items() if isinstance(entry, dict) and len(entry) == 1 else [(entry, "asc")]
        direction = how.get("order", "asc") if isinstance(how, dict) else how
        odd = set(how) - {"order", "unmapped_type"} if isinstance(how, dict) else set()
        if not isinstance(field, str) or field.startswith("_") or direction not in ("asc", "desc") or odd:
            raise NotUnderstood(f'sort: {entry!r}; known is a field, or {{"field": "asc" or {{"order": "desc"}}}}')
        order.append((field, direction == "desc"))
    return order


def _sorted(hits: list[Hit], order: list[tuple[str, bool]]) -> list[Hit]:
    for field, descending in reversed(order):
        present = [hit for hit in hits if _key(hit, field) is not None]
        # Elasticsearch puts documents without the field last, whichever the direction.
        absent = [hit for hit in hits if _key(hit, field) is None]
        present.sort(key=lambda hit: (isinstance(_key(hit, field), str), _key(hit, field)), reverse=descending)
        hits = present + absent
    return hits


def _after(hits: list[Hit], order: list[tuple[str, bool]], place: Any, start: int) -> list[Hit]:
    """What comes behind the sort values of a hit; equal ones do not, which is why one sorts by something unique, too.

    Source: Elasticsearch reference, paginate search results, `search_after`.
    """
    if place is None:
        return hits
    if not order or not isinstance(place, list) or len(place) != len(order):
        given = len(place) if isinstance(place, list) else "no"
        raise NotUnderstood(f"search_after has {given} value(s), but sort has {len(order)}")
    if start:
        raise NotUnderstood("`from` parameter must be set to 0 when `search_after` is used")
    return [hit for hit in hits if _behind(hit, order, place)]


def _behind(hit: Hit, order: list[tuple[str, bool]], place: list[Any]) -> bool:
    for (field, descending), value in zip(order, place, strict=True):
        key = _key(hit, field)
        if key == value:
            continue
        if key is None or value is None:
            return key is None
        if isinstance(key, str) is not isinstance(value, str):
            raise NotUnderstood(f"search_after: {value!r} is no value of {field}")
        return bool(key < value if descending else key > value)
    return False


def _key(hit: Hit, field: str) -> Any:
    """What a hit is sorted by: a number, milliseconds for a moment, else text; None where the field is missing."""
    for value in values(hit.source, field):
        if isinstance(value, bool | int | float):
            return value
        when = moment(value)
        return round(when.timestamp() * 1000) if when is not None else str(value)
    return None


def _shown(hit: Hit, order: list[tuple[str, bool]], wanted: Any) -> Document:
    shown: Document = {"_index": hit.index, "_id": hit.id, "_score": None if order else 1.0}
    if wanted is not False:
        shown["_source"] = _source(hit.source, wanted)
    if order:
        shown["sort"] = [_key(hit, field) for field, _ in order]
    return shown


def _source(source: Document, wanted: Any) -> Document:
    if wanted is True:
        return source
    patterns = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        raise NotUnderstood(f"_source: {wanted!r}; known is true, false, a pattern or a list of patterns")
    return {
        name: value
        for name, value in source.items()
        if any(fnmatch.fnmatchcase(name, pattern) or name.startswith(f"{pattern}.") for pattern in patterns)
    }


def _aggregated(documents: list[Document], wanted: Any, now: datetime) -> Document:
    if not isinstance(wanted, dict):
        raise NotUnderstood(f"aggs: {wanted!r}")
    return {name: _aggregation(documents, name, spec, now) for name, spec in wanted.items()}


def _aggregation(documents: list[Document], name: str, spec: Any, now: datetime) -> Document:
    inner = spec.get("aggs") or spec.get("aggregations") or {} if isinstance(spec, dict) else {}
    kinds = [kind for kind in spec if kind not in ("aggs", "aggregations")] if isinstance(spec, dict) else []
    match kinds:
        case ["terms"] if _only(spec["terms"], {"field", "size"}):
            return _terms(documents, spec["terms"]["field"], _whole(spec["terms"], "size", 10), inner, now)
        case ["filter"]:
            return _filtered(documents, spec["filter"], inner, now)
        case ["filters"] if isinstance(spec["filters"], dict) and set(spec["filters"]) == {"filters"}:
            named = spec["filters"]["filters"]
            if not isinstance(named, dict) or not named:
                raise NotUnderstood(f"aggs.{name}: filters must be named")
            return {"buckets": {one: _filtered(documents, query, inner, now) for one, query in named.items()}}
        case ["missing"] if _only(spec["missing"], {"field"}) and not inner:
            field = spec["missing"]["field"]
            return {"doc_count": sum(not any(True for _ in values(document, field)) for document in documents)}
        case ["cardinality"] if _only(spec["cardinality"], {"field"}) and not inner:
            return {"value": len(_counted(documents, spec["cardinality"]["field"]))}
        case _:
            raise NotUnderstood(
                f"aggs.{name}: {spec!r}; known are terms (field, size), filter, filters (named), missing and "
                "cardinality (field)"
            )


def _only(spec: Any, names: Iterable[str]) -> bool:
    return isinstance(spec, dict) and isinstance(spec.get("field"), str) and set(spec) <= set(names)


def _counted(documents: list[Document], field: str) -> Counter[Any]:
    return Counter(value for document in documents for value in {_plain(item) for item in values(document, field)})


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _filtered(documents: list[Document], query: Any, inner: Any, now: datetime) -> Document:
    holds = compile_query(query, now)
    found = [document for document in documents if holds(document)]
    return {"doc_count": len(found), **_aggregated(found, inner, now)}


def _terms(documents: list[Document], field: str, size: int, inner: Any, now: datetime) -> Document:
    counts = sorted(_counted(documents, field).items(), key=lambda item: (-item[1], str(item[0])))
    buckets = []
    for key, count in counts[:size]:
        of_it = [document for document in documents if key in {_plain(item) for item in values(document, field)}]
        buckets.append({"key": key, "doc_count": count, **_aggregated(of_it, inner, now)})
    rest = sum(count for _, count in counts[size:])
    return {"doc_count_error_upper_bound": 0, "sum_other_doc_count": rest, "buckets": buckets}
