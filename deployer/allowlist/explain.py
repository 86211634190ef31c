"""What lets an address, a domain or a process through: which entry, in which rule of which target, and how far."""

import ipaddress
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from deployer import covering
from deployer.allowlist import checkout as work
from deployer.allowlist.answers import Answer
from deployer.allowlist.answers import At
from deployer.allowlist.answers import Excepted
from deployer.allowlist.answers import Ground
from deployer.allowlist.answers import Question
from deployer.allowlist.answers import Silent
from deployer.allowlist.checkout import Checkout
from deployer.allowlist.platforms import becomes
from deployer.allowlist.weighing import Asked
from deployer.allowlist.weighing import Place
from deployer.allowlist.weighing import weighed
from deployer.allowlist.words import numbered
from deployer.allowlist.words import on_ports
from deployer.allowlist.words import until
from deployer.errors import CannotEncode
from deployer.errors import CannotStart
from deployer.hosts import Unfit
from deployer.manifest import values
from deployer.manifest.overlay import assign
from deployer.manifest.wording import shown
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Platform
from deployer.model import Rule
from deployer.model import Tenant
from deployer.model import ValueKind
from deployer.plan import matches
from deployer.providers.codecs import encode


def explain(checkout: Checkout, name: str, question: Question, now: datetime) -> Answer:
    """The answer. Raises `CannotStart` for a tenant or a rule that there is not, and for what can be no value."""
    tenant = checkout.tenant(name)
    readings = _readings(question.what)
    _require_rules(checkout, question.rules)
    if tenant is None:
        return Answer(name, question, now, refusals=tuple(work.broken(checkout, name)))
    places = [_place(checkout, tenant, target.name, question.rules) for target in tenant.targets]
    grounds = [
        ground
        for category_name, entries in tenant.allowlists.items()
        for one in entries
        if (how := _holds(one, readings)) is not None
        for ground in _grounds(one, checkout.category(category_name), how, places, question, now)
    ]
    grounds.sort(key=lambda one: (not one.allows, bool(one.limits), one.entry.location))
    disabled = tuple((one.held.target.name, rule.id) for one in places for rule in one.rules if not rule.enabled)
    excepted = weighed(tenant.exemptions, places, Asked(question, readings, checkout.manifest.categories, now))
    near = tuple(one for one in excepted if one.allows is not False or one.near)
    notes = (*_notes(grounds, places), *_others(len(excepted) - len(near)))
    silent = tuple(_silent(grounds, near, places))
    return Answer(name, question, now, tuple(grounds), near, silent, disabled, notes)


def _readings(text: str) -> Mapping[ValueKind, str]:
    """What a text may be, in the spelling of entries of each kind."""
    try:
        kind, value = values.canonical(text, (ValueKind.IP, ValueKind.PROCESS))
    except Unfit as unfit:
        raise CannotStart(f"{shown(text)} {unfit}") from None
    if kind is ValueKind.IP:
        return {kind: value}
    try:
        return {kind: value, ValueKind.DOMAIN: values.domain(text)}
    except Unfit:
        return {kind: value}


def _require_rules(checkout: Checkout, globs: Sequence[str]) -> None:
    manifest = checkout.manifest
    there = sorted(rule for rule in manifest.rules if matches(rule, manifest.environment.rules))
    for glob in globs:
        if not any(matches(rule, [glob]) for rule in there):
            raise CannotStart(f"no rule of {manifest.environment.name} matches {shown(glob)}")


def _place(checkout: Checkout, tenant: Tenant, name: str, globs: Sequence[str]) -> Place:
    target = next(one for one in tenant.targets if one.name == name)
    held = assign(checkout.manifest, tenant, target)
    rules = tuple(rule for rule in held.rules if not globs or matches(rule.id, globs))
    try:
        return Place(held, encode(held), rules)
    except CannotEncode:
        return Place(held, None, rules)


def _holds(one: Entry, readings: Mapping[ValueKind, str]) -> str | None:
    """Whether an entry's value holds what was asked for: "" if so, None if not, else how much of it it holds."""
    asked = readings.get(one.kind)
    if asked is None:
        return None
    if one.kind is ValueKind.IP:
        own: Any = ipaddress.ip_network(one.value)
        other: Any = ipaddress.ip_network(asked)
        if own.version != other.version or not own.overlaps(other):
            return None
        return "" if other.subnet_of(own) else f"it allows only {one.value} of it"
    return "" if one.value.lower() == asked.lower() else None


def _grounds(
    one: Entry, category: Category, how: str, places: Sequence[Place], question: Question, now: datetime
) -> Iterator[Ground]:
    """The entry at every target, those together where it says the same."""
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], list[At]] = {}
    for place in places:
        platform = place.held.target.platform
        rules = tuple(rule.id for rule in place.rules if category.name in rule.allowlists)
        fails = (*filter(None, [how]), *_fails(one, category, platform, question, now))
        limits = tuple(_limits(one, category, question))
        at = At(place.held.target.name, platform, rules, _becomes(one, category, place))
        found.setdefault((limits, fails), []).append(at)
    for (limits, fails), there in found.items():
        yield Ground(one, category, limits, fails, tuple(there))


def _fails(one: Entry, category: Category, platform: Platform, question: Question, now: datetime) -> Iterator[str]:
    """The conditions of an entry that do not hold for what was asked."""
    if one.until and one.until <= now:
        yield f"it expired on {one.expires}"
    own, exact = question.what, platform is Platform.KIBANA
    if one.kind is ValueKind.PROCESS and exact and one.value != own:
        yield f"it is for {one.value}, and Kibana tells capitals apart"
    if question.port is not None and (ports := one.ports or category.ports) and question.port not in ports:
        whose = "it is" if one.ports else f"{category.name} is"
        yield f"{whose} for port{'s' if len(ports) > 1 else ''} {numbered(ports)}, not for {question.port}"
    if question.host is not None and one.hosts and not any(_same(host, question.host, platform) for host in one.hosts):
        yield f"it is for the host{'s' if len(one.hosts) > 1 else ''} {', '.join(one.hosts)}, not for {question.host}"
    if question.process is not None and one.processes:
        known = one.processes if exact else tuple(process.lower() for process in one.processes)
        if (question.process if exact else question.process.lower()) not in known:
            capitals = question.process.lower() in (process.lower() for process in one.processes)
            told = ", and Kibana tells capitals apart" if capitals else ""
            yield f"it is for {', '.join(one.processes)}, not for {question.process}{told}"


def _same(host: str, asked: str, platform: Platform) -> bool:
    """Whether a platform takes the host that was asked about for the one of an entry."""
    if platform is Platform.KIBANA:
        return host == asked
    whole, short = asked.lower(), asked.lower().partition(".")[0]
    return host.lower() == whole or ("." not in host and host.lower() == short)


def _limits(one: Entry, category: Category, question: Question) -> Iterator[str]:
    """What an entry asks for besides, of which the question says nothing."""
    if question.host is None and one.hosts:
        yield f"on {'hosts' if len(one.hosts) > 1 else 'host'} {', '.join(one.hosts)}"
    if question.process is None and one.processes:
        yield f"by {', '.join(one.processes)}"
    if question.port is None and (ports := one.ports or category.ports):
        yield on_ports(ports)


def _becomes(one: Entry, category: Category, place: Place) -> str:
    """What an entry is at a target, which holds those only that no other covers."""
    if category.name not in place.held.categories:
        return "nothing: no rule there honours its category"
    if place.desired is None:
        return "nothing: the target cannot be told all that is allowed, `deployer check` says why"
    there = place.held.entries[category.name]
    if one in there:
        return becomes(place.held.target.platform, category, one, place.desired)
    wider = next((each for each in there if covering.covers(each, one, category)), None)
    if wider is None:
        return "a part of several others, which cover it together"
    made = becomes(place.held.target.platform, category, wider, place.desired)
    if one.shared is not None and replace(wider, value=one.value, written=one.written) == one:
        return f"{made}, as {wider.value}"
    return f"{made}, as that of {wider.value}, which covers it {until(wider)}"


def _silent(grounds: Sequence[Ground], excepted: Sequence[Excepted], places: Sequence[Place]) -> Iterator[Silent]:
    """The rules that let nothing of it through."""
    by_exception: dict[tuple[str, str], set[bool | None]] = {}
    for one in excepted:
        for target, rule_id in ((at.target, rule_id) for at in one.at for rule_id in at.rules):
            by_exception.setdefault((target, rule_id), set()).add(one.allows)
    for place in places:
        target = place.held.target.name
        near = [one for one in grounds if any(at.target == target for at in one.at)]
        open_in = {one.category.name for one in near if one.allows}
        closed_in = {one.category.name for one in near} - open_in
        for rule in place.rules:
            said = by_exception.get((target, rule.id), set())
            if open_in.isdisjoint(rule.allowlists) and True not in said:
                unsure = "; what an exception adds to its query may, see above" if None in said else ""
                yield Silent(target, rule.id, f"{_why_not(rule, closed_in)}{unsure}")


def _why_not(rule: Rule, near: set[str]) -> str:
    if not rule.allowlists:
        return "honours no category"
    names = ", ".join(rule.allowlists)
    if near.isdisjoint(rule.allowlists):
        return f"honours {names}: no entry there holds it"
    return f"honours {names}: entries come near, see above"


def _notes(grounds: Sequence[Ground], places: Sequence[Place]) -> Iterator[str]:
    """What is true of a platform and cannot be seen in the entries."""
    if any(one.entry.hosts for one in grounds):
        platforms = {place.held.target.platform for place in places}
        if Platform.KIBANA in platforms:
            yield "Kibana compares host.name as it is: all of it, capitals included."
        if Platform.SENTINEL in platforms:
            yield (
                "Sentinel sees the full names that Defender reports: a host with a dot is compared whole, one "
                "without is the computer's own name, whatever its domain; capitals do not count."
            )


def _others(number: int) -> Iterator[str]:
    """How many exceptions are not named, because they are for other things than what was asked about."""
    if number:
        each = "1 exception of these rules is" if number == 1 else f"{number} exceptions of these rules are"
        yield f"{each} for something else."
