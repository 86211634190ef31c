"""A tenant's `exceptions:`: what is let through for single rules and no category of allowlists covers."""

import json
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from fnmatch import fnmatchcase

from deployer.findings import Finding
from deployer.findings import Location
from deployer.hosts import Unfit
from deployer.manifest import values
from deployer.manifest.document import Node
from deployer.manifest.wording import guess
from deployer.manifest.wording import label
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.model import Exemption
from deployer.model import Json
from deployer.model import Platform
from deployer.model import Rule

_NARROWEST = {4: 8, 6: 16}
"""Networks with a shorter prefix are taken for everything."""


def read(node: Node, findings: list[Finding]) -> tuple[Exemption, ...]:
    """The exceptions in the order written; whatever is wrong with them beyond their form is added to `findings`."""
    found = [_exemption(item, findings) for item in node.items()]
    findings += _repeated(found)
    return tuple(found)


def faults(node: Node, here: Mapping[str, Rule], platforms: Collection[Platform]) -> Iterator[Finding]:
    """Errors for exceptions that would let nothing through: those of rules, or of platforms, that are not here."""
    for item in node.items():
        matched: list[Rule] = []
        for glob in item.get("rules").items():
            rules = [rule for name, rule in here.items() if fnmatchcase(name, glob.text() or "")]
            matched += rules
            if not rules and glob.text():
                near = guess(glob.text() or "", here)
                yield glob.error("no-match", f"{shown(glob.text() or '')} matches no rule that comes here{near}")
        for platform in Platform:
            if matched and platform in item.mapping():
                yield from _unbound(item.get(platform), platform, matched, platforms)


def _unbound(
    block: Node, platform: Platform, matched: list[Rule], platforms: Collection[Platform]
) -> Iterator[Finding]:
    halves = [half for rule in matched if (half := rule.on(platform))]
    if not halves or platform not in platforms:
        why = f"none of its rules has a {platform} half" if not halves else f"there is no {platform} target here"
        yield block.key_error("nothing-to-bind", f"`{platform}:` lets nothing through: {why}")
        return
    let = block.get("let").text()
    if platform is Platform.SENTINEL and let and not any(let in half.exceptions for half in halves):
        known = sorted({name for half in halves for name in half.exceptions})
        way_out = guess(let, known) or (f"; they name {listed(map(shown_key, known))}" if known else "; they name none")
        message = f"no rule of it names `let {let}` in `sentinel.exceptions` of its rule.yaml{way_out}"
        yield block.get("let").error("unknown-let", message)


def _exemption(node: Node, findings: list[Finding]) -> Exemption:
    conditions = node.get("kibana")
    let, added = node.get("sentinel").get("let").text(), node.get("sentinel").get("values")
    if "kibana" not in node.mapping() and "sentinel" not in node.mapping():
        message = f"{label(node.path)} has neither `kibana` nor `sentinel`: say what is let through"
        findings.append(node.error("empty-exception", message))
    findings += _silencing(conditions)
    findings += _mixed(added)
    return Exemption(
        rules=node.get("rules").texts(),
        kibana=tuple(item.mapping() for item in conditions.items()),
        let=let,
        values=tuple(value for item in added.items() if isinstance(value := item.value, str | int)),
        reason=(node.get("reason").text() or "").strip(),
        owner=(node.get("owner").text() or "").strip(),
        location=node.location,
        expires=_dated(node.get("expires"), findings, instants=True),
        ticket=node.get("ticket").text(),
        reviewed=_dated(node.get("reviewed"), findings, instants=False),
    )


def _dated(node: Node, findings: list[Finding], *, instants: bool) -> str | None:
    written = node.text()
    if written is None:
        return None
    try:
        return values.moment(written) if instants else values.day(written)
    except Unfit as unfit:
        findings.append(node.error("bad-value", f"{label(node.path)}: {shown(written)} {unfit}"))
        return None


def _silencing(conditions: Node) -> Iterator[Finding]:
    """Errors for an item that would let through whatever has a field, or does not have a value."""
    for item in conditions.items():
        for text in _texts(item.value):
            if text.strip("*?") == "":
                message = f"{label(item.path)}: {shown(text)} holds for every value; name what is meant"
                yield item.error("silences-all", message)
            elif _is_everywhere(text):
                message = f"{label(item.path)}: {shown(text)} is nearly every address; name the networks that are meant"
                yield item.error("silences-all", message)
    if conditions.items() and not any(_names_a_value(item.value) for item in conditions.items()):
        message = "this holds for whatever has, or lacks, something; add a condition on a value that is included"
        yield conditions.key_error("silences-all", message)


def _names_a_value(condition: Json) -> bool:
    if not isinstance(condition, Mapping):
        return False
    if condition.get("type") == "nested":
        inner = condition.get("entries")
        return isinstance(inner, list) and any(
            _names_a_value({"operator": "included", **each}) for each in inner if isinstance(each, Mapping)
        )
    return condition.get("type") != "exists" and condition.get("operator") == "included"


def _texts(value: Json) -> Iterator[str]:
    """Every value of a condition, those within a nested one too."""
    if not isinstance(value, Mapping):
        return
    inner, entries = value.get("value"), value.get("entries")
    yield from (text for text in (inner if isinstance(inner, list) else [inner]) if isinstance(text, str))
    for each in entries if isinstance(entries, list) else ():
        yield from _texts(each)


def _is_everywhere(text: str) -> bool:
    return any(network.prefixlen < _NARROWEST[network.version] for network in values.networks(text))


def _mixed(added: Node) -> Iterator[Finding]:
    """Errors for values that a query could not be told, or not compare."""
    kinds = {type(item.value) for item in added.items() if isinstance(item.value, str | int)}
    if len(kinds) > 1:
        message = f"{label(added.path)} mixes texts and numbers; a `let` holds one sort"
        yield added.key_error("mixed-values", message)
    for item in added.items():
        text = item.text()
        if text is not None and (not text.isprintable() or not text.strip() or text != text.strip()):
            message = f"{label(item.path)}: {shown(text)} must be printable text without blanks around it"
            yield item.error("bad-value", message)
        elif text is not None and text.strip("*?") == "":
            message = f"{label(item.path)}: {shown(text)} is compared as it is; name what is meant"
            yield item.error("bad-value", message)
        elif text is not None and _is_everywhere(text):
            message = f"{label(item.path)}: {shown(text)} is nearly every address; name the networks that are meant"
            yield item.error("silences-all", message)


def _repeated(found: list[Exemption]) -> Iterator[Finding]:
    first: dict[str, Location] = {}
    for one in found:
        said = json.dumps([sorted(one.rules), _sorted(one.kibana), one.let, sorted(map(str, one.values))], default=dict)
        before = first.setdefault(said, one.location)
        if before != one.location:
            message = f"this exception is there already, in line {before.line}"
            yield Finding("repeated-exception", message, location=one.location)


def _sorted(conditions: tuple[Mapping[str, Json], ...]) -> list[str]:
    return sorted(json.dumps(dict(each), sort_keys=True, default=dict) for each in conditions)
