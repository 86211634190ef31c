"""Platform blocks: whatever passes validation can be encoded, or is refused as `CannotEncode`."""

import contextlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.errors import CannotEncode
from deployer.errors import InvalidManifest
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.manifest.remarks import mapping
from deployer.manifest.schema import schemas
from deployer.manifest.yaml import parse
from deployer.providers.codecs import encode
from deployer.providers.kibana import canonical as kibana
from deployer.providers.sentinel import canonical as sentinel

CASES = Path(__file__).parents[2] / "cases" / "manifest"
DEFINITIONS: Mapping[str, Any] = mapping(schemas()["rule"]["$defs"])
SCHEDULE = {"queryFrequency": "PT1H", "queryPeriod": "P1D", "triggerOperator": "GreaterThan", "triggerThreshold": 0}
BLOCKS: Mapping[str, Mapping[str, Any]] = {
    "kibana": {
        "data": ["endpoint.events.network"],
        "type": "threshold",
        "index": ["logs-*"],
        "threshold": {"field": ["host.name"], "value": 20},
    },
    "sentinel": {"data": ["DeviceNetworkEvents"], "kind": "Scheduled", **SCHEDULE},
}
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(-1e9, 1e9), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)
QUERY = """\
let A = 1; let B = "x"; let C = dynamic([]); let D = 1d; let E = true; let F = 1.5; let G = dynamic([1]);
DeviceNetworkEvents
"""
PARAMETERS = st.dictionaries(
    st.sampled_from("ABCDEFGH"),
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(-1e9, 1e9),
        st.text(max_size=3),
        st.lists(st.one_of(st.text(max_size=3), st.integers(-5, 5)), max_size=3),
    ),
    max_size=3,
)


def fitting(schema: Any) -> st.SearchStrategy[Any]:
    """Values that fit a schema of a block."""
    if not isinstance(schema, Mapping):
        return JUNK
    if "$ref" in schema:
        return fitting(DEFINITIONS[schema["$ref"].removeprefix("#/$defs/")])
    if schema.get("if") == {"type": "null"}:
        return st.one_of(st.none(), fitting(schema["else"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "else" in schema:
        return st.none() | fitting(schema["else"])
    match schema["type"]:
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum"), schema.get("maximum"))
        case "string" if "pattern" in schema:
            return st.from_regex(re.compile(schema["pattern"].removesuffix("$") + r"\Z", re.ASCII)).map(
                lambda text: text[:200]
            )
        case "string":
            return st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=5)
        case "array":
            return st.lists(fitting(schema["items"]), min_size=schema.get("minItems", 0), max_size=2)
        case _:
            pass
    if "properties" not in schema:
        inner = schema.get("additionalProperties", True)
        return st.dictionaries(st.from_regex(r"\A[A-Za-z_]{1,5}\Z"), fitting(inner), min_size=1, max_size=2)
    known = {key: fitting(each) for key, each in schema["properties"].items() if each is not True and "not" not in each}
    required = {key: known.pop(key) for key in schema.get("required", ())}
    return st.fixed_dictionaries(required, optional=known)


FIELDS = {
    platform: {
        key: fitting(schema)
        for key, schema in DEFINITIONS[f"{platform}_block"]["properties"].items()
        if schema is not True and "not" not in schema
    }
    for platform in BLOCKS
}


def some_fields(platform: str) -> st.SearchStrategy[dict[str, Any]]:
    """A few fields of a block, one of them perhaps junk."""
    known = FIELDS[platform]
    few = st.lists(st.sampled_from(sorted(known)), max_size=5, unique=True)
    fit = few.flatmap(lambda names: st.fixed_dictionaries({name: known[name] for name in names}))
    junk = st.dictionaries(st.sampled_from(sorted(known)), JUNK, max_size=1)
    return st.one_of(fit, fit, fit, st.builds(lambda one, other: {**one, **other}, fit, junk))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(CASES / "sound", tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.parametrize("platform", sorted(BLOCKS))
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_passes_validation_is_encoded_or_refused(root: Path, platform: str, data: st.DataObject) -> None:
    file = root / "rules/beacon/rule.yaml"
    document, _ = parse((CASES / "sound/rules/beacon/rule.yaml").read_bytes(), "rule.yaml")
    assert document is not None
    block = {**BLOCKS[platform], **data.draw(some_fields(platform))}
    file.write_text(json.dumps({**mapping(document.value), platform: block}))
    (root / "rules/beacon/sentinel.kql").write_text(QUERY)
    environment = root / "environments/test/environment.yaml"
    tuning = data.draw(some_fields(platform))
    if platform == "sentinel" and (parameters := data.draw(PARAMETERS)):
        tuning["parameters"] = parameters
    overlay = f"overlay: {json.dumps({'beacon': {platform: tuning}})}\n" if tuning else ""
    environment.write_text((CASES / "sound/environments/test/environment.yaml").read_text() + overlay)

    try:
        manifest = load(root, "test")
    except InvalidManifest:
        return
    for tenant in manifest.tenants:
        for target in tenant.targets:
            with contextlib.suppress(CannotEncode):
                encode(assign(manifest, tenant, target))


@pytest.mark.parametrize(
    ("platform", "managed"),
    [
        ("kibana", kibana.MANAGED | {"data", "data_view", "note"}),
        ("sentinel", sentinel.MANAGED | {"data", "parameters", "exceptions"}),
    ],
)
def test_a_block_takes_what_its_codec_takes(platform: str, managed: frozenset[str]) -> None:
    """Else a field would pass here and be refused later, with the wrong file named."""
    known = DEFINITIONS[f"{platform}_block"]["properties"]
    allowed = {key for key, schema in known.items() if schema is True or "not" not in schema}
    refused = known.keys() - allowed

    assert allowed <= managed
    assert managed <= allowed | refused
