"""A deployed analytics rule on the events of a case: its query on the Kusto engine, then the rule's own trigger.

Needs the extra `local`.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from typing import Any

from deployer.engines import tables
from deployer.engines.kusto import Kusto
from deployer.engines.rows import Row
from deployer.errors import NotRunnable
from deployer.manifest.events import TIME
from deployer.model import Platform
from deployer.model import PlatformRule
from deployer.providers.sentinel import watchlist
from deployer.providers.sentinel.alerts import triggers
from deployer.providers.sentinel.canonical import duration_seconds
from deployer.ruletests.compare import Found
from deployer.state import DesiredState
from deployer.state import Kind

PARSERS: Mapping[str, str] = {"_Im_Dns": "ASimDnsActivityLogs"}
"""Parsers that a rule may name as its data, each with the table that the engine reads for it."""


def find(state: DesiredState, half: PlatformRule, rows: Mapping[str, Sequence[Row]], now: datetime) -> Found:
    """What the rule in `state` finds in `rows` (by table) at `now`. Raises `NotRunnable`, `BadQuery`, `BadEvents`."""
    [rule] = [resource.body for resource in state.resources.values() if resource.key.kind is Kind.RULE]
    if rule["kind"] == "NRT":
        # Every minute it reads what was taken in during the last one: events of a longer time are never seen together.
        raise NotRunnable("an NRT rule goes by the time of ingestion, which the events of a case do not have")
    described = {name: tables.sentinel(name) for name in (*(PARSERS.get(each, each) for each in half.data), *rows)}
    if unknown := [name for name, table in described.items() if table is None]:
        raise NotRunnable(f"the columns of {', '.join(unknown)} are not known here (deployer/engines/tables)")
    with Kusto((table for table in described.values() if table), watchlist.rows(state)) as database:
        for name, events in rows.items():
            database.load(name, _seen(events, rule, now))
        result = database.run(rule["query"], now)
    names, count = tuple(result.columns), len(result.rows)
    trigger = f"{rule['triggerOperator']} {rule['triggerThreshold']}"
    if triggers(rule, count):
        if result.rows:
            return Found(result.rows, names, whole=True)
        # An alert that shows nothing is one all the same.
        return Found(({},), names, (f"the query has no result, which makes an alert with the trigger {trigger}",))
    note = f"the number of results is {count}, which makes no alert with the trigger {trigger}"
    return Found((), names, (note,) if count else ())


def _seen(events: Iterable[Row], rule: Mapping[str, Any], now: datetime) -> list[Row]:
    """The events that a run at `now` sees: the service lets a scheduled query read `queryPeriod` back from the run, by
    `TimeGenerated`, whatever the query itself asks for
    (https://learn.microsoft.com/azure/sentinel/scheduled-rules-overview)."""
    seconds = duration_seconds(str(rule.get("queryPeriod")))
    oldest = None if seconds is None else now - timedelta(seconds=seconds)
    timed = ((datetime.fromisoformat(event[TIME[Platform.SENTINEL]]), event) for event in events)
    return [event for moment, event in timed if moment <= now and (oldest is None or moment >= oldest)]
