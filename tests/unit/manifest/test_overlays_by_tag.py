"""Overlays for the rules of a tag: which tags a rule has, and what wins where several overlays are for it."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.manifest.selecting import selects
from deployer.manifest.selecting import tags
from deployer.model import Platform
from deployer.model import Rule
from deployer.providers.codecs import encode
from deployer.state import Key
from deployer.state import Kind
from tests import make

CASES = Path(__file__).parents[2] / "cases" / "manifest"
TENANT = """\
targets:
  kibana: {platform: kibana, emulator: true, overlay: OWN}
data_sources:
  kibana: {endpoint.events.network: []}
overlay: TENANT
"""


@pytest.fixture
def tuned(tmp_path: Path) -> Callable[..., Rule]:
    """The rule `beacon` at a target, with overlays of the three levels given as flow YAML."""

    def build(environment: str = "{}", tenant: str = "{}", own: str = "{}", tags: str = "[noisy, Network]") -> Rule:
        shutil.copytree(CASES / "sound" / "rules", tmp_path / "rules")
        file = tmp_path / "rules/beacon/rule.yaml"
        file.write_text(f"{file.read_text()}tags: {tags}\n")
        folder = tmp_path / "environments/test/tenants"
        folder.mkdir(parents=True)
        (folder / "acme.yaml").write_text(TENANT.replace("OWN", own).replace("TENANT", tenant))
        (tmp_path / "environments/test/environment.yaml").write_text(f"owner: o\noverlay: {environment}\n")
        manifest = load(tmp_path, "test")
        assert manifest.broken_tenants == {}
        [customer] = manifest.tenants
        [rule] = assign(manifest, customer, customer.targets[0]).rules
        return rule

    return build


def test_a_rule_is_known_by_its_own_tags_its_blocks_tags_its_purpose_and_its_attack_ids() -> None:
    rule = make.rule(tags=("Noisy",), kibana=make.kibana_half(tags=["Domain: Network"]))

    assert tags(rule) == {"noisy", "domain: network", "detection", "attack.ta0042", "attack.t1584", "attack.t1584.005"}


def test_a_rule_of_sentinel_alone_has_tags_too() -> None:
    rule = replace(make.rule(tags=("noisy",), attack=(), purpose="hunting"), kibana=None)

    assert tags(rule) == {"noisy", "hunting"}


@pytest.mark.parametrize(
    ("key", "selected"),
    [
        ("tag:noisy", True),
        ("tag:NOISY", True),
        ("tag:nois?", True),
        ("tag:attack.t1584*", True),
        ("tag:attack.t158", False),
        ("tag:domain: net*", True),
        ("noisy", False),
        ("tag:example", False),
        ("example", True),
        ("exam*", True),
        ("Example", False),
    ],
)
def test_a_key_is_an_id_a_glob_of_ids_or_a_glob_of_tags(key: str, selected: bool) -> None:
    rule = make.rule(tags=("Noisy",), kibana=make.kibana_half(tags=["Domain: Network"]))

    assert selects(key, rule) is selected


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_tags_come_first_then_globs_then_the_rules_own_id(tuned: Callable[..., Rule], order: tuple[int, ...]) -> None:
    parts = [
        '"tag:noisy": {severity: low, enabled: false, kibana: {interval: 1m}}',
        '"b*": {severity: medium, enabled: true}',
        "beacon: {severity: critical}",
    ]

    rule = tuned(tenant="{" + ", ".join(parts[number] for number in order) + "}")

    assert rule.kibana is not None
    assert (rule.severity, rule.enabled, rule.kibana.fields["interval"]) == ("critical", True, "1m")


def test_among_tags_the_order_written_counts(tuned: Callable[..., Rule]) -> None:
    rule = tuned(environment='{"tag:noisy": {severity: low}, "tag:attack.t1584": {severity: critical}}')

    assert rule.severity == "critical"


def test_a_tag_of_a_nearer_level_wins_over_an_id_of_a_wider_one(tuned: Callable[..., Rule]) -> None:
    rule = tuned(
        environment="{beacon: {severity: critical, kibana: {threshold: {value: 1}}}}",
        tenant='{"tag:noisy": {severity: medium, kibana: {threshold: {value: 2}}}}',
        own='{"tag:network": {kibana: {threshold: {value: 3}}}}',
    )

    assert rule.kibana is not None
    assert (rule.severity, rule.kibana.fields["threshold"]) == ("medium", {"field": ["host.name"], "value": 3})


def test_the_tags_of_an_overlay_select_nothing(tuned: Callable[..., Rule]) -> None:
    """Else what an overlay is for would hang on another overlay."""
    rule = tuned(
        environment="{beacon: {kibana: {tags: [quiet]}}}", tenant='{"tag:noisy": {severity: low}}', tags="[noisy]"
    )

    assert rule.severity == "low"


def test_neutral_tags_are_tags_in_kibana(tuned: Callable[..., Rule]) -> None:
    rule = make.rule(tags=("Noisy", "b"), kibana=make.kibana_half(tags=["a", "b"]))

    assert body(rule)["tags"] == ["Noisy", "a", "b"]


def test_tags_of_an_overlay_replace_the_neutral_ones_too() -> None:
    rule = make.rule(tags=("Noisy",), kibana=make.kibana_half(tags=["a"]), origins={"kibana.tags": make.HERE})

    assert body(rule)["tags"] == ["a"]


def test_sentinel_has_no_field_for_tags() -> None:
    wanted = [encode(make.assignment(Platform.SENTINEL, [make.rule(tags=tags)])) for tags in ((), ("noisy",))]

    assert wanted[0].resources == wanted[1].resources


def body(rule: Rule) -> dict[str, object]:
    return dict(encode(make.assignment(rules=[rule])).resources[Key(Kind.RULE, rule.id)].body)
