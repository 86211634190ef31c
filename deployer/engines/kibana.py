"""Runs a detection rule of Kibana on documents, as its rule executors do it.

Types threshold and query with kuery. Everything else that a rule may be is refused by name: `NotRunnable` is never "no
alert". Read in Kibana's security_solution plugin, `rule_types/` (`threshold.ts`, `query.ts`, `build_events_query.ts`,
`get_query_filter.ts`), versions 8.18 to 9.x.
"""

import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from deployer.engines import kuery
from deployer.engines.kibana_conditions import Condition
from deployer.engines.kibana_dates import exact
from deployer.engines.kibana_dates import milliseconds
from deployer.engines.kibana_dates import resolve
from deployer.engines.kibana_documents import dotted
from deployer.engines.kibana_events import Events
from deployer.engines.kibana_exceptions import exceptions_sql
from deployer.engines.kibana_filters import filters_sql
from deployer.engines.kibana_indices import select
from deployer.engines.kibana_runtime import runtime_fields
from deployer.engines.kibana_sql import column
from deployer.engines.kibana_sql import text
from deployer.engines.kibana_threshold import buckets
from deployer.engines.kibana_threshold import read_threshold
from deployer.engines.kibana_types import DATES
from deployer.engines.kibana_types import family
from deployer.engines.rows import Row
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

__all__ = ["Detected", "Events", "detect"]

_MAX_SIGNALS = 100
# What Kibana writes in its execution log, word for word.
_TOO_MANY = "This rule reached the maximum alert limit for the rule execution. Some alerts were not created."
_NO_INDEX = (
    'This rule is attempting to query data from Elasticsearch indices listed in the "Index patterns" section of the '
    "rule definition, however no index matching: {} was found. This warning will continue to appear until a matching "
    "index is created or this rule is disabled."
)


@dataclass(frozen=True, slots=True)
class Detected:
    """What one run of a rule raises, and what Kibana would warn of (`partial failure`)."""

    alerts: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]


def detect(
    rule: Row,
    events: Events,
    now: datetime,
    *,
    data_view: Row | None = None,
    items: Sequence[Row] = (),
    history: Mapping[tuple[str, ...], datetime] = {},
    value_lists: Mapping[str, Sequence[str]] | None = None,
) -> Detected:
    """Runs a rule, a document in Kibana's form, once at `now`.

    `data_view` is the saved object that the rule names; `items` are the items of its exception lists; `history` gives
    for the terms of a group the last instant that was alerted on, up to which its events count no more; `value_lists`
    are the values of every value list there is, by id, or None where they are not known. Raises `NotRunnable` for what
    cannot be run here, `BadQuery` for what fails in Kibana.
    """
    _require_runnable(rule)
    patterns = _patterns(rule, data_view)
    source = _Source(rule, events, now, data_view)
    # All of the rule is read before the indices are looked at: what cannot run is never "no index".
    excepted, unapplied = exceptions_sql(items, source.condition, now, value_lists)
    statement = source.select(rule, excepted, history, now)
    indices = select(patterns, events.indices)
    if not indices:
        return Detected((), (_NO_INDEX.format(json.dumps(patterns, separators=(",", ":"))), *unapplied))
    statement += f" and _index in ({', '.join(map(text, indices))})"
    limit = int(rule.get("max_signals") or _MAX_SIGNALS)
    alerts = _run(rule, events, statement, source, limit + 1)
    return Detected(tuple(alerts[:limit]), (*((_TOO_MANY,) if len(alerts) > limit else ()), *unapplied))


class _Source:
    """The documents that a rule reads, with the runtime fields of its data view and the clock that it goes by."""

    def __init__(self, rule: Row, events: Events, now: datetime, data_view: Row | None) -> None:
        self._mapped = events.fields
        self._runtime = runtime_fields(data_view, events.fields)
        self.fields = events.fields | {name: type for name, (type, _) in self._runtime.items()}
        self.condition = Condition(self.fields, now)
        self._primary = str(rule.get("timestamp_override") or "@timestamp")
        self._falls_back = self._primary != "@timestamp" and not rule.get("timestamp_override_fallback_disabled")

    def select(
        self, rule: Row, excepted: Sequence[str], history: Mapping[tuple[str, ...], datetime], now: datetime
    ) -> str:
        """The documents that are left by window, query, filters, exceptions and history."""
        query = kuery.parse(rule.get("query") or "")
        conditions = [
            self._window(rule, now),
            kuery.condition(query, self.condition),
            *filters_sql(rule.get("filters") or (), self.condition),
            *(f"not {found}" for found in excepted),
        ]
        read: set[str] = set()
        if rule["type"] == "threshold":
            threshold = read_threshold(rule)
            read = {*threshold.fields, *([threshold.cardinality[0]] if threshold.cardinality else [])}
            conditions += [f"not {self._alerted(threshold.fields, terms, last)}" for terms, last in history.items()]
        return f"select * from ({self._columns(read)}) where {' and '.join(conditions)}"  # noqa: S608 - names are quoted

    def _columns(self, read: set[str]) -> str:
        """The documents with the columns that conditions and grouping ask for: some mappings have thousands."""
        names = sorted(name for name in read | self.condition.read if name in self.fields)
        # A runtime field hides a field of the same name.
        made = [
            f"{self._runtime[name][1]} as {column(name)}" if name in self._runtime else column(name)
            for name in names
            if family(name, self.fields[name]) is not None
        ]
        return f"select {', '.join(['_index', '_id', *made, f'{self._clock()} as _timestamp'])} from events"  # noqa: S608

    def _clock(self) -> str:
        """Milliseconds of the field that the rule goes by, the override where there is one."""
        names = [self._primary] + (["@timestamp"] if self._falls_back else [])
        moments = [f"list_min({column(name)})" for name in names if self._mapped.get(name) in DATES]
        return f"coalesce({', '.join(moments)})" if moments else "null::bigint"

    def _window(self, rule: Row, now: datetime) -> str:
        bounds = {
            "gte": exact(milliseconds(resolve(rule.get("from") or "now-6m", now))),
            "lte": exact(milliseconds(resolve(rule.get("to") or "now", now))),
        }
        within = self.condition.range(self._primary, bounds)
        if not self._falls_back:
            return within
        otherwise = self.condition.range("@timestamp", bounds)
        return f"({within} or ({otherwise} and not {self.condition.exists(self._primary)}))"

    def _alerted(self, names: Sequence[str], terms: tuple[str, ...], last: datetime) -> str:
        """The events of this group up to the last one that was alerted on."""
        if len(names) != len(terms):
            raise BadQuery(f"the history has {len(terms)} terms for {len(names)} group-by fields")
        parts = [self.condition.phrase(name, term) for name, term in zip(names, terms, strict=True)]
        return f"({' and '.join([f'coalesce(_timestamp <= {milliseconds(last)}, false)', *parts])})"


def _require_runnable(rule: Row) -> None:
    type, language = rule.get("type"), rule.get("language") or "kuery"
    if type not in ("threshold", "query"):
        raise NotRunnable(f"a rule of type {type}")
    if language != "kuery":
        raise NotRunnable(f"a query in {language}")
    if type == "query" and (rule.get("alert_suppression") or {}).get("group_by"):
        raise NotRunnable("alert_suppression by fields")


def _patterns(rule: Row, data_view: Row | None) -> list[str]:
    """The index patterns that it reads: those of its data view, where it names one, else its own."""
    if data_view is not None:
        return [part.strip() for part in str(data_view["title"]).split(",")]
    if rule.get("data_view_id"):
        raise BadQuery(f"Data View not found: {rule['data_view_id']}")
    if not rule.get("index"):
        raise NotRunnable("a rule without index and data view: the setting securitySolution:defaultIndex names them")
    return list(rule["index"])


def _run(rule: Row, events: Events, statement: str, source: _Source, limit: int) -> list[dict[str, Any]]:
    try:
        if rule["type"] == "threshold":
            return buckets(events.connection, statement, read_threshold(rule), source.fields, limit)
        # The executor pages through the events from the oldest on.
        rows = events.connection.execute(f"select _id from ({statement}) order by _timestamp, _id limit {limit}")  # noqa: S608
        return [dotted(events.documents[number]) for (number,) in rows.fetchall()]
    except duckdb.Error as fault:
        raise NotRunnable(f"DuckDB refused the query: {fault}") from fault
