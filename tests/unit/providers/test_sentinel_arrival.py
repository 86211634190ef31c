"""The level data of a workspace's rule, from what its tables tell: several tables at once."""

from datetime import UTC
from datetime import datetime

from deployer.outcome import Answer
from deployer.providers.sentinel import arrival
from deployer.state import Reads
from tests import make

NEWEST = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ENDPOINT, FIREWALL = "DeviceNetworkEvents", "CommonSecurityLog"
JOIN = (
    f"{ENDPOINT} | join ({FIREWALL} | where SourceIP has '.') on $left.RemoteIP == $right.SourceIP | project Protocol"
)
UNION = f"union ({ENDPOINT} | where isnotempty(RemoteIP)), ({FIREWALL} | where isnotempty(SourceIP))"


def judge(query, **told):
    rule = make.resource(body={"query": query}, reads=Reads((ENDPOINT, FIREWALL), look_back="P1D"))
    question = arrival.question(rule)
    found = {}
    for name in (ENDPOINT, FIREWALL):
        answer = told[name]
        if isinstance(answer, dict):
            counts = {86400: {**dict.fromkeys(question.columns[name], 0), **answer}}
            answer = arrival.Found({"": {"newest": NEWEST, "counts": counts}})
        found[name] = answer
    level = arrival.judge(rule.key, question, found)
    return level.answer, level.reason


def test_a_join_needs_every_table_and_a_union_one():
    told = {ENDPOINT: {"rows": 5, "RemoteIP": 5, "Protocol": 5}, FIREWALL: {"rows": 0}}
    nothing = "CommonSecurityLog has no rows within P1D, the rule's period, the newest of 2026-11-21 09:00:00 UTC"

    assert judge(JOIN, **told) == (Answer.FAIL, nothing)
    answer, reason = judge(UNION, **told)
    assert (answer, reason.startswith(nothing)) == (Answer.PASS, True)
    assert judge(UNION, **{**told, ENDPOINT: arrival.Missing()}) == (
        Answer.FAIL,
        f"the workspace has no table {ENDPOINT}; {nothing}",
    )


def test_a_column_that_two_tables_have_need_be_filled_in_one_only():
    one = {"rows": 5, "RemoteIP": 5, "Protocol": 0}
    other = {"rows": 5, "SourceIP": 5, "Protocol": 5}

    assert "Protocol" not in judge(JOIN, **{ENDPOINT: one, FIREWALL: other})[1]
    assert "have Protocol, so part" in judge(JOIN, **{ENDPOINT: one, FIREWALL: {**other, "Protocol": 0}})[1]


def test_a_table_that_could_not_be_asked_hides_no_fault_of_another():
    unasked = arrival.Untellable("no answer", awaited=True)

    assert judge(JOIN, **{ENDPOINT: unasked, FIREWALL: arrival.Missing()})[0] is Answer.FAIL
    assert judge(JOIN, **{ENDPOINT: unasked, FIREWALL: {"rows": 5, "SourceIP": 5}}) == (Answer.UNKNOWN, "no answer")


def test_a_condition_that_nothing_meets_fails_a_join_and_no_union():
    told = {ENDPOINT: {"rows": 5, "RemoteIP": 5}, FIREWALL: {"rows": 5, "SourceIP": 0}}

    assert judge(JOIN, **told)[0] is Answer.FAIL
    assert judge(UNION, **told)[0] is Answer.PASS
