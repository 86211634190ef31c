"""verify of a workspace: did its rules run, how did that end, does their data arrive, by the workspace's own logs."""

import json
from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest
import requests

from deployer.providers.sentinel.codec import rule_uuid
from tests.cli.conftest import TOKEN

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=30)
NODE, RELAY, FIREWALL = "t1584.005-botnet-node", "t1583.005-orb-relay", "t1583.005-inbound-volumetric"
SWITCH_ON = "switch on health monitoring in the workspace: Settings > Auditing and health monitoring"
WORKSPACE = {"subscription": "11111111-1111-4111-8111-111111111111", "group": "soc", "workspace": "acme"}
EVENT = {
    "TimeGenerated": (NOW - timedelta(minutes=5)).isoformat(),
    "ActionType": "ConnectionSuccess",
    "AdditionalFields": {"x": 1},
    "DeviceName": "ws-17",
    "InitiatingProcessAccountDomain": "acme",
    "InitiatingProcessAccountName": "jo",
    "InitiatingProcessCommandLine": "a.exe",
    "InitiatingProcessFileName": "a.exe",
    "InitiatingProcessFolderPath": "c:\\a.exe",
    "InitiatingProcessId": 7,
    "LocalPort": 50000,
    "RemoteIP": "198.51.100.7",
    "RemoteIPType": "Public",
    "RemotePort": 6667,
}


@pytest.fixture
def workspace(site, deployer, emulator, monkeypatch):
    """The rules of acme, applied to its workspace at `NOW`."""
    monkeypatch.setattr("azure.core.pipeline.policies.RetryPolicy.sleep", lambda *args, **options: None)
    emulator.set_clock(NOW)
    site.tenant("globex").unlink()
    site.edit(site.tenant("acme"), lambda tenant: tenant["targets"].pop("kibana"))
    told(site, logs_endpoint=f"{emulator.url}/loganalytics")
    assert deployer("apply", "site", "--yes").code == 0
    emulator.clear_requests()
    return Workspace(site, deployer, emulator)


def told(site, **change):
    site.edit(site.tenant("acme"), lambda tenant: tenant["targets"]["sentinel"].update(change))


class Workspace:
    def __init__(self, site, deployer, emulator):
        self.site, self.deployer, self.emulator = site, deployer, emulator

    def monitored(self, **change):
        body = {**WORKSPACE, "health": True, **change}
        url = f"{self.emulator.url}/_emulator/arm/workspace"
        requests.post(url, json=body, timeout=10).raise_for_status()

    def load(self, *rows, table="DeviceNetworkEvents"):
        self.emulator.load(sentinel={"acme": {table: list(rows)}})

    def run(self, *rules):
        self.emulator.set_clock(LATER)
        return self.emulator.run(sentinel=["acme"], rules=[rule_uuid(rule) for rule in rules or (NODE,)])

    def record(self, rule=NODE, at=LATER, **change):
        """A record of SentinelHealth as the service would write it."""
        extended = {"RuleId": rule_uuid(rule).upper(), "Issues": "", "EntitiesDroppedDueToMappingIssuesAmount": 0}
        extended |= change.pop("extended", {})
        row = {"TimeGenerated": at.isoformat(), "SentinelResourceType": "Analytics rule", "Status": "Success",
               "ExtendedProperties": extended, **change}  # fmt: skip
        self.emulator.set_clock(LATER)
        self.load(row, table="SentinelHealth")

    def verify(self, code=0, rule=NODE):
        """The levels of one rule: answer, reason, setting."""
        done = self.deployer("verify", "site", "--rule", rule, "--format", "json")
        assert done.code == code, done.out + done.err
        levels = done.json["targets"][0]["levels"]
        return {one["level"]: (one["answer"], one["reason"], one["setting"]) for one in levels}


def test_a_rule_that_ran_well_since_it_was_written_passes(workspace):
    workspace.monitored()
    workspace.load(EVENT)
    workspace.run()

    levels = workspace.verify()

    assert (levels["ran"], levels["healthy"]) == (("pass", "", ""), ("pass", "", ""))


def test_runs_are_asked_for_once_and_each_table_once_whatever_the_number_of_rules(workspace):
    workspace.monitored()
    workspace.run(NODE, RELAY)
    workspace.emulator.clear_requests()

    assert workspace.deployer("verify", "site").code == 0

    asked = [one["body"]["query"].split("\n")[0] for one in workspace.emulator.requests if "/query" in one["path"]]
    assert asked == ["_SentinelHealth()", "CommonSecurityLog", "DeviceNetworkEvents"]


def test_a_run_that_failed_says_why(workspace):
    workspace.monitored(tables=["CommonSecurityLog"])
    workspace.run()

    levels = workspace.verify()

    assert levels["ran"] == ("pass", "", "")
    answer, reason, _ = levels["healthy"]
    assert answer == "fail"
    assert "its last run failed at 2026-11-21 10:30:00 UTC: A table referenced in the query wasn't found.: " in reason
    assert "Failed to resolve table or column expression named 'DeviceNetworkEvents'" in reason
    assert levels["data"] == ("fail", "the workspace has no table DeviceNetworkEvents", "")


def test_a_failure_counts_where_it_is_required(workspace):
    environment = workspace.site.root / "environments/site/environment.yaml"
    workspace.site.edit(environment, lambda one: one.update(verify={"require": ["present", "ran", "healthy"]}))
    workspace.verify(code=3)
    workspace.record(Status="Failure", Description="A semantic error occurred while running the query.")

    assert workspace.verify(code=1)["healthy"][0] == "fail"


def test_a_rule_that_is_switched_off_did_not_run_and_its_record_says_so(workspace):
    reason = "The analytics rule is disabled and was not executed."
    workspace.record(Status="Failure", Reason=reason)

    levels = workspace.verify()

    assert levels["ran"] == ("fail", f"{reason} (2026-11-21 10:30:00 UTC)", "")
    assert levels["healthy"] == ("unknown", "nothing was executed", "enabled: true, with `deployer apply`")


def test_issues_of_a_run_that_ended_well_are_named(workspace):
    extended = {"Issues": '["a column was not found"]', "EntitiesDroppedDueToMappingIssuesAmount": 12}
    workspace.record(extended=extended)

    said = 'its last run had issues: ["a column was not found"]; '
    said += "its last run dropped 12 entities because of how they are mapped"
    assert workspace.verify()["healthy"] == ("pass", said, "")


def test_only_the_newest_record_and_only_one_after_the_last_write_counts(workspace):
    workspace.record(at=NOW - timedelta(hours=1), Status="Success")

    answer, reason, _ = workspace.verify()["ran"]

    assert answer == "unknown"
    assert reason == (
        "it has not run since 2026-11-21 10:00:00 UTC; its next run is expected by 2026-11-21 11:05:00 UTC"
    )
    workspace.record(at=NOW + timedelta(minutes=1), Status="Failure", Description="broken")
    workspace.record(at=NOW + timedelta(minutes=20), Status="Success")
    assert workspace.verify()["healthy"] == ("pass", "", "")


def test_records_of_other_resources_are_not_taken_for_a_run(workspace):
    workspace.record(SentinelResourceType="Data connector")

    assert workspace.verify()["ran"][0] == "unknown"


def test_a_good_run_of_long_ago_is_no_proof_of_health(workspace):
    workspace.record()
    workspace.emulator.set_clock(LATER + timedelta(days=3))

    levels = workspace.verify()

    said = "its last recorded run, at 2026-11-21 10:30:00 UTC, ended well, and it is to run every hour"
    assert levels["ran"][0] == "pass"
    assert levels["healthy"] == ("unknown", said, f"see that it still runs, and {SWITCH_ON}")


def test_an_end_that_is_not_known_is_neither_good_nor_bad(workspace):
    workspace.record(Status="Warning", Description="hm")

    said = "this version does not know how its last run ended: Warning: hm"
    assert workspace.verify()["healthy"] == ("unknown", said, "")


def test_without_health_monitoring_the_setting_is_named(workspace):
    levels = workspace.verify()

    said = "the workspace has no table SentinelHealth, where runs are recorded"
    assert levels["ran"] == levels["healthy"] == ("unknown", said, SWITCH_ON)


def test_an_incomplete_result_proves_nothing(workspace):
    workspace.load(EVENT)
    workspace.record()
    workspace.record(rule=RELAY)
    url = f"{workspace.emulator.url}/_emulator/settings"
    requests.post(url, json={"query_row_limit": 0}, timeout=10).raise_for_status()

    levels = workspace.verify()

    assert {levels[name][0] for name in ("ran", "healthy", "data")} == {"unknown"}
    assert all("the result is incomplete" in levels[name][1] for name in ("ran", "healthy", "data"))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 401}, "401: log query"),
        ({"status": 403}, "403: log query"),
        ({"status": 429}, "429: log query"),
        ({"status": 500}, "500: log query"),
        ({"kind": "close"}, "no answer: log query"),
        ({"kind": "garbage"}, "not that of a log query"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_logs_that_cannot_be_asked_are_unknown_and_the_rest_is_verified(workspace, fault, said):
    workspace.record()
    workspace.emulator.fault(path="/query$", **fault)

    levels = workspace.verify()

    assert [levels[name][0] for name in ("present", "equal", "enabled")] == ["pass"] * 3
    assert {levels[name][0] for name in ("ran", "healthy", "data")} == {"unknown"}
    assert all(said in levels[name][1] for name in ("ran", "healthy", "data"))


def test_who_may_not_query_logs_is_told_which_role_is_missing(workspace):
    workspace.emulator.fault(path="/query$", status=403)

    _, reason, setting = workspace.verify()["ran"]

    assert "no permission to query logs: credential arm" in reason
    assert setting == "give the credential the role Microsoft Sentinel Reader on the workspace"


def test_the_key_goes_to_no_host_that_it_is_not_bound_to(workspace):
    """Without `logs_endpoint` the cloud's own is meant, and this credential is bound to this machine only."""

    def forget(tenant):
        del tenant["targets"]["sentinel"]["logs_endpoint"]

    workspace.site.edit(workspace.site.tenant("acme"), forget)

    levels = workspace.verify()

    for name in ("ran", "healthy", "data"):
        answer, reason, setting = levels[name]
        assert answer == "unknown"
        assert reason == "credential arm is bound to 127.0.0.1, not to api.loganalytics.io; nothing was sent"
        assert setting.startswith("name the host of the log queries in the credential's `hosts` and in `trusted_hosts`")
    assert not [one for one in workspace.emulator.requests if "/query" in one["path"]]


def test_the_logs_of_another_host_are_refused_before_anything_is_sent(workspace):
    told(workspace.site, logs_endpoint="https://logs.evil.example")
    workspace.emulator.clear_requests()

    done = workspace.deployer("verify", "site")

    assert done.code == 1
    assert "logs.evil.example" in done.err + done.out
    assert workspace.emulator.requests == []


def test_no_token_is_in_what_is_said(workspace):
    workspace.emulator.fault(path="/query$", status=403, body={"error": {"code": "x", "message": f"bad {TOKEN}"}})

    done = workspace.deployer("verify", "site")

    assert TOKEN not in done.out + done.err
    assert "bad ***" in done.out


# -- data -------------------------------------------------------------------------------------------------------------


def test_data_that_arrives_is_counted_with_its_newest_row(workspace):
    workspace.load(EVENT, {**EVENT, "TimeGenerated": NOW.isoformat()})

    said = "DeviceNetworkEvents has 2 rows within P1D, the newest of 2026-11-21 10:00:00 UTC, "
    said += "and does not tell the operating system"
    assert workspace.verify(rule=RELAY)["data"] == ("pass", said, "")


def test_a_branch_whose_columns_nobody_fills_is_named(workspace):
    """The bytes of the botnet rule are columns that a workspace may have and mostly has not."""
    workspace.load(EVENT)

    answer, reason, _ = workspace.verify()["data"]

    assert answer == "pass"
    assert reason.startswith(
        "0 of 1 row of DeviceNetworkEvents within P1D have SentBytes, SentBytes_CF, ReceivedBytes or ReceivedBytes_CF, "
        "so part of the query sees nothing; "
    )


def test_a_column_of_the_workspaces_own_stands_in_for_the_one_that_is_not_there(workspace):
    workspace.load({**EVENT, "SentBytes_CF": 5, "ReceivedBytes_CF": 7})

    assert workspace.verify()["data"][1].startswith("DeviceNetworkEvents has 1 row")


def test_a_condition_that_nothing_can_meet_fails(workspace):
    workspace.load({name: value for name, value in EVENT.items() if name != "RemoteIPType"})

    said = "0 of 1 row of DeviceNetworkEvents within P1D have RemoteIPType, and a condition of the query needs it"
    assert workspace.verify()["data"] == ("fail", said, "")


def test_rows_before_the_rules_period_are_not_enough(workspace):
    old = {"TimeGenerated": (NOW - timedelta(hours=30)).isoformat()}
    workspace.load({**EVENT, **old})
    workspace.load(
        {"TimeGenerated": (NOW - timedelta(hours=3)).isoformat(), "SourceIP": "192.0.2.1"}, table="CommonSecurityLog"
    )

    nothing = "DeviceNetworkEvents has no rows within P1D, the rule's period"
    assert workspace.verify()["data"] == ("fail", nothing, "")
    nothing = "CommonSecurityLog has no rows within PT1H, the rule's period"
    assert workspace.verify(rule=FIREWALL)["data"] == ("fail", nothing, "")


def test_a_table_that_is_not_there_fails(workspace):
    workspace.monitored(tables=[])

    assert workspace.verify()["data"] == ("fail", "the workspace has no table DeviceNetworkEvents", "")


def test_where_the_operating_system_is_told_it_is_told_apart(workspace):
    def dns(tenant):
        tenant["data_sources"]["sentinel"].append("_Im_Dns")
        tenant["overlay"] = {"t1584.005-dns-burst": {"enabled": True}}

    workspace.site.edit(workspace.site.tenant("acme"), dns)
    assert workspace.deployer("apply", "site", "--yes").code == 0
    row = {"TimeGenerated": NOW.isoformat(), "EventType": "Query", "DnsQuery": "a.example", "SrcIpAddr": "192.0.2.1",
           "EventResultDetails": "NXDOMAIN", "EventSubType": "response", "EventCount": 1}  # fmt: skip
    workspace.load(
        {**row, "DvcOs": "Windows", "SrcHostname": "ws-1", "SrcProcessName": "a.exe"},
        {**row, "DvcOs": "Linux", "SrcHostname": "srv-1"},
        table="ASimDnsActivityLogs",
    )

    answer, reason, _ = workspace.verify(rule="t1584.005-dns-burst")["data"]

    said = "0 of 1 row of _Im_Dns on Linux have SrcProcessName; "
    said += "_Im_Dns has 2 rows within PT1H, the newest of 2026-11-21 10:00:00 UTC"
    assert (answer, reason) == ("pass", said)


def test_a_rule_with_its_own_period_is_counted_within_it(workspace):
    """One query answers for rules that look back differently far."""
    workspace.load(EVENT, {**EVENT, "TimeGenerated": (NOW - timedelta(hours=20)).isoformat()})
    overlay = {"t1584.005-connection-burst": {"enabled": True}}
    workspace.site.edit(workspace.site.tenant("acme"), lambda tenant: tenant.update(overlay=overlay))
    assert workspace.deployer("apply", "site", "--yes").code == 0
    workspace.emulator.clear_requests()

    done = workspace.deployer("verify", "site", "--format", "json")
    levels = done.json["targets"][0]["levels"]
    said = {one["id"]: one["reason"] for one in levels if one["level"] == "data"}

    assert "has 1 row within PT1H" in said["t1584.005-connection-burst"]
    assert "has 2 rows within P1D" in said[RELAY]
    queries = [one["body"]["query"] for one in workspace.emulator.requests if "/query" in one["path"]]
    assert len([query for query in queries if query.startswith("DeviceNetworkEvents")]) == 1
    assert json.dumps(queries).count("ago(3600s)") > 1
