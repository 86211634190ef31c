"""The quick look at a file lets nothing pass that its schema refuses, and refuses nothing without cause."""

import copy
import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from deployer.manifest import schema
from deployer.manifest.quick import compiled
from deployer.manifest.yaml import parse

ROOT = Path(__file__).parents[2]
WRITTEN = {
    "rule": "rules/*/rule.yaml",
    "allowlists": "rules/allowlists.yaml",
    "environment": "environments/*/environment.yaml",
    "tenant": "environments/*/tenants/*.yaml",
}
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.0, 6697.0, 70000, "", "x", "x\n", "Ünï", "a.b/c", "T1584.005", "kibana", "sentinel",
    "P1D", "1h", "now-1d", "high", "https://example.com/", "x" * 3000, [], ["x"], ["x", "x"], [1, 1], [1, "x"],
    [[1], [1]], {}, {"x": 1}, {"type": "eql"}, {"if": 1}, {"": ""},
)  # fmt: skip

FORMS: tuple[dict[str, Any], ...] = (
    {"type": "string"},
    {"type": "string", "minLength": 1, "maxLength": 3},
    {"type": "string", "pattern": "^[a-z.]+$", "enum": ["x", "high", "Ünï"]},
    {"minLength": 2, "maxLength": 5, "pattern": "i"},
    {"type": "array", "minItems": 1, "maxItems": 1},
    {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
    {"type": ["array", "null"], "items": {"type": "integer"}, "minItems": 2},
    {"type": "array", "required": ["x"]},
    {"type": "object"},
    {"type": "object", "required": ["x"]},
    {"required": ["x"]},
    {"properties": {"x": {"type": "string"}, "type": True}},
    {"properties": {"x": False}},
    {"properties": {"type": True}, "additionalProperties": False},
    {"additionalProperties": {"type": "integer"}, "minProperties": 1},
    {"type": "object", "propertyNames": {"minLength": 1}, "maxProperties": 1},
    {"if": {"properties": {"type": {"const": "eql"}}, "required": ["type"]}, "then": {"maxProperties": 0}},
    {"if": {"type": "string"}, "else": {"type": "number", "minimum": 0, "maximum": 1}},
    {"allOf": [{"not": {"type": "string"}}, {"not": {"const": True}}, {}]},
    {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}}}},
)


@cache
def documents(name: str) -> tuple[Any, ...]:
    found = [parse(path.read_bytes(), str(path))[0] for path in sorted(ROOT.glob(WRITTEN[name]))]
    return tuple(document.value for document in found if document)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every mapping and list of a document, with each of its keys."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(value, key) for key, _ in inner] + [place for _, part in inner for place in places(part)]


def spoiled(value: Any, random: Random) -> Any:
    """The document with a few parts taken out, put elsewhere or replaced."""
    value = copy.deepcopy(value)
    for _ in range(random.choice((1, 1, 2, 3))):
        around, key = random.choice(places(value))
        match random.randrange(4):
            case 0:
                del around[key]
            case 1 if isinstance(around, dict):
                around[random.choice(("", "x", "type", "kind", "data_view", "emulator", "url"))] = copy.deepcopy(
                    random.choice(ODD)
                )
            case 2:
                other, name = random.choice(places(value))
                around[key] = copy.deepcopy(other[name])
            case _:
                around[key] = copy.deepcopy(random.choice(ODD))
        if not places(value):
            break
    return value


@pytest.mark.parametrize("name", WRITTEN)
def test_the_quick_look_agrees_with_the_schema_on_spoiled_files(name: str) -> None:
    random = Random(1584)  # noqa: S311 - the same files at every run
    quick, not_alone = compiled(schema.schemas()[name]), compiled(schema.schemas()[name], frozenset({"not"}))
    slow = schema._validator(name)
    answers = set()
    for _ in range(60):
        value = spoiled(random.choice(documents(name)), random)
        errors = list(slow.iter_errors(value))
        answers.add(not errors)
        assert quick(value) <= (not errors), json.dumps(value)
        # What it is not sure of is asked of the schema: lists of neither texts nor numbers are rare.
        assert quick(value) or errors or any(not is_sure(part[key]) for part, key in places(value))
        assert not_alone(value) == all(error.validator != "not" for error in errors), json.dumps(value)
    assert answers == {True, False}


def is_sure(value: Any) -> bool:
    kinds = {type(one) for one in value} if isinstance(value, list) else set()
    return len(kinds) <= 1 and kinds <= {str, int}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_file_of_the_repository_passes_at_the_first_look(name: str) -> None:
    quick = compiled(schema.schemas()[name])
    assert documents(name)
    assert all(quick(value) for value in documents(name))


@pytest.mark.parametrize("form", FORMS, ids=json.dumps)
def test_the_quick_look_agrees_with_jsonschema_on_every_form_of_a_schema(
    form: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "schemas", lambda: {"form": form})
    slow, quick = schema._validator.__wrapped__("form"), compiled(form)
    values = (*ODD, *({"x": one} for one in ODD), *([one] for one in ODD), {"x": {"y": {}}})
    for value in values:
        assert quick(value) == slow.is_valid(value) or not is_sure(value), json.dumps(value)


@pytest.mark.parametrize("name", schema.NAMES)
def test_no_schema_holds_a_keyword_that_the_quick_look_does_not_know(name: str) -> None:
    compiled(schema.schemas()[name])


def test_a_keyword_that_is_not_known_is_never_overlooked() -> None:
    with pytest.raises(ValueError, match="multipleOf"):
        compiled({"properties": {"number": {"multipleOf": 3}}})
