"""What holds for the text of every workflow."""

import re

import pytest

from tests.workflows.runner import INSTALL
from tests.workflows.runner import workflow

NAMES = ("apply", "check", "drift", "plan")


@pytest.fixture(params=NAMES)
def document(request, repo_root):
    return workflow(repo_root, request.param)


def steps(document):
    return [(id, step) for id, job in document["jobs"].items() for step in job["steps"]]


def test_there_is_no_other_workflow(repo_root):
    assert sorted(file.stem for file in (repo_root / ".github/workflows").glob("*.y*ml")) == list(NAMES)


def test_every_action_is_pinned_by_hash_and_names_its_version(repo_root):
    lines = [
        line.strip("- ")
        for name in NAMES
        for line in (repo_root / f".github/workflows/{name}.yml").read_text().splitlines()
        if "uses:" in line
    ]

    assert lines
    assert [line for line in lines if not re.fullmatch(r"uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
    assert len({line.partition("@")[2] for line in lines}) == len({line.partition("@")[0] for line in lines})


def test_no_script_holds_an_expression(document):
    """It would be pasted into the script: a branch's name would be code."""
    assert [step["run"] for _, step in steps(document) if "${{" in step.get("run", "")] == []


def test_no_job_has_a_right_that_it_does_not_say(document):
    assert document["permissions"] == {}
    assert all(isinstance(job["permissions"], dict) for job in document["jobs"].values())


def test_only_these_jobs_may_write_on_github_and_none_of_them_has_a_secret(repo_root):
    writing = {
        f"{name}.{id}": right
        for name in NAMES
        for id, job in workflow(repo_root, name)["jobs"].items()
        for right, level in job["permissions"].items()
        if level == "write" and right != "id-token"
    }

    assert writing == {"plan.comment": "pull-requests", "drift.issue": "issues"}
    for place in writing:
        name, id = place.split(".")
        job = workflow(repo_root, name)["jobs"][id]
        assert "secrets." not in str(job)
        assert "environment" not in job
        assert "actions/checkout" not in str(job)


def test_a_job_with_secrets_stands_behind_a_github_environment(document):
    for job in document["jobs"].values():
        if "secrets." in str(job) or "id-token" in job["permissions"]:
            assert "environment" in job


def test_all_jobs_name_the_same_secrets(repo_root):
    """A customer whose key is missing in one of them would be read and never written, or the other way round."""
    named = [
        {name for name in step.get("env", {}) if "secrets." in step["env"][name]}
        for file in NAMES
        for _, step in steps(workflow(repo_root, file))
        if "deployer " in step.get("run", "") and "secrets." in str(step)
    ]

    assert len(named) == 5
    assert all(each == named[0] for each in named)


def test_deployer_is_installed_with_hashes_and_in_one_way(repo_root):
    scripts = {
        step["run"] for name in NAMES for _, step in steps(workflow(repo_root, name)) if step.get("name") == INSTALL
    }

    [script] = scripts
    assert "install --require-hashes --requirement requirements.lock\n" in script
    assert "install --no-deps --no-build-isolation .\n" in script


def test_an_apply_is_never_cancelled_and_never_beside_another(repo_root):
    job = workflow(repo_root, "apply")["jobs"]["apply"]

    assert job["concurrency"] == {"group": "apply-${{ matrix.environment }}", "cancel-in-progress": "false"}


def test_a_pull_request_runs_in_no_workflow_with_rights_of_the_base(repo_root):
    """Neither pull_request_target nor workflow_run, which hand secrets to what a stranger has sent."""
    events = {name: set(workflow(repo_root, name)["on"]) for name in NAMES}

    assert events == {
        "apply": {"push", "workflow_dispatch"},
        "check": {"pull_request"},
        "drift": {"schedule", "workflow_dispatch"},
        "plan": {"pull_request"},
    }
