"""What Kibana's threshold executor finds in the documents that a rule's query leaves.

Read in Kibana's `rule_types/threshold` (`build_threshold_aggregation.ts`, `find_threshold_signals.ts`): a composite
aggregation over the group-by fields, so that a document without one of them is in no bucket and one with several values
in a bucket of each; buckets in ascending order of their keys; the first cardinality only, of distinct values.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from deployer.engines.kibana_conditions import refuse_unseen
from deployer.engines.kibana_dates import iso
from deployer.engines.kibana_sql import column
from deployer.engines.kibana_types import Family
from deployer.engines.kibana_types import family
from deployer.engines.kibana_types import shown
from deployer.engines.rows import Row
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

# hits.total is not asked for exactly, and Elasticsearch counts no further than this by itself.
_TOTAL = 10_000


@dataclass(frozen=True, slots=True)
class Threshold:
    """The `threshold` of a rule; `cardinality` is the field and the least number of its distinct values."""

    fields: tuple[str, ...]
    value: int
    cardinality: tuple[str, int] | None


def read_threshold(rule: Row) -> Threshold:
    """The threshold as Kibana normalises it: a single field or none is a list of one or none."""
    given = rule.get("threshold") or {}
    if "value" not in given:
        raise BadQuery("a rule of type threshold without a threshold")
    named = given.get("field") or ()
    names = (named,) if isinstance(named, str) else tuple(named)
    first = next(iter(given.get("cardinality") or ()), None)
    return Threshold(names, int(given["value"]), (first["field"], int(first["value"])) if first else None)


def buckets(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    threshold: Threshold,
    fields: Mapping[str, str],
    limit: int,
) -> list[dict[str, Any]]:
    """At most `limit` buckets of the rows of `source`, a select whose column `_timestamp` is in milliseconds."""
    families = [_aggregatable(name, fields) for name in threshold.fields]
    statement = _statement(source, threshold, fields, limit)
    rows = connection.execute(statement).fetchall() if statement else []
    return [_bucket(threshold, families, row) for row in rows]


def _statement(source: str, threshold: Threshold, fields: Mapping[str, str], limit: int) -> str | None:
    """None where a group-by field has no mapping: no document has it."""
    if any(name not in fields for name in threshold.fields):
        return None
    keys = [f"key{number}" for number in range(len(threshold.fields))]
    crossed = [
        f", unnest(list_distinct({column(name)})) as _{key}({key})"
        for name, key in zip(threshold.fields, keys, strict=True)
    ]
    count = "count(*)" if keys else f"least(count(*), {_TOTAL})"
    distinct, having = "null", [f"{count} >= {threshold.value}"]
    if threshold.cardinality:
        distinct = _distinct(threshold.cardinality[0], fields)
        having.append(f"{distinct} >= {threshold.cardinality[1]}")
    return f"""
        select {"".join(f"{key}, " for key in keys)} {count}, {distinct}, min(_timestamp), max(_timestamp)
        from ({source}) {"".join(crossed)}
        {f"group by {', '.join(keys)}" if keys else ""}
        having {" and ".join(having)}
        {f"order by {', '.join(keys)}" if keys else ""}
        limit {limit}
    """  # noqa: S608 - names are quoted


def _distinct(name: str, fields: Mapping[str, str]) -> str:
    if name not in fields:
        return "0"
    _aggregatable(name, fields)
    return f"coalesce(len(list_distinct(flatten(list({column(name)}) filter ({column(name)} is not null)))), 0)"


def _aggregatable(name: str, fields: Mapping[str, str]) -> Family | None:
    """`BadQuery` for a text field, which Elasticsearch refuses to aggregate on (its fielddata is off)."""
    if name not in fields:
        refuse_unseen(name, fields)
        return None
    found = family(name, fields[name])
    if found is None:
        raise NotRunnable(f"{name}: grouping or counting by a field of type {fields[name]} is not run here")
    if found is Family.TEXT:
        raise BadQuery(f"{name} is of type {fields[name]}: Elasticsearch neither groups nor counts by it")
    return found


def _bucket(threshold: Threshold, families: Sequence[Family | None], row: tuple[Any, ...]) -> dict[str, Any]:
    *keys, count, distinct, first, last = row
    alert = {
        name: shown(kind, key)
        for name, kind, key in zip(threshold.fields, families, keys, strict=True)
        if kind is not None
    }
    alert["threshold_result.count"] = count
    if threshold.cardinality:
        alert["threshold_result.cardinality"] = distinct
    return alert | {"first": iso(first), "last": iso(last)}
