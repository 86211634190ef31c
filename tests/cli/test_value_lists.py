"""The commands, where a customer's allowlist is so long that Kibana holds it in a value list."""

import re
from typing import Any

import pytest
import requests

LISTS = "/api/lists"
ID = "deployer-apm_vendors"
RULE = "t1584.005-botnet-node"
KEY = f"value_list/{ID}"


class Acme:
    """One customer with one space, its long allowlist, and the hands of a colleague."""

    def __init__(self, site, deployer):
        self.site, self.deployer = site, deployer
        site.tenant("globex").unlink()
        site.edit(site.root / "environments/site/environment.yaml", lambda one: one.update(rules=[RULE]))
        site.edit(site.tenant("acme"), lambda one: one["targets"].pop("sentinel"))
        self.allow(range(250))

    def allow(self, numbers):
        entries = [
            {"value": f"198.51.{number // 64}.{number % 64 * 4}", "reason": "Known.", "owner": "soc"}
            for number in numbers
        ]
        self.site.edit(self.site.tenant("acme"), lambda one: one.update(allowlists={"apm_vendors": entries}))

    def kibana(self, method, path, body=None, **params: Any):
        answer = requests.request(
            method, f"{self.site.emulator.url}/kibana/s/acme{path}", json=body, params=params,
            auth=("jo", "pw"), headers={"kbn-xsrf": "x"}, timeout=10,
        )  # fmt: skip
        assert answer.ok, answer.text
        return answer.json()

    def values(self):
        return {one["value"] for one in self.kibana("GET", f"{LISTS}/items/_find", list_id=ID, per_page=1000)["data"]}


@pytest.fixture
def acme(site, deployer):
    return Acme(site, deployer)


def test_a_plan_says_that_the_list_has_spilled_and_an_apply_makes_it_so(acme):
    planned = acme.deployer("plan", "site")
    told = acme.deployer("plan", "site", "--format", "json").json["targets"][0]["remarks"]
    applied = acme.deployer("apply", "site")
    again = acme.deployer("plan", "site")

    assert f"  note on {KEY}: 250 addresses of apm_vendors are held by one value list behind one item" in planned.out
    assert [(one["kind"], one["id"]) for one in told] == [("value_list", ID)]
    assert (planned.code, applied.code, again.code) == (2, 0, 0)
    assert len(acme.values()) == 250
    assert acme.deployer("verify", "site").code == 0


def test_a_plan_of_one_more_address_names_it_and_not_all_the_others(acme):
    acme.deployer("apply", "site")
    acme.allow(range(251))

    planned = acme.deployer("plan", "site").out

    assert "      values: 1 added, 0 removed (of 251)\n        + 198.51.3.232/32\n" in planned
    assert planned.count("198.51.") == 1


def test_drift_of_a_value_list_says_which_values_and_who(acme):
    acme.deployer("apply", "site")
    acme.kibana("POST", f"{LISTS}/items", {"list_id": ID, "value": "0.0.0.0/0"})
    data = acme.kibana("GET", f"{LISTS}/items/_find", list_id=ID, per_page=2)["data"]
    one = next(item for item in data if item["value"] != "0.0.0.0/0")
    acme.kibana("DELETE", f"{LISTS}/items", id=one["id"])

    drift = acme.deployer("drift", "site")

    assert drift.code == 2
    assert f"  ~ {KEY} has been changed in the target, Git has not\n      by jo, " in drift.out
    assert (
        "      values (- in Git, + in the target): 1 added, 1 removed (of 250)\n        + 0.0.0.0/0\n"
        f"        - {one['value']}\n"
    ) in drift.out


def test_a_value_list_that_was_deleted_with_its_item_there_is_drift(acme):
    acme.deployer("apply", "site")
    item = acme.kibana("GET", "/api/exception_lists/items", item_id=f"{ID}-values", namespace_type="single")
    acme.kibana("DELETE", "/api/exception_lists/items", item_id=f"{ID}-values", namespace_type="single")
    acme.kibana("DELETE", LISTS, id=ID)
    shown = {name: item[name] for name in ("item_id", "list_id", "type", "name", "description", "entries", "tags")}
    acme.kibana("POST", "/api/exception_lists/items", shown)

    drift = acme.deployer("drift", "site", "--format", "json").json

    [change] = drift["targets"][0]["changes"]
    assert (change["kind"], change["cause"]) == ("value_list", "drift")
    assert change["note"].startswith("deleted in the target: it was there after run ")


def test_pull_leaves_a_value_list_alone_and_says_why(acme):
    acme.deployer("apply", "site")
    acme.kibana("POST", f"{LISTS}/items", {"list_id": ID, "value": "203.0.113.0/24"})
    before = acme.site.tenant("acme").read_text()

    pulled = acme.deployer("pull", "site", "--tenant", "acme")

    assert "it holds what the allowlist in Git says: add or take out an entry there" in pulled.out
    assert acme.site.tenant("acme").read_text() == before


def test_drift_of_a_value_list_can_be_accepted_until_a_day(acme):
    acme.deployer("apply", "site")
    acme.kibana("POST", f"{LISTS}/items", {"list_id": ID, "value": "203.0.113.0/24"})

    accept = ("--accept-until", "2030-01-01", "--reason", "Under way.", "--owner", "soc")
    acme.deployer("pull", "site", "--tenant", "acme", *accept)

    assert f"object: {KEY}" in acme.site.tenant("acme").read_text()
    assert acme.deployer("drift", "site").code == 0
    assert acme.deployer("plan", "site").code == 0


def test_rollback_brings_back_what_a_run_changed_in_a_value_list(acme):
    acme.deployer("apply", "site")
    before = acme.values()
    acme.allow(range(50, 300))
    acme.deployer("apply", "site")

    undone = acme.deployer("rollback", "site", "--yes", latest(acme))

    assert undone.code == 0, undone.out + undone.err
    assert acme.values() == before


def test_rollback_of_the_first_run_leaves_no_value_list_behind(acme):
    acme.deployer("apply", "site")

    undone = acme.deployer("rollback", "site", "--yes", latest(acme))

    assert undone.code == 0, undone.out + undone.err
    assert acme.kibana("GET", f"{LISTS}/_find")["total"] == 0


def test_rollback_of_the_run_that_took_a_value_list_away_makes_it_again(acme):
    acme.deployer("apply", "site")
    before = acme.values()
    acme.allow(range(3))
    acme.deployer("apply", "site")

    undone = acme.deployer("rollback", "site", "--yes", latest(acme))

    assert undone.code == 0, undone.out + undone.err
    assert acme.values() == before
    item = acme.kibana("GET", "/api/exception_lists/items", item_id=f"{ID}-values", namespace_type="single")
    assert item["entries"][0]["list"]["id"] == ID


def latest(acme):
    files = (acme.site.root / ".deployer/journal").glob("*.jsonl")
    return max(files, key=lambda one: one.stat().st_mtime_ns).stem


def test_a_list_that_cannot_spill_is_refused_where_it_stands(acme):
    entries = [
        {"value": f"198.{number // 16384}.{number // 64 % 256}.{number % 64 * 4}", "reason": "Known.", "owner": "soc",
         "hosts": ["build-7"]}
        for number in range(1_001)
    ]  # fmt: skip
    acme.site.edit(acme.site.tenant("acme"), lambda one: one.update(allowlists={"apm_vendors": entries}))

    planned = acme.deployer("plan", "site")

    assert planned.code == 1
    [line] = [line for line in planned.out.splitlines() if "allowlist-too-long" in line]
    assert re.match(r" *environments/site/tenants/acme.yaml:\d+", line)
    assert "apm_vendors: 1,001 values" in line
    assert "1,001 of the tenant's own entries (limited to hosts)" in line
