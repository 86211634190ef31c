"""Taking rules over that colleagues made by hand: files that give exactly what is live, and then only a claim."""

from typing import Any

import pytest
import requests

from deployer.providers.kibana import canonical as kibana_canonical
from deployer.providers.sentinel import canonical as sentinel_canonical

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
            **SCHEDULED, "description": "#DONT_CORR# Made by hand:\nyes", "tactics": ["ResourceDevelopment", "Impact"],
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
        name: {key: value for key, value in one.items() if key not in counted}
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
