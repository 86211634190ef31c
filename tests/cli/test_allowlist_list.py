"""allowlist list: every entry, where it is from, and whether it holds."""

from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from deployer.allowlist.checkout import Checkout
from deployer.allowlist.listing import coverers
from deployer.allowlist.listing import listed
from deployer.report import allowlists as report
from tests.allowing import repository
from tests.make import category
from tests.make import entry

Deployer = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path)


def test_every_entry_is_listed_with_its_state(deployer: Deployer, golden, repo_root: Path) -> None:
    done = deployer("allowlist", "list", "site")

    assert (done.code, done.err) == (0, "")
    golden(repo_root / "tests/cases/cli/allowlist-list.txt", done.out)


def test_the_document_says_the_same(deployer: Deployer) -> None:
    done = deployer("allowlist", "list", "site", "--format", "json")

    assert (done.code, done.json["schema"], done.json["verb"], done.json["action"]) == (
        0, "deployer/1", "allowlist", "list",
    )  # fmt: skip
    [acme, globex] = done.json["tenants"]
    assert [(one["value"], one["state"]) for one in acme["entries"]] == [
        ("192.0.2.10", "holds"),
        ("203.0.113.0/24", "holds"),
        ("203.0.113.7", "covered"),
        ("192.0.2.77", "expired"),
        ("irc.vendor.example", "holds"),
    ]
    assert acme["entries"][2]["covered_by"] == [
        {"value": "203.0.113.0/24", "path": "environments/site/tenants/acme.yaml", "line": 25}
    ]
    shared = globex["entries"][1]
    assert (shared["value"], shared["shared"], shared["ports"]) == ("198.51.100.0/25", "vendor", [6667, 6668, 6697])
    assert (shared["path"], shared["line"]) == ("environments/site/tenants/globex.yaml", 7)
    assert shared["written"] == {"path": "rules/allowlists/vendor.yaml", "line": 6}


def test_tenants_and_categories_can_be_chosen(deployer: Deployer) -> None:
    done = deployer("allowlist", "list", "site", "--tenant", "ac*", "--category", "names", "--format", "json")

    assert [one["tenant"] for one in done.json["tenants"]] == ["acme"]
    assert [one["value"] for one in done.json["tenants"][0]["entries"]] == ["irc.vendor.example"]


@pytest.mark.parametrize("options", [("--tenant", "acm"), ("--category", "nam")])
def test_a_name_that_matches_nothing_is_a_usage_error(options: tuple[str, str], deployer: Deployer) -> None:
    assert deployer("allowlist", "list", "site", *options).code == 64


def test_a_tenant_that_cannot_be_read_is_never_an_empty_one(root: Path, deployer: Deployer) -> None:
    file = root / "environments/site/tenants/globex.yaml"
    file.write_text(file.read_text().replace("192.0.2.10", "192.0.2.10/8"))

    done = deployer("allowlist", "list", "site")

    assert done.code == 3
    assert "globex: its file cannot be used, so what it allows cannot be told" in done.out
    assert "globex.yaml:9:14" in done.out
    assert "1 tenant, 1 not looked at: 5 entries" in done.out


def test_what_expires_within_a_month_is_said_to(root: Path) -> None:
    file = root / "environments/site/tenants/acme.yaml"
    file.write_text(file.read_text().replace("2099-12-31", "2026-12-02"))
    manifest = Checkout.of(root, "site").manifest

    found, broken = listed(manifest, datetime(2026, 11, 20, 12, tzinfo=UTC), ["acme"])
    first = found[0].entries[0]

    assert (first.standing, first.days) == ("expires", 12)
    assert "        expires in 12 days, until 2026-12-02 (" in report.listing(found, broken)


def test_text_of_a_file_cannot_write_to_the_terminal(root: Path, deployer: Deployer) -> None:
    file = root / "environments/site/tenants/acme.yaml"
    file.write_text(file.read_text().replace("It builds", "It \u202eb##[error]x"))

    out = deployer("allowlist", "list", "site", "--tenant", "acme").out

    assert "It \\u202eb#\\x23[error]x" in out


def test_several_entries_may_cover_one_together() -> None:
    whole = entry("192.0.2.0/24", expires="2027-01-01")
    halves = [entry("192.0.2.0/25"), entry("192.0.2.128/25")]
    other = entry("198.51.100.1", hosts=("a",))
    wide = entry("198.51.100.0/24", hosts=("a", "b"))

    assert list(coverers([whole, *halves, other, wide], category())) == [(whole, tuple(halves)), (other, (wide,))]
