"""The demo: planned, applied, verified, and nothing left to do."""

import json
import sqlite3

from deployer.emulator import Emulator


def rules(report, tenant):
    targets = [target for target in report["targets"] if target["tenant"] == tenant]
    changes = [change for target in targets for change in target["changes"]]
    return [change["id"] for change in changes if change["kind"] == "rule" and change["action"] == "create"]


def test_every_rule_is_planned_for_every_tenant_that_has_its_data(deployer):
    planned = deployer("plan", "demo", "--format", "json")

    report = planned.json
    assert (planned.code, report["exit_code"], report["schema"], report["verb"]) == (2, 2, "deployer/1", "plan")
    assert len(rules(report, "acme")) == 15
    assert len(rules(report, "globex")) == 11
    idle = [(one["rule"], one["reason"]) for target in report["targets"] for one in target["not_applicable"]]
    assert idle == [
        ("t1583.005-inbound-volumetric", "needs dataset network.firewall, which the tenant does not have"),
        ("t1584.005-dns-burst", "needs dataset network.dns, which the tenant does not have"),
        ("t1583.005-inbound-volumetric", "needs table CommonSecurityLog, which the tenant does not have"),
        ("t1584.005-dns-burst", "needs table _Im_Dns, which the tenant does not have"),
    ]
    assert report["summary"]["rules"] == 26
    assert {target["outcome"] for target in report["targets"]} == {"planned"}


def test_apply_makes_it_so_and_a_second_apply_writes_nothing(deployer, root):
    applied = deployer("apply", "demo", "--yes", "--format", "json")
    verified = deployer("verify", "demo")
    planned = deployer("plan", "demo", "--format", "json")
    with Emulator(root / ".deployer/emulator") as emulator:
        emulator.clear_requests()
    again = deployer("apply", "demo", "--yes", "--format", "json")
    with Emulator(root / ".deployer/emulator") as emulator:
        requests = emulator.requests

    assert (applied.code, verified.code, planned.code, again.code) == (0, 0, 0, 0)
    assert applied.json["summary"]["create"] == planned.json["summary"]["unchanged"] == 53
    assert [change for target in planned.json["targets"] for change in target["changes"]] == []
    assert {request["method"] for request in requests if not request["path"].startswith("/_emulator")} == {"GET"}


def test_what_is_live_after_an_apply_holds_each_tenants_own_allowlist_and_overlay(deployer, root):
    deployer("apply", "demo", "--yes")

    shown = {
        tenant: deployer("show", "demo", "--tenant", tenant, "--format", "json").json for tenant in ("acme", "globex")
    }

    def bodies(tenant):
        return {
            (target["target"], one["id"]): one["body"]
            for target in shown[tenant]["targets"]
            for one in target["objects"]
        }

    acme, globex = bodies("acme"), bodies("globex")
    assert acme["kibana", "t1584.005-botnet-node"]["threshold"]["value"] == 40
    assert globex["kibana", "t1584.005-botnet-node"]["threshold"]["value"] == 20
    query = {
        name: one["sentinel", "t1584.005-botnet-node"]["query"] for name, one in (("acme", acme), ("globex", globex))
    }
    assert 'let AllowedProxies = dynamic(["198.51.100.8/29"]);' in query["acme"]
    irc = 'dynamic(["2001:db8:6667::/48"])), false) and Process in~ ("hexchat.exe") and Port in ('
    assert irc in query["acme"]
    assert "now() < datetime(2099-07-01T00:00:00Z)" in query["acme"]
    hosts = '(Host in~ ("dev-ws-17", "dev-ws-18") or tostring(split(Host, ".")[0]) in~ ("dev-ws-17", "dev-ws-18"))'
    assert f'{hosts} and Process in~ ("hexchat.exe")' in query["acme"]
    assert "198.51.100.8/29" not in query["globex"]


def test_the_text_report_of_the_plan_reads_well(deployer, golden, repo_root):
    planned = deployer("plan", "demo", "--tenant", "globex")

    golden(repo_root / "tests/cases/cli/plan-globex.txt", planned.out)


def test_the_text_report_of_drift_names_the_field_and_the_editor(deployer, root, golden, repo_root):
    deployer("apply", "demo", "--yes")
    with sqlite3.connect(root / ".deployer/emulator/emulator.sqlite") as database:
        (content,) = database.execute(
            "SELECT body FROM documents WHERE scope = 'acme' AND collection LIKE '%rules' AND id LIKE '%botnet-node'"
        ).fetchone()
        edited = {
            **json.loads(content),
            "severity": "low",
            "updated_by": "jo",
            "updated_at": "2026-11-21T02:14:00.000Z",
        }
        database.execute("UPDATE documents SET body = ? WHERE body = ?", (json.dumps(edited), content))

    planned = deployer("plan", "demo", "--tenant", "acme")

    assert planned.code == 2
    golden(repo_root / "tests/cases/cli/plan-drift.txt", planned.out)


def test_only_what_is_selected_is_looked_at(deployer):
    planned = deployer("plan", "demo", "--tenant", "acme", "--rule", "t1583.005-c2-*", "--format", "json")

    assert {target["tenant"] for target in planned.json["targets"]} == {"acme"}
    assert rules(planned.json, "acme") == ["t1583.005-c2-beaconing"] * 2


def test_the_check_of_the_repository_finds_only_what_no_engine_here_can_look_at(deployer):
    checked = deployer("check", "--format", "json")  # every environment

    findings = [(one["code"], one["severity"], one["path"]) for one in checked.json["findings"]]
    assert (checked.code, findings) == (0, [("query-not-run", "warning", "rules/t1583.005-orb-relay/kibana.eql")])
