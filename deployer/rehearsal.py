"""A rehearsal: the environment's made-up day goes to the emulator, which runs every rule that it holds.

What was detected is read from the emulator's own alerts. What the allowlists kept silent is found by running the same
rules on the same events here, with the tenant's allowlists and without. Needs the extra `local`.
"""

import base64
import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from deployer.emulator import Emulator
from deployer.emulator import EmulatorError
from deployer.engines.rows import Row
from deployer.errors import BadAnswer
from deployer.errors import CannotStart
from deployer.errors import InvalidManifest
from deployer.errors import NotRunnable
from deployer.findings import Finding
from deployer.findings import Severity
from deployer.manifest import telemetry
from deployer.manifest.load import Manifest
from deployer.manifest.overlay import assign
from deployer.manifest.telemetry import Story
from deployer.manifest.wording import guess
from deployer.manifest.wording import shown
from deployer.model import Assignment
from deployer.model import KibanaTarget
from deployer.model import Platform
from deployer.model import Rule
from deployer.model import Target
from deployer.outcome import Rehearsed
from deployer.plan import matches
from deployer.providers.codecs import encode
from deployer.providers.sentinel.codec import rule_uuid
from deployer.ruletests import kibana
from deployer.ruletests import sentinel
from deployer.ruletests.expand import expand

_TIMEOUT_SECONDS = 300.0
_API_KEY = base64.b64encode(b"rehearsal:emulator").decode()
_COLUMN = re.compile(r"\{\{(\w+)\}\}")


def rehearse(manifest: Manifest, root: Path, at: datetime | None = None) -> list[Rehearsed]:
    """Load the day, run everything, and compare. Replaces the telemetry and the alerts that the emulator held.

    With `at` the day ends at that moment, and the emulator's clock says so while the rules run.

    Raises `InvalidManifest` for faults in telemetry.yaml, `CannotStart` where there is nothing to rehearse with.
    """
    now = (at or datetime.now(UTC)).replace(microsecond=0)
    assignments = [
        assign(manifest, tenant, target) for tenant in manifest.tenants for target in tenant.targets if target.emulator
    ]
    if not assignments:
        raise CannotStart(f"no target of {manifest.environment.name} is emulated, so there is nothing to rehearse on")
    stories, findings = telemetry.read(root, manifest.environment.name, now)
    findings = (*findings, *_of_nobody(stories, manifest))
    if faults := [finding for finding in findings if finding.severity is Severity.ERROR]:
        raise InvalidManifest(faults)
    days = [_day(stories, assignment.target) for assignment in assignments]
    try:
        with Emulator.attach_or_start(root / ".deployer" / "emulator") as emulator:
            stage = _Stage(emulator.url)
            stage.perform(assignments, days, at)
            return [
                done
                for assignment, day in zip(assignments, days, strict=True)
                for done in _rehearsed(stage, assignment, day, now)
            ]
    except EmulatorError as error:
        raise CannotStart(f"the emulator cannot be had: {error}") from None


def _of_nobody(stories: Sequence[Story], manifest: Manifest) -> Iterator[Finding]:
    """Errors for stories that would happen to nobody: silence would read as a rule that finds nothing."""
    known = [tenant.name for tenant in manifest.tenants] + list(manifest.broken_tenants)
    for story in stories:
        for glob in story.tenants:
            if not any(matches(name, [glob]) for name in known):
                message = f"{shown(glob)} matches no tenant of {manifest.environment.name}{guess(glob, known)}"
                yield Finding("no-match", f"{message}: this would happen to nobody", location=story.location)


class _Stage:
    """The emulator, through the calls that people and programs have of it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ran: dict[tuple[Platform, str], dict[str, Mapping[str, Any]]] = {}

    def perform(
        self, assignments: Sequence[Assignment], days: Sequence[Mapping[str, Sequence[Row]]], at: datetime | None
    ) -> None:
        """Load what happened in each target, and run all rules once, at a moment if one is given."""
        if at is not None:
            self._call("POST", "/_emulator/clock", {"now": at.isoformat()})
        try:
            self._perform(assignments, days)
        finally:
            if at is not None:
                self._call("DELETE", "/_emulator/clock")

    def _perform(self, assignments: Sequence[Assignment], days: Sequence[Mapping[str, Sequence[Row]]]) -> None:
        self._call("DELETE", "/_emulator/telemetry")
        told: dict[str, dict[str, Mapping[str, Sequence[Row]]]] = {platform: {} for platform in Platform}
        for assignment, day in zip(assignments, days, strict=True):
            told[assignment.target.platform][_place(assignment.target)] = day
        self._call("POST", "/_emulator/telemetry", told)
        answer = self._call("POST", "/_emulator/run", {})
        for platform in Platform:
            for place, runs in answer[platform].items():
                self._ran[platform, place] = {str(run.get("rule_id") or run["rule"]): run for run in runs}

    def run_of(self, target: Target, rule: Rule) -> Mapping[str, Any] | None:
        """What the emulator says of the rule's run; None where it holds no such rule."""
        if isinstance(target, KibanaTarget):
            return self._ran.get((Platform.KIBANA, target.space), {}).get(rule.live_id)
        scope = f"{target.subscription_id}/{target.resource_group}/{target.workspace}".lower()
        return self._ran.get((Platform.SENTINEL, scope), {}).get(rule_uuid(rule.live_id))

    def titles(self, target: Target, rule: Rule) -> list[str]:
        """The alerts that the emulator holds of the rule, as the platform's own API gives them out."""
        if isinstance(target, KibanaTarget):
            path = f"/kibana/s/{target.space}/api/detection_engine/signals/search"
            query = {"term": {"kibana.alert.rule.rule_id": rule.live_id}}
            answer = self._call("POST", path, {"query": query, "size": 1000})
            return [_kibana_title(rule, hit["_source"]) for hit in answer["hits"]["hits"]]
        path = f"/loganalytics/v1{_place(target)}/query"
        text = f'SecurityAlert | where AlertType endswith "{rule_uuid(rule.live_id)}" | project DisplayName'
        [table] = self._call("POST", path, {"query": text})["tables"]
        return [str(row[0]) for row in table["rows"]]

    def _call(self, method: str, path: str, body: object = None) -> Any:
        scheme, key = ("ApiKey", _API_KEY) if path.startswith("/kibana/") else ("Bearer", "rehearsal")
        headers = {"kbn-xsrf": "deployer", "Authorization": f"{scheme} {key}"}
        with requests.Session() as session:
            session.trust_env = False  # a proxy or a netrc of the environment has no business on loopback
            answer = session.request(method, self._url + path, json=body, headers=headers, timeout=_TIMEOUT_SECONDS)
        if not answer.ok:
            raise BadAnswer(f"the emulator answered {answer.status_code} to {method} {path}: {answer.text[:500]}")
        return answer.json() if answer.content else None


def _rehearsed(
    stage: _Stage, assignment: Assignment, day: Mapping[str, Sequence[Row]], now: datetime
) -> Iterator[Rehearsed]:
    target = assignment.target
    for rule in assignment.rules:
        done = Rehearsed(target.tenant, target.name, rule.id)
        run = stage.run_of(target, rule)
        if run is None:
            note = f"the emulator does not hold it: deployer apply {assignment.environment} comes first"
            yield replace(done, note=note)
        elif run["outcome"] in ("disabled", "not run", "failed"):
            yield replace(done, note=_note(run))
        else:
            detected = stage.titles(target, rule)
            silent = Counter(_found(assignment, rule, day, now, entries=False))
            silent -= Counter(_found(assignment, rule, day, now, entries=True))
            warning = str(run["message"]) if run["outcome"] == "partial failure" else ""
            silenced = tuple(sorted(silent.elements()))
            yield replace(done, detected=tuple(sorted(detected)), silenced=silenced, warning=warning)


def _note(run: Mapping[str, Any]) -> str:
    message = str(run["message"]).removeprefix("emulated: not run: ")
    return "disabled" if run["outcome"] == "disabled" else f"{run['outcome']}: {message}"


def _found(
    assignment: Assignment, rule: Rule, day: Mapping[str, Sequence[Row]], now: datetime, *, entries: bool
) -> list[str]:
    """Titles of what the rule finds in the day, with the tenant's allowlists and exceptions or with none."""
    platform = assignment.target.platform
    half = rule.on(platform)
    if half is None:
        return []
    kept = assignment.entries if entries else dict.fromkeys(assignment.entries, ())
    exemptions = assignment.exemptions if entries else ()
    state = encode(replace(assignment, rules=(rule,), entries=kept, exemptions=exemptions))
    try:
        if platform is Platform.KIBANA:
            return [_kibana_title(rule, row) for row in kibana.find(state, half, day, now).rows]
        return [_sentinel_title(rule, row) for row in sentinel.find(state, half, day, now).rows]
    except NotRunnable:
        return []


def _day(stories: Sequence[Story], target: Target) -> dict[str, list[Row]]:
    here = [story for story in stories if matches(target.tenant, story.tenants)]
    series = [each for story in here for each in story.events[target.platform]]
    return {source: list(rows) for source, rows in expand(series, target.platform).items()}


def _place(target: Target) -> str:
    """The space, or the workspace's resource id."""
    if isinstance(target, KibanaTarget):
        return target.space
    return (
        f"/subscriptions/{target.subscription_id}/resourceGroups/{target.resource_group}"
        f"/providers/Microsoft.OperationalInsights/workspaces/{target.workspace}"
    )


def _sentinel_title(rule: Rule, row: Row) -> str:
    half = rule.sentinel
    override = half.fields.get("alertDetailsOverride") if half else None
    format = override.get("alertDisplayNameFormat") if isinstance(override, Mapping) else None
    return _COLUMN.sub(lambda found: str(row.get(found[1], "")), str(format)) if format else rule.name


def _kibana_title(rule: Rule, row: Row) -> str:
    """The values that the alert is grouped by, without those of runtime fields; or its rule's name."""
    half = rule.kibana
    threshold = half.fields.get("threshold") if half else None
    fields = threshold.get("field") if isinstance(threshold, Mapping) else None
    names = [fields] if isinstance(fields, str) else list(fields) if isinstance(fields, Sequence) else []
    terms = {term["field"]: term["value"] for term in row.get("kibana.alert.threshold_result.terms") or ()}
    told = {**row, **terms}
    values = [str(told[name]) for name in map(str, names) if name in told and not name.startswith("deployer.")]
    return " ".join(values) or rule.name
