"""Free-form exceptions of a customer: what no category covers, for the rules that they name and until their day."""

from dataclasses import replace
from datetime import UTC
from datetime import datetime

import pytest

from deployer.check import exempted
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.model import Platform
from deployer.providers.codecs import encode
from deployer.ruletests import kibana
from deployer.ruletests import sentinel
from tests.cli import colleague

RULE = "t1584.005-botnet-node"
LIST = f"deployer-exceptions-{RULE}"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def agent(process="backup.exe", **change):
    """An exception for one program on both platforms."""
    condition = {"field": "process.name", "operator": "included", "type": "match", "value": process}
    return {
        "rules": [RULE], "kibana": [condition], "sentinel": {"let": "ExcludedProcesses", "values": [process]},
        "reason": "Backup agent, whose vendor publishes no ranges", "owner": "jo@acme.example", **change,
    }  # fmt: skip


@pytest.fixture
def excepted(site):
    """`excepted(exception, ...)`: the one tenant that there is has these exceptions."""
    site.tenant("globex").unlink()

    def write(*exceptions, **further):
        site.edit(site.tenant("acme"), lambda document: document.update(exceptions=list(exceptions), **further))
        return site

    return write


def connections(process):
    """Sixty connections over five hours to one IRC port."""
    at = [datetime.fromtimestamp(NOW.timestamp() - 5 * 3600 + 300 * number, UTC) for number in range(60)]
    defender = [
        {"TimeGenerated": when.isoformat(), "DeviceName": "ws-1", "ActionType": "ConnectionSuccess",
         "RemoteIPType": "Public", "RemoteIP": "198.51.100.50", "RemotePort": 6667,
         "InitiatingProcessFileName": process}
        for when in at
    ]  # fmt: skip
    elastic = [
        {"@timestamp": when.isoformat(), "event.category": ["network"], "event.action": "connection_attempted",
         "network.direction": "egress", "host.name": "ws-1", "process.name": process,
         "destination.ip": "198.51.100.50", "destination.port": 6667}
        for when in at
    ]  # fmt: skip
    return {"DeviceNetworkEvents": defender}, {"logs-endpoint.events.network-default": elastic}


def found(root, process, now=NOW):
    """How much the rule finds of one program's connections, as it would be deployed, by platform."""
    manifest = load(root, "site", trusted_hosts=("127.0.0.1",))
    [tenant] = manifest.tenants
    rule = manifest.rules[RULE]
    defender, elastic = connections(process)
    answers = {}
    for target in tenant.targets:
        alone = assign(manifest, tenant, target)
        state = encode(replace(alone, rules=tuple(one for one in alone.rules if one.id == RULE)))
        half = rule.on(target.platform)
        assert half is not None
        if target.platform is Platform.KIBANA:
            answers["kibana"] = len(kibana.find(state, half, elastic, now).rows)
        else:
            answers["sentinel"] = len(sentinel.find(state, half, defender, now).rows)
    return answers


def test_an_exception_lets_its_program_through_on_both_platforms_and_no_other(deployer, excepted):
    site = excepted(agent())

    applied = deployer("apply", "site", "--rule", RULE)
    again = deployer("plan", "site", "--rule", RULE)

    live = colleague.rule_in(site.emulator, "acme", RULE)
    assert (applied.code, again.code) == (0, 0), applied.out
    assert LIST in [one["list_id"] for one in live["exceptions_list"]]
    assert (
        'let ExcludedProcesses = dynamic(["backup.exe"]);'
        in colleague.sentinel(site.emulator, "acme", "GET", RULE)["properties"]["query"]
    )
    assert found(site.root, "backup.exe") == {"kibana": 0, "sentinel": 0}
    assert found(site.root, "wupd32.exe") == {"kibana": 1, "sentinel": 1}


def test_an_exception_stops_by_itself_after_its_day(excepted):
    site = excepted(agent(expires="2026-11-19"))
    past = found(site.root, "backup.exe")
    excepted(agent(expires="2026-11-20"))

    assert past == {"kibana": 1, "sentinel": 1}
    assert found(site.root, "backup.exe") == {"kibana": 0, "sentinel": 0}


def test_an_exception_adds_to_what_an_overlay_has_set(excepted):
    overlay = {RULE: {"sentinel": {"parameters": {"ExcludedProcesses": ["sync.exe"]}}}}
    site = excepted(agent(expires="2030-01-01"), overlay=overlay)

    assert found(site.root, "sync.exe")["sentinel"] == 0
    assert found(site.root, "backup.exe")["sentinel"] == 0


def test_an_exception_that_goes_from_git_goes_from_the_target_with_its_list(deployer, excepted):
    site = excepted(agent())
    deployer("apply", "site", "--rule", RULE)
    excepted()

    applied = deployer("apply", "site", "--rule", RULE)

    live = colleague.rule_in(site.emulator, "acme", RULE)
    assert applied.code == 0, applied.out
    assert LIST not in [one["list_id"] for one in live["exceptions_list"]]
    assert deployer("plan", "site", "--rule", RULE).code == 0


def test_an_exception_that_an_analyst_edits_is_drift_and_the_next_apply_puts_it_back(deployer, excepted):
    site = excepted(agent())
    deployer("apply", "site", "--rule", RULE)
    [item] = colleague.kibana(site.emulator, "acme", "GET", f"{colleague.ITEMS}/_find", list_id=LIST)["data"]
    kept = {name: item[name] for name in ("id", "type", "name", "description", "tags")}
    wider = [{**item["entries"][0], "value": "cmd.exe"}]
    colleague.kibana(site.emulator, "acme", "PUT", colleague.ITEMS, {**kept, "entries": wider})

    drift = deployer("drift", "site", "--rule", RULE)
    pulled = deployer("pull", "site", "--tenant", "acme", "--rule", RULE)
    applied = deployer("apply", "site", "--rule", RULE)

    assert drift.code == 2
    assert "write it into `exceptions` of the tenant's file" in pulled.out
    assert applied.code == 0
    assert deployer("plan", "site", "--rule", RULE).code == 0


def test_values_of_the_wrong_sort_and_lets_that_no_rule_names_are_errors_at_their_place(deployer, excepted):
    port = {**agent(), "sentinel": {"let": "ExcludedPorts", "values": ["6667"]}}
    other = {**agent("x.exe"), "sentinel": {"let": "ExcludedProcess", "values": ["x.exe"]}}
    excepted(port, other, overlay={RULE: {"sentinel": {"parameters": {"ExcludedPorts": [80]}}}})

    checked = deployer("check", "site", "--rule", "t1584.005-port-scan-burst")

    assert checked.code == 1
    assert (
        "no rule of it names `let ExcludedProcess` in `sentinel.exceptions` of its rule.yaml; did you mean"
        in checked.out
    )


def test_an_exception_on_a_field_that_the_data_has_not_is_named_and_an_excluded_one_is_an_error(excepted):
    slip = {"field": "host.nmae", "operator": "excluded", "type": "match", "value": "fs-1"}
    wrong = agent()
    wrong["kibana"] = [*wrong["kibana"], slip]
    idle = agent("x.exe", kibana=[{"field": "proces.name", "operator": "included", "type": "match", "value": "x.exe"}])
    site = excepted(wrong, idle)
    manifest = load(site.root, "site", trusted_hosts=("127.0.0.1",))
    [tenant] = manifest.tenants

    found = [one for target in tenant.targets for one in exempted.findings(assign(manifest, tenant, target))]

    assert [(one.code, one.severity, "did you mean" in one.message) for one in found] == [
        ("field-missing", "error", True),
        ("field-missing", "warning", True),
    ]
