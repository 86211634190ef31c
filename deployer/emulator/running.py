"""Runs of rules, on both platforms, when a control call asks for them: the emulator has no scheduler of its own.

`{"kibana": [space, …], "sentinel": [workspace, …], "rules": [name, …], "since": "2026-11-20T00:00:00Z"}`, all optional.
Without names every rule of every space and workspace runs once, now; one that is disabled is told and does not run.
Where only one platform is named, only it runs. With `since` a scheduler is played: every rule runs at each of its own
intervals from then until now, all of them in the order of time; alerts and records carry the times of those runs.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from functools import partial
from typing import Any

from deployer.emulator.arm import alert_rules
from deployer.emulator.arm import runs as arm_runs
from deployer.emulator.arm import workspaces
from deployer.emulator.arm.durations import duration
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Document
from deployer.emulator.calls import Refused
from deployer.emulator.clock import milliseconds
from deployer.emulator.conditions import moment
from deployer.emulator.kibana import rule_documents
from deployer.emulator.kibana import rules as kibana_rules
from deployer.emulator.kibana import runs as kibana_runs
from deployer.emulator.world import World

MOST_RUNS = 20_000


@dataclass(frozen=True, slots=True)
class _Due:
    """A rule of a space or a workspace, how often it is due (zero: now only), and how it runs."""

    platform: str
    scope: str
    every: timedelta
    run: Callable[[datetime], Document]


def run(world: World, body: Document) -> Document:
    """Run what the body asks for; the answer has one entry a run. Raises Refused for what it names and is not there."""
    if odd := set(body) - {"kibana", "sentinel", "rules", "since"}:
        raise _refuse(f"unknown: {', '.join(sorted(odd))}; a run takes kibana, sentinel, rules, since")
    now = world.clock.now()
    since = _since(body, now)
    due = _chosen(world, body)
    times = [(when, one) for one in due for when in _times(one, since, now)]
    if len(times) > MOST_RUNS:
        raise _refuse(f"{len(times)} runs; at most {MOST_RUNS} are made at once, so ask for less with since or rules")
    times.sort(key=lambda timed: timed[0])
    answer: Document = {"emulated": True, "at": milliseconds(now), "kibana": {}, "sentinel": {}}
    for when, one in times:
        entry = {"at": milliseconds(when), **one.run(when)}
        answer[one.platform].setdefault(one.scope, []).append(entry)
    return answer


def _chosen(world: World, body: Document) -> list[_Due]:
    """The rules to run: those named by their id or their display name, or all."""
    narrowed = "kibana" in body or "sentinel" in body
    spaces = _spaces(world, body) if narrowed else world.store.scopes(kibana_rules.COLLECTION)
    held = _workspaces(world, body) if narrowed else world.store.scopes(alert_rules.COLLECTION)
    rules = [*_of_kibana(world, spaces), *_of_sentinel(world, held)]
    if "rules" not in body:
        return [due for _, due in rules]
    wanted = set(_names(body, "rules"))
    if missing := wanted - set[str]().union(*(names for names, _ in rules)):
        raise _refuse(f"no such rule: {', '.join(sorted(missing))}")
    return [due for names, due in rules if names & wanted]


def _of_kibana(world: World, spaces: list[str]) -> Iterator[tuple[set[str], _Due]]:
    for space in spaces:
        for rule in world.store.all(kibana_rules.COLLECTION, space):
            every = timedelta(seconds=rule_documents.interval_seconds(rule)) if rule["enabled"] else timedelta()
            yield {rule["rule_id"], rule["name"]}, _Due("kibana", space, every, _runner(world, space, rule))


def _runner(world: World, space: str, rule: Document) -> Callable[[datetime], Document]:
    def run(now: datetime) -> Document:
        # Read again: an earlier run has written its summary.
        stored = world.store.get(kibana_rules.COLLECTION, space, rule["rule_id"])
        return kibana_runs.run(world, space, stored or rule, now)

    return run


def _of_sentinel(world: World, held: list[str]) -> Iterator[tuple[set[str], _Due]]:
    for scope in held:
        for rule in world.store.all(alert_rules.COLLECTION, scope):
            properties = rule["properties"]
            every = (duration(properties.get("queryFrequency")) if properties["enabled"] else None) or timedelta()
            names = {rule["name"], str(properties.get("displayName", rule["name"]))}
            yield names, _Due("sentinel", scope, every, partial(arm_runs.run, world, scope, rule))


def _times(due: _Due, since: datetime | None, now: datetime) -> list[datetime]:
    """When the rule runs: now, and with `since` at every step of its interval before that."""
    if since is None or due.every <= timedelta():
        return [now]
    return [now - step * due.every for step in range((now - since) // due.every, -1, -1)]


def _since(body: Document, now: datetime) -> datetime | None:
    if body.get("since") is None:
        return None
    since = moment(body["since"])
    if since is None or since > now:
        raise _refuse(f"since must be a date and time that is not after now ({milliseconds(now)})")
    return since


def _spaces(world: World, body: Document) -> list[str]:
    held = world.store.scopes(kibana_rules.COLLECTION)
    spaces = _names(body, "kibana")
    if missing := set(spaces) - set(held):
        raise _refuse(f"no rules in space {', '.join(sorted(missing))}; spaces with rules: {', '.join(held) or 'none'}")
    return spaces


def _workspaces(world: World, body: Document) -> list[str]:
    try:
        return [workspaces.find(world, name) for name in _names(body, "sentinel")]
    except LookupError as error:
        raise _refuse(str(error)) from None


def _names(body: Document, key: str) -> list[str]:
    names: Any = body.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _refuse(f"{key} must be a list of names")
    return names


def _refuse(message: str) -> Refused:
    return Refused(Answer({"message": message}, 400))
