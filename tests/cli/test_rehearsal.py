"""The demo's made-up day: what the emulator detects, what the allowlists keep silent, and what must not be there."""

import pytest
import yaml

from deployer.manifest.load import load
from deployer.rehearsal import rehearse

ATTACKS = """
acme/kibana t1583.005-c2-beaconing: [ws-21 wupd32.exe wupd 198.51.100.66 6667]
acme/kibana t1583.005-inbound-volumetric: [192.0.2.20 443]
acme/kibana t1584.005-botnet-node: [ws-21 198.51.100.66 6667]
acme/sentinel t1583.005-c2-beaconing: ["C2 beaconing: wupd32.exe on ws-21.acme.example returns to 198.51.100.66"]
acme/sentinel t1583.005-inbound-volumetric: [HTTP Flood / Web Attack on 192.0.2.20 port 443]
acme/sentinel t1583.005-orb-relay: ["ORB relay: dropbear on edge-2.acme.example passes connections on"]
acme/sentinel t1584.005-botnet-node: ["Botnet node: ws-21.acme.example keeps connecting to 198.51.100.66 port 6667"]
globex/kibana t1583.005-c2-beaconing: [lab-4 rundll32.exe rndl 198.51.100.90 8443]
globex/sentinel t1583.005-c2-beaconing: ["C2 beaconing: rundll32.exe on lab-4.globex.example returns to 198.51.100.90"]
"""
"""Everything that the day's attacks are detected by, and nothing else: no harmless story is among them."""

HARMLESS_HOSTS = {"db-3", "dev-ws-17", "app-1", "mon-01", "ws-40", "ws-41", "edge-1", "lab-2", "lis-9"}


@pytest.fixture
def rehearsed(deployer, root):
    assert deployer("apply", "demo", "--yes").code == 0
    return rehearse(load(root, "demo"), root)


def test_the_attacks_of_the_day_are_detected_and_the_allowed_traffic_is_silent(rehearsed, deployer):
    detected = {f"{one.tenant}/{one.target} {one.rule}": sorted(set(one.detected)) for one in rehearsed if one.detected}
    silent = " ".join(title for one in rehearsed for title in one.silenced if one.target == "sentinel")

    assert detected == yaml.safe_load(ATTACKS)
    assert {host for host in HARMLESS_HOSTS if host in silent} == HARMLESS_HOSTS
    assert {one.note for one in rehearsed if one.note} == {"disabled", "not run: a rule of type eql"}

    # A second rehearsal starts over: nothing of the first is left, and nothing is counted twice.
    told = deployer("emulator", "rehearse", "demo")
    assert told.code == 0
    assert "tenant    alerts  kept silent by allowlists\n" in told.out
    assert told.out.count("Botnet node: ws-21") == 1

    # The day feeds the rule, but for one branch of its query.
    verified = deployer("verify", "demo", "--tenant", "acme", "--rule", "t1584.005-botnet-node").out
    assert "acme/kibana: emulated: " in verified
    assert "ran 1 of 1, healthy 1 of 1, data 1 of 1\n" in verified
    assert "branch `source.bytes < 1000 and process.name: *` sees nothing: 0 of" in verified


def test_a_rule_that_finds_no_index_to_read_is_not_shown_as_if_all_were_well(deployer, root):
    path = root / "environments/demo/telemetry.yaml"
    assert deployer("apply", "demo", "--yes").code == 0
    path.write_text("stories:\n  - {name: Nothing, tenants: [acme], kibana: []}\n")

    told = deployer("emulator", "rehearse", "demo")

    assert told.code == 0
    assert "t1584.005-botnet-node: 0 alerts, 0 kept silent\n    warning: This rule is attempting to query" in told.out


def test_a_story_of_a_tenant_that_there_is_not_is_an_error_and_no_quiet_day(deployer, root):
    path = root / "environments/workshop/telemetry.yaml"
    path.write_text("stories:\n  - {name: Nothing, tenants: [initch], kibana: []}\n")

    told = deployer("emulator", "rehearse", "workshop")

    assert told.code == 1
    assert "telemetry.yaml:2:5: error: 'initch' matches no tenant of workshop; did you mean 'initech'?" in told.err


def test_a_rehearsal_before_the_first_apply_says_what_comes_first(deployer):
    told = deployer("emulator", "rehearse", "demo")

    assert told.code == 0
    assert "t1584.005-botnet-node: the emulator does not hold it: deployer apply demo comes first" in told.out


def test_a_rehearsal_needs_an_emulated_target_and_a_day_without_faults(deployer, root):
    assert "nothing to rehearse on" in deployer("emulator", "rehearse", "prod").err
    (root / "environments/demo/telemetry.yaml").write_text("stories:\n  - {name: A, kibana: [{nowhere: {}}]}\n")

    told = deployer("emulator", "rehearse", "demo")

    assert told.code == 1
    assert "environments/demo/telemetry.yaml:2:" in told.err
