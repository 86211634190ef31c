"""What can only be seen with several files side by side: overlays and rules, tenants and tenants."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set
from fnmatch import fnmatchcase

from deployer.findings import Finding
from deployer.manifest import targets
from deployer.manifest.document import Node
from deployer.manifest.rules import RuleBook
from deployer.manifest.tenants import TenantFile
from deployer.manifest.wording import guess
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.model import Platform
from deployer.model import Rule
from deployer.model import Target


def of_environment(node: Node, book: RuleBook, selected: Set[str]) -> tuple[Finding, ...]:
    """What is wrong with environment.yaml's overlay."""
    return tuple(_overlay_faults(node.get("overlay"), book, selected, set(Platform)))


def of_tenants(files: Sequence[TenantFile], book: RuleBook, selected: Set[str]) -> Mapping[str, tuple[Finding, ...]]:
    """What is wrong with each tenant next to the rules and the other tenants, by tenant name."""
    return {file.name: (*_alone(file, book, selected), *_shared_places(file, files)) for file in files}


def _alone(file: TenantFile, book: RuleBook, selected: Set[str]) -> Iterator[Finding]:
    if file.document is None or file.tenant is None:
        return
    node = file.document.root
    platforms = {target.platform for target in file.tenant.targets}
    yield from _overlay_faults(node.get("overlay"), book, selected, platforms)
    for target in file.tenant.targets:
        overlay = node.get("targets").get(target.name).get("overlay")
        yield from _overlay_faults(overlay, book, selected, {target.platform})
    yield from _data_remarks(node, book)
    yield from _idle_allowlists(node, book, selected)


def _overlay_faults(node: Node, book: RuleBook, selected: Set[str], platforms: Set[Platform]) -> Iterator[Finding]:
    """Errors for overlays that would change nothing: what is written and has no effect is a mistake."""
    for glob, tuning in node.entries():
        matched = {name for name in selected if fnmatchcase(name, glob)}
        if not matched:
            elsewhere = any(fnmatchcase(name, glob) for name in (*book.rules, *book.unreadable))
            reason = "that this environment deploys" if elsewhere else "in rules/"
            near = "" if elsewhere else guess(glob, book.rules)
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


def _half(rule: Rule, platform: Platform) -> bool:
    return rule.on(platform) is not None


def _data_remarks(node: Node, book: RuleBook) -> Iterator[Finding]:
    if book.unreadable:
        return
    sources = node.get("data_sources")
    named = [(Platform.KIBANA, name, inner) for name, inner in sources.get("kibana").entries()]
    named += [(Platform.SENTINEL, item.text() or "", item) for item in sources.get("sentinel").items()]
    for platform, name, inner in named:
        halves = [half for rule in book.rules.values() if (half := rule.on(platform))]
        known = {data for half in halves for data in half.data}
        if name and name not in known:
            message = f"no rule needs {shown_key(name)}{guess(name, known)}"
            yield inner.key_warning("unused-data-source", message)


def _idle_allowlists(node: Node, book: RuleBook, selected: Set[str]) -> Iterator[Finding]:
    if book.unreadable:
        return
    honoured = {name for rule in selected for name in book.rules[rule].allowlists}
    for name, items in node.get("allowlists").entries():
        if name in book.categories and name not in honoured and items.items():
            message = f"no rule that is deployed here honours {shown_key(name)}; its entries allow nothing"
            yield items.key_warning("idle-allowlist", message)


def _shared_places(file: TenantFile, others: Sequence[TenantFile]) -> Iterator[Finding]:
    """Errors for each target of `file` that writes where another one writes, in this tenant or another.

    Every tenant concerned is stopped: which of them is right, nobody here can tell.
    """
    if file.tenant is None or file.document is None:
        return
    own: list[Target] = []
    for target in file.tenant.targets:
        foreign = [each for other in others if other.tenant and other is not file for each in other.tenant.targets]
        twins = [each for each in (*own, *foreign) if targets.place(each) == targets.place(target)]
        own.append(target)
        if twins and targets.place(target):
            twin = twins[0]
            what = "space" if target.platform is Platform.KIBANA else "workspace"
            other = shown_key(f"{twin.tenant}/{twin.name}")
            message = f"the same {what} as {other} ({twin.location}); one {what} has one target"
            yield Finding("shared-target", message, location=target.location)
