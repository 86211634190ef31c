"""The generated parts of the README are what the program says today. `pytest --update-golden` rewrites them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.emulator import Emulator

BLOCK = re.compile(r"<!-- begin: (\w+) -->\n(.*?)<!-- end -->", re.DOTALL)


@pytest.fixture(scope="module")
def blocks(repo_root: Path, deployer_command: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("readme")
    for folder in ("rules", "environments"):
        shutil.copytree(repo_root / folder, root / folder)
    plan = _console(deployer_command, root, "plan", "demo", "--tenant", "globex", "--rule", "t1584.005-botnet-node")
    _console(deployer_command, root, "apply", "demo", "--yes")
    rehearsal = _console(deployer_command, root, "emulator", "rehearse", "demo")
    _edit_by_hand(root)
    return {
        "rehearsal": _part(rehearsal, "acme/sentinel", "  t1584.005-botnet-node"),
        "plan": plan,
        "drift": re.sub(
            r"by jo, \d{4}-.* UTC",
            "by jo, 2026-11-21 02:14:07 UTC",
            _console(deployer_command, root, "drift", "demo", "--tenant", "acme"),
        ),
        "pull": _console(deployer_command, root, "pull", "demo", "--tenant", "acme", "--rule", "t1584.005-botnet-node"),
        "help": _console(deployer_command, root, "--help"),
        "rules": _rules(repo_root),
        "deviations": _deviations(repo_root),
    }


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("README.md", "rehearsal"),
        ("README.md", "plan"),
        ("README.md", "drift"),
        ("README.md", "pull"),
        ("README.md", "rules"),
        ("README.md", "help"),
        ("rules/README.md", "deviations"),
    ],
)
def test_a_generated_part_is_up_to_date(file, name, blocks, repo_root, request):
    readme = repo_root / file
    text = readme.read_text()
    if request.config.getoption("--update-golden"):
        text = BLOCK.sub(lambda match: f"<!-- begin: {match[1]} -->\n{blocks[match[1]]}<!-- end -->", text)
        readme.write_text(text)

    assert dict(BLOCK.findall(text))[name] == blocks[name]


@pytest.mark.parametrize("file", ["README.md", "environments/README.md"])
def test_every_command_of_the_readme_exists(file, repo_root):
    text = (repo_root / file).read_text()
    verbs = set(re.findall(r"deployer ([a-z]+) ", text)) - {"is", "keeps"}

    helped = subprocess.run(
        [sys.executable, "-m", "deployer", "--help"], capture_output=True, text=True, check=True, cwd=repo_root
    )
    for verb in verbs:
        assert re.search(rf"^  {verb} ", helped.stdout, re.MULTILINE), verb


def _console(deployer_command: Path, root: Path, *arguments: str) -> str:
    """A command and what it prints, as a code block."""
    environment = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(
        [deployer_command, *arguments], capture_output=True, text=True, cwd=root, env=environment, check=False
    )
    assert done.returncode in (0, 2), done.stderr
    return f"```\n$ deployer {' '.join(arguments)}\n{done.stdout.rstrip()}\n```\n"


def _part(console: str, target: str, rule: str) -> str:
    """The command, and of its report what one rule did in one target."""
    command, _, report = console.removeprefix("```\n").partition("\n")
    of_target = report.split(f"{target}\n")[1].split("\n\n")[0].split("\n")
    first = next(number for number, line in enumerate(of_target) if line.startswith(f"{rule}:"))
    lines = [of_target[first]]
    for line in of_target[first + 1 :]:
        if not line.startswith("    "):
            break
        lines.append(line)
    return "\n".join(["```", command, "...", target, *lines, "...", "```", ""])


def _edit_by_hand(root: Path) -> None:
    import requests

    with Emulator(root / ".deployer/emulator") as emulator:
        answer = requests.patch(
            f"{emulator.url}/kibana/s/acme/api/detection_engine/rules",
            json={"rule_id": "t1584.005-botnet-node", "threshold": _lowered(emulator)},
            auth=("jo", "pw"),
            headers={"kbn-xsrf": "x"},
            timeout=10,
        )
        assert answer.ok, answer.text


def _lowered(emulator: Emulator) -> Any:
    """The rule's threshold as it is, but for a lower number."""
    import requests

    rule = requests.get(
        f"{emulator.url}/kibana/s/acme/api/detection_engine/rules",
        params={"rule_id": "t1584.005-botnet-node"},
        auth=("jo", "pw"),
        timeout=10,
    ).json()
    return {**rule["threshold"], "value": 15}


def _documents(repo_root: Path) -> list[dict]:
    return [yaml.safe_load(path.read_text()) for path in sorted((repo_root / "rules").glob("*/rule.yaml"))]


def _rules(repo_root: Path) -> str:
    lines = ["| rule | platforms | severity, confidence | honours |", "|---|---|---|---|"]
    for rule in _documents(repo_root):
        platforms = ", ".join(name for name in ("kibana", "sentinel") if name in rule)
        platforms += "; hunting, disabled" if rule.get("purpose") == "hunting" else ""
        lists = ", ".join(rule["allowlists"])
        lines.append(
            f"| `{rule['id']}`: {rule['name']} | {platforms} | {rule['severity']}, {rule['confidence']} | {lists} |"
        )
    return "\n".join(lines) + "\n"


def _deviations(repo_root: Path) -> str:
    lines: list[str] = []
    for rule in _documents(repo_root):
        lines += [f"**{rule['id']}**, from: {rule['source']}", ""]
        lines += [f"- {_line(one['what'])} *{_line(one['why'])}*" for one in rule["deviations"]]
        lines.append("")
    return "\n".join(lines)


def _line(text: str) -> str:
    return " ".join(text.split())
