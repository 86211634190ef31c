"""allowlist explain: what lets something through, where, how far; and what does not, and why."""

from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from deployer.allowlist.answers import Question
from deployer.allowlist.checkout import Checkout
from deployer.allowlist.explain import explain
from deployer.report import explained
from tests.allowing import ACME
from tests.allowing import CATEGORIES
from tests.allowing import KQL
from tests.allowing import repository

Deployer = Callable[..., Any]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path)


QUESTIONS = {
    "an address": ("acme", Question("192.0.2.10")),
    "on its host, by its process": ("acme", Question("192.0.2.10", "build-1", "irc.exe", 6697)),
    "under the full name of its host": ("acme", Question("192.0.2.10", "BUILD-1.acme.example", "IRC.exe", 6697)),
    "on another port": ("acme", Question("203.0.113.9", port=443)),
    "within a range that covers it": ("acme", Question("203.0.113.7", port=6697)),
    "what has expired": ("acme", Question("192.0.2.77")),
    "a range that is allowed in part": ("acme", Question("203.0.112.0/23", rules=("both",))),
    "a domain": ("acme", Question("IRC.Vendor.Example")),
    "what nobody allows": ("acme", Question("198.51.100.9")),
    "a value of a shared list": ("globex", Question("198.51.100.200", process="agent.exe", port=6667)),
}


def test_every_kind_of_answer(root: Path, golden, repo_root: Path) -> None:
    checkout = Checkout.of(root, "site")

    told = [
        f"# {name}\n{explained.text(explain(checkout, tenant, question, NOW))}"
        for name, (tenant, question) in QUESTIONS.items()
    ]

    golden(repo_root / "tests/cases/cli/allowlist-explain.txt", "\n".join(told))


def test_the_document_names_what_the_entry_becomes(root: Path, deployer: Deployer) -> None:
    arguments = ("192.0.2.10", "--host", "build-1.acme.example", "--rule", "bo*")

    done = deployer("allowlist", "explain", "site", "--tenant", "acme", *arguments, "--format", "json")

    assert (done.code, done.json["verb"], done.json["action"]) == (0, "allowlist", "explain")
    sentinel, kibana = done.json["entries"]
    assert (sentinel["allows"], sentinel["fails"]) == (True, [])
    assert sentinel["only"] == ["by irc.exe", "on ports 6667-6668, 6697"]
    assert [one["becomes"] for one in sentinel["targets"]] == ["a clause of `Scoped` in the query"]
    assert kibana["fails"] == ["it is for the host build-1, not for build-1.acme.example"]
    assert done.json["not_allowed"] == [
        {"target": "kibana", "rule": "both", "reason": "honours servers, names: entries come near, see above"}
    ]


def test_the_item_that_is_named_is_the_one_that_is_written(root: Path, deployer: Deployer) -> None:
    answer = deployer("allowlist", "explain", "site", "--tenant", "acme", "192.0.2.10", "--format", "json").json
    objects = deployer("show", "site", "--tenant", "acme", "--format", "json").json["targets"][0]["objects"]

    [becomes] = [one["becomes"] for one in answer["entries"][0]["targets"] if one["platform"] == "kibana"]
    [item] = [one for one in objects if one["kind"] == "item" and one["body"]["name"].startswith("192.0.2.10")]
    assert becomes == f"the item {item['id']} of the list {item['body']['list_id']}"


def test_an_entry_that_is_kept_beside_the_rules_is_named_by_its_list(root: Path) -> None:
    plain = CATEGORIES.replace("    ports: [6667, 6668, 6697]\n", "").replace("ports: Ports, ", "")
    (root / "rules/allowlists.yaml").write_text(plain)
    (root / "rules/both/sentinel.kql").write_text(KQL.replace("RemotePort in (Ports) and ", ""))
    values = [f"10.{number // 100}.{number % 100}.0" for number in range(700)]
    entries = "".join(f"    - {{value: {value}, reason: R, owner: o}}\n" for value in values)
    (root / "environments/site/tenants/acme.yaml").write_text(ACME.replace("  names:\n", f"{entries}  names:\n"))

    answer = explain(Checkout.of(root, "site"), "acme", Question("10.3.7.0"), NOW)

    assert [(at.target, at.becomes) for at in answer.grounds[0].at] == [
        ("kibana", "a value of the value list deployer-servers"),
        (
            "sentinel",
            "a value of `Allowed` in the query, or of the watchlist deployer-servers where that would be too long",
        ),
    ]


def test_a_tenant_that_cannot_be_read_is_no_answer(root: Path, deployer: Deployer) -> None:
    (root / "environments/site/tenants/acme.yaml").write_text(ACME.replace("A range", ""))

    done = deployer("allowlist", "explain", "site", "--tenant", "acme", "192.0.2.10")

    assert (done.code, done.out.splitlines()[0]) == (1, "acme: what it allows cannot be told")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("192.0.2.300",), "is no address"),
        (("192.0.2.10", "--rule", "nothing*"), "no rule of site matches"),
        (("192.0.2.10", "--tenant", "acm"), "did you mean 'acme'?"),
    ],
)
def test_a_question_that_is_none_is_a_usage_error(arguments: tuple[str, ...], said: str, deployer: Deployer) -> None:
    done = deployer("allowlist", "explain", "site", "--tenant", "acme", *arguments)

    assert (done.code, said in done.err) == (64, True)
