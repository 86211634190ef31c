"""A live rule as the files of a rule's folder.

What the neutral part of rule.yaml can say exactly stands there; everything else stands in the platform's block, in the
platform's own words, which win.
"""

import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from deployer import queries
from deployer.findings import Location
from deployer.manifest import edit
from deployer.manifest.load import Manifest
from deployer.model import Assignment
from deployer.model import Attack
from deployer.model import FalsePositive
from deployer.model import Json
from deployer.model import Named
from deployer.model import Platform
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.model import Target
from deployer.model import Tenant
from deployer.providers.codecs import encode
from deployer.providers.kibana.items import PREFIX
from deployer.state import Resource
from deployer.state import as_json

_NEUTRAL: Mapping[Platform, frozenset[str]] = {
    Platform.KIBANA: frozenset(
        "name description severity risk_score enabled threat references false_positives query exceptions_list".split()
    ),
    Platform.SENTINEL: frozenset(
        "displayName description severity enabled tactics techniques subTechniques query".split()
    ),
}
"""Fields that the neutral part gives, or a file beside rule.yaml."""
_ELSEWHERE = frozenset({"query", "exceptions_list"})
"""Those of them that no block may hold."""
_FIRST = ("data", "kind", "type", "language", "index", "data_view_id")
"""What a block begins with; the rest follows by name."""
_SEVERITIES = {"High": "high", "Medium": "medium", "Low": "low", "Informational": "low"}
_CONFIDENCE = re.compile(r"\n\nConfidence: (low|medium|high)\.$")
_TUNING = " Tuning: "
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,500}")
_ADDRESS = re.compile(r"https?://[!-~]{1,1990}")
_LET = re.compile(r"\blet\s+([A-Za-z_]\w*)\s*=")
_SOURCE = re.compile(r"(?:\A|;|\{|\blet\s+\w+\s*=|\()\s*([A-Za-z_]\w*)\s*(?=\||;|\}|\Z)")
_PARSER = re.compile(r"\b(_(?:Im|ASim)_\w+)\s*\(")
_UNION = re.compile(r"\bunion\b((?:\s*[\w=,]+)+)")
_KEYWORDS = frozenset("true false null kind inner outer isfuzzy withsource".split())
_OWN_LANGUAGE = frozenset({"eql", "esql"})


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a rule is taken from: what Git says of the target."""

    manifest: Manifest
    tenant: Tenant
    target: Target

    @property
    def platform(self) -> Platform:
        return self.target.platform

    @property
    def glob(self) -> str:
        """What `tenants` of a rule says to mean this target, and no other of the same platform."""
        alike = [target for target in self.tenant.targets if target.platform is self.platform]
        return self.tenant.name if len(alike) == 1 else f"{self.tenant.name}/{self.target.name}"


def files(live: Resource, id: str, spot: Spot) -> Mapping[str, str]:
    """The files of the folder by name. Raises `CannotEncode` where the codec does not take such a rule."""
    body = live.body
    written = [replace(_rule(live, id, spot), attack=attack) for attack in _attacks(body, spot.manifest)]
    rule, differing = min(((each, _differing(each, live, spot)) for each in written), key=lambda pair: len(pair[1]))
    half = _half(live, spot)
    block = {"data": list(half.data), **half.fields, **{name: body.get(name) for name in differing}}
    found = {"rule.yaml": _text(rule, block, spot)}
    if half.query:
        found[half.query_location.path] = f"{half.query}\n"
    return found


def _rule(live: Resource, id: str, spot: Spot) -> Rule:
    """The rule with everything that its neutral part can say, exactly or nearly."""
    body = live.body
    description, confidence = _description(body)
    half = _half(live, spot)
    return Rule(
        id=id,
        name=live.name if _LINE.fullmatch(live.name) and live.name.strip() else id,
        description=description or live.name,
        severity=_SEVERITIES.get(str(body.get("severity")), str(body.get("severity", "medium"))),
        confidence=confidence,
        attack=(),
        data_sources=(),
        references=tuple(each for each in body.get("references", ()) if _ADDRESS.fullmatch(each)),
        false_positives=_false_positives(body.get("false_positives", ())),
        deviations=(),
        allowlists=tuple(
            name.removeprefix(PREFIX) for name in body.get("exceptions_list", ()) if name.startswith(PREFIX)
        ),
        kibana=half if spot.platform is Platform.KIBANA else None,
        sentinel=half if spot.platform is Platform.SENTINEL else None,
        location=Location(f"rules/{id}/rule.yaml"),
        enabled=body.get("enabled") is not False,
        formerly=() if live.key.id == id else (live.key.id,),
        tenants=(spot.glob,),
    )


def _half(live: Resource, spot: Spot) -> PlatformRule:
    body, neutral = live.body, _NEUTRAL[spot.platform]
    return PlatformRule(
        query=str(body.get("query", "")),
        fields={name: value for name, value in body.items() if name not in neutral},
        data=_data(body, spot),
        query_location=Location(_query_file(body, spot.platform)),
    )


def _differing(rule: Rule, live: Resource, spot: Spot) -> list[str]:
    """The fields that the neutral part does not give as they are."""
    manifest = spot.manifest
    assignment = Assignment(
        owner=manifest.environment.owner,
        environment=manifest.environment.name,
        target=spot.target,
        rules=(rule,),
        categories=manifest.categories,
        entries={name: spot.tenant.allowlists.get(name, ()) for name in manifest.categories},
    )
    [made] = [one for one in encode(assignment).resources.values() if one.key.kind is live.key.kind]
    names = sorted(_NEUTRAL[spot.platform] - _ELSEWHERE)
    return [name for name in names if as_json(made.body.get(name)) != as_json(live.body.get(name))]


def _query_file(body: Mapping[str, Any], platform: Platform) -> str:
    if platform is Platform.SENTINEL:
        return "sentinel.kql"
    type = str(body.get("type"))
    return f"kibana.{type if type in _OWN_LANGUAGE else body.get('language', 'kuery')}"


def _description(body: Mapping[str, Any]) -> tuple[str, str]:
    """The description, and the confidence if it ends with one as our codecs write it."""
    text = str(body.get("description", ""))
    match = _CONFIDENCE.search(text)
    return (text[: match.start()], match[1]) if match else (text, "")


def _false_positives(texts: Sequence[str]) -> tuple[FalsePositive, ...]:
    """Those texts, if each names a cause and what to do about it."""
    pairs = [text.split(_TUNING, 1) for text in texts]
    if not all(len(pair) == 2 and pair[0].strip() and pair[1].strip() for pair in pairs):
        return ()
    return tuple(FalsePositive(cause, tuning) for cause, tuning in pairs)


def _attacks(body: Mapping[str, Any], manifest: Manifest) -> Iterator[tuple[Attack, ...]]:
    """ATT&CK lines that may give what is live, the best guess first.

    Kibana has the names. Sentinel has bare ids, and does not say which technique belongs to which tactic: there, only
    lines that rules of this repository have are known.
    """
    if "threat" in body:
        yield tuple(_of_threat(body["threat"]))
    techniques, below = set(body.get("techniques", ())), set(body.get("subTechniques", ()))
    known = [
        line
        for rule in manifest.rules.values()
        for line in rule.attack
        if line.technique.id in techniques and (line.subtechnique is None or line.subtechnique.id in below)
    ]
    if known:
        yield tuple(dict.fromkeys(known))
    yield ()


def _of_threat(threat: Sequence[Mapping[str, Any]]) -> Iterator[Attack]:
    for entry in threat:
        tactic = _named(entry.get("tactic"), r"TA\d{4}")
        for technique in entry.get("technique", ()):
            above = _named(technique, r"T\d{4}")
            below = [_named(each, r"T\d{4}\.\d{3}") for each in technique.get("subtechnique", ())]
            if tactic and above:
                yield from (Attack(tactic, above, each) for each in (below or [None]) if each or not below)


def _named(value: Mapping[str, Any] | None, pattern: str) -> Named | None:
    id, name = str((value or {}).get("id")), str((value or {}).get("name"))
    return Named(id, name) if re.fullmatch(pattern, id) and _LINE.fullmatch(name) and name.strip() else None


def _data(body: Mapping[str, Any], spot: Spot) -> tuple[str, ...]:
    """Of what the tenant says it has, the datasets or tables that the rule cannot do without.

    Of Kibana only if each of the rule's index patterns is that of such a dataset: of several, any may be missing. And
    not with index patterns of the tenant's own which differ from the rule's: they would replace them.
    """
    if spot.platform is Platform.SENTINEL:
        read = _read(str(body.get("query", "")))
        return tuple(name for name in spot.tenant.tables if name in read) if read <= set(spot.tenant.tables) else ()
    datasets, index = spot.tenant.datasets, [str(pattern) for pattern in body.get("index", ())]
    meant = [next((name for name in datasets if _is_of(pattern, name)), None) for pattern in index]
    named = tuple(dict.fromkeys(name for name in meant if name is not None))
    patterns = {pattern for name in named for pattern in datasets[name]}
    return named if None not in meant and (not patterns or patterns == set(index)) else ()


def _read(query: str) -> set[str]:
    """The tables that a query reads, as far as that can be seen: what stands where a table may stand, and is no let."""
    code = queries.code(query)
    lets = {match[1] for match in _LET.finditer(code)}
    unions = [name for match in _UNION.finditer(code) for name in re.findall(r"\b[A-Za-z_]\w*\b(?!\s*=)", match[1])]
    return {name for name in (*_SOURCE.findall(code), *_PARSER.findall(code), *unions) if name not in lets | _KEYWORDS}


def _is_of(pattern: str, dataset: str) -> bool:
    """Whether an index pattern is that of a dataset's data streams: logs-<dataset>-*, in another cluster, too."""
    return re.fullmatch(rf"(?:[^:]*:)?[a-z]+-{re.escape(dataset)}(?:-[^*]*)?-?\*?", pattern) is not None


def _text(rule: Rule, block: Mapping[str, Json], spot: Spot) -> str:
    """rule.yaml, with what was not known said in comments."""
    platform = str(spot.platform)
    ordered = {name: block[name] for name in (*_FIRST, *sorted(block)) if name in block}
    top: dict[str, Json] = {"id": rule.id}
    if rule.formerly:
        top["formerly"] = list(rule.formerly)
    top |= {"tenants": list(rule.tenants), "name": rule.name, "description": rule.description}
    if not rule.enabled:
        top["enabled"] = False
    top["severity"] = rule.severity
    if rule.confidence:
        top["confidence"] = rule.confidence
    top |= {"attack": [_line(line) for line in rule.attack], "data_sources": []}
    if rule.references:
        top["references"] = list(rule.references)
    if rule.false_positives:
        top["false_positives"] = [{"cause": case.cause, "tuning": case.tuning} for case in rule.false_positives]
    if rule.allowlists:
        top["allowlists"] = list(rule.allowlists)
    lines = [*_remarks(rule, ordered, spot), *edit.lines((), top), *edit.lines((), {platform: ordered})]
    return "\n".join(lines) + "\n"


def _line(line: Attack) -> Json:
    below = {"subtechnique": {"id": line.subtechnique.id, "name": line.subtechnique.name}} if line.subtechnique else {}
    return {
        "tactic": {"id": line.tactic.id, "name": line.tactic.name},
        "technique": {"id": line.technique.id, "name": line.technique.name},
        **below,
    }


def _remarks(rule: Rule, block: Mapping[str, Json], spot: Spot) -> Iterator[str]:
    """What a reviewer should know, as comments."""
    yield f"# Adopted from {spot.tenant.name}/{spot.target.name}, field for field as it was there."
    if rule.formerly:
        yield "# `formerly` is the id that it is known by there, and stays."
    twice = [name for name in block if name in _NEUTRAL[spot.platform]]
    if twice:
        yield f"# What the neutral part cannot say exactly stands in `{spot.platform}:` and wins: {', '.join(twice)}."
    open_questions = [
        *(["`confidence`, how sure a match is"] if not rule.confidence else []),
        *(["`attack`"] if not rule.attack and not {"threat", "tactics", "techniques"} & block.keys() else []),
        "`data_sources`",
        *(["`data`, what it needs"] if not block["data"] else []),
    ]
    yield f"# Nobody has said yet: {', '.join(open_questions)}."
