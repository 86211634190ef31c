"""A rule test whose allowlist is so long that Kibana holds it in a value list: it is run as it would be deployed."""

from dataclasses import replace
from pathlib import Path

import pytest

from deployer.manifest import rules
from deployer.manifest import tests
from deployer.model import Platform
from deployer.ruletests.deployed import desired
from deployer.ruletests.outcomes import Outcome
from deployer.ruletests.run import run_case
from deployer.state import Kind
from tests import make

ROOT = Path(__file__).parents[2] / "cases" / "rule-tests"


@pytest.mark.parametrize(("allowed", "outcome"), [("192.0.2.0/24", Outcome.PASSED), ("192.0.3.0/24", Outcome.FAILED)])
def test_a_value_list_lets_through_what_its_entries_do(allowed, outcome):
    book = rules.read(ROOT)
    cases = tests.read(ROOT, book).tests["connections"].cases
    case = next(case for case in cases if case.name == "Three connections to an allowed server")
    many = [make.entry(f"10.{number // 64}.{number % 64}.0/25") for number in range(250)]
    long = replace(case, allowlists={"servers": (make.entry(allowed), *many)})
    categories = {"servers": replace(book.categories["servers"], ports=())}

    state = desired(book.rules["connections"], long, Platform.KIBANA, categories)
    found = run_case(long, book.rules["connections"], Platform.KIBANA, categories)

    assert Kind.VALUE_LIST in {key.kind for key in state.resources}
    assert found.outcome is outcome
