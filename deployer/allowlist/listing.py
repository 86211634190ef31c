"""What tenants allow, entry by entry, and whether each entry still does anything."""

import ipaddress
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from typing import Any

from deployer.allowlist.outcomes import Broken
from deployer.allowlist.outcomes import Listed
from deployer.allowlist.outcomes import ListedException
from deployer.allowlist.outcomes import Listing
from deployer.allowlist.outcomes import Standing
from deployer.covering import covers
from deployer.covering import text
from deployer.covering import without_covered
from deployer.manifest.load import Manifest
from deployer.model import Allowance
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Tenant
from deployer.model import ValueKind
from deployer.plan import matches

SOON = timedelta(days=30)
"""An entry that expires within this time is said to."""


def listed(
    manifest: Manifest, now: datetime, tenants: Sequence[str] = (), categories: Sequence[str] = ()
) -> tuple[tuple[Listing, ...], tuple[Broken, ...]]:
    """The entries and exceptions of the tenants that match one of the globs (of all, without globs), and the tenants of
    which they cannot be told. `categories` narrows what is listed to entries of these."""
    found = [one for one in manifest.tenants if not tenants or matches(one.name, tenants)]
    broken = [
        Broken(name, findings)
        for name, findings in manifest.broken_tenants.items()
        if not tenants or matches(name, tenants)
    ]
    return tuple(_listing(manifest, one, now, categories) for one in found), tuple(broken)


def coverers(entries: Sequence[Entry], category: Category) -> Iterator[tuple[Entry, tuple[Entry, ...]]]:
    """Each entry that others cover, with those that do: one of them, or several that cover it together."""
    kept = without_covered(entries, category)
    needed = set(kept)
    by_value: dict[str, list[Entry]] = {}
    for one in kept:
        by_value.setdefault(one.value, []).append(one)
    for entry in entries:
        if entry not in needed:
            near = (one for value in _around(entry) for one in by_value.get(value, ()))
            alone = [one for one in near if covers(one, entry, category)]
            yield entry, tuple(alone[:1]) or tuple(_parts(entry, kept, category))


def _listing(manifest: Manifest, tenant: Tenant, now: datetime, categories: Sequence[str]) -> Listing:
    found = [
        (category, tuple(_listed(tenant.allowlists[name], category, now)))
        for name, category in manifest.categories.items()
        if tenant.allowlists.get(name) and (not categories or matches(name, categories))
    ]
    exceptions = None if categories else tuple(_excepted(manifest, tenant, now))
    return Listing(tenant.name, tenant.location.path, tuple(found), exceptions)


def _listed(entries: Sequence[Entry], category: Category, now: datetime) -> Iterator[Listed]:
    covered: Mapping[Entry, tuple[Entry, ...]] = dict(coverers(entries, category))
    for entry in entries:
        standing, days = _standing(entry, now)
        if standing is not Standing.EXPIRED and entry in covered:
            yield Listed(entry, Standing.COVERED, days, covered[entry])
        else:
            yield Listed(entry, standing, days)


def _excepted(manifest: Manifest, tenant: Tenant, now: datetime) -> Iterator[ListedException]:
    for one in tenant.exemptions:
        rules = (rule for rule in manifest.rules if one.is_for(rule) and matches(rule, manifest.environment.rules))
        yield ListedException(one, *_standing(one, now), tuple(sorted(rules)))


def _standing(one: Allowance, now: datetime) -> tuple[Standing, int | None]:
    """What it does today, others aside, and the whole days that are left."""
    left = one.until - now if one.until else None
    if left is None:
        return Standing.HOLDS, None
    standing = Standing.EXPIRED if left <= timedelta(0) else Standing.EXPIRES if left <= SOON else Standing.HOLDS
    return standing, left // timedelta(days=1)


def _around(entry: Entry) -> Iterator[str]:
    """The values of which an entry may be that covers this one alone."""
    yield entry.value
    if entry.kind is ValueKind.IP:
        network: Any = ipaddress.ip_network(entry.value)
        while network.prefixlen:
            network = network.supernet()
            yield text(network)


def _parts(entry: Entry, kept: Sequence[Entry], category: Category) -> Iterator[Entry]:
    """The entries each of which covers a part of this range."""
    whole: Any = ipaddress.ip_network(entry.value)
    for one in kept:
        if one.kind is ValueKind.IP and covers(one, replace(entry, value=one.value), category):
            part: Any = ipaddress.ip_network(one.value)
            if part.version == whole.version and part.subnet_of(whole):
                yield one
