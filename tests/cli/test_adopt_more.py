"""Taking rules over where ids come close to each other, and where a tenant's file is a link."""

from typing import Any

import pytest

from tests.cli.test_adopt import COMMON
from tests.cli.test_adopt import Portal

RULE: dict[str, Any] = {**COMMON, "type": "query", "query": "a : b"}


@pytest.fixture
def acme(site: Any) -> Portal:
    return Portal(site.emulator.url, "acme")


def test_an_id_made_from_a_name_is_never_the_live_id_of_another_rule(site: Any, deployer: Any, acme: Portal) -> None:
    acme.rule("Beacons", RULE, rule_id="BEACONS")
    acme.rule("beacons of old", RULE, rule_id="beacons")

    adopted = deployer("pull", "site", "--tenant", "acme", "--all", "--format", "json")

    assert adopted.code == 0, adopted.out
    assert (site.root / "rules/beacons/rule.yaml").read_text().count("name: beacons of old") == 1
    planned = deployer("plan", "site", "--tenant", "acme", "--rule", "beacons*", "--format", "json").json
    changes = [change for target in planned["targets"] for change in target["changes"]]
    assert sorted((one["action"], one["id"], tuple(one["fields"])) for one in changes) == [
        ("claim", "BEACONS", ()),
        ("claim", "beacons", ()),
    ]


def test_a_tenants_file_that_is_a_link_stays_one(site: Any, deployer: Any, acme: Portal) -> None:
    acme.rule("shared", RULE, rule_id="shared")
    Portal(site.emulator.url, "globex").rule("shared", {**RULE, "interval": "6m"}, rule_id="shared")
    link = site.tenant("globex")
    real = site.root / "customers/globex.yaml"
    real.parent.mkdir()
    link.rename(real)
    link.symlink_to("../../../customers/globex.yaml")

    assert deployer("pull", "site", "--tenant", "acme", "--all").code == 0
    assert deployer("pull", "site", "--tenant", "globex", "--all").code == 0

    assert link.is_symlink()
    assert "interval: 6m" in real.read_text()


def test_check_says_once_that_fields_were_not_checked_and_not_of_each(site: Any, deployer: Any, acme: Portal) -> None:
    acme.rule("beacons", {**RULE, "index": ["other-*"]}, rule_id="beacons")
    deployer("pull", "site", "--tenant", "acme", "--all")

    found = deployer("check", "site", "--format", "json").json["findings"]

    codes = [one["code"] for one in found if one["path"].startswith("rules/beacons/")]
    assert "tables-not-named" in codes
    assert "field-missing" not in codes
