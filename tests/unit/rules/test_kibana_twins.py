"""What the Kibana halves of the T1583.005 detections promise beside their twins, where no case can show it for all."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

RULES = Path(__file__).resolve().parents[3] / "rules"
KIBANA = {
    folder.name: rule["kibana"]
    for folder in sorted(RULES.iterdir())
    if folder.is_dir() and "kibana" in (rule := yaml.safe_load((folder / "rule.yaml").read_text()))
}
THRESHOLDS = {name: block["threshold"] for name, block in KIBANA.items() if block["type"] == "threshold"}
SLOT, WINDOW = 300, 3 * 3600
"""Seconds: of a slot, and of the time that one run of the beaconing rule looks at."""


def numbers(text: str) -> list[int]:
    return sorted(map(int, re.findall(r"\d+", text)))


def ranges(text: str) -> set[str]:
    return set(re.findall(r'"([0-9a-f:.]+/\d+)"', text))


@pytest.mark.parametrize(("name", "threshold"), THRESHOLDS.items(), ids=list(THRESHOLDS))
def test_a_threshold_rule_groups_by_what_every_supported_kibana_takes(name: str, threshold: dict[str, Any]) -> None:
    """Three fields until 9.1, and never the one that is counted."""
    fields = threshold["field"]
    assert 1 <= len(fields) <= 3
    assert not {one["field"] for one in threshold.get("cardinality", ())} & set(fields)


@pytest.mark.parametrize(("name", "threshold"), THRESHOLDS.items(), ids=list(THRESHOLDS))
def test_a_computed_field_comes_from_the_rules_own_data_view(name: str, threshold: dict[str, Any]) -> None:
    named = {*threshold["field"], *(one["field"] for one in threshold.get("cardinality", ()))}
    computed = set(KIBANA[name].get("data_view", {}).get("runtimeFieldMap", {}))
    assert {field for field in named if field.startswith("deployer.")} == computed
    assert KIBANA[name].get("timestamp_override") is None  # slot and window must go by the same clock


def test_the_slot_of_both_rules_is_five_minutes() -> None:
    for name in ("t1583.005-c2-beaconing", "t1583.005-inbound-volumetric"):
        [field] = KIBANA[name]["data_view"]["runtimeFieldMap"].values()
        assert f"toEpochMilli() / {SLOT * 1000}L" in field["script"]["source"]


def test_the_relay_asks_the_same_of_each_of_its_three_connections_out() -> None:
    query = (RULES / "t1583.005-orb-relay/kibana.eql").read_text()
    head, inbound, *outbound = re.split(r"^  (?=\[)", query, flags=re.MULTILINE)
    assert head == "sequence by host.name, process.name with maxspan=5m\n"
    assert "connection_accepted" in inbound
    assert len(outbound) == 3
    assert len(set(outbound)) == 1


def test_both_rules_on_endpoints_know_the_same_addresses_for_public() -> None:
    beaconing = ranges((RULES / "t1583.005-c2-beaconing/kibana.kuery").read_text())
    relay = (RULES / "t1583.005-orb-relay/kibana.eql").read_text()
    assert [ranges(part) for part in relay.split("cidrMatch")[1:]] == [beaconing] * 4
    assert ranges((RULES / "t1583.005-inbound-volumetric/kibana.kuery").read_text()) < beaconing


def test_the_lists_are_those_of_the_sentinel_halves() -> None:
    def let(rule: str, name: str) -> str:
        query = (RULES / rule / "sentinel.kql").read_text()
        (found,) = re.findall(rf"let {name} = dynamic\((.*?)\);", query, re.DOTALL)
        return str(found)

    beaconing = (RULES / "t1583.005-c2-beaconing/kibana.kuery").read_text()
    (ports,) = re.findall(r"destination\.port : \(([^)]*)\)", beaconing)
    (programs,) = re.findall(r"process\.name : \(([^)]*)\)", beaconing)
    assert numbers(ports) == numbers(let("t1583.005-c2-beaconing", "ExcludedPorts"))
    excluded = re.findall(r'"([^"]+)"', let("t1583.005-c2-beaconing", "ExcludedProcesses"))
    assert set(re.findall(r'"([^"]+)"', programs)) == {*excluded, "OUTLOOK.EXE"}

    inbound = (RULES / "t1583.005-inbound-volumetric/kibana.kuery").read_text()
    (ports,) = re.findall(r"destination\.port : \(([^)]*)\)", inbound)
    (actions,) = re.findall(r"event\.action : \(([^)]*)\)", inbound)
    assert numbers(ports) == numbers(let("t1583.005-inbound-volumetric", "WatchedPorts"))
    blocked = let("t1583.005-inbound-volumetric", "BlockedActions")
    assert set(re.findall(r'"([^"]+)"', actions)) == set(re.findall(r'"([^"]+)"', blocked))
    private = [let("t1583.005-inbound-volumetric", name) for name in ("PrivateRanges", "PrivateRangesIPv6")]
    assert ranges(inbound) == ranges(" ".join(private))


def test_no_steady_beacon_of_the_source_is_too_slow_or_too_short_for_kibana() -> None:
    """The deviation's claim, by arithmetic: whatever the source finds of a steady pace has twelve connections within
    three hours that touch seven slots, wherever by the clock it begins."""
    value, slots = THRESHOLDS["t1583.005-c2-beaconing"]["value"], THRESHOLDS["t1583.005-c2-beaconing"]["cardinality"]
    missed = [
        (pace, count, offset)
        for pace in range(20, 1000, 7)
        for count in (12, 13, 20, 21, 60, 96, 240)
        if found_by_the_source(pace, count)
        for offset in range(0, SLOT, 29)
        if not found_by_kibana([offset + number * pace for number in range(count)], value, slots[0]["value"])
    ]
    assert missed == []


def test_twenty_five_minutes_never_touch_seven_slots() -> None:
    length = 25 * 60
    assert {(start + length) // SLOT - start // SLOT + 1 for start in range(SLOT)} == {6}


def found_by_the_source(pace: int, count: int) -> bool:
    minutes = (count - 1) * pace / 60
    return count >= 12 and minutes >= 30 and 4 <= count / (minutes / 60) <= 120


def found_by_kibana(moments: Iterable[int], value: int, slots: int) -> bool:
    """Whether some three hours that end with a connection hold enough."""
    seen = list(moments)
    return any(
        len(held) >= value and len({moment // SLOT for moment in held}) >= slots
        for end in seen
        for held in [[moment for moment in seen if end - WINDOW <= moment <= end]]
    )
