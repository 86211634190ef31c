"""Both platforms take ::ffff:192.0.2.7 for 192.0.2.7: so do the checks of exceptions, whose values stay as written."""

import ipaddress
from pathlib import Path

import pytest

from deployer.blocklists import read
from deployer.check import blocked
from deployer.manifest.load import inspect
from deployer.manifest.load import load
from deployer.manifest.values import networks
from tests.allowing import ACME
from tests.allowing import repository

HEAD = ACME.partition("allowlists:")[0]
EXCEPTION = """exceptions:
  - rules: [both]
    reason: r
    owner: o
    kibana: [{{field: destination.ip, operator: included, type: match, value: "{0}"}}]
  - rules: [both]
    reason: r
    owner: o
    sentinel: {{let: Excluded, values: ["{0}"]}}
"""
POLICY = "owner: site-soc\nallowlists: {policy: {widest: {ipv4: 24}, forbidden: [203.0.113.0/24]}}\n"


def excepted(root: Path, value: str, environment: str = "owner: site-soc\n") -> Path:
    repository(root)
    rule, query = root / "rules/both/rule.yaml", root / "rules/both/sentinel.kql"
    rule.write_text(rule.read_text().replace("sentinel:\n", "sentinel:\n  exceptions: [Excluded]\n"))
    query.write_text(f"let Excluded = dynamic([]);\n{query.read_text()}| where not(RemoteIP in (Excluded))\n")
    (root / "environments/site/environment.yaml").write_text(environment)
    (root / "environments/site/tenants/acme.yaml").write_text(HEAD + EXCEPTION.format(value))
    return root


def errors(root: Path) -> list[tuple[str, int]]:
    found = inspect(root, "site")
    return [(one.code, one.location.line) for one in found if one.severity.value == "error" and one.location]


@pytest.mark.parametrize(
    "value", ["::ffff:0:0/96", "::ffff:0.0.0.0/100", "::/16", "::fffe:0:0/95", "0.0.0.0/0", "::/0"]
)
def test_an_exception_for_nearly_every_address_is_refused_however_it_is_spelled(tmp_path: Path, value: str) -> None:
    assert errors(excepted(tmp_path, value)) == [("silences-all", 17), ("silences-all", 21)]


@pytest.mark.parametrize("value", ["::ffff:203.0.113.5", "::ffff:cb00:7105"])
def test_a_forbidden_address_stays_forbidden_as_ipv6(tmp_path: Path, value: str) -> None:
    assert errors(excepted(tmp_path, value, POLICY)) == [("policy", 17), ("policy", 21)]


def test_a_range_that_is_wider_than_the_policy_is_so_as_ipv6(tmp_path: Path) -> None:
    assert errors(excepted(tmp_path, "::ffff:192.0.0.0/119", POLICY)) == [("policy", 17), ("policy", 21)]
    assert errors(excepted(tmp_path, "::ffff:192.0.2.0/120", POLICY)) == []


def test_a_listed_address_is_found_as_ipv6(tmp_path: Path) -> None:
    manifest = load(excepted(tmp_path, "::ffff:192.0.2.201"), "site")
    (tmp_path / "list.txt").write_text("192.0.2.201\n")
    lists, _ = read([tmp_path / "list.txt"])

    [acme] = [tenant for tenant in manifest.tenants if tenant.name == "acme"]
    assert [one.code for one in blocked.findings(acme, lists)] == ["on-blocklist"] * 2


def test_a_text_is_read_as_the_platforms_read_it() -> None:
    assert [networks(text) for text in ("x", "10", "192.0.2.7/24", "2001:db8::1", "::ffff:1.2.3.4")] == [
        (),
        (),
        (ipaddress.ip_network("192.0.2.0/24"),),
        (ipaddress.ip_network("2001:db8::1"),),
        (ipaddress.ip_network("1.2.3.4"),),
    ]
