"""What stands in a platform's block wins for that platform, in the rule's own file and in every overlay."""

import json
import shutil
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer.check import inspect
from deployer.check.workbench import Workbench
from deployer.errors import CannotEncode
from deployer.errors import InvalidManifest
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.manifest.remarks import mapping
from deployer.manifest.schema import schemas
from deployer.manifest.yaml import parse
from deployer.model import Assignment
from deployer.providers.codecs import encode
from deployer.providers.kibana import canonical as kibana
from deployer.providers.sentinel import canonical as sentinel
from deployer.providers.sentinel import codec
from deployer.state import Kind
from deployer.state import Mark
from tests import managed

CASES = Path(__file__).parents[2] / "cases" / "manifest"
SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
TENANT = f"""\
targets:
  kibana: {{platform: kibana, emulator: true}}
  sentinel: {{platform: sentinel, emulator: true, subscription_id: {SUBSCRIPTION}, resource_group: rg, workspace: law1}}
data_sources:
  kibana: {{endpoint.events.network: []}}
  sentinel: [DeviceNetworkEvents, CommonSecurityLog]
overlay: OVERLAY
"""
SCHEDULE = {"queryPeriod": "P1D", "queryFrequency": "PT1H", "triggerOperator": "GreaterThan", "triggerThreshold": 0}
Body = Mapping[str, Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(CASES / "sound" / "rules", tmp_path / "rules")
    folder = tmp_path / "environments/test/tenants"
    folder.mkdir(parents=True)
    (tmp_path / "environments/test/environment.yaml").write_text("owner: o\nrules: [beacon]\n")
    (folder / "acme.yaml").write_text(TENANT.replace("OVERLAY", "{}"))
    return tmp_path


@pytest.fixture
def tuned(root: Path) -> Callable[..., Body]:
    """The body of the rule `beacon` at a platform with an overlay of its block, and with changes of its rule.yaml."""

    def build(platform: str, block: Body, own: Body | None = None, neutral: Body | None = None) -> Body:
        return body(assigned(root, platform, {"beacon": {platform: block, **(neutral or {})}}, own or {}))

    return build


def assigned(root: Path, platform: str, overlay: Body, own: Body) -> Assignment:
    file = root / "rules/beacon/rule.yaml"
    document, _ = parse(file.read_bytes(), "rule.yaml")
    assert document is not None
    # Another query has not the lets of allowlists.
    written: dict[str, Any] = {**mapping(document.value), "allowlists": []}
    written["sentinel"] = {**written["sentinel"], **SCHEDULE}
    for key, value in own.items():
        written[key] = {**written[key], **value} if isinstance(value, dict) else value
    file.write_text(json.dumps(written))
    (root / "environments/test/tenants/acme.yaml").write_text(TENANT.replace("OVERLAY", json.dumps(overlay)))
    manifest = load(root, "test")
    assert manifest.broken_tenants == {}
    [tenant] = manifest.tenants
    return assign(manifest, tenant, next(target for target in tenant.targets if target.platform == platform))


def body(assignment: Assignment) -> Body:
    [found] = [one for one in encode(assignment).resources.values() if one.key.id == "beacon"]
    return found.body


@pytest.mark.parametrize("field", sorted(managed.KIBANA))
def test_a_field_of_kibana_is_what_the_overlay_says(tuned: Callable[..., Body], field: str) -> None:
    value = managed.KIBANA[field]

    plain, found = tuned("kibana", {"tags": ["a"]}), tuned("kibana", {"tags": ["a"], field: value})

    expected = kibana.rule({"type": "threshold", "tags": ["a"], field: value})
    assert found[field] == expected[field]
    others = {"index"} if field == "data_view_id" else set()
    assert {name for name in plain.keys() | found.keys() if plain.get(name) != found.get(name)} == {field} | others


@pytest.mark.parametrize("field", sorted(managed.SENTINEL))
def test_a_property_of_sentinel_is_what_the_overlay_says(tuned: Callable[..., Body], field: str) -> None:
    value = managed.SENTINEL[field]

    plain, found = tuned("sentinel", {"suppressionEnabled": False}), tuned("sentinel", {field: value})

    assert found[field] == sentinel.rule({field: value})[field]
    assert {name for name in plain.keys() | found.keys() if plain.get(name) != found.get(name)} == {field}


@pytest.mark.parametrize(
    ("platform", "field", "value"),
    [(platform, field, getattr(managed, platform.upper())[field]) for platform, field in (
        ("kibana", "name"), ("kibana", "description"), ("kibana", "severity"), ("kibana", "enabled"),
        ("kibana", "threat"), ("kibana", "references"), ("kibana", "false_positives"), ("kibana", "risk_score"),
        ("sentinel", "displayName"), ("sentinel", "description"), ("sentinel", "severity"), ("sentinel", "enabled"),
        ("sentinel", "tactics"), ("sentinel", "techniques"), ("sentinel", "subTechniques"),
    )],
)  # fmt: skip
def test_the_block_of_rule_yaml_wins_over_its_top(
    tuned: Callable[..., Body], platform: str, field: str, value: object
) -> None:
    canonical = kibana.rule if platform == "kibana" else sentinel.rule

    found = tuned(platform, {"enabled": False}, {platform: {field: value}})

    assert found[field] == canonical({field: value})[field]


@pytest.mark.parametrize("platform", ["kibana", "sentinel"])
def test_a_query_is_refused_in_rule_yaml(tuned: Callable[..., Body], platform: str) -> None:
    with pytest.raises(InvalidManifest, match="the query lies in"):
        tuned(platform, {"enabled": False}, {platform: {"query": "x : *"}})


@pytest.mark.parametrize(
    ("platform", "field"),
    [("kibana", "severity"), ("kibana", "references"), ("kibana", "interval"), ("sentinel", "tactics")],
)
def test_null_is_refused_in_rule_yaml(tuned: Callable[..., Body], platform: str, field: str) -> None:
    with pytest.raises(InvalidManifest):
        tuned(platform, {"enabled": False}, {platform: {field: None}})


@pytest.mark.parametrize(
    ("platform", "fields"),
    [
        ("kibana", ["threat", "references", "false_positives"]),
        ("sentinel", ["description", "tactics", "techniques", "subTechniques"]),
    ],
)
def test_null_takes_out_what_would_be_made_of_the_neutral_part(
    tuned: Callable[..., Body], platform: str, fields: list[str]
) -> None:
    own = {"references": ["https://example.org"], "false_positives": [{"cause": "A.", "tuning": "B."}]}
    before = tuned(platform, {"enabled": False}, own)

    found = tuned(platform, {"enabled": False, **dict.fromkeys(fields)}, own)

    assert set(fields) <= before.keys()
    assert found.keys() == before.keys() - set(fields)


def test_null_takes_a_field_out_at_any_depth(tuned: Callable[..., Body]) -> None:
    own = {
        "kibana": {
            "max_signals": 7,
            "note": "By the way.",
            "threshold": {"field": ["a"], "value": 2, "cardinality": [{"field": "b", "value": 3}]},
            "alert_suppression": {"duration": {"value": 7, "unit": "h"}},
        }
    }
    nothing = {"max_signals": None, "note": None, "threshold": {"cardinality": None}, "alert_suppression": None}

    found = tuned("kibana", nothing, own)

    assert found["max_signals"] == 100
    assert found["threshold"] == {"field": ["a"], "value": 2}
    assert not {"note", "alert_suppression"} & found.keys()


def test_a_later_overlay_puts_back_what_an_earlier_one_took_out(root: Path) -> None:
    overlay = {"*": {"kibana": {"references": None, "interval": None}}, "beacon": {"kibana": {"references": ["x"]}}}

    assert body(assigned(root, "kibana", overlay, {}))["references"] == ["x"]


@pytest.mark.parametrize(
    ("platform", "field"),
    [
        ("kibana", "name"), ("kibana", "description"), ("kibana", "severity"), ("kibana", "enabled"),
        ("kibana", "query"), ("kibana", "language"), ("kibana", "type"), ("kibana", "exceptions_list"),
        ("sentinel", "displayName"), ("sentinel", "severity"), ("sentinel", "enabled"), ("sentinel", "query"),
        ("sentinel", "kind"),
    ],
)  # fmt: skip
def test_what_a_rule_cannot_do_without_cannot_be_taken_out(root: Path, platform: str, field: str) -> None:
    overlay = json.dumps({"beacon": {platform: {field: None}}})
    (root / "environments/test/tenants/acme.yaml").write_text(TENANT.replace("OVERLAY", overlay))

    assert load(root, "test").broken_tenants.keys() == {"acme"}


@pytest.mark.parametrize(("platform", "severity"), [("kibana", "medium"), ("sentinel", "Medium")])
def test_the_block_wins_over_a_neutral_overlay(tuned: Callable[..., Body], platform: str, severity: str) -> None:
    found = tuned(platform, {"severity": severity, "enabled": True}, neutral={"severity": "low", "enabled": False})

    assert (found["severity"], found["enabled"]) == (severity, True)


def test_tags_of_an_overlay_are_the_tags(tuned: Callable[..., Body]) -> None:
    """The tag of a hunting rule is put to those of rule.yaml; an overlay has the last word, also with none."""
    hunting = {"purpose": "hunting", "kibana": {"tags": ["own"]}}

    assert tuned("kibana", {"enabled": True}, hunting)["tags"] == ["Hunting", "own"]
    assert tuned("kibana", {"tags": ["b", "a"]}, hunting)["tags"] == ["a", "b"]
    assert "tags" not in tuned("kibana", {"tags": None}, hunting)


def test_a_query_of_an_overlay_takes_parameters(root: Path) -> None:
    query = "let Least = 3;\nDeviceNetworkEvents | take Least"
    (root / "rules/beacon/sentinel.kql").write_text("DeviceNetworkEvents\n")
    overlay = {"beacon": {"sentinel": {"query": query, "parameters": {"Least": 9}}}}

    found = assigned(root, "sentinel", overlay, {})

    assert "let Least = 9;" in body(found)["query"]


def test_a_fault_in_a_query_of_an_overlay_is_said_where_it_stands(root: Path) -> None:
    overlay = {"beacon": {"sentinel": {"query": "let A = 1; let A = 2; DeviceNetworkEvents | take A"}}}

    with pytest.raises(CannotEncode) as caught:
        encode(assigned(root, "sentinel", overlay, {}))

    assert [(fault.code, fault.location.path) for fault in caught.value.findings if fault.location] == [
        ("let-twice", "environments/test/tenants/acme.yaml")
    ]


def test_check_looks_at_the_query_of_an_overlay(root: Path) -> None:
    """In line 13 of the tenant's file, which is line 2 of the query."""
    overlay = "\n  beacon:\n    kibana:\n      query: |\n        host.name : *\n        and (host.name : *\n"
    (root / "environments/test/tenants/acme.yaml").write_text(TENANT.replace("OVERLAY", overlay))

    found = inspect(root, "test", None, bench=Workbench(lambda *_: None)).findings

    [fault] = [each for each in found if each.code == "query-invalid"]
    assert fault.location is not None
    assert fault.location.path == "environments/test/tenants/acme.yaml"
    assert fault.location.line in (12, 13)


def test_a_language_that_the_type_has_not_is_refused(root: Path) -> None:
    own = {"kibana": {"type": "eql", "language": "eql", "threshold": None}}
    own["kibana"].pop("threshold")
    (root / "rules/beacon/kibana.kuery").rename(root / "rules/beacon/kibana.eql")
    (root / "rules/beacon/kibana.eql").write_text("any where true")
    file = root / "rules/beacon/rule.yaml"
    file.write_text(file.read_text().replace("  threshold: {field: [host.name], value: 20}\n", ""))

    with pytest.raises(CannotEncode, match="has no language kuery"):
        encode(assigned(root, "kibana", {"beacon": {"kibana": {"language": "kuery"}}}, own))


def test_a_rule_without_description_can_be_sent(tuned: Callable[..., Body], root: Path) -> None:
    state = encode(assigned(root, "sentinel", {"beacon": {"sentinel": {"description": None}}}, {}))
    [wanted] = [one for one in state.resources.values() if one.key.id == "beacon" and one.key.kind is Kind.RULE]

    sent = codec.document(wanted, Mark("o", "test", wanted.key, wanted.digest), None)

    assert sent["properties"]["description"] == ""


def test_editors_are_told_that_null_may_stand_in_an_overlay_only() -> None:
    assert "kibana_tuning" in mapping(schemas()["tenant"]["$defs"])
    assert "kibana_tuning" not in mapping(schemas()["rule"]["$defs"])
