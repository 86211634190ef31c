"""Does the data that a rule reads arrive? What to ask Elasticsearch, and what its answers say. Pure.

Asked are the mappings (is each field there, of the right type, can it be searched and grouped by) and, over the rule's
own look-back, how many documents have every field that a branch of its query cannot do without: in all, and per
operating system. Mappings alone prove nothing: a field may be mapped and never filled.

A branch that is about some kind of event (`event.action: …`) is measured on events of that kind: Elastic Defend reports
`source.bytes` when a connection ends, so for a query about beginnings it is missing although documents have it.

Passes when at least one branch sees documents; a branch that sees none, in all or on one system, is named then. (The
branches of a rule may be the spellings of several data sources, of which a customer has one.) A field of the wrong type
fails always.

Only kuery is parsed. Of a query in another language each declared field is looked for by itself; if one has no values,
whether the query can do without it is not known.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from deployer.errors import BadQuery
from deployer.errors import NotRunnable
from deployer.outcome import Answer
from deployer.outcome import Level
from deployer.state import Key
from deployer.state import Resource

if TYPE_CHECKING:
    from deployer.engines.kuery_branches import Branch

SYSTEM = "host.os.type"
"""The field that documents are told apart by, where it can be grouped by."""
_SYSTEMS = 20
_CLOCK = "@timestamp"
_KIND = "event."
"""Fields that say what kind of event it is (ECS, categorisation fields)."""
_ALIKE: Mapping[str, frozenset[str]] = {
    "keyword": frozenset({"keyword", "constant_keyword", "wildcard"}),
    "long": frozenset({"long", "integer", "short", "byte", "unsigned_long"}),
    "double": frozenset({"double", "float", "half_float", "scaled_float"}),
    "text": frozenset({"text", "match_only_text"}),
    "date": frozenset({"date", "date_nanos"}),
    "ip": frozenset({"ip"}),
    "boolean": frozenset({"boolean"}),
}
"""Types that answer the same queries (Elasticsearch reference, field data types)."""


class Untold(Exception):
    """It cannot be told what the rule reads; the text says why."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the mappings of all indices behind some patterns say."""

    indices: tuple[str, ...]
    fields: Mapping[str, Mapping[str, Mapping[str, Any]]]
    """Field, then type, then what Elasticsearch says of it: `searchable`, `aggregatable`."""

    def can(self, field: str, what: str) -> bool:
        return any(said.get(what) is True for said in self.fields.get(field, {}).values())


@dataclass(frozen=True, slots=True)
class Part:
    """Something that the rule reads: a branch of its query."""

    label: str
    needs: tuple[str, ...]
    kind: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Fields that say what kind of event it is about, each with its values."""

    def queries(self) -> dict[str, Any]:
        """What to count: events of the kind, those with all fields, those with each."""
        kind: list[Any] = [{"terms": {field: list(values)}} for field, values in self.kind]
        each = [{"exists": {"field": name}} for name in self.needs]
        return {
            "kind": _all(kind),
            "whole": _all([*kind, *each]),
            **{f"has {name}": _all([*kind, one]) for name, one in zip(self.needs, each, strict=True)},
        }


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask for one rule."""

    patterns: tuple[str, ...]
    since: str
    clock: str
    parts: tuple[Part, ...]
    types: Mapping[str, str]
    grouped: frozenset[str]
    computed: tuple[str, ...]
    falls_back: bool = False
    """Whether the rule reads documents without its clock, too, by their `@timestamp`."""
    parsed: bool = True
    """Whether the parts are those of the query. If not, they are the declared fields, and the query may do without."""
    indicators: tuple[str, ...] = ()
    """Index patterns of the indicators that the rule compares documents with: without any it finds nothing."""

    def fields(self) -> list[str]:
        """The fields whose mappings to ask for."""
        read = {name for part in self.parts for name in part.needs}
        kinds = {field for part in self.parts for field, _ in part.kind}
        return sorted(read | kinds | set(self.types) | {self.clock, SYSTEM})

    def search(self, found: Capabilities) -> dict[str, Any]:
        """The body of the one search."""
        filters = {
            f"{number} {name}": query
            for number, part in enumerate(self.parts)
            for name, query in part.queries().items()
        }
        counts = {"counts": {"filters": {"filters": filters}}}
        aggregations: dict[str, Any] = dict(counts)
        if found.can(SYSTEM, "aggregatable"):
            aggregations["systems"] = {"terms": {"field": SYSTEM, "size": _SYSTEMS}, "aggs": counts}
        window = self._within(self.clock)
        if self.falls_back:
            without = {"bool": {"must_not": [{"exists": {"field": self.clock}}], "filter": [self._within(_CLOCK)]}}
            window = {"bool": {"should": [window, without], "minimum_should_match": 1}}
        return {
            "size": 0,
            "track_total_hits": True,
            "query": {"bool": {"filter": [window]}},
            "aggs": aggregations,
        }

    def _within(self, clock: str) -> dict[str, Any]:
        return {"range": {clock: {"gte": self.since, "lte": "now"}}}


def question(wanted: Resource) -> Question:
    """What to ask for a rule as Git has it. Raises `Untold`."""
    body, reads = wanted.body, wanted.reads
    if reads is None or not reads.sources:
        where = "in its query or in a data view, or Kibana's defaults are read"
        raise Untold(f"Git names no index patterns for it: they stand {where}")
    if not reads.look_back.startswith("now-"):
        raise Untold(f"its look-back is written as {reads.look_back!r}")
    threshold = body.get("threshold") or {}
    grouped = frozenset(threshold.get("field") or ()) | frozenset(body.get("new_terms_fields") or ())
    counted = {str(one.get("field")) for one in threshold.get("cardinality") or ()}
    clock = str(body.get("timestamp_override") or _CLOCK)
    always = (grouped | counted) - set(reads.computed)
    return Question(
        patterns=reads.sources,
        since=reads.look_back,
        clock=clock,
        falls_back=clock != _CLOCK and not body.get("timestamp_override_fallback_disabled"),
        parts=tuple(_parts(body, always, reads.fields, reads.computed)),
        types=reads.fields,
        grouped=always,
        computed=reads.computed,
        parsed=_is_kuery(body),
        indicators=_patterns(body.get("threat_index")) if body.get("type") == "threat_match" else (),
    )


def unmatched(key: Key, asked: Question) -> Level:
    """The answer where no index matches."""
    return Level(key, "data", Answer.FAIL, f"no index matches {', '.join(asked.patterns)}")


def judge(key: Key, asked: Question, found: Capabilities, answer: Mapping[str, Any]) -> Level:
    """The level `data` from what Elasticsearch answered."""
    if why := incomplete(answer):
        return Level(key, "data", Answer.UNKNOWN, why, awaited=True)
    total = int(answer["hits"]["total"]["value"])
    where = ", ".join(asked.patterns)
    if odd := list(_odd_types(asked, found)):
        return Level(key, "data", Answer.FAIL, f"in {where} {'; '.join(odd)}")
    if total == 0:
        return Level(key, "data", Answer.FAIL, f"no document in {where} within its look-back ({asked.since})")
    aggregations = answer["aggregations"]
    counts = _buckets(aggregations["counts"])
    blind = dict(_blind(asked, found, counts, total))
    remarks = [_said(part, why) for part, why in blind.items()]
    for system in (aggregations.get("systems") or {}).get("buckets", ()):
        here = _buckets(system["counts"])
        for part, why in _blind(asked, found, here, int(system["doc_count"])):
            if part not in blind:
                remarks.append(_said(part, why, f" on {system['key']}"))
    remarks += _unmapped(asked, found)
    said = f"within {asked.since}, {'; '.join(remarks)}{_aside(asked)}" if remarks else ""
    if blind and len(blind) == len(asked.parts):
        return Level(key, "data", Answer.FAIL, said)
    if not asked.parsed and not any(part.needs for part in asked.parts):
        said = "documents arrive; which fields its query needs is not known, because only kuery is read here"
        return Level(key, "data", Answer.UNKNOWN, said, "declare them in `required_fields` of the rule's `kibana:`")
    if blind and not asked.parsed:
        return Level(key, "data", Answer.UNKNOWN, f"{said}; whether its query can do without is not known: not kuery")
    return Level(key, "data", Answer.PASS, said)


COUNT: Mapping[str, Any] = {"size": 0, "track_total_hits": True}
"""The body of the search that counts the indicators."""


def judge_indicators(key: Key, asked: Question, answer: Mapping[str, Any]) -> Level | None:
    """Why the rule has nothing to compare with, from the answer to `COUNT`; None if it has."""
    if why := incomplete(answer):
        return Level(key, "data", Answer.UNKNOWN, why, awaited=True)
    if int(answer["hits"]["total"]["value"]) > 0:
        return None
    return Level(key, "data", Answer.FAIL, f"no indicator in {', '.join(asked.indicators)}")


def _patterns(found: object) -> tuple[str, ...]:
    return tuple(map(str, found)) if isinstance(found, Sequence) and not isinstance(found, str) else ()


def _is_kuery(body: Mapping[str, Any]) -> bool:
    """Whether the query stands in the rule, in the language that is read here; a saved query stands elsewhere."""
    return body.get("language") == "kuery" and body.get("type") != "saved_query"


def _parts(
    body: Mapping[str, Any], always: frozenset[str], declared: Mapping[str, str], computed: Sequence[str]
) -> Iterator[Part]:
    """The branches of a kuery query. No other language is parsed: there each declared field is a part of its own."""
    # Here, because the parser takes long to import and only verify needs it.
    from deployer.engines.kuery_branches import branches

    if not _is_kuery(body):
        names = sorted(always | (set(declared) - set(computed) - {"@timestamp"}))
        yield from (Part("", (name,)) for name in names)
        if not names:
            yield Part("the query", ())
        return
    try:
        found = branches(str(body.get("query") or ""))
    except (BadQuery, NotRunnable) as error:
        raise Untold(f"its query cannot be read: {error}") from None
    yield from (_part(branch, always, computed) for branch in found)


def _part(branch: "Branch", always: frozenset[str], computed: Sequence[str]) -> Part:
    kind = tuple((field, values) for field, values in branch.values if field.startswith(_KIND))
    needs = (branch.needs | always) - {field for field, _ in kind} - set(computed)
    return Part(f"branch `{branch.name}`" if branch.name else "the query", tuple(sorted(needs)), kind)


def _blind(asked: Question, found: Capabilities, counts: Mapping[str, int], total: int) -> Iterator[tuple[Part, str]]:
    """The parts that see nothing, and why."""
    for number, part in enumerate(asked.parts):
        if counts[f"{number} whole"] > 0:
            continue
        of_kind = counts[f"{number} kind"]
        lacking = [name for name in part.needs if counts[f"{number} has {name}"] == 0]
        if of_kind == 0:
            kinds = " and ".join(f"{field}: {' or '.join(values)}" for field, values in part.kind)
            yield part, f"0 of {_documents(total)} have {kinds}{_faults(asked, found, [f for f, _ in part.kind])}"
        elif lacking:
            yield part, f"0 of {_documents(of_kind)} have {' or '.join(lacking)}{_faults(asked, found, lacking)}"
        else:
            yield part, f"0 of {_documents(of_kind)} have all of {', '.join(part.needs)}"


def _faults(asked: Question, found: Capabilities, names: Sequence[str]) -> str:
    """What the mappings say of fields that nothing has."""
    unmapped = [name for name in names if not found.fields.get(name)]
    closed = [name for name in names if found.fields.get(name) and not found.can(name, "searchable")]
    words = [f"{', '.join(unmapped)} is not mapped"] if unmapped else []
    words += [f"{', '.join(closed)} is mapped and not searchable"] if closed else []
    return f" ({'; '.join(words)})" if words else ""


def _odd_types(asked: Question, found: Capabilities) -> Iterator[str]:
    """Fields that no index maps as the rule needs them."""
    for name, wanted in sorted(asked.types.items()):
        types = found.fields.get(name)
        fit = _ALIKE.get(wanted)
        if types and fit and name not in asked.computed and not fit & set(types):
            yield f"{name} is {' and '.join(sorted(types))}, the rule needs {wanted}"
    for name in sorted(asked.grouped):
        if found.fields.get(name) and not found.can(name, "aggregatable"):
            yield f"{name} cannot be grouped by (it is {' and '.join(sorted(found.fields[name]))})"


def _unmapped(asked: Question, found: Capabilities) -> Iterator[str]:
    """Declared fields that no index knows and no part needs, and those that indices do not agree on."""
    needed = {name for part in asked.parts for name in part.needs}
    for name, wanted in sorted(asked.types.items()):
        types = found.fields.get(name)
        if not types and name not in needed and name not in asked.computed:
            yield f"{name} is declared and not mapped"
        elif types and len(types) > 1 and not set(types) <= _ALIKE.get(wanted, set(types)):
            yield f"{name} is {' in some indices and '.join(sorted(types))} in others"


def _said(part: Part, why: str, where: str = "") -> str:
    return f"{part.label} sees nothing{where}: {why}" if part.label else f"{why}{where}"


def _aside(asked: Question) -> str:
    return f"; not looked at, because the data view computes it: {', '.join(asked.computed)}" if asked.computed else ""


def incomplete(answer: Mapping[str, Any]) -> str:
    """Why the answer does not speak for all data; empty if it does."""
    shards = answer.get("_shards") or {}
    if answer.get("timed_out"):
        return "Elasticsearch ran out of time counting its documents"
    if failed := shards.get("failed"):
        return f"{failed} of {shards.get('total')} shards failed while its documents were counted"
    # Shards of a cluster that was skipped (`skip_unavailable`) are not counted at all.
    clusters = answer.get("_clusters") or {}
    if lacking := sum(int(clusters.get(name) or 0) for name in ("skipped", "partial", "failed", "running")):
        return f"{lacking} of {clusters.get('total')} clusters did not answer, or not to the end"
    return ""


def _buckets(aggregation: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(bucket["doc_count"]) for name, bucket in aggregation["buckets"].items()}


def _all(conditions: list[Any]) -> dict[str, Any]:
    return {"bool": {"filter": conditions}} if conditions else {"match_all": {}}


def _documents(number: int) -> str:
    return f"{number:,} document{'' if number == 1 else 's'}"
