"""A vendor's ranges do not fit into the queries: the list goes into a watchlist, and every command knows of it."""

import pytest
import requests

from deployer.providers.sentinel import watchlists as waiting

BEACON = "t1583.005-c2-beaconing"
LIST = "deployer-apm_vendors"


def entries(count):
    return [
        {
            "value": f"198.{18 + number // 250}.{number % 250}.{number % 50 * 4}/31",
            "reason": "A vendor.",
            "owner": "soc",
        }
        for number in range(count)
    ]


@pytest.fixture
def place(site, deployer, monkeypatch):
    """One rule in one workspace; the tenant allows very many ranges."""
    monkeypatch.setattr(waiting, "WAITS_SECONDS", (0.0, 0.01, 0.02))
    site.tenant("globex").unlink()
    environment = site.root / "environments/site/environment.yaml"
    site.edit(environment, lambda one: one.update(rules=[BEACON]))
    site.edit(site.tenant("acme"), lambda one: one["targets"].pop("kibana"))
    allow(site, 600)
    return site


def allow(site, count):
    site.edit(site.tenant("acme"), lambda one: one.update(allowlists={"apm_vendors": entries(count)}))


def open_logs(site):
    logs = f"{site.emulator.url}/loganalytics"
    site.edit(site.tenant("acme"), lambda one: one["targets"]["sentinel"].update(logs_endpoint=logs))


def portal(url, method, path):
    headers = {"Authorization": "Bearer portal"}
    arguments = {"api-version": "2025-10-01-preview"}
    return requests.request(method, url + path, params=arguments, headers=headers, timeout=10)


def held(site):
    """The values of the live watchlist by their ids, as the portal shows them, and where it is."""
    requests.post(f"{site.emulator.url}/_emulator/settings", json={"page_size": 2000}, timeout=10)
    url = (
        f"{site.emulator.url}/arm/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/soc/providers"
        f"/Microsoft.OperationalInsights/workspaces/acme/providers/Microsoft.SecurityInsights/watchlists/{LIST}"
    )
    found = portal(url, "GET", "/watchlistItems").json().get("value", ())
    return {one["name"]: one["properties"]["itemsKeyValue"]["Address"] for one in found}, url


def test_the_plan_says_it_and_the_list_lives_and_dies_with_its_need(place, deployer):
    plan = deployer("plan", "site")
    blind = deployer("apply", "site")
    open_logs(place)
    applied = deployer("apply", "site")
    calm = deployer("plan", "site")

    assert f"600 ranges of apm_vendors do not fit into the query of {BEACON}" in " ".join(plan.out.split())
    assert plan.out.index(f"watchlist/{LIST}") < plan.out.index(f"rule/{BEACON}")
    assert (blind.code, "logs_endpoint" in blind.out, "not written: it needs" in blind.out) == (3, True, True)
    assert (applied.code, calm.code) == (0, 0)
    assert sorted(held(place)[0].values()) == sorted(one["value"] for one in entries(600))

    items, url = held(place)
    first = next(iter(items))
    portal(url, "DELETE", f"/watchlistItems/{first}")
    drift, pulled, verified = deployer("drift", "site"), deployer("pull", "site"), deployer("verify", "site")
    assert (drift.code, f"watchlist/{LIST}" in drift.out) == (2, True)
    assert "allowlist add" in pulled.out
    assert (verified.code, f"watchlist/{LIST}" in verified.out) == (1, True)

    allow(place, 20)
    assert deployer("apply", "site").code == 0
    assert held(place)[0] == {}
    run = max((place.root / ".deployer/journal").glob("*.jsonl")).stem
    undone = deployer("rollback", "site", run)
    assert undone.code == 0, undone.out
    assert len(held(place)[0]) == 599  # as that run found it
