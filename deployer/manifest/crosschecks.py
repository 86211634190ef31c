"""What can only be seen with several files side by side: overlays and rules, tenants and tenants."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC
from datetime import date
from datetime import datetime
from fnmatch import fnmatchcase

from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest import allowlists
from deployer.manifest import exemptions
from deployer.manifest import targets
from deployer.manifest import waves
from deployer.manifest.document import Document
from deployer.manifest.document import Node
from deployer.manifest.document import merged
from deployer.manifest.rules import RuleBook
from deployer.manifest.schema import misplaced
from deployer.manifest.selecting import TAG
from deployer.manifest.selecting import names
from deployer.manifest.selecting import selects
from deployer.manifest.tenants import TenantFile
from deployer.manifest.wording import guess
from deployer.manifest.wording import nearest
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.model import Entry
from deployer.model import Platform
from deployer.model import Rule
from deployer.model import Target

_NO_FIELDS = frozenset({"parameters", "query", "data", "type", "kind", "language"})
"""Keys of an overlay's block that the rule's block has not, or that no overlay may change."""

_CONTEXT = frozenset({"type", "kind", "data_view", "data_view_id"})
"""Keys of a rule's block that say which others have a place in it."""


def of_environment(
    name: str, node: Node, book: RuleBook, selected: Set[str], files: Sequence[TenantFile]
) -> tuple[Finding, ...]:
    """What is wrong with environment.yaml's overlay and waves, and what rules need that nobody has."""
    here = selected - {rule for rule in selected if not any(_is_for(rule, file, book) for file in files)}
    overlay = _overlay_faults(node.get("overlay"), book, selected, set(Platform), here)
    in_waves = waves.faults(node.get("waves"), [file.name for file in files])
    return (*overlay, *in_waves, *_missing_data(name, files, book, selected))


def of_tenants(files: Sequence[TenantFile], book: RuleBook, selected: Set[str]) -> Mapping[str, tuple[Finding, ...]]:
    """What is wrong with each tenant next to the rules and the other tenants, by tenant name."""
    data = _Data.of(files, book)
    places = _places(files)
    return {file.name: (*_alone(file, data, book, selected), *_shared_places(file, places)) for file in files}


def dated(files: Sequence[TenantFile], today: date) -> Iterator[Finding]:
    """Remarks about allowlist entries and accepted drift that depend on the day."""
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
    for file in files:
        if file.document is None or file.tenant is None:
            continue
        for accepted in file.tenant.accepted:
            if not accepted.covers(today):
                message = f"the drift of {shown(accepted.object)} was accepted until {shown(accepted.until)}"
                way_out = "accept it anew, pull it, or take this out and apply"
                yield Finding("lapsed-acceptance", f"{message}: {way_out}", Severity.WARNING, accepted.location)
        for one in file.tenant.exemptions:
            if one.until and one.until <= midnight:
                message = f"the exception expired on {shown(one.expires or '')} and lets nothing through"
                way_out = "take it out, or renew it"
                yield Finding("expired-exception", f"{message}; {way_out}", Severity.WARNING, one.location)
        lists = [items for _, items in file.document.root.get("allowlists").entries()]
        nodes = {item.location: item for items in lists for item in items.items()}
        for entry in _one_a_place(file.tenant.allowlists):
            node = nodes[entry.location]
            what = f"the list {shown(entry.shared)}" if entry.shared else shown(entry.value)
            # What a shared list itself says is remarked on where it is written, once for all who include it.
            if entry.until and entry.until <= midnight and allowlists.expiry(node) == entry.expires:
                message = f"{what} expired on {shown(entry.expires or '')} and allows nothing; take it out"
                yield node.get("expires").warning("expired-entry", f"{message}, or renew it")
            if entry.reviewed and entry.reviewed > today.isoformat() and "reviewed" in node.mapping():
                message = f"{what} was reviewed on {shown(entry.reviewed)}, which is still to come"
                yield node.get("reviewed").warning("reviewed-later", message)


def _one_a_place(allowed: Mapping[str, Sequence[Entry]]) -> Iterator[Entry]:
    """Every entry, and of those that one include stands for the first."""
    last: Location | None = None
    for entry in (entry for entries in allowed.values() for entry in entries):
        if entry.shared is None or entry.location is not last:
            last = entry.location
            yield entry


def _alone(file: TenantFile, data: "_Data", book: RuleBook, selected: Set[str]) -> Iterator[Finding]:
    if file.document is None or file.tenant is None:
        return
    node = file.document.root
    platforms = {target.platform for target in file.tenant.targets}
    here = {rule for rule in selected if _is_for(rule, file, book)}
    yield from _overlay_faults(node.get("overlay"), book, selected, platforms, here)
    for target in file.tenant.targets:
        overlay = node.get("targets").get(target.name).get("overlay")
        at_target = {rule for rule in here if rule in book.unreadable or book.rules[rule].is_for(target)}
        yield from _overlay_faults(overlay, book, selected, {target.platform}, at_target)
    yield from exemptions.faults(
        node.get("exceptions"), {name: book.rules[name] for name in here - book.unreadable}, platforms
    )
    yield from _accepted_faults(node, book)
    yield from _data_remarks(node, data, book)
    yield from _idle_allowlists(node, book, here)


def _accepted_faults(node: Node, book: RuleBook) -> Iterator[Finding]:
    """Errors for accepted drift of a rule that nobody knows: it would be accepted in vain."""
    accepted = node.get("accepted").items()
    known = {rule.live_id for rule in book.rules.values()} if accepted else set()
    for item in accepted:
        kind, _, name = (item.get("object").text() or "").partition("/")
        if kind == "rule" and name not in known and not book.unreadable:
            message = f"there is no rule {shown(name)} in rules/{guess(name, known)}"
            yield item.get("object").error("no-match", message)


def _is_for(rule: str, file: TenantFile, book: RuleBook) -> bool:
    """Whether the rule goes to some target of the tenant; of what cannot be read it is taken to be so."""
    if rule in book.unreadable or file.tenant is None:
        return True
    return any(book.rules[rule].is_for(target) for target in file.tenant.targets)


def _overlay_faults(
    node: Node, book: RuleBook, selected: Set[str], platforms: Set[Platform], here: Set[str]
) -> Iterator[Finding]:
    """Errors for overlays that would change nothing: what is written and has no effect is a mistake.

    `here` are those of the selected rules whose `tenants` let them come here.
    """
    for glob, tuning in node.entries():
        matched = {name for name in here if _selects(glob, name, book)}
        if not matched:
            elsewhere = any(_selects(glob, name, book) for name in (*book.rules, *book.unreadable))
            reason = "that this environment deploys" if elsewhere else "in rules/"
            if any(_selects(glob, name, book) for name in selected):
                reason = "that comes here: see `tenants` in its rule.yaml"
            near = "" if elsewhere else guess(glob, names(book.rules.values()))
            yield tuning.key_error("no-match", f"{shown_key(glob)} matches no rule {reason}{near}")
            continue
        if matched & book.unreadable:
            continue
        for platform in Platform:
            if platform not in tuning.mapping():
                continue
            block = tuning.get(platform)
            if not any(_half(book.rules[name], platform) for name in matched):
                message = f"`{platform}:` has nothing to change: {shown(glob)} has no {platform} half"
                yield block.key_error("nothing-to-bind", message)
            elif platform not in platforms:
                message = f"`{platform}:` has nothing to change: there is no {platform} target here"
                yield block.key_error("nothing-to-bind", message)
            else:
                for name in sorted(name for name in matched if _half(book.rules[name], platform)):
                    yield from no_place(block, platform, book.documents[name])


def _selects(key: str, name: str, book: RuleBook) -> bool:
    """Whether an overlay is for a rule; of one that cannot be read, every tag might be."""
    rule = book.rules.get(name)
    return selects(key, rule) if rule else key.startswith(TAG) or fnmatchcase(name, key)


def no_place(block: Node, platform: Platform, rule: Document) -> Iterator[Finding]:
    """Errors for fields that are right by themselves and have no place in the rule: a platform drops them unseen."""
    change = {key: value for key, value in block.mapping().items() if key not in _NO_FIELDS and value is not None}
    own = {key: value for key, value in rule.root.get(platform).mapping().items() if key in _CONTEXT | change.keys()}
    before = misplaced({platform: own}, "rule")
    for path, message in misplaced({platform: merged(own, change)}, "rule").items():
        if path not in before:
            where = block.document.key_at((*block.path, *path[1:]))
            name = shown(rule.root.get("id").text() or "")
            yield Finding("misplaced-key", f"in the rule {name}, {message}", location=where)


def unknown_tenants(book: RuleBook, known: Set[str]) -> Iterator[Finding]:
    """Remarks about `tenants` of rules that match nobody; `known` are tenants, and their targets as tenant/target."""
    for name, document in book.documents.items():
        for item in document.root.get("tenants").items():
            glob = item.text()
            if glob and not any(fnmatchcase(each, glob) for each in known):
                near = guess(glob, known)
                message = f"{shown(glob)} matches no tenant of any environment, so the rule does not go there{near}"
                yield item.warning("unknown-tenant", f"{name}: {message}")


def _half(rule: Rule, platform: Platform) -> bool:
    return rule.on(platform) is not None


def _missing_data(
    environment: str, files: Sequence[TenantFile], book: RuleBook, selected: Set[str]
) -> Iterator[Finding]:
    """Remarks about data that a rule needs and no tenant has: the rule runs nowhere, often for a slip of the pen."""
    if book.unreadable or any(file.document is None for file in files):
        return
    data = _Data.of(files, book)
    for platform in Platform:
        everybody = data.had[platform]
        for name in sorted(selected):
            own = [file for file in files if _is_for(name, file, book)]
            had = _had(platform, own) if len(own) < len(files) else everybody
            for item in book.documents[name].root.get(platform).get("data").items() if had else ():
                lacked = item.text() or ""
                if lacked and lacked not in had and _blamed(lacked, platform, data) is None:
                    those = "" if had is everybody else " that the rule goes to"
                    lacking = f"no tenant of {environment}{those} has {shown_key(lacked)}"
                    message = f"{lacking}, so the rule runs nowhere there"
                    near = nearest(lacked, had)
                    meant = f"; did you mean {shown(near)}, which {min(had[near])} has?" if near else ""
                    yield item.warning("unknown-data", message + meant)


@dataclass(frozen=True, slots=True)
class _Data:
    """Which data there is and which is needed, by platform: told once, because every tenant is held against it."""

    needed: Mapping[Platform, Mapping[str, Set[str]]]
    """The rules that need it, by dataset or table."""
    had: Mapping[Platform, Mapping[str, Set[str]]]
    """The tenants that have it, by dataset or table."""

    @classmethod
    def of(cls, files: Sequence[TenantFile], book: RuleBook) -> "_Data":
        needed = {platform: _needed(platform, book) for platform in Platform}
        return cls(needed, {platform: _had(platform, files) for platform in Platform})


def _data_remarks(node: Node, data: _Data, book: RuleBook) -> Iterator[Finding]:
    """Remarks about data of a tenant that no rule needs, but for what is said on the rule that means it."""
    if book.unreadable:
        return
    sources = node.get("data_sources")
    named = [(Platform.KIBANA, name, inner) for name, inner in sources.get("kibana").entries()]
    named += [(Platform.SENTINEL, item.text() or "", item) for item in sources.get("sentinel").items()]
    for platform, name, inner in named:
        needed, had = data.needed[platform], data.had[platform]
        if not name or name in needed:
            continue
        meant = {lacked for lacked in needed if lacked not in had and nearest(lacked, had) == name}
        if not any(_blamed(lacked, platform, data) is None for lacked in meant):
            yield inner.key_warning("unused-data-source", f"no rule needs {shown_key(name)}{guess(name, needed)}")


def _blamed(lacked: str, platform: Platform, data: _Data) -> str | None:
    """The tenant's name for data that no tenant has, if it is the odd one out: several rules against one tenant."""
    needed, had = data.needed[platform], data.had[platform]
    near = nearest(lacked, had)
    odd = near is not None and near not in needed and len(had[near]) == 1 and len(needed[lacked]) > 1
    return near if odd else None


def _needed(platform: Platform, book: RuleBook) -> Mapping[str, Set[str]]:
    """The rules that need it, by dataset or table."""
    found: dict[str, set[str]] = {}
    for name, rule in book.rules.items():
        half = rule.on(platform)
        for data in half.data if half else ():
            found.setdefault(data, set()).add(name)
    return found


def _had(platform: Platform, files: Sequence[TenantFile]) -> Mapping[str, Set[str]]:
    """The tenants that have it, by dataset or table."""
    found: dict[str, set[str]] = {}
    for tenant in (file.tenant for file in files if file.tenant):
        for data in tenant.datasets if platform is Platform.KIBANA else tenant.tables:
            found.setdefault(data, set()).add(tenant.name)
    return found


def _idle_allowlists(node: Node, book: RuleBook, selected: Set[str]) -> Iterator[Finding]:
    if book.unreadable:
        return
    honoured = {name for rule in selected for name in book.rules[rule].allowlists}
    for name, items in node.get("allowlists").entries():
        if name in book.categories and name not in honoured and items.items():
            message = f"no rule that is deployed here honours {shown_key(name)}; its entries allow nothing"
            yield items.key_warning("idle-allowlist", message)


def _places(files: Sequence[TenantFile]) -> Mapping[targets.Place | None, Sequence[Target]]:
    """The targets of all tenants by where they write, in the order of the files."""
    found: dict[targets.Place | None, list[Target]] = {}
    for target in (target for file in files if file.tenant for target in file.tenant.targets):
        found.setdefault(targets.place(target), []).append(target)
    return found


def _shared_places(file: TenantFile, places: Mapping[targets.Place | None, Sequence[Target]]) -> Iterator[Finding]:
    """Errors for each target of `file` that writes where another one writes, in this tenant or another.

    Every tenant concerned is stopped: which of them is right, nobody here can tell.
    """
    if file.tenant is None or file.document is None:
        return
    own: list[Target] = []
    for target in file.tenant.targets:
        place = targets.place(target)
        there = places[place] if place else ()
        foreign = [each for each in there if not any(each is mine for mine in file.tenant.targets)]
        twins = [*(each for each in own if targets.place(each) == place), *foreign]
        own.append(target)
        if twins and place:
            twin = twins[0]
            what = "space" if target.platform is Platform.KIBANA else "workspace"
            other = shown_key(f"{twin.tenant}/{twin.name}")
            message = f"the same {what} as {other} ({twin.location}); one {what} has one target{_which(target, twin)}"
            yield Finding("shared-target", message, location=target.location)


def _which(target: Target, twin: Target) -> str:
    """Which of two files may be at fault; which it is, only their history tells."""
    paths = sorted({target.location.path, twin.location.path})
    if len(paths) == 1:
        return ""
    first, second = (path.rpartition("/")[2] for path in paths)
    return (
        f". {first} comes first in the alphabet, {second} second; the newer of the two is likely a copy that was not "
        "changed everywhere. Until it is known whose it is, both tenants are left alone"
    )
