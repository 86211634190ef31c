"""The night that the README tells of, as it is written there: a colleague edits, drift says so, pull takes it over."""

import os
import re
import shutil
import socket
import subprocess
import sys


def script(repo_root, port):
    """The commands of the README, with another port and this checkout's deployer."""
    text = (repo_root / "README.md").read_text()
    (block,) = re.findall(r"<!-- night -->\n```\n(.*?)```", text, re.DOTALL)
    return "\n".join(
        [
            "set -u",
            "trap 'kill $(jobs -p) 2> /dev/null' EXIT",
            re.sub(
                r"(\.venv/bin/deployer (drift|pull|plan).*)",
                r"echo '$ \2'; \1; echo exit $?",
                block.replace("sleep 3", f"until curl -s 127.0.0.1:{port} > /dev/null; do sleep 0.2; done"),
            )
            .replace("5601", str(port))
            .replace(".venv/bin/deployer", f"{sys.executable} -m deployer"),
        ]
    )


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_a_colleague_edits_a_threshold_and_the_morning_says_who_when_and_which_field(deployer, root, repo_root):
    shutil.copy(root / "environments/demo/tenants/acme.yaml", root / "before.yaml")
    assert deployer("apply", "demo", "--yes").code == 0

    ran = subprocess.run(
        ["bash", "-c", script(repo_root, free_port())], cwd=root, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(repo_root)}, check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    drift, pull, plan = re.split(r"^\$ (?:drift|pull|plan)$", ran.stdout, flags=re.MULTILINE)[1:]
    assert "rule/t1584.005-botnet-node has been changed in the target, Git has not" in drift
    assert re.search(r"^      by jo, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$", drift, re.MULTILINE)
    assert "      threshold.value\n        Git     40\n        target  15\n" in drift
    assert drift.rstrip().endswith("exit 2")
    assert pull.rstrip().endswith("exit 0")
    assert "acme/kibana: no changes. It matches Git" in plan
    assert plan.rstrip().endswith("exit 0")
    before = (root / "before.yaml").read_text()
    after = (root / "environments/demo/tenants/acme.yaml").read_text()
    assert after == before.replace("threshold: {value: 40}", "threshold: {value: 15}")
