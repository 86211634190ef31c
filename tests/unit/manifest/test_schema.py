"""The schemas themselves, and what is said beyond the cases."""

from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator

from deployer.manifest import remarks
from deployer.manifest.schema import NAMES
from deployer.manifest.schema import schemas
from deployer.manifest.schema import validate
from deployer.manifest.yaml import parse

ANNOTATIONS = {"$schema", "title", "description", "errorMessage", "patternErrorMessage", "$defs"}
BRANCHES = {"$ref", "if", "then", "else", "allOf", "properties", "items", "propertyNames"}
SPOKEN = {"additionalProperties", "required", "not", *remarks._ORDER}


def subschemas(schema: object) -> Iterator[dict[str, object]]:
    """`schema` and every schema in it."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key, inner in schema.items():
        if key in {"properties", "$defs"}:
            for each in inner.values():
                yield from subschemas(each)
        elif key == "allOf":
            for each in inner:
                yield from subschemas(each)
        elif key not in {"not", "enum", "const"}:
            yield from subschemas(inner)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_and_complete_in_itself(name: str) -> None:
    schema = schemas()[name]

    Draft202012Validator.check_schema(schema)
    references = {each["$ref"] for each in subschemas(schema) if "$ref" in each}
    assert references == {f"#/$defs/{key}" for key in remarks.mapping(schema["$defs"])}


@pytest.mark.parametrize("name", NAMES)
def test_every_keyword_of_a_schema_has_its_words(name: str) -> None:
    """No anyOf and no oneOf: their messages point nowhere."""
    for schema in subschemas(schemas()[name]):
        assert set(schema) <= ANNOTATIONS | BRANCHES | SPOKEN | {"const"}
        assert "pattern" not in schema or "patternErrorMessage" in schema
        assert "pattern" not in schema or str(schema["pattern"]).endswith("$")
        assert "not" not in schema or "errorMessage" in schema


@pytest.mark.parametrize("name", NAMES)
def test_the_keys_that_people_write_are_described(name: str) -> None:
    definitions = remarks.mapping(schemas()[name]["$defs"])

    for value in remarks.mapping(schemas()[name]["properties"]).values():
        schema = remarks.mapping(value)
        target = remarks.mapping(definitions.get(str(schema.get("$ref")).removeprefix("#/$defs/")))
        assert "description" in {**target, **schema}


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("categories: 1", ["`categories` must be a mapping, not a number"]),
        ("[]", ["the file must be a mapping, not a list"]),
        ("{}", ["the file lacks `categories`: Categories by name."]),
        ("categories: {}\nkategorien: 1", ["unknown key `kategorien`; did you mean 'categories'?"]),
        ("categories: {}\nrules: 1", ["unknown key `rules`; known: categories"]),
        ('categories: {}\n"catego\\x1bries": 1', ["unknown key 'catego\\x1bries'; did you mean 'categories'?"]),
    ],
)
def test_a_message_says_who_what_and_the_way_out(text: str, messages: list[str]) -> None:
    document, _ = parse(text.encode(), "rules/allowlists.yaml")
    assert document is not None

    assert [finding.message for finding in validate(document, "allowlists")] == messages


def test_a_line_break_at_the_end_of_a_name_is_seen() -> None:
    """Python's `$` would let it pass."""
    document, _ = parse(b'owner: "soc\\n"\n', "environments/x/environment.yaml")
    assert document is not None

    assert [finding.message for finding in validate(document, "environment")] == [
        "`owner` does not fit: 'soc\\n'; it must consist of letters, digits, dot, underscore and hyphen"
    ]
