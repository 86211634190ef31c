"""Other people's rules, put into the emulator as colleagues would: how many are taken over, field for field.

The vendors' examples and the samples lie beside the checkout, or the tests are skipped.
"""

import json
import re
import tomllib
import uuid
from typing import Any

import pytest
import requests
import yaml

from tests.cli.test_adopt import Portal
from tests.cli.test_adopt import changes

OPERATORS = {"gt": "GreaterThan", "lt": "LessThan", "eq": "Equal", "ne": "NotEqual"}


@pytest.fixture
def acme(site) -> Portal:
    site.edit(site.root / "environments/site/environment.yaml", lambda one: one.update(rules=["live-*"]))
    (site.root / "rules/t1583.005-orb-relay").rename(site.root / "rules/live-t1583.005-orb-relay")
    path = site.root / "rules/live-t1583.005-orb-relay/rule.yaml"
    text = path.read_text().replace("id: t1583.005-orb-relay", "id: live-t1583.005-orb-relay", 1)
    path.write_text(f"{text}tenants: [globex]\n")
    return Portal(site.emulator.url, "acme")


def pulled(deployer) -> tuple[dict[str, str | None], int]:
    """Why rules were refused, by name; and how many were taken over and are claims without a field in the next plan."""
    done = deployer("pull", "site", "--tenant", "acme", "--all", "--format", "json")
    adoptions = [one for target in done.json["targets"] for one in target["adoptions"]]
    adopted = [one for one in adoptions if one["outcome"] == "adopted"]
    plan = deployer("plan", "site", "--tenant", "acme", "--allow-updates", "500", "--format", "json")
    assert changes(plan.json) == [("acme", "claim", 0)] * len(adopted)
    applied = deployer("apply", "site", "--tenant", "acme", "--adopt", "--allow-updates", "500", "--format", "json")
    assert (applied.code, applied.json["summary"]["claim"]) == (0, len(adopted)), applied.out
    assert changes(deployer("plan", "site", "--tenant", "acme", "--format", "json").json) == []
    return {one["name"]: one["reason"] for one in adoptions if one["outcome"] == "refused"}, len(adopted)


def test_elastics_own_rules_are_taken_over(shared, deployer, acme):
    for file in sorted((shared / "samples/elastic-toml").glob("*.toml")):
        rule = tomllib.loads(file.read_text())["rule"]
        if new := rule.pop("new_terms", None):
            rule |= {"new_terms_fields": new["value"], "history_window_start": new["history_window_start"][0]["value"]}
        acme.kibana("POST", "detection_engine/rules", rule)

    refused, adopted = pulled(deployer)

    assert (refused, adopted) == ({}, 60)


def test_rules_of_a_community_are_taken_over_from_a_workspace(shared, deployer, acme):
    """Some have a name that is no uuid; those that share one get another here."""
    names: set[str] = set()
    for file in sorted((shared / "samples/sentinel-yaml").glob("*.yaml")):
        rule = yaml.safe_load(file.read_text())
        name = rule["id"] if rule["id"] not in names else str(uuid.uuid5(uuid.NAMESPACE_URL, file.name))
        names.add(name)
        for alias in re.findall(r"_GetWatchlist\('(\w+)'\)", rule["query"]):
            _put_watchlist(acme, alias)
        _put(acme, name, rule)

    refused, adopted = pulled(deployer)

    assert (refused, adopted) == ({}, 60)


def test_the_examples_that_microsoft_publishes_are_taken_over_or_refused_by_kind(shared, deployer, acme):
    kinds: list[str] = []
    for file in sorted((shared / "specs/sentinel").rglob("examples/alertRules/Create*.json")):
        body = json.loads(file.read_text())["parameters"]["alertRule"]
        body.pop("etag", None)
        answer = _answer(acme, str(uuid.uuid5(uuid.NAMESPACE_URL, str(file))), body)
        assert answer.ok, answer.text
        kinds.append(body["kind"])

    refused, adopted = pulled(deployer)

    why = "a rule of kind {} is made by Microsoft and has no query; deployer holds Scheduled and NRT"
    assert adopted == kinds.count("Scheduled") + kinds.count("NRT") == 3
    assert refused == {
        "Advanced Multistage Attack Detection": why.format("Fusion"),
        "testing displayname": why.format("MicrosoftSecurityIncidentCreation"),
    }


def _put(acme: Portal, name: str, rule: dict[str, Any]) -> None:
    """A rule of Azure-Sentinel's format, as its own tool would send it."""
    techniques = rule.get("relevantTechniques") or []
    names = (
        "description severity queryFrequency queryPeriod enabled tactics query entityMappings customDetails "
        "alertDetailsOverride eventGroupingSettings incidentConfiguration sentinelEntitiesMappings"
    ).split()
    properties = {name: rule[name] for name in names if rule.get(name) is not None}
    properties |= {
        "displayName": rule["name"],
        "enabled": rule.get("enabled", True),
        "suppressionEnabled": rule.get("suppressionEnabled", False),
        "suppressionDuration": rule.get("suppressionDuration", "PT5H"),
        "techniques": sorted({one.partition(".")[0] for one in techniques}),
        "subTechniques": [one for one in techniques if "." in one],
    }
    if rule.get("kind", "Scheduled") == "Scheduled":
        operator = rule.get("triggerOperator", "gt")
        properties["triggerOperator"] = OPERATORS.get(operator, operator)
        properties["triggerThreshold"] = rule.get("triggerThreshold", 0)
    answer = _answer(acme, name, {"kind": rule.get("kind", "Scheduled"), "properties": properties})
    assert answer.ok, answer.text


def _put_watchlist(acme: Portal, alias: str) -> None:
    """A watchlist with the columns that the samples ask for: without it, a rule that reads it is refused."""
    columns = ["Name", "IPAddress", "UserPrincipalName", "ComputerAccount"]
    properties = {
        "displayName": alias, "provider": "jo", "source": "a.csv", "sourceType": "Local", "itemsSearchKey": columns[0],
        "contentType": "text/csv", "numberOfLinesToSkip": 0, "rawContent": ",".join(columns) + "\na,b,c,d\n",
    }  # fmt: skip
    answer = _answer(acme, alias, {"properties": properties}, "watchlists")
    assert answer.ok, answer.text


def _answer(acme: Portal, name: str, body: dict[str, Any], kind: str = "alertRules") -> requests.Response:
    path = (
        "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/soc/providers/"
        f"Microsoft.OperationalInsights/workspaces/acme/providers/Microsoft.SecurityInsights/{kind}/{name}"
    )
    return requests.put(
        f"{acme.url}/arm{path}", json=body, params={"api-version": "2025-10-01-preview"},
        headers={"Authorization": "Bearer portal"}, timeout=20,
    )  # fmt: skip
