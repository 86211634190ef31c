"""Drift is one issue for an environment: opened, updated, closed; never closed by not having looked."""

import pytest

from tests.workflows.conftest import RULE
from tests.workflows.gh import GitHub


@pytest.fixture
def applied(repository):
    repository.merge()
    return repository


def states(repository):
    return [(one["title"], one["state"]) for one in repository.runner.issues()]


def test_a_quiet_night_opens_nothing(applied):
    jobs = applied.night()

    assert {job.result for job in jobs.values()} == {"success"}
    assert applied.runner.issues() == []


def test_what_a_colleague_changed_is_one_issue_until_it_is_put_back(applied):
    applied.colleague("acme", severity="low")
    applied.night()
    [first] = applied.runner.issues()

    applied.colleague("globex", enabled=False)
    applied.night()
    [second] = applied.runner.issues()

    assert (first["number"], first["title"]) == (second["number"], "Drift in prod")
    assert first["body"].startswith("<!-- deployer:drift:prod -->\n")
    assert f"rule/{RULE}" in first["body"]
    assert "night-shift" in first["body"]
    assert "globex/kibana" in second["body"].partition("<details>")[2]
    assert states(applied) == [("Drift in prod", "open")]

    applied.merge()
    applied.night()

    assert states(applied) == [("Drift in prod", "closed")]
    [last] = applied.runner.comments()
    assert last["issue"] == first["number"]

    applied.colleague("acme", severity="low")
    applied.night()

    assert states(applied) == [("Drift in prod", "closed"), ("Drift in prod", "open")]


def test_a_target_that_cannot_be_looked_at_is_an_issue_and_closes_none(applied):
    applied.emulator.fault(path="/s/acme/", kind="garbage")
    jobs = applied.night()
    [issue] = applied.runner.issues()

    assert (jobs["look"].result, jobs["issue"].result) == ("failure", "success")
    assert "| `acme/kibana` | **not looked at** |" in issue["body"]
    assert states(applied) == [("Drift in prod", "open")]

    applied.night()
    assert states(applied) == [("Drift in prod", "open")]

    applied.emulator.clear_faults()
    applied.night()
    assert states(applied) == [("Drift in prod", "closed")]


def test_an_issue_of_somebody_else_is_left_alone(applied):
    github = GitHub(applied.runner.github.folder)
    body = "<!-- deployer:drift:prod -->"
    theirs = {"number": 900, "user": {"login": "jo"}, "state": "open", "title": "x", "body": body}
    github.state["issues"].append(theirs)
    github.save()

    applied.night()

    assert applied.runner.issues() == [theirs]


def test_a_run_that_could_not_begin_leaves_the_issue_as_it_is(applied):
    applied.colleague("acme", severity="low")
    applied.night()
    before = applied.runner.issues()
    applied.runner.installed = False

    jobs = applied.night()

    assert {job.result for job in jobs.values()} == {"failure"}
    assert applied.runner.issues() == before


def test_the_journals_of_every_apply_are_at_hand_and_none_of_a_pull_request(applied):
    applied.tune(applied.main, severity="low")
    applied.merge()
    forged = applied.runner.github.artifacts("500") / "journal.1.prod"
    forged.mkdir(parents=True)
    (forged / "forged.jsonl").write_text("{}\n")
    github = GitHub(applied.runner.github.folder)
    github.state["runs"].append({"databaseId": 500, "workflow": "apply.yml", "branch": "main", "event": "pull_request"})
    github.save()

    applied.night()

    fetched = list((applied.runner.folder / f"run-{applied.runner.run_id}-look/workspace/journals").glob("*.jsonl"))
    assert len(fetched) == 2
    assert "forged.jsonl" not in {file.name for file in fetched}
