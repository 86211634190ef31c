"""What an import costs, and that it reaches for nothing."""

import subprocess
import sys
from pathlib import Path

HEAVY = {"azure", "elasticsearch", "duckdb", "flask", "jsonschema", "lark", "requests", "rich"}

IMPORT_EVERY_VERB = """
import sys
from deployer.cli.main import VERBS
from deployer.cli.main import verb
for name in VERBS:
    verb(name)
print(*sys.modules)
"""

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys

def refuse(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen"}:
        raise SystemExit(f"{event} {arguments[1:]} while importing")

sys.addaudithook(refuse)
import deployer
for module in pkgutil.walk_packages(deployer.__path__, "deployer."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


def test_help_is_shown_without_the_heavy_imports(repo_root: Path) -> None:
    """25 ms of click, and not 40 to 200 ms for each of these."""
    words = [sys.executable, "-X", "importtime", "-m", "deployer", "--help"]
    done = subprocess.run(words, cwd=repo_root, capture_output=True, text=True, check=False)
    cost = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    said = [line for line in done.stderr.splitlines() if line not in cost]
    assert (done.returncode, said) == (0, [])

    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in cost}

    assert "click" in imported
    assert sorted(imported & HEAVY) == []

    ours = {line.rpartition("|")[2].strip() for line in cost if "deployer" in line}
    assert sorted(ours) == ["deployer", "deployer.cli", "deployer.cli.main"]


def test_help_and_completion_of_a_verb_need_nothing_but_the_command_line(repo_root: Path) -> None:
    """What a verb works with is imported once it runs."""
    words = [sys.executable, "-c", IMPORT_EVERY_VERB]
    done = subprocess.run(words, cwd=repo_root, capture_output=True, text=True, check=True)
    imported = done.stdout.split()

    assert sorted({name.partition(".")[0] for name in imported} & HEAVY) == []
    inside = {name.split(".")[1] for name in imported if name.startswith("deployer.")}
    assert inside == {"cli"}


def test_no_module_reaches_for_anything_when_imported(repo_root: Path) -> None:
    """Neither the network nor another program."""
    words = [sys.executable, "-W", "error", "-c", IMPORT_EVERYTHING]
    done = subprocess.run(words, cwd=repo_root, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
