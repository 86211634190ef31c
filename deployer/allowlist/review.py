"""What is due for review: entries, shared lists, exceptions and accepted drift that expire, have expired, or that
nobody has looked at for too long."""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta

from deployer.allowlist.outcomes import Broken
from deployer.allowlist.outcomes import Due
from deployer.allowlist.outcomes import Reminder
from deployer.allowlist.outcomes import Review
from deployer.allowlist.words import named
from deployer.findings import Location
from deployer.manifest.load import Manifest
from deployer.model import Acceptance
from deployer.model import Allowance
from deployer.model import Entry
from deployer.model import Exemption
from deployer.model import Tenant
from deployer.plan import matches

WITHIN = 14
"""Days, where the user names none."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Held:
    """One thing that somebody answers for, and the tenants that have it."""

    kind: str
    what: str
    category: str | None
    allowance: Allowance
    location: Location
    held: tuple[tuple[str, Location], ...]
    every: int | None
    """Days after which the policy wants it reviewed."""
    reviewable: bool = True
    """Whether there is a place to say that it was."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    """Accepted drift in the words of allowances: nothing in it says when somebody looked at it."""

    reason: str
    owner: str
    expires: str
    location: Location
    ticket: str | None = None
    reviewed: str | None = None

    @property
    def until(self) -> datetime:
        return datetime.combine(date.fromisoformat(self.expires) + _DAY, datetime.min.time(), UTC)


def review(manifest: Manifest, now: datetime, within: int = WITHIN, tenants: Sequence[str] = ()) -> Review:
    """What is due in the tenants that match one of the globs (in all, without globs) `within` so many days.

    A shared list is told once for all tenants on the same terms.
    """
    found = [one for one in manifest.tenants if not tenants or matches(one.name, tenants)]
    things = [*_lists(manifest, found), *(thing for tenant in found for thing in _own(manifest, tenant))]
    due = [reminder for thing in things if (reminder := _reminder(thing, now, within))]
    broken = tuple(
        Broken(name, findings)
        for name, findings in manifest.broken_tenants.items()
        if not tenants or matches(name, tenants)
    )
    return Review(within, tuple(sorted(due, key=_urgency)), len(things), broken)


def _own(manifest: Manifest, tenant: Tenant) -> Iterator[_Held]:
    """What a tenant's file itself says."""
    for category, entries in tenant.allowlists.items():
        for one in entries:
            if one.shared is None:
                yield _held(tenant, "entry", named(one), category, one, _every(manifest, category))
    for exemption in tenant.exemptions:
        yield _held(tenant, "exception", _exception(exemption), None, exemption, _every(manifest, None))
    for accepted in tenant.accepted:
        thing = _held(tenant, "acceptance", _drift(accepted), None, _as_allowance(accepted), None)
        yield replace(thing, reviewable=False)


def _held(tenant: Tenant, kind: str, what: str, category: str | None, one: Allowance, every: int | None) -> _Held:
    return _Held(kind, what, category, one, one.location, ((tenant.name, one.location),), every)


def _lists(manifest: Manifest, tenants: Sequence[Tenant]) -> Iterator[_Held]:
    """The shared lists that the tenants include, each once for all includes on the same terms."""
    values: dict[tuple[str | None, ...], dict[tuple[str, Location], Entry]] = {}
    for tenant in tenants:
        for entries in tenant.allowlists.values():
            for one in entries:
                if one.shared is not None:
                    terms = (one.shared, one.category, one.expires, one.reviewed, one.owner)
                    values.setdefault(terms, {}).setdefault((tenant.name, one.location), one)
    for held in values.values():
        first = next(iter(held.values()))
        where = Location(first.written.path) if first.written else first.location
        what = f"shared list {first.shared}"
        yield _Held("list", what, first.category, first, where, tuple(held), _every(manifest, first.category))


def _every(manifest: Manifest, category: str | None) -> int | None:
    """After how many days the policy wants something reviewed again."""
    environment = manifest.environment
    policy = environment.policy if category is None else environment.policy_of(category)
    return policy.review_every_days


def _as_allowance(accepted: Acceptance) -> _Accepted:
    return _Accepted(accepted.reason, accepted.owner, accepted.until, accepted.location)


def _exception(one: Exemption) -> str:
    return f"exception for {', '.join(one.rules)}"


def _drift(one: Acceptance) -> str:
    where = f" at {one.target}" if one.target else ""
    return f"accepted drift of {one.object}{where} ({', '.join(one.fields)})"


def _reminder(thing: _Held, now: datetime, within: int) -> Reminder | None:
    one = thing.allowance
    left = one.until - now if one.until else None
    dues = tuple(_dues(thing, left, now, within))
    if not dues:
        return None
    return Reminder(
        thing.kind,
        thing.what,
        thing.category,
        dues,
        one.reason,
        one.owner,
        one.ticket,
        one.expires,
        None if left is None else left // _DAY,
        one.reviewed,
        thing.location,
        thing.held,
    )


def _dues(thing: _Held, left: timedelta | None, now: datetime, within: int) -> Iterator[Due]:
    if left is not None and left <= timedelta(0):
        yield Due.EXPIRED
    elif left is not None and left <= within * _DAY:
        yield Due.EXPIRES
    reviewed = thing.allowance.reviewed
    if reviewed is not None and _since(reviewed, now) < 0:
        yield Due.UNREVIEWED  # a review that is still to come is none
    elif reviewed is None and thing.reviewable:
        yield Due.UNREVIEWED
    elif reviewed is not None and thing.every is not None and _since(reviewed, now) > thing.every:
        yield Due.OVERDUE


def _since(day: str, now: datetime) -> int:
    return (now.date() - date.fromisoformat(day)).days


def _urgency(one: Reminder) -> tuple[object, ...]:
    order = list(Due)
    days = one.days if one.dues[0] in (Due.EXPIRED, Due.EXPIRES) and one.days is not None else 0
    return order.index(one.dues[0]), days, one.reviewed or "", one.location, one.what
