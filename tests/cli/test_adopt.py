"""Taking rules over that colleagues made by hand: files that give exactly what is live, and then only a claim."""

from typing import Any

import pytest
import requests
import yaml

from deployer.providers.kibana import canonical as kibana_canonical
from deployer.providers.sentinel import canonical as sentinel_canonical
from tests import managed
from tests.cli.conftest import KEY

SUBSCRIPTION = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/soc"
WORKSPACES = "providers/Microsoft.OperationalInsights/workspaces"
UUIDS = [f"8a1f0d66-2f2b-4c3e-9d55-{number:012x}" for number in range(1, 200)]

COMMON = {
    "description": "Made by hand.\n\nIn two paragraphs: with `code`, and a # in it.",
    "risk_score": 21,
    "severity": "low",
    "index": ["logs-endpoint.events.network-*", "winlogbeat-*"],
    "interval": "7m",
    "from": "now-8m",
}
THREAT = [
    {
        "framework": "MITRE ATT&CK",
        "tactic": {"id": "TA0011", "name": "Command and Control", "reference": "https://attack.mitre.org/tactics/TA0011/"},
        "technique": [
            {
                "id": "T1071", "name": "Application Layer Protocol",
                "reference": "https://attack.mitre.org/techniques/T1071/",
                "subtechnique": [
                    {
                        "id": "T1071.001", "name": "Web Protocols",
                        "reference": "https://attack.mitre.org/techniques/T1071/001/",
                    },
                ],
            },
        ],
    },
    {
        "framework": "MITRE ATT&CK",
        "tactic": {"id": "TA0001", "name": "Initial Access", "reference": "https://attack.mitre.org/tactics/TA0001"},
    },
]  # fmt: skip
ACTION = {
    "action_type_id": ".email", "id": "mail-1", "group": "default", "params": {"to": ["soc@acme.example"]},
    "frequency": {"summary": True, "notifyWhen": "onActiveAlert", "throttle": None},
}  # fmt: skip
KIBANA: dict[str, dict[str, Any]] = {
    "a query with all that the form offers": {
        **COMMON, "type": "query", "query": 'event.category : "network"   \n  and destination.port : 4444\n',
        "enabled": True, "tags": ["OS: Windows", "yes", "1e3", "0o17", "2026-01-01"], "threat": THREAT,
        "references": ["https://example.org/a", "see the wiki"], "false_positives": ["A backup: every night"],
        "severity_mapping": [
            {"field": "event.severity", "operator": "equals", "severity": "high", "value": "7"},
        ],
        "filters": [
            {
                "meta": {"alias": None, "negate": True, "disabled": False, "key": "host.name", "type": "phrase"},
                "query": {"match_phrase": {"host.name": "build-7"}}, "$state": {"store": "appState"},
            },
        ],
        "note": "## Triage\n\nAsk Jo.", "setup": "Switch it on.\n", "author": ["Jo"], "license": "Ours",
        "required_fields": [{"name": "host.name", "type": "keyword"}], "max_signals": 33,
        "related_integrations": [{"package": "endpoint", "version": "^9.0.0"}],
        "investigation_fields": {"field_names": ["host.name", "user.name"]},
        "timestamp_override": "event.ingested", "building_block_type": "default", "rule_name_override": "host.name",
        "alert_suppression": {"group_by": ["host.name"], "duration": {"value": 5, "unit": "h"}},
        "actions": [ACTION], "meta": {"from": "1m", "kibana_siem_app_url": "https://kibana.example"},
        "timeline_id": "t-1", "timeline_title": "Ours", "namespace": "acme",
    },
    "a query in lucene": {**COMMON, "type": "query", "language": "lucene", "query": "a:network AND port:[1 TO 9]"},
    "filters alone": {
        **COMMON, "type": "query", "query": "", "filters": [{"query": {"match_phrase": {"host.name": "a"}}}],
    },
    "a threshold": {
        **COMMON, "type": "threshold", "query": "*:*",
        "threshold": {"field": "host.name", "value": 20, "cardinality": [{"field": "user.name", "value": 3}]},
        "alert_suppression": {"duration": {"value": 5, "unit": "m"}},
    },
    "eql": {
        **COMMON, "type": "eql", "language": "eql", "tiebreaker_field": "event.sequence",
        "query": 'sequence by host.id\n  [process where process.name == "a.exe"]\n  [network where true]',
    },
    "esql": {
        **{name: value for name, value in COMMON.items() if name != "index"}, "type": "esql", "language": "esql",
        "query": "FROM logs-*\n| WHERE event.category == \"network\"\n| STATS n = COUNT(*) BY host.name",
    },
    "new terms": {
        **COMMON, "type": "new_terms", "query": "event.category : process", "new_terms_fields": ["user.name"],
        "history_window_start": "now-14d",
    },
    "indicators": {
        **COMMON, "type": "threat_match", "query": "*:*", "threat_query": '@timestamp >= "now-30d"',
        "threat_index": ["filebeat-*"], "threat_indicator_path": "threat.indicator",
        "threat_mapping": [
            {"entries": [{"field": "destination.ip", "type": "mapping", "value": "threat.indicator.ip"}]},
        ],
    },
    "a saved query": {**COMMON, "type": "saved_query", "saved_id": "3b1c1f00-aaaa-4bbb-8ccc-000000000000"},
    "machine learning": {
        **{name: value for name, value in COMMON.items() if name != "index"}, "type": "machine_learning",
        "machine_learning_job_id": "rare_process", "anomaly_threshold": 70,
    },
    "a data view": {
        **{name: value for name, value in COMMON.items() if name != "index"}, "type": "query", "query": "a : b",
        "data_view_id": "security-solution-default", "severity": "critical", "risk_score": 99,
    },
}  # fmt: skip
SCHEDULED = {
    "enabled": True, "severity": "Informational", "queryFrequency": "PT1H", "queryPeriod": "PT24H",
    "triggerOperator": "GreaterThan", "triggerThreshold": 3, "suppressionEnabled": False, "suppressionDuration": "PT5H",
}  # fmt: skip
NRT = {"enabled": False, "severity": "Medium", "suppressionEnabled": False, "suppressionDuration": "PT5H"}
SENTINEL: dict[str, dict[str, Any]] = {
    "scheduled with all that the wizard offers": {
        "kind": "Scheduled",
        "properties": {
            **SCHEDULED, "description": "#DONT_CORR#Made by hand:\nyes", "tactics": ["ResourceDevelopment", "Impact"],
            "techniques": ["T1584", "T1499"], "subTechniques": ["T1584.005"],
            "query": "let T = 5;\nDeviceNetworkEvents // é\n| summarize n = count() by DeviceName",
            "entityMappings": [
                {
                    "entityType": "Host",
                    "fieldMappings": [
                        {"identifier": "HostName", "columnName": "DeviceName"},
                        {"identifier": "FullName", "columnName": "DeviceName"},
                    ],
                },
            ],
            "customDetails": {"Count": "n"},
            "alertDetailsOverride": {
                "alertDisplayNameFormat": "On {{DeviceName}}",
                "alertDynamicProperties": [{"alertProperty": "AlertLink", "value": "DeviceName"}],
            },
            "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
            "incidentConfiguration": {
                "createIncident": True,
                "groupingConfiguration": {
                    "enabled": True, "reopenClosedIncident": True, "lookbackDuration": "PT7H",
                    "matchingMethod": "Selected", "groupByEntities": ["Host"], "groupByAlertDetails": [],
                    "groupByCustomDetails": ["Count"],
                },
            },
        },
    },
    "near real time": {"kind": "NRT", "properties": {**NRT, "query": "DeviceNetworkEvents | where RemotePort == 1"}},
    "known lines of ATT&CK": {
        "kind": "Scheduled",
        "properties": {
            **SCHEDULED, "severity": "High", "query": "DeviceNetworkEvents", "description": "Bots.",
            "tactics": ["ResourceDevelopment"], "techniques": ["T1584"], "subTechniques": ["T1584.005"],
        },
    },
}  # fmt: skip


class Portal:
    """A colleague at the user interfaces of a site's tenant."""

    def __init__(self, url: str, tenant: str) -> None:
        self.url, self.tenant = url, tenant

    def kibana(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        answer = requests.request(
            method, f"{self.url}/kibana/s/{self.tenant}/api/{path}", json=body, params=params,
            auth=("jo", "pw"), headers={"kbn-xsrf": "x"}, timeout=20,
        )  # fmt: skip
        assert answer.ok, answer.text
        return answer.json()

    def asked(self, method: str, body: Any) -> requests.Response:
        return requests.request(
            method, f"{self.url}/kibana/s/{self.tenant}/api/detection_engine/rules", json=body, auth=("jo", "pw"),
            headers={"kbn-xsrf": "x"}, timeout=20,
        )  # fmt: skip

    def rule(self, name: str, body: dict[str, Any], **more: Any) -> Any:
        return self.kibana("POST", "detection_engine/rules", {**body, "name": name, **more})

    def rules(self) -> dict[str, Any]:
        return {one["name"]: one for one in self.kibana("GET", "detection_engine/rules/_find", per_page=1000)["data"]}

    def arm(self, method: str, name: str, body: Any = None) -> Any:
        path = f"{SUBSCRIPTION}/{WORKSPACES}/{self.tenant}/providers/Microsoft.SecurityInsights/alertRules/{name}"
        answer = requests.request(
            method, f"{self.url}/arm{path.rstrip('/')}", json=body, params={"api-version": "2025-10-01-preview"},
            headers={"Authorization": "Bearer portal", "x-emulator-user": "jo"}, timeout=20,
        )  # fmt: skip
        assert answer.ok, answer.text
        return answer.json()

    def analytics(self, name: str, uuid: str, body: dict[str, Any]) -> Any:
        return self.arm("PUT", uuid, {**body, "properties": {**body["properties"], "displayName": name}})

    def everything(self) -> Any:
        return [self.rules(), self.arm("GET", "")["value"]]


@pytest.fixture
def acme(site) -> Portal:
    return Portal(site.emulator.url, "acme")


@pytest.fixture
def globex(site) -> Portal:
    return Portal(site.emulator.url, "globex")


@pytest.fixture
def only_adopted(site) -> None:
    """The environment deploys no rule but what is adopted: plans show nothing else."""
    site.edit(site.root / "environments/site/environment.yaml", lambda one: one.update(rules=["live-*"]))
    for rule in (site.root / "rules").glob("t15*"):
        rule.rename(rule.with_name(f"live-{rule.name}") if rule.name == "t1584.005-botnet-node" else rule)
    path = site.root / "rules/live-t1584.005-botnet-node/rule.yaml"
    path.write_text(path.read_text().replace("id: t1584.005-botnet-node", "id: live-t1584.005-botnet-node", 1)
                    + "tenants: [globex]\n")  # fmt: skip


def changes(report) -> list[tuple[str, str, int]]:
    return [
        (target["tenant"], change["action"], len(change["fields"]))
        for target in report["targets"]
        for change in target["changes"]
    ]


def without_marks(everything: Any) -> Any:
    """Live documents in canonical form, whole but for our marks and what a server counts up at each write."""
    kibana, sentinel = everything
    counted = ("revision", "updated_at", "updated_by", "execution_summary")
    rules = {
        name: {key: value for key, value in one.items() if key not in counted and value != ""}
        | kibana_canonical.rule({**one, "tags": unmarked(one["tags"]), "exceptions_list": []})
        | {"tags": sorted(unmarked(one["tags"]))}
        for name, one in kibana.items()
    }
    analytics = {
        one["name"].lower(): (one["kind"], sentinel_canonical.rule(one["properties"]), sorted(one["properties"]))
        for one in sentinel
    }
    return rules, analytics


def unmarked(tags: list[str]) -> list[str]:
    return [tag for tag in tags if not tag.startswith("deployer:")]


@pytest.mark.usefixtures("only_adopted")
def test_every_type_of_rule_is_taken_over_field_for_field(site, deployer, acme):
    for number, (name, body) in enumerate(KIBANA.items()):
        acme.rule(name, body, rule_id=UUIDS[number])
    for number, (name, body) in enumerate(SENTINEL.items()):
        acme.analytics(name, UUIDS[100 + number].upper(), body)
    before = acme.everything()

    pulled = deployer("pull", "site", "--tenant", "acme", "--all", "--format", "json")

    adoptions = [one for target in pulled.json["targets"] for one in target["adoptions"]]
    assert {one["name"]: one["reason"] for one in adoptions} == dict.fromkeys([*KIBANA, *SENTINEL])
    assert pulled.code == 0
    assert acme.everything() == before, "nothing is written to the tenant"

    planned = deployer("plan", "site", "--tenant", "acme", "--format", "json")
    assert planned.code == 2
    assert changes(planned.json) == [("acme", "claim", 0)] * len(adoptions)
    applied = deployer("apply", "site", "--tenant", "acme", "--adopt", "--yes")
    assert applied.code == 0, applied.out
    again = deployer("plan", "site", "--tenant", "acme", "--format", "json")
    assert (again.code, changes(again.json), again.json["summary"]["unchanged"]) == (0, [], len(adoptions))
    for now, then in zip(without_marks(acme.everything()), without_marks(before), strict=True):
        assert now.keys() == then.keys()
        for name in then:
            assert now[name] == then[name], f"apply wrote marks, and nothing else: {name}"


def adoptions(run) -> dict[str, Any]:
    """What came of each rule, by its name."""
    return {one["name"]: one for target in run.json["targets"] for one in target.get("adoptions", ())}


PLAIN = {**COMMON, "type": "query", "query": "event.category : network"}
ANALYTICS = {"kind": "Scheduled", "properties": {**SCHEDULED, "query": "DeviceNetworkEvents"}}


@pytest.mark.usefixtures("only_adopted")
def test_what_cannot_be_held_is_refused_by_name_and_the_rest_goes_on(site, deployer, acme, globex):
    assert deployer("apply", "site", "--yes").code == 0
    mark = next(tag for tag in next(iter(globex.rules().values()))["tags"] if tag.startswith("deployer:"))
    acme.rule("Sound", PLAIN, rule_id=UUIDS[0])
    acme.rule("Copied", PLAIN, rule_id=UUIDS[1], tags=[mark])
    acme.rule("Of others", PLAIN, rule_id=UUIDS[2], tags=[mark.replace("site-soc", "other-soc")])
    acme.rule("Of a later version", PLAIN, rule_id=UUIDS[3], tags=[mark.replace("deployer:1:", "deployer:9:")])
    acme.rule("Oddly named", PLAIN, rule_id="it's ours")
    acme.rule("With a bell", {**PLAIN, "query": "a : \x07b"}, rule_id=UUIDS[4])
    acme.rule("Everything", {**PLAIN, "query": ""}, rule_id=UUIDS[5])
    acme.rule("Of the default index", {**PLAIN, "index": [""]}, rule_id=UUIDS[6])
    acme.arm("PUT", "fusion", {"kind": "Fusion", "properties": {"alertRuleTemplateName": "f71aba3d", "enabled": True}})
    acme.analytics("AUTO DISABLED Sound once", UUIDS[101], ANALYTICS)
    acme.analytics("Sound, too", UUIDS[100], ANALYTICS)

    pulled = deployer("pull", "site", "--tenant", "acme", "--all", "--format", "json")

    found = adoptions(pulled)
    assert pulled.code == 3
    assert {name for name, one in found.items() if one["outcome"] == "adopted"} == {"Sound", "Sound, too"}
    said = {name: one["reason"] for name, one in found.items() if one["outcome"] == "refused"}
    assert said.keys() == found.keys() - {"Sound", "Sound, too"}
    assert "a copy, or somebody else's" in said["Copied"]
    assert "owner other-soc" in said["Of others"]
    assert "format that this version does not know" in said["Of a later version"]
    assert said["Oddly named"].startswith('its id "it\'s ours" cannot be held')
    assert said["With a bell"] == (
        "the control character U+0007 cannot stand in a query; take it out (kibana.kuery:1:5)"
    )
    assert said["Everything"].startswith("the `kibana:` block has no query")
    assert said["Of the default index"].startswith("`kibana.index[0]`")
    assert "a rule of kind Fusion" in str(said)
    assert "Sentinel switched this rule off by itself" in said["AUTO DISABLED Sound once"]
    plan = deployer("plan", "site", "--tenant", "acme", "--format", "json")
    assert changes(plan.json) == [("acme", "claim", 0)] * 2


def test_rules_are_asked_for_by_name_or_id_and_a_name_that_nobody_has_is_an_error(site, deployer, acme):
    acme.rule("DNS: Tunnel (beta)", PLAIN, rule_id=UUIDS[0])
    acme.rule("DNS: flood", PLAIN, rule_id=UUIDS[1])
    acme.rule("Other", PLAIN, rule_id="other-rule")
    acme.analytics("dns on the other side", UUIDS[2], ANALYTICS)

    one = deployer("pull", "site", "--tenant", "acme", "--adopt", "dns: tunnel (beta)", "--format", "json")
    some = deployer("pull", "site", "--tenant", "acme", "--target", "kibana", "--adopt", "dns*", "--format", "json")
    by_id = deployer("pull", "site", "--tenant", "acme", "--adopt", "other-rule", "--adopt", "nobody")
    none = deployer("pull", "site", "--tenant", "acme", "--adopt", "nobody")
    both = deployer("pull", "site", "--tenant", "acme", "--all", "--reason", "Because.")
    whose = deployer("pull", "site", "--all")

    assert [one["rule"] for one in adoptions(one).values()] == ["dns-tunnel-beta"]
    assert {name: found["outcome"] for name, found in adoptions(some).items()} == {
        "DNS: Tunnel (beta)": "known", "DNS: flood": "adopted",
    }  # fmt: skip
    nowhere = deployer("pull", "site", "--tenant", "acme", "--target", "elastic", "--all")
    assert (nowhere.code, nowhere.err) == (1, "Error: no selected tenant has a target named 'elastic'\n")
    assert (by_id.code, none.code) == (3, 1)
    assert "+ other-rule: Other (other-rule)" in by_id.out
    assert "No rule there answers to 'nobody'" in by_id.err
    assert (both.code, whose.code) == (64, 64)
    assert "formerly" not in (site.root / "rules/other-rule/rule.yaml").read_text()


def test_a_dry_run_says_what_it_would_write_and_writes_nothing(site, deployer, acme):
    acme.rule("DNS tunnel", PLAIN, rule_id=UUIDS[0])
    before = sorted(site.root.rglob("*"))

    shown = deployer("pull", "site", "--tenant", "acme", "--all", "--dry-run")

    assert shown.code == 0
    assert shown.out == (
        "acme/kibana: 1 rule to be taken over\n"
        f"  + dns-tunnel: DNS tunnel ({UUIDS[0]})\n"
        "      rules/dns-tunnel/rule.yaml\n"
        "      rules/dns-tunnel/kibana.kuery\n"
        "  note: environment demo has a tenant acme, too: it gets those of them that it deploys\n"
        "  note: environment prod has a tenant acme, too: it gets those of them that it deploys\n"
        "\n"
        "acme/sentinel: 0 rules to be taken over\n"
        "\n"
        "2 targets.\n"
    )
    assert sorted(site.root.rglob("*")) == before


def test_a_folder_that_is_there_is_never_overwritten(site, deployer, acme):
    taken = {path: path.read_bytes() for path in (site.root / "rules").rglob("*") if path.is_file()}
    acme.rule("T1583.005 C2 beaconing", PLAIN, rule_id=UUIDS[0])
    acme.rule("t1583.005 c2 beaconing!", PLAIN, rule_id=UUIDS[1])
    acme.rule("t1583.005-orb-relay, by hand", PLAIN, rule_id="t1583.005-mass")

    pulled = deployer("pull", "site", "--tenant", "acme", "--target", "kibana", "--all", "--format", "json")

    assert pulled.code == 0
    assert sorted(one["rule"] for one in adoptions(pulled).values()) == [
        "t1583.005-c2-beaconing-2", "t1583.005-c2-beaconing-acme", "t1583.005-mass",
    ]  # fmt: skip
    assert {path: path.read_bytes() for path in taken} == taken


def test_actions_and_exception_lists_of_the_analysts_are_kept_and_other_tenants_are_left_alone(
    site, deployer, acme, globex
):
    made = acme.kibana("POST", "exception_lists", {"name": "Ours", "description": "d", "type": "detection",
                                                   "list_id": "analysts"})  # fmt: skip
    attached = {name: made[name] for name in ("id", "list_id", "type", "namespace_type")}
    acme.rule("Guarded", PLAIN, rule_id=UUIDS[0], exceptions_list=[attached], actions=[ACTION], note="Ask Jo.")
    globex.rule("Theirs", PLAIN, rule_id=UUIDS[1])
    before = globex.everything()

    pulled = deployer("pull", "site", "--tenant", "acme", "--target", "kibana", "--all")
    applied = deployer("apply", "site", "--rule", "guarded", "--adopt", "--yes", "--format", "json")

    assert (pulled.code, applied.code) == (0, 0)
    assert [(tenant, action) for tenant, action, _ in changes(applied.json)] == [("acme", "claim")]
    rule = acme.rules()["Guarded"]
    assert (rule["exceptions_list"], rule["note"], len(rule["actions"])) == ([attached], "Ask Jo.", 1)
    assert globex.everything() == before


def test_a_rule_of_the_same_id_at_another_tenant_is_one_rule_with_an_overlay(site, deployer, acme, globex):
    tenant = site.tenant("globex")
    tenant.write_text(f"# Ours since May.\n{tenant.read_text()}")
    ours = {**PLAIN, "threat": THREAT[:1], "alert_suppression": {"group_by": ["a"]}}
    theirs = {**PLAIN, "interval": "9m", "from": "now-10m", "tags": ["theirs"], "enabled": True}
    acme.rule("Shared", ours, rule_id="shared-rule")
    globex.rule("Shared", {**theirs, "query": "event.category : network\n  and not a : b"}, rule_id="shared-rule")

    both = deployer("pull", "site", "--tenant", "*", "--target", "kibana", "--all", "--format", "json")

    assert [one["reason"] for target in both.json["targets"] for one in target["adoptions"]] == [None, None]
    written = tenant.read_text()
    assert written.startswith("# Ours since May.\n")
    assert yaml.safe_load(written)["overlay"] == {
        "shared-rule": {
            "kibana": {
                "alert_suppression": None, "enabled": True, "from": "now-10m", "interval": "9m",
                "query": "event.category : network\n  and not a : b", "tags": ["theirs"], "threat": None,
            },
        },
    }  # fmt: skip
    assert "tenants: [acme, globex]\n" in (site.root / "rules/shared-rule/rule.yaml").read_text()
    assert changes(deployer("plan", "site", "--rule", "shared-rule", "--format", "json").json) == [
        ("acme", "claim", 0), ("globex", "claim", 0),
    ]  # fmt: skip


def test_a_rule_that_overlays_for_many_would_change_gets_one_of_its_own(site, deployer, acme):
    overlay = {"dns-*": {"severity": "high", "kibana": {"interval": "1h", "from": "now-2h"}}}
    site.edit(site.root / "environments/site/environment.yaml", lambda one: one.update(
        overlay={**overlay, "t1584*": {"severity": "high"}}))  # fmt: skip
    acme.rule("DNS already", PLAIN, rule_id=UUIDS[0])
    path = site.root / "environments/site/environment.yaml"
    site.edit(path, lambda one: one["overlay"].pop("dns-*"))
    assert deployer("pull", "site", "--tenant", "acme", "--adopt", "dns*").code == 0
    site.edit(path, lambda one: one["overlay"].update(overlay))
    acme.rule("DNS tunnel", PLAIN, rule_id=UUIDS[1])

    pulled = deployer("pull", "site", "--tenant", "acme", "--adopt", "dns tunnel", "--format", "json")

    assert pulled.code == 0
    assert adoptions(pulled)["DNS tunnel"]["files"][-1] == "environments/site/tenants/acme.yaml"
    assert yaml.safe_load(site.tenant("acme").read_text())["overlay"] == {
        "dns-tunnel": {"kibana": {"from": "now-8m", "interval": "7m", "risk_score": 21, "severity": "low"}},
    }  # fmt: skip
    assert changes(deployer("plan", "site", "--rule", "dns-tunnel", "--format", "json").json) == [("acme", "claim", 0)]


def test_of_two_spaces_of_a_tenant_the_rule_goes_to_its_own_alone(site, deployer, acme):
    def second(document: Any) -> None:
        document["targets"]["kibana-dmz"] = {**document["targets"]["kibana"], "space": "acme-dmz"}

    site.edit(site.tenant("acme"), second)
    dmz = Portal(site.emulator.url, "acme-dmz")
    acme.rule("Inside", PLAIN, rule_id=UUIDS[0])
    dmz.rule("Outside", PLAIN, rule_id=UUIDS[1])
    acme.rule("Everywhere", PLAIN, rule_id="everywhere")
    dmz.rule("Everywhere", {**PLAIN, "interval": "2m"}, rule_id="everywhere")

    pulled = deployer("pull", "site", "--tenant", "acme", "--all", "--format", "json")

    assert pulled.code == 0
    assert "tenants: [acme/kibana-dmz]" in (site.root / "rules/outside/rule.yaml").read_text()
    plan = deployer("plan", "site", "--rule", "inside", "--rule", "outside", "--rule", "everywhere", "--format", "json")
    assert changes(plan.json) == [("acme", "claim", 0)] * 4


def test_ids_are_such_as_the_environment_deploys_or_the_way_out_is_said(site, deployer, acme):
    environment = site.root / "environments/site/environment.yaml"
    acme.rule("Guarded", PLAIN, rule_id=UUIDS[0])
    site.edit(environment, lambda one: one.update(rules=["t1583.005-orb-relay"]))

    refused = deployer("pull", "site", "--tenant", "acme", "--target", "kibana", "--all", "--format", "json")
    site.edit(environment, lambda one: one.update(rules=["t1583*"]))
    chosen = deployer("pull", "site", "--tenant", "acme", "--all", "--dry-run", "--format", "json")
    given = deployer("pull", "site", "--tenant", "acme", "--all", "--id-prefix", "t1583.by-hand.", "--format", "json")

    assert refused.code == 1
    assert adoptions(refused)["Guarded"]["reason"] == (
        "the environment deploys t1583.005-orb-relay, and guarded is none of these: add it to `rules:` in "
        "environment.yaml, or have ids begin otherwise with --id-prefix"
    )
    assert adoptions(chosen)["Guarded"]["rule"] == "t1583guarded"
    assert adoptions(given)["Guarded"]["rule"] == "t1583.by-hand.guarded"


def test_that_another_environment_has_a_tenant_of_the_name_is_said(site, deployer, acme):
    acme.rule("Guarded", PLAIN, rule_id=UUIDS[0])

    pulled = deployer("pull", "site", "--tenant", "acme", "--all")

    assert "note: environment demo has a tenant acme, too: it gets those of them that it deploys" in pulled.out


def test_a_target_that_cannot_be_read_is_said_and_the_others_go_on(site, deployer, acme):
    acme.rule("Guarded", PLAIN, rule_id=UUIDS[0])
    site.emulator.fault(path="alertRules", status=403)

    pulled = deployer("pull", "site", "--tenant", "acme", "--all")

    assert pulled.code == 3
    assert "acme/sentinel: not looked at" in pulled.out
    assert (site.root / "rules/guarded/rule.yaml").exists()


def test_a_rule_that_holds_a_secret_of_ours_does_not_go_into_git(site, deployer, acme):
    acme.rule("Leaky", {**PLAIN, "query": f'url.query : "{KEY}"'}, rule_id=UUIDS[0])

    pulled = deployer("pull", "site", "--tenant", "acme", "--all", "--format", "json")

    assert "it holds a secret that deployer was given" in adoptions(pulled)["Leaky"]["reason"]
    assert KEY not in pulled.out + pulled.err
    assert not any(KEY in path.read_text() for path in (site.root / "rules").rglob("*") if path.is_file())


@pytest.mark.usefixtures("only_adopted")
def test_every_field_that_deployer_manages_is_taken_over(site, deployer, acme):
    """The table of values covers every managed field of both platforms, so that a new one cannot be forgotten."""
    held: set[str] = set()
    for number, (field, value) in enumerate(managed.KIBANA.items()):
        for body in KIBANA.values():
            one = {**body, "name": field, "rule_id": UUIDS[number], field: value}
            answer = acme.asked("POST", one)
            if answer.ok and field in kibana_canonical.rule({**answer.json(), "exceptions_list": []}):
                held.add(field)
                break
            if answer.ok:
                acme.kibana("DELETE", "detection_engine/rules", rule_id=UUIDS[number])
    assert held == managed.KIBANA.keys()
    for number, (field, value) in enumerate(managed.SENTINEL.items()):
        query = "DeviceNetworkEvents | project DeviceName"
        properties = {**SCHEDULED, "displayName": field, "query": query, field: value}
        if field == "subTechniques":
            properties |= {"techniques": ["T1090"], "tactics": ["CommandAndControl"]}
        acme.arm("PUT", UUIDS[100 + number], {"kind": "Scheduled", "properties": properties})

    pulled = deployer("pull", "site", "--tenant", "acme", "--all", "--format", "json")

    found = [one for target in pulled.json["targets"] for one in target["adoptions"]]
    assert [(one["name"], one["reason"]) for one in found if one["outcome"] != "adopted"] == []
    assert len(found) == len(managed.KIBANA) + len(managed.SENTINEL)
    plan = deployer("plan", "site", "--tenant", "acme", "--allow-updates", "200", "--format", "json")
    assert changes(plan.json) == [("acme", "claim", 0)] * len(found)


def test_an_adopted_rule_has_no_errors_in_check_but_those_that_it_has_live(site, deployer, acme):
    for number, (name, body) in enumerate(KIBANA.items()):
        acme.rule(name, body, rule_id=UUIDS[number])
    for number, (name, body) in enumerate(SENTINEL.items()):
        acme.analytics(name, UUIDS[100 + number], body)
    pulled = deployer("pull", "site", "--tenant", "acme", "--all", "--format", "json")
    rules = [word for one in adoptions(pulled).values() for word in ("--rule", one["rule"])]

    checked = deployer("check", "site", *rules, "--format", "json")

    assert pulled.code == 0

    assert [each["message"] for each in checked.json["findings"] if each["severity"] == "error"] == []
    assert deployer("test", "--rule", "eql").code == 0
