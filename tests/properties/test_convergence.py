"""Whatever people do in a target between two runs: apply makes it equal to Git, and loses nothing that is not ours."""

import itertools
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.emulator import Emulator
from deployer.model import Platform
from deployer.providers import base
from tests import make
from tests.bench import Bench

RULES, LISTS, ITEMS = "/api/detection_engine/rules", "/api/exception_lists", "/api/exception_lists/items"
ENTRIES = (make.entry(), make.entry("2001:db8::/32", expires="2030-01-31"), make.entry("198.51.100.7", hosts=("a",)))
NUMBERS = itertools.count()


def assignment(bench: Bench, rules: int, entries: int) -> Any:
    return bench.assignment(*(make.rule(f"r{index}") for index in range(1, rules + 1)), entries=ENTRIES[:entries])


def copy_in_kibana(bench: Bench) -> None:
    ids = [bench.document("r1")["id"]]
    bench.kibana("POST", f"{RULES}/_bulk_action", {"action": "duplicate", "ids": ids})


def add_item(bench: Bench) -> None:
    entry = {"field": "destination.ip", "operator": "included", "type": "match", "value": "203.0.113.9"}
    body = {"list_id": "deployer-servers", "type": "simple", "name": "By hand", "description": "x", "entries": [entry]}
    bench.kibana("POST", ITEMS, body)


def attach_list(bench: Bench) -> None:
    name = f"theirs-{next(NUMBERS)}"
    made = bench.kibana("POST", LISTS, {"list_id": name, "name": name, "description": "x", "type": "detection"})
    theirs = {"id": made["id"], "list_id": name, "type": "detection", "namespace_type": "single"}
    bench.edit("r1", exceptions_list=[*bench.document("r1")["exceptions_list"], theirs])


def delete_an_item(bench: Bench) -> None:
    for item in bench.kibana("GET", f"{ITEMS}/_find", list_id="deployer-servers")["data"]:
        if item["item_id"].startswith("deployer-"):
            bench.kibana("DELETE", ITEMS, item_id=item["item_id"])
            return


def copy_in_sentinel(bench: Bench) -> None:
    document = bench.document("r1")
    name = f"00000000-0000-4000-8000-{next(NUMBERS):012d}"
    bench.arm("PUT", name, {"kind": document["kind"], "properties": document["properties"]})


def unmark_in_sentinel(bench: Bench) -> None:
    bench.edit("r1", query=bench.document("r1")["properties"]["query"].split("\n", 1)[-1])


ANALYSTS: dict[Platform, dict[str, Callable[[Bench], Any]]] = {
    Platform.KIBANA: {
        "severity": lambda bench: bench.edit("r1", severity="low"),
        "disable": lambda bench: bench.edit("r1", enabled=False),
        "unmark": lambda bench: bench.edit("r1", tags=[]),
        "note": lambda bench: bench.edit("r1", note="Seen before."),
        "copy": copy_in_kibana,
        "delete": lambda bench: bench.kibana("DELETE", RULES, rule_id="r1"),
        "add item": add_item,
        "delete item": delete_an_item,
        "attach list": attach_list,
        "delete view": lambda bench: bench.kibana("DELETE", "/api/data_views/data_view/deployer-r1"),
    },
    Platform.SENTINEL: {
        "severity": lambda bench: bench.edit("r1", severity="Low"),
        "disable": lambda bench: bench.edit("r1", enabled=False),
        "unmark": unmark_in_sentinel,
        "unknown": lambda bench: bench.edit("r1", later={"a": 1}),
        "copy": copy_in_sentinel,
        "query": lambda bench: bench.edit("r1", query="Heartbeat"),
    },
}


def theirs(bench: Bench) -> dict[str, Any]:
    """Everything in the target that is not ours, and what analysts gave to ours."""
    if bench.platform is Platform.SENTINEL:
        live = bench.arm("GET", "")["value"]
        return {
            "rules": {rule["name"]: rule for rule in live if rule["name"].startswith("00000000-0000-4000-8000")},
            "unknown": sum("later" in rule["properties"] for rule in live),
        }
    rules = bench.kibana("GET", f"{RULES}/_find", per_page=100)["data"]
    lists = bench.kibana("GET", f"{LISTS}/_find", per_page=100)["data"]
    items = [
        item
        for one in lists
        for item in bench.kibana("GET", f"{ITEMS}/_find", list_id=one["list_id"])["data"]
    ]  # fmt: skip
    return {
        "rules": {rule["rule_id"]: rule for rule in rules if not rule["rule_id"].startswith("r")},
        "lists": {one["list_id"]: one for one in lists if not one["list_id"].startswith("deployer-")},
        "items": {item["item_id"]: item for item in items if not item["item_id"].startswith("deployer-")},
        "notes": sorted(rule["note"] for rule in rules if rule.get("note")),
        "attached": sorted(
            one["list_id"]
            for rule in rules
            for one in rule["exceptions_list"]
            if not one["list_id"].startswith("deployer-")
        ),
    }


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.mark.parametrize("platform", list(Platform), ids=str)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_apply_converges_and_loses_nothing_that_is_not_ours(platform, emulator, monkeypatch, data):
    monkeypatch.setattr(base, "CONFIRM_WAITS_SECONDS", (0.0, 0.01))
    bench = Bench(platform, emulator, f"place-{next(NUMBERS)}")
    bench.apply(assignment(bench, 2, 2))
    names = data.draw(st.lists(st.sampled_from(sorted(ANALYSTS[platform])), max_size=4, unique=True))
    # what cannot be done to a rule that is gone is done before it goes
    for name in sorted(names, key=lambda name: name == "delete"):
        ANALYSTS[platform][name](bench)
    after = theirs(bench)
    wanted = assignment(bench, data.draw(st.integers(1, 3)), data.draw(st.integers(0, 3)))

    first = bench.apply(wanted, adopt=True)
    second = bench.plan(wanted)
    bench.emulator.clear_requests()
    third = bench.apply(wanted)
    bench.provider.close()

    assert [failure.error for failure in first.failures] == []
    assert second.changes == ()
    assert (third.done, bench.writes()) == ((), [])
    kept = theirs(bench)
    if "delete" in names:  # what was given to the rule went with it
        for gone in ("notes", "attached"):
            after.pop(gone, None)
            kept.pop(gone, None)
    assert kept == after
