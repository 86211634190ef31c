"""What the rule tests leave unshown."""

from pathlib import Path

import pytest

from deployer.manifest import rules
from deployer.manifest import tests
from deployer.ruletests.coverage import missing

RULE = """
id: example
name: Example
description: Two halves.
severity: low
confidence: low
attack:
  - tactic: {id: TA0042, name: Resource Development}
    technique: {id: T1584, name: Compromise Infrastructure}
data_sources: []
kibana: {data: [endpoint.events.network], type: query, language: kuery, index: [logs-*]}
sentinel: {data: [DeviceNetworkEvents], kind: NRT}
"""
HEAD = "now: 2026-11-20T12:00:00Z\ncases:\n"
FIRES = "sentinel: {events: [], matches: 1}"
SILENT = "sentinel: {events: [], matches: 0}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "rules" / "example"
    made.mkdir(parents=True)
    (made / "rule.yaml").write_text(RULE)
    (made / "kibana.kuery").write_text("host.name : *")
    (made / "sentinel.kql").write_text("DeviceNetworkEvents")
    return made


def said(folder: Path) -> list[str]:
    root = folder.parent.parent
    book = rules.read(root)
    return [str(finding) for finding in missing(book, tests.read(root, book))]


def test_a_rule_without_tests_is_said_for_each_half(folder: Path) -> None:
    assert said(folder) == [
        "rules/example/rule.yaml:2:1: warning: "
        f"the {platform} half has no case: nothing shows that it can fire [rule-test-missing]"
        for platform in ("kibana", "sentinel")
    ]


def test_each_half_needs_a_case_that_it_finds_and_one_that_it_leaves_alone(folder: Path) -> None:
    kibana = "kibana: {events: [], matches: [{host.name: ws-1}]}"
    (folder / "tests.yaml").write_text(f"{HEAD}- {{name: a, {SILENT}}}\n- {{name: b, {kibana}}}\n")

    where = "rules/example/tests.yaml:1:1: warning: the"
    assert said(folder) == [
        f"{where} kibana half has no case that it must leave alone (`matches: 0`) [rule-test-missing]",
        f"{where} sentinel half has no case that it must find: nothing shows that it can fire [rule-test-missing]",
    ]


def test_one_true_and_one_false_case_for_each_half_are_enough(folder: Path) -> None:
    both = "\n".join(
        f"- {{name: {number}, sentinel: {{events: [], matches: {number}}}, kibana: {{events: [], matches: {number}}}}}"
        for number in (0, 1)
    )
    (folder / "tests.yaml").write_text(HEAD + both.replace("name: ", "name: case "))

    assert said(folder) == []


def test_a_file_with_errors_is_not_spoken_of_again(folder: Path) -> None:
    (folder / "tests.yaml").write_text("now: yesterday\ncases: []\n")

    assert said(folder) == []
