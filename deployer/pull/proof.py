"""The proof of an edit: the edited file is loaded, and makes what is live and nothing else anew."""

from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from deployer.diff import field_changes
from deployer.errors import CannotEdit
from deployer.errors import InvalidManifest
from deployer.fleet import Fleet
from deployer.manifest.load import Manifest
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.model import Platform
from deployer.model import Target
from deployer.model import Tenant
from deployer.outcome import Taken
from deployer.plan import Create
from deployer.providers.codecs import encode
from deployer.providers.kibana import items
from deployer.pull.draft import Draft
from deployer.pull.entries import PLACE
from deployer.pull.sights import Sight
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource


def fault(
    fleet: Fleet, draft: Draft, sights: Sequence[Sight], taken: Sequence[Taken], trusted_hosts: Sequence[str] | None
) -> tuple[str, tuple[str, ...], str | None]:
    """The edited text, what changes with it in other places, and why it must not be written, if so."""
    try:
        text = draft.edited()
    except CannotEdit as error:
        return draft.text, (), str(error)
    path, name = draft.document.path, draft.tenant.name
    try:
        environment, trusted_root = fleet.manifest.environment.name, fleet.manifest.trusted_root
        loaded = load(fleet.root, environment, trusted_hosts, trusted_root, {path: text.encode()})
        if name in loaded.broken_tenants:
            raise InvalidManifest(loaded.broken_tenants[name])
        if problem := _elsewhere(fleet.manifest, loaded, name):
            return text, (), problem
        tenant = next(one for one in loaded.tenants if one.name == name)
        effects: list[str] = []
        for target in tenant.targets:
            before = _encoded(fleet.manifest, draft.tenant, target.name)
            after = _encoded(loaded, tenant, target.name)
            mine = [one for one in taken if one.target == target.name]
            lists = {items.PREFIX + str(one.place[1]) for one in taken if one.place[0] == PLACE}
            live = {
                change.key: change.live
                for sight in sights
                if sight.target == target.name
                for change in sight.plan.changes
                if not isinstance(change, Create)
            }
            filled = lists if target.platform is Platform.SENTINEL else set[str]()
            problems = [
                *_unproven(mine, live, before, after, filled),
                *_spoilt(mine, target, lists, before, after, effects),
            ]
            if problems:
                return text, (), "; ".join(f"{target.name}: {problem}" for problem in problems)
    except InvalidManifest as error:
        return text, (), str(error)
    return text, tuple(effects), None


def _encoded(manifest: Manifest, tenant: Tenant, name: str) -> DesiredState:
    target = next(one for one in tenant.targets if one.name == name)
    return encode(assign(manifest, tenant, target))


def _elsewhere(before: Manifest, after: Manifest, name: str) -> str | None:
    """Whether something of another tenant would come out otherwise."""
    one, other = ({tenant.name: tenant for tenant in each.tenants if tenant.name != name} for each in (before, after))
    if one != other or before.broken_tenants.keys() != after.broken_tenants.keys():
        return "it would change what another tenant's file says, or that file was changed meanwhile; run again"
    return None


def _unproven(
    taken: Sequence[Taken],
    live: dict[Key, Resource],
    before: DesiredState,
    after: DesiredState,
    filled: set[str],
) -> Iterator[str]:
    """What was taken over and would still not be what is live.

    A query that new entries are `filled` into is not: that it is but for them was seen when it was laid.
    """
    for key in dict.fromkeys(one.key for one in taken):
        paths = {one.path for one in taken if one.key == key and one.place[0] != "accepted"}
        if not paths:
            continue
        made = after.resources.get(key)
        if key.kind is Kind.ITEM:
            if (key in live) != (made is not None) or (made and not items.alike(made, live[key])):
                yield f"{key} would not let the same through"
            continue
        left = _differing(live[key].body, made) - (_differing(live[key].body, before.resources[key]) - paths)
        left -= {"query"} if filled else set()
        if left:
            yield f"{key} would still differ in {', '.join(sorted(left))}"


def _spoilt(
    taken: Sequence[Taken],
    target: Target,
    lists: set[str],
    before: DesiredState,
    after: DesiredState,
    effects: list[str],
) -> Iterator[str]:
    """What nobody asked to change and would; an entry changes every place that honours its category."""
    mine = {one.key for one in taken}
    for key in sorted(before.resources.keys() | after.resources.keys()):
        one, other = before.resources.get(key), after.resources.get(key)
        if key in mine or (one and other and one.digest == other.digest):
            continue
        either = one or other
        if either is not None and key.kind is Kind.VALUE_LIST and key.id in lists:
            effects.append(f"{target.name}: {key}")
        elif either is not None and key.kind is Kind.ITEM and either.body["list_id"] in lists:
            effects.append(f"{target.name}: {key} ({either.name})")
        elif lists and target.platform is Platform.SENTINEL and key.kind in (Kind.RULE, Kind.WATCHLIST):
            effects.append(f"{target.name}: {key}")
        else:
            yield f"{key} would change, too"


def _differing(live: Any, made: Resource | None) -> set[str]:
    return {field.path for field in field_changes(live, made.body if made else {})}
