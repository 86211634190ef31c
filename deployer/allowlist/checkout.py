"""The repository that the allowlist commands work on: what it says, and what it would say after an edit."""

import re
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import TypeAlias

from deployer.allowlist.outcomes import Honoured
from deployer.allowlist.outcomes import Refusal
from deployer.errors import CannotEdit
from deployer.errors import CannotEncode
from deployer.errors import CannotStart
from deployer.errors import InvalidManifest
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest.document import Document
from deployer.manifest.document import Path as Steps
from deployer.manifest.load import Manifest
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.manifest.replacing import read_text
from deployer.manifest.wording import guess
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.manifest.yaml import parse
from deployer.model import Category
from deployer.model import Tenant
from deployer.plan import matches
from deployer.providers.codecs import encode
from deployer.state import as_json

PLACE = "allowlists"
EXCEPTIONS = "exceptions"
_MOVES = re.compile(r"(?<=line )\d+|\[\d+\]|(?<=\.yaml):\d+(:\d+)?", re.ASCII)
Mend: TypeAlias = Callable[[Finding, Mapping[Location, Steps]], Refusal]
"""A finding about the edited file as a refusal of what was asked."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """One environment of a repository."""

    root: Path
    manifest: Manifest
    trusted_hosts: Sequence[str] | None = None

    @classmethod
    def of(
        cls, root: Path, environment: str, trusted_hosts: Sequence[str] | None = None, trusted_root: Path | None = None
    ) -> "Checkout":
        """What is there now; raises as `load` does."""
        return cls(root, load(root, environment, trusted_hosts, trusted_root), trusted_hosts)

    def tenant(self, name: str) -> Tenant | None:
        """A tenant that can be used. Raises `CannotStart` for one that there is not."""
        known = {tenant.name: tenant for tenant in self.manifest.tenants}
        if name not in known and name not in self.manifest.broken_tenants:
            there = sorted({*known, *self.manifest.broken_tenants})
            where = f"no tenant {shown(name)} in {self.manifest.environment.name}"
            raise CannotStart(f"{where}{guess(name, there) or f'; there are {listed(there)}'}")
        return known.get(name)

    def category(self, name: str) -> Category:
        """A category; raises `CannotStart` for one that there is not."""
        known = self.manifest.categories
        if name not in known:
            there = guess(name, known) or f"; there are {listed(sorted(known))}"
            raise CannotStart(f"no category {shown(name)} in rules/allowlists.yaml{there}")
        return known[name]

    def file(self, tenant: Tenant) -> tuple[Document, str]:
        """A tenant's file as it was loaded; raises `CannotEdit` where it is another one by now."""
        path = tenant.location.path
        text = read_text(self.root, path)
        now, _ = parse(text.encode(), path)
        if now is None or as_json(now.value) != as_json(self.manifest.documents[path].value):
            raise CannotEdit(f"{path} was changed meanwhile; run again")
        return now, text

    def edited(self, path: str, text: str) -> Manifest:
        """The manifest with another text for a tenant's file; raises as `load` does."""
        environment, trusted_root = self.manifest.environment.name, self.manifest.trusted_root
        return load(self.root, environment, self.trusted_hosts, trusted_root, {path: text.encode()})

    def proven(self, tenant: Tenant, text: str, mend: Mend) -> tuple[Manifest | None, list[Refusal]]:
        """The manifest with the edited file of a tenant, unless something would be wrong that was not before."""
        path = tenant.location.path
        try:
            after = self.edited(path, text)
        except InvalidManifest as error:
            return None, [Refusal(str(finding.message), location=finding.location) for finding in error.findings]
        there = places(after.documents.get(path) or Document(path, None))
        errors = [one for one in after.findings if one.severity is Severity.ERROR]
        faults = _new(errors, self.manifest.findings)
        if not faults and tenant in self.manifest.tenants:
            faults = _new(_encoding(after, of_tenant(after, tenant.name)), _encoding(self.manifest, tenant))
        return (None, [mend(one, there) for one in faults]) if faults else (after, [])


def mending(place: Steps, options: Mapping[str, str]) -> Mend:
    """Makes refusals of errors about the edited file; one at `place` names the options (by key) that it is about."""

    def mend(finding: Finding, there: Mapping[Location, Steps]) -> Refusal:
        path = there.get(finding.location, ()) if finding.location else ()
        if path[: len(place)] != place:
            return Refusal(finding.message, location=finding.location)
        key = str(path[len(place)]) if len(path) > len(place) else ""
        words = re.findall(r"`([^`]*)`", finding.message)
        keys = [key] if key in options else [one for one in options if one in words]
        message = re.sub(rf"^`{place[0]}[^`]*`:? ", "", finding.message)
        return Refusal(message, ", ".join(options[one] for one in keys) or None)

    return mend


def of_tenant(manifest: Manifest, name: str) -> Tenant:
    """A tenant that is there, as far as its file can be read."""
    return next(tenant for tenant in (*manifest.tenants, *manifest.readable) if tenant.name == name)


def honoured(manifest: Manifest, tenant: Tenant, category: Category) -> tuple[Honoured, ...]:
    """At each target of a tenant, the rules that honour a category."""
    return tuple(_honoured(manifest, tenant, category.name))


def difference(path: str, before: str, after: str) -> str:
    """What an edit changes, as `diff -u` shows it."""
    return "\n".join(unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm="", n=2))


def places(document: Document) -> Mapping[Location, Steps]:
    """What of a tenant's allowlists and exceptions stands where.

    An item that begins with its first key stands where that key does: then the item is meant.
    """
    found: dict[Location, Steps] = {}
    for part in (document.values, document.keys):
        for path, where in part.items():
            if path[:1] in ((PLACE,), (EXCEPTIONS,)):
                found.setdefault(Location(document.path, *where), path)
    return found


def _honoured(manifest: Manifest, tenant: Tenant, name: str) -> Iterator[Honoured]:
    for target in tenant.targets:
        held = assign(manifest, tenant, target)
        rules = [rule for rule in held.rules if name in rule.allowlists]
        yield Honoured(
            target.name,
            target.platform,
            tuple(rule.id for rule in rules),
            tuple(rule.id for rule in rules if not rule.enabled),
            tuple(one.rule for one in held.not_applicable if name in manifest.rules[one.rule].allowlists),
        )


def _encoding(manifest: Manifest, tenant: Tenant) -> Iterator[Finding]:
    for target in tenant.targets:
        try:
            encode(assign(manifest, tenant, target))
        except CannotEncode as error:
            yield from error.findings


def _new(findings: Iterable[Finding], before: Iterable[Finding]) -> list[Finding]:
    """The findings that were not there before; the places that they name may have moved."""
    known = Counter(map(_told, before))
    found: list[Finding] = []
    for finding in findings:
        known[_told(finding)] -= 1
        if known[_told(finding)] < 0:
            found.append(finding)
    return found


def _told(finding: Finding) -> tuple[str, str, str]:
    """A finding without lines and indices, which an edit above it moves."""
    return finding.code, _MOVES.sub("", finding.message), finding.location.path if finding.location else ""


def broken(checkout: Checkout, name: str) -> list[Refusal]:
    """Why a tenant's file cannot be edited: what is wrong with it already."""
    found = [one for one in checkout.manifest.broken_tenants[name] if one.severity is Severity.ERROR]
    head = Refusal("its file has errors; mend them first")
    return [head, *(Refusal(one.message, location=one.location) for one in found)]


def chosen(manifest: Manifest, tenants: Sequence[str], categories: Sequence[str] = ()) -> None:
    """Raise `CannotStart` for a glob that matches nothing: a mistyped name must not read as "nothing there"."""
    named = {tenant.name for tenant in manifest.tenants} | set(manifest.broken_tenants)
    for what, globs, there in (("tenant", tenants, named), ("category", categories, set(manifest.categories))):
        for glob in globs:
            if not any(matches(name, [glob]) for name in there):
                where = f"no {what} of {manifest.environment.name} matches {shown(glob)}"
                raise CannotStart(f"{where}; there are {listed(sorted(there))}")
