"""The JSON Schemas of the files that people write, and what is said where a file does not fit.

The files in `schemas/` are the one source for validation and for editors. They use no anyOf and no oneOf: where things
differ by platform they branch with if/then, so that every message points at one place. `errorMessage` and
`patternErrorMessage` are the names that editors know for the sentence to show. A block in an overlay is a rule's block
in which null takes a field out; it is derived here, so that the two cannot come to differ.
"""

import json
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Set
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING
from typing import cast

from deployer.findings import Finding
from deployer.findings import Location
from deployer.manifest.document import Document
from deployer.manifest.document import Path
from deployer.manifest.quick import Fits
from deployer.manifest.quick import compiled
from deployer.manifest.quick import whole
from deployer.manifest.remarks import Fault
from deployer.manifest.remarks import mapping
from deployer.manifest.remarks import remarks
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown_key
from deployer.model import Json

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema import ValidationError

NAMES = ("rule", "tests", "allowlists", "shared_list", "environment", "tenant", "telemetry")
_TUNED = {
    "kibana_tuning": ("kibana_block", frozenset("name description severity enabled query language".split())),
    "sentinel_tuning": ("sentinel_block", frozenset("displayName severity enabled query".split())),
}
"""Of what an overlay's block is derived, and what no rule is without: null cannot take it out."""


@cache
def schemas() -> Mapping[str, Mapping[str, Json]]:
    """The schemas by name, each complete in itself."""
    shared = mapping(_read("common")["$defs"])
    common = {**shared, **{name: _nullable(mapping(shared[block]), never) for name, (block, never) in _TUNED.items()}}
    return {name: _complete(_read(name), common) for name in NAMES}


def validate(document: Document, name: str) -> tuple[Finding, ...]:
    """Everything in `document` that does not fit the schema `name`, each fault once."""
    if _fits(name)(document.value):
        return ()
    findings: dict[Finding, None] = {}
    faults = [_fault(error) for error in _validator(name).iter_errors(document.value)]
    for remark in remarks(faults):
        where = document.key_at(remark.path) if remark.at_key else document.at(remark.path)
        if not _refused(remark.path, document):
            findings[Finding(remark.code, remark.message, location=where)] = None
    return tuple(sorted(findings, key=lambda finding: (finding.location or Location(document.path), finding.message)))


def misplaced(value: Json, name: str) -> Mapping[Path, str]:
    """What the schema `name` has no place for next to the rest of `value`, with what to say of each."""
    if _fits(name, frozenset({"not"}))(value):
        return {}
    found = remarks(_fault(error) for error in _validator(name).iter_errors(value) if error.validator == "not")
    return {remark.path: remark.message for remark in found}


def needs(name: str) -> str:
    """The keys that a file of this kind cannot do without, for a message."""
    required = schemas()[name].get("required")
    return listed(shown_key(str(key)) for key in required) if isinstance(required, list) else listed(())


def _refused(path: Path, document: Document) -> bool:
    """Whether something was said about this part already, when it was read."""
    return any(path[:length] in document.refused for length in range(len(path) + 1))


def _fault(error: "ValidationError") -> Fault:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    value = cast("Json", error.instance)
    of_key = "propertyNames" in error.absolute_schema_path
    return Fault(str(error.validator), schema, value, tuple(error.absolute_path), of_key)


def _read(name: str) -> dict[str, Json]:
    text = (resources.files("deployer.manifest") / "schemas" / f"{name}.json").read_text("utf-8")
    schema: dict[str, Json] = json.loads(text)
    return schema


def _complete(schema: dict[str, Json], common: Mapping[str, Json]) -> dict[str, Json]:
    """`schema` with those shared definitions that it refers to, directly or through another."""
    definitions = dict(mapping(schema.get("$defs")))
    while missing := [name for name in _references({**schema, "$defs": definitions}) if name not in definitions]:
        definitions.update((name, common[name]) for name in missing)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": definitions}


def _nullable(schema: Mapping[str, Json], never: Set[str] = frozenset()) -> Mapping[str, Json]:
    """The schema of a mapping with null for each of its values, at any depth that overlays merge at."""
    known = {
        key: inner if key in never or not isinstance(inner, Mapping) or "not" in inner else _or_null(inner)
        for key, inner in mapping(schema.get("properties")).items()
    }
    others = schema.get("additionalProperties")
    changed: dict[str, Json] = {"properties": known} if known else {}
    return {**schema, **changed, **({"additionalProperties": _or_null(others)} if isinstance(others, Mapping) else {})}


def _or_null(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    """Branching, so that what is said of any other value stays as it is."""
    about = {"description": schema["description"]} if "description" in schema else {}
    inner = _nullable(schema) if schema.get("type") == "object" else schema
    return {**about, "if": {"type": "null"}, "else": inner}


def _references(schema: Json) -> Iterator[str]:
    if isinstance(schema, Mapping):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix("#/$defs/")
        for inner in schema.values():
            yield from _references(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _references(inner)


@cache
def _fits(name: str, only: Set[str] = frozenset()) -> Fits:
    return compiled(schemas()[name], only)


@cache
def _validator(name: str) -> "Draft202012Validator":
    # Not imported before something is wrong: that takes as long as reading a hundred files.
    from jsonschema import Draft202012Validator
    from jsonschema import validators

    # Two of JSON Schema's readings are too loose here: 6697.0 would pass as a whole number, and Python's `$` would let
    # a line break at the end pass.
    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    extend: Callable[..., type[Draft202012Validator]] = validators.extend
    return extend(Draft202012Validator, {"pattern": _pattern}, type_checker=types)(schemas()[name])


def _pattern(_: object, pattern: str, instance: object, __: object) -> "Iterator[ValidationError]":
    from jsonschema import ValidationError

    if isinstance(instance, str) and not whole(pattern).search(instance):
        yield ValidationError("does not match")
