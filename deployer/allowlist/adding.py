"""Add an entry, or an include of a shared list, to a tenant's file."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from deployer import covering
from deployer.allowlist import checkout as work
from deployer.allowlist.checkout import PLACE
from deployer.allowlist.checkout import Checkout
from deployer.allowlist.outcomes import Edited
from deployer.allowlist.outcomes import Refusal
from deployer.allowlist.wanted_entries import NOWHERE
from deployer.allowlist.wanted_entries import OPTIONS
from deployer.allowlist.wanted_entries import WantedEntry
from deployer.allowlist.wanted_entries import canonical
from deployer.allowlist.wanted_entries import entry
from deployer.allowlist.words import named
from deployer.allowlist.words import places
from deployer.allowlist.words import until
from deployer.blocklists import Blocklists
from deployer.blocklists import read
from deployer.errors import CannotEdit
from deployer.findings import Finding
from deployer.findings import Severity
from deployer.manifest import edit
from deployer.manifest.document import Path as Steps
from deployer.manifest.load import Manifest
from deployer.manifest.replacing import replace_text
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Tenant


def add(
    checkout: Checkout,
    name: str,
    category_name: str,
    wanted: WantedEntry,
    now: datetime,
    dry: bool = False,
    blocklists: Sequence[Path] = (),
) -> Edited:
    """Write it, unless it is refused or `dry`. Raises `CannotStart` for a tenant or a category that there is not.

    What one of the `blocklists` names is refused, and everything is where one of them cannot be read.
    """
    tenant, category = checkout.tenant(name), checkout.category(category_name)
    found = Edited("add", name, "", category, include=wanted.list)
    if tenant is None:
        return replace(found, refusals=tuple(work.broken(checkout, name)))
    found = replace(found, file=tenant.location.path)
    wanted, faults = canonical(wanted, category, now)
    listed, unread = read(blocklists)
    faults += [Refusal(one.message, "--blocklist", one.location) for one in unread]
    if faults:
        return replace(found, refusals=tuple(faults))
    there = tenant.allowlists.get(category.name, ())
    if wanted.value is not None and (known := _known(entry(wanted, category), there, category)):
        return replace(found, refusals=(known,))
    try:
        return _spliced(checkout, tenant, category, wanted, found, dry, listed)
    except CannotEdit as error:
        return replace(found, refusals=(Refusal(str(error)),))


def _known(new: Entry, there: Sequence[Entry], category: Category) -> Refusal | None:
    """Why the entry would say nothing new, or contradict what is there."""
    same = next((one for one in there if one.shared is None and _scope(one) == _scope(new)), None)
    if same is not None:
        message = f"{named(same)} is there already, {until(same)} ({places(same)})"
        if not covering.covers(same, new, category):
            message += "; change its `expires` there, or remove it first"
        return Refusal(message, location=same.location)
    wider = [one for one in there if covering.covers(one, new, category)]
    if wider:
        one = max(wider, key=lambda each: (each.until is None, each.until, -each.location.line))
        return Refusal(f"{named(one)} allows it already, {until(one)} ({places(one)})", location=one.location)
    if new not in covering.without_covered([*there, new], category):
        parts = [one for one in there if covering.covers(new, replace(one, expires=new.expires), category)]
        told = ", ".join(f"{named(one)} ({places(one)})" for one in parts)
        return Refusal(f"what is there allows all of it already: {told}")
    return None


def _scope(one: Entry) -> tuple[object, ...]:
    """What no two entries of a category may have in common."""
    return one.value, one.kind, one.hosts, one.processes, one.ports


def _spliced(
    checkout: Checkout,
    tenant: Tenant,
    category: Category,
    wanted: WantedEntry,
    found: Edited,
    dry: bool,
    blocked: Blocklists,
) -> Edited:
    document, before = checkout.file(tenant)
    place: Steps = (PLACE, category.name)
    items = document.root.get(PLACE).get(category.name).items()
    if items:
        after = edit.change(before, document.path, (*place, -1), wanted.document())
    else:
        after = edit.change(before, document.path, place, [wanted.document()])
    place = (*place, len(items))
    found = replace(found, diff=work.difference(document.path, before, after))
    options = {key: option for key, option in OPTIONS.items() if key != "value" or wanted.value is not None}
    manifest, faults = checkout.proven(tenant, after, work.mending(place, options))
    if manifest is None:
        return replace(found, refusals=tuple(faults))
    made = _made(manifest, tenant, category, place)
    if not made or (wanted.value is not None and [_bare(one) for one in made] != [entry(wanted, category)]):
        return replace(found, refusals=(Refusal("the edited file would not say what was asked for; edit it by hand"),))
    there = tenant.allowlists.get(category.name, ())
    if set(made).isdisjoint(covering.without_covered([*there, *made], category)):
        twins = tuple(one for one in there if one.shared == wanted.list)
        return replace(found, refusals=(Refusal("what is there allows all of it already"),), candidates=twins)
    said = [one for new in made if (one := blocked.finding(new.kind, new.value, new.written or new.location))]
    option = "--list" if wanted.value is None else "VALUE"
    if refused := [Refusal(one.message, option) for one in said if one.severity is Severity.ERROR]:
        return replace(found, refusals=tuple(refused))
    problem = None if dry else replace_text(checkout.root, document.path, before, after)
    if problem:
        return replace(found, refusals=(Refusal(problem),))
    return replace(
        found,
        entries=made,
        covers=_needless(there, made, category),
        honoured=work.honoured(manifest, work.of_tenant(manifest, tenant.name), category),
        findings=(*_remarks(manifest, document.path, place), *said),
        written=not dry,
    )


def _made(manifest: Manifest, tenant: Tenant, category: Category, place: Steps) -> tuple[Entry, ...]:
    """What stands at a place of the edited file."""
    where = manifest.documents[tenant.location.path].at(place)
    entries = work.of_tenant(manifest, tenant.name).allowlists.get(category.name, ())
    return tuple(one for one in entries if one.location == where)


def _bare(one: Entry) -> Entry:
    return replace(one, location=NOWHERE)


def _needless(there: Sequence[Entry], made: Sequence[Entry], category: Category) -> tuple[Entry, ...]:
    """The entries that are not needed beside the new ones, and were before."""
    needed = set(covering.without_covered(there, category))
    still = set(covering.without_covered([*there, *made], category))
    return tuple(one for one in there if one in needed and one not in still)


def _remarks(manifest: Manifest, path: str, place: Steps) -> list[Finding]:
    """What is said about the new item and is no error."""
    there = work.places(manifest.documents[path])
    return [
        finding
        for finding in manifest.findings
        if finding.location and there.get(finding.location, ())[: len(place)] == place
    ]
