"""The plan of a pull request is one comment, and nothing of the pull request is run."""

import json
import sys

import pytest

from tests.workflows.conftest import KEY
from tests.workflows.conftest import RULE
from tests.workflows.gh import GitHub

ENVIRONMENT = "environments/prod/environment.yaml"
FAILS = "Fail unless every target was looked at"


def results(jobs):
    return {name: job.result for name, job in jobs.items()}


def test_a_change_becomes_a_comment_that_the_next_push_updates(repository):
    first = repository.pull_request()
    repository.tune(repository.proposed, severity="low")
    second = repository.pull_request()

    assert results(first) == results(second) == {"plan": "success", "comment": "success"}
    [comment] = repository.runner.comments()
    assert comment["body"].startswith("<!-- deployer:plan:prod -->\n")
    assert f"rule/{RULE}" in comment["body"]
    assert (
        "Exit code 2 at 1111111111111111111111111111111111111111, [run 102](https://github.example/" in comment["body"]
    )
    assert repository.writes() == []


def test_only_a_comment_of_our_own_is_updated(repository):
    github = GitHub(repository.runner.github.folder)
    planted = {"id": 900, "issue": 7, "user": {"login": "mallory"}, "body": "<!-- deployer:plan:prod -->\nall fine"}
    other = {"id": 901, "issue": 7, "user": {"login": "github-actions[bot]"}, "body": "<!-- deployer:plan:lab -->"}
    github.state["comments"] += [planted, other]
    github.save()

    repository.pull_request()

    assert repository.runner.comments()[:2] == [planted, other]
    assert len(repository.runner.comments()) == 3


def test_a_pull_request_that_changes_nothing_live_says_so(repository):
    repository.merge()

    jobs = repository.pull_request()

    [comment] = repository.runner.comments()
    assert results(jobs) == {"plan": "success", "comment": "success"}
    assert "4 targets: no changes, " in comment["body"]


def test_a_target_that_cannot_be_looked_at_is_named_and_fails_the_job(repository):
    repository.emulator.fault(path="/s/acme/", status=401)

    jobs = repository.pull_request()

    [comment] = repository.runner.comments()
    assert results(jobs) == {"plan": "failure", "comment": "success"}
    assert "| `acme/kibana` | **not looked at** |" in comment["body"]
    assert "::error::Some targets could not be looked at" in jobs["plan"].log


@pytest.mark.parametrize("text", ["id: [", ""], ids=["broken", "empty"])
def test_a_plan_that_cannot_begin_says_why(repository, text):
    (repository.proposed / "rules" / RULE / "rule.yaml").write_text(text)

    jobs = repository.pull_request()

    [comment] = repository.runner.comments()
    assert results(jobs) == {"plan": "failure", "comment": "success"}
    assert f"rules/{RULE}/rule.yaml:" in comment["body"]
    assert repository.emulator.requests == []


def test_nothing_of_the_pull_request_is_run_and_no_key_goes_where_it_says(repository, tmp_path):
    ran = tmp_path / "ran"
    steal = [sys.executable, "-c", f"import pathlib; pathlib.Path({str(ran)!r}).touch(); print('c3RvbGVu')"]
    for name in ("sitecustomize.py", "deployer.py", "yaml.py", "conftest.py", "rules/x.py"):
        (repository.proposed / name).write_text(f"import pathlib; pathlib.Path({str(ran)!r}).touch()\n")
    kibana = {"type": "api_key", "command": steal, "hosts": ["127.0.0.1"]}
    repository.edit(repository.proposed, ENVIRONMENT, lambda it: it["credentials"].update(kibana=kibana))

    jobs = repository.pull_request()

    [comment] = repository.runner.comments()
    assert results(jobs) == {"plan": "success", "comment": "success"}
    assert not ran.exists()
    assert "This pull request changes environment.yaml. Its credentials and trusted hosts count" in comment["body"]


def test_a_link_to_a_secret_is_not_read(repository, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(KEY)
    query = repository.proposed / "rules" / RULE / "kibana.kuery"
    query.unlink()
    query.symlink_to(secret)

    jobs = repository.pull_request()

    [comment] = repository.runner.comments()
    assert jobs["plan"].result == "failure"
    assert KEY not in comment["body"] + jobs["plan"].log


def test_no_secret_is_in_a_comment_or_a_log(repository):
    repository.emulator.fault(path="/s/globex/", status=400, body={"message": f"bad key {KEY}"})

    jobs = repository.pull_request()

    [comment] = repository.runner.comments()
    assert "bad key ***" in comment["body"]
    assert KEY not in json.dumps(comment) + jobs["plan"].log


def test_a_fork_gets_no_plan_and_no_secret(repository):
    jobs = repository.pull_request(fork=True)

    assert results(jobs) == {"plan": "skipped", "comment": "skipped"}


def test_nothing_runs_until_the_variable_names_environments(repository):
    repository.runner.variables = {**repository.runner.variables, "DEPLOYER_ENVIRONMENTS": ""}

    runs = [repository.pull_request(), repository.merge(), repository.night()]

    assert {job.result for jobs in runs for job in jobs.values()} == {"skipped"}
