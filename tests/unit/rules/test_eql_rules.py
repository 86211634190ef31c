"""The EQL rules against the cases of their tests.yaml, which `deployer test` calls "not run"."""

import re
from pathlib import Path

import eql
import pytest

from deployer.cases import Case
from deployer.manifest import rules
from deployer.manifest import tests as rule_tests
from deployer.model import Platform
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.ruletests import deployed
from deployer.ruletests.compare import difference
from deployer.ruletests.expand import expand
from tests import sequences

ROOT = Path(__file__).resolve().parents[3]
BOOK = rules.read(ROOT)
CASES = [
    (rule, case)
    for name, test in rule_tests.read(ROOT, BOOK).tests.items()
    for rule in [BOOK.rules[name]]
    for case in test.cases
    if Platform.KIBANA in case.halves and rule.kibana and rule.kibana.fields["type"] == "eql"
]


def half_of(rule: Rule) -> PlatformRule:
    assert rule.kibana
    return rule.kibana


def fault(rule: Rule, case: Case) -> str:
    """What the rule finds otherwise than the case expects."""
    half = case.halves[Platform.KIBANA]
    state = deployed.desired(rule, case, Platform.KIBANA, BOOK.categories)
    found = sequences.find(state, half_of(rule), expand(half.events, Platform.KIBANA), case.now)
    return difference(half.matches, found)


@pytest.mark.parametrize(("rule", "case"), CASES, ids=[f"{rule.id}: {case.name}" for rule, case in CASES])
def test_a_case_finds_what_it_expects(rule: Rule, case: Case) -> None:
    assert fault(rule, case) == ""


def test_there_are_cases_that_fire_and_cases_that_keep_still() -> None:
    counts = [case.halves[Platform.KIBANA].matches.count for _, case in CASES]
    assert (sum(map(bool, counts)) > 20, counts.count(0) > 20) == (True, True)


@pytest.mark.parametrize(
    "rule", [rule for rule in BOOK.rules.values() if rule.kibana and rule.kibana.fields["type"] == "eql"], ids=str
)
def test_the_fields_of_a_query_exist_with_fitting_types(rule: Rule) -> None:
    half = half_of(rule)
    [dataset] = half.data
    with sequences.schema(dataset):
        assert sequences.parsed(half.query)
        for broken in (half.query.replace("source.ip", "source.address2"), half.query.replace("(80,", '("80",')):
            with pytest.raises(eql.EqlSemanticError):
                sequences.parsed(broken)


def test_a_query_asks_for_every_field_that_its_rule_says_it_reads() -> None:
    for rule in BOOK.rules.values():
        half = rule.kibana
        if half is None or half.fields["type"] != "eql":
            continue
        listed = {field["name"] for field in half.fields["required_fields"]}  # type: ignore[index, union-attr, call-overload]
        read = set(re.findall(r"\b(?:host|process|event|network|source|destination)\.\w+", half.query))
        assert listed == read | {"@timestamp", "event.category", half.fields["tiebreaker_field"]}
