"""A journal that is not one, or is of a later version, is said to be so: no report is lost, and no traceback shown."""

import json

import pytest

from tests.cli.test_rollback import runs
from tests.cli.test_rollback import small  # noqa: F401 - a fixture

SETTLED = {
    "schema": "deployer-journal/1", "environment": "site", "at": "2026-01-01T00:00:00Z", "tenant": "acme",
    "target": "kibana", "phase": "settled", "run": "x", "owned": [],
}  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        [],
        7,
        {name: SETTLED[name] for name in ("schema", "environment", "at")},
        {**SETTLED, "at": "yesterday"},
        {**SETTLED, "owned": [["saved_search", "x"]]},
        {**SETTLED, "at": None, "owned": 3},
    ],
    ids=str,
)
def test_drift_says_which_journal_is_damaged(deployer, small, line):  # noqa: F811
    deployer("apply", "site")
    file = small.root / f".deployer/journal/{runs(small)[-1]}.jsonl"
    file.write_text(json.dumps(line) + "\n")

    run = deployer("drift", "site", "--format", "markdown")

    assert run.code == 1
    assert run.out.startswith("<!-- deployer:drift:site -->")
    assert file.name in run.out
    assert "Traceback" not in run.err


def test_phases_of_later_versions_are_skipped(deployer, small):  # noqa: F811
    deployer("apply", "site")
    file = small.root / f".deployer/journal/{runs(small)[-1]}.jsonl"
    line = {**SETTLED, "at": "2099-01-01T00:00:00Z", "phase": "thought"}
    file.write_text(f"{file.read_text()}{json.dumps(line)}\n")

    assert deployer("drift", "site").code == 0
