"""Entries that are one range together are one item: what was done to it by hand is not taken for a change of one."""

import pytest
import requests

LIST = "deployer-apm_vendors"
ITEMS = "/api/exception_lists/items"


@pytest.fixture
def place(site, deployer):
    """One rule in one space; two halves of a network are allowed, and it is applied."""
    site.tenant("globex").unlink()
    site.edit(
        site.root / "environments/site/environment.yaml", lambda one: one.update(rules=["t1583.005-c2-beaconing"])
    )
    halves = [{"value": f"203.0.113.{part}/25", "reason": "A vendor.", "owner": "soc"} for part in (0, 128)]
    site.edit(site.tenant("acme"), lambda one: one["targets"].pop("sentinel"))
    site.edit(site.tenant("acme"), lambda one: one.update(allowlists={"apm_vendors": halves}))
    assert deployer("apply", "site").code == 0
    return site


def analyst(site, method, path, body=None, **params):
    url = f"{site.emulator.url}/kibana/s/acme{path}"
    answer = requests.request(
        method, url, json=body, params=params, auth=("jo", "pw"), headers={"kbn-xsrf": "x"}, timeout=10
    )
    assert answer.ok, answer.text
    return answer.json()


def item(site):
    [found] = analyst(site, "GET", f"{ITEMS}/_find", list_id=LIST)["data"]
    return found


@pytest.mark.parametrize("by_hand", ["edited", "deleted"])
def test_a_change_of_their_item_is_left_with_the_way_out(place, deployer, by_hand):
    found, before = item(place), place.tenant("acme").read_text()
    if by_hand == "edited":
        named = {name: found[name] for name in ("item_id", "name", "description", "type", "namespace_type", "tags")}
        analyst(place, "PUT", ITEMS, {**named, "entries": [{**found["entries"][0], "value": "203.0.113.0/26"}]})
        pulled = deployer("pull", "site")
    else:
        analyst(place, "DELETE", ITEMS, item_id=found["item_id"])
        pulled = deployer("pull", "site", "--removed", "203.0.113.0/24")

    assert "several entries are 203.0.113.0/24 together" in " ".join(pulled.out.split())
    assert place.tenant("acme").read_text() == before
