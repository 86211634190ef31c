"""Take a free-form exception out of a tenant's file."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace

from deployer.allowlist import checkout as work
from deployer.allowlist.adding_exceptions import covers
from deployer.allowlist.adding_exceptions import honoured
from deployer.allowlist.checkout import EXCEPTIONS
from deployer.allowlist.checkout import Checkout
from deployer.allowlist.excepted import values
from deployer.allowlist.outcomes import Edited
from deployer.allowlist.outcomes import Refusal
from deployer.allowlist.removing import left
from deployer.allowlist.removing import without
from deployer.allowlist.wanted_entries import NOWHERE
from deployer.allowlist.wanted_exceptions import WantedException
from deployer.errors import CannotEdit
from deployer.findings import Severity
from deployer.manifest.document import Path as Steps
from deployer.manifest.replacing import replace_text
from deployer.model import Exemption
from deployer.model import Json
from deployer.model import Tenant


def remove(checkout: Checkout, name: str, sought: WantedException, dry: bool = False) -> Edited:
    """Write it, unless it is refused or `dry`. Raises `CannotStart` for a tenant that there is not.

    An exception is meant that names all the rules, conditions and values of `sought`; of several the one that names
    no others.
    """
    tenant = checkout.tenant(name)
    found = Edited("remove", name, "", excepts=True)
    broken = work.broken(checkout, name) if tenant is None else []
    if tenant is None:
        # What is at fault may be the very exception that is to go.
        tenant = next((one for one in checkout.manifest.readable if one.name == name), None)
    if tenant is None:
        return replace(found, refusals=tuple(broken))
    found = replace(found, file=tenant.location.path)
    fitting = [one for one in tenant.exemptions if _fits(one, sought)]
    meant = fitting if len(fitting) == 1 else [one for one in fitting if _is(one, sought)]
    if len(meant) != 1:
        return _undecided(found, fitting, broken, tenant)
    try:
        return _spliced(checkout, tenant, meant[0], found, dry)
    except CannotEdit as error:
        return replace(found, refusals=(Refusal(str(error)),))


def _fits(one: Exemption, sought: WantedException) -> bool:
    rules = all(rule in one.rules or one.is_for(rule) for rule in sought.rules)
    fields = all(
        any(set(texts) <= set(_own(each, field)) for each in one.kibana) for field, texts in sought.fields.items()
    )
    return rules and fields and (sought.let is None or (one.let == sought.let and _texts(sought) <= _texts(one)))


def _is(one: Exemption, sought: WantedException) -> bool:
    exact = len(one.kibana) == len(sought.fields) and all(
        any(set(texts) == set(_own(each, field)) for each in one.kibana) for field, texts in sought.fields.items()
    )
    return exact and set(one.rules) == set(sought.rules) and one.let == sought.let and _texts(one) == _texts(sought)


def _own(condition: Mapping[str, Json], field: str) -> tuple[str, ...]:
    """The values of a condition, where it is one on this field that a user names so."""
    return values(condition) if condition.get("field") == field and condition.get("operator") == "included" else ()


def _texts(one: Exemption | WantedException) -> set[str]:
    return set(map(str, one.values))


def _undecided(found: Edited, fitting: Sequence[Exemption], broken: Sequence[Refusal], tenant: Tenant) -> Edited:
    """Refused, because it is not there, or because it may be several."""
    if not fitting and broken:
        return replace(found, refusals=tuple(broken))
    if not fitting:
        others = "; it has these" if tenant.exemptions else " and it has none"
        refusal = Refusal(f"no exception has all of what --rule, --field and --let name{others}")
        return replace(found, refusals=(refusal,), like=tenant.exemptions)
    message = "several exceptions have it; name all rules, fields and values of the one that is meant"
    return replace(found, refusals=(Refusal(message),), like=tuple(fitting))


def _spliced(checkout: Checkout, tenant: Tenant, gone: Exemption, found: Edited, dry: bool) -> Edited:
    document, before = checkout.file(tenant)
    number = tenant.exemptions.index(gone)
    place: Steps = (EXCEPTIONS, number)
    after = without(before, document, place)
    diff, note = work.difference(document.path, before, after), left(document, before, after, place)
    found = replace(found, exceptions=(gone,), diff=diff, note=note)
    manifest, faults = checkout.proven(
        tenant, after, lambda finding, _: Refusal(finding.message, location=finding.location)
    )
    if manifest is None:
        return replace(found, refusals=tuple(faults))
    now = work.of_tenant(manifest, tenant.name)
    kept = [one for index, one in enumerate(tenant.exemptions) if index != number]
    if list(map(_bare, now.exemptions)) != list(map(_bare, kept)):
        return replace(found, refusals=(Refusal("the edited file would not say what was asked for; edit it by hand"),))
    broken = tuple(manifest.broken_tenants.get(tenant.name, ()))
    problem = None if dry else replace_text(checkout.root, document.path, before, after)
    if problem:
        return replace(found, refusals=(Refusal(problem),))
    return replace(
        found,
        still_exceptions=tuple(one for one in now.exemptions if covers(manifest, one, gone)),
        honoured=() if broken else honoured(manifest, now, gone),
        findings=tuple(one for one in broken if one.severity is Severity.ERROR),
        written=not dry,
    )


def _bare(one: Exemption) -> Exemption:
    return replace(one, location=NOWHERE)
