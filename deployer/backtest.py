"""What rules would have raised in the past, with the tenant's allowlists and without, and what each entry hid.

Everything is taken from the files as they stand, so that an overlay or an entry is tried before it is committed.
Nothing is written anywhere.
"""

import ipaddress
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from itertools import groupby

from deployer.crew import Job
from deployer.errors import Denied
from deployer.errors import InvalidManifest
from deployer.errors import ProviderError
from deployer.errors import Unreachable
from deployer.errors import Untrusted
from deployer.findings import Location
from deployer.fleet import Fleet
from deployer.manifest.load import Manifest
from deployer.manifest.overlay import assign
from deployer.manifest.overlay import needed
from deployer.model import Assignment
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Exemption
from deployer.model import Platform
from deployer.model import Rule
from deployer.model import Tenant
from deployer.model import ValueKind
from deployer.outcome import Backtested
from deployer.outcome import Outcome
from deployer.plan import matches
from deployer.previews import Preview
from deployer.providers.base import Provider
from deployer.providers.codecs import encode
from deployer.state import Kind
from deployer.trials import Attempt
from deployer.trials import Effect
from deployer.trials import Standing
from deployer.trials import Trial
from deployer.trials import Unit
from deployer.trials import effect

ENTRIES = 25
"""Entries of one rule that are tried by themselves, unless told otherwise: each costs a preview."""
_ALIKE = "all entries together changed no alert"
_NO_ALERT = "there is no alert to hide"
_ELSEWHERE = "no alert is about an address of it"
_COUNTING = ("threshold", "query", "saved_query")
"""Types of Kibana rules whose alerts are about events that all have the values that the alert has."""
_OF_THE_TARGET = (Denied, Unreachable, Untrusted)
"""What is no fault of one rule: the next one would end alike."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    since: datetime
    until: datetime
    entries: int = ENTRIES


def backtest(fleet: Fleet, wish: Wish) -> list[Outcome]:
    """Run the selected rules over the past of every selected target."""

    def one(provider: Provider, job: Job) -> Outcome:
        tenant = next(tenant for tenant in fleet.manifest.tenants if tenant.name == job.target.tenant)
        assignment = assign(fleet.manifest, tenant, job.target)
        bench = _Bench(provider, assignment, tenant, wish, fleet.stopping)
        rules = [rule for rule in assignment.rules if _selected(fleet, rule.id)]
        idle = list(_idle(fleet, assignment))
        return Backtested(job.place, (*bench.trials(rules), *idle), wish.since, wish.until)

    found = fleet.over(one)
    everything = all(_selected(fleet, name) for name in fleet.manifest.rules)
    return list(_with_spare(found)) if everything else found


def _with_spare(outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
    """The same, with what could go said of a tenant's last target: no single rule can tell."""
    for _, those in groupby(outcomes, key=lambda outcome: outcome.place.tenant):
        own = list(those)
        done = [outcome for outcome in own if isinstance(outcome, Backtested)]
        if len(done) < len(own):
            yield from own  # what another target of the tenant would say is not known
            continue
        trials = [trial for outcome in done for trial in outcome.trials]
        yield from own[:-1]
        yield replace(done[-1], spare=tuple(_spare(trials)))


def _spare(trials: Sequence[Trial]) -> Iterator[Unit]:
    """What hid nothing wherever it counts; nothing where there may have been nothing to hide."""
    standings: dict[Unit, set[Standing]] = {}
    for attempt in (attempt for trial in trials for attempt in trial.attempts):
        standings.setdefault(attempt.unit, set()).add(attempt.standing)
    if any(trial.quiet for trial in trials):
        return
    yield from (unit for unit, found in standings.items() if found == {Standing.NOTHING})


def most_previews(fleet: Fleet, wish: Wish) -> tuple[int, int]:
    """How many rules there are to run, and how many previews that takes at most."""
    rules = previews = 0
    manifest = fleet.manifest
    for tenant in manifest.tenants:
        if tenant.name not in fleet.chosen:
            continue
        for target in tenant.targets:
            for rule in assign(manifest, tenant, target).rules:
                if _selected(fleet, rule.id):
                    number = len(list(_units(rule, tenant, target.platform)))
                    rules += 1
                    jointly = number > 1 and wish.entries > 0 and not _is_counting(rule, target.platform)
                    previews += 1 + (1 + min(number, wish.entries) + jointly if number else 0)
    return rules, previews


def _selected(fleet: Fleet, rule: str) -> bool:
    return not fleet.selection.rules or matches(rule, fleet.selection.rules)


def _idle(fleet: Fleet, assignment: Assignment) -> Iterator[Trial]:
    """Rules with nothing to run here; those that are not for this target only where somebody asked for them."""
    for item in assignment.not_applicable:
        if _selected(fleet, item.rule):
            yield Trial(item.rule, note=f"not applicable: {item.reason}")
    if fleet.selection.rules:
        yield from _absent(fleet.manifest, assignment, fleet.selection.rules)


def _absent(manifest: Manifest, assignment: Assignment, globs: Sequence[str]) -> Iterator[Trial]:
    here = {rule.id for rule in assignment.rules} | {item.rule for item in assignment.not_applicable}
    platform = assignment.target.platform
    for name, rule in sorted(manifest.rules.items()):
        if name in here or not matches(name, globs) or not matches(name, manifest.environment.rules):
            continue
        half = rule.on(platform) is not None
        yield Trial(name, note="it does not go to this target" if half else f"it has no {platform} half")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Entries by category, and free-form exceptions."""

    entries: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    unit: Unit
    allowed: Allowed


class _Bench:
    """The rules of one target, one after the other."""

    def __init__(
        self,
        provider: Provider,
        assignment: Assignment,
        tenant: Tenant,
        wish: Wish,
        stopping: Callable[[], bool],
    ) -> None:
        self._provider = provider
        self._assignment = assignment
        self._tenant = tenant
        self._wish = wish
        self._stopping = stopping
        self._allowed = Allowed(assignment.entries, assignment.exemptions)
        self._asked = 0
        self._requests = 0
        self._over: ProviderError | None = None

    def trials(self, rules: Sequence[Rule]) -> Iterator[Trial]:
        """One a rule. Raises what stops the target as long as nothing is known of it."""
        known = False
        for rule in rules:
            note = "" if rule.enabled else "disabled: it raises nothing until it is enabled"
            self._asked = self._requests = 0
            try:
                trial = self._trial(rule)
                known = True
            except ProviderError as error:
                if self._over is not None and not known:
                    raise
                parts = _units(rule, self._tenant, self._assignment.target.platform)
                unknown = (Attempt(part.unit, Standing.UNKNOWN, reason="the rule was not looked at") for part in parts)
                trial = Trial(rule.id, attempts=tuple(unknown), error=str(error))
            yield replace(trial, note=note, previews=self._asked, requests=self._requests)

    def _trial(self, rule: Rule) -> Trial:
        units = list(_units(rule, self._tenant, self._assignment.target.platform))
        found = self._preview(rule, self._allowed)
        if not units:
            return Trial(rule.id, found, found, Effect() if found.whole else None)
        without = self._preview(rule, Allowed())
        if found.seams != without.seams:
            found = self._preview(rule, self._allowed)  # in the parts that turned out to be needed
        told = found.whole and without.whole and found.seams == without.seams
        whole = effect(without, found) if told else None
        attempts = tuple(self._attempts(rule, units, found, without, whole))
        return Trial(rule.id, found, without, whole, self._together(rule, units, found, attempts))

    def _attempts(
        self, rule: Rule, units: Sequence[_Part], found: Preview, without: Preview, whole: Effect | None
    ) -> Iterator[Attempt]:
        left = self._wish.entries
        for part in units:
            if whole is None:
                reason = "parts of the span were not looked at" if found.gaps or without.gaps else _OTHER_PARTS
                yield Attempt(part.unit, Standing.UNKNOWN, reason=reason)
            elif reason := self._known(rule, part, without, whole):
                yield Attempt(part.unit, Standing.NOTHING, reason=reason)
            elif len(units) == 1:
                yield _attempt(part.unit, whole)
            elif left <= 0:
                yield Attempt(part.unit, Standing.UNTRIED, reason=f"only {self._wish.entries} (--entries)")
            else:
                left -= 1
                yield self._tried(rule, part, without)

    def _together(
        self, rule: Rule, units: Sequence[_Part], found: Preview, attempts: tuple[Attempt, ...]
    ) -> tuple[Attempt, ...]:
        """The same, those told apart that hide nothing one by one and something together with others.

        Where events are counted, that is not possible: what takes no event of an alert alone takes none in company.
        """
        idle = [part for part, one in zip(units, attempts, strict=True) if _is_idle(one)]
        if not idle or len(units) == 1 or _is_counting(rule, self._assignment.target.platform):
            return attempts
        tried = self._tried(rule, _Part(idle[0].unit, _merged(part for part in units if part not in idle)), found)
        if tried.standing is Standing.NOTHING:
            return attempts
        standing = Standing.UNKNOWN if tried.standing is Standing.UNKNOWN else Standing.JOINTLY
        return tuple(replace(one, standing=standing, reason=tried.reason) if _is_idle(one) else one for one in attempts)

    def _known(self, rule: Rule, part: _Part, without: Preview, whole: Effect) -> str:
        """How it is known without asking that a unit hid nothing; empty if it is not."""
        if whole.none:
            return _ALIKE if without.alerts else _NO_ALERT
        if not _is_counting(rule, self._assignment.target.platform):
            return ""
        category = self._assignment.categories.get(part.unit.category)
        return _ELSEWHERE if category and _elsewhere(part, category, without) else ""

    def _tried(self, rule: Rule, part: _Part, without: Preview) -> Attempt:
        try:
            alone = self._preview(rule, part.allowed)
        except (ProviderError, InvalidManifest) as error:
            return Attempt(part.unit, Standing.UNKNOWN, reason=str(error))
        if alone.gaps:
            return Attempt(part.unit, Standing.UNKNOWN, reason=f"not looked at whole: {alone.gaps[0].reason}")
        if alone.seams != without.seams:
            return Attempt(part.unit, Standing.UNKNOWN, reason=_OTHER_PARTS)
        return _attempt(part.unit, effect(without, alone))

    def _preview(self, rule: Rule, allowed: Allowed) -> Preview:
        """What the rule finds if only this is allowed."""
        if self._stopping():
            self._over = Unreachable("interrupted before it was looked at")
        if self._over is not None:
            raise self._over
        kept = {
            name: needed(category, allowed.entries.get(name, ()))
            for name, category in self._assignment.categories.items()
        }
        desired = encode(replace(self._assignment, rules=(rule,), entries=kept, exemptions=allowed.exemptions))
        [key] = [key for key in desired.resources if key.kind is Kind.RULE]
        self._asked += 1
        try:
            found = self._provider.preview(desired, key, self._wish.since, self._wish.until)
            self._requests += found.requests
            return found
        except _OF_THE_TARGET as error:
            self._over = error
            raise


_OTHER_PARTS = "the platform answered in other parts than without entries, so that the two do not compare"


def _is_counting(rule: Rule, platform: Platform) -> bool:
    """Whether each event of an alert shows in what the alert says."""
    half = rule.kibana if platform is Platform.KIBANA else None
    return half is not None and half.fields.get("type") in _COUNTING


def _is_idle(attempt: Attempt) -> bool:
    """Whether a preview of its own has shown that it hides nothing."""
    return attempt.standing is Standing.NOTHING and not attempt.reason


def _merged(parts: Iterable[_Part]) -> Allowed:
    entries: dict[str, tuple[Entry, ...]] = {}
    exemptions: tuple[Exemption, ...] = ()
    for part in parts:
        exemptions += part.allowed.exemptions
        for category, those in part.allowed.entries.items():
            entries[category] = (*entries.get(category, ()), *those)
    return Allowed(entries, exemptions)


def _attempt(unit: Unit, found: Effect) -> Attempt:
    return Attempt(unit, Standing.NOTHING if found.none else Standing.HID, found)


def _units(rule: Rule, tenant: Tenant, platform: Platform) -> Iterator[_Part]:
    """All that the rule honours, as the tenant's file has it: entries that others cover, too."""
    for category in rule.allowlists:
        shared: dict[tuple[str, Location], list[Entry]] = {}
        for entry in tenant.allowlists.get(category, ()):
            if entry.shared is None:
                yield _part(category, _title(entry), (entry,))
            else:
                shared.setdefault((entry.shared, entry.location), []).append(entry)
        for (name, _), entries in shared.items():
            yield _part(
                category, f"list {name} ({len(entries)} value{'' if len(entries) == 1 else 's'})", tuple(entries)
            )
    for one in tenant.exemptions:
        half = rule.on(platform)
        if one.is_for(rule.id) and (one.kibana if platform is Platform.KIBANA else half and one.let in half.exceptions):
            yield _Part(Unit("exception", one.reason, one.location, one.expires), Allowed(exemptions=(one,)))


def _part(category: str, title: str, entries: tuple[Entry, ...]) -> _Part:
    return _Part(Unit(category, title, entries[0].location, entries[0].expires), Allowed({category: entries}))


def _title(entry: Entry) -> str:
    words = [entry.value]
    for word, values in (("on", entry.hosts), ("by", entry.processes), ("port", tuple(map(str, entry.ports)))):
        words += [f"{word} {', '.join(values)}"] if values else []
    return " ".join(words)


def _elsewhere(part: _Part, category: Category, without: Preview) -> bool:
    """Whether every alert is about an address, and none about one that these entries are for.

    The events behind an alert all have the values that it is about. So entries for other addresses take none away.
    """
    bound = category.kibana.get(ValueKind.IP.value)
    entries = part.allowed.entries.get(category.name, ())
    if bound is None or not entries or any(entry.kind is not ValueKind.IP for entry in entries):
        return False
    found = [alert.about.get(bound) for alert in without.alerts]
    if not all(isinstance(value, str) for value in found):
        return False
    try:
        addresses = {ipaddress.ip_address(str(value)) for value in found}
    except ValueError:
        return False
    networks = [ipaddress.ip_network(entry.value) for entry in entries]
    return not any(address in network for address in addresses for network in networks)


def span(until: datetime, days: int) -> tuple[datetime, datetime]:
    """The days before a moment, which is cut to its minute."""
    end = until.replace(second=0, microsecond=0)
    return end - timedelta(days=days), end
