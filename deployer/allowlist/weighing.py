"""Which of a tenant's free-form exceptions let through what somebody asks about, where, and on what conditions."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime

from deployer.allowlist import conditions
from deployer.allowlist.answers import At
from deployer.allowlist.answers import Excepted
from deployer.allowlist.answers import Question
from deployer.model import Assignment
from deployer.model import Category
from deployer.model import Exemption
from deployer.model import Platform
from deployer.model import Rule
from deployer.model import ValueKind
from deployer.providers.kibana.exemptions import guards
from deployer.state import DesiredState

_USUAL = {
    "host": ("host.name",),
    "process": ("process.name",),
    "port": ("destination.port",),
    "ip": ("destination.ip", "source.ip"),
    "domain": ("destination.domain", "dns.question.name"),
}
"""Fields of ECS that speak of what may be asked about, beside those that categories bind."""


@dataclass(frozen=True, slots=True)
class Place:
    """One target, what it is to hold, and the rules that are asked about."""

    held: Assignment
    desired: DesiredState | None
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what its text may be."""

    question: Question
    readings: Mapping[ValueKind, str]
    categories: Mapping[str, Category]
    now: datetime

    @property
    def what(self) -> str:
        """As fields of events hold it."""
        return self.readings.get(ValueKind.IP) or self.question.what

    def known(self) -> dict[str, str]:
        """The fields of which the question gives the value."""
        asked = {"host": self.question.host, "process": self.question.process, "port": self.question.port}
        return {field: str(value) for key, value in asked.items() if value is not None for field in self.fields(key)}

    def fields(self, key: str, names: Sequence[str] | None = None) -> tuple[str, ...]:
        """The fields that categories bind for something, with those of ECS; of single categories theirs alone."""
        chosen = self.categories if names is None else names
        bound = [self.categories[name].kibana[key] for name in chosen if key in self.categories[name].kibana]
        return tuple(dict.fromkeys((*bound, *(_USUAL[key] if names is None else ()))))

    def usual(self, rule: Rule) -> tuple[str, ...]:
        """The fields in which a rule's events have what was asked about."""
        if ValueKind.IP in self.readings:
            return self.fields("ip", rule.allowlists) or self.fields("ip")
        process = self.fields("process")
        if ValueKind.DOMAIN not in self.readings:
            return process
        domain = self.fields("domain", rule.allowlists) or self.fields("domain")
        return domain if self.question.process is not None else (*process, *domain)


def weighed(exemptions: Sequence[Exemption], places: Sequence[Place], asked: Asked) -> tuple[Excepted, ...]:
    """Each exception at every target, those together where it says the same."""
    found = [made for one in exemptions for made in _weighed(one, places, asked)]
    order = {True: 0, None: 1, False: 2}
    return tuple(sorted(found, key=lambda one: (order[one.allows], bool(one.limits), one.exemption.location)))


def _weighed(one: Exemption, places: Sequence[Place], asked: Asked) -> Iterator[Excepted]:
    # An exception holds mappings, so that it is no key.
    said: list[tuple[Excepted, dict[str, list[Rule]]]] = []
    by_target = {place.held.target.name: place for place in places}
    for target, place in by_target.items():
        for rule in place.rules:
            if one.is_for(rule.id) and (found := _at(one, rule, place.held.target.platform, asked)):
                there = next((there for known, there in said if known == found), None)
                if there is None:
                    said.append((found, there := {}))
                there.setdefault(target, []).append(rule)
    for found, there in said:
        at = (
            At(name, found.platform, tuple(rule.id for rule in rules), _becomes(one, rules, by_target[name]))
            for name, rules in there.items()
        )
        yield replace(found, at=tuple(at))


def _at(one: Exemption, rule: Rule, platform: Platform, asked: Asked) -> Excepted | None:
    """What it does in one rule; None where it does nothing there."""
    half = rule.on(platform)
    over = (f"it expired on {one.expires}",) if one.until and one.until <= asked.now else ()
    if platform is Platform.SENTINEL:
        if half is None or one.let not in half.exceptions:
            return None
        return Excepted(one, platform, (), over, None, True, tuple(_among(one, asked)), ())
    if not one.kibana:
        return None
    usual, kind = asked.usual(rule), "ip" if ValueKind.IP in asked.readings else "domain"
    verdict = conditions.judged(one.kibana, asked.known(), asked.what, usual, asked.fields(kind))
    named = {str(each.get("field")) for each in one.kibana}
    unclear = verdict.taken not in usual or (len(usual) > 1 and not named.isdisjoint(usual))
    taken = verdict.taken if unclear else None
    return Excepted(one, platform, verdict.limits, (*over, *verdict.fails), taken, verdict.near, (), ())


def _among(one: Exemption, asked: Asked) -> Iterator[str]:
    """What of the question is among the values of a `let`, as texts are compared; the query may do otherwise."""
    question, values = asked.question, tuple(map(str, one.values))
    given = (asked.what, question.host, question.process, None if question.port is None else str(question.port))
    for text in dict.fromkeys(each for each in given if each is not None):
        if text in values:
            yield f"{text} is among them"
        elif text.lower() in (value.lower() for value in values):
            yield f"{text} is among them in other capitals"
        else:
            yield from (f"{text} lies within {value}" for value in conditions.addresses(one.values, text))


def _becomes(one: Exemption, rules: Sequence[Rule], place: Place) -> str:
    """What an exception is at a target."""
    if place.desired is None:
        return "nothing: the target cannot be told all that is allowed, `deployer check` says why"
    if place.held.target.platform is Platform.SENTINEL:
        return f"values of `let {one.let}` in the query"
    items = [item for rule in rules for item in guards(rule, [one]) if item.needs]
    there = [item for item in items if item.key in place.desired.resources]
    if len(there) == 1:
        return f"the item {there[0].key.id} of the list {there[0].body['list_id']}"
    return f"an item in each of the lists {', '.join(item.body['list_id'] for item in there)}" if there else "nothing"
