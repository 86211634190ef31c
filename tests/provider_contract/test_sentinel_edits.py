"""Who wrote or deleted a rule last, by records that outlive the rule; and what is said where there are none."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest
import requests

from deployer.drift import History
from deployer.providers.sentinel import edits
from deployer.providers.sentinel.codec import rule_uuid
from deployer.state import Edit
from deployer.state import Key
from deployer.state import Kind
from tests import make

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)
ONE, TWO = Key(Kind.RULE, "example"), Key(Kind.RULE, "second")


@pytest.fixture
def bench(sentinel, monkeypatch):
    monkeypatch.setattr("azure.core.pipeline.policies.RetryPolicy.sleep", lambda *args, **options: None)
    sentinel.emulator.set_clock(NOW)
    return sentinel


def keeps(bench, **switches):
    workspace = {"subscription": bench.target.subscription_id, "group": "soc", "workspace": bench.place, **switches}
    url = f"{bench.emulator.url}/_emulator/arm/workspace"
    requests.post(url, json=workspace, timeout=10).raise_for_status()


def night(bench):
    """A colleague deletes one rule and edits the other."""
    bench.apply(bench.assignment(make.rule(), make.rule("second")))
    bench.emulator.set_clock(LATER)
    bench.arm("DELETE", rule_uuid("example"))
    bench.edit("second", severity="Low")


@pytest.mark.parametrize(
    ("switches", "source"),
    [({"audit": True}, "SentinelAudit"), ({"activity": True}, "AzureActivity"),
     ({"audit": True, "activity": True}, "SentinelAudit")],
)  # fmt: skip
def test_a_deleted_rule_and_an_edited_one_name_who_and_when(bench, switches, source):
    keeps(bench, **switches)
    night(bench)

    history = bench.provider.edits([ONE, TWO])

    deleted = Edit("night-shift", LATER, "delete", source)
    assert history == History({ONE: deleted, TWO: Edit("night-shift", LATER, "write", source)})


def test_a_record_from_before_the_audit_was_switched_on_is_looked_up_in_the_activity_log(bench):
    keeps(bench, activity=True)
    bench.apply(bench.assignment(make.rule(), make.rule("second")))
    keeps(bench, audit=True)
    bench.emulator.set_clock(LATER)
    bench.edit("second", severity="Low")

    found = bench.provider.edits([ONE, TWO]).edits

    assert {key: edit.source for key, edit in found.items()} == {ONE: "AzureActivity", TWO: "SentinelAudit"}


def test_the_same_rule_of_another_workspace_is_another_rule(bench):
    """A rule has the same uuid in every workspace, and the activity log holds the whole subscription."""
    keeps(bench, activity=True)
    night(bench)
    row = {
        "TimeGenerated": (LATER + timedelta(minutes=5)).isoformat(),
        "OperationNameValue": "MICROSOFT.SECURITYINSIGHTS/ALERTRULES/DELETE",
        "ActivityStatusValue": "Success",
        "Caller": "somebody",
    }
    other = edits_id(bench).replace("/workspaces/acme/", "/workspaces/globex/")
    bench.emulator.load(sentinel={"acme": {"AzureActivity": [{**row, "_ResourceId": other.lower()}]}})
    bench.emulator.set_clock(LATER + timedelta(minutes=10))

    assert bench.provider.edits([ONE]).edits[ONE].by == "night-shift"


def test_what_failed_and_what_is_older_than_asked_is_no_edit(bench):
    keeps(bench, activity=True)
    bench.apply(bench.assignment(make.rule(), make.rule("second")))
    row = {
        "TimeGenerated": LATER.isoformat(),
        "OperationNameValue": "MICROSOFT.SECURITYINSIGHTS/ALERTRULES/DELETE",
        "ActivityStatusValue": "Failure",
        "Caller": "somebody",
        "_ResourceId": edits_id(bench).lower(),
    }
    bench.emulator.load(sentinel={"acme": {"AzureActivity": [row]}})
    bench.emulator.set_clock(LATER + timedelta(minutes=10))

    assert bench.provider.edits([ONE]).edits[ONE].action == "write"
    assert bench.provider.edits([ONE], since=NOW + timedelta(minutes=1)).edits == {}


def test_a_write_that_sentinels_audit_calls_failed_is_no_edit(bench):
    keeps(bench, audit=True)
    bench.apply(bench.assignment(make.rule(), make.rule("second")))
    row = {
        "TimeGenerated": LATER.isoformat(),
        "OperationName": "Microsoft.SecurityInsights/alertRules/Delete",
        "Status": "Failure",
        "SentinelResourceId": edits_id(bench),
        "ExtendedProperties": {"CallerName": "somebody"},
    }
    bench.emulator.load(sentinel={"acme": {"SentinelAudit": [row]}})
    bench.emulator.set_clock(LATER + timedelta(minutes=10))

    assert bench.provider.edits([ONE]).edits[ONE].action == "write"


def test_a_workspace_without_records_says_so_and_raises_nothing(bench):
    night(bench)

    assert bench.provider.edits([ONE]) == History({}, f"the workspace keeps no record of it: {edits.SETTING}")


@pytest.mark.parametrize(
    ("fault", "said"),
    [({"status": 403}, "403: log query"), ({"status": 500}, "500: log query"), ({"kind": "close"}, "no answer: log")],
    ids=str,
)
def test_logs_that_cannot_be_asked_do_not_look_like_nobody(bench, fault, said):
    keeps(bench, audit=True)
    night(bench)
    bench.emulator.fault(path="/query$", **fault)

    history = bench.provider.edits([ONE])

    assert history.edits == {}
    assert history.note.startswith(f"who changed it could not be asked: {said}")


def test_an_activity_log_that_cannot_be_asked_leaves_what_the_audit_said(bench):
    keeps(bench, activity=True)
    bench.apply(bench.assignment(make.rule()))
    keeps(bench, audit=True)
    bench.apply(bench.assignment(make.rule(), make.rule("second")))
    bench.emulator.fault(path="/query$", status=403, after=1)

    history = bench.provider.edits([ONE, TWO])

    assert set(history.edits) == {TWO}
    assert "could not be asked: 403" in history.note


def test_nothing_is_asked_for_nothing(bench):
    assert bench.provider.edits([]) == History({})
    assert [one for one in bench.emulator.requests if "/query" in one["path"]] == []


def test_kibana_keeps_no_such_records(kibana):
    kibana.apply(kibana.assignment())

    assert kibana.provider.edits([ONE]) == History({})


def edits_id(bench):
    return bench.document("second")["id"].replace(rule_uuid("second"), rule_uuid("example"))
