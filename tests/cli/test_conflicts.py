"""What moves in a target while apply is at work is a conflict: it is not written, and the rest goes on; exit code 3."""

import threading
from contextlib import contextmanager

import pytest

from deployer.providers.sentinel.codec import rule_uuid
from tests.cli.test_rollback import BEACON
from tests.cli.test_rollback import BOTNET
from tests.cli.test_rollback import ITEMS
from tests.cli.test_rollback import RULES
from tests.cli.test_rollback import Live
from tests.cli.test_rollback import changes
from tests.cli.test_rollback import entry
from tests.cli.test_rollback import environment


@pytest.fixture
def moved_on(site, deployer):
    """One tenant with two rules and an entry, applied; then Git changes all three."""
    site.tenant("globex").unlink()
    environment(site, rules=[BOTNET, BEACON])
    site.edit(site.tenant("acme"), lambda one: one.update(allowlists={"proxies": [entry("198.51.100.8/29")]}))
    deployer("apply", "site")
    change = {"allowlists": {"proxies": [{**entry("198.51.100.8/29"), "reason": "Still known."}]},
              "overlay": {"t158*": {"severity": "low"}}}  # fmt: skip
    site.edit(site.tenant("acme"), lambda one: one.update(change))
    return site


@contextmanager
def meanwhile(emulator, hands, **held):
    """A colleague acts as soon as the request that the fault holds back has been carried out."""
    emulator.fault(kind="late", times=1, seconds=60, **held)
    seen = []

    def act():
        seen.append(emulator.stalled(30))
        hands()
        emulator.clear_faults()

    colleague = threading.Thread(target=act)
    colleague.start()
    yield
    colleague.join()
    assert seen == [True]


@pytest.mark.parametrize(
    ("target", "held"),
    [
        ("kibana", {"path": "/kibana/.*/detection_engine/rules$", "method": "PUT"}),
        ("sentinel", {"path": f"/arm/.*/{rule_uuid(BEACON)}$", "method": "PUT"}),
    ],
)
def test_a_rule_that_somebody_edits_during_the_run_is_a_conflict_and_the_rest_goes_on(deployer, moved_on, target, held):
    """The colleague edits the second rule while the first is being written."""
    live = Live(moved_on.emulator)
    hands = {"kibana": live.edit_kibana, "sentinel": live.edit_sentinel}[target]

    with meanwhile(moved_on.emulator, lambda: hands(BOTNET, enabled=False), **held):
        applied = deployer("apply", "site", "--format", "json")

    found = changes(applied.json, target)
    rule = found.pop(f"rule/{BOTNET}")
    outcome = {one["target"]: one["outcome"] for one in applied.json["targets"]}
    assert applied.code == 3
    assert outcome.pop(target) == "partial"
    assert set(outcome.values()) == {"applied"}
    assert (rule["done"], rule["error"]) == (False, f"rule/{BOTNET} was changed by jo since it was read; plan again")
    assert all(one["done"] for one in found.values())
    assert f"rule/{BEACON}" in found


def test_an_edit_between_our_look_and_our_write_is_a_conflict_in_sentinel_by_its_etag(deployer, moved_on):
    live = Live(moved_on.emulator)
    held = {"path": f"/arm/.*/{rule_uuid(BOTNET)}$", "method": "GET"}

    with meanwhile(moved_on.emulator, lambda: live.edit_sentinel(BOTNET, enabled=False), **held):
        applied = deployer("apply", "site", "--format", "json")

    rule = changes(applied.json, "sentinel")[f"rule/{BOTNET}"]
    assert applied.code == 3
    assert rule["done"] is False
    assert rule["error"].startswith("412: put alert rules")
    assert live.arm("GET", rule_uuid(BOTNET))["properties"]["enabled"] is False
    assert changes(applied.json, "sentinel")[f"rule/{BEACON}"]["done"] is True


def test_an_edit_between_our_look_and_our_write_is_a_conflict_for_a_kibana_item_by_its_version(deployer, moved_on):
    """Kibana takes a version for exception items. For rules it takes none: there the look is all there is."""
    live = Live(moved_on.emulator)
    (item,) = live.kibana("GET", f"{ITEMS}/_find", list_id="deployer-proxies")["data"]
    names = ("item_id", "name", "type", "entries", "tags", "namespace_type")
    theirs = {**{name: item[name] for name in names}, "description": "Mine."}

    held = {"path": "/kibana/.*/exception_lists/items$", "method": "GET"}
    with meanwhile(moved_on.emulator, lambda: live.kibana("PUT", ITEMS, theirs), **held):
        applied = deployer("apply", "site", "--format", "json")

    found = changes(applied.json, "kibana")
    assert applied.code == 3
    assert "409" in found[f"item/{item['item_id']}"]["error"]
    assert live.kibana("GET", ITEMS, item_id=item["item_id"])["description"] == "Mine."
    # a rule does not go on without the entry that it needs
    assert found[f"rule/{BOTNET}"]["error"].startswith("not tried: it needs item/")
    assert live.kibana("GET", RULES, rule_id=BOTNET)["severity"] != "low"
