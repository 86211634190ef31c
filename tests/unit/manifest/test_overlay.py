"""What one target is to hold: selection, overlays, data, entries, and where each value came from."""

from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.manifest.document import merged
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.model import Assignment
from deployer.model import Json
from deployer.model import PlatformRule
from deployer.model import Rule

CASES = Path(__file__).parents[2] / "cases" / "manifest"
SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
TENANT = f"""\
targets:
  kibana: {{platform: kibana, emulator: true, overlay: OVERLAY}}
  sentinel: {{platform: sentinel, emulator: true, subscription_id: {SUBSCRIPTION}, resource_group: rg, workspace: law1}}
data_sources:
  kibana: DATASETS
  sentinel: TABLES
overlay: TENANT
"""


@pytest.fixture
def assigned(tmp_path: Path) -> Callable[..., Assignment]:
    """What a target of a tenant is to hold, overlays given as flow YAML."""

    def build(
        target: str = "kibana",
        environment: str = "{}",
        tenant: str = "{}",
        own: str = "{}",
        datasets: str = "{endpoint.events.network: []}",
        tables: str = "[DeviceNetworkEvents, CommonSecurityLog]",
        rules: str = '["*"]',
    ) -> Assignment:
        base = CASES / "sound"
        for file in sorted((base / "rules").rglob("*.*")):
            if file.is_file():
                copy = tmp_path / file.relative_to(base)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
        text = TENANT.replace("OVERLAY", own).replace("DATASETS", datasets).replace("TABLES", tables)
        folder = tmp_path / "environments/test/tenants"
        folder.mkdir(parents=True)
        (folder / "acme.yaml").write_text(text.replace("TENANT", tenant))
        (tmp_path / "environments/test/environment.yaml").write_text(
            f"owner: o\nrules: {rules}\noverlay: {environment}\n"
        )
        manifest = load(tmp_path, "test")
        assert manifest.broken_tenants == {}
        [customer] = manifest.tenants
        return assign(manifest, customer, {each.name: each for each in customer.targets}[target])

    return build


def rule(assignment: Assignment, name: str = "beacon") -> Rule:
    return {each.id: each for each in assignment.rules}[name]


def kibana(assignment: Assignment) -> PlatformRule:
    half = rule(assignment).kibana
    assert half is not None
    return half


def sentinel(assignment: Assignment) -> PlatformRule:
    half = rule(assignment).sentinel
    assert half is not None
    return half


def origins(assignment: Assignment) -> Mapping[str, str]:
    return {path: str(where) for path, where in rule(assignment).origins.items()}


def test_a_target_gets_the_rules_that_have_a_half_for_its_platform(assigned: Callable[..., Assignment]) -> None:
    assignment = assigned()

    assert [each.id for each in assignment.rules] == ["beacon"]
    assert (assignment.owner, assignment.environment, assignment.target.name) == ("o", "test", "kibana")
    assert sorted(assignment.categories) == ["irc_servers", "vendors"]
    assert assignment.entries == {"irc_servers": (), "vendors": ()}


def test_the_environment_selects_its_rules(assigned: Callable[..., Assignment]) -> None:
    assignment = assigned("sentinel", rules="[rel*]")

    assert [each.id for each in assignment.rules] == ["relay"]
    assert assignment.categories == {}


@pytest.mark.parametrize(
    ("target", "options", "reason"),
    [
        (
            "sentinel",
            {"tables": "[DeviceNetworkEvents]"},
            "needs table CommonSecurityLog, which the tenant does not have",
        ),
        ("kibana", {"datasets": "{}"}, "needs dataset endpoint.events.network, which the tenant does not have"),
    ],
)
def test_a_rule_without_its_data_is_not_applicable(
    assigned: Callable[..., Assignment], target: str, options: dict[str, str], reason: str
) -> None:
    [missing] = assigned(target, **options).not_applicable

    assert (missing.rule, missing.reason) == ("relay" if target == "sentinel" else "beacon", reason)


def test_overlays_apply_from_the_environment_to_the_target(assigned: Callable[..., Assignment]) -> None:
    assignment = assigned(
        environment="{beacon: {severity: low, kibana: {threshold: {value: 1}, interval: 1m, from: now-1h}}}",
        tenant="{beacon: {enabled: false, kibana: {threshold: {value: 2}, interval: 2m}}}",
        own="{beacon: {kibana: {threshold: {value: 3}}}}",
    )

    assert (rule(assignment).severity, rule(assignment).enabled) == ("low", False)
    assert kibana(assignment).fields == {
        "type": "threshold",
        "language": "kuery",
        "index": ["logs-endpoint.events.network-*"],
        "threshold": {"field": ["host.name"], "value": 3},
        "interval": "2m",
        "from": "now-1h",
    }


def test_each_value_of_an_overlay_has_the_place_where_it_was_written(assigned: Callable[..., Assignment]) -> None:
    assignment = assigned(
        environment="{beacon: {severity: low, kibana: {threshold: {value: 1}}}}",
        tenant="{beacon: {enabled: false}}",
        own="{beacon: {kibana: {threshold: {value: 3}}}}",
    )

    assert origins(assignment) == {
        "severity": "environments/test/environment.yaml:3:30",
        "enabled": "environments/test/tenants/acme.yaml:7:29",
        "kibana.threshold.value": "environments/test/tenants/acme.yaml:2:93",
    }


def test_the_other_platforms_part_has_no_business_at_a_target(assigned: Callable[..., Assignment]) -> None:
    assignment = assigned("sentinel", tenant="{beacon: {kibana: {interval: 1m}, sentinel: {queryFrequency: PT5M}}}")

    assert origins(assignment) == {"sentinel.queryFrequency": "environments/test/tenants/acme.yaml:7:71"}
    assert sentinel(assignment).fields == {"kind": "Scheduled", "queryFrequency": "PT5M"}


def test_parameters_are_no_field(assigned: Callable[..., Assignment]) -> None:
    assignment = assigned(
        "sentinel",
        environment='{"*": {sentinel: {parameters: {A: 1, B: [1, 2]}}}}',
        tenant="{beacon: {sentinel: {parameters: {B: [3]}}}}",
    )

    assert sentinel(assignment).parameters == {"A": 1, "B": [3]}
    assert sentinel(assignment).fields == {"kind": "Scheduled", "queryFrequency": "PT1H"}


def test_within_an_overlay_the_rules_own_id_comes_last(assigned: Callable[..., Assignment]) -> None:
    assignment = assigned(tenant='{beacon: {severity: low}, "*": {severity: critical}, "b*": {enabled: false}}')

    assert (rule(assignment).severity, rule(assignment).enabled) == ("low", False)


def test_the_tenants_index_patterns_replace_the_rules(assigned: Callable[..., Assignment]) -> None:
    assignment = assigned(
        environment="{beacon: {kibana: {index: [everywhere]}}}",
        datasets='{endpoint.events.network: ["a-*", "b-*", "a-*x"]}',
    )

    assert kibana(assignment).fields["index"] == ["a-*", "b-*", "a-*x"]
    assert origins(assignment) == {"kibana.index": "environments/test/tenants/acme.yaml:5:37"}


def test_a_tenants_overlay_replaces_its_own_index_patterns(assigned: Callable[..., Assignment]) -> None:
    assignment = assigned(tenant="{beacon: {kibana: {index: [here]}}}", datasets="{endpoint.events.network: [there]}")

    assert kibana(assignment).fields["index"] == ["here"]
    assert origins(assignment) == {"kibana.index": "environments/test/tenants/acme.yaml:7:36"}


def test_a_list_is_replaced_as_a_whole(assigned: Callable[..., Assignment]) -> None:
    assignment = assigned(environment="{beacon: {kibana: {tags: [a, b]}}}", tenant="{beacon: {kibana: {tags: [c]}}}")

    assert kibana(assignment).fields["tags"] == ["c"]
    assert origins(assignment) == {"kibana.tags": "environments/test/tenants/acme.yaml:7:35"}


@pytest.mark.parametrize(
    ("base", "change", "expected"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": 1}}),
        ({"a": 1}, {"a": None}, {"a": None}),
    ],
)
def test_mappings_merge_and_everything_else_is_replaced(base: Json, change: Json, expected: Json) -> None:
    assert merged(base, change) == expected


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=2)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=8,
)


@given(JSON, JSON)
def test_merging_twice_is_merging_once(base: Json, change: Json) -> None:
    once = merged(base, change)

    assert merged(once, change) == once
