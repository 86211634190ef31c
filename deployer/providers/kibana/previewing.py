"""`rules/preview`: Kibana's own executor runs a rule over the past, and its alerts are read from Elasticsearch.

Source: security_solution preview_rules/route.ts. The rule runs `invocationCount` times, one interval apart, the last
time at `timeframeEnd`; each run remembers those before it. Kibana stops after 60 s (`isAborted`) or at the first run
that fails. Missing privileges are an error in `logs` of an answer with status 200.

Every preview begins one look-back early, and alerts of these runs do not count: a rule that has been running does not
raise again what it has raised. So parts of a span that had to be split fit together.
"""

import math
import re
import threading
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from deployer.errors import BadAnswer
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.previews import Gap
from deployer.previews import PastAlert
from deployer.previews import Preview
from deployer.providers.kibana import codec
from deployer.providers.kibana.api import Document
from deployer.providers.kibana.api import KibanaApi
from deployer.providers.kibana.guarding import Space
from deployer.providers.kibana.previewed import Previewed
from deployer.providers.kibana.quiet import Quiet
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Resource

if TYPE_CHECKING:
    from deployer.providers.kibana.arrivals import Connect

MOST_RUNS = 5_000
"""Runs of one rule in one backtest: 17 days of a rule that runs every five minutes."""
REFRESH_SECONDS = 1.5
"""How long alerts may take to be found by a search: an index is refreshed every second (`refresh_interval`)."""
_DAY = 86_400
_STRIKES = 3
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": _DAY}
_BLIND = re.compile(
    r"no index matching|privilege|unable to access|timestamp field|maximum alert limit|shard|won't be applied", re.I
)
"""Warnings of a run that did not look at everything."""
_NOT_SENT = ("actions", "response_actions", "note", "setup")


@dataclass(frozen=True, slots=True)
class PreviewSettings:
    """What a connection says of previews."""

    slots: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(1))
    """Held while Kibana runs one."""
    refresh: float | None = None
    """Seconds until alerts can be searched; None takes `REFRESH_SECONDS`."""


class Previewer:
    """The previews of one space. What is live there is asked for once."""

    def __init__(self, api: KibanaApi, connect: "Connect | None", settings: PreviewSettings) -> None:
        self._api = api
        self._space = Space(api)
        self._connect = connect
        self._settings = settings
        self._alerts: Previewed | None = None
        self._quiet: Quiet | None = None
        # Per rule the longest part that Kibana got through in its time.
        self._lengths: dict[Key, int] = {}

    def close(self) -> None:
        """Let go of connections."""
        if self._alerts is not None:
            self._alerts.close()
        self._alerts = self._quiet = None

    def preview(self, desired: DesiredState, key: Key, since: datetime, until: datetime) -> Preview:
        """What the rule would have found. See `Provider.preview`."""
        if self._connect is None:
            setting = "name `elasticsearch: {url, credential}` in the target"
            raise Unreachable(f"the alerts of a preview are read from Elasticsearch, which is not known: {setting}")
        wanted = desired.resources[key]
        schedule = Schedule.of(wanted, since, until)
        before = self._space.requests
        self._space.require_view(desired, wanted)
        guards = self._space.guards(desired, wanted, since)
        document = codec.rule_document(wanted, None, dict.fromkeys(wanted.body.get("exceptions_list", ()), ""), None)
        document = {name: value for name, value in document.items() if name not in _NOT_SENT}
        document["exceptions_list"] = [*guards.lists]
        if guards.filters:
            document["filters"] = [*document.get("filters", ()), *guards.filters]
        if self._alerts is None or self._quiet is None:
            refresh = REFRESH_SECONDS if self._settings.refresh is None else self._settings.refresh
            elastic = self._connect()
            self._alerts, self._quiet = Previewed(elastic, self._api.space, refresh), Quiet(elastic)
        walk = _Walk(self._ask, self._alerts, document, schedule, self._lengths.get(key, len(schedule.runs)))
        asked = self._alerts.requests
        walk.go()
        self._lengths[key] = walk.longest
        requests = walk.requests + self._space.requests - before + self._alerts.requests - asked
        found = walk.preview(requests)
        found = replace(found, notes=(*guards.notes, *found.notes))
        return self._quiet.over(found, wanted, (since, until))

    def _ask(self, body: Document) -> Document:
        with self._settings.slots:
            return self._api.preview_rule(body)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a rule would have run."""

    runs: tuple[datetime, ...]
    every: timedelta
    warm: int
    """Runs before a part that it must have been running for."""
    most_alerts: int

    @classmethod
    def of(cls, wanted: Resource, since: datetime, until: datetime) -> "Schedule":
        """The last run is at `until`. Raises `Refused` for more runs than are sensible."""
        every = _seconds(str(wanted.body.get("interval", "5m")))
        back = _seconds(str(wanted.body.get("from", "now-6m")).removeprefix("now-"))
        if not every:
            raise Refused(f"its interval {wanted.body.get('interval')!r} is not understood")
        number = math.ceil((until - since).total_seconds() / every)
        warm = math.ceil((back or _DAY) / every) if (back or _DAY) > every else 0
        if number + warm > MOST_RUNS:
            days = max(0, (MOST_RUNS - warm) * every // _DAY)
            way_out = f"ask for --days {days} at most" if days else "its interval is too short for a backtest"
            said = f"it runs every {wanted.body.get('interval')}, {number + warm:,} times in all"
            raise Refused(f"{said}, and at most {MOST_RUNS:,} runs are previewed; {way_out}")
        step = timedelta(seconds=every)
        runs = tuple(until - (number - 1 - place) * step for place in range(number))
        return cls(runs, step, warm, int(wanted.body.get("max_signals") or 100))

    @property
    def of_a_day(self) -> int:
        """Runs in a day, at least one."""
        return max(1, round(_DAY / self.every.total_seconds()))


class _Walk:
    """One preview after the other until the span is through."""

    def __init__(self, ask: Any, alerts: Previewed, document: Document, schedule: Schedule, longest: int) -> None:
        self._ask = ask
        self._alerts = alerts
        self._document = document
        self._schedule = schedule
        self.longest = max(1, longest)
        self.requests = 0
        self._found: list[PastAlert] = []
        self._gaps: list[Gap] = []
        self._notes: dict[str, None] = {}
        self._seams: list[datetime] = []
        self._done = 0

    def go(self) -> None:
        """Look at all of it, or say what was not looked at."""
        place, strikes = 0, 0
        runs = self._schedule.runs
        while place < len(runs):
            part = runs[place : place + self.longest]
            if strikes >= _STRIKES:
                self._gap(runs[place], runs[-1], self._gaps[-1].reason)
                break
            answer = self._asked(part)
            done = min(len(part), max(0, _succeeded(answer) - self._schedule.warm))
            aborted, error = bool(answer.get("isAborted")), _error(answer)
            if aborted and len(part) > self._schedule.of_a_day:
                self.longest = max(self._schedule.of_a_day, math.ceil(len(part) / 2))
                continue
            self._take(answer, part[:done])
            if place:
                self._seams.append(part[0])
            if done == len(part):
                place += done
                continue
            strikes += 1
            if error and not aborted:
                self._gap(part[done], part[done], error)  # Kibana stops at the run that fails
                place += done + 1
            else:
                why = error or ("Kibana ran out of time (60 s)" if aborted else "Kibana stopped without saying why")
                self._gap(part[done], part[-1], why)
                place += len(part)

    def preview(self, requests: int) -> Preview:
        """What was found. Raises `Refused` where no run was answered."""
        if not self._done:
            raise Refused(f"Kibana could not preview it: {self._gaps[0].reason}")
        found = tuple(sorted(self._found, key=lambda alert: (alert.at, str(alert.about))))
        return Preview(found, self._done, tuple(self._gaps), tuple(self._notes), requests, tuple(self._seams))

    def _asked(self, part: Sequence[datetime]) -> Document:
        self.requests += 1
        count = len(part) + self._schedule.warm
        body = {**self._document, "invocationCount": count, "timeframeEnd": _iso(part[-1])}
        answer: Document = self._ask(body)
        logs = answer["logs"]
        if not isinstance(logs, list) or not all(isinstance(log, dict) for log in logs):
            raise BadAnswer("Kibana's answer to a preview has no logs")
        if not answer.get("previewId") and not _error(answer):
            raise BadAnswer("Kibana answered a preview without its id")
        return answer

    def _take(self, answer: Document, done: Sequence[datetime]) -> None:
        """The alerts of these runs, and what their logs say."""
        if not done:
            return
        half = self._schedule.every / 2
        counts: dict[datetime, int] = {}
        for alert in self._alerts.of(str(answer["previewId"]), self._document):
            if done[0] - half < alert.at < done[-1] + half:
                self._found.append(alert)
                counts[alert.at] = counts.get(alert.at, 0) + 1
            elif alert.at > done[-1] + half and len(done) + self._schedule.warm == len(answer["logs"]):
                raise BadAnswer(f"an alert of the preview is of {alert.at:%Y-%m-%d %H:%M}, when the rule did not run")
        full = {at for at, number in counts.items() if number >= self._schedule.most_alerts}
        warnings = answer["logs"][self._schedule.warm : self._schedule.warm + len(done)]
        for at, log in zip(done, warnings, strict=True):
            for text in _texts(log, "warnings"):
                if _BLIND.search(text):
                    self._gap(at, at, text)
                else:
                    self._notes[text] = None
            if at in full and not any(_BLIND.search(text) for text in _texts(log, "warnings")):
                self._gap(at, at, f"the run raised as many alerts as it may (max_signals {self._schedule.most_alerts})")
        self._done += len(done)

    def _gap(self, first: datetime, last: datetime, reason: str) -> None:
        """What the runs from one to another look at anew; beside a gap with the same reason it becomes one."""
        since = first - self._schedule.every
        if self._gaps and self._gaps[-1].reason == reason and self._gaps[-1].until >= since:
            since = self._gaps.pop().since
        self._gaps.append(Gap(since, last, reason))


def _succeeded(answer: Mapping[str, Any]) -> int:
    """Runs up to the first that failed."""
    logs = answer["logs"]
    return next((number for number, log in enumerate(logs) if list(_texts(log, "errors"))), len(logs))


def _error(answer: Mapping[str, Any]) -> str:
    return next((text for log in answer["logs"] for text in _texts(log, "errors")), "")


def _texts(log: Mapping[str, Any], name: str) -> Iterator[str]:
    found = log.get(name)
    return map(str, found) if isinstance(found, list) else iter(())


def _seconds(text: str) -> int:
    """A duration such as 5m or 24h; 0 for what is none."""
    found = re.fullmatch(r"(\d+)([smhd])", text)
    return int(found[1]) * _UNITS[found[2]] if found else 0


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
