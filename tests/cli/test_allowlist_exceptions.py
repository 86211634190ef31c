"""allowlist list, explain, add and remove of free-form exceptions: what no category covers, for single rules."""

import json
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
from deployer.manifest.overlay import assign
from deployer.providers.codecs import encode
from deployer.report import allowlists as report
from deployer.report import explained
from deployer.state import Kind
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
def root(tmp_path: Path) -> Path:
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
def excepting(root: Path) -> Path:
    acme(root).write_text(ACME + EXCEPTIONS)
    return root


def acme(root: Path) -> Path:
    return root / "environments/site/tenants/acme.yaml"


def test_exceptions_are_listed_apart_with_their_state(excepting: Path, golden, repo_root: Path) -> None:
    found, broken = listed(Checkout.of(excepting, "site").manifest, NOW)

    assert broken == ()
    golden(repo_root / "tests/cases/cli/allowlist-list-exceptions.txt", report.listing(found, broken))


def test_the_document_has_the_exceptions_beside_the_entries(excepting: Path, deployer: Deployer) -> None:
    acme, globex = deployer("allowlist", "list", "site", "--format", "json").json["tenants"]

    assert (len(acme["entries"]), globex["exceptions"]) == (5, [])
    assert [one["state"] for one in acme["exceptions"]][1:] == ["holds", "expired"]
    second = acme["exceptions"][1]
    assert (second["rules"], second["named_rules"]) == (["p*", "both"], ["both", "plain"])
    assert second["lets_through"] == (
        "destination.ip is one of 198.51.100.9, 198.51.100.128/25 and user.name is not guest"
    )
    assert (second["path"], second["line"]) == ("environments/site/tenants/acme.yaml", 55)


@pytest.mark.usefixtures("excepting")
def test_entries_of_one_category_are_listed_without_a_word_on_exceptions(deployer: Deployer) -> None:
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


def test_every_kind_of_answer_about_exceptions(excepting: Path, golden, repo_root: Path) -> None:
    checkout = Checkout.of(excepting, "site")

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
    "IPv4 within IPv6": (("destination.ip", "included", "match", "::ffff:203.0.113.9"), True, ()),
    "another address": (("destination.ip", "included", "match", "203.0.113.8"), False, ()),
    "all others": (("destination.ip", "excluded", "match", "203.0.113.8"), True, ()),
    "all but it": (("destination.ip", "excluded", "match_any", ["203.0.113.0/24"]), False, ()),
    "the other end": (("source.ip", "included", "match", "10.1.2.3"), True, ("source.ip is 10.1.2.3",)),
    "at the other end": (("source.ip", "included", "match", "203.0.113.9"), True, ()),
    "the host": (("host.name", "included", "wildcard", "ws-?"), True, ()),
    "a host like another": (("host.name", "included", "wildcard", "ws-[1]"), False, ()),
    "like a port": (("destination.port", "included", "wildcard", "4*"), True, ("destination.port is like 4*",)),
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
def test_a_condition_is_judged_only_by_what_was_asked(case: str, root: Path) -> None:
    condition, allows, limits = JUDGED[case]
    # Beside one that holds, so that none is left out for having nothing to do with the question.
    acme(root).write_text(ACME + kibana(("host.name", "included", "match", "ws-1"), condition))

    [one] = explain(Checkout.of(root, "site"), "acme", ASKED, NOW).exceptions

    assert (one.allows, one.limits) == (allows, limits)


def test_of_two_exceptions_on_the_same_conditions_the_longer_holds(root: Path) -> None:
    own = yaml.safe_load(kibana(("host.name", "included", "match", "ws-1")))["exceptions"][0]
    short = {**own, "rules": ["b*"], "expires": "2020-01-31"}
    acme(root).write_text(ACME + f"exceptions: {json.dumps([own, short])}\n")
    manifest = Checkout.of(root, "site").manifest
    [tenant] = [one for one in manifest.tenants if one.name == "acme"]

    desired = encode(assign(manifest, tenant, tenant.targets[0]))

    [item] = [one for one in desired.resources.values() if one.body.get("list_id") == "deployer-exceptions-both"
              and one.key.kind is Kind.ITEM]  # fmt: skip
    assert "expire_time" not in item.body


def test_the_document_says_yes_no_or_that_only_the_query_knows(excepting: Path, deployer: Deployer) -> None:
    acme(excepting).write_text(acme(excepting).read_text().replace("2026-12-02", "2099-12-02"))
    asked = ("192.0.2.200", "--process", "backup.exe", "--rule", "both", "--format", "json")

    done = deployer("allowlist", "explain", "site", "--tenant", "acme", *asked)

    assert [(one["platform"], one["allows"], one["only"], one["among"]) for one in done.json["exceptions"]] == [
        ("kibana", True, [], []),
        ("sentinel", None, [], ["backup.exe is among them"]),
    ]
    assert all(one["target"] != "kibana" for one in done.json["not_allowed"])
    assert done.json["notes"] == ["1 exception of these rules is for something else."]


WORDS = ("--reason", "Backups", "--owner", "jo@acme.example")
BACKUP = ("--field", "process.name=backup.exe", "--let", "ExcludedProcesses=backup.exe")


def added(deployer: Deployer, *arguments: str) -> Any:
    return deployer("allowlist", "add", "site", "--tenant", "acme", *arguments)


def removed(deployer: Deployer, *arguments: str) -> Any:
    return deployer("allowlist", "remove", "site", "--tenant", "acme", *arguments)


def test_an_exception_is_added_and_nothing_else_is_touched(
    root: Path, deployer: Deployer, golden, repo_root: Path
) -> None:
    more = ("--ticket", "ACME-7", "--expires", "2098-01-31", "--reviewed", "2026-11-02")
    fields = ("--field", "destination.ip=198.51.100.9", "--field", "destination.ip=198.51.100.128/25")

    first = added(deployer, "--rule", "both", "--rule", "pl*", *BACKUP, *fields, *WORDS, *more)
    second = added(deployer, "--rule", "both", "--let", "ExcludedPorts=8080", *WORDS)

    assert (first.code, first.err, second.code) == (0, "", 0)
    golden(repo_root / "tests/cases/cli/allowlist-add-exception.txt", first.out)
    assert acme(root).read_text() == ACME + (
        """\
exceptions:
  - rules: [both, pl*]
    kibana:
      - field: process.name
        operator: included
        type: match
        value: backup.exe
      - field: destination.ip
        operator: included
        type: match_any
        value: [198.51.100.9, 198.51.100.128/25]
    sentinel:
      let: ExcludedProcesses
      values: [backup.exe]
    reason: Backups
    owner: jo@acme.example
    ticket: ACME-7
    expires: 2098-01-31
    reviewed: 2026-11-02
  - rules: [both]
    sentinel:
      let: ExcludedPorts
      values: [8080]
    reason: Backups
    owner: jo@acme.example
"""
    )


def test_what_an_exception_is_added_for_comes_true(root: Path, deployer: Deployer) -> None:
    added(deployer, "--rule", "both", *BACKUP, *WORDS)

    asked = ("backup.exe", "--rule", "both", "--format", "json")
    told = deployer("allowlist", "explain", "site", "--tenant", "acme", *asked).json["exceptions"]
    objects = deployer("show", "site", "--tenant", "acme", "--format", "json").json["targets"][0]["objects"]

    [item] = [one for one in objects if one["kind"] == "item" and one["body"]["name"] == "process.name backup.exe"]
    assert [one["targets"][0]["becomes"] for one in told] == [
        f"the item {item['id']} of the list deployer-exceptions-both",
        "values of `let ExcludedProcesses` in the query",
    ]


def test_a_dry_run_of_an_exception_writes_nothing(root: Path, deployer: Deployer) -> None:
    done = added(deployer, "--rule", "both", *BACKUP, *WORDS, "--dry-run")

    assert (done.code, acme(root).read_text()) == (0, ACME)
    assert (
        "acme: the exception process.name is backup.exe; backup.exe in let ExcludedProcesses would be added" in done.out
    )


REFUSED = {
    "no rule": (("--rule", "bot", *BACKUP), "x --rule: 'bot' matches no rule that comes here; did you mean 'both'?"),
    "no let": (("--rule", "both", "--let", "Excluded=a"), "x --let: no rule of it names `let Excluded`"),
    "a let of no rule": (("--rule", "plain", "--let", "ExcludedPorts=22"), "x --let: "),
    "everything": (("--rule", "both", "--field", "host.name=*"), "x --field: '*' holds for every value"),
    "nearly every address": (("--rule", "both", "--field", "source.ip=0.0.0.0/1"), "x --field: '0.0.0.0/1' is nearly"),
    "a text among numbers": (("--rule", "both", "--let", 'ExcludedPorts="80"'), "texts and numbers"),
    "no text": (("--rule", "both", "--field", "host.name=a\udcff"), "x --field: 'a\\udcff' is no text in UTF-8"),
    "both sorts": (("--rule", "both", "--let", "ExcludedPorts=80", "--let", "ExcludedPorts=a"), "x --let: "),
    "over": (("--rule", "both", *BACKUP, "--expires", "2020-01-01"), "x --expires: 2020-01-01 is over"),
    "two lines": (("--rule", "both", *BACKUP, "--ticket", "a\nb"), "x --ticket: "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_exception_that_would_be_wrong_is_refused_with_the_option_to_mend(
    case: str, root: Path, deployer: Deployer
) -> None:
    arguments, said = REFUSED[case]

    done = added(deployer, *arguments, *WORDS)

    assert (done.code, done.err, acme(root).read_text()) == (1, "", ACME), done.out
    assert done.out.startswith("acme: nothing was written\n")
    assert said in done.out


def test_the_policy_holds_for_an_exception_and_names_the_options(root: Path, deployer: Deployer) -> None:
    policy = "{require: [ticket, expires], widest: {ipv4: 24}}"
    (root / "environments/site/environment.yaml").write_text(f"owner: soc\nallowlists: {{policy: {policy}}}\n")
    acme(root).write_text(ACME.partition("allowlists:")[0])
    (root / "environments/site/tenants/globex.yaml").unlink()

    done = added(deployer, "--rule", "both", "--field", "source.ip=198.51.0.0/16", *WORDS, "--format", "json")

    assert [one["option"] for one in done.json["refusals"]] == ["--expires", "--ticket", "--field"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rule", "both", *BACKUP), "is there already, until 2099-12-02 (environments/site/tenants/acme.yaml:46)"),
        (("--rule", "both", "--field", "host.name=a", "--field", "process.name=backup.exe", "--expires", "2098-01-01"),
         "lets it through already, until 2099-12-02"),
        (("--rule", "both", *BACKUP, "--expires", "2098-01-01"), "is there already, until 2099-12-02"),
    ],
)  # fmt: skip
def test_an_exception_that_says_nothing_new_is_refused(
    arguments: tuple[str, ...], said: str, excepting: Path, deployer: Deployer
) -> None:
    before = (ACME + EXCEPTIONS).replace("2026-12-02", "2099-12-02")
    acme(excepting).write_text(before)

    done = added(deployer, *arguments, *WORDS)

    assert (done.code, acme(excepting).read_text()) == (1, before)
    assert said in done.out


def test_exceptions_that_are_not_needed_beside_it_are_named(excepting: Path, deployer: Deployer) -> None:
    done = added(deployer, "--rule", "*", "--field", "destination.ip=198.51.100.9",
                 "--field", "destination.ip=198.51.100.128/25", *WORDS)  # fmt: skip

    assert done.code == 0
    assert "It covers these, which could go:\n    destination.ip is one of 198.51.100.9" in done.out


def test_an_exception_on_a_blocklist_is_refused(root: Path, deployer: Deployer, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("198.51.100.9\n")
    lists = ("--blocklist", str(tmp_path / "bad.txt"))

    done = added(deployer, "--rule", "both", "--field", "destination.ip=198.51.100.9", *WORDS, *lists)

    assert (done.code, acme(root).read_text()) == (1, ACME)
    assert "bad.txt" in done.out


USAGE = {
    "mixed with an entry": (("--category", "servers", "192.0.2.3", "--rule", "both", *BACKUP, *WORDS), "--category wi"),
    "mixed with a scope": (("--host", "a", "--rule", "both", *BACKUP, *WORDS), "--rule, --field, --let and --host do"),
    "without a rule": ((*BACKUP, *WORDS), "--rule with --field, --let or both"),
    "without what": (("--rule", "both", *WORDS), "--rule with --field, --let or both"),
    "without reason": (("--rule", "both", *BACKUP, "--owner", "o"), "--reason"),
    "no value": (("--rule", "both", "--field", "host.name", *WORDS), "write FIELD=VALUE"),
    "two lets": (("--rule", "both", "--let", "A=1", "--let", "B=1", *WORDS), "fills one let"),
    "neither": (("192.0.2.3", *WORDS), "--category"),
}


@pytest.mark.parametrize("case", USAGE)
def test_what_does_not_go_together_is_a_usage_error(case: str, root: Path, deployer: Deployer) -> None:
    arguments, said = USAGE[case]

    done = added(deployer, *arguments)

    assert (done.code, acme(root).read_text()) == (64, ACME)
    assert said in " ".join(done.err.split())


def test_an_exception_is_removed_and_nothing_else_is_touched(
    excepting: Path, deployer: Deployer, golden, repo_root: Path
) -> None:
    done = removed(deployer, "--rule", "both", *BACKUP)

    golden(repo_root / "tests/cases/cli/allowlist-remove-exception.txt", done.out)
    head, note, rest = EXCEPTIONS.partition("  # the backups\n")
    assert acme(excepting).read_text() == ACME + head + note + rest[rest.index("  - rules: [p*") :]


def test_the_last_exception_goes_with_its_key(root: Path, deployer: Deployer) -> None:
    added(deployer, "--rule", "both", *BACKUP, *WORDS)

    assert removed(deployer, "--rule", "both", "--field", "process.name=backup.exe").code == 0
    assert acme(root).read_text() == ACME


def test_of_several_exceptions_the_one_that_is_meant_must_be_named(root: Path, deployer: Deployer) -> None:
    for host in ("a", "b"):
        fields = ("--field", "process.name=x.exe", "--field", f"host.name={host}")
        assert added(deployer, "--rule", "both", *fields, *WORDS).code == 0
    before = acme(root).read_text()

    several = removed(deployer, "--rule", "both", "--field", "process.name=x.exe")
    one = removed(deployer, "--rule", "both", "--field", "host.name=b", "--dry-run")

    assert (several.code, acme(root).read_text()) == (1, before)
    assert "process.name is x.exe and host.name is a, in both (environments/site/tenants/acme.yaml:45)" in several.out
    assert (one.code, "would be removed" in one.out) == (0, True)


def test_an_exception_that_is_not_there_is_refused_with_those_that_are(excepting: Path, deployer: Deployer) -> None:
    done = removed(deployer, "--rule", "both", "--field", "process.name=other.exe")

    assert done.code == 1
    assert "host.name is like lab-*, in plain (environments/site/tenants/acme.yaml:61)" in done.out
