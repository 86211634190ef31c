"""How many requests each scenario takes, counted by the server; never how long."""

import time
from collections import Counter
from typing import Any

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline import policies

from deployer.providers.sentinel import credentials

RULE = "t1584.005-botnet-node"
UUID = "22222222-2222-4222-8222-222222222222"
TOKEN = "eyJhbGciOiJub25lIn0.eyJhcHBpZCI6InBpcGVsaW5lIn0.cGxhbnRlZC10b2tlbg"
SENTINEL_ONLY = "t1583.005-orb-relay"


class Counted:
    """One environment and what its server was asked."""

    def __init__(self, site, deployer):
        self.site, self._deployer = site, deployer

    def only(self, *rules):
        self.site.edit(self.site.root / "environments/site/environment.yaml", lambda one: one.update(rules=[*rules]))

    def run(self, verb, *options):
        """The document of one command, and the requests that it sent."""
        before = len(self.site.emulator.requests)
        done = self._deployer(verb, "site", "--stats", "--format", "json", *options)
        return done.json, self.site.emulator.requests[before:]

    def crowd(self, space, rules):
        """Rules of somebody else in a space, and one in a workspace."""
        rule = {
            "type": "query", "name": "theirs", "description": "d", "risk_score": 1, "severity": "low", "query": "a: b",
            "language": "kuery", "index": ["logs-*"],
        }  # fmt: skip
        with requests.Session() as session:
            for _ in range(rules):
                url = f"{self.site.emulator.url}/kibana/s/{space}/api/detection_engine/rules"
                answer = session.post(url, json=rule, auth=("jo", "pw"), headers={"kbn-xsrf": "x"}, timeout=10)
                assert answer.ok, answer.text


@pytest.fixture
def counted(site, deployer):
    return Counted(site, deployer)


def by_target(sent) -> dict[str, list[str]]:
    """What each space or workspace was asked, in its order."""
    told: dict[str, list[str]] = {}
    for one in sent:
        parts = one["path"].split("/")
        place = next((parts[parts.index(word) + 1] for word in ("s", "workspaces") if word in parts), "host")
        told.setdefault(f"{parts[1]} {place}", []).append(f"{one['method']} {parts[-1]}")
    return told


def test_an_unchanged_space_is_asked_four_times_and_once_more_per_further_data_view_and_a_workspace_once(counted):
    counted.only(RULE, SENTINEL_ONLY)
    counted.run("apply")
    counted.crowd("acme", 30)

    document, sent = counted.run("plan")

    told = by_target(sent)
    views = [one for one in told["kibana acme"] if "data_view" in one or "deployer" in one]
    assert document["exit_code"] == 0
    assert len(told["kibana acme"]) == len(told["kibana globex"]) == 3 + len(views) == 4
    assert len(told["arm acme"]) == len(told["arm globex"]) == 1
    assert "host" not in str(sorted(told)), "nothing is asked of a host where nothing changes"


def test_a_plan_foretells_every_request_of_the_apply_that_follows(counted):
    for change in ("nothing is there yet", "severity", "everything goes"):
        if change == "severity":
            overlay = {RULE: {"kibana": {"severity": "low", "risk_score": 21}, "sentinel": {"severity": "Low"}}}
            counted.site.edit(counted.site.tenant("acme"), lambda one, overlay=overlay: one.update(overlay=overlay))
        if change == "everything goes":
            counted.site.edit(counted.site.tenant("acme"), lambda one: one.pop("overlay"))
            counted.only(SENTINEL_ONLY)
        options = ("--allow-deletes", "99")

        planned, _ = counted.run("plan", *options)
        applied, sent = counted.run("apply", *options)

        ahead, reads = planned["requests"]["changes"], planned["requests"]["made"]["reads"]
        made = applied["requests"]["made"]
        assert applied["exit_code"] == 0, change
        assert len(sent) == made["reads"] + made["writes"], change
        assert made["writes"] >= ahead["writes"] if ahead["at_least"] else made["writes"] == ahead["writes"], change
        expected = reads + ahead["reads"]
        assert made["reads"] >= expected if ahead["at_least"] else made["reads"] == expected, change
        assert ahead["at_least"] is (change == "everything goes")


def test_a_host_says_its_status_once_for_all_of_its_tenants_and_nothing_is_written_twice(counted):
    _, sent = counted.run("apply")

    asked = Counter(one["path"].rsplit("/", 1)[-1] for one in sent)
    assert asked["status"] == 1
    assert asked["privileges"] == 2, "what a credential may do is a matter of the space"
    assert set(Counter(written(sent)).values()) == {1}


def written(sent) -> list[Any]:
    return [(one["method"], one["path"], str(one.get("body"))) for one in sent if one["method"] != "GET"]


def test_connections_are_kept_from_request_to_request_and_from_tenant_to_tenant(counted):
    counted.run("apply")

    document, sent = counted.run("plan", "--jobs", "1")

    assert len(sent) > 10
    assert len({one["connection"] for one in sent}) == document["requests"]["made"]["connections"] == 1


def test_a_plan_that_is_shown_first_and_then_carried_out_asks_for_one_token_and_one_status(counted, monkeypatch):
    given = []

    class Source:
        def get_token(self, *scopes, **_):
            given.append(scopes)
            return AccessToken(
                "eyJhbGciOiJub25lIn0.eyJhcHBpZCI6InBpcGVsaW5lIn0.cGxhbnRlZC10b2tlbg", int(time.time()) + 3600
            )

    monkeypatch.setattr(credentials, "_source", lambda credential, secret: Source())

    class Shown(policies.SansIOHTTPPolicy[Any, Any]):
        """As azure-core's own, which sends a token over TLS only."""

        def __init__(self, shared, *_):
            self.shared = shared

        def on_request(self, request):
            token = self.shared.get_token("https://management.azure.com/.default").token
            request.http_request.headers["Authorization"] = f"Bearer {token}"

    monkeypatch.setattr(credentials, "authentication", Shown)
    counted.site.edit(
        counted.site.root / "environments/site/environment.yaml",
        lambda one: one["credentials"]["arm"].update(type="client_secret", tenant_id=UUID, client_id=UUID),
    )
    planned, _ = counted.run("plan")

    given.clear()
    applied, sent = counted.run("apply", "--digest", planned["digest"])

    assert applied["exit_code"] == 0
    assert len(given) == applied["requests"]["made"]["tokens"] == 1
    assert sum(one["path"].endswith("/api/status") for one in sent) == 1
