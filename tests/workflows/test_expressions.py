"""The rehearsal says the value of an expression, or fails: a wrong name must not pass for an empty text."""

import pytest

from tests.workflows.expressions import Unknown
from tests.workflows.expressions import condition
from tests.workflows.expressions import evaluate
from tests.workflows.expressions import resolved

CONTEXT = {
    "vars": {"LIST": '["prod"]', "EMPTY": ""},
    "github": {"event": {"number": 7}},
    "needs": {"plan": {"result": "failure"}},
    "success": False,
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("vars.LIST != ''", True),
        ("vars.EMPTY != '' && github.event.number == '7'", False),
        ("fromJSON(vars.EMPTY || '[]')", []),
        ("fromJSON(vars.LIST || '[]')", ["prod"]),
        ("!cancelled() && needs.plan.result != 'skipped'", True),
        ("!(vars.EMPTY == '') || vars.LIST == 'it''s'", False),
    ],
)
def test_what_our_workflows_say_has_a_value(expression, value):
    assert evaluate(expression, CONTEXT) == value


@pytest.mark.parametrize(
    "expression", ["vars.OTHER", "hashFiles('x')", "vars.LIST[0]", "vars.LIST vars.EMPTY", "", "("]
)
def test_anything_else_fails(expression):
    with pytest.raises(Unknown):
        evaluate(expression, CONTEXT)


def test_a_list_is_no_text():
    with pytest.raises(Unknown):
        resolved("x ${{ fromJSON(vars.LIST) }}", CONTEXT)


def test_a_condition_that_does_not_ask_for_the_state_means_success_too():
    assert not condition("vars.LIST != ''", CONTEXT)
    assert condition("${{ always() }}", CONTEXT)
