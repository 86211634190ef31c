"""Every body that the demo sends, against the vendors' own descriptions."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Site
from tests.descriptions import Description
from tests.descriptions import alert_rules_check
from tests.descriptions import insights_folder
from tests.descriptions import kibana_description


@pytest.fixture(scope="module")
def description(shared) -> Description:
    return kibana_description(shared)


@pytest.fixture(scope="module")
def check(shared) -> Callable[[Any, str, str], None]:
    return alert_rules_check(insights_folder(shared))


@pytest.fixture
def sent(deployer, site: Site) -> list[Any]:
    """Every write of a first apply, with allowlists of each kind."""
    entry = {"value": "192.0.2.0/24", "reason": "Known.", "owner": "soc"}
    scoped = {**entry, "value": "2001:db8::1", "hosts": ["ws-1"], "processes": ["a.exe"], "expires": "2030-01-31"}
    site.edit(
        site.tenant("acme"), lambda document: document.update(allowlists={"apm_vendors": [dict(entry), dict(scoped)]})
    )
    assert deployer("apply", "site").code == 0
    return [one for one in site.emulator.requests if one["method"] in ("POST", "PUT")]


def test_the_detection_rules_are_ones_that_kibana_describes(sent, description):
    rules = [one for one in sent if one["path"].endswith("/api/detection_engine/rules")]
    described = {"threshold": "ThresholdRuleCreateProps", "eql": "EqlRuleCreateProps"}

    assert {one["body"]["type"] for one in rules} == described.keys()
    for one in rules:
        schema = f"Security_Detections_API_{described[one['body']['type']]}"
        description.check_request(one["body"], one["method"], "/api/detection_engine/rules")
        description.check_schema(one["body"], schema)
        assert one["body"].keys() <= description.properties(schema)


@pytest.mark.parametrize("path", ["/api/exception_lists", "/api/exception_lists/items", "/api/data_views/data_view"])
def test_lists_items_and_data_views_are_ones_that_kibana_describes(sent, description, path):
    bodies = [one for one in sent if one["path"].endswith(path)]

    assert bodies
    for one in bodies:
        description.check_request(one["body"], one["method"], path)


def test_the_analytics_rules_are_ones_that_the_swagger_describes(sent, check):
    rules = [one["body"] for one in sent if "/alertRules/" in one["path"]]

    assert len(rules) == 12
    for body in rules:
        assert body["kind"] == "Scheduled"
        check(body, "preview/2024-01-01-preview", "ScheduledAlertRule")


def test_the_analytics_rules_carry_nothing_that_the_newest_preview_does_not_know(sent, shared):
    """bicep-types-az, 2025-10-01-preview: every property that is sent is one of ScheduledAlertRuleProperties."""
    import json

    types = json.loads((shared / "specs/sentinel/bicep-types-az/2025-10-01-preview/types.json").read_text())
    (properties,) = [one["properties"] for one in types if one.get("name") == "ScheduledAlertRuleProperties"]

    for one in sent:
        if "/alertRules/" in one["path"]:
            assert one["body"]["properties"].keys() <= properties.keys()
