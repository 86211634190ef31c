"""A GitHub runner in small: the jobs of our workflows, step by step, in folders of this machine.

Steps that say `run:` are run as GitHub runs them, with bash. `uses:` of the few actions that we use is done here.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import yaml

from tests.workflows.expressions import condition
from tests.workflows.expressions import evaluate
from tests.workflows.expressions import resolved
from tests.workflows.gh import REPOSITORY
from tests.workflows.gh import GitHub

INSTALL = "Install deployer"
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")


def workflow(repo_root: Path, name: str) -> dict[str, Any]:
    """A workflow, every scalar as it is written."""
    return yaml.load((repo_root / f".github/workflows/{name}.yml").read_text(), yaml.BaseLoader)  # noqa: S506 - no tags


@dataclass
class Job:
    """What came of a job."""

    result: str
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)


@dataclass
class Runner:
    """Runs jobs of one repository; `event` is what has happened in it."""

    repo_root: Path
    deployer: Path
    """The command."""
    folder: Path
    secrets: Mapping[str, str]
    variables: Mapping[str, str]
    trees: dict[str, Path] = field(default_factory=dict)
    """What a checkout gives: `main`, and `` for what the event is about."""
    run_id: int = 100
    attempt: int = 1
    installed: bool = True
    """Whether deployer is to be found, once it has been installed."""
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What happens in the world before a job of that name starts, as while an approval is waited for."""

    def __post_init__(self) -> None:
        self.github = GitHub(self.folder / "github")
        self.github.save()

    def event(self, name: str, event: str, **about: Any) -> dict[str, Job]:
        """All jobs of a workflow, in the order in which they need each other. A matrix has one environment here."""
        document = workflow(self.repo_root, name)
        assert event in document["on"], f"{name} does not run on {event}"
        self.run_id += 1
        github = GitHub(self.folder / "github")
        github.state["runs"].append(
            {"databaseId": self.run_id, "workflow": f"{name}.yml", "branch": "main", "event": event}
        )
        github.save()
        done: dict[str, Job] = {}
        for id in document["jobs"]:
            self.before.pop(id, lambda: None)()
            done[id] = self._job(document, id, event, about, done)
        return done

    def comments(self) -> list[dict[str, Any]]:
        return GitHub(self.folder / "github").state["comments"]

    def issues(self) -> list[dict[str, Any]]:
        return GitHub(self.folder / "github").state["issues"]

    def artifact(self, name: str) -> Path:
        """What the last run has uploaded."""
        return self.github.artifacts(str(self.run_id)) / name

    def _job(self, document: Any, id: str, event: str, about: Any, done: dict[str, Job]) -> Job:
        job = document["jobs"][id]
        needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        context: dict[str, Any] = {
            "vars": self.variables,
            "secrets": self.secrets,
            "needs": {need: {"result": done[need].result, "outputs": done[need].outputs} for need in needs},
            "success": all(done[need].result == "success" for need in needs),
            "github": {
                "repository": REPOSITORY,
                "ref_name": "main",
                "token": "token-of-the-job",
                "run_attempt": str(self.attempt),
                "event": {"repository": {"default_branch": "main"}, **about},
            },
        }
        if "if" in job and not condition(job["if"], context):
            return Job("skipped", outputs=dict.fromkeys(job.get("outputs", {}), ""))
        if "strategy" in job:
            [environment] = evaluate(job["strategy"]["matrix"]["environment"][3:-2], context)
            context["matrix"] = {"environment": environment}
        resolved(job.get("name", ""), context)
        return _Run(self, document, job, context, event, self.folder / f"run-{self.run_id}-{id}").all()


class _Run:
    """One job."""

    def __init__(self, runner: Runner, document: Any, job: Any, context: Any, event: str, folder: Path) -> None:
        self.runner = runner
        self.job = job
        self.context = context
        self.workspace = folder / "workspace"
        self.temporary = folder / "temp"
        for each in (self.workspace, self.temporary):
            each.mkdir(parents=True)
        self.shell = document.get("defaults", {}).get("run", {}).get("shell")
        self.context["github"]["workspace"] = str(self.workspace)
        self.context["steps"] = {}
        self.context["success"] = True
        self.event = event
        self.result = Job("success")

    def all(self) -> Job:
        for step in self.job["steps"]:
            wanted = condition(step.get("if", "success()"), self.context)
            name = step.get("name") or step.get("uses", "").partition("@")[0] or step["run"]
            outcome = "skipped"
            outputs: dict[str, str] = {}
            if wanted:
                self.result.ran.append(name)
                good, outputs = self._step(step, name)
                outcome = "success" if good else "failure"
                if not good:
                    self.context["success"] = False
                    self.result.result = "failure"
            if "id" in step:
                self.context["steps"][step["id"]] = {"outcome": outcome, "outputs": outputs}
        for name, value in self.job.get("outputs", {}).items():
            self.result.outputs[name] = resolved(value, self.context) if self.context["success"] else ""
        return self.result

    def _step(self, step: Any, name: str) -> tuple[bool, dict[str, str]]:
        if "uses" in step:
            given = {key: resolved(value, self.context) for key, value in step.get("with", {}).items()}
            return self._action(step["uses"].partition("@")[0], given), {}
        return (True, {}) if name == INSTALL else self._bash(step)

    def _action(self, action: str, given: dict[str, str]) -> bool:
        match action:
            case "actions/setup-python":
                pass
            case "actions/checkout":
                assert given["persist-credentials"] == "false"
                tree = self.runner.trees[given.get("ref", "")]
                shutil.copytree(tree, self.workspace / given.get("path", "."), dirs_exist_ok=True, symlinks=True)
            case "actions/upload-artifact":
                return self._upload(given)
            case "actions/download-artifact":
                kept = self.runner.artifact(given["name"])
                self.result.log += "" if kept.is_dir() else f"Artifact not found for name: {given['name']}\n"
                if kept.is_dir():
                    shutil.copytree(kept, self.workspace, dirs_exist_ok=True)
                return kept.is_dir()
            case _:
                raise AssertionError(f"nobody has taught the runner {action}")
        return True

    def _upload(self, given: dict[str, str]) -> bool:
        assert re.fullmatch(r"[\w.-]+", given["name"])
        found = [self.workspace / path for path in given["path"].split("\n") if path]
        files = [one for path in found for one in ([path] if path.is_file() else sorted(path.rglob("*")))]
        if not files:
            return given.get("if-no-files-found") != "error"
        folder = self.runner.artifact(given["name"])
        assert given.get("overwrite") == "true" or not folder.exists(), f"an artifact {folder.name} exists"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in files:
            shutil.copy(file, folder)
        return True

    def _bash(self, step: Any) -> tuple[bool, dict[str, str]]:
        assert self.shell == "bash", "without it GitHub leaves pipefail out"
        assert "${{" not in step["run"], "an expression in a script is code"
        script, output, summary = (self.temporary / name for name in ("step.sh", "output", "summary"))
        script.write_text(step["run"])
        for file in (output, summary):
            file.write_text("")
        environment = {
            "PATH": f"{self._tools()}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(self.temporary),
            "RUNNER_TEMP": str(self.temporary),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_PATH": str(self.temporary / "path"),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_RUN_ID": str(self.runner.run_id),
            "GITHUB_RUN_ATTEMPT": str(self.runner.attempt),
            "FAKE_PERMISSIONS": json.dumps(self.job["permissions"]),
            **{name: resolved(value, self.context) for name, value in step.get("env", {}).items()},
        }
        done = subprocess.run(
            [*BASH, str(script)],
            cwd=self.workspace,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        self.result.log += done.stdout
        self.result.summary += summary.read_text()
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return done.returncode == 0, outputs

    def _tools(self) -> Path:
        """`deployer` of this tree, and `gh`."""
        folder = self.temporary / "bin"
        folder.mkdir(exist_ok=True)
        root = self.runner.repo_root
        state = self.runner.github.folder
        gh = root / "tests/workflows/gh.py"
        for name, line in (("deployer", str(self.runner.deployer)), ("gh", f"{sys.executable} -S {gh} {state}")):
            if name == "deployer" and not self.runner.installed:
                continue
            tool = folder / name
            tool.write_text(f'#!/bin/sh\nexec {line} "$@"\n')
            tool.chmod(0o755)
        return folder
