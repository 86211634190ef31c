"""Between what people write and ARM's alert rules, both ways. Pure.

A rule is known by a uuid made from its id, the same in every workspace. Allowlists and parameters are right-hand sides
of the query's own `let` statements. The mark is the first line of the query, a comment that also tells an analyst where
to edit.
"""

import difflib
import re
import uuid
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from functools import lru_cache
from typing import Any
from typing import TypeAlias

from deployer import queries
from deployer.answers import kept_for_same
from deployer.errors import CannotEncode
from deployer.findings import Finding
from deployer.findings import Location
from deployer.model import Assignment
from deployer.model import Category
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.model import SentinelTarget
from deployer.providers.sentinel import allowlist
from deployer.providers.sentinel import canonical
from deployer.providers.sentinel import exemptions
from deployer.providers.sentinel import fitting
from deployer.providers.sentinel import neutral
from deployer.providers.sentinel import watchlist
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Mark
from deployer.state import Reads
from deployer.state import Resource
from deployer.state import UnknownMark
from deployer.state import choose_mark
from deployer.state import digest
from deployer.state import find_marks

Document = dict[str, Any]
_Texts: TypeAlias = Callable[[str, bool], dict[str, str]]
"""By the name of a category, and whether it is in a watchlist: the text for each of its lets."""

NAMESPACE = uuid.UUID("6f0c3f3e-6a1d-5d1c-9a0e-0d5c1f1b7a52")
"""Of the uuid5 rule ids. It never changes: Sentinel refuses a deleted id for about a day."""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
"""What the portal names a rule."""
ARM = "arm."
"""Before the name of a rule that was there before and whose name is no uuid: ARM takes any. Case does not count."""
CORRELATION = re.compile(r"\s*(#(?:DONT|INC)_CORR#)\s*")
"""What an analyst puts before a description to keep a rule out of the correlation engine, or in; carried over
(learn.microsoft.com/defender-xdr/exclude-analytics-rules-correlation)."""
AUTO_DISABLED = "AUTO DISABLED"
"""Prefix that Sentinel gives the name of a rule which it switched off (troubleshoot-analytics-rules)."""
_ADVICE = "managed in Git: edit it there, changes made here are reported as drift"
_LISTED = "; deployer keeps watchlists here"
"""In the mark line of a rule that has read one, so that a list which could not be deleted is looked for again."""


def encode(assignment: Assignment) -> DesiredState:
    """Every rule that the workspace is to hold. Raises `CannotEncode` with all faults; then nothing may be written."""
    faults: list[Finding] = []
    resources: dict[Key, Resource] = {}
    spilled: dict[str, list[str]] = {}
    texts = _texts(assignment)
    for rule in assignment.rules:
        half = rule.sentinel
        if half is None:
            continue
        unfit = list(_unfit(rule, half, assignment))
        fitted = _fitted(rule, half, assignment, texts)
        faults += [*unfit, *fitted.faults]
        if unfit:
            continue
        for name in fitted.spilled:
            spilled.setdefault(name, []).append(rule.id)
        resource = _rule(rule, half, fitted.query, assignment)
        resources[resource.key] = resource
    found, lists = fitting.watchlists(spilled, assignment)
    faults += found
    resources |= {one.key: one for one in lists}
    if faults:
        raise CannotEncode(faults)
    notes = fitting.notes(spilled, lists)
    return DesiredState(assignment.owner, assignment.environment, resources, assignment.not_applicable, notes=notes)


@lru_cache(maxsize=8192)
def rule_uuid(rule_id: str) -> str:
    """The name of the rule's ARM resource: a uuid made from the id.

    A rule that was there before keeps its name: as an id, that is its uuid, or what follows `arm.` where other tools
    gave it a name that is none.
    """
    if rule_id.startswith(ARM):
        return rule_id.removeprefix(ARM).lower()
    return rule_id.lower() if UUID.fullmatch(rule_id) else str(uuid.uuid5(NAMESPACE, rule_id))


def names(desired: DesiredState) -> dict[str, str]:
    """The ids of the wanted rules by the names of their ARM resources: told once for all rules of a workspace."""
    return {rule_uuid(key.id): key.id for key in reversed(tuple(desired.resources))}


def decode(document: Document, desired: DesiredState, wanted: Mapping[str, str] | None = None) -> Resource:
    """A live rule. Its key is a rule id if the uuid is that of a wanted rule or of its own mark, else the uuid.

    `wanted` are the `names` of the desired state, where they are told already.
    """
    properties = document.get("properties") or {}
    name = str(document["name"])
    head = _head(str(properties.get("query") or ""))
    marks = find_marks(head)
    key = Key(Kind.RULE, _key_id(name, marks, names(desired) if wanted is None else wanted))
    description = str(properties.get("description") or "")
    carried = canonical.unknown(properties)
    if prefix := CORRELATION.match(description):
        carried["correlation"] = prefix.group(1)
        description = description[prefix.end() :]
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
        git_id=desired.git_id(key),
        needs=watchlist.needs(body.get("query")),
        observed={"listed": True} if _LISTED in head else {},
    )


def may_be_ours(document: Document, desired: DesiredState) -> bool:
    """Whether a rule stands on the id of a wanted one, or says that it is ours; its properties may be anything."""
    query = (document.get("properties") or {}).get("query")
    marks = find_marks(_head(query)) if isinstance(query, str) else ()
    owned = any(isinstance(mark, Mark) and mark.owner == desired.owner for mark in marks)
    return owned or str(document["name"]).lower() in {rule_uuid(key.id) for key in desired.resources}


def document(wanted: Resource, mark: Mark | None, live: Resource | None) -> Document:
    """The body of a PUT: the canonical body with its mark, what is carried over, and the etag that was read.

    What is carried comes from the live rule, and where there is none, from the wanted one, which has some when a rule
    is made again. No mark is written for `mark` None.
    """
    carried = dict((live or wanted).carried)
    prefix = carried.pop("correlation", "")
    properties = {name: value for name, value in wanted.body.items() if name != "kind"}
    if mark is not None:
        properties["query"] = marked(properties["query"], mark, listed=bool(live and reads_lists(live)))
    properties["description"] = prefix + properties.get("description", "")
    body = {"kind": wanted.body["kind"], "properties": canonical.restored(carried, properties)}
    return {**body, "etag": live.version} if live and live.version else body


def needs(body: Mapping[str, Any]) -> tuple[Key, ...]:
    """What an object of this canonical body stands on: a rule, on the watchlists of ours that its query reads."""
    return watchlist.needs(body.get("query"))


def reads_lists(live: Resource) -> bool:
    """Whether a rule reads watchlists of ours, or has: then some may be there, even if no rule reads them any more."""
    return bool(live.needs or live.observed.get("listed"))


def marked(query: str, mark: Mark, *, listed: bool = False) -> str:
    """The query as it is sent. `listed` keeps in mind that the rule has read watchlists of ours."""
    plain, long = (f"// {mark} ({_ADVICE}{said})\n{query}" for said in ("", _LISTED))
    return long if listed and len(long) <= fitting.QUERY_LIMIT else plain


def _head(query: str) -> str:
    """The comment lines that a query begins with: a mark anywhere else is not one."""
    lines: list[str] = []
    rest = query.lstrip()
    while rest.startswith("//"):  # the query behind them is long, and never looked at
        line, _, rest = rest.partition("\n")
        for part in line.splitlines():
            if not part.startswith("//"):
                return "\n".join(lines)
            lines.append(part)
    return "\n".join(lines)


def _key_id(name: str, marks: Sequence[Mark | UnknownMark], wanted: Mapping[str, str]) -> str:
    if (found := wanted.get(name.lower())) is not None:
        return found
    ids = (mark.key.id for mark in marks if isinstance(mark, Mark))
    return next((rule_id for rule_id in ids if rule_uuid(rule_id) == name.lower()), name)


def _halted(display_name: str, body: Mapping[str, Any]) -> str | None:
    if not display_name.startswith(AUTO_DISABLED):
        return None
    last = str(body.get("description", "")).rsplit("\n", 1)[-1][-300:]
    return f"Sentinel switched this rule off by itself ({AUTO_DISABLED}): {last}"


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _rule(rule: Rule, half: PlatformRule, query: str, assignment: Assignment) -> Resource:
    body = canonical.with_query(_without_query(rule, half, _is_preview(assignment)), query)
    name = str(body.get("displayName", rule.name))
    reads = Reads(half.data, look_back=str(body.get("queryPeriod") or ""))
    key = Key(Kind.RULE, rule.live_id)
    lists = watchlist.needs(query)
    return Resource(key, body, name=name, source=rule.location, git_id=rule.id, needs=lists, reads=reads)


@kept_for_same
def _without_query(rule: Rule, half: PlatformRule, preview: bool) -> Document:
    """The canonical body but for the query, which every tenant's allowlists make another one."""
    own = {name: value for name, value in neutral.of(rule).items() if name not in half.dropped}
    properties = {**own, **half.fields, "kind": half.fields.get("kind", "Scheduled"), "query": ""}
    if not preview:
        # subTechniques exists in preview versions only; techniques takes T#### alone (azurerm issue 28801)
        properties["subTechniques"] = []
    return canonical.rule(properties)


def _is_preview(assignment: Assignment) -> bool:
    target = assignment.target
    return not isinstance(target, SentinelTarget) or "preview" in (target.api_version or "preview")


def _texts(assignment: Assignment) -> _Texts:
    """What `allowlist.compile` says of a category: asked once for all of a workspace's rules."""

    @cache
    def texts(name: str, spilled: bool) -> dict[str, str]:
        category, entries = assignment.categories[name], assignment.entries.get(name, ())
        return allowlist.compile(category, entries, spilled=spilled)

    return texts


def _fitted(rule: Rule, half: PlatformRule, assignment: Assignment, texts: _Texts) -> fitting.Fitted:
    """The query, with as few allowlists in watchlists as make it short enough."""
    mark = Mark(assignment.owner, assignment.environment, Key(Kind.RULE, rule.live_id), digest({}))
    render: fitting.Render = lambda spilled: _query(rule, half, assignment, texts, spilled)  # noqa: E731 - said in one line
    return fitting.fit(rule, half.query, assignment, render, len(marked("", mark)))


def _query(
    rule: Rule, half: PlatformRule, assignment: Assignment, texts: _Texts, spilled: Collection[str] = ()
) -> tuple[list[Finding], str]:
    """The query with its parameters and allowlists filled in, and what stood in the way."""
    faults = [Finding("let-twice", f"{rule.id}: {name} is declared twice", location=half.query_location)
              for name in queries.repeated(half.query)]  # fmt: skip
    lets = {let.name: let for let in queries.lets(half.query)}
    filled: dict[str, str] = {}
    for name in rule.allowlists:
        found, own = _allowlist(rule, half, assignment.categories[name], lets, texts, name in spilled)
        faults += found
        filled |= own
    values: dict[str, str] = {}
    for name, value in half.parameters.items():
        where = rule.origins.get(f"sentinel.parameters.{name}", half.query_location)
        if name not in lets or name in filled:
            known = sorted(let.name for let in lets.values() if let.is_parameter and let.name not in filled)
            what = f"{name} is filled from an allowlist" if name in filled else f"{rule.id} has no parameter {name}"
            close = difflib.get_close_matches(name, known, 1)
            guess = f"; did you mean {close[0]}?" if close else f"; its parameters are {', '.join(known)}"
            message = what + guess
            faults.append(Finding("unknown-parameter", message, location=where))
            continue
        try:
            values[name] = queries.literal(value, lets[name])
        except ValueError as error:
            faults.append(Finding("parameter-type", f"{rule.id}: parameter {name}: {error}", location=where))
    faults += [
        *exemptions.declared(rule, half, lets),
        *exemptions.fill(rule, half, assignment.exemptions, lets, values),
    ]
    query = canonical.text(queries.replace_lets(half.query, values | filled))
    faults += _schedule(rule, half, {name: values.get(name, let.value) for name, let in lets.items()})
    return faults, query


def _allowlist(
    rule: Rule,
    half: PlatformRule,
    category: Category,
    lets: Mapping[str, queries.Let],
    compiled: _Texts,
    spilled: bool,
) -> tuple[list[Finding], dict[str, str]]:
    """The texts of one category's lets. A let that is missing, misshapen or never used would allow nothing, or all."""
    try:
        texts = compiled(category.name, spilled)
    except allowlist.Inexpressible as error:
        return [Finding("entry-not-expressible", f"{rule.id}: {error}", location=error.entry.location)], {}
    faults: list[Finding] = []
    for name in texts:
        if name not in lets:
            message = f"{rule.id} honours {category.name} but its query has no `let {name}`"
            faults.append(Finding("let-missing", message, location=half.query_location))
        elif not queries.uses(half.query, name):
            message = f"{rule.id} honours {category.name} but its query never uses {name}"
            faults.append(Finding("let-unused", message, location=half.query_location))
    scoped = category.sentinel.get("scoped", "")
    if scoped in lets and not _takes_scope(lets[scoped].value):
        shape = f"{allowlist.SIGNATURE} {{ false }}"
        faults.append(Finding("let-shape", f"{rule.id}: `let {scoped}` must be {shape}", location=half.query_location))
    return faults, {name: text for name, text in texts.items() if name in lets}


def _schedule(rule: Rule, half: PlatformRule, values: Mapping[str, str]) -> Iterator[Finding]:
    """Events between two runs, or beyond the period that the service reads, would be lost in silence.

    By name: a query that looks only at what is newer than its last run says how long that is in `RunFrequency`, and
    how far it looks back in `LookbackPeriod`.
    """
    run = queries.timespan_seconds(values.get("RunFrequency", ""))
    look_back = queries.timespan_seconds(values.get("LookbackPeriod", ""))
    frequency = canonical.duration_seconds(str(half.fields.get("queryFrequency")))
    period = canonical.duration_seconds(str(half.fields.get("queryPeriod")))
    if run is not None and frequency is not None and frequency > run:
        said = f"queryFrequency {half.fields['queryFrequency']} is longer than the query's RunFrequency"
        message = f"{rule.id}: {said}: set the parameter RunFrequency with it, or events between two runs are lost"
        yield Finding("schedule-gap", message, location=_origin(rule, "queryFrequency"))
    if look_back is not None and period is not None and look_back > period:
        said = f"the query's LookbackPeriod is longer than queryPeriod {half.fields['queryPeriod']}"
        yield Finding("schedule-gap", f"{rule.id}: {said}: set both", location=_origin(rule, "queryPeriod"))
    if frequency is not None and period is not None and frequency > period:
        said = f"queryFrequency {half.fields['queryFrequency']} is longer than queryPeriod"
        yield Finding(
            "schedule-gap", f"{rule.id}: {said}; Sentinel refuses that", location=_origin(rule, "queryFrequency")
        )


def _origin(rule: Rule, name: str) -> Location:
    return rule.origins.get(f"sentinel.{name}", rule.location)


def _takes_scope(value: str) -> bool:
    return re.sub(r"\s", "", value).startswith(re.sub(r"\s", "", allowlist.SIGNATURE))


def _unfit(rule: Rule, half: PlatformRule, assignment: Assignment) -> Iterator[Finding]:
    """What makes the rule one that cannot be sent."""
    for name in sorted(half.fields.keys() - canonical.MANAGED):
        message = f"{rule.id}: analytics rules have no property {name!r} that deployer manages"
        yield Finding("unknown-sentinel-property", message, location=_origin(rule, name))
    own = half.fields.get("tactics")
    if isinstance(own, Sequence) and not isinstance(own, str):
        tactics = {str(name): str(name) for name in own}
    else:
        tactics = (
            {} if "tactics" in half.dropped else {line.tactic.name: neutral.tactic(line.tactic) for line in rule.attack}
        )
    for name, spelled in tactics.items():
        if spelled not in neutral.TACTICS:
            where = _origin(rule, "tactics")
            yield Finding("unknown-tactic", f"{rule.id}: Sentinel knows no tactic {name!r}", location=where)
    kind = half.fields.get("kind", "Scheduled")
    if kind == "NRT" and not _is_preview(assignment):
        message = f"{rule.id}: NRT rules need a preview api_version; this one would look absent"
        yield Finding("nrt-needs-preview", message, location=assignment.target.location)
    for name in _SCHEDULE if kind == "Scheduled" else ():
        if half.fields.get(name) is None:
            yield Finding("missing-property", f"{rule.id}: a Scheduled rule needs {name}", location=rule.location)


_SCHEDULE = ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold")
