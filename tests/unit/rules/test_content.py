"""The detections in rules/ against the texts they were made from, and against the platforms' limits.

Reads the files as files: nothing of the package takes part, so that a fault in it cannot hide one in the content.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

RULES = Path(__file__).resolve().parents[3] / "rules"
FOLDERS = sorted(folder for folder in RULES.iterdir() if folder.is_dir())
QUERIES = sorted(RULES.glob("*/sentinel.kql"))
CATEGORIES: dict[str, Any] = yaml.safe_load((RULES / "allowlists.yaml").read_text())["categories"]

GROUPING: dict[str, tuple[list[str], list[str]]] = {
    "t1583.005-inbound-volumetric": (["IP"], []),
    "t1583.005-mass-external-connection": (["Host"], []),
    "t1584.005-connection-burst": (["Host"], []),
    "t1584.005-dns-burst": ([], ["Client"]),
}
"""Entities and custom details by which incidents are grouped, where that is not by host and address."""
ROOM_FOR_ALLOWLISTS = 3_000
"""Of the 10,000 characters that Sentinel takes for a query."""


def rule_of(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((folder / "rule.yaml").read_text())
    return document


def lets_of(query: str) -> dict[str, str]:
    return dict(re.findall(r"^let (\w+) = (.*?);$", query, re.MULTILINE | re.DOTALL))


def words_in(text: str) -> set[str]:
    return {part.strip().strip('"') for part in re.split(r"[(),\[\]]|\bor\b|dynamic", text) if part.strip()}


def result_columns(query: str) -> set[str]:
    last = query.rsplit("| project\n", 1)[1].split("\n|", 1)[0]
    last = re.sub(r"\([^)]*\)", "", last)
    return {part.split("=")[0].strip() for part in last.split(",")}


def columns_named_in(sentinel: dict[str, Any]) -> set[str]:
    override = sentinel["alertDetailsOverride"]
    named = {field["columnName"] for entity in sentinel["entityMappings"] for field in entity["fieldMappings"]}
    named |= set(sentinel["customDetails"].values())
    named |= {column for text in override.values() for column in re.findall(r"\{\{(\w+)\}\}", text)}
    return named | {value for key, value in override.items() if key.endswith("ColumnName")}


@pytest.fixture
def seeds(shared: Path) -> dict[str, str]:
    """The texts that the rules were made from, by the first part of their file's name."""
    folder = shared / "seeds"
    if not folder.is_dir():
        pytest.skip("no source texts beside the checkout (shared/seeds/)")
    return {file.name.split("_")[0]: file.read_text() for file in folder.glob("*.txt")}


def test_the_kuery_has_every_port_and_range_of_its_source(seeds: dict[str, str]) -> None:
    eql = seeds["000"][seeds["000"].index("network where") :]
    listed, excepted = re.findall(r"destination\.port in (\([^)]*\))", eql)
    (ranges,) = re.findall(r"cidrMatch\(destination\.ip,([^)]*)\)", eql)
    kuery = (RULES / "t1584.005-botnet-node/kibana.kuery").read_text()
    ports = re.findall(r"destination\.port : (\([^)]*\))", kuery)
    (addresses,) = re.findall(r"not destination\.ip : (\([^)]*\))", kuery)
    assert [words_in(part) for part in ports] == [words_in(listed), words_in(excepted)]
    assert words_in(addresses) == words_in(ranges)
    assert [len(words_in(part)) for part in (listed, excepted, ranges)] == [13, 12, 7]
    assert addresses.count('"') == 2 * 7  # IPv6 ranges are a syntax error in kuery without quotes


def test_the_lists_in_the_queries_are_those_of_the_source(seeds: dict[str, str]) -> None:
    for source, folder, name in (
        ("001", "t1584.005-botnet-node", "BotnetC2Ports"),
        ("004", "t1583.005-c2-beaconing", "ExcludedProcesses"),
        ("004", "t1583.005-c2-beaconing", "ExcludedPorts"),
    ):
        (listed,) = re.findall(rf"let {name} = (dynamic\(\[.*?\]\));", seeds[source], re.DOTALL)
        assert words_in(lets_of((RULES / folder / "sentinel.kql").read_text())[name]) == words_in(listed), name


def test_the_columns_of_the_source_are_kept(seeds: dict[str, str]) -> None:
    for source, folder, first in (
        ("001", "t1584.005-botnet-node", "FirstSeen, LastSeen, DeviceName"),
        ("004", "t1583.005-c2-beaconing", "Timestamp=LastSeen, DeviceName"),
    ):
        listed = seeds[source][seeds[source].index(first) :].split("\n|", 1)[0]
        wanted = {part.split("=")[0].strip() for part in listed.split(",")}
        assert wanted - result_columns((RULES / folder / "sentinel.kql").read_text()) == set()


def test_every_reference_of_the_source_is_kept(seeds: dict[str, str]) -> None:
    listed = set(re.findall(r"^- (https://\S+)$", seeds["000"], re.MULTILINE))
    assert set(rule_of(RULES / "t1584.005-botnet-node")["references"]) == listed


def test_the_defaults_are_the_numbers_of_the_source() -> None:
    expected = {
        "t1584.005-botnet-node": {
            "LookbackPeriod": "24h", "MinConnectionsThreshold": "20", "MinHourlyBuckets": "3",
            "LowBytesPerConnection": "500", "LowBytesMinPerHour": "10",
            "HighVolumeConnections": "200", "HighVolumeHours": "6", "RaisedVolumeConnections": "100",
        },
        "t1583.005-c2-beaconing": {
            "LookbackPeriod": "24h", "MinConnections": "12", "MinDurationMinutes": "30",
            "MinConnectionsPerHour": "4", "MaxConnectionsPerHour": "120",
            "CriticalConnections": "100", "CriticalDurationMinutes": "120",
            "HighConnections": "50", "MediumConnections": "20",
        },
        "t1583.005-inbound-volumetric": {
            "LookbackPeriod": "1h", "WindowSize": "5m", "MaxUniqueSources": "50", "MaxRequests": "500",
        },
        "t1583.005-orb-relay": {"LookbackPeriod": "24h", "TimeWindow": "5m", "MinRelayEvents": "3"},
        "t1584.005-connection-burst": {"WindowSize": "15m", "MaxConnections": "100"},
        "t1583.005-mass-external-connection": {"MinAddresses": "30", "ExcludedPorts": "dynamic([80, 443, 53])"},
    }  # fmt: skip
    found = {query.parent.name: lets_of(query.read_text()) for query in QUERIES}
    assert {name: {let: found[name][let] for let in lets} for name, lets in expected.items()} == expected


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.parent.name)
def test_a_query_runs_with_empty_allowlists_and_declares_all_of_them(query: Path) -> None:
    lets = lets_of(query.read_text())
    for category in rule_of(query.parent)["allowlists"]:
        names = CATEGORIES[category]["sentinel"]
        scoped = names["scoped"]
        assert lets[scoped] == "(Host:string, Process:string, Address:string, Port:int) { false }"
        assert {lets[name] for kind, name in names.items() if kind != "scoped"} == {"dynamic([])"}
        for name in names.values():
            assert len(re.findall(rf"\b{name}\b", query.read_text())) >= 2, f"{name} is declared and not used"


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.parent.name)
def test_a_query_keeps_to_what_sentinel_takes(query: Path) -> None:
    text = query.read_text()
    assert len(text) <= 10_000 - ROOM_FOR_ALLOWLISTS
    assert re.findall(r"search \*|union \*|\bany\(|\bTimestamp\b(?! =)|has_any|workspace\(", text) == []
    lets = lets_of(text)
    sentinel = rule_of(query.parent)["sentinel"]
    durations = {"PT30M": "30m", "PT1H": "1h", "P1D": "24h"}
    assert durations[sentinel["queryFrequency"]] == lets["RunFrequency"]
    assert durations[sentinel["queryPeriod"]] == lets["LookbackPeriod"]
    assert "| where LastSeen > ago(RunFrequency + IngestionDelay)" in text


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.parent.name)
def test_alerts_name_columns_that_the_query_returns(query: Path) -> None:
    sentinel = rule_of(query.parent)["sentinel"]
    override = sentinel["alertDetailsOverride"]
    assert columns_named_in(sentinel) - result_columns(query.read_text()) == set()
    assert len(sentinel["customDetails"]) <= 20
    assert len(sentinel["entityMappings"]) <= 10
    assert max(len(entity["fieldMappings"]) for entity in sentinel["entityMappings"]) <= 3
    assert max(text.count("{{") for text in override.values()) <= 3


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.parent.name)
def test_incidents_are_grouped_by_mapped_entities_over_the_window(query: Path) -> None:
    sentinel = rule_of(query.parent)["sentinel"]
    grouping = sentinel["incidentConfiguration"]["groupingConfiguration"]
    mapped = [entity["entityType"] for entity in sentinel["entityMappings"]]
    wanted, details = GROUPING.get(query.parent.name, (["Host", "IP"], []))
    assert (grouping["matchingMethod"], grouping["groupByEntities"]) == ("Selected", wanted)
    assert grouping["groupByCustomDetails"] == details
    assert set(details) <= sentinel["customDetails"].keys()
    assert wanted or details
    assert [mapped.count(entity) for entity in wanted] == [1] * len(wanted)
    assert grouping["lookbackDuration"] == sentinel["queryPeriod"]
    assert (sentinel["suppressionEnabled"], sentinel["suppressionDuration"]) == (False, "PT5H")
    assert sentinel["eventGroupingSettings"] == {"aggregationKind": "AlertPerResult"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_rule_explains_itself(folder: Path) -> None:
    rule = rule_of(folder)
    assert rule["id"] == folder.name
    hunting = rule.get("purpose") == "hunting"
    assert (rule["severity"], rule["confidence"]) == (("low", "low") if hunting else ("high", "medium"))
    assert rule["enabled"] is not hunting
    assert set(rule["allowlists"]) <= CATEGORIES.keys()
    assert all(case["cause"].endswith(".") and case["tuning"].endswith(".") for case in rule["false_positives"])
    assert all(part["what"] and part["why"] for part in rule["deviations"])
    assert any(part["what"].startswith("Not covered:") for part in rule["deviations"])
    assert [line["subtechnique"]["id"].upper() for line in rule["attack"]] == [folder.name.split("-")[0].upper()]


def test_the_rules_for_hunting_are_those_that_the_tests_of_the_sources_name() -> None:
    hunting = {folder.name for folder in FOLDERS if rule_of(folder).get("purpose") == "hunting"}
    assert hunting == {
        "t1583.005-mass-external-connection",
        "t1584.005-connection-burst",
        "t1584.005-dns-burst",
        "t1584.005-port-scan-burst",
    }


def test_the_numbers_of_the_hunting_rules_are_one_on_both_platforms() -> None:
    """Kibana fires from the value on; the burst's Sentinel query above its number, the other two from it on."""
    thresholds = {
        name: (threshold["value"], *(one["value"] for one in threshold.get("cardinality", ())))
        for name in ("t1584.005-connection-burst", "t1584.005-port-scan-burst", "t1584.005-dns-burst",
                     "t1583.005-mass-external-connection")
        for threshold in [rule_of(RULES / name)["kibana"]["threshold"]]
    }  # fmt: skip
    lets = {query.parent.name: lets_of(query.read_text()) for query in QUERIES}
    burst = int(lets["t1584.005-connection-burst"]["MaxConnections"]) + 1
    names = int(lets["t1584.005-dns-burst"]["MinMissingNames"])
    addresses = int(lets["t1583.005-mass-external-connection"]["MinAddresses"])
    assert thresholds == {
        "t1584.005-connection-burst": (burst,),
        "t1584.005-port-scan-burst": (burst, int(lets["t1584.005-connection-burst"]["MinScanPorts"])),
        "t1584.005-dns-burst": (names, names),
        "t1583.005-mass-external-connection": (addresses, addresses),
    }


@pytest.mark.parametrize(
    "name", ["t1584.005-connection-burst", "t1584.005-port-scan-burst", "t1583.005-mass-external-connection"]
)
def test_the_hunting_rules_leave_out_the_ranges_of_the_source(name: str) -> None:
    source, hunting = (
        re.findall(r"not destination\.ip : (\([^)]*\))", (RULES / folder / "kibana.kuery").read_text())
        for folder in ("t1584.005-botnet-node", name)
    )
    assert [words_in(part) for part in hunting] == [words_in(part) for part in source]


def test_the_threshold_rule_counts_hours_and_not_milliseconds() -> None:
    kibana = rule_of(RULES / "t1584.005-botnet-node")["kibana"]
    assert kibana["threshold"] == {
        "field": ["host.name", "destination.ip", "destination.port"],
        "value": 20,
        "cardinality": [{"field": "deployer.epoch_hour", "value": 3}],
    }
    field = kibana["data_view"]["runtimeFieldMap"]["deployer.epoch_hour"]
    assert field["type"] == "long"
    assert "doc['@timestamp'].size() > 0" in field["script"]["source"]
    assert (kibana["interval"], kibana["from"], kibana.get("timestamp_override")) == ("1h", "now-24h", None)


def test_the_relay_join_has_a_time_bin_in_its_key(repo_root: Path) -> None:
    """Without it every inbound event of a busy host is joined with every outbound one of a day."""
    query = (repo_root / "rules/t1583.005-orb-relay/sentinel.kql").read_text()

    (keys,) = re.findall(r"join kind=inner .*? on ([^|\n]+)", query, re.DOTALL)
    assert "TimeBin" in keys


def test_a_critical_beacon_is_mapped_to_a_severity_that_sentinel_has(repo_root: Path) -> None:
    folder = repo_root / "rules/t1583.005-c2-beaconing"
    rule = yaml.safe_load((folder / "rule.yaml").read_text())
    column = rule["sentinel"]["alertDetailsOverride"]["alertSeverityColumnName"]

    assert re.search(rf"{column} = iff\(BeaconScore == \"Critical\", \"High\"", (folder / "sentinel.kql").read_text())
