"""Shared lists: written once, included by tenants, in their targets as what each of them made of it."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from deployer.check import inspect as check
from deployer.manifest.load import inspect
from tests.cli.conftest import Run
from tests.cli.conftest import Site

RULE = "t1583.005-c2-beaconing"
LIST = """\
category: apm_vendors
title: Monitoring vendor
owner: platform@acme.example
reason: Agents report there
source: https://ranges.example/ranges.json
reviewed: 2026-11-01
expires: 2099-12-31
values:
  - 203.0.113.64/26
  - 198.51.100.64/26
"""
PLACE = "rules/allowlists/vendor.yaml"


@pytest.fixture
def lists(site: Site) -> Site:
    """Both tenants include the list, globex on terms of its own."""
    file = site.root / PLACE
    file.parent.mkdir(exist_ok=True)
    file.write_text(LIST)
    include(site, "acme", {"list": "vendor"})
    include(site, "globex", {"list": "vendor", "hosts": ["web-1"], "expires": "2098-06-30", "owner": "it@globex"})
    return site


def include(site: Site, tenant: str, entry: dict[str, Any]) -> None:
    def change(document: Any) -> None:
        document.setdefault("allowlists", {}).setdefault("apm_vendors", []).append(entry)

    site.edit(site.tenant(tenant), change)


def line_of(site: Site, tenant: str) -> str:
    """Where a tenant includes the list, as reports print it."""
    lines = site.tenant(tenant).read_text().split("\n")
    number = next(number for number, line in enumerate(lines, 1) if "list: vendor" in line)
    return f"environments/site/tenants/{tenant}.yaml:{number}"


def items(site: Site, tenant: str) -> list[Any]:
    answer = requests.get(
        f"{site.emulator.url}/kibana/s/{tenant}/api/exception_lists/items/_find",
        params={"list_id": "deployer-apm_vendors", "namespace_type": "single", "per_page": "100"},
        auth=("analyst", "pw"), timeout=10,
    )  # fmt: skip
    assert answer.ok, answer.text
    return [one for one in answer.json()["data"] if "Agents report there" in one["description"]]


def values(item: Any) -> set[str]:
    [found] = [one["value"] for one in item["entries"] if one["field"] == "destination.ip"]
    return set(found) if isinstance(found, list) else {found}


def test_a_plan_names_where_a_value_is_written_and_where_it_is_included(
    deployer: Callable[..., Run], lists: Site
) -> None:
    assert [one for one in inspect(lists.root, "site") if "list" in one.message] == []

    planned = deployer("plan", "site", "--rule", RULE)

    for tenant in ("acme", "globex"):
        assert f"(from {PLACE}:10, included in {line_of(lists, tenant)})" in planned.out


def test_both_tenants_hold_the_values_each_on_its_own_terms(deployer: Callable[..., Run], lists: Site) -> None:
    assert deployer("apply", "site", "--rule", RULE, "--yes").code == 0

    for tenant, owner, until in (
        ("acme", "platform@acme.example", "2100-01-01"),
        ("globex", "it@globex", "2098-07-01"),
    ):
        found = items(lists, tenant)
        assert set().union(*map(values, found)) == {"203.0.113.64/26", "198.51.100.64/26"}
        assert {one["expire_time"][:10] for one in found} == {until}
        assert all(f"Owner: {owner}." in one["description"] for one in found)
        assert {bool([one for one in item["entries"] if one["field"] == "host.name"]) for item in found} == {
            tenant == "globex"
        }
    shown = deployer("show", "site", "--rule", RULE, "--format", "json").json
    queries = {
        target["tenant"]: one["body"]["query"]
        for target in shown["targets"]
        for one in target["objects"]
        if target["target"] == "sentinel"
    }
    for query in queries.values():
        assert "203.0.113.64/26" in query
        assert "198.51.100.64/26" in query
    assert "web-1" in queries["globex"]
    assert "web-1" not in queries["acme"]
    assert deployer("plan", "site", "--rule", RULE).code == 0

    (lists.root / PLACE).write_text(LIST.replace("  - 198.51.100.64/26\n", ""))
    planned = deployer("plan", "site", "--rule", RULE, "--format", "json").json
    assert {one["tenant"] for one in planned["targets"] if one["changes"]} == {"acme", "globex"}


def test_an_analysts_edit_of_a_shared_value_is_left_and_the_list_named(
    deployer: Callable[..., Run], lists: Site
) -> None:
    deployer("apply", "site", "--rule", RULE, "--yes")
    item = items(lists, "acme")[0]
    changed = [{**one, "value": ["192.0.2.1"], "type": "match_any"} for one in item["entries"]]
    body = {key: item[key] for key in ("item_id", "namespace_type", "type", "name", "description")}
    answer = requests.put(
        f"{lists.emulator.url}/kibana/s/acme/api/exception_lists/items",
        json={**body, "entries": changed}, auth=("analyst", "pw"), headers={"kbn-xsrf": "x"}, timeout=10,
    )  # fmt: skip
    assert answer.ok, answer.text
    before = lists.tenant("acme").read_text()

    pulled = deployer("pull", "site", "--tenant", "acme", "--rule", RULE)

    assert "not pulled: it " in pulled.out
    assert f"{PLACE}:" in pulled.out
    assert lists.tenant("acme").read_text() == before
    assert (lists.root / PLACE).read_text() == LIST


def test_a_fault_in_a_list_stops_every_tenant_and_one_in_an_include_only_its_own(
    deployer: Callable[..., Run], lists: Site
) -> None:
    include(lists, "globex", {"list": "vendors"})
    planned = deployer("plan", "site", "--rule", RULE)

    assert planned.code == 3
    assert "there is no list 'vendors' in rules/allowlists/; did you mean 'vendor'? [unknown-list]" in planned.out

    (lists.root / PLACE).write_text(LIST.replace("203.0.113.64/26", "203.0.113.65/26"))
    planned = deployer("plan", "site", "--rule", RULE)

    assert planned.code == 1
    assert f"{PLACE}:9:5: error: `values[0]`: '203.0.113.65/26' has bits set after its prefix" in planned.err


def test_check_of_some_rules_still_names_faults_of_shared_lists(deployer: Callable[..., Run], lists: Site) -> None:
    (lists.root / PLACE).write_text(LIST.replace("apm_vendors", "apm_vendor"))

    found = check(lists.root, "site", None, rules=["no-rule-of-these"], tenants=["acme"]).findings

    assert [f"{PLACE}:1:11"] == [str(one.location) for one in found if one.code == "unknown-category"]
    assert deployer("check", "site", "--rule", "allowlists").code == 64
    assert deployer("test", "--rule", "allowlists").code == 64
