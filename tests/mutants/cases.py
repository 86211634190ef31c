"""A rule's cases with their events loaded once, so that hundreds of mutants can be tried on them.

What is tried is what would be deployed, as in `deployer test`: encoded with the case's allowlists and overlay. Only the
database is kept from one mutant to the next.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from typing import Any

import eql

from deployer.cases import Case
from deployer.engines import tables
from deployer.engines.kibana import Events
from deployer.engines.kibana import detect
from deployer.engines.kusto import Kusto
from deployer.errors import BadQuery
from deployer.errors import CannotEncode
from deployer.errors import EngineError
from deployer.manifest.events import TIME
from deployer.manifest.events import columns
from deployer.model import Category
from deployer.model import Platform
from deployer.model import Rule
from deployer.providers.sentinel.alerts import triggers
from deployer.providers.sentinel.canonical import duration_seconds
from deployer.ruletests import deployed
from deployer.ruletests.compare import Found
from deployer.ruletests.compare import difference
from deployer.ruletests.expand import expand
from deployer.state import DesiredState
from deployer.state import Kind
from tests import sequences
from tests.mutants.mutant import Mutant


@dataclass(frozen=True, slots=True)
class Loaded:
    """One case and its events."""

    case: Case
    events: Kusto | Events
    rows: Mapping[str, Sequence[Mapping[str, Any]]]

    @property
    def is_tuned(self) -> bool:
        return bool(self.case.allowlists or self.case.overlay)


@dataclass(frozen=True, slots=True)
class Refused:
    """No answer: the engine or the codec would not have the mutant."""

    reason: str


class Bench:
    """The cases of one half of a rule; a context manager that closes their databases."""

    def __init__(self, rule: Rule, platform: Platform, cases: tuple[Case, ...], categories: Mapping[str, Category]):
        self._rule, self._platform, self._categories = rule, platform, categories
        self._open = ExitStack()
        self.cases: list[Loaded] = []
        self._faults: dict[str, str] = {}
        for case in cases:
            if platform in case.halves:
                rows = expand(case.halves[platform].events, platform)
                events = self._load(case, rows)
                self._open.push(events)
                self.cases.append(Loaded(case, events, rows))

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def failing(self) -> Iterator[str]:
        """The cases that do not pass with the rule as it is, and why."""
        for one in self.cases:
            if reason := self._fault(one):
                yield f"{one.case.name}: {reason}"

    def kills(self, mutant: Mutant, one: Loaded) -> bool | Refused:
        """Whether the case fails with the mutant, and only with it."""
        half = self._rule.on(self._platform)
        assert half
        changed = replace(half, query=mutant.query, fields=mutant.fields)
        kibana = self._platform is Platform.KIBANA
        rule = replace(self._rule, kibana=changed) if kibana else replace(self._rule, sentinel=changed)
        answer = self._answer(rule, one)
        if answer == "" or self._fault(one):
            return False
        return answer if isinstance(answer, Refused) else True

    def _fault(self, one: Loaded) -> str:
        """Why a case does not pass with the rule as it is; empty where it does."""
        if one.case.name not in self._faults:
            answer = self._answer(self._rule, one)
            self._faults[one.case.name] = answer.reason if isinstance(answer, Refused) else answer
        return self._faults[one.case.name]

    def _answer(self, rule: Rule, one: Loaded) -> str | Refused:
        try:
            state = deployed.desired(rule, one.case, self._platform, self._categories)
            found = self._find(state, one)
        except (CannotEncode, EngineError) as error:
            return Refused(f"{type(error).__name__}: {error}")
        return difference(one.case.halves[self._platform].matches, found)

    def _find(self, state: DesiredState, one: Loaded) -> Found:
        bodies: dict[Kind, list[Any]] = {kind: [] for kind in Kind}
        for resource in state.resources.values():
            bodies[resource.key.kind].append(resource.body)
        [rule], views = bodies[Kind.RULE], bodies[Kind.DATA_VIEW]
        if isinstance(one.events, Kusto):
            result = one.events.run(str(rule["query"]), one.case.now)
            return Found(result.rows if triggers(rule, len(result.rows)) else (), tuple(result.columns))
        if rule["type"] == "eql":
            return self._sequences(state, one)
        view = views[0] if views else None
        alerts = detect(rule, one.events, one.case.now, data_view=view, items=bodies[Kind.ITEM]).alerts
        return Found(tuple(map(_plain, alerts)), tuple(dict.fromkeys(name for alert in alerts for name in alert)))

    def _sequences(self, state: DesiredState, one: Loaded) -> Found:
        """By the engine that only tests have."""
        half = self._rule.kibana
        assert half
        try:
            return sequences.find(state, half, one.rows, one.case.now)
        except eql.EqlError as error:
            raise BadQuery(str(error)) from None

    def _load(self, case: Case, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Kusto | Events:
        half = self._rule.on(self._platform)
        assert half
        if self._platform is Platform.KIBANA:
            fields: dict[str, str] = {}
            for dataset in half.data:
                fields |= getattr(tables.kibana(dataset), "columns", {})
            for index in rows:
                fields |= columns(Platform.KIBANA, half, index) or {}
            events = Events(fields)
            for index, documents in rows.items():
                events.load(index, documents)
            return events
        database = Kusto([table for name in {*half.data, *rows} if (table := tables.sentinel(name))])
        for name, documents in rows.items():
            database.load(name, [row for row in documents if _is_seen(row, half.fields, case.now)])
        return database


def _is_seen(row: Mapping[str, Any], fields: Mapping[str, Any], now: datetime) -> bool:
    """A scheduled run reads `queryPeriod` back, whatever the query asks for."""
    when = datetime.fromisoformat(row[TIME[Platform.SENTINEL]])
    seconds = duration_seconds(str(fields.get("queryPeriod")))
    return when <= now and (seconds is None or when >= now - timedelta(seconds=seconds))


def _plain(alert: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
        for name, value in alert.items()
    }
