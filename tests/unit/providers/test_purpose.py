"""A rule for hunting says so in what is sent, and a rule without the field is sent as before."""

from pathlib import Path
from typing import Any

import pytest

from deployer.findings import Finding
from deployer.manifest import rules
from deployer.model import Platform
from deployer.model import Rule
from deployer.providers.codecs import encode
from deployer.state import Key
from deployer.state import Kind
from tests.make import assignment
from tests.make import kibana_half
from tests.make import rule

WRITTEN = """\
id: example
name: Example
description: What it finds.
severity: low
confidence: low
attack: [{tactic: {id: TA0042, name: Resource Development}, technique: {id: T1584, name: Compromise Infrastructure}}]
data_sources: [Network Traffic]
sentinel: {data: [DeviceNetworkEvents], kind: NRT}
"""


def body(one: Rule, platform: Platform) -> dict[str, Any]:
    return dict(encode(assignment(platform, [one])).resources[Key(Kind.RULE, "example")].body)


def digest(one: Rule, platform: Platform) -> str:
    return encode(assignment(platform, [one])).resources[Key(Kind.RULE, "example")].digest


def read(root: Path, text: str) -> tuple[str | None, list[Finding]]:
    folder = root / "rules" / "example"
    folder.mkdir(parents=True)
    (folder / "rule.yaml").write_text(text)
    (folder / "sentinel.kql").write_text("DeviceNetworkEvents\n")
    book = rules.read(root)
    return (book.rules["example"].purpose if "example" in book.rules else None), list(book.findings)


def test_a_hunting_rule_has_a_tag_in_kibana() -> None:
    assert body(rule(purpose="hunting"), Platform.KIBANA)["tags"] == ["Hunting"]


def test_the_tag_stands_beside_the_rules_own() -> None:
    own = kibana_half(tags=["Network"])
    assert body(rule(purpose="hunting", kibana=own), Platform.KIBANA)["tags"] == ["Hunting", "Network"]


def test_a_tag_that_the_rule_has_already_is_not_set_twice() -> None:
    own = kibana_half(tags=["Hunting"])
    assert body(rule(purpose="hunting", kibana=own), Platform.KIBANA)["tags"] == ["Hunting"]


def test_a_detection_keeps_its_own_tags_and_has_no_other() -> None:
    own = kibana_half(tags=["Network"])
    assert body(rule(kibana=own), Platform.KIBANA)["tags"] == ["Network"]
    assert "tags" not in body(rule(), Platform.KIBANA)


def test_a_hunting_rule_says_so_in_sentinels_description() -> None:
    paragraphs = body(rule(purpose="hunting"), Platform.SENTINEL)["description"].split("\n\n")
    assert paragraphs[:3] == [
        "What it finds.",
        "Confidence: medium.",
        "Purpose: hunting. Harmless causes are many: a match is where a search begins, not an incident by itself.",
    ]
    assert "hunting" not in body(rule(), Platform.SENTINEL)["description"]


@pytest.mark.parametrize("platform", Platform)
def test_only_a_hunting_rules_content_differs(platform: Platform) -> None:
    assert digest(rule(purpose="detection"), platform) == digest(rule(), platform)
    assert digest(rule(purpose="hunting"), platform) != digest(rule(), platform)


@pytest.mark.parametrize(
    ("line", "purpose"), [("", "detection"), ("purpose: detection\n", "detection"), ("purpose: hunting\n", "hunting")]
)
def test_the_purpose_is_read_from_the_rule(tmp_path: Path, line: str, purpose: str) -> None:
    assert read(tmp_path, WRITTEN + line) == (purpose, [])


def test_another_purpose_is_refused_by_name(tmp_path: Path) -> None:
    _, findings = read(tmp_path, WRITTEN + "purpose: everything\n")
    [finding] = findings
    assert str(finding.location) == "rules/example/rule.yaml:9:10"
    assert finding.message == "`purpose` must be one of detection, hunting, not 'everything'"
