"""Take an entry, or the include of a shared list, out of a tenant's file."""

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

from deployer import covering
from deployer.allowlist import checkout as work
from deployer.allowlist.checkout import Checkout
from deployer.allowlist.outcomes import Edited
from deployer.allowlist.outcomes import Refusal
from deployer.allowlist.wanted_entries import NOWHERE
from deployer.allowlist.words import place as at
from deployer.errors import CannotEdit
from deployer.findings import Severity
from deployer.hosts import Unfit
from deployer.manifest import edit
from deployer.manifest import values
from deployer.manifest.document import Document
from deployer.manifest.document import Path as Steps
from deployer.manifest.replacing import replace_text
from deployer.manifest.wording import shown
from deployer.manifest.yaml import parse
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Tenant


@dataclass(frozen=True, slots=True)
class Sought:
    """What `remove` was asked to take out. Exactly one of `value` and `list` is there."""

    value: str | None = None
    list: str | None = None
    category: str | None = None
    hosts: tuple[str, ...] = ()
    """The whole scope, where one is named: an entry on two hosts is not found by one of them."""
    processes: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    unscoped: bool = False
    """Only an entry without a scope of its own."""

    def finds(self, one: Entry) -> bool:
        """Whether it may mean this entry."""
        named = ((self.hosts, one.hosts), (self.processes, one.processes), (self.ports, one.ports))
        return (
            self.category in (None, one.category)
            and (self.value is None or one.value == _canonical(self.value, one))
            and (self.list is None or one.shared == self.list)
            and not (self.unscoped and one.scoped)
            and all(not asked or set(asked) == set(own) for asked, own in named)
        )


def remove(checkout: Checkout, name: str, sought: Sought, dry: bool = False) -> Edited:
    """Write it, unless it is refused or `dry`. Raises `CannotStart` for a tenant or a category that there is not."""
    tenant = checkout.tenant(name)
    if sought.category is not None:
        checkout.category(sought.category)
    found = Edited("remove", name, "", include=sought.list)
    if tenant is None:
        # What is at fault may be the very entry that is to go.
        tenant = next((one for one in checkout.manifest.readable if one.name == name), None)
    if tenant is None:
        return replace(found, refusals=tuple(work.broken(checkout, name)))
    found = replace(found, file=tenant.location.path)
    fitting = [one for entries in tenant.allowlists.values() for one in entries if sought.finds(one)]
    mine = [one for one in fitting if (one.shared is None) == (sought.list is None)]
    if len({one.location for one in mine}) != 1:
        known = name in checkout.manifest.broken_tenants
        return _undecided(found, sought, mine or fitting, work.broken(checkout, name) if known else ())
    category = checkout.category(mine[0].category)
    try:
        return _spliced(checkout, tenant, replace(found, category=category, entries=tuple(mine)), category, dry)
    except CannotEdit as error:
        return replace(found, refusals=(Refusal(str(error)),))


def _canonical(text: str, one: Entry) -> str:
    """The value as entries of that kind spell it; as it is where it is none."""
    try:
        return values.canonical(text, (one.kind,))[1]
    except Unfit:
        return text


def _undecided(found: Edited, sought: Sought, fitting: Sequence[Entry], broken: Sequence[Refusal]) -> Edited:
    """Refused, because it is not there, because it is not the tenant's own, or because it may be several.

    In a `broken` file it may stand where it cannot be read.
    """
    what = f"the shared list {shown(sought.list)}" if sought.list else shown(sought.value or "")
    if not fitting and broken:
        return replace(found, refusals=tuple(broken))
    if not fitting:
        where = f" in {sought.category}" if sought.category else ""
        scope = sought.hosts or sought.processes or sought.ports or sought.unscoped
        message = f"{what} is not there{where}{' with that scope' if scope else ''}"
        return replace(found, refusals=(Refusal(message, location=None),))
    if sought.list is None and all(one.shared for one in fitting):
        refusals = [Refusal(_not_own(what, one), location=one.location) for one in fitting]
        return replace(found, refusals=tuple(refusals))
    message = (
        f"{what} is there more than once; --category, --host, --process and --port, or --unscoped, tell them apart"
    )
    return replace(found, refusals=(Refusal(message),), candidates=tuple(fitting))


def _not_own(what: str, one: Entry) -> str:
    written = f" ({at(one.written)})" if one.written else ""
    return (
        f"{what} comes from the shared list {one.shared}{written}, which is included at {at(one.location)}: take it "
        f"out of the list, for every tenant that includes it, or the whole list out of this file: --list {one.shared}"
    )


def _spliced(checkout: Checkout, tenant: Tenant, found: Edited, category: Category, dry: bool) -> Edited:
    document, before = checkout.file(tenant)
    place = work.places(document).get(found.entries[0].location, ())[:3]
    if len(place) != 3:
        raise CannotEdit(f"{at(found.entries[0].location)}: the entry is not where it was read; run again")
    after = without(before, document, place)
    found = replace(
        found, diff=work.difference(document.path, before, after), note=left(document, before, after, place)
    )
    manifest, faults = checkout.proven(
        tenant, after, lambda finding, _: Refusal(finding.message, location=finding.location)
    )
    if manifest is None:
        return replace(found, refusals=tuple(faults))
    still = work.of_tenant(manifest, tenant.name).allowlists.get(category.name, ())
    gone = [one for one in tenant.allowlists[category.name] if one not in found.entries]
    if sorted(map(_said, still)) != sorted(map(_said, gone)):
        return replace(found, refusals=(Refusal("the edited file would not say what was asked for; edit it by hand"),))
    broken = tuple(manifest.broken_tenants.get(tenant.name, ()))
    problem = None if dry else replace_text(checkout.root, document.path, before, after)
    if problem:
        return replace(found, refusals=(Refusal(problem),))
    return replace(
        found,
        still=tuple(_still(found.entries, still, category)),
        honoured=() if broken else work.honoured(manifest, work.of_tenant(manifest, tenant.name), category),
        findings=tuple(one for one in broken if one.severity is Severity.ERROR),
        written=not dry,
    )


def _said(one: Entry) -> str:
    """All that an entry says, without its place."""
    return repr(replace(one, location=NOWHERE, written=None))


def _still(gone: Sequence[Entry], left: Sequence[Entry], category: Category) -> Iterable[Entry]:
    """The entries that let all of what is gone through, where all of it is."""
    if len(gone) == 1:
        yield from (one for one in left if covering.covers(one, gone[0], category))


def without(text: str, document: Document, place: Steps) -> str:
    """The text without the item, and without the keys above it that are then empty, where nobody has commented them."""
    text = edit.remove(text, document.path, place, with_notes=True)
    for key in (place[:length] for length in range(len(place) - 1, 0, -1)):
        if not _is_idle(text, document.path, key):
            break
        text = edit.remove(text, document.path, key)
    return text


def _is_idle(text: str, file: str, key: Steps) -> bool:
    """Whether there is nothing under a key, and no comment beside, above or below it that would hang in the air."""
    document, _ = parse(text.encode(), file)
    if document is None or document.root.get(str(key[0])).value is None:
        return False
    node = document.root
    for step in key:
        node = node.get(str(step))
    if node.value not in ([], {}):
        return False
    lines = ["", *text.removeprefix("\ufeff").splitlines(), ""]
    line = node.key_location.line
    indent = node.key_location.column - 1
    above, below = (_note_at(lines[number]) for number in (line - 1, line + 1))
    # A comment above that is indented further speaks of what stands above it.
    is_noted = "#" in lines[line] or (above is not None and above <= indent) or (below is not None and below > indent)
    return not is_noted


def _note_at(line: str) -> int | None:
    """How far a comment line is indented; None for any other."""
    bare = line.lstrip(" ")
    return len(line) - len(bare) if bare.startswith("#") else None


def left(document: Document, before: str, after: str, place: Steps) -> str:
    """What to say of a comment directly above the entry that was not taken along."""
    line = document.at(place).line
    above = before.splitlines()[line - 2].strip() if line > 1 else ""
    if not above.startswith("#") or before.count(above) != after.count(above):
        return ""
    return f"the comment in line {line - 1} stays: it may be about what follows, too"
