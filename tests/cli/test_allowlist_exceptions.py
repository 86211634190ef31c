"""allowlist list, explain, add and remove of free-form exceptions: what no category covers, for single rules."""

from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.allowlist.checkout import Checkout
from deployer.allowlist.listing import listed
from deployer.report import allowlists as report
from tests.allowing import ACME
from tests.allowing import KQL
from tests.allowing import repository

Deployer = Callable[..., Any]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EXCEPTIONS = """\
exceptions:
  # the backups
  - rules: [both]
    kibana:
      - {field: process.name, operator: included, type: match, value: backup.exe}
    sentinel: {let: ExcludedProcesses, values: [backup.exe]}
    reason: Backup agent
    owner: jo@acme.example
    ticket: ACME-2
    expires: 2026-12-02
    reviewed: 2026-11-01
  - rules: [p*, both]   # two rules
    kibana:
      - {field: destination.ip, operator: included, type: match_any, value: [198.51.100.9, 198.51.100.128/25]}
      - {field: user.name, operator: excluded, type: match, value: guest}
    reason: Monitoring
    owner: ann@acme.example
  - rules: [plain]
    kibana:
      - {field: host.name, operator: included, type: wildcard, value: lab-*}
    reason: A lab
    owner: ann@acme.example
    expires: 2020-01-31
"""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The small repository, whose rule names two lets for exceptions; acme has none yet."""
    root = repository(tmp_path)
    lets = "let ExcludedProcesses = dynamic([]);\nlet ExcludedPorts = dynamic([22]);\n"
    used = "| where not(InitiatingProcessFileName in~ (ExcludedProcesses) or RemotePort in (ExcludedPorts))\n"
    (root / "rules/both/sentinel.kql").write_text(lets + KQL + used)
    file = root / "rules/both/rule.yaml"
    rule = yaml.safe_load(file.read_text())
    rule["sentinel"]["exceptions"] = ["ExcludedProcesses", "ExcludedPorts"]
    file.write_text(yaml.safe_dump(rule, sort_keys=False))
    return root


@pytest.fixture
def root(bare: Path) -> Path:
    acme(bare).write_text(ACME + EXCEPTIONS)
    return bare


def acme(root: Path) -> Path:
    return root / "environments/site/tenants/acme.yaml"


def test_exceptions_are_listed_apart_with_their_state(root: Path, golden, repo_root: Path) -> None:
    found, broken = listed(Checkout.of(root, "site").manifest, NOW)

    assert broken == ()
    golden(repo_root / "tests/cases/cli/allowlist-list-exceptions.txt", report.listing(found, broken))


def test_the_document_has_the_exceptions_beside_the_entries(root: Path, deployer: Deployer) -> None:
    acme, globex = deployer("allowlist", "list", "site", "--format", "json").json["tenants"]

    assert (len(acme["entries"]), globex["exceptions"]) == (5, [])
    assert [one["state"] for one in acme["exceptions"]][1:] == ["holds", "expired"]
    second = acme["exceptions"][1]
    assert (second["rules"], second["named_rules"]) == (["p*", "both"], ["both", "plain"])
    assert second["lets_through"] == (
        "destination.ip is one of 198.51.100.9, 198.51.100.128/25 and user.name is not guest"
    )
    assert (second["path"], second["line"]) == ("environments/site/tenants/acme.yaml", 55)


def test_entries_of_one_category_are_listed_without_a_word_that_there_were_no_exceptions(deployer: Deployer) -> None:
    arguments = ("allowlist", "list", "site", "--category", "names")

    assert deployer(*arguments, "--format", "json").json["tenants"][0]["exceptions"] is None
    assert "exception" not in deployer(*arguments).out
