"""allowlist add: an entry goes into the tenant's file, or nothing does."""

from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.allowing import ACME
from tests.allowing import repository

Deployer = Callable[..., Any]
WORDS = ("--reason", "Known", "--owner", "jo@acme.example")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path)


def acme(root: Path) -> Path:
    return root / "environments/site/tenants/acme.yaml"


def test_an_entry_is_added_and_nothing_else_is_touched(root: Path, deployer: Deployer, golden, repo_root: Path) -> None:
    scope = ("--host", "dev-2", "--host", "dev-1", "--process", "irc.exe", "--port", "6697")
    more = ("--ticket", "ACME-7", "--expires", "2098-01-31", "--reviewed", "2026-11-02")

    done = deployer(
        "allowlist", "add", "site", "--tenant", "acme", "--category", "servers", "2001:DB8::1", *scope, *WORDS, *more
    )

    assert (done.code, done.err) == (0, "")
    golden(repo_root / "tests/cases/cli/allowlist-add.txt", done.out)
    added = """\
    - value: '2001:db8::1'
      hosts: [dev-1, dev-2]
      processes: [irc.exe]
      ports: [6697]
      reason: Known
      owner: jo@acme.example
      ticket: ACME-7
      expires: 2098-01-31
      reviewed: 2026-11-02
"""
    assert acme(root).read_text() == ACME.replace("  names:\n", f"{added}  names:\n")


def test_a_dry_run_writes_nothing(root: Path, deployer: Deployer) -> None:
    done = deployer(
        "allowlist", "add", "site", "--tenant", "acme", "--category", "names", "a.example", *WORDS, "--dry-run"
    )

    assert done.code == 0
    assert "acme: a.example would be added to names" in done.out
    assert "+    - {value: a.example, reason: Known, owner: jo@acme.example}" in done.out
    assert acme(root).read_text() == ACME


def test_a_life_in_days_ends_on_that_day(root: Path, deployer: Deployer) -> None:
    words = (*WORDS, "--expires", "90d")
    before = datetime.now(UTC).date()

    done = deployer(
        "allowlist", "add", "site", "--tenant", "acme", "--category", "servers", "192.0.2.3", *words, "--format", "json"
    )

    days = {(day + timedelta(days=90)).isoformat() for day in (before, datetime.now(UTC).date())}
    assert done.json["entries"][0]["expires"] in days
    assert done.json["written"] is True


REFUSED = {
    "the same": (
        ("servers", "192.0.2.10", "--host", "build-1", "--process", "irc.exe"),
        "is there already, until 2099-12-31 (environments/site/tenants/acme.yaml:16)",
    ),
    "the same, for longer": (("servers", "192.0.2.77"), "change its `expires` there, or remove it first"),
    "covered by a range": (
        ("servers", "203.0.113.9", "--port", "6697", "--expires", "2098-01-01"),
        "203.0.113.0/24 port 6697 allows it already, without expiry (environments/site/tenants/acme.yaml:25)",
    ),
    "no address": (("servers", "irc.example"), "x VALUE: 'irc.example' is a domain, and addresses are taken here"),
    "every address": (("servers", "0.0.0.0/0"), "x VALUE: '0.0.0.0/0' allows every address"),
    "every IPv6 address": (("servers", "::/0"), "x VALUE: '::/0' allows every address"),
    "mapped": (("servers", "::ffff:192.0.2.1"), "x VALUE: '::ffff:192.0.2.1' is IPv4 written as IPv6"),
    "bits after the prefix": (("servers", "192.0.2.1/24"), "write 192.0.2.0/24 for the network"),
    "other digits": (("servers", "192.0.2.\u0661"), "is no address"),
    "a wildcard host": (("servers", "192.0.2.3", "--host", "a*"), "x --host: 'a*' must not hold * or ?"),
    "a path": (("servers", "192.0.2.3", "--process", "C:\\a.exe"), "x --process: "),
    "a foreign port": (("servers", "192.0.2.3", "--port", "443"), "x --port: port 443 is none of `servers`"),
    "over": (("servers", "192.0.2.3", "--expires", "2020-01-01"), "x --expires: 2020-01-01 is over"),
    "no day": (("servers", "192.0.2.3", "--expires", "soon"), "x --expires: 'soon' must be a date"),
    "reviewed tomorrow": (("servers", "192.0.2.3", "--reviewed", "2098-01-01"), "x --reviewed: 2098-01-01 is still to"),
    "two lines": (("servers", "192.0.2.3", "--ticket", "a\nb"), "x --ticket: does not fit"),
    "no such list": (("servers", "--list", "vendr"), "x --list: there is no list 'vendr'"),
    "a list of another category": (("names", "--list", "vendor"), "x --list: the list 'vendor' is of `servers`"),
    "nothing a platform can be told": (
        ("names", "b.example", "--host", "h"),
        "names no Sentinel let for 'scoped'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_refused_and_nothing_is_written(case: str, root: Path, deployer: Deployer) -> None:
    (category, *what), said = REFUSED[case]

    done = deployer("allowlist", "add", "site", "--tenant", "acme", "--category", category, *what, *WORDS)

    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("acme: nothing was written\n")
    assert said in done.out
    assert acme(root).read_text() == ACME


def test_all_that_is_wrong_is_said_at_once(deployer: Deployer) -> None:
    scope = ("--host", "a/b", "--process", "*", "--expires", "never")

    done = deployer(
        "allowlist", "add", "site", "--tenant", "acme", "--category", "servers", "x", *scope, *WORDS, "--format", "json"
    )

    assert [one["option"] for one in done.json["refusals"]] == ["VALUE", "--host", "--process", "--expires"]
    assert (done.json["exit_code"], done.json["written"]) == (1, False)


def test_entries_that_are_not_needed_any_more_are_named(root: Path, deployer: Deployer) -> None:
    done = deployer("allowlist", "add", "site", "--tenant", "acme", "--category", "servers", "203.0.113.0/24", *WORDS)

    assert done.code == 0
    end = done.out.partition("It covers these, which could go:\n")[2]
    assert end.splitlines()[0] == "    203.0.113.0/24 port 6697 (environments/site/tenants/acme.yaml:25)"


def test_a_shared_list_is_included(root: Path, deployer: Deployer) -> None:
    words = ("--process", "agent.exe", "--expires", "2098-01-01")

    done = deployer("allowlist", "add", "site", "--tenant", "acme", "--category", "servers", "--list", "vendor", *words)

    assert done.code == 0
    assert "acme: the shared list vendor added to servers\n" in done.out
    added = "    - list: vendor\n      processes: [agent.exe]\n      expires: 2098-01-01\n"
    assert acme(root).read_text() == ACME.replace("  names:\n", f"{added}  names:\n")


def test_a_shared_list_that_says_nothing_new_is_refused(root: Path, deployer: Deployer) -> None:
    words = ("--process", "agent.exe", "--port", "6697")

    done = deployer(
        "allowlist", "add", "site", "--tenant", "globex", "--category", "servers", "--list", "vendor", *words
    )

    assert done.code == 1
    assert "x what is there allows all of it already\n" in done.out
    assert (
        "3 values of the shared list vendor by agent.exe, included at environments/site/tenants/globex.yaml:7"
        in done.out
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tenant", "acmee", "--category", "servers", "192.0.2.3", *WORDS), "did you mean 'acme'?"),
        (("--tenant", "acme", "--category", "server", "192.0.2.3", *WORDS), "did you mean 'servers'?"),
        (("--tenant", "acme", "--category", "servers", "192.0.2.3", "--reason", "x"), "--owner"),
        (("--tenant", "acme", "--category", "servers", *WORDS), "--list"),
        (("--tenant", "acme", "--category", "servers", "192.0.2.3", "--list", "vendor", *WORDS), "--list"),
    ],
)
def test_a_question_that_is_none_is_a_usage_error(
    arguments: tuple[str, ...], said: str, root: Path, deployer: Deployer
) -> None:
    done = deployer("allowlist", "add", "site", *arguments)

    assert (done.code, said in done.err) == (64, True)
    assert acme(root).read_text() == ACME


def test_a_file_with_errors_is_not_edited(root: Path, deployer: Deployer) -> None:
    acme(root).write_text(ACME.replace("A range", ""))

    done = deployer("allowlist", "add", "site", "--tenant", "acme", "--category", "servers", "192.0.2.3", *WORDS)

    assert done.code == 1
    assert "x its file has errors; mend them first\n" in done.out
    assert "environments/site/tenants/acme.yaml:25" in done.out


def test_the_first_entry_of_a_tenant_makes_the_category(root: Path, deployer: Deployer) -> None:
    acme(root).write_text(ACME.partition("allowlists:")[0].replace("\n", "\r\n"), newline="")

    done = deployer("allowlist", "add", "site", "--tenant", "acme", "--category", "servers", "192.0.2.3", *WORDS)

    assert done.code == 0
    assert (
        acme(root)
        .read_bytes()
        .decode()
        .endswith("allowlists:\r\n  servers:\r\n    - {value: 192.0.2.3, reason: Known, owner: jo@acme.example}\r\n")
    )


POLICY = """\
owner: site-soc
allowlists:
  policy:
    require: [ticket]
    longest_life_days: 365
    widest: {ipv4: 24}
    forbidden: [10.0.0.0/8]
"""


def test_a_breach_of_the_policy_names_the_option_that_mends_it(root: Path, deployer: Deployer) -> None:
    (root / "environments/site/environment.yaml").write_text(POLICY)
    globex = root / "environments/site/tenants/globex.yaml"
    globex.write_text(globex.read_text().partition("allowlists:")[0])
    add = ("allowlist", "add", "site", "--tenant", "globex", "--category", "servers")
    dates = ("--expires", "2099-01-01", "--reviewed", "2026-11-01")

    said = [line.partition(" (environments/")[0] for line in deployer(*add, "10.2.3.0/25", *WORDS).out.splitlines()]
    assert [line for line in said if "  x " in line] == [
        "  x --expires: lacks `expires`, which the policy asks for",
        "  x --reviewed: lacks `reviewed`, which the policy asks for",
        "  x --ticket: lacks `ticket`, which the policy asks for",
        "  x VALUE: '10.2.3.0/25' touches 10.0.0.0/8, which the policy forbids",
    ]
    done = deployer(*add, "192.0.0.0/16", *WORDS, *dates, "--ticket", "A-1", "--format", "json").json
    assert [one["option"] for one in done["refusals"]] == ["VALUE", "--expires"]
    assert "allowlists" not in globex.read_text()


def test_what_stands_on_a_blocklist_is_refused(root: Path, deployer: Deployer, tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("# bad\n192.0.2.200\n198.51.100.77\n")
    add = ("allowlist", "add", "site", "--tenant", "acme", "--category", "servers", "--blocklist", str(bad))

    done = deployer(*add, "192.0.2.192/28", *WORDS)
    assert done.code == 1
    assert "x VALUE: '192.0.2.192/28' holds '192.0.2.200', which is on" in done.out
    assert "x --list: '198.51.100.0/25' holds '198.51.100.77'" in deployer(*add, "--list", "vendor").out
    bad.write_text("192.0.2.200\nnothing that could be read\n")
    assert "x --blocklist: " in deployer(*add, "192.0.2.3", *WORDS).out
    assert acme(root).read_text() == ACME
    bad.write_text("192.0.2.200\n")
    assert deployer(*add, "192.0.2.3", *WORDS).code == 0


@pytest.mark.parametrize("option", ["--reason", "--owner", "--ticket"])
def test_bytes_that_are_no_text_are_refused_in_words(root: Path, deployer: Deployer, option: str) -> None:
    """Python hands over what is no UTF-8 on the command line as lone surrogates."""
    call = ("allowlist", "add", "site", "--tenant", "acme", "--category", "servers", "192.0.2.3", *WORDS)
    done = deployer(*call, option, "Gr\udcfc\udcdfe", "--format", "json")

    assert (done.code, done.json["refusals"][0]["option"]) == (1, option)
    assert acme(root).read_text() == ACME
