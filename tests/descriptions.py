"""The vendors' published descriptions, which lie beside the checkout or not, and how a value is held against them."""

import json
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import openapi_schema_validator
import referencing
import referencing.jsonschema
import requests
import yaml

_BASE = "urn:kibana"


def kibana_description(shared: Path) -> "Description":
    """Kibana 8.18."""
    text = (shared / "specs/kibana/kibana-8.18.openapi.yaml").read_bytes()
    return Description(yaml.load(text, Loader=yaml.CSafeLoader))


def insights_folder(shared: Path) -> Path:
    """The descriptions of Microsoft.SecurityInsights, a folder a version."""
    specification = shared / "specs/sentinel/azure-rest-api-specs/specification"
    return specification / "securityinsights/resource-manager/Microsoft.SecurityInsights"


def alert_rules_check(insights: Path) -> Callable[[Any, str, str], None]:
    """`check(value, version, definition)` against AlertRules.json, following its references into other files."""
    return _insights_check(insights, "AlertRules.json")


def watchlists_check(insights: Path) -> Callable[[Any, str, str], None]:
    """The same against Watchlists.json."""
    return _insights_check(insights, "Watchlists.json")


def _insights_check(insights: Path, name: str) -> Callable[[Any, str, str], None]:

    def load(uri: str) -> referencing.Resource[Any]:
        file = Path(uri.removeprefix("file://"))
        return referencing.jsonschema.DRAFT4.create_resource(json.loads(file.read_text()))

    registry: referencing.Registry[Any] = referencing.Registry(retrieve=load)  # type: ignore[call-arg]

    def hold(value: Any, version: str, definition: str) -> None:
        schema = {"$ref": f"{(insights / version / name).as_uri()}#/definitions/{definition}"}
        validator = jsonschema.Draft4Validator(schema, registry=registry)
        # The published examples carry nulls where the schema says string: null is absent here.
        assert [error.message for error in validator.iter_errors(_without_nulls(value))] == []

    return hold


def log_analytics_check(shared: Path) -> Callable[[Any, str], None]:
    """`check(value, definition)` against OperationalInsights.json, the query API of Log Analytics.

    Cells are left out: it says that all are texts, and its own examples hold numbers and nulls.
    """
    folder = "specs/sentinel/azure-rest-api-specs/specification/operationalinsights/data-plane"
    file = shared / folder / "Microsoft.OperationalInsights/stable/v1/OperationalInsights.json"
    document = json.loads(file.read_text())
    document["definitions"]["table"]["properties"]["rows"]["items"]["items"] = {}

    def hold(value: Any, definition: str) -> None:
        schema = {**document, "$ref": f"#/definitions/{definition}"}
        assert [error.message for error in jsonschema.Draft4Validator(schema).iter_errors(value)] == []

    return hold


class Description:
    """The published OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = _readable(document)
        resource = referencing.jsonschema.DRAFT4.create_resource(self.document)
        self._registry: referencing.Registry[Any] = referencing.Registry().with_resource(_BASE, resource)

    def check(self, answer: requests.Response, method: str, path: str) -> None:
        """The answer is one that the description allows for this operation and status."""
        responses = self.document["paths"][path][method.lower()]["responses"]
        status = str(answer.status_code)
        if status not in responses:
            # The rule routes describe their success only; their errors have the two shapes below.
            assert path.startswith("/api/detection_engine/rules"), f"{status} is not described for {method} {path}"
            self.check_schema(answer.json(), f"Security_Detections_API_{_error_shape(answer)}ErrorResponse")
            return
        content = responses[status].get("content", {})
        if not content:
            assert answer.content == b""
            return
        [kind] = [kind for kind in content if kind.startswith("application/json")]
        names = ("paths", path, method.lower(), "responses", status, "content", kind, "schema")
        self._check(answer.json(), _pointer(names))

    def check_request(self, body: Any, method: str, path: str) -> None:
        """The body is one that the description allows for this operation."""
        [kind] = self.document["paths"][path][method.lower()]["requestBody"]["content"]
        names = ("paths", path, method.lower(), "requestBody", "content", kind, "schema")
        self._check(body, _pointer(names))

    def check_schema(self, value: Any, name: str) -> None:
        """The value is one of this schema."""
        self._check(value, f"{_BASE}#/components/schemas/{name}")

    def properties(self, name: str) -> set[str]:
        """All property names of a schema, those of its parts included."""
        return set(self._properties(self.document["components"]["schemas"][name]))

    def _properties(self, schema: dict[str, Any]) -> Iterator[str]:
        yield from schema.get("properties", {})
        for part in [*schema.get("allOf", []), *([schema] if "$ref" in schema else [])]:
            if "$ref" in part:
                yield from self.properties(part["$ref"].rsplit("/", 1)[1])
            else:
                yield from self._properties(part)

    def _check(self, value: Any, pointer: str) -> None:
        schema = {"$ref": pointer}
        checker = openapi_schema_validator.oas30_format_checker
        validator = openapi_schema_validator.OAS30Validator(schema, registry=self._registry, format_checker=checker)
        problems = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]
        assert problems == []


def _readable(value: Any) -> Any:
    """The same description in words that the validator understands.

    Its discriminators have no mapping; what they choose from is checked all the same. And its nullable references
    are read as not nullable, because OpenAPI 3.0 ignores what stands beside a reference.
    """
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("nullable") is True and "$ref" in value:
        return {"anyOf": [{"$ref": value["$ref"]}, {"enum": [None]}]}
    return {
        name: _readable(item)
        for name, item in value.items()
        if not (name == "discriminator" and "propertyName" in item)
    }


def _pointer(names: Iterable[str]) -> str:
    return f"{_BASE}#/" + "/".join(name.replace("~", "~0").replace("/", "~1") for name in names)


def _error_shape(answer: requests.Response) -> str:
    return "Platform" if "statusCode" in answer.json() else "Siem"


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
