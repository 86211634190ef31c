"""pull: what was changed in a tenant goes into its file, and then the plan is empty."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from deployer.emulator import Emulator
from deployer.providers.sentinel.codec import rule_uuid
from tests import managed

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
TENANT = """\
# Acme, in its own words.
targets:
  kibana:   # the SOC's
    {platform: kibana, url: "URL/kibana", space: acme, credential: kibana}
  sentinel:
    platform: sentinel
    endpoint: URL/arm
    credential: arm
    subscription_id: 11111111-1111-4111-8111-111111111111
    resource_group: soc
    workspace: acme
data_sources:
  kibana: {events: []}
  sentinel: [DeviceNetworkEvents]
allowlists:
  servers:
    # the first
    - value: 192.0.2.10
      hosts: [build-1]
      reason: "It builds"   # as agreed
      owner: jo@acme.example
      ticket: ACME-1
      expires: 2099-12-31
    - {value: 198.51.100.0/24, reason: A range, owner: ann}
overlay:
  # Tuned for the farm.
  thresh*:
    kibana: {threshold: {value: 30}}
  threshold:
    kibana:
      threshold: {value: 40}   # the farm
      # how often
      interval: 10m
"""
ALLOWLISTS = """\
categories:
  servers:
    title: Servers
    description: Servers that are allowed.
    kinds: [ip]
    direction: outbound
    kibana: {ip: destination.ip, host: host.name, process: process.name, port: destination.port}
    sentinel: {ipv4: Allowed, ipv6: AllowedIPv6, scoped: Scoped}
"""
KQL = """\
let Least = 20;
let Window = 1d;
let Names = dynamic(["a", "b"]);
let Allowed = dynamic([]);
let AllowedIPv6 = dynamic([]);
let Scoped = (Host:string, Process:string, Address:string, Port:int) { false };
DeviceNetworkEvents
| where TimeGenerated > ago(Window)
| where not(ipv4_is_in_any_range(RemoteIP, Allowed)) and not(ipv6_is_in_any_range(RemoteIP, AllowedIPv6))
| where not(Scoped(DeviceName, InitiatingProcessFileName, RemoteIP, RemotePort)) and DeviceName in (Names)
| summarize Count = count() by DeviceName, bin(TimeGenerated, 1h)
| where Count > Least
"""
TYPES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "query": ("kuery", "host.name : *", {"type": "query", "index": ["logs-*"], "note": "Read this."}),
    "threshold": (
        "kuery", "host.name : *",
        {"type": "threshold", "index": ["logs-*"], "threshold": {"field": ["host.name"], "value": 20}},
    ),
    "eql": ("eql", "any where true", {"type": "eql", "language": "eql", "index": ["logs-*"]}),
    "new-terms": (
        "kuery", "host.name : *",
        {"type": "new_terms", "index": ["logs-*"], "new_terms_fields": ["host.name"], "history_window_start": "now-7d"},
    ),
    "threat": (
        "kuery", "host.name : *",
        {
            "type": "threat_match", "index": ["logs-*"], "threat_index": ["intel-*"], "threat_query": "x: *",
            "threat_mapping": [{"entries": [{"field": "x", "type": "mapping", "value": "y"}]}],
        },
    ),
    "saved": ("kuery", "host.name : *", {"type": "saved_query", "index": ["logs-*"], "saved_id": "saved-0"}),
    "ml": ("kuery", "", {"type": "machine_learning", "machine_learning_job_id": ["job_0"], "anomaly_threshold": 50}),
    "view": (
        "kuery", "host.name : *",
        {
            "type": "query", "index": ["logs-*"],
            "data_view": {
                "name": "A view", "timeFieldName": "@timestamp",
                "runtimeFieldMap": {"our.hour": {"type": "long", "script": {"source": "emit(1L);"}}},
            },
        },
    ),
}  # fmt: skip
RULE_OF = {
    **dict.fromkeys(("threshold", "alert_suppression"), "threshold"),
    **dict.fromkeys(("event_category_override", "tiebreaker_field", "timestamp_field"), "eql"),
    **dict.fromkeys(("new_terms_fields", "history_window_start"), "new-terms"),
    **dict.fromkeys([name for name in managed.KIBANA if name.startswith("threat_")], "threat"),
    **dict.fromkeys(("concurrent_searches", "items_per_search"), "threat"),
    **dict.fromkeys(("machine_learning_job_id", "anomaly_threshold"), "ml"),
    "saved_id": "saved",
}
"""The rule on which a field of Kibana has a place; `query` where none is named."""


class Acme:
    """A small repository whose one tenant lives on an emulator, and the hands of an analyst there."""

    def __init__(self, root: Path, emulator: Emulator, deployer: Callable[..., Any]) -> None:
        self.root, self.emulator, self.deployer = root, emulator, deployer
        self.file = root / "environments/live/tenants/acme.yaml"
        credentials = {
            "kibana": {"type": "api_key", "env": "SITE_KIBANA_KEY", "hosts": ["127.0.0.1"]},
            "arm": {"type": "bearer", "env": "SITE_ARM_TOKEN", "hosts": ["127.0.0.1"]},
        }
        environment = {"owner": "soc", "trusted_hosts": ["127.0.0.1"], "credentials": credentials}
        self.file.parent.mkdir(parents=True)
        (root / "environments/live/environment.yaml").write_text(yaml.safe_dump(environment))
        self.text = TENANT.replace("URL", emulator.url)
        self.file.write_text(self.text)
        (root / "rules").mkdir()
        (root / "rules/allowlists.yaml").write_text(ALLOWLISTS)
        for name, (language, query, block) in TYPES.items():
            block = {"data": ["events"], "from": "now-2h", **block}
            self.rule(name, kibana=block, **({f"kibana.{language}": query} if query else {}))
        schedule = {
            "queryFrequency": "PT1H", "queryPeriod": "P1D", "triggerOperator": "GreaterThan", "triggerThreshold": 0,
        }  # fmt: skip
        sentinel = {"data": ["DeviceNetworkEvents"], "kind": "Scheduled", **schedule}
        kibana = {"data": ["events"], "type": "query", "index": ["logs-*"]}
        files = {"sentinel.kql": KQL, "kibana.kuery": "host.name : *"}
        self.rule("both", kibana=kibana, sentinel=sentinel, allowlists=["servers"], **files)
        self.rule("plain", sentinel=sentinel, **{"sentinel.kql": "let Least = 1;\nDeviceNetworkEvents\n| take Least\n"})

    def rule(self, name: str, **parts: Any) -> None:
        folder = self.root / "rules" / name
        folder.mkdir()
        neutral = {
            "id": name, "name": f"Rule {name}", "description": "What it finds.", "severity": "high",
            "confidence": "medium",
            "attack": [{
                "tactic": {"id": "TA0011", "name": "Command and Control"},
                "technique": {"id": "T1071", "name": "Application Layer Protocol"},
                "subtechnique": {"id": "T1071.001", "name": "Web Protocols"},
            }],
            "data_sources": ["Network Traffic"], "references": ["https://example.org/r"],
            "false_positives": [{"cause": "An agent.", "tuning": "Allow it."}],
        }  # fmt: skip
        files = {key: parts.pop(key) for key in list(parts) if "." in key}
        (folder / "rule.yaml").write_text(yaml.safe_dump({**neutral, **parts}, sort_keys=False))
        for file, text in files.items():
            (folder / file).write_text(text)

    # -- deployer -----------------------------------------------------------------------------------------------------

    def apply(self, *options: str) -> None:
        run = self.deployer("apply", "live", "--yes", *options)
        assert run.code == 0, run.out + run.err

    def pull(self, *options: str) -> Any:
        return self.deployer("pull", "live", *options)

    def plan(self) -> list[tuple[str, str, str]]:
        report = self.deployer("plan", "live", "--format", "json").json
        assert {one["outcome"] for one in report["targets"]} == {"planned"}, report
        return [
            (change["action"], change["id"], change["cause"])
            for target in report["targets"]
            for change in target["changes"]
        ]

    def difference(self) -> list[str]:
        """What pull changed in the file, line by line."""
        lines = difflib.unified_diff(self.text.splitlines(), self.file.read_text().splitlines(), n=0, lineterm="")
        return [line for line in list(lines)[2:] if not line.startswith("@@")]

    # -- the analyst --------------------------------------------------------------------------------------------------

    def kibana(self, method: str, path: str, body: Any = None, space: str = "acme", **params: Any) -> Any:
        answer = requests.request(
            method, f"{self.emulator.url}/kibana/s/{space}{path}", json=body, params=params,
            auth=("night-shift", "pw"), headers={"kbn-xsrf": "x"}, timeout=10,
        )  # fmt: skip
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def edit_rule(self, rule: str, /, space: str = "acme", **change: Any) -> None:
        """Fields are set; None takes one out, as the API has it: by leaving it out of the whole that is written."""
        document = {**self.kibana("GET", "/api/detection_engine/rules", space=space, rule_id=rule), **change}
        gone = {name for name, value in change.items() if value is None}
        body = {key: value for key, value in document.items() if key not in gone}
        self.kibana("PUT", "/api/detection_engine/rules", body, space=space)

    def arm(self, method: str, rule: str, body: Any = None) -> Any:
        url = (
            f"{self.emulator.url}/arm/subscriptions/{SUBSCRIPTION}/resourceGroups/soc/providers/"
            "Microsoft.OperationalInsights/workspaces/acme/providers/Microsoft.SecurityInsights/alertRules/"
        )
        answer = requests.request(
            method, url + rule_uuid(rule), json=body, params={"api-version": "2025-10-01-preview"},
            headers={"Authorization": "Bearer portal", "x-emulator-user": "night-shift"}, timeout=10,
        )  # fmt: skip
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def edit_properties(self, rule: str, /, **change: Any) -> None:
        document = self.arm("GET", rule)
        properties = {name: value for name, value in {**document["properties"], **change}.items() if value is not None}
        self.arm("PUT", rule, {**document, "properties": properties})

    def query(self, rule: str) -> str:
        return str(self.arm("GET", rule)["properties"]["query"])

    def items(self, space: str = "acme") -> list[Any]:
        params = {"list_id": "deployer-servers", "namespace_type": "single"}
        found = self.kibana("GET", "/api/exception_lists/items/_find", space=space, **params)["data"]
        return sorted(found, key=lambda item: str(item["name"]))

    def edit_item(self, name: str, space: str = "acme", **change: Any) -> None:
        [item] = [item for item in self.items(space) if item["name"].startswith(name)]
        names = "id item_id _version name description type entries expire_time tags comments namespace_type"
        body = {key: item[key] for key in names.split() if item.get(key) is not None}
        self.kibana("PUT", "/api/exception_lists/items", {**body, **change}, space=space)

    def add_item(self, item_id: str, entries: list[Any], **change: Any) -> None:
        body = {
            "item_id": item_id, "list_id": "deployer-servers", "name": f"Item {item_id}", "type": "simple",
            "description": f"Added for {item_id}", "namespace_type": "single", "entries": entries, **change,
        }  # fmt: skip
        self.kibana("POST", "/api/exception_lists/items", body)


def ip(value: str) -> dict[str, Any]:
    return {"field": "destination.ip", "operator": "included", "type": "match", "value": value}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def acme(root: Path, emulator: Emulator, deployer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Acme:
    monkeypatch.setenv("SITE_KIBANA_KEY", "cGxhbnRlZDpTM2NyM3RLZXlPZkFjbWU=")
    monkeypatch.setenv("SITE_ARM_TOKEN", "eyJhbGciOiJub25lIn0.eyJhcHBpZCI6InBpcGVsaW5lIn0.cGxhbnRlZC10b2tlbg")
    return Acme(root, emulator, deployer)


def test_a_threshold_that_was_edited_is_pulled_and_the_plan_is_empty(acme: Acme) -> None:
    acme.apply()
    acme.edit_rule("threshold", threshold={"field": ["host.name"], "value": 15})
    assert acme.plan() == [("update", "threshold", "drift")]

    pulled = acme.pull()

    assert pulled.code == 0
    assert acme.difference() == [
        "-      threshold: {value: 40}   # the farm",
        "+      threshold: {value: 15}   # the farm",
    ]
    assert acme.plan() == []


@pytest.mark.parametrize("field", sorted(managed.KIBANA))
def test_every_field_of_kibana_is_pulled(acme: Acme, field: str) -> None:
    rule = RULE_OF.get(field, "query")
    acme.apply("--rule", rule)
    value = managed.KIBANA[field]
    if field == "tags":
        document = acme.kibana("GET", "/api/detection_engine/rules", rule_id=rule)
        value = [*value, *document["tags"]]  # an analyst leaves the mark alone
    acme.edit_rule(rule, **{field: value})
    before = acme.deployer("plan", "live", "--rule", rule, "--format", "json").json
    assert [change["cause"] for target in before["targets"] for change in target["changes"]] == ["drift"]

    pulled = acme.pull("--rule", rule)

    assert pulled.code == 0, pulled.out
    assert acme.deployer("plan", "live", "--rule", rule).code == 0


@pytest.mark.parametrize("field", sorted(managed.SENTINEL))
def test_every_property_of_sentinel_is_pulled(acme: Acme, field: str) -> None:
    acme.apply("--rule", "plain")
    change = {field: managed.SENTINEL[field]}
    if field == "query":
        change["query"] = acme.query("plain").split("\n")[0] + "\n" + change["query"]  # the mark's line stays
    elif field in ("techniques", "subTechniques"):
        change = {name: managed.SENTINEL[name] for name in ("techniques", "subTechniques")}
    acme.edit_properties("plain", **change)
    before = acme.deployer("plan", "live", "--rule", "plain", "--format", "json").json
    assert [change["cause"] for target in before["targets"] for change in target["changes"]] in (["drift"], ["both"])

    pulled = acme.pull("--rule", "plain")

    assert pulled.code == 0, pulled.out
    assert acme.deployer("plan", "live", "--rule", "plain").code == 0


@pytest.mark.parametrize("field", ["references", "false_positives", "threat", "note"])
def test_a_field_that_was_emptied_is_pulled_as_null(acme: Acme, field: str) -> None:
    acme.apply()
    change: dict[str, Any] = {field: None}
    acme.edit_rule("query", **change)

    assert acme.pull().code == 0
    assert f"+    kibana: {{{field}: null}}" in acme.difference()
    assert acme.plan() == []


def test_what_is_as_the_layers_below_say_is_taken_out(acme: Acme) -> None:
    """Back to the glob's value and to the rule's own interval: nothing is left to say, and comments stay."""
    acme.apply()
    acme.edit_rule("threshold", threshold={"field": ["host.name"], "value": 30}, interval="5m")

    assert acme.pull().code == 0
    assert yaml.safe_load(acme.file.read_text())["overlay"].keys() == {"thresh*"}
    assert acme.plan() == []


def test_only_what_differs_of_a_mapping_is_written(acme: Acme) -> None:
    acme.apply()
    acme.edit_rule(
        "threshold", threshold={"field": ["host.name"], "value": 40, "cardinality": [{"field": "a", "value": 2}]}
    )

    assert acme.pull().code == 0
    assert yaml.safe_load(acme.file.read_text())["overlay"]["threshold"]["kibana"]["threshold"] == {
        "value": 40,
        "cardinality": [{"field": "a", "value": 2}],
    }
    assert acme.plan() == []


def test_a_rule_that_was_switched_off_stays_off(acme: Acme) -> None:
    acme.apply()
    acme.edit_rule("query", enabled=False)

    assert acme.pull().code == 0
    assert acme.difference() == ["+  query:", "+    kibana: {enabled: false}"]
    assert acme.plan() == []


# -- Sentinel's query -------------------------------------------------------------------------------------------------


def test_another_value_of_a_let_becomes_a_parameter(acme: Acme) -> None:
    acme.apply()
    changed = acme.query("both").replace("Least = 20", "Least = 99").replace('["a", "b"]', '["c"]')
    acme.edit_properties("both", query=changed)

    assert acme.pull().code == 0
    assert acme.difference() == [
        "+  both:", "+    sentinel:", "+      parameters:", "+        Least: 99", "+        Names: [c]",
    ]  # fmt: skip
    assert acme.plan() == []


def test_another_query_is_written_as_one_reads_it_and_without_the_entries(acme: Acme) -> None:
    acme.apply()
    acme.edit_properties("both", query=acme.query("both").replace("| where Count > Least", "| where Count >= Least"))

    assert acme.pull().code == 0
    assert acme.difference() == [
        "+  both:",
        "+    sentinel:",
        "+      query: |",
        *(f"+        {line}" for line in KQL.replace("Count > Least", "Count >= Least").splitlines()),
    ]
    assert acme.plan() == []


def test_entries_added_to_the_query_by_hand_are_not_pulled(acme: Acme) -> None:
    acme.apply()
    query = acme.query("both").replace('"198.51.100.0/24"', '"198.51.100.0/24", "203.0.113.9"')
    acme.edit_properties("both", query=query, severity="Low")

    pulled = acme.pull()

    assert pulled.code == 3
    assert "`let Allowed` is filled from an allowlist: what is allowed belongs into `allowlists:`" in pulled.out
    assert acme.difference() == ["+  both:", "+    sentinel: {severity: Low}"]


def test_fields_that_fit_only_together_are_pulled_together(acme: Acme) -> None:
    """A frequency beyond the period is refused by itself."""
    acme.apply()
    acme.edit_properties("plain", queryFrequency="P2D", queryPeriod="P3D")

    assert acme.pull().code == 0
    assert acme.plan() == []


def test_a_query_without_a_parameter_of_the_overlay_is_pulled(acme: Acme) -> None:
    acme.text += "  plain:\n    sentinel: {parameters: {Least: 7}}\n"
    acme.file.write_text(acme.text)
    acme.apply()
    acme.edit_properties("plain", query=acme.query("plain").split("\n")[0] + "\nDeviceNetworkEvents\n| take 3")

    assert acme.pull().code == 0
    assert acme.plan() == []
    assert "parameters" not in acme.file.read_text()


# -- data views -------------------------------------------------------------------------------------------------------


def test_a_data_view_is_pulled_into_the_overlay(acme: Acme) -> None:
    acme.apply()
    view = {"title": "logs-*,other-*", "name": "Renamed"}
    acme.kibana("POST", "/api/data_views/data_view/deployer-view", {"data_view": view})

    assert acme.pull().code == 0
    assert yaml.safe_load(acme.file.read_text())["overlay"]["view"] == {
        "kibana": {"data_view": {"name": "Renamed"}, "index": ["logs-*", "other-*"]}
    }
    assert acme.plan() == []


# -- exception items --------------------------------------------------------------------------------------------------


def test_an_edited_item_changes_its_entry_in_place(acme: Acme) -> None:
    acme.apply()
    acme.edit_item("192.0.2.10", entries=[ip("192.0.2.11"), {
        "field": "host.name", "operator": "included", "type": "match_any", "value": ["build-1", "build-2"],
    }])  # fmt: skip

    pulled = acme.pull()

    assert pulled.code == 0, pulled.out
    [item] = [item for item in acme.items() if item["name"].startswith("192.0.2.10")]
    assert acme.difference() == [
        "-    - value: 192.0.2.10",
        "-      hosts: [build-1]",
        "+    - value: 192.0.2.11",
        "+      hosts: [build-1, build-2]",
        f"+      item: {item['item_id']}",
    ]
    assert "comes out otherwise with it: sentinel: rule/both" in pulled.out
    actions = acme.plan()
    assert ("update", "both", "pending") in actions
    assert {action for action, _, _ in actions} == {"update"}
    acme.apply()
    assert acme.plan() == []


def test_another_last_day_is_pulled(acme: Acme) -> None:
    acme.apply()
    acme.edit_item("192.0.2.10", expire_time="2098-07-01T00:00:00.000Z")

    assert acme.pull().code == 0
    assert acme.difference() == ["-      expires: 2099-12-31", "+      expires: 2098-06-30"]


def test_an_item_added_by_hand_becomes_an_entry_that_is_claimed(acme: Acme) -> None:
    acme.apply()
    process = {"field": "process.name", "operator": "included", "type": "match", "value": "agent.exe"}
    acme.add_item("by-hand", [process, ip("203.0.113.7")], expire_time="2099-01-02T03:04:05.000Z")

    pulled = acme.pull()

    assert pulled.code == 0, pulled.out
    entry = yaml.safe_load(acme.file.read_text())["allowlists"]["servers"][2]
    assert {key: str(value) for key, value in entry.items() if key != "processes"} == {
        "value": "203.0.113.7",
        "expires": "2099-01-02 03:04:05+00:00",
        "reason": "Added for by-hand",
        "owner": "night-shift",
        "item": "by-hand",
    }
    assert entry["processes"] == ["agent.exe"]
    assert ("claim", "by-hand", "unclaimed") in acme.plan()
    acme.apply("--adopt")
    assert acme.plan() == []
    assert len(acme.items()) == 3


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"type": "wildcard", "value": "203.*"}, "is of type wildcard"),
        ({"operator": "excluded"}, "excludes"),
        ({"field": "user.name"}, "a condition on user.name"),
        ({"type": "match_any", "value": ["203.0.113.7", "203.0.113.8"]}, "names 2 values"),
        ({"value": "203.0.113.0/0"}, "allows every address"),
    ],
    ids=["wildcard", "excluded", "another field", "several values", "everything"],
)
def test_what_no_entry_can_say_is_refused_by_name(acme: Acme, condition: Any, said: str) -> None:
    acme.apply()
    acme.add_item("by-hand", [{**ip("203.0.113.7"), **condition}])

    pulled = acme.pull()

    assert pulled.code == 1
    assert "item/by-hand: not pulled" in pulled.out
    assert said in pulled.out
    assert acme.difference() == []


def test_an_entry_goes_only_if_the_user_names_it(acme: Acme) -> None:
    acme.apply()
    [item] = [item for item in acme.items() if item["name"].startswith("198.51.100.0/24")]
    acme.kibana("DELETE", "/api/exception_lists/items", item_id=item["item_id"], namespace_type="single")

    unnamed = acme.pull()
    assert (unnamed.code, acme.difference()) == (0, [])
    assert "name it with --removed" in unnamed.out

    assert acme.pull("--removed", "198.51.100.0/24").code == 0
    assert acme.difference() == ["-    - {value: 198.51.100.0/24, reason: A range, owner: ann}"]
    assert acme.plan() == [("update", "both", "pending")]


# -- several targets, refusals, accepted drift ------------------------------------------------------------------------


def test_of_two_spaces_only_the_one_that_was_changed_is_tuned(acme: Acme) -> None:
    second = '  night:\n    {platform: kibana, url: "URL/kibana", space: night, credential: kibana}\n  sentinel:\n'
    acme.text = acme.text.replace("  sentinel:\n", second.replace("URL", acme.emulator.url), 1)
    acme.file.write_text(acme.text)
    acme.apply()
    acme.edit_rule("threshold", space="night", threshold={"field": ["host.name"], "value": 15})

    assert acme.pull().code == 0
    targets = yaml.safe_load(acme.file.read_text())["targets"]
    assert targets["night"]["overlay"] == {"threshold": {"kibana": {"threshold": {"value": 15}}}}
    assert "overlay" not in targets["kibana"]
    assert acme.plan() == []


def test_a_value_of_the_targets_own_overlay_is_changed_there(acme: Acme) -> None:
    own = "credential: kibana, overlay: {query: {kibana: {interval: 9m}}}}\n"
    acme.text = acme.text.replace("credential: kibana}\n", own, 1)
    acme.file.write_text(acme.text)
    acme.apply()
    acme.edit_rule("query", interval="8m", max_signals=7)

    assert acme.pull().code == 0
    document = yaml.safe_load(acme.file.read_text())
    assert document["targets"]["kibana"]["overlay"] == {"query": {"kibana": {"interval": "8m"}}}
    assert document["overlay"]["query"] == {"kibana": {"max_signals": 7}}
    assert acme.plan() == []


def test_a_dry_run_and_another_target_write_nothing(acme: Acme) -> None:
    acme.apply()
    acme.edit_rule("query", interval="8m")

    dry = acme.pull("--dry-run")
    other = acme.pull("--target", "sentinel")

    assert (dry.code, other.code, acme.difference()) == (0, 0, [])
    assert "+    kibana: {interval: 8m}" in dry.out
    assert "nothing to pull" in other.out
    assert acme.pull("--target", "sentinal").code == 64


def test_a_list_that_was_taken_off_a_rule_is_not_pulled(acme: Acme) -> None:
    acme.apply()
    acme.edit_rule("both", exceptions_list=[])

    pulled = acme.pull()

    assert (pulled.code, acme.difference()) == (1, [])
    assert "exceptions_list: not pulled: which lists a rule honours" in pulled.out


def test_where_git_was_changed_too_what_is_live_wins_and_it_is_said(acme: Acme) -> None:
    acme.apply()
    acme.text += "  query:\n    kibana: {interval: 33m}\n"
    acme.file.write_text(acme.text)
    acme.edit_rule("query", interval="8m")
    assert acme.plan() == [("update", "query", "both")]

    pulled = acme.pull()

    assert pulled.code == 0
    assert "(Git was changed, too: here what is live wins)" in pulled.out
    assert acme.difference() == ["-    kibana: {interval: 33m}", "+    kibana: {interval: 8m}"]
    assert acme.plan() == []


def test_what_a_list_is_called_belongs_to_all_and_is_not_pulled(acme: Acme) -> None:
    acme.apply()
    params = {"list_id": "deployer-servers", "namespace_type": "single"}
    found = acme.kibana("GET", "/api/exception_lists", **params)
    names = "id list_id _version description type tags namespace_type".split()
    acme.kibana("PUT", "/api/exception_lists", {**{name: found[name] for name in names}, "name": "Renamed"})

    pulled = acme.pull()

    assert (pulled.code, acme.difference()) == (1, [])
    assert "said by its category in rules/allowlists.yaml" in pulled.out


def test_a_rule_of_another_owner_is_not_pulled(acme: Acme) -> None:
    acme.apply()
    rule = acme.kibana("GET", "/api/detection_engine/rules", rule_id="query")
    acme.edit_rule("query", tags=[tag.replace(":soc:", ":other:") for tag in rule["tags"]], interval="8m")

    pulled = acme.pull()

    assert (pulled.code, acme.difference()) == (1, [])
    assert "owner other" in pulled.out


def test_what_is_pending_is_not_pulled(acme: Acme) -> None:
    acme.apply()
    acme.text += "  query:\n    kibana: {interval: 33m}\n"
    acme.file.write_text(acme.text)

    pulled = acme.pull()

    assert (pulled.code, acme.difference()) == (0, [])
    assert "acme: nothing to pull" in pulled.out


def test_an_unmarked_rule_and_a_deleted_one_are_named_and_left(acme: Acme) -> None:
    acme.apply()
    rule = acme.kibana("GET", "/api/detection_engine/rules", rule_id="query")
    acme.edit_rule("query", tags=[tag for tag in rule["tags"] if not tag.startswith("deployer:")], interval="8m")
    acme.kibana("DELETE", "/api/detection_engine/rules", rule_id="eql")

    pulled = acme.pull()

    assert (pulled.code, acme.difference()) == (1, [])
    assert "apply --adopt" in pulled.out
    assert "rule/eql: not pulled: in Git and not in the target" in pulled.out


def test_a_broken_file_is_not_touched(acme: Acme) -> None:
    acme.apply()
    acme.edit_rule("query", interval="8m")
    acme.text += "nonsense: 1\n"
    acme.file.write_text(acme.text)

    pulled = acme.pull()

    assert (pulled.code, acme.difference()) == (1, [])
    assert "unknown key `nonsense`" in pulled.out


def test_a_live_value_that_is_none_in_git_is_refused_by_name_and_the_rest_is_pulled(acme: Acme) -> None:
    acme.apply()
    acme.edit_rule("query", interval="8m", license="x" * 600)

    pulled = acme.pull()

    assert pulled.code == 3
    assert "license: not pulled" in pulled.out
    assert acme.difference() == ["+  query:", "+    kibana: {interval: 8m}"]


def test_a_credential_in_a_live_rule_is_neither_written_nor_shown(acme: Acme) -> None:
    acme.apply()
    acme.edit_rule("query", license="Use S3cr3tKeyOfAcme", interval="8m")

    pulled = acme.pull()

    assert (pulled.code, acme.difference()) == (1, [])
    assert "holds a credential of this run" in pulled.out
    assert "S3cr3tKeyOfAcme" not in pulled.out + pulled.err


def test_line_ends_and_mode_of_the_file_stay(acme: Acme) -> None:
    acme.file.write_bytes(acme.text.replace("\n", "\r\n").encode())
    acme.file.chmod(0o640)
    acme.apply()
    acme.edit_rule("query", interval="8m")

    assert acme.pull().code == 0
    expected = acme.text + "  query:\n    kibana: {interval: 8m}\n"
    assert acme.file.read_bytes() == expected.replace("\n", "\r\n").encode()
    assert acme.file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in acme.file.parent.iterdir()) == ["acme.yaml"]


def test_drift_can_be_accepted_instead(acme: Acme) -> None:
    acme.apply()
    acme.edit_rule("threshold", threshold={"field": ["host.name"], "value": 15}, references=None)

    pulled = acme.pull("--accept-until", "2099-12-31", "--reason", "Trial, ACME-77", "--owner", "jo@acme.example")

    assert pulled.code == 0, pulled.out
    [entry] = yaml.safe_load(acme.file.read_text())["accepted"]
    assert {**entry, "until": str(entry["until"])} == {
        "object": "rule/threshold",
        "target": "kibana",
        "fields": {"references": None, "threshold.value": 15},
        "until": "2099-12-31",
        "reason": "Trial, ACME-77",
        "owner": "jo@acme.example",
    }
    assert not [line for line in acme.difference() if line.startswith("-")]


@pytest.mark.parametrize(
    "options",
    [("--accept-until", "2099-12-31"), ("--accept-until", "soon", "--reason", "r", "--owner", "o"), ("--reason", "r")],
    ids=["no reason", "no date", "no acceptance"],
)
def test_an_acceptance_says_until_when_why_and_who(acme: Acme, options: tuple[str, ...]) -> None:
    assert acme.pull(*options).code == 64


def test_an_unreadable_target_keeps_nobody_from_the_others(acme: Acme) -> None:
    acme.apply()
    acme.edit_rule("query", interval="8m")
    acme.emulator.fault(path="/arm", status=401)

    pulled = acme.pull("--format", "json")

    assert (pulled.code, pulled.json["exit_code"]) == (3, 3)
    assert [one["outcome"] for one in pulled.json["targets"]] == ["applied", "unreadable"]
    [taken] = pulled.json["targets"][0]["taken"]
    assert (taken["kind"], taken["id"], taken["path"], taken["git"], taken["live"]) == (
        "rule", "query", "interval", "5m", "8m",
    )  # fmt: skip
    assert taken["place"] == "overlay.query.kibana.interval"
    assert acme.difference() == ["+  query:", "+    kibana: {interval: 8m}"]


def test_the_report_in_markdown_says_what_was_left(acme: Acme) -> None:
    acme.apply()
    acme.edit_rule("both", exceptions_list=[], max_signals=8)

    pulled = acme.pull("--format", "markdown")

    assert pulled.code == 3
    assert "| `acme` | **1 difference written** |" in pulled.out
    assert "which lists a rule honours" in pulled.out


def test_what_is_accepted_is_left_by_the_next_plan_and_the_next_pull(acme: Acme) -> None:
    acme.apply()
    acme.edit_rule("query", interval="8m")
    acme.pull("--accept-until", "2099-12-31", "--reason", "Trial", "--owner", "jo@acme.example")
    accepted = acme.file.read_text()

    assert acme.plan() == []
    acme.edit_rule("query", max_signals=9)
    assert acme.pull().code == 0
    assert acme.file.read_text().replace("  query:\n    kibana: {max_signals: 9}\n", "") == accepted
    assert acme.plan() == []


def test_entries_and_a_query_are_pulled_in_one_run(acme: Acme) -> None:
    """The new entry goes into the query that was taken over, too: a change that Git makes."""
    acme.apply()
    acme.add_item("by-hand", [ip("203.0.113.7")])
    acme.edit_properties("both", query=acme.query("both").replace("Least = 20", "Least = 99"))

    pulled = acme.pull()

    assert pulled.code == 0, pulled.out
    assert "parameters: {Least: 99}" in acme.file.read_text()
    assert {action for action, _, _ in acme.plan()} == {"claim", "update"}
    acme.apply("--adopt")
    assert acme.plan() == []
    assert '"203.0.113.7"' in acme.query("both")
    assert "Least = 99" in acme.query("both")


def test_a_target_that_is_as_the_tenant_says_again_loses_its_own_value_only(acme: Acme) -> None:
    own = "credential: kibana, overlay: {threshold: {kibana: {threshold: {value: 50}}}}}\n"
    acme.text = acme.text.replace("credential: kibana}\n", own, 1)
    acme.file.write_text(acme.text)
    acme.apply()
    acme.edit_rule("threshold", threshold={"field": ["host.name"], "value": 40})

    assert acme.pull().code == 0
    document = yaml.safe_load(acme.file.read_text())
    assert "overlay" not in document["targets"]["kibana"]
    assert document["overlay"]["threshold"]["kibana"] == {"threshold": {"value": 40}, "interval": "10m"}
    assert acme.plan() == []


def test_a_file_that_cannot_be_edited_is_left_and_the_lines_are_said(acme: Acme) -> None:
    """A block that keeps the empty lines behind it would lose them to a key that is put there."""
    acme.text += "  query:\n    kibana:\n      setup: |+\n        Once.\n\n\n"
    acme.file.write_text(acme.text)
    acme.apply()
    acme.edit_rule("query", interval="8m")

    pulled = acme.pull()

    assert (pulled.code, acme.difference()) == (1, [])
    assert "nothing was written: environments/live/tenants/acme.yaml: overlay.query cannot be edited" in pulled.out
    assert "interval: 8m" in pulled.out


def test_nothing_of_a_tenant_is_written_where_the_file_would_be_wrong(acme: Acme) -> None:
    """The entry is right by itself, and there already under another item's name."""
    acme.apply()
    acme.edit_rule("query", interval="8m")
    acme.add_item("by-hand", [ip("198.51.100.0/24")])

    pulled = acme.pull()

    assert (pulled.code, acme.difference()) == (1, [])
    assert "already with the same scope" in pulled.out
    assert "x nothing was written" in pulled.out
