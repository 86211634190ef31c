"""`pip install .` alone is enough for everything but the emulator."""

import json
import os
import subprocess
import sys

BLOCKER = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"flask", "werkzeug", "duckdb", "duckdb_kql", "quickjs"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from deployer.cli.main import main
main()
"""


def deployer(repo_root, root, *arguments):
    command = [sys.executable, "-c", BLOCKER, "--root", str(root), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=root)


def test_help_check_and_plan_against_a_url_need_no_extra(repo_root, site):
    helped = deployer(repo_root, site.root, "--help")
    checked = deployer(repo_root, site.root, "check", "site")
    planned = deployer(repo_root, site.root, "plan", "site")

    assert (helped.returncode, checked.returncode, planned.returncode) == (0, 0, 2), planned.stderr
    assert "4 targets: " in planned.stdout


def test_what_check_could_not_look_at_is_said_once(repo_root, site):
    (site.root / "rules/t1584.005-botnet-node/sentinel.kql").write_text("DeviceNetworkEvents | where Odd")
    checked = deployer(repo_root, site.root, "check", "demo", "--format", "json")
    document = json.loads(checked.stdout)

    assert [(one["severity"], one["message"]) for one in document["findings"] if one["code"] == "not-checked"] == [
        ("warning", "queries were not compiled and their fields not looked at: pip install '.[local]'")
    ]
    assert not any("Odd" in one["message"] for one in document["findings"])


def test_what_needs_the_extra_says_so(repo_root, root):
    for arguments in (("plan", "demo"), ("emulator", "serve", "--port", "0")):
        done = deployer(repo_root, root, *arguments)

        assert done.returncode == 1
        assert "pip install '.[local]'" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_rule_tests_say_so_too(repo_root):
    done = deployer(repo_root, repo_root / "tests/cases/rule-tests", "test")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: rule tests need their extra (duckdb): pip install '.[local]'\n"
