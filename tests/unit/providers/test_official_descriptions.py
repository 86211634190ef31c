"""Every property that the vendors' descriptions name is known to the codecs, in exactly one way."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.emulator.kibana import checks
from deployer.providers.kibana import canonical as kibana
from deployer.providers.kibana import grouping
from deployer.providers.kibana import value_lists
from deployer.providers.sentinel import canonical as sentinel
from deployer.providers.shapes import Shape
from deployer.providers.shapes import leaves
from tests import every_field
from tests import make

KIBANA_FILES = ("kibana-8.18.openapi.yaml", "kibana-main-2025-11.elasticstack-filtered.openapi.yaml")
SENTINEL_FILES = ("2025-09-01", "2025-10-01-preview")
OPAQUE = {"actions", "response_actions", "meta", "exceptions_list", "filters", "threat_filters"}
"""Fields below which the codec knows no names: carried whole, taken apart by hand, or in Elasticsearch's language."""


@pytest.fixture(scope="module")
def kibanas(shared: Path) -> list[dict[str, Any]]:
    folder = shared / "specs/kibana"
    return [yaml.load((folder / name).read_bytes(), Loader=yaml.CSafeLoader) for name in KIBANA_FILES]


@pytest.fixture(scope="module")
def insights(shared: Path) -> dict[str, list[dict[str, Any]]]:
    folder = shared / "specs/sentinel/bicep-types-az"
    return {name: json.loads((folder / name / "types.json").read_text()) for name in SENTINEL_FILES}


def kibana_paths(document: dict[str, Any], name: str) -> set[str]:
    """Every single value of a schema: `threshold.cardinality[].value`."""
    return set(_schema_paths(document, {"$ref": f"#/components/schemas/{name}"}, ""))


def _schema_paths(document: dict[str, Any], schema: dict[str, Any], path: str, depth: int = 0) -> Iterator[str]:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        if depth < 15:
            yield from _schema_paths(document, document["components"]["schemas"][name], path, depth + 1)
        return
    parts = [part for word in ("allOf", "oneOf", "anyOf") for part in schema.get(word, ())]
    for part in parts:
        yield from _schema_paths(document, part, path, depth + 1)
    if "items" in schema:
        yield from _schema_paths(document, schema["items"], f"{path}[]", depth + 1)
    elif "properties" in schema:
        for name, inner in schema["properties"].items():
            yield from _schema_paths(document, inner, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from _schema_paths(document, schema["additionalProperties"], f"{path}.*", depth + 1)
    elif not parts:
        yield path.removesuffix("[]")  # a list of plain values is one value


def tops(paths: set[str]) -> set[str]:
    return {path.split(".")[0].split("[")[0] for path in paths}


def known(managed: Any, nested: dict[str, Shape]) -> set[str]:
    return {path for name in managed for path in leaves(nested.get(name), name)}


def each_once(*groups: Any) -> set[str]:
    """The union of groups that have nothing in common."""
    every = [name for group in groups for name in group]
    assert sorted(every) == sorted(set(every))
    return set(every)


def test_every_property_of_a_kibana_rule_is_known_in_exactly_one_way(kibanas):
    described = {
        path
        for document in kibanas
        for kind in every_field.KIBANA_KINDS
        for path in kibana_paths(document, f"Security_Detections_API_{schema_name(kind)}Rule")
    }

    assert tops(described) == each_once(kibana.MANAGED, kibana.CARRIED, kibana.SERVER_OWNED)
    server_owned = {f"required_fields[].{name}" for name in kibana.COMPUTED["required_fields"][0]}  # type: ignore[index]
    inner = {path for path in described if tops({path}) <= kibana.MANAGED - OPAQUE}
    assert inner == known(kibana.MANAGED - OPAQUE, dict(kibana.NESTED)) | server_owned


@pytest.mark.parametrize("kind", every_field.KIBANA_KINDS)
def test_the_emulator_lets_each_rule_type_have_what_the_description_does(kibanas, kind):
    """The table of edits is generated from the emulator's shapes, so that it can be had without the descriptions."""
    described = {
        path
        for document in kibanas
        for path in kibana_paths(document, f"Security_Detections_API_{schema_name(kind)}RuleCreateProps")
    }
    shapes = every_field.emulated_leaves(kind)
    opaque = {path for path, shape in shapes.items() if isinstance(shape, checks.Anything | checks.Mapped)}
    plain = {
        path for path in described if not any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in opaque)
    }

    # The saved object's own business, which no answer of a space without aliases has.
    assert plain - {"outcome", "alias_target_id", "alias_purpose"} == shapes.keys() - opaque - {"id"}


def test_every_property_of_lists_and_items_is_known_in_exactly_one_way(kibanas):
    for document in kibanas:
        for name, managed, carried in (
            ("ExceptionList", kibana.LIST, kibana.LIST_CARRIED),
            ("ExceptionListItem", kibana.ITEM, kibana.ITEM_CARRIED),
        ):
            described = tops(kibana_paths(document, f"Security_Exceptions_API_{name}"))
            assert described <= each_once(managed, carried, kibana.EXCEPTIONS_SERVER_OWNED - managed.keys())
        entries = kibana_paths(document, "Security_Exceptions_API_ExceptionListItemEntryArray")
        assert {f"entries{path}" for path in entries} == set(leaves(kibana.ITEM["entries"], "entries")) - NOT_NESTED


def test_every_property_of_a_value_list_is_known_in_exactly_one_way_and_what_is_sent_is_taken(kibanas):
    every = each_once(kibana.VALUE_LIST, kibana.VALUE_LIST_CARRIED, kibana.VALUE_LISTS_SERVER_OWNED)
    wanted = grouping.value_list(make.category(ports=()), ["192.0.2.0/24"])
    mark = make.desired(wanted).mark(wanted)

    for document in kibanas:
        assert tops(kibana_paths(document, "Security_Lists_API_List")) <= every
        for method, live in (("post", None), ("put", wanted)):
            content = document["paths"]["/api/lists"][method]["requestBody"]["content"]
            [shape] = [one["schema"] for kind, one in content.items() if kind.startswith("application/json")]
            body = value_lists.document(wanted, mark, live)
            assert set(shape["required"]) <= body.keys() <= shape["properties"].keys()


NOT_NESTED = {"entries[].entries[].list.id", "entries[].entries[].list.type"}
"""No value list within a nested entry."""


def test_every_property_of_a_data_view_is_known_in_exactly_one_way(kibanas):
    every = each_once(kibana.VIEW, kibana.VIEW_CARRIED, kibana.VIEW_SERVER_OWNED)

    for document in kibanas:
        shown = {
            path.removeprefix("data_view.") for path in kibana_paths(document, "Data_views_data_view_response_object")
        }
        taken = {
            path.removeprefix("data_view.")
            for path in kibana_paths(document, "Data_views_update_data_view_request_object")
        } - {"refresh_fields"}
        assert tops(shown | taken) <= every
        managed = {path for path in shown if tops({path}) <= kibana.VIEW.keys()}
        assert managed == known(kibana.VIEW, dict(kibana.VIEW))


@pytest.mark.parametrize("kind", every_field.SENTINEL_KINDS)
def test_every_property_of_an_analytics_rule_is_known_in_exactly_one_way(insights, kind):
    preview = bicep_paths(insights["2025-10-01-preview"], f"{kind.title()}AlertRuleProperties")
    names = each_once(sentinel.MANAGED - {"kind"}, sentinel.CARRIED, sentinel.SERVER_OWNED)

    assert tops(preview) <= names
    inner = {path for path in preview if tops({path}) <= sentinel.MANAGED}
    assert inner == every_field.sentinel_leaves(kind) - {"kind"}
    if kind == "Scheduled":
        assert names - tops(preview) == {"provisioningState"}
        stable = bicep_paths(insights["2025-09-01"], "ScheduledAlertRuleProperties")
        assert preview - stable == {"subTechniques", "sentinelEntitiesMappings[].columnName"}


def bicep_paths(types: list[dict[str, Any]], name: str) -> set[str]:
    """Every single value of a type in Bicep's description."""
    (start,) = [one for one in types if one.get("name") == name and one["$type"] == "ObjectType"]
    return set(_bicep_paths(types, start, ""))


def _bicep_paths(types: list[dict[str, Any]], one: dict[str, Any], path: str) -> Iterator[str]:
    def at(reference: dict[str, str]) -> dict[str, Any]:
        return types[int(reference["$ref"].removeprefix("#/"))]

    if one["$type"] == "ArrayType":
        inner = at(one["itemType"])
        yield from _bicep_paths(types, inner, f"{path}[]") if inner["$type"] == "ObjectType" else [path]
    elif one["$type"] == "ObjectType" and one.get("properties"):
        for name, part in one["properties"].items():
            yield from _bicep_paths(types, at(part["type"]), f"{path}.{name}" if path else name)
    elif one["$type"] == "ObjectType":
        yield f"{path}.*"
    else:
        yield path


def schema_name(kind: str) -> str:
    return "".join(word.title() for word in kind.split("_"))
