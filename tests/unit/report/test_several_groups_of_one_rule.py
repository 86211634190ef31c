"""A rule that stands in several groups, because in some targets more has become of it than in others."""

import pytest

from deployer.report import grouped
from deployer.report.rows import ChangeRow
from deployer.report.rows import FieldRow
from deployer.report.rows import KeptRow
from deployer.report.rows import Row

HIGHER = FieldRow("threshold.value", 20, 25)
BY_HAND = FieldRow("severity", "low", "high")
OWN = KeptRow("rule", "beacon", "threshold.value", 45, "environments/prod/tenants/tuned.yaml:3")


def row(tenant: str, *changes: ChangeRow, kept: tuple[KeptRow, ...] = ()) -> Row:
    return Row(tenant, "kibana", "planned", "kibana", changes, kept, knows_kept=True)


def change(action: str = "update", cause: str = "pending", fields: tuple[FieldRow, ...] = (HIGHER,)) -> ChangeRow:
    return ChangeRow(action, "rule", "beacon", "beacon", cause, fields=fields)


STRANGE = {
    "deleted": change("delete", fields=()),
    "unclaimed": change("claim", "unclaimed"),
    "edited": change(cause="drift", fields=(BY_HAND,)),
}


def told(strange: ChangeRow) -> str:
    plain = [row(name, change()) for name in ("acme", "globex", "initech")]
    rows = [row("strange", strange), *plain, row("tuned", kept=(OWN,)), row("without")]
    return grouped.render(rows, [])


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
def test_what_is_kept_is_said_where_its_field_changes_whatever_else_became_of_the_rule_before(strange):
    because = "tuned keeps 45 because environments/prod/tenants/tuned.yaml:3 sets it"

    assert f"      threshold.value  20 -> 25\n        {because}\n" in told(strange)


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
def test_a_target_holds_the_rule_in_whatever_group_it_stands(strange):
    assert "in 3 of 5 targets that hold it: acme, globex, initech" in told(strange)


def test_what_is_kept_of_a_field_is_said_once():
    report = told(change(cause="both", fields=(BY_HAND, HIGHER)))

    assert report.count("tuned keeps 45") == 1


def test_a_single_target_is_named_so_that_its_platform_can_be_told():
    rows = [
        Row("acme", "space", "planned", "kibana", (change("delete", fields=()),)),
        Row("acme", "workspace", "planned", "sentinel", (change(),)),
    ]

    report = grouped.render(rows, [])

    assert "- rule/beacon in acme/space\n" in report
    assert "~ rule/beacon in acme/workspace\n" in report
