"""Add a free-form exception to a tenant's file."""

import json
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from deployer.allowlist import checkout as work
from deployer.allowlist.checkout import EXCEPTIONS
from deployer.allowlist.checkout import Checkout
from deployer.allowlist.excepted import named
from deployer.allowlist.excepted import values
from deployer.allowlist.outcomes import Edited
from deployer.allowlist.outcomes import Honoured
from deployer.allowlist.outcomes import Refusal
from deployer.allowlist.wanted_entries import NOWHERE
from deployer.allowlist.wanted_exceptions import OPTIONS
from deployer.allowlist.wanted_exceptions import WantedException
from deployer.allowlist.wanted_exceptions import canonical
from deployer.allowlist.words import place as at
from deployer.allowlist.words import until
from deployer.blocklists import Blocklists
from deployer.blocklists import read
from deployer.blocklists.exempted import allowed_by
from deployer.errors import CannotEdit
from deployer.findings import Severity
from deployer.manifest import edit
from deployer.manifest.document import Path as Steps
from deployer.manifest.load import Manifest
from deployer.manifest.overlay import assign
from deployer.manifest.replacing import replace_text
from deployer.model import Exemption
from deployer.model import Json
from deployer.model import Platform
from deployer.model import Tenant


def add(
    checkout: Checkout,
    name: str,
    wanted: WantedException,
    now: datetime,
    dry: bool = False,
    blocklists: Sequence[Path] = (),
) -> Edited:
    """Write it, unless it is refused or `dry`. Raises `CannotStart` for a tenant that there is not.

    What one of the `blocklists` names is refused, and everything is where one of them cannot be read.
    """
    tenant = checkout.tenant(name)
    found = Edited("add", name, "", excepts=True)
    if tenant is None:
        return replace(found, refusals=tuple(work.broken(checkout, name)))
    found = replace(found, file=tenant.location.path)
    wanted, faults = canonical(wanted, now)
    listed, unread = read(blocklists)
    faults += [Refusal(one.message, "--blocklist", one.location) for one in unread]
    if faults:
        return replace(found, refusals=tuple(faults))
    known = _known(checkout.manifest, wanted.exemption(), tenant.exemptions)
    if known:
        return replace(found, refusals=(known,))
    try:
        return _spliced(checkout, tenant, wanted, found, dry, listed)
    except CannotEdit as error:
        return replace(found, refusals=(Refusal(str(error)),))


def covers(manifest: Manifest, one: Exemption, other: Exemption) -> bool:
    """Whether one alone lets through all that the other does, for as long, in every rule that that one names.

    Taken for so only where texts say it: the same conditions or fewer, the same values or more.
    """
    longer = one.until is None or (other.until is not None and one.until >= other.until)
    rules = all(one.is_for(rule) for rule in manifest.rules if other.is_for(rule))
    kibana = not other.kibana or (
        bool(one.kibana) and all(any(_implies(theirs, own) for theirs in other.kibana) for own in one.kibana)
    )
    sentinel = other.let is None or (one.let == other.let and set(other.values) <= set(one.values))
    return longer and rules and kibana and sentinel


def honoured(manifest: Manifest, tenant: Tenant, one: Exemption) -> tuple[Honoured, ...]:
    """At each target of a tenant for whose platform the exception says something, the rules that honour it."""
    return tuple(_honoured(manifest, tenant, one))


def _implies(theirs: Mapping[str, Json], own: Mapping[str, Json]) -> bool:
    kinds = {theirs.get("type"), own.get("type")}
    same = theirs.get("field") == own.get("field") and theirs.get("operator") == own.get("operator") == "included"
    if same and kinds <= {"match", "match_any"}:
        return set(values(theirs)) <= set(values(own))
    return _text(theirs) == _text(own)


def _text(condition: Mapping[str, Json]) -> str:
    return json.dumps(dict(condition), sort_keys=True, default=dict)


def _known(manifest: Manifest, new: Exemption, there: Sequence[Exemption]) -> Refusal | None:
    """Why the exception would say nothing new, or contradict what is there."""
    wider = [one for one in there if covers(manifest, one, new)]
    if wider:
        one = wider[0]
        alike = covers(manifest, new, replace(one, expires=new.expires))
        told = "is there already" if alike else "lets it through already"
        return Refusal(f"the exception {named(one)} {told}, {until(one)} ({at(one.location)})", location=one.location)
    for one in there:
        own, other = replace(one, expires=None), replace(new, expires=None)
        if covers(manifest, own, other) and covers(manifest, other, own):
            message = f"the exception {named(one)} is there already, {until(one)} ({at(one.location)})"
            return Refusal(f"{message}; change its `expires` there, or remove it first", location=one.location)
    return None


def _spliced(
    checkout: Checkout, tenant: Tenant, wanted: WantedException, found: Edited, dry: bool, blocked: Blocklists
) -> Edited:
    document, before = checkout.file(tenant)
    items = document.root.get(EXCEPTIONS).items()
    if items:
        after = edit.change(before, document.path, (EXCEPTIONS, -1), wanted.document())
    else:
        after = edit.change(before, document.path, (EXCEPTIONS,), [wanted.document()])
    place: Steps = (EXCEPTIONS, len(items))
    found = replace(found, diff=work.difference(document.path, before, after))
    manifest, faults = checkout.proven(tenant, after, work.mending(place, OPTIONS))
    if manifest is None:
        return replace(found, refusals=tuple(faults))
    now = work.of_tenant(manifest, tenant.name)
    *others, made = now.exemptions or (None,)
    if made is None or replace(made, location=NOWHERE) != wanted.exemption() or len(others) != len(items):
        return replace(found, refusals=(Refusal("the edited file would not say what was asked for; edit it by hand"),))
    said = [one for value in allowed_by(made) if (one := blocked.finding(*value))]
    if refused := [Refusal(one.message, "--field, --let") for one in said if one.severity is Severity.ERROR]:
        return replace(found, refusals=tuple(refused))
    problem = None if dry else replace_text(checkout.root, document.path, before, after)
    if problem:
        return replace(found, refusals=(Refusal(problem),))
    there = work.places(manifest.documents[document.path])
    remarks = [one for one in manifest.findings if one.location and there.get(one.location, ())[:2] == place]
    return replace(
        found,
        exceptions=(made,),
        covers_exceptions=tuple(one for one in tenant.exemptions if covers(manifest, made, one)),
        honoured=honoured(manifest, now, made),
        findings=(*remarks, *said),
        note=_starred(made),
        written=not dry,
    )


def _starred(one: Exemption) -> str:
    """What to say of a value that looks as if it stood for others."""
    texts = [text for condition in one.kibana for text in values(condition)]
    starred = [text for text in (*texts, *map(str, one.values)) if "*" in text]
    return f"{', '.join(starred)} is compared as it is: `*` stands for itself" if starred else ""


def _honoured(manifest: Manifest, tenant: Tenant, one: Exemption) -> Iterator[Honoured]:
    for target in tenant.targets:
        kibana = target.platform is Platform.KIBANA
        if not (one.kibana if kibana else one.let):
            continue
        held = assign(manifest, tenant, target)
        halves = [(rule, rule.on(target.platform)) for rule in held.rules if one.is_for(rule.id)]
        rules = [rule for rule, half in halves if half and (kibana or one.let in half.exceptions)]
        yield Honoured(
            target.name,
            target.platform,
            tuple(rule.id for rule in rules),
            tuple(rule.id for rule in rules if not rule.enabled),
            tuple(out.rule for out in held.not_applicable if one.is_for(out.rule)),
            tuple(rule.id for rule, _ in halves if rule not in rules),
        )
