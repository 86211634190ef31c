"""Stands in for GitHub's command line: keeps comments, issues, runs and artifacts in a folder, and refuses whatever it
does not know, or the job has no permission for. `python gh.py FOLDER ARGUMENTS...`"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

REPOSITORY = "example/soc"
ME = "github-actions[bot]"
LONGEST = 65_536


class Refused(Exception):
    """What the real one would end with exit code 1 on, or nobody has taught this one yet."""


class GitHub:
    """The state, one JSON file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "github.json"
        self.state: dict[str, Any] = {"comments": [], "issues": [], "runs": [], "next": 1}
        if self._file.exists():
            self.state = json.loads(self._file.read_text())

    def save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self.state, indent=1))

    def number(self) -> int:
        self.state["next"] += 1
        return self.state["next"] - 1

    def artifacts(self, run: str) -> Path:
        return self.folder / "artifacts" / run

    # -- what is asked ----------------------------------------------------------------------------------------------

    def api(self, method: str, path: str, fields: dict[str, str]) -> object:
        parts = urlsplit(path)
        asked = parse_qs(parts.query)
        for pattern, verb, permission, answer in (
            (r"issues/(\d+)/comments", "GET", "pull-requests:read", self._comments),
            (r"issues/(\d+)/comments", "POST", "", self._comment),
            (r"issues/comments/(\d+)", "PATCH", "pull-requests:write", self._edit_comment),
            (r"issues", "GET", "issues:read", self._issues),
            (r"issues", "POST", "issues:write", self._open),
            (r"issues/(\d+)", "PATCH", "issues:write", self._edit),
            (r"actions/runs/(\d+)/artifacts", "GET", "actions:read", self._artifacts),
        ):
            match = re.fullmatch(f"repos/{REPOSITORY}/{pattern}", parts.path)
            if match and verb == method:
                require(permission)
                if len(fields.get("body", "")) > LONGEST:
                    raise Refused(f"HTTP 422: body is too long (maximum is {LONGEST} characters)")
                return answer(asked, fields, *match.groups())
        raise Refused(f"HTTP 404: {method} {path}")

    def _comments(self, asked, fields, number):
        return [one for one in self.state["comments"] if one["issue"] == int(number)]

    def _comment(self, asked, fields, number):
        issue = any(one["number"] == int(number) for one in self.state["issues"])
        require("issues:write" if issue else "pull-requests:write")
        made = {"id": self.number(), "issue": int(number), "user": {"login": ME}, "body": fields.pop("body")}
        self.state["comments"].append(made)
        return made

    def _edit_comment(self, asked, fields, id):
        [one] = [one for one in self.state["comments"] if one["id"] == int(id)]
        one["body"] = fields.pop("body")
        return one

    def _issues(self, asked, fields):
        return [one for one in self.state["issues"] if one["state"] == asked["state"][0]]

    def _open(self, asked, fields):
        made = {"number": self.number(), "user": {"login": ME}, "state": "open"}
        made |= {"title": fields.pop("title"), "body": fields.pop("body")}
        self.state["issues"].append(made)
        return made

    def _edit(self, asked, fields, number):
        [one] = [one for one in self.state["issues"] if one["number"] == int(number)]
        one |= {name: fields.pop(name) for name in ("body", "state") if name in fields}
        return one

    def _artifacts(self, asked, fields, run):
        names = sorted(one.name for one in self.artifacts(run).iterdir()) if self.artifacts(run).exists() else []
        return {"artifacts": [{"name": name, "expired": False} for name in names]}


def require(permission: str) -> None:
    """Refuse what the job's `permissions:` do not allow; a right to write is one to read."""
    if not os.environ.get("GH_TOKEN"):
        raise Refused("To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable.")
    if permission:
        name, _, level = permission.partition(":")
        given = json.loads(os.environ["FAKE_PERMISSIONS"]).get(name)
        if given not in {"write", level}:
            raise Refused(f"HTTP 403: Resource not accessible by integration ({permission})")


def jq(value: object, program: str) -> None:
    """Print what the real jq makes of it, as `gh --jq` does."""
    done = subprocess.run(["jq", "--raw-output", program], input=json.dumps(value), text=True, capture_output=True)
    if done.returncode:
        raise Refused(done.stderr)
    sys.stdout.write(done.stdout)


def api(github: GitHub, words: list[str]) -> None:
    """`gh api`."""
    parser = argparse.ArgumentParser("gh api", allow_abbrev=False, exit_on_error=False)
    parser.add_argument("path")
    parser.add_argument("--method", default="GET")
    parser.add_argument("--paginate", action="store_true")
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("--jq")
    parser.add_argument("--field", action="append", default=[])
    parser.add_argument("--raw-field", action="append", default=[])
    asked = parser.parse_args(words)
    fields = dict(one.split("=", 1) for one in asked.raw_field)
    for name, _, value in (one.partition("=") for one in asked.field):
        if not value.startswith("@"):
            raise Refused(f"--field {name} guesses what {value} is; use --raw-field")
        fields[name] = Path(value[1:]).read_text()
    answer = github.api(asked.method, asked.path, fields)
    if fields and asked.method != "GET":
        raise Refused(f"HTTP 422: {sorted(fields)} mean nothing here")
    if asked.jq:
        jq(answer, asked.jq)
    elif not asked.silent:
        sys.stdout.write(json.dumps(answer))


def run_list(github: GitHub, words: list[str]) -> None:
    """`gh run list`."""
    parser = argparse.ArgumentParser("gh run list", allow_abbrev=False, exit_on_error=False)
    for name in ("repo", "workflow", "branch", "event", "json", "jq"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--limit", type=int, required=True)
    asked = parser.parse_args(words)
    require("actions:read")
    wanted = {"workflow": asked.workflow, "branch": asked.branch, "event": asked.event}
    runs = [one for one in reversed(github.state["runs"]) if wanted.items() <= one.items()]
    if (asked.repo, asked.json) != (REPOSITORY, "databaseId"):
        raise Refused(f"gh run list of {asked.repo} {asked.json}")
    jq([{"databaseId": one["databaseId"]} for one in runs[: asked.limit]], asked.jq)


def run_download(github: GitHub, words: list[str]) -> None:
    """`gh run download`."""
    parser = argparse.ArgumentParser("gh run download", allow_abbrev=False, exit_on_error=False)
    parser.add_argument("run")
    for name in ("repo", "name", "dir"):
        parser.add_argument(f"--{name}", required=True)
    asked = parser.parse_args(words)
    require("actions:read")
    artifact = github.artifacts(asked.run) / asked.name
    if asked.repo != REPOSITORY or not artifact.is_dir():
        raise Refused("no artifact matches any of the names or patterns provided")
    shutil.copytree(artifact, asked.dir, dirs_exist_ok=True)


def main(folder: str, words: list[str]) -> int:
    """Do what is asked and keep what came of it."""
    github = GitHub(Path(folder))
    commands = {("api",): api, ("run", "list"): run_list, ("run", "download"): run_download}
    found = [name for name in commands if tuple(words[: len(name)]) == name]
    try:
        if not found:
            raise Refused(f"nobody has taught this one {words}")
        commands[found[0]](github, words[len(found[0]) :])
    except (Refused, argparse.ArgumentError, KeyError) as error:
        sys.stderr.write(f"gh: {error}\n")
        return 1
    github.save()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
