"""Every mutant of a rule: of its query files and of the fields of rule.yaml that decide what is found."""

import re
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployer.model import Category
from deployer.model import Platform
from deployer.model import PlatformRule
from deployer.model import Rule
from tests.mutants import kql
from tests.mutants import kuery
from tests.mutants import sequence
from tests.mutants.mutant import Mutant
from tests.mutants.mutant import apply_edits


def mutants(rule: Rule, platform: Platform, categories: Mapping[str, Category]) -> Iterator[Mutant]:
    """All of one half, in the order of its text; none where the query is in a language that is not mutated."""
    half = rule.on(platform)
    if half is None:
        return
    file = Path(half.query_location.path).name
    if platform is Platform.SENTINEL:
        replaced = {name for each in rule.allowlists for name in categories[each].sentinel.values()}
        found = kql.edits(half.query, replaced)
    elif half.fields.get("language") == "kuery":
        found = kuery.edits(half.query)
    elif half.fields.get("language") == "eql":
        found = sequence.edits(half.query)
    else:
        return
    for number, line, change, query in apply_edits(half.query, found):
        yield Mutant(rule.id, platform, file, number, line, change, query, half.fields)
    for path, change, fields in _fields(half, platform):
        yield Mutant(rule.id, platform, "rule.yaml", 0, path, change, half.query, fields)


def _fields(half: PlatformRule, platform: Platform) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    fields: Mapping[str, Any] = half.fields
    if platform is Platform.SENTINEL:
        if "triggerThreshold" in fields:
            value = fields["triggerThreshold"]
            yield "triggerThreshold", f"{value} -> {value + 1}", {**fields, "triggerThreshold": value + 1}
        return
    for said, text in _windows(str(fields.get("from", ""))):
        yield "from", said, {**fields, "from": text}
    for path, said, threshold in _thresholds(fields.get("threshold") or {}):
        yield f"threshold.{path}", said, {**fields, "threshold": threshold}
    for name, field in ((fields.get("data_view") or {}).get("runtimeFieldMap") or {}).items():
        for said, source in _scripts(field["script"]["source"]):
            changed = {**field, "script": {**field["script"], "source": source}}
            runtime = {**fields["data_view"]["runtimeFieldMap"], name: changed}
            view = {**fields["data_view"], "runtimeFieldMap": runtime}
            yield f"data_view.runtimeFieldMap.{name}", said, {**fields, "data_view": view}


def _windows(text: str) -> Iterator[tuple[str, str]]:
    match = re.fullmatch(r"now-(\d+)([smhd])", text)
    for count in (int(match[1]) - 1, int(match[1]) + 1) if match else ():
        if match:
            changed = f"now-{count}{match[2]}"
            yield f"{text} -> {changed}", changed


def _thresholds(threshold: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    value = threshold.get("value")
    for changed in (value - 1, value + 1) if isinstance(value, int) else ():
        yield "value", f"{value} -> {changed}", {**threshold, "value": changed}
    names = threshold.get("field") or []
    for name in names:
        kept = [one for one in names if one != name]
        yield "field", f"{name} -> (nothing)", {**threshold, "field": kept}
    for one in threshold.get("cardinality") or []:
        for changed in (one["value"] - 1, one["value"] + 1):
            said = f"{one['value']} -> {changed}"
            yield "cardinality.value", said, {**threshold, "cardinality": [{**one, "value": changed}]}
        yield "cardinality", f"{one['field']} -> (nothing)", {**threshold, "cardinality": []}


def _scripts(source: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"\b(\d+)L\b", source):
        for changed in (int(match[1]) // 2, int(match[1]) * 2):
            yield f"{match[1]}L -> {changed}L", source[: match.start()] + f"{changed}L" + source[match.end() :]
