"""Every case of rules/*/tests.yaml, each as a test of its own; `deployer test` runs the same."""

from pathlib import Path

import pytest

from deployer.cases import Case
from deployer.manifest import rules
from deployer.manifest import tests
from deployer.model import Platform
from deployer.ruletests.outcomes import Outcome
from deployer.ruletests.run import run_case

ROOT = Path(__file__).parents[3]
BOOK = rules.read(ROOT)
TESTS = tests.read(ROOT, BOOK)
CASES = [
    pytest.param(name, platform, case, id=f"{name}-{platform}-{case.name}")
    for name, test in TESTS.tests.items()
    for platform in Platform
    for case in test.cases
    if platform in case.halves
]
NO_ENGINE = frozenset({"eql"})
"""Types of Kibana rules that are in rules/ and that no engine of ours may run: EQL's only one is AGPL."""


@pytest.mark.parametrize(("name", "platform", "case"), CASES)
def test_case(name: str, platform: Platform, case: Case) -> None:
    rule = BOOK.rules[name]
    half = rule.on(platform)
    assert half is not None

    tested = run_case(case, rule, platform, BOOK.categories)

    expected = Outcome.NOT_RUN if half.fields.get("type") in NO_ENGINE else Outcome.PASSED
    assert tested.outcome is expected, f"{tested.location}: {tested.reason}"


def test_no_file_is_left_out_for_an_error() -> None:
    assert [str(finding) for finding in TESTS.findings] == []
