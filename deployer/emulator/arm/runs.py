"""Runs of a workspace's analytics rules, asked for by a control call: there is no scheduler here.

A scheduled rule's query sees the data of its period up to the run, as the service limits it; the service's delay of
five minutes is left out. What the run came to is told in SentinelHealth, where that is switched on for the workspace,
and in SecurityAlert. Both are written as rows of telemetry, so that rules and queries see them from the next run on.
"""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta

from deployer.emulator import kusto_errors
from deployer.emulator import logs
from deployer.emulator.arm import health
from deployer.emulator.arm import security_alerts
from deployer.emulator.arm.durations import duration
from deployer.emulator.arm.triggers import Outcome
from deployer.emulator.arm.triggers import triggers
from deployer.emulator.calls import Document
from deployer.emulator.timespans import Span
from deployer.emulator.world import World
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

_SUPPRESSIONS = "arm.suppressions"
_NRT = "an NRT rule goes by the time of ingestion, which telemetry here does not have"


def run(world: World, scope: str, rule: Document, now: datetime) -> Document:
    """Run one rule now; its alerts and its health record are kept. The answer says what came of it."""
    outcome = _outcome(world, scope, rule, now)
    logs.append(world, scope, logs.ALERTS, security_alerts.rows(scope, rule, outcome))
    if health.switched_on(world, scope) and outcome.recorded:
        logs.append(world, scope, logs.HEALTH, [health.row(scope, rule, outcome)])
    if outcome.alerts and rule["properties"]["suppressionEnabled"]:
        world.store.put(_SUPPRESSIONS, scope, rule["name"].lower(), {"since": now.isoformat()})
    return {
        "rule": rule["name"],
        "name": rule["properties"].get("displayName", rule["name"]),
        "outcome": outcome.status,
        "message": outcome.message,
        "results": len(outcome.rows),
        "alerts": len(outcome.alerts),
    }


def _outcome(world: World, scope: str, rule: Document, now: datetime) -> Outcome:
    properties = rule["properties"]
    if rule["kind"] != "Scheduled":
        why = _NRT if rule["kind"] == "NRT" else f"a rule of kind {rule['kind']} has no query of its own"
        return Outcome("not run", f"emulated: not run: {why}", now, now, recorded=False)
    start = now - (duration(properties["queryPeriod"]) or timedelta())
    if not properties["enabled"]:
        return Outcome("disabled", health.DISABLED, start, now)
    if (until := _suppressed_until(world, scope, rule)) is not None and now < until:
        return Outcome("suppressed", f"suppressed until {until.isoformat()}", start, now, recorded=False)
    try:
        result = logs.run(world, scope, properties["query"], now, Span(start, now))
    except NotRunnable as error:
        return Outcome("not run", f"emulated: not run: {error}", start, now, recorded=False)
    except BadQuery as error:
        inner = kusto_errors.inner_error(error, properties["query"])
        return Outcome("failed", health.failure(inner), start, now, reason=inner["innererror"]["message"])
    alerts = triggers(properties, result.rows)
    if not alerts:
        return Outcome("succeeded", health.not_reached(properties), start, now, result.rows)
    return Outcome("succeeded", health.generated(len(alerts)), start, now, result.rows, alerts)


def _suppressed_until(world: World, scope: str, rule: Document) -> datetime | None:
    """A rule with suppression does not run for a while after an alert."""
    kept = world.store.get(_SUPPRESSIONS, scope, rule["name"].lower())
    length = duration(rule["properties"]["suppressionDuration"])
    if kept is None or length is None or not rule["properties"]["suppressionEnabled"]:
        return None
    return datetime.fromisoformat(kept["since"]) + length
