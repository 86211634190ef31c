"""allowlist list, explain, add and remove of free-form exceptions: what no category covers, for single rules."""

from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.allowlist.answers import Question
from deployer.allowlist.checkout import Checkout
from deployer.allowlist.explain import explain
from deployer.allowlist.listing import listed
from deployer.report import allowlists as report
from deployer.report import explained
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


QUESTIONS = {
    "an address of an exception": Question("198.51.100.9"),
    "a range, a part of it": Question("198.51.100.0/24", rules=("plain",)),
    "a process": Question("backup.exe"),
    "a process in other capitals": Question("Backup.exe", rules=("both",)),
    "an address by an excepted process": Question("192.0.2.200", process="backup.exe", rules=("both",)),
    "an address by another process": Question("192.0.2.200", process="other.exe", rules=("both",)),
    "on a host of an exception that has expired": Question("192.0.2.200", host="lab-7", rules=("plain",)),
}


def test_every_kind_of_answer_about_exceptions(root: Path, golden, repo_root: Path) -> None:
    checkout = Checkout.of(root, "site")

    told = [f"# {name}\n{explained.text(explain(checkout, 'acme', one, NOW))}" for name, one in QUESTIONS.items()]

    golden(repo_root / "tests/cases/cli/allowlist-explain-exceptions.txt", "\n".join(told))


def kibana(*conditions: tuple[str, str, str, Any]) -> str:
    """An exception of the rule `both` with conditions: field, operator, type, value."""
    names = ("field", "operator", "type", "value")
    found = [{k: v for k, v in zip(names, one, strict=True) if v is not None} for one in conditions]
    return yaml.safe_dump({"exceptions": [{"rules": ["both"], "kibana": found, "reason": "E", "owner": "ann"}]})


ASKED = Question("203.0.113.9", "ws-1", "a.exe", 443)
JUDGED = {
    "the address": (("destination.ip", "included", "match", "203.0.113.9"), True, ()),
    "a range": (("destination.ip", "included", "match", "203.0.113.0/24"), True, ()),
    "another address": (("destination.ip", "included", "match", "203.0.113.8"), False, ()),
    "all others": (("destination.ip", "excluded", "match", "203.0.113.8"), True, ()),
    "all but it": (("destination.ip", "excluded", "match_any", ["203.0.113.0/24"]), False, ()),
    "the other end": (("source.ip", "included", "match", "10.1.2.3"), True, ("source.ip is 10.1.2.3",)),
    "at the other end": (("source.ip", "included", "match", "203.0.113.9"), True, ()),
    "the host": (("host.name", "included", "wildcard", "ws-?"), True, ()),
    "a host like another": (("host.name", "included", "wildcard", "ws-[1]"), False, ()),
    "the port": (("destination.port", "included", "match", "443"), True, ()),
    "capitals": (("process.name", "included", "match", "A.EXE"), False, ()),
    "any process": (("process.name", "included", "exists", None), True, ()),
    "no process": (("process.name", "excluded", "exists", None), False, ()),
    "nobody asked": (("user.name", "included", "match_any", ["a", "b"]), True, ("user.name is one of a, b",)),
    "not for whom": (("user.name", "excluded", "match", "a"), True, ("user.name is not a",)),
    "who, as a wildcard": (("user.name", "excluded", "wildcard", "a*"), True, ("user.name is not like a*",)),
    "a field that is near": (("process.name.caseless", "included", "match", "a.exe"), True,
                             ("process.name.caseless is a.exe",)),
}  # fmt: skip


@pytest.mark.parametrize("case", JUDGED)
def test_a_condition_is_judged_only_by_what_was_asked(case: str, bare: Path) -> None:
    condition, allows, limits = JUDGED[case]
    # Beside one that holds, so that none is left out for having nothing to do with the question.
    acme(bare).write_text(ACME + kibana(("host.name", "included", "match", "ws-1"), condition))

    [one] = explain(Checkout.of(bare, "site"), "acme", ASKED, NOW).exceptions

    assert (one.allows, one.limits) == (allows, limits)


def test_the_document_says_yes_no_or_that_only_the_query_knows(root: Path, deployer: Deployer) -> None:
    acme(root).write_text(acme(root).read_text().replace("2026-12-02", "2099-12-02"))
    asked = ("192.0.2.200", "--process", "backup.exe", "--rule", "both", "--format", "json")

    done = deployer("allowlist", "explain", "site", "--tenant", "acme", *asked)

    assert [(one["platform"], one["allows"], one["only"], one["among"]) for one in done.json["exceptions"]] == [
        ("kibana", True, [], []),
        ("sentinel", None, [], ["backup.exe is among them"]),
    ]
    assert all(one["target"] != "kibana" for one in done.json["not_allowed"])
    assert done.json["notes"] == ["1 exception of these rules is for something else."]
