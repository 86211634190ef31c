"""allowlist remove: an entry goes, with the comment that is its own, and what still holds is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.allowing import ACME
from tests.allowing import GLOBEX
from tests.allowing import repository

Deployer = Callable[..., Any]
RANGE = "    # the range\n    - {value: 203.0.113.0/24, ports: [6697], reason: A range, owner: ann@acme.example}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path)


def tenant(root: Path, name: str = "acme") -> Path:
    return root / "environments/site/tenants" / f"{name}.yaml"


def test_an_entry_goes_with_its_own_comment(root: Path, deployer: Deployer, golden, repo_root: Path) -> None:
    done = deployer("allowlist", "remove", "site", "--tenant", "acme", "192.0.2.10")

    assert (done.code, done.err) == (0, "")
    golden(repo_root / "tests/cases/cli/allowlist-remove.txt", done.out)
    before, _, rest = ACME.partition("    # the first\n")
    assert tenant(root).read_text() == before + "    # the range\n" + rest.partition("    # the range\n")[2]


def test_a_comment_below_that_is_indented_further_goes_too(root: Path, deployer: Deployer) -> None:
    assert deployer("allowlist", "remove", "site", "--tenant", "acme", "203.0.113.7").code == 0

    text = tenant(root).read_text()
    assert "asked for by phone" not in text
    assert f"{RANGE}    - value: 192.0.2.77\n" in text


def test_a_comment_that_may_be_about_what_follows_stays_and_is_named(root: Path, deployer: Deployer) -> None:
    done = deployer("allowlist", "remove", "site", "--tenant", "acme", "203.0.113.0/24")

    assert done.code == 0
    assert "  the comment in line 24 stays: it may be about what follows, too\n" in done.out
    assert "    # the range\n    - value: 203.0.113.7\n" in tenant(root).read_text()


def test_a_category_that_is_then_empty_goes_where_nobody_commented_it(root: Path, deployer: Deployer) -> None:
    arguments = ("allowlist", "remove", "site", "--tenant", "acme", "IRC.vendor.example")

    assert deployer(*arguments).code == 0
    assert "names:" not in tenant(root).read_text()

    tenant(root).write_text(ACME.replace("  names:\n", "  names:   # ask Ann\n"))
    assert deployer(*arguments).code == 0
    assert "  names: []   # ask Ann\naccepted:" in tenant(root).read_text()


def test_a_dry_run_writes_nothing(root: Path, deployer: Deployer) -> None:
    done = deployer("allowlist", "remove", "site", "--tenant", "acme", "192.0.2.77", "--dry-run", "--format", "json")

    assert (done.code, done.json["written"], done.json["action"]) == (0, False, "remove")
    assert [one["line"] for one in done.json["entries"]] == [31]
    assert tenant(root).read_text() == ACME


def test_what_still_lets_it_through_is_said(root: Path, deployer: Deployer) -> None:
    done = deployer("allowlist", "remove", "site", "--tenant", "acme", "203.0.113.7")

    assert "  Nothing comes out otherwise: it is allowed all the same\n    by 203.0.113.0/24 port 6697, " in done.out


def test_of_several_the_one_that_is_meant_must_be_named(root: Path, deployer: Deployer) -> None:
    tenant(root).write_text(ACME.replace("  names:\n", "    - {value: 192.0.2.10, reason: R, owner: o}\n  names:\n"))
    arguments = ("allowlist", "remove", "site", "--tenant", "acme", "192.0.2.10", "--dry-run")

    done = deployer(*arguments)

    assert done.code == 1
    assert "'192.0.2.10' is there more than once" in done.out
    assert "      192.0.2.10 on build-1 by irc.exe (environments/site/tenants/acme.yaml:16)\n" in done.out
    assert "      192.0.2.10 (environments/site/tenants/acme.yaml:35)\n" in done.out
    for options, line in ((("--unscoped",), 35), (("--host", "build-1"), 16), (("--process", "irc.exe"), 16)):
        found = deployer(*arguments, *options, "--format", "json").json
        assert [one["line"] for one in found["entries"]] == [line]
    assert "is not there with that scope" in deployer(*arguments, "--host", "build-2").out


def test_a_value_of_a_shared_list_is_not_the_tenants_to_remove(root: Path, deployer: Deployer) -> None:
    done = deployer("allowlist", "remove", "site", "--tenant", "globex", "198.51.100.0/25")

    assert done.code == 1
    assert "comes from the shared list vendor (rules/allowlists/vendor.yaml:6), which is included at " in done.out
    assert "environments/site/tenants/globex.yaml:7" in done.out
    assert tenant(root, "globex").read_text() == GLOBEX


def test_a_shared_list_is_included_no_longer(root: Path, deployer: Deployer) -> None:
    done = deployer("allowlist", "remove", "site", "--tenant", "globex", "--list", "vendor")

    assert done.code == 0
    assert "globex: the shared list vendor removed from servers\n" in done.out
    include = "    - list: vendor   # the ranges\n      processes: [agent.exe]\n"
    assert tenant(root, "globex").read_text() == GLOBEX.replace(include, "")


@pytest.mark.parametrize("options", [(), ("--category", "names")])
def test_what_is_not_there_is_refused(options: tuple[str, ...], root: Path, deployer: Deployer) -> None:
    done = deployer("allowlist", "remove", "site", "--tenant", "acme", "198.51.100.9", *options)

    assert (done.code, "'198.51.100.9' is not there" in done.out) == (1, True)
    assert tenant(root).read_text() == ACME


def test_an_entry_can_go_because_the_file_is_at_fault(root: Path, deployer: Deployer) -> None:
    policy = "allowlists: {policy: {forbidden: [203.0.113.0/24, 192.0.2.76/30]}}"
    (root / "environments/site/environment.yaml").write_text(f"owner: soc\n{policy}\n")
    remove = ("allowlist", "remove", "site", "--tenant", "acme")

    first = deployer(*remove, "203.0.113.7")

    assert first.code == 0
    assert "touches 203.0.113.0/24, which the policy forbids" in first.out
    assert "  With these errors nothing is applied for this tenant.\n" in first.out
    assert deployer("allowlist", "list", "site").code == 3
    assert [deployer(*remove, value).code for value in ("203.0.113.0/24", "192.0.2.77")] == [0, 0]
    assert deployer("allowlist", "list", "site").code == 0


def test_what_cannot_be_read_is_not_called_absent(root: Path, deployer: Deployer) -> None:
    tenant(root).write_text(ACME.replace("192.0.2.77", "192.0.2.77/8"))

    done = deployer("allowlist", "remove", "site", "--tenant", "acme", "192.0.2.77/8")

    assert (done.code, "x its file has errors; mend them first\n" in done.out) == (1, True)
    assert "is not there" not in done.out
