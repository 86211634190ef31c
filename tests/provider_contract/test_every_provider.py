"""What holds for every provider, over real HTTP."""

import uuid

import pytest

from deployer.apply import apply
from deployer.errors import BadAnswer
from deployer.errors import Denied
from deployer.errors import Overloaded
from deployer.errors import Unreachable
from deployer.model import Platform
from deployer.outcome import Answer
from deployer.outcome import Place
from deployer.plan import Cause
from deployer.plan import Update
from deployer.providers import http
from deployer.providers.codecs import encode
from deployer.state import Kind
from deployer.verify import asked
from deployer.verify import verify
from tests import make

ENTRIES = (
    make.entry(),
    make.entry("2001:db8::/32", expires="2030-01-31"),
    make.entry("198.51.100.7", hosts=("ws-1",), processes=("a.exe",), ports=(6667,)),
)


def test_apply_leaves_nothing_to_plan_and_a_second_apply_writes_nothing(bench):
    assigned = bench.assignment(make.rule(), make.rule("second", severity="critical"), entries=ENTRIES)

    first = bench.apply(assigned)
    bench.emulator.clear_requests()
    second = bench.apply(assigned)

    assert (first.failures, len(first.done)) == ((), len(first.plan.changes))
    assert second.plan.changes == ()
    assert bench.writes() == []


def test_the_read_of_an_unchanged_target_costs_a_fixed_number_of_requests(bench):
    rules = [make.rule(f"r{index}") for index in range(3)]
    bench.apply(bench.assignment(*rules, entries=ENTRIES))
    bench.emulator.clear_requests()

    bench.plan(bench.assignment(*rules, entries=ENTRIES))

    # Kibana: rules, lists, items, and one for each of the three data views; Sentinel: one page
    assert len(bench.emulator.requests) == {Platform.KIBANA: 6, Platform.SENTINEL: 1}[bench.platform]


def test_an_edit_in_the_target_is_drift_and_names_field_and_editor(bench):
    assigned = bench.assignment()
    bench.apply(assigned)
    bench.edit(severity="low" if bench.platform is Platform.KIBANA else "Low")

    (change,) = bench.plan(assigned).changes

    assert isinstance(change, Update)
    assert change.cause is Cause.DRIFT
    assert [field.path for field in change.fields] == ["severity"]
    assert change.live.edited_by == "night-shift"
    assert change.live.edited_at is not None


def test_a_change_in_git_is_pending_and_both_is_both(bench):
    bench.apply(bench.assignment())
    changed = bench.assignment(make.rule(name="Renamed"))

    (pending,) = bench.plan(changed).changes
    bench.edit(enabled=False)
    (both,) = bench.plan(changed).changes

    assert pending.cause is Cause.PENDING
    assert both.cause is Cause.BOTH
    assert {field.path for field in both.fields} >= {"enabled"}


def test_apply_reverts_drift_and_touches_only_the_rule_that_drifted(bench):
    assigned = bench.assignment(make.rule(), make.rule("second"))
    bench.apply(assigned)
    bench.edit("second", enabled=False)
    bench.emulator.clear_requests()

    applied = bench.apply(assigned)

    assert [change.key.id for change in applied.done] == ["second"]
    assert len(bench.writes()) == 1
    assert bench.plan(assigned).changes == ()


def test_a_rule_out_of_git_is_deleted_with_what_it_alone_needed(bench):
    bench.apply(bench.assignment(make.rule(), make.rule("second"), entries=ENTRIES))

    applied = bench.apply(bench.assignment(make.rule(), entries=ENTRIES))

    kinds = [change.key.kind for change in applied.done]
    assert applied.failures == ()
    assert kinds == ([Kind.DATA_VIEW, Kind.RULE] if bench.platform is Platform.KIBANA else [Kind.RULE])


def test_rules_of_others_are_counted_and_left_alone(bench):
    if bench.platform is Platform.KIBANA:
        body = {"type": "query", "query": "*", "name": "Theirs", "description": "x", "severity": "low", "risk_score": 1}
        bench.kibana("POST", "/api/detection_engine/rules", body)
    else:
        document = {"kind": "MicrosoftSecurityIncidentCreation", "properties": {
            "displayName": "Theirs", "enabled": True, "productFilter": "Microsoft Defender for Cloud"}}  # fmt: skip
        bench.arm("PUT", str(uuid.uuid4()), document)
    assigned = bench.assignment()

    first = bench.apply(assigned)
    plan = bench.plan(assigned)

    assert first.failures == ()
    assert [one.name for one in plan.unmanaged] == ["Theirs"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 401}, Denied),
        ({"status": 403}, Denied),
        ({"status": 500}, Overloaded),
        ({"status": 429, "headers": {"Retry-After": "0"}}, Overloaded),
        ({"kind": "close"}, Unreachable),
        ({"kind": "garbage"}, BadAnswer),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}}, BadAnswer),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_a_target_that_does_not_answer_well_is_never_taken_for_an_empty_one(bench, monkeypatch, fault, error):
    monkeypatch.setattr(http, "_backoff", lambda left: 0.0)
    monkeypatch.setattr("azure.core.pipeline.policies.RetryPolicy.sleep", lambda *args, **options: None)
    bench.apply(bench.assignment())
    bench.emulator.fault(path="_find|alertRules", **fault)

    with pytest.raises(error):
        bench.read(bench.assignment())


def test_a_passing_fault_is_overcome_by_bounded_retries(bench, monkeypatch):
    monkeypatch.setattr(http, "_backoff", lambda left: 0.0)
    monkeypatch.setattr("azure.core.pipeline.policies.RetryPolicy.sleep", lambda *args, **options: None)
    bench.emulator.fault(path="_find|alertRules", status=503, times=2)

    assert bench.plan(bench.assignment()).changes


def test_an_object_that_moved_after_the_plan_is_a_conflict_and_is_not_written(bench):
    assigned = bench.assignment(make.rule(), make.rule("second"))
    bench.apply(assigned)
    changed = bench.assignment(make.rule(name="New"), make.rule("second", name="New second"))
    plan = bench.plan(changed)
    bench.edit(enabled=False)

    applied = apply(Place("acme"), plan, bench.provider)

    assert [change.key.id for change in applied.done] == ["second"]
    (failure,) = applied.failures
    assert "changed by night-shift since it was read" in failure.error
    document = bench.document()
    assert document.get("name") != "New"
    assert document.get("properties", {}).get("displayName") != "New"


def test_a_write_whose_answer_was_lost_is_looked_for_before_it_is_called_failed(bench):
    bench.emulator.fault(path="detection_engine/rules$|alertRules/", method="POST", kind="close", applied=True, times=1)
    bench.emulator.fault(path="alertRules/", method="PUT", kind="close", applied=True, times=1)

    applied = bench.apply(bench.assignment())

    assert applied.failures == ()
    assert bench.plan(bench.assignment()).changes == ()


def test_verify_answers_pass_fail_and_unknown(bench):
    desired = encode(bench.assignment(make.rule(), make.rule("second"), make.rule("third")))
    bench.apply(bench.assignment(make.rule(), make.rule("second")))
    bench.edit("second", enabled=False)

    live = bench.provider.read(desired)
    levels = verify(desired, live, bench.provider.health(asked(desired, live)))

    # The emulated cluster has no index at all, the workspace's table no rows.
    data = Answer.FAIL
    answers = {(level.key.id, level.level): level.answer for level in levels if level.key.kind is Kind.RULE}
    assert answers == {
        ("example", "present"): Answer.PASS,
        ("example", "equal"): Answer.PASS,
        ("example", "enabled"): Answer.PASS,
        ("example", "ran"): Answer.UNKNOWN,
        ("example", "healthy"): Answer.UNKNOWN,
        ("example", "data"): data,
        ("second", "present"): Answer.PASS,
        ("second", "equal"): Answer.FAIL,
        ("second", "enabled"): Answer.FAIL,
        ("second", "ran"): Answer.UNKNOWN,
        ("second", "healthy"): Answer.UNKNOWN,
        ("second", "data"): data,
        ("third", "present"): Answer.FAIL,
    }


def test_a_renamed_rule_keeps_its_live_object(bench):
    bench.apply(bench.assignment(make.rule("old")))
    before = bench.document("old")
    renamed = bench.assignment(make.rule("new", name="New name", formerly=("old",)))

    applied = bench.apply(renamed)

    assert applied.failures == ()
    assert {change.action for change in applied.done} <= {"update"}
    assert bench.document("old")["id"] == before["id"]
    assert bench.plan(renamed).changes == ()


def test_a_rule_with_a_later_mark_that_git_does_not_know_is_left_alone_and_named(bench):
    bench.apply(bench.assignment(make.rule(), make.rule("later")))
    if bench.platform is Platform.KIBANA:
        bench.edit("later", tags=["deployer:2:whatever"])
    else:
        query = bench.document("later")["properties"]["query"]
        bench.edit("later", query=query.replace("deployer:1:", "deployer:2:"))

    plan = bench.plan(bench.assignment())

    assert "rule/later" not in {str(change.key) for change in plan.changes}
    (named,) = [one for one in plan.unmanaged if one.note]
    assert "format that this version does not know" in named.note


def test_what_somebody_added_that_git_does_not_manage_is_a_conflict_too(bench):
    """The managed content is the same, and the write would lose what came since."""
    bench.apply(bench.assignment())
    plan = bench.plan(bench.assignment(make.rule(name="New")))
    if bench.platform is Platform.KIBANA:
        bench.edit(note="An analyst's note.")
    else:
        bench.edit(somethingNew=1)

    applied = apply(Place("acme"), plan, bench.provider)

    (failure,) = applied.failures
    assert "since it was read; plan again" in failure.error
