"""Which targets something is about, in few words that can be checked against the number before them."""

from deployer.report import grouped
from deployer.report.naming import Names
from deployer.report.rows import ChangeRow
from deployer.report.rows import Row

NEW = ChangeRow("create", "rule", "x")


def row(tenant: str, target: str, *changes: ChangeRow, outcome: str = "planned") -> Row:
    return Row(tenant, target, outcome, "" if outcome == "unreadable" else target, changes)


def tenants(number: int) -> list[Row]:
    return [row(f"t{one:02}", target) for one in range(number) for target in ("kibana", "sentinel")]


def test_a_tenants_name_alone_never_stands_for_less_than_all_of_its_targets():
    dead = [row("dead", "kibana", outcome="unreadable"), row("dead", "sentinel", NEW)]
    idle = [row("idle", "kibana", outcome="failed"), row("idle", "sentinel")]
    rows = [*dead, *idle, row("t00", "kibana", NEW), row("t00", "sentinel", NEW)]

    report = grouped.render(rows, [])

    assert "  + rule/x in 3 of 4 targets: dead/sentinel, t00\n" in report
    assert "No changes in 1 of 4 targets that were looked at:\n  idle/sentinel\n" in report


def test_those_that_are_counted_only_are_counted_in_targets():
    rows = tenants(35)

    assert Names(rows).said(rows[:66], rows) == "66 of 70 targets: t00, t01, t02, t03, t04, t05 and 54 more targets"
    assert Names(rows).said(rows[1:6], rows) == "5 of 70 targets: t00/sentinel, t01, t02"


def test_what_was_left_in_one_target_is_not_said_of_the_other():
    left = ChangeRow("update", "rule", "x", done=False, error="interrupted before it was tried")
    rows = [row("t14", "kibana", outcome="unreadable"), row("t14", "sentinel", left)]

    assert "  x rule/x not updated in t14/sentinel\n" in grouped.render(rows, [], verb="apply")
