"""A merge is applied exactly as it was planned, verified, and its journal is kept whatever comes of it."""

import json

from tests.workflows.conftest import RULE


def results(jobs):
    return {name: job.result for name, job in jobs.items()}


def journal(repository):
    [file] = repository.runner.artifact("journal.1.prod").glob("*.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_merge_is_planned_applied_and_verified(repository):
    jobs = repository.merge()

    assert results(jobs) == {"plan": "success", "approve": "success", "apply": "success"}
    assert jobs["approve"].outputs == {"environments": '["prod"]', "attempt": "1"}
    assert f"+ rule/{RULE}" in jobs["plan"].summary
    assert "4 targets: " in jobs["apply"].summary
    assert "deployer verify `prod`" in jobs["apply"].summary
    written = {line["target"] for line in journal(repository) if line["phase"] == "written"}
    assert written == {"kibana", "sentinel"}


def test_where_nothing_is_to_be_done_nobody_is_asked_for_approval(repository):
    repository.merge()

    jobs = repository.merge()

    assert results(jobs) == {"plan": "success", "approve": "success", "apply": "skipped"}


def test_the_plan_writes_nothing(repository):
    repository.emulator.fault(path=".", method="POST", status=403)
    repository.emulator.fault(path=".", method="PUT", status=403)

    jobs = repository.merge()

    assert jobs["plan"].result == "success"


def test_an_apply_that_fails_keeps_its_journal_and_is_verified_all_the_same(repository):
    repository.emulator.fault(path="/s/acme/api/detection_engine/rules$", method="POST", status=400)

    jobs = repository.merge()

    assert results(jobs)["apply"] == "failure"
    assert jobs["apply"].ran[-3:] == ["Apply the plan", "Keep the journal", "Verify"]
    assert [line["tenant"] for line in journal(repository) if line["phase"] == "failed"] == ["acme"]
    assert "| `acme/kibana` | **fail** |" in jobs["apply"].summary


def test_a_target_that_cannot_be_looked_at_does_not_keep_the_others_waiting(repository):
    repository.emulator.fault(path="/s/acme/", kind="garbage")

    jobs = repository.merge()

    assert results(jobs) == {"plan": "failure", "approve": "success", "apply": "failure"}
    assert {line["tenant"] for line in journal(repository)} == {"acme", "globex"}
    assert "::error::Some targets could not be looked at" in jobs["plan"].log


def test_what_has_changed_while_the_approval_was_waited_for_is_not_written(repository):
    repository.merge()
    repository.tune(repository.main, severity="low")
    repository.runner.before["apply"] = lambda: repository.colleague("acme", severity="medium")

    jobs = repository.merge()

    assert jobs["apply"].result == "failure"
    assert "| `acme/kibana` | **stopped** |" in jobs["apply"].summary
    written = {(line["tenant"], line["target"]) for line in journal(repository) if line["phase"] == "written"}
    assert written == {("acme", "sentinel"), ("globex", "kibana"), ("globex", "sentinel")}


def test_nobody_is_asked_to_approve_what_will_not_be_written(repository):
    repository.merge()
    repository.colleague("acme", tags=[])

    jobs = repository.merge()

    assert "not marked as ours" in jobs["plan"].summary
    assert results(jobs) == {"plan": "success", "approve": "success", "apply": "skipped"}


def test_a_refused_plan_is_not_offered_for_approval(repository):
    """Not even the part of it that is within the limits."""
    repository.merge()
    entry = {"value": "192.0.2.10", "hosts": ["ws-1"], "reason": "Support channel", "owner": "jo"}
    environment, tenants = "environments/prod/environment.yaml", "environments/prod/tenants"
    repository.edit(repository.main, environment, lambda it: it.update(limits={"updates": 0}))
    repository.edit(repository.main, f"{tenants}/acme.yaml", lambda it: it.update(overlay={RULE: {"severity": "low"}}))
    repository.edit(
        repository.main, f"{tenants}/globex.yaml", lambda it: it.update(allowlists={"irc_servers": [entry]})
    )
    before = repository.writes()

    jobs = repository.merge()

    assert results(jobs) == {"plan": "failure", "approve": "success", "apply": "skipped"}
    assert repository.writes() == before
    assert "the limit is 0" in jobs["plan"].summary
    assert "+ item/deployer-irc_servers-" in jobs["plan"].summary
