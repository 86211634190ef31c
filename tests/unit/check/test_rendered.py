"""Of the queries that targets are to get those are compiled that bring something new, and places lead into the file."""

import pytest

from deployer import queries
from deployer.check import rendered

FILE = """// A rule.
let Threshold = 20;
let Allowed = dynamic([]);
let Scoped = (Host:string, Port:int) { false };
let Window =
    1d;
Events
| where TimeGenerated > ago(Window)
| where Count > Threshold
"""
LIST = 'dynamic(["192.0.2.1", "192.0.2.2"])'
COMPUTED = (
    'toscalar(datatable(value: string, until: datetime)["192.0.2.1", datetime(2027-01-01T00:00:00Z)] '
    "| where until > now() | summarize make_list(value))"
)
CLAUSES = (
    '(Host:string, Port:int) { (Host in~ ("a", "b") and Port in (1, 2))\n'
    '    or (Host in~ ("c") and now() < datetime(2027-01-01T00:00:00Z)) }'
)


def forms(rule="example", **values):
    return rendered.forms(rule, FILE, queries.replace_lets(FILE, values))


def test_values_and_how_many_there_are_make_no_difference():
    assert forms(Allowed=LIST) == forms(Allowed='dynamic(["198.51.100.0/24"])') == {("Allowed", "dynamic([?]")}
    assert forms(Threshold="40") == forms(Threshold="5") == {("Threshold", "?")}
    assert forms(Scoped=CLAUSES) == forms(Scoped=CLAUSES.replace('"a", "b"', '"x \\" y"').replace("2027", "2031"))


def test_a_let_as_it_is_in_the_file_brings_nothing():
    assert forms() == forms(Allowed="dynamic([])") == frozenset()


def test_a_let_of_another_kind_is_new_to_each_rule_and_its_lines_to_the_first():
    first, second = forms("first", Allowed=COMPUTED), forms("second", Allowed=COMPUTED)

    assert second - first == {("second", "Allowed", "toscalar(")}


def test_every_condition_of_a_function_is_a_form_of_its_own():
    assert {form for _, form in forms(Scoped=CLAUSES)} == {
        "Host:string, Port:int",
        "Host in~ (?",
        "Port in (?",
        "now() < ?",
    }


@pytest.mark.parametrize(
    ("line", "own"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 3), (6, 4), (7, 4), (8, 5), (9, 6), (10, 7), (11, 8)]
)
def test_a_line_of_a_rendered_query_leads_to_the_line_of_the_file(line, own):
    longer = queries.replace_lets(FILE, {"Allowed": LIST.replace(", ", ",\n").replace("([", "([\n"), "Scoped": CLAUSES})

    assert rendered.line_in_file(FILE, longer, line) == own
