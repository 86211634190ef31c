"""Between what people write and ARM's alert rules, both ways. Pure.

A rule is known by a uuid made from its id, the same in every workspace. Allowlists and parameters are right-hand sides
of the query's own `let` statements. The mark is the first line of the query, a comment that also tells an analyst where
to edit.
"""

import re
import uuid
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deployer import queries
from deployer.errors import CannotEncode
from deployer.findings import Finding
from deployer.model import Assignment
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.model import SentinelTarget
from deployer.providers.sentinel import allowlist
from deployer.providers.sentinel import canonical
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Mark
from deployer.state import Resource
from deployer.state import choose_mark
from deployer.state import find_marks

Document = dict[str, Any]

NAMESPACE = uuid.UUID("6f0c3f3e-6a1d-5d1c-9a0e-0d5c1f1b7a52")
"""Of the uuid5 rule ids. It never changes: Sentinel refuses a deleted id for about a day."""
QUERY_LIMIT = 10_000
"""Characters of a query, the mark line included (scheduled-rules-overview)."""
SEVERITIES = {"low": "Low", "medium": "Medium", "high": "High", "critical": "High"}
"""Sentinel has no "critical"; a rule that needs the difference writes it with `alertDetailsOverride`."""
UNCORRELATED = "#DONT_CORR#"
"""Prefix of a description by which an analyst keeps a rule out of the correlation engine; carried over."""
AUTO_DISABLED = "AUTO DISABLED"
"""Prefix that Sentinel gives the name of a rule which it switched off (troubleshoot-analytics-rules)."""
_ADVICE = "managed in Git: edit it there, changes made here are reported as drift"


def encode(assignment: Assignment) -> DesiredState:
    """Every rule that the workspace is to hold. Raises `CannotEncode` with all faults; then nothing may be written."""
    faults: list[Finding] = []
    resources: dict[Key, Resource] = {}
    desired = DesiredState(assignment.owner, assignment.environment, resources, assignment.not_applicable)
    for rule in assignment.rules:
        half = rule.sentinel
        if half is None:
            continue
        found, query = _query(rule, half, assignment)
        faults += [*_unknown_properties(rule, half), *found]
        resource = _rule(rule, half, query, assignment)
        length = len(marked(query, desired.mark(resource)))
        if length > QUERY_LIMIT:
            faults.append(_too_long(rule, half, query, length))
        resources[resource.key] = resource
    if faults:
        raise CannotEncode(faults)
    return desired


def rule_uuid(rule_id: str) -> str:
    """The name of the rule's ARM resource."""
    return str(uuid.uuid5(NAMESPACE, rule_id))


def decode(document: Document, desired: DesiredState) -> Resource:
    """A live rule. Its key is a rule id if the uuid is that of a wanted rule or of its own mark, else the uuid."""
    properties = document.get("properties") or {}
    name = str(document["name"])
    marks = find_marks(_head(str(properties.get("query") or "")))
    key = Key(Kind.RULE, _rule_id(name, marks, desired))
    description = str(properties.get("description") or "")
    carried = {
        name: value
        for name, value in sorted(properties.items())
        if name not in canonical.MANAGED | canonical.SERVER_OWNED and value not in (None, [], {}, "")
    }
    if description.startswith(UNCORRELATED):
        carried["correlation"] = UNCORRELATED
        description = description.removeprefix(UNCORRELATED)
    body = canonical.rule({**properties, "description": description, "kind": document.get("kind")})
    display_name = str(properties.get("displayName") or "")
    system = document.get("systemData") or {}
    return Resource(
        key,
        body,
        name=display_name,
        version=document.get("etag"),
        mark=choose_mark(marks, desired.owner, desired.environment, key),
        edited_by=system.get("lastModifiedBy"),
        edited_at=_moment(system.get("lastModifiedAt") or properties.get("lastModifiedUtc")),
        carried=carried,
        halted=_halted(display_name, body),
    )


def document(wanted: Resource, mark: Mark, live: Resource | None) -> Document:
    """The body of a PUT: the canonical body with its mark, what is carried over, and the etag that was read."""
    carried = dict(live.carried) if live else {}
    prefix = carried.pop("correlation", "")
    properties = {name: value for name, value in wanted.body.items() if name != "kind"}
    properties["query"] = marked(properties["query"], mark)
    properties["description"] = prefix + properties["description"]
    body = {"kind": wanted.body["kind"], "properties": {**carried, **properties}}
    return {**body, "etag": live.version} if live and live.version else body


def marked(query: str, mark: Mark) -> str:
    """The query as it is sent."""
    return f"// {mark} ({_ADVICE})\n{query}"


def _head(query: str) -> str:
    """The comment lines that a query begins with: a mark anywhere else is not one."""
    lines = []
    for line in query.lstrip().splitlines():
        if not line.startswith("//"):
            break
        lines.append(line)
    return "\n".join(lines)


def _rule_id(name: str, marks: Any, desired: DesiredState) -> str:
    ids = [key.id for key in desired.resources]
    ids += [mark.key.id for mark in marks if isinstance(mark, Mark)]
    return next((rule_id for rule_id in ids if rule_uuid(rule_id) == name.lower()), name)


def _halted(display_name: str, body: Mapping[str, Any]) -> str | None:
    if not display_name.startswith(AUTO_DISABLED):
        return None
    last = str(body.get("description", "")).rsplit("\n", 1)[-1][-300:]
    return f"Sentinel switched this rule off by itself ({AUTO_DISABLED}): {last}"


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _rule(rule: Rule, half: PlatformRule, query: str, assignment: Assignment) -> Resource:
    target = assignment.target
    preview = not isinstance(target, SentinelTarget) or "preview" in (target.api_version or "preview")
    subs = [line.subtechnique.id for line in rule.attack if line.subtechnique]
    body = canonical.rule(
        {
            **{name: value for name, value in half.fields.items() if name != "data"},
            "kind": half.fields.get("kind", "Scheduled"),
            "displayName": rule.name,
            "description": _description(rule),
            "severity": SEVERITIES[rule.severity],
            "enabled": rule.enabled,
            "query": query,
            "tactics": [line.tactic.name.replace(" ", "") for line in rule.attack],
            "techniques": [line.technique.id for line in rule.attack],
            # subTechniques exists in preview versions only; techniques takes T#### alone (azurerm issue 28801)
            "subTechniques": subs if preview else [],
        }
    )
    return Resource(Key(Kind.RULE, rule.live_id), body, name=rule.name, source=rule.location)


def _description(rule: Rule) -> str:
    """The description, and at its end what Sentinel has no field for."""
    parts = [rule.description.strip(), f"Confidence: {rule.confidence}."]
    if rule.false_positives:
        cases = [f"- {case.cause.strip()} Tuning: {case.tuning.strip()}" for case in rule.false_positives]
        parts.append("\n".join(["False positives:", *cases]))
    if rule.references:
        parts.append("\n".join(["References:", *(f"- {reference}" for reference in rule.references)]))
    return "\n\n".join(parts)


def _query(rule: Rule, half: PlatformRule, assignment: Assignment) -> tuple[list[Finding], str]:
    """The query with its parameters and allowlists filled in, and what stood in the way."""
    found = {let.name: let for let in queries.lets(half.query)}
    faults: list[Finding] = []
    values: dict[str, str] = {}
    for name, value in half.parameters.items():
        where = rule.origins.get(f"sentinel.parameters.{name}", half.query_location)
        if name not in found:
            known = ", ".join(sorted(name for name, let in found.items() if let.type not in ("expression", "function")))
            faults.append(
                Finding("unknown-parameter", f"{rule.id} has no parameter {name}; it has {known}", location=where)
            )
            continue
        try:
            values[name] = queries.literal(value, found[name].type)
        except ValueError as error:
            faults.append(Finding("parameter-type", f"{rule.id}: parameter {name}: {error}", location=where))
    for category_name in rule.allowlists:
        category = assignment.categories[category_name]
        entries = assignment.entries.get(category_name, ())
        try:
            lets = allowlist.compile(category, entries)
        except ValueError as error:
            faults.append(Finding("entry-not-expressible", f"{rule.id}: {error}", location=category.location))
            continue
        for name in lets.keys() - found.keys():
            message = f"{rule.id} honours {category_name} but its query has no `let {name}`"
            faults.append(Finding("let-missing", message, location=half.query_location))
        scoped = category.sentinel.get("scoped")
        if scoped in found and not _takes_scope(found[str(scoped)].value):
            message = (
                f"{rule.id}: `let {scoped}` must be (Host:string, Process:string, Address:string, Port:int) {{ false }}"
            )
            faults.append(Finding("let-shape", message, location=half.query_location))
        values |= {name: text for name, text in lets.items() if name in found}
    return faults, canonical.text(queries.replace_lets(half.query, values))


def _takes_scope(value: str) -> bool:
    pattern = r"\(\s*Host\s*:\s*string\s*,\s*Process\s*:\s*string\s*,\s*Address\s*:\s*string\s*,\s*Port\s*:\s*int\s*\)"
    return re.match(pattern, value) is not None


def _too_long(rule: Rule, half: PlatformRule, query: str, length: int) -> Finding:
    own = len(canonical.text(half.query))
    message = (
        f"{rule.id}: the query would be {length:,} characters, Sentinel takes {QUERY_LIMIT:,}: "
        f"the query itself {own:,}, allowlists and parameters {len(query) - own:,}, the mark {length - len(query):,}. "
        "Collapse ranges, drop entries that no longer hold, or split the rule's allowlist"
    )
    return Finding("query-too-long", message, location=half.query_location)


def _unknown_properties(rule: Rule, half: PlatformRule) -> Iterator[Finding]:
    for name in sorted(half.fields.keys() - canonical.MANAGED - {"data"}):
        message = f"{rule.id}: analytics rules have no property {name!r} that deployer manages"
        yield Finding("unknown-sentinel-property", message, location=rule.location)
