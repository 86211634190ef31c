"""The customer that the README tells of, as it is written there: noise, two entries, the attack alone, and the day
after one of them has ended. `pytest --update-golden` rewrites what the README shows of it."""

import os
import re
import subprocess
from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest

SHOWN = re.compile(r"<!-- story: (\w+) -->\n(.*?)<!-- end -->", re.DOTALL)
DAYS = {0: "2026-11-21", -1: "2026-11-20", 90: "2027-02-19", 100: "2027-03-01"}
"""What the README calls a day, by its distance from today."""


@pytest.fixture(scope="module")
def told(repo_root, deployer_command, tmp_path_factory):
    """What each command of the story prints, with its exit code, by the command as a reader sees it, in order."""
    readme = (repo_root / "README.md").read_text()
    blocks = re.findall(r"<!-- tuning -->\n```\n(.*?)```", readme, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").replace("D=.venv/bin/deployer", f"D={deployer_command}")
    script = [
        f"cp -r {repo_root}/rules {repo_root}/environments .",
        "git init -q .",
        "git add -A",
        "git commit -qm All",
    ]
    for line in lines.splitlines():
        script += [f'printf "\\n\\$ %s\\n" "{_seen(line)}"', line, 'echo "exit $?"'] if "$D " in line else [line]
    who = [f"GIT_{role}_{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
    ran = subprocess.run(
        ["bash", "-uc", "\n".join(script)], cwd=tmp_path_factory.mktemp("story"), capture_output=True, text=True,
        timeout=400, check=False,
        env={**os.environ, **dict.fromkeys(who, "jo@initech.example"), "COLUMNS": "100"},
    )  # fmt: skip
    commands = re.split(r"^\$ (.*)\n", _dated(ran.stdout), flags=re.MULTILINE)[1:]
    assert commands, ran.stderr
    return [
        (re.sub(" +", " ", name), *text.rstrip().rpartition("\nexit ")[::2])
        for name, text in zip(commands[::2], commands[1::2], strict=True)
    ]


def _seen(line):
    """The command for a double-quoted word of the shell."""
    return line.replace("$D ", "deployer ").replace('"', '\\"')


def _dated(text):
    today = datetime.now(UTC).date()
    known = {(today + timedelta(days=distance)).isoformat(): name for distance, name in DAYS.items()}
    return re.sub("|".join(known), lambda found: known[found[0]], text)


def _printed(told, verb):
    return [(name, text) for name, text, _ in told if f"deployer {verb}" in name]


def _hosts(report, mark):
    """Who stands in the lines of a mark, in order."""
    lines = [line for line in report.splitlines() if line.startswith(f"    {mark} ")]
    return [re.findall(r"web-1|lt-7|ws-3", line)[0] for line in lines]


def test_the_attack_alone_is_left_and_an_entry_that_ends_gives_its_alert_back(told):
    (_, noisy), (_, tuned) = _printed(told, "backtest")
    (_, first), (_, later) = _printed(told, "emulator rehearse")

    assert [(name, code) for name, _, code in told if code != "0"] == []
    assert [verb for name, _, _ in told if (verb := name.split()[1]) in ("allowlist", "apply", "verify")] == [
        "apply", "allowlist", "allowlist", "apply", "verify",
    ]  # fmt: skip
    assert set(_hosts(noisy, "!")) == {"web-1", "lt-7", "ws-3"}
    assert _hosts(tuned, "!") == ["ws-3", "ws-3"]
    assert _hosts(first, "!") == ["lt-7", "web-1", "ws-3"] * 2
    assert (_hosts(later, "!"), _hosts(later, ".")) == (["web-1", "ws-3"] * 2, ["lt-7"] * 2)


def test_the_readme_shows_what_the_commands_print(told, repo_root, request):
    shown = [*_printed(told, "backtest"), _printed(told, "emulator rehearse")[-1]]
    blocks = {
        name: "\n".join(["```", f"$ {command}", text.rstrip(), "```", ""])
        for name, (command, text) in zip(("noisy", "tuned", "later"), shown, strict=True)
    }
    readme = repo_root / "README.md"
    text = readme.read_text()
    if request.config.getoption("--update-golden"):
        text = SHOWN.sub(lambda match: f"<!-- story: {match[1]} -->\n{blocks[match[1]]}<!-- end -->", text)
        readme.write_text(text)

    assert dict(SHOWN.findall(text)) == blocks
