"""allowlist review: what expires, what has expired, what nobody has looked at."""

from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from deployer.allowlist.checkout import Checkout
from deployer.allowlist.review import review
from deployer.report import reviewed
from tests.allowing import ACME
from tests.allowing import repository

Deployer = Callable[..., Any]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path)


def tenant(root: Path, name: str = "acme") -> Path:
    return root / "environments/site/tenants" / f"{name}.yaml"


def test_what_is_due_is_listed_by_urgency(root: Path, golden, repo_root: Path) -> None:
    """Accepted drift and exceptions as well; a shared list once for both tenants that include it on the same terms."""
    text = ACME.replace("2099-12-31", "2026-12-02").replace("2099-01-31", "2026-11-20")
    condition = "{field: host.name, operator: included, type: match, value: a}"
    exceptions = f"exceptions:\n  - {{rules: [both], kibana: [{condition}], reason: E, owner: ann@acme.example}}\n"
    include = "    - {list: vendor, processes: [agent.exe]}\n  names:\n"
    tenant(root).write_text(text.replace("  names:\n", include) + exceptions)

    found = review(Checkout.of(root, "site").manifest, NOW)

    golden(repo_root / "tests/cases/cli/allowlist-review.txt", reviewed.text(found))
    lists = [one for one in found.reminders if one.kind == "list"]
    assert [[name for name, _ in one.held] for one in lists] == [["acme", "globex"]]


@pytest.mark.parametrize(
    ("moment", "within", "why"),
    [
        ("2026-11-18T00:00:00", 14, ()),
        ("2026-11-19T00:00:00", 14, ("expires",)),
        ("2026-11-18T23:59:59", 14, ()),
        ("2026-12-02T23:59:59", 1, ("expires",)),
        ("2026-12-03T00:00:00", 14, ("expired",)),
    ],
)
def test_an_entry_is_due_from_the_first_moment_within(
    root: Path, moment: str, within: int, why: tuple[str, ...]
) -> None:
    tenant(root).write_text(ACME.replace("2099-12-31", "2026-12-02"))

    found = review(Checkout.of(root, "site").manifest, datetime.fromisoformat(moment).replace(tzinfo=UTC), within)

    assert [one.dues for one in found.reminders if one.what.startswith("192.0.2.10 on")] == ([why] if why else [])


def test_a_review_that_is_still_to_come_is_none(root: Path) -> None:
    due = {}
    for day in ("2026-11-20", "2026-11-21"):
        tenant(root).write_text(ACME.replace("reviewed: 2026-11-01", f"reviewed: {day}"))
        found = review(Checkout.of(root, "site").manifest, NOW)
        assert not found.broken
        due[day] = [one.dues for one in found.reminders if one.what.startswith("192.0.2.10 on")]

    assert due == {"2026-11-20": [], "2026-11-21": [("never reviewed",)]}
    assert "`reviewed` says 2026-11-21, which is still to come" in reviewed.text(found)


def test_something_due_ends_in_2(deployer: Deployer) -> None:
    done = deployer("allowlist", "review", "site", "--tenant", "acme", "--format", "json")

    assert (done.code, done.json["exit_code"], done.json["action"], done.json["looked_at"]) == (2, 2, "review", 6)
    assert [(one["what"], one["why"]) for one in done.json["due"]] == [
        ("192.0.2.77", ["expired", "never reviewed"]),
        ("203.0.113.0/24 port 6697", ["never reviewed"]),
        ("203.0.113.7 port 6697", ["never reviewed"]),
    ]


def test_nothing_due_ends_in_0(root: Path, deployer: Deployer) -> None:
    before, _, rest = ACME.partition("    # the range\n")
    tenant(root).write_text(before + "  names:\n" + rest.partition("  names:\n")[2])

    done = deployer("allowlist", "review", "site", "--tenant", "acme")

    assert (done.code, done.out) == (0, "Nothing is due of 3 allowances.\n")


def test_a_tenant_that_cannot_be_read_is_never_all_fine(root: Path, deployer: Deployer) -> None:
    tenant(root).write_text(ACME.replace("2020-01-31", "2020-01-32"))

    done = deployer("allowlist", "review", "site", "--tenant", "acme")

    assert done.code == 3
    assert "acme: its file cannot be used, so what it allows cannot be told\n" in done.out
    assert "Nothing is known to be due of 0 allowances, 1 tenant not looked at.\n" in done.out


def test_an_include_on_other_terms_is_told_apart(root: Path) -> None:
    include = "    - {list: vendor, expires: 2026-11-25, reviewed: 2026-11-01}\n  names:\n"
    tenant(root).write_text(ACME.replace("  names:\n", include))

    found = review(Checkout.of(root, "site").manifest, NOW)

    lists = [(one.held[0][0], one.dues) for one in found.reminders if one.kind == "list"]
    assert lists == [("acme", ("expires",)), ("globex", ("never reviewed",))]


@pytest.mark.parametrize("arguments", [("--within", "2 weeks"), ("--within", "0d"), ("--tenant", "acm")])
def test_a_question_that_is_none_is_a_usage_error(arguments: tuple[str, ...], deployer: Deployer) -> None:
    assert deployer("allowlist", "review", "site", *arguments).code == 64


def test_the_policy_says_how_often_things_are_reviewed(root: Path) -> None:
    policy = (
        "owner: site-soc\nallowlists: {policy: {review_every_days: 50, categories: {names: {review_every_days: 49}}}}\n"
    )
    (root / "environments/site/environment.yaml").write_text(policy)
    tenant(root).write_text(ACME.replace("2026-11-01", "2026-10-01"))

    found = review(Checkout.of(root, "site").manifest, NOW)

    assert [one.what for one in found.reminders if "overdue" in one.dues] == ["irc.vendor.example"]
