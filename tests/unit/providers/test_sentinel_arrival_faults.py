"""The level data of a workspace's rule: what only seems to be missing, and what only seems to be there."""

import pytest

from deployer.outcome import Answer
from deployer.providers.sentinel import arrival
from tests.unit.providers.test_sentinel_arrival import ENDPOINT
from tests.unit.providers.test_sentinel_arrival import FIREWALL
from tests.unit.providers.test_sentinel_arrival import judge

ROWS = {"rows": 5, "RemoteIP": 5, "SourceIP": 5}


@pytest.mark.parametrize(
    ("union", "answer"),
    [
        (f"union {ENDPOINT}, {FIREWALL}", Answer.FAIL),
        (f"union isfuzzy=true {ENDPOINT}, {FIREWALL}", Answer.PASS),
        (f"union isfuzzy = false {ENDPOINT}, {FIREWALL} // isfuzzy=true", Answer.FAIL),
    ],
)
def test_a_union_without_one_of_its_tables_runs_only_if_it_is_fuzzy(union, answer):
    assert judge(union, **{ENDPOINT: ROWS, FIREWALL: arrival.Missing()})[0] is answer


@pytest.mark.parametrize(
    "query",
    [
        f"{ENDPOINT} | join kind=leftanti ({FIREWALL} | where SourceIP has '.') on $left.RemoteIP == $right.SourceIP",
        f"{ENDPOINT} | lookup ({FIREWALL} | where SourceIP has '.') on $left.RemoteIP == $right.SourceIP",
        f"let n = toscalar({FIREWALL} | where SourceIP has '.' | count); {ENDPOINT} | where n == 0",
        f"union {ENDPOINT}, {ENDPOINT} | join ({FIREWALL}) on $left.RemoteIP == $right.SourceIP",
    ],
)
def test_whether_a_join_can_do_without_a_side_is_not_claimed(query):
    answer, reason = judge(query, **{ENDPOINT: ROWS, FIREWALL: {"rows": 0}})

    assert answer is Answer.UNKNOWN
    assert reason.endswith("whether the query can do without is not known: that depends on how it joins")


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ("RemoteUrl == 'x'", Answer.FAIL),
        ("(RemoteUrl == 'x')", Answer.FAIL),
        ("((RemoteUrl == 'x') and (RemoteIP == 'y'))", Answer.FAIL),
        ("RemoteIP == 'y' and (RemoteUrl == 'x' and RemoteIP has '.')", Answer.FAIL),
        ("(RemoteUrl == 'x' or RemoteIP == 'y')", Answer.PASS),
        ("RemoteIP has '.' and (RemoteUrl == 'x' or RemoteIP == 'y')", Answer.PASS),
        ("(RemoteUrl == 'x') or (RemoteIP == 'y')", Answer.PASS),
        ("RemoteUrl == ''", Answer.PASS),
        ('RemoteUrl == "" and RemoteIP == "y"', Answer.PASS),
    ],
)
def test_a_column_is_needed_only_where_every_result_must_have_it(condition, answer):
    query = f"{ENDPOINT} | where {condition} | join ({FIREWALL}) on $left.RemoteIP == $right.SourceIP"

    assert judge(query, **{ENDPOINT: ROWS, FIREWALL: ROWS})[0] is answer
