"""Between what people write and Kibana's documents, both ways. Pure.

Objects and their identities: a rule is known by its `rule_id` (never the saved-object id), an exception list by its
`list_id`, an item by its `item_id`, a data view by its id. The mark is one tag; a data view has none, so there it is a
comment line in the script of its first runtime field.
"""

import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from deployer.answers import kept_for_same
from deployer.errors import CannotEncode
from deployer.findings import Finding
from deployer.model import Assignment
from deployer.model import Attack
from deployer.model import Category
from deployer.model import Json
from deployer.model import Named
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.providers import shapes
from deployer.providers.kibana import canonical
from deployer.providers.kibana import carry
from deployer.providers.kibana import exemptions
from deployer.providers.kibana import grouping
from deployer.providers.kibana import reads
from deployer.providers.kibana.carry import SPILLED
from deployer.providers.kibana.items import PREFIX
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Mark
from deployer.state import Reads
from deployer.state import Resource
from deployer.state import UnknownMark
from deployer.state import choose_mark
from deployer.state import find_marks
from deployer.state import whole_mark

Document = dict[str, Any]

RISK_SCORES = {"low": 21, "medium": 47, "high": 73, "critical": 99}
"""Kibana's own default score per severity."""
HUNTING = "Hunting"
"""Tag of a hunting rule."""
_DECLARABLE = frozenset({"note"})
"""What belongs to the analysts unless a rule writes it."""
_KNOWN = canonical.MANAGED | canonical.SERVER_OWNED | set(canonical.CARRIED)
_QUERY_LANGUAGES = frozenset({"kuery", "lucene"})
_OWN_LANGUAGE = frozenset({"eql", "esql"})
"""Types of rules that have a language of their own."""
_ATTACK = "https://attack.mitre.org"


def encode(assignment: Assignment) -> DesiredState:
    """Every object that the space is to hold. Raises `CannotEncode` with all faults; then nothing may be written."""
    faults: list[Finding] = []
    resources: dict[Key, Resource] = {}
    honoured = sorted({name for rule in assignment.rules for name in rule.allowlists})
    found = {name: grouping.guards(assignment.categories[name], assignment.entries.get(name, ())) for name in honoured}
    lists = {name: _list(assignment.categories[name], spilled=bool(found[name].notes)) for name in honoured}
    faults += [fault for name in honoured for fault in found[name].faults]
    for rule in assignment.rules:
        half = rule.kibana
        if half is None:
            continue
        faults += _unknown_fields(rule, half)
        view = _data_view(rule, half)
        guards = [resource for name in rule.allowlists for resource in (lists[name], *found[name].resources)]
        own = exemptions.guards(rule, assignment.exemptions)
        guards += own
        needs = tuple(resource.key for resource in guards) + ((view.key,) if view else ())
        made = [*([view] if view else []), *guards, _rule(rule, half, needs, own)]
        resources.update({resource.key: resource for resource in made})
    faults += _repeated_names(resources.values())
    if faults:
        raise CannotEncode(faults)
    notes = tuple(note for name in honoured for note in found[name].notes if note[0] in resources)
    return DesiredState(assignment.owner, assignment.environment, resources, assignment.not_applicable, notes=notes)


def decode_rule(document: Document, desired: DesiredState, ours: frozenset[str]) -> Resource:
    """A live rule. `ours` are the ids of the exception lists that we own or want: others are carried over."""
    key = Key(Kind.RULE, document["rule_id"])
    wanted = desired.resources.get(key)
    attached = document.get("exceptions_list") or []
    foreign = [item for item in attached if not _is_ours(item, ours)]
    own = [item["list_id"] for item in attached if _is_ours(item, ours)]
    declared = frozenset(wanted.body) if wanted else frozenset()
    carried = {name: document[name] for name in canonical.CARRIED if document.get(name) and name not in declared}
    unknown = document.keys() - _KNOWN
    carried |= {name: document[name] for name in sorted(unknown) if document[name] not in (None, [], {}, "")}
    carried |= carry.within_rule(document)
    if foreign:
        carried["exceptions_list"] = foreign
    tags = document.get("tags") or []
    foreign_tags = [tag for tag in tags if not whole_mark(tag)]
    body = canonical.rule({**document, "tags": foreign_tags, "exceptions_list": own}, _DECLARABLE & declared)
    observed = {name: document.get(name) for name in ("id", "execution_summary")}
    return Resource(
        key, body, name=document.get("name", ""), version=str(document.get("revision")),
        mark=choose_mark(_marks(tags), desired.owner, desired.environment, key),
        edited_by=document.get("updated_by"),
        edited_at=_moment(document.get("updated_at")), carried=carried, observed=observed,
        git_id=desired.git_id(key),
        needs=(*(Key(Kind.LIST, list_id) for list_id in own), *_view_of(document)),
    )  # fmt: skip


def uses(document: Document) -> tuple[Key, ...]:
    """The lists and the data view that a rule refers to, whoever owns it."""
    attached = document.get("exceptions_list")
    singles = [item for item in attached if _is_single(item)] if isinstance(attached, list) else []
    return (*(Key(Kind.LIST, str(item.get("list_id"))) for item in singles), *_view_of(document))


def decode_list(document: Document, desired: DesiredState) -> Resource:
    """A live exception list."""
    key = Key(Kind.LIST, document["list_id"])
    tags = document.get("tags") or []
    body, carried = canonical.exception_list(document), carry.of_list(document)
    found = _decoded(key, body, document, desired, _marks(tags), carried)
    return replace(found, observed={**found.observed, SPILLED: True}) if SPILLED in tags else found


def decode_item(document: Document, desired: DesiredState) -> Resource:
    """A live exception item; its comments are carried over."""
    key = Key(Kind.ITEM, document["item_id"])
    marks = _marks(document.get("tags") or [])
    found = _decoded(key, canonical.exception_item(document), document, desired, marks, carry.of_item(document))
    return replace(found, needs=canonical.needs(key, found.body))


def decode_data_view(document: Document, desired: DesiredState) -> Resource:
    """A live data view."""
    key = Key(Kind.DATA_VIEW, document["id"])
    fields = (document.get("runtimeFieldMap") or {}).values()
    sources = [str((field.get("script") or {}).get("source", "")) for field in fields]
    marks = [mark for source in sources for mark in find_marks(source)]
    carried = carry.of_view(document)
    return _decoded(key, canonical.data_view(document), document, desired, marks, carried)


def rule_document(wanted: Resource, mark: Mark | None, list_ids: Mapping[str, str], live: Resource | None) -> Document:
    """The body of a POST or PUT: what is carried, the canonical body, the mark, the lists by their space's own ids.

    In every document: an object that is made again carries what `wanted` says; `mark` None writes no mark.
    """
    kept = dict((live or wanted).carried)
    foreign = kept.pop("exceptions_list", [])
    carried = {name: value for name, value in kept.items() if name not in canonical.NESTED}
    body = {name: carry.restored(name, kept.get(name), value) for name, value in wanted.body.items()}
    attached = [
        {"id": list_ids[list_id], "list_id": list_id, "type": "detection", "namespace_type": "single"}
        for list_id in wanted.body.get("exceptions_list", ())
    ]
    return {
        **carried,
        **body,
        "rule_id": wanted.key.id,
        "tags": [*wanted.body.get("tags", ()), *_tag(mark)],
        "exceptions_list": [*attached, *foreign],
    }


def list_document(wanted: Resource, mark: Mark | None, live: Resource | None) -> Document:
    """The body of a POST or PUT. The tag that tells of a value list stays for good: one may be left behind."""
    kept = live or wanted
    body = {**carry.kept(kept), **wanted.body, "list_id": wanted.key.id, "namespace_type": "single"}
    sign = [SPILLED] if SPILLED in {*wanted.observed, *kept.observed} else []
    return {**body, "tags": [*_tag(mark), *sign, *carry.foreign_tags(kept)]}


def item_document(wanted: Resource, mark: Mark | None, live: Resource | None) -> Document:
    """The body of a POST or PUT. A PUT names the saved object and its version; a POST can send no comment's author."""
    kept = live or wanted
    tags = [*_tag(mark), *carry.foreign_tags(kept)]
    body = {**carry.kept(kept), **wanted.body, "item_id": wanted.key.id, "namespace_type": "single", "tags": tags}
    body["entries"] = carry.restored_entries(kept.carried.get("entries"), body["entries"])
    if live is None:
        comments = [{"comment": comment["comment"]} for comment in wanted.carried.get("comments", ())]
        return {**body, "comments": comments} if comments else body
    comments = [
        {name: comment[name] for name in ("id", "comment") if name in comment}
        for comment in live.carried.get("comments", ())
    ]
    del body["list_id"]
    return {**body, "id": live.observed["id"], "_version": live.version, "comments": comments}


def data_view_document(wanted: Resource, mark: Mark | None, live: Resource | None) -> Document:
    """The body of a POST: an update leaves alone what it does not send, but replaces the runtime fields whole."""
    kept = {"runtimeFieldMap": (live or wanted).carried.get("runtimeFieldMap")}
    body = shapes.restored(canonical.VIEW, kept, wanted.body)
    fields = {name: {**field, "script": dict(field["script"])} for name, field in body["runtimeFieldMap"].items()}
    if mark is not None:
        first = fields[min(fields)]["script"]
        first["source"] = f"// {mark}\n{first['source']}"
    return {**body, "runtimeFieldMap": fields}


def _is_single(item: object) -> bool:
    """Whether an attached list is one of the kind that we make. Kibana looks items up by list id and namespace type."""
    return isinstance(item, dict) and (item.get("type"), item.get("namespace_type")) == ("detection", "single")


def _is_ours(item: Document, ours: frozenset[str]) -> bool:
    return _is_single(item) and item.get("list_id") in ours


def _view_of(document: Document) -> tuple[Key, ...]:
    view = document.get("data_view_id")
    return (Key(Kind.DATA_VIEW, view),) if view else ()


def _tag(mark: Mark | None) -> list[str]:
    return [str(mark)] if mark else []


def _decoded(
    key: Key,
    body: Document,
    document: Document,
    desired: DesiredState,
    marks: Sequence[Mark | UnknownMark],
    carried: Document,
) -> Resource:
    return Resource(
        key, body, name=document.get("name", ""), version=document.get("_version") or document.get("version"),
        mark=choose_mark(marks, desired.owner, desired.environment, key), edited_by=document.get("updated_by"),
        edited_at=_moment(document.get("updated_at")),
        carried=carried,
        observed={"id": document.get("id")},
    )  # fmt: skip


def _marks(tags: Sequence[str]) -> list[Mark | UnknownMark]:
    return [mark for mark in map(whole_mark, tags) if mark]


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _rule(rule: Rule, half: PlatformRule, needs: tuple[Key, ...], own: Sequence[Resource] = ()) -> Resource:
    body, read = _made(rule, half, own[0].key.id) if own else _made_without_exceptions(rule, half)
    name, key = str(body.get("name", rule.name)), Key(Kind.RULE, rule.live_id)
    return Resource(key, body, name=name, source=rule.location, git_id=rule.id, needs=needs, reads=read)


def _made(rule: Rule, half: PlatformRule, exceptions: str | None = None) -> tuple[Document, Reads]:
    """The canonical body, and what it reads; `exceptions` is the list of the tenant's own, if it has some for it."""
    fields = {name: value for name, value in half.fields.items() if name != "data_view"}
    if "data_view" in half.fields:
        fields["data_view_id"] = PREFIX + rule.live_id
    neutral = {name: value for name, value in _neutral(rule).items() if name not in half.dropped}
    body = canonical.rule(
        {
            "risk_score": RISK_SCORES[rule.severity],
            **neutral,
            **fields,
            "tags": _tags(rule, half),
            "query": half.query,
            "exceptions_list": [*(PREFIX + name for name in rule.allowlists), *([exceptions] if exceptions else [])],
        },
        _DECLARABLE & fields.keys(),
    )
    return body, reads.of(half, body)


_made_without_exceptions = kept_for_same(_made)


def _neutral(rule: Rule) -> Document:
    """What is made of the rule's neutral part, unless its `kibana:` block says otherwise."""
    return {
        "name": rule.name,
        "description": _description(rule),
        "severity": rule.severity,
        "enabled": rule.enabled,
        "threat": _threat(rule.attack),
        "references": rule.references,
        "false_positives": [f"{case.cause.strip()} Tuning: {case.tuning.strip()}" for case in rule.false_positives],
    }


def _description(rule: Rule) -> str:
    """The description, and at its end what Kibana has no field for."""
    text = rule.description.strip()
    return f"{text}\n\nConfidence: {rule.confidence}." if rule.confidence else text


def _tags(rule: Rule, half: PlatformRule) -> list[Json]:
    """The rule's tags, the neutral ones first. A hunting rule has one more, by which analysts filter the list of rules
    and its alerts.

    An overlay that says which tags there are has the last word.
    """
    written = half.fields.get("tags")
    own = list(written) if isinstance(written, Sequence) and not isinstance(written, str) else []
    if "kibana.tags" in rule.origins:
        return own
    tags = [*rule.tags, *own]
    return [*tags, HUNTING] if rule.purpose == "hunting" and HUNTING not in tags else tags


def _data_view(rule: Rule, half: PlatformRule) -> Resource | None:
    view = half.fields.get("data_view")
    if not isinstance(view, Mapping):
        return None
    index = half.fields.get("index")
    patterns = index if isinstance(index, Sequence) and not isinstance(index, str) else []
    body = canonical.data_view({"allowNoIndex": True, **view, "title": ",".join(map(str, patterns))})
    key = Key(Kind.DATA_VIEW, PREFIX + rule.live_id)
    return Resource(key, body, name=str(body["name"]), source=rule.location)


def _repeated_names(resources: Iterable[Resource]) -> Iterator[Finding]:
    """Kibana refuses a second data view of the same name."""
    first: dict[str, Resource] = {}
    for view in resources:
        if view.key.kind is Kind.DATA_VIEW and first.setdefault(view.name, view) is not view:
            message = f"{view.key.id} and {first[view.name].key.id} name their data view alike: {view.name!r}"
            yield Finding("data-view-name", message, location=view.source)


def _list(category: Category, *, spilled: bool) -> Resource:
    id = PREFIX + category.name
    said = f"{category.description.strip()} Managed in Git: items added here by hand are kept."
    body = canonical.exception_list(
        {
            "name": f"deployer: {category.title}",
            "description": f"{said} Most of its addresses are in the value list {id}." if spilled else said,
            "type": "detection",
        }
    )
    observed = {SPILLED: True} if spilled else {}
    return Resource(Key(Kind.LIST, id), body, name=body["name"], source=category.location, observed=observed)


def _threat(attack: Sequence[Attack]) -> list[Document]:
    tactics: dict[str, Document] = {}
    for line in attack:
        tactic = tactics.setdefault(
            line.tactic.id,
            {"framework": "MITRE ATT&CK", "tactic": _named(line.tactic, "tactics"), "technique": []},
        )
        known = {technique["id"]: technique for technique in tactic["technique"]}
        technique = known.get(line.technique.id)
        if technique is None:
            technique = {**_named(line.technique, "techniques"), "subtechnique": []}
            tactic["technique"].append(technique)
        if line.subtechnique:
            technique["subtechnique"].append(_named(line.subtechnique, "techniques"))
    return list(tactics.values())


def _named(named: Named, folder: str) -> Document:
    return {"id": named.id, "name": named.name, "reference": f"{_ATTACK}/{folder}/{named.id.replace('.', '/')}/"}


def _unknown_fields(rule: Rule, half: PlatformRule) -> Iterator[Finding]:
    known = canonical.MANAGED | _DECLARABLE | {"data_view"}
    for name in sorted(half.fields.keys() - known):
        yield Finding(
            "unknown-kibana-field",
            f"{rule.id}: Kibana rules have no field {name!r} that deployer manages",
            location=rule.origins.get(f"kibana.{name}", rule.location),
        )
    if half.fields.get("language") in _QUERY_LANGUAGES and half.fields.get("type") in _OWN_LANGUAGE:
        message = f"{rule.id}: a rule of type {half.fields['type']} has no language {half.fields['language']}"
        yield Finding("query-language", message, location=rule.origins.get("kibana.language", rule.location))
    if "data_view" in half.fields and not re.search(r"\S", str(half.fields.get("index") or "")):
        yield Finding("no-index-patterns", f"{rule.id}: a data view needs index patterns", location=rule.location)
    view = half.fields.get("data_view")
    if isinstance(view, Mapping) and not view.get("runtimeFieldMap"):
        why = "needs a runtime field: its script carries the mark that says whose it is"
        yield Finding("no-runtime-field", f"{rule.id}: the data view {why}", location=rule.location)
