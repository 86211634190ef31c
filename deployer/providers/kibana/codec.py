"""Between what people write and Kibana's documents, both ways. Pure.

Objects and their identities: a rule is known by its `rule_id` (never the saved-object id), an exception list by its
`list_id`, an item by its `item_id`, a data view by its id. The mark is one tag; a data view has none, so there it is a
comment line in the script of its first runtime field.
"""

import hashlib
import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from deployer.errors import CannotEncode
from deployer.findings import Finding
from deployer.model import Assignment
from deployer.model import Attack
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Json
from deployer.model import Named
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.model import ValueKind
from deployer.providers.kibana import canonical
from deployer.providers.kibana import reads
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Mark
from deployer.state import Resource
from deployer.state import UnknownMark
from deployer.state import as_json
from deployer.state import choose_mark
from deployer.state import find_marks
from deployer.state import whole_mark

Document = dict[str, Any]

PREFIX = "deployer-"
"""Of the ids of the lists and data views that we make."""
RISK_SCORES = {"low": 21, "medium": 47, "high": 73, "critical": 99}
"""Kibana's own default score per severity."""
HUNTING = "Hunting"
"""Tag of a hunting rule."""
_DECLARABLE = frozenset({"note"})
"""What belongs to the analysts unless a rule writes it."""
_ATTACK = "https://attack.mitre.org"


def encode(assignment: Assignment) -> DesiredState:
    """Every object that the space is to hold. Raises `CannotEncode` with all faults; then nothing may be written."""
    faults: list[Finding] = []
    resources: dict[Key, Resource] = {}
    honoured = sorted({name for rule in assignment.rules for name in rule.allowlists})
    lists = {name: _list(assignment.categories[name]) for name in honoured}
    items: dict[str, list[Resource]] = {name: [] for name in honoured}
    for name in honoured:
        for entry in assignment.entries.get(name, ()):
            try:
                items[name].append(_item(assignment.categories[name], entry))
            except ValueError as error:
                faults.append(Finding("entry-not-expressible", str(error), location=entry.location))
    for rule in assignment.rules:
        half = rule.kibana
        if half is None:
            continue
        faults += _unknown_fields(rule, half)
        view = _data_view(rule, half)
        guards = [resource for name in rule.allowlists for resource in (lists[name], *items[name])]
        needs = tuple(resource.key for resource in guards) + ((view.key,) if view else ())
        made = [*([view] if view else []), *guards, _rule(rule, half, needs)]
        resources.update({resource.key: resource for resource in made})
    faults += _repeated_names(resources.values())
    if faults:
        raise CannotEncode(faults)
    return DesiredState(assignment.owner, assignment.environment, resources, assignment.not_applicable)


def decode_rule(document: Document, desired: DesiredState, ours: frozenset[str]) -> Resource:
    """A live rule. `ours` are the ids of the exception lists that we own or want: others are carried over."""
    key = Key(Kind.RULE, document["rule_id"])
    wanted = desired.resources.get(key)
    attached = document.get("exceptions_list") or []
    foreign = [item for item in attached if not _is_ours(item, ours)]
    own = [item["list_id"] for item in attached if _is_ours(item, ours)]
    declared = frozenset(wanted.body) if wanted else frozenset()
    carried = {name: document[name] for name in canonical.CARRIED if document.get(name) and name not in declared}
    unknown = document.keys() - canonical.MANAGED - canonical.SERVER_OWNED - set(canonical.CARRIED)
    carried |= {name: document[name] for name in sorted(unknown) if document[name] not in (None, [], {}, "")}
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
    return _decoded(key, canonical.exception_list(document), document, desired, _marks(tags))


def decode_item(document: Document, desired: DesiredState) -> Resource:
    """A live exception item; its comments are carried over."""
    key = Key(Kind.ITEM, document["item_id"])
    marks = _marks(document.get("tags") or [])
    found = _decoded(key, canonical.exception_item(document), document, desired, marks)
    return replace(found, needs=(Key(Kind.LIST, document["list_id"]),))


def decode_data_view(document: Document, desired: DesiredState) -> Resource:
    """A live data view."""
    key = Key(Kind.DATA_VIEW, document["id"])
    fields = (document.get("runtimeFieldMap") or {}).values()
    sources = [str((field.get("script") or {}).get("source", "")) for field in fields]
    marks = [mark for source in sources for mark in find_marks(source)]
    return _decoded(key, canonical.data_view(document), document, desired, marks)


def rule_document(wanted: Resource, mark: Mark, list_ids: Mapping[str, str], live: Resource | None) -> Document:
    """The body of a POST or PUT: what is carried, the canonical body, the mark, the lists by their space's own ids."""
    carried = dict(live.carried) if live else {}
    foreign = carried.pop("exceptions_list", [])
    attached = [
        {"id": list_ids[list_id], "list_id": list_id, "type": "detection", "namespace_type": "single"}
        for list_id in wanted.body.get("exceptions_list", ())
    ]
    return {
        **carried,
        **wanted.body,
        "rule_id": wanted.key.id,
        "tags": [*wanted.body.get("tags", ()), str(mark)],
        "exceptions_list": [*attached, *foreign],
    }


def list_document(wanted: Resource, mark: Mark, live: Resource | None) -> Document:
    """The body of a POST or PUT."""
    body = {**wanted.body, "list_id": wanted.key.id, "namespace_type": "single", **_kept(live)}
    return {**body, "tags": [str(mark), *_foreign_tags(live)]}


def item_document(wanted: Resource, mark: Mark, live: Resource | None) -> Document:
    """The body of a POST or PUT. A PUT names the saved object and its version, and sends the comments back."""
    tags = [str(mark), *_foreign_tags(live)]
    body = {**wanted.body, "item_id": wanted.key.id, "namespace_type": "single", "tags": tags, **_kept(live)}
    if live is None:
        return body
    comments = [
        {name: comment[name] for name in ("id", "comment") if name in comment}
        for comment in live.carried.get("comments", ())
    ]
    del body["list_id"]
    return {**body, "id": live.observed["id"], "_version": live.version, "comments": comments}


def data_view_document(wanted: Resource, mark: Mark) -> Document:
    body = dict(wanted.body)
    fields = {
        name: {"type": field["type"], "script": dict(field["script"])}
        for name, field in body["runtimeFieldMap"].items()
    }
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


def _kept(live: Resource | None) -> Document:
    return {"meta": live.carried["meta"]} if live and "meta" in live.carried else {}


def _foreign_tags(live: Resource | None) -> list[str]:
    return list(live.carried.get("tags", ())) if live else []


def _decoded(
    key: Key, body: Document, document: Document, desired: DesiredState, marks: Sequence[Mark | UnknownMark]
) -> Resource:
    tags = [tag for tag in document.get("tags") or [] if not whole_mark(tag)]
    kept = {"comments": document.get("comments"), "tags": tags, "meta": document.get("meta")}
    return Resource(
        key, body, name=document.get("name", ""), version=document.get("_version") or document.get("version"),
        mark=choose_mark(marks, desired.owner, desired.environment, key), edited_by=document.get("updated_by"),
        edited_at=_moment(document.get("updated_at")),
        carried={name: value for name, value in kept.items() if value},
        observed={"id": document.get("id")},
    )  # fmt: skip


def _marks(tags: Sequence[str]) -> list[Mark | UnknownMark]:
    return [mark for mark in map(whole_mark, tags) if mark]


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _rule(rule: Rule, half: PlatformRule, needs: tuple[Key, ...]) -> Resource:
    fields = {name: value for name, value in half.fields.items() if name != "data_view"}
    if "data_view" in half.fields:
        fields["data_view_id"] = PREFIX + rule.live_id
    body = canonical.rule(
        {
            "risk_score": RISK_SCORES[rule.severity],
            **fields,
            "name": rule.name,
            "description": f"{rule.description.strip()}\n\nConfidence: {rule.confidence}.",
            "tags": _tags(rule, half),
            "severity": rule.severity,
            "enabled": rule.enabled,
            "query": half.query,
            "threat": _threat(rule.attack),
            "references": rule.references,
            "false_positives": [f"{case.cause.strip()} Tuning: {case.tuning.strip()}" for case in rule.false_positives],
            "exceptions_list": [PREFIX + name for name in rule.allowlists],
        },
        _DECLARABLE & fields.keys(),
    )
    return Resource(
        Key(Kind.RULE, rule.live_id), body, name=rule.name, source=rule.location, git_id=rule.id, needs=needs,
        reads=reads.of(half, body),
    )  # fmt: skip


def _tags(rule: Rule, half: PlatformRule) -> list[Json]:
    """The rule's own tags. A hunting rule has one more, by which analysts filter the list of rules and its alerts."""
    written = half.fields.get("tags")
    tags = list(written) if isinstance(written, Sequence) and not isinstance(written, str) else []
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


def _list(category: Category) -> Resource:
    body = canonical.exception_list(
        {
            "name": f"deployer: {category.title}",
            "description": f"{category.description.strip()} Managed in Git: items added here by hand are kept.",
            "type": "detection",
        }
    )
    return Resource(Key(Kind.LIST, PREFIX + category.name), body, name=body["name"], source=category.location)


def _item(category: Category, entry: Entry) -> Resource:
    """One item per entry. Raises `ValueError` when the category names no field for something that the entry says."""
    entries = [_condition(category, entry.kind.value, [entry.value])]
    for scope, values in (
        ("host", entry.hosts),
        ("process", entry.processes),
        ("port", tuple(map(str, entry.ports or category.ports))),
    ):
        if values:
            entries.append(_condition(category, scope, values))
    identity = as_json([entry.value, sorted(entry.hosts), sorted(entry.processes), sorted(entry.ports)])
    key = Key(Kind.ITEM, f"{PREFIX}{category.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}")
    list_key = Key(Kind.LIST, PREFIX + category.name)
    until = entry.until
    body = canonical.exception_item(
        {
            "name": " ".join([entry.value, *_scope_words(entry)]),
            "description": " ".join(_about(entry)),
            "type": "simple",
            "list_id": list_key.id,
            "entries": entries,
            "expire_time": until.isoformat() if until else None,
        }
    )
    return Resource(key, body, name=body["name"], source=entry.location, needs=(list_key,))


def _condition(category: Category, what: str, values: Sequence[str]) -> Document:
    field = category.kibana.get(what)
    if not field:
        raise ValueError(
            f"category {category.name} names no Kibana field for {what!r}: "
            f"add `kibana: {{{what}: <field>}}` to it or drop the {what} from the entry"
        )
    if what == ValueKind.IP:
        return {"field": field, "operator": "included", "type": "match", "value": values[0]}
    return {"field": field, "operator": "included", "type": "match_any", "value": sorted(set(values))}


def _scope_words(entry: Entry) -> Iterator[str]:
    for word, values in (("on", entry.hosts), ("by", entry.processes), ("port", tuple(map(str, entry.ports)))):
        if values:
            yield f"{word} {', '.join(sorted(values))}"


def _about(entry: Entry) -> Iterator[str]:
    yield entry.reason.strip()
    yield f"Owner: {entry.owner}."
    for word, value in (("Ticket", entry.ticket), ("Expires", entry.expires), ("Reviewed", entry.reviewed)):
        if value:
            yield f"{word}: {value}."


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
    if "data_view" in half.fields and not re.search(r"\S", str(half.fields.get("index") or "")):
        yield Finding("no-index-patterns", f"{rule.id}: a data view needs index patterns", location=rule.location)
    view = half.fields.get("data_view")
    if isinstance(view, Mapping) and not view.get("runtimeFieldMap"):
        why = "needs a runtime field: its script carries the mark that says whose it is"
        yield Finding("no-runtime-field", f"{rule.id}: the data view {why}", location=rule.location)
