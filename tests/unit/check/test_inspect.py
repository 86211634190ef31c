"""`check` on a repository: each rule as it is written and as each target is to get it, every fault said once."""

import shutil
from pathlib import Path

import pytest

from deployer.check import inspect
from deployer.check import unmatched
from deployer.check.workbench import Compiled
from deployer.check.workbench import Workbench
from deployer.engines import analyser
from tests import microsoft

ENVIRONMENT = "environments/test"
ALLOWLISTS = """\
categories:
  servers:
    title: Servers
    description: Approved servers.
    kinds: [ip]
    direction: outbound
    kibana: {ip: destination.ip, host: host.name}
    sentinel: {ipv4: AllowedServers, ipv6: AllowedServersIPv6, scoped: ScopedServers}
"""
RULE = """\
id: example
name: Example
description: Finds something.
severity: high
confidence: medium
attack:
  - tactic: {id: TA0042, name: Resource Development}
    technique: {id: T1584, name: Compromise Infrastructure}
data_sources: ["Network Traffic: Network Traffic Flow"]
allowlists: [servers]
kibana:
  data: [endpoint.events.network]
  type: threshold
  index: [logs-*]
  interval: 1h
  from: now-1h
  threshold: {field: [host.name], value: 20}
sentinel:
  data: [DeviceNetworkEvents]
  kind: Scheduled
  queryFrequency: PT1H
  queryPeriod: P1D
  triggerOperator: GreaterThan
  triggerThreshold: 0
  entityMappings:
    - entityType: Host
      fieldMappings: [{identifier: FullName, columnName: DeviceName}]
"""
KUERY = "destination.port: 6667\n"
KQL = """\
let Least = 20;
let AllowedServers = dynamic([]);
let AllowedServersIPv6 = dynamic([]);
let ScopedServers = (Host:string, Process:string, Address:string, Port:int) { false };
DeviceNetworkEvents
| where TimeGenerated > ago(1d)
| where not(coalesce(ipv4_is_in_any_range(RemoteIP, AllowedServers), false))
| where not(coalesce(ipv6_is_in_any_range(RemoteIP, AllowedServersIPv6), false))
| where not(coalesce(ScopedServers(DeviceName, InitiatingProcessFileName, RemoteIP, RemotePort), false))
| summarize Count = count() by DeviceName
| where Count >= Least
"""
TENANT = """\
targets:
  kibana: {platform: kibana, emulator: true, space: NAME}
  sentinel: {platform: sentinel, emulator: true, subscription_id: 11111111-1111-4111-8111-111111111111,
             resource_group: soc, workspace: NAME}
data_sources: {kibana: {endpoint.events.network: []}, sentinel: [DeviceNetworkEvents]}
"""
CASES = """\
now: 2026-11-20T12:00:00Z
cases:
  - name: Something is found
    sentinel: {events: [{DeviceNetworkEvents: {DeviceName: a}, before: 1h}], matches: 1}
    kibana: {events: [{logs-a: {host.name: [a]}, before: 1h}], matches: 1}
  - name: Nothing is found
    sentinel: {events: [{DeviceNetworkEvents: {DeviceName: a}, before: 1h}], matches: 0}
    kibana: {events: [{logs-a: {host.name: [a]}, before: 1h}], matches: 0}
"""


class Counting(Workbench):
    """Keeps what it was asked to compile."""

    asked: list[str]

    def compile(self, query: str, data: tuple[str, ...]) -> Compiled:
        self._keep(query)
        return super().compile(query, data)

    def compile_variant(self, query: str, data: tuple[str, ...]) -> Compiled:
        self._keep(query)
        return super().compile_variant(query, data)

    def _keep(self, query: str) -> None:
        self.asked = list(dict.fromkeys([*getattr(self, "asked", ()), query]))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository of one rule and two tenants."""
    files = {
        "rules/allowlists.yaml": ALLOWLISTS,
        "rules/example/rule.yaml": RULE,
        "rules/example/kibana.kuery": KUERY,
        "rules/example/sentinel.kql": KQL,
        "rules/example/tests.yaml": CASES,
        f"{ENVIRONMENT}/environment.yaml": "owner: tests\n",
        **{f"{ENVIRONMENT}/tenants/{name}.yaml": TENANT.replace("NAME", name) for name in ("acme", "globex")},
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Microsoft's analyser is not there."""
    monkeypatch.setenv(analyser.FOLDER_VARIABLE, str(tmp_path / "nothing"))


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is."""
    monkeypatch.setenv(analyser.FOLDER_VARIABLE, str(microsoft.folder()))


def found(root: Path, rules: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """The place and the code of each finding."""
    return [(str(each.location), each.code) for each in inspect(root, None, None, rules=rules).findings]


def change(root: Path, file: str, old: str, new: str) -> None:
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new))


@pytest.mark.usefixtures("alone")
def test_a_sound_repository_has_no_findings_and_the_analyser_is_named_where_it_is_missing(root: Path) -> None:
    seen = inspect(root, None, None)

    assert (seen.findings, seen.without) == ((), ("Microsoft's analyser: install it by `deployer analyser install`",))
    assert seen.checked == f"Looked at 1 rules and 4 targets in test, without {seen.without[0]}."


@pytest.mark.usefixtures("analysed")
def test_with_the_analyser_nothing_is_left_out(root: Path) -> None:
    seen = inspect(root, None, None)

    assert (seen.findings, seen.without) == ((), ())
    assert seen.checked == "Looked at 1 rules and 4 targets in test."


@pytest.mark.usefixtures("alone")
def test_faults_of_a_rule_are_said_once_however_many_targets_get_it(root: Path) -> None:
    change(root, "rules/example/sentinel.kql", "by DeviceName", "by Devicename")
    change(root, "rules/example/rule.yaml", "field: [host.name]", "field: [host.nmae]")
    change(root, "rules/example/kibana.kuery", "destination.port", "destination.prot")

    assert found(root) == [
        ("rules/example/kibana.kuery:1:1", "field-missing"),
        ("rules/example/rule.yaml:17:23", "field-missing"),
        ("rules/example/sentinel.kql:10:32", "query-invalid"),
    ]


@pytest.mark.usefixtures("alone")
def test_an_entity_names_a_column_that_the_query_returns(root: Path) -> None:
    change(root, "rules/example/rule.yaml", "columnName: DeviceName", "columnName: Device")

    assert found(root) == [("rules/example/rule.yaml:27:58", "column-missing")]


@pytest.mark.usefixtures("alone")
def test_what_an_overlay_breaks_is_said_where_the_overlay_is(root: Path) -> None:
    overlay = """
overlay:
  example:
    kibana: {interval: 2h, threshold: {field: [host.nmae]}}
    sentinel:
      queryPeriod: PT2H
      customDetails: {Total: Total}
"""
    with (root / ENVIRONMENT / "tenants/globex.yaml").open("a") as file:
        file.write(overlay)
    place = "environments/test/tenants/globex.yaml"

    assert found(root) == [
        (f"{place}:9:24", "schedule-gap"),
        (f"{place}:9:47", "field-missing"),
        (f"{place}:11:20", "window-cut"),
        (f"{place}:12:30", "column-missing"),
    ]


@pytest.mark.usefixtures("alone")
def test_rules_and_tenants_can_be_chosen(root: Path) -> None:
    shutil.copytree(root / "rules/example", root / "rules/other")
    change(root, "rules/other/rule.yaml", "id: example", "id: other")
    for name in ("example", "other"):
        change(root, f"rules/{name}/sentinel.kql", "count()", "cuont()")

    everything = [(f"rules/{name}/sentinel.kql:10:21", "query-invalid") for name in ("example", "other")]
    assert (found(root), found(root, rules=("oth*",))) == (everything, everything[1:])
    assert unmatched(root, "test", ["acme", "acne"], ["oth*", "exmaple"]) == ["acne", "exmaple"]


@pytest.mark.usefixtures("alone")
def test_a_rule_that_no_case_shows_to_work_is_named(root: Path) -> None:
    (root / "rules/example/tests.yaml").unlink()

    assert found(root) == [("rules/example/rule.yaml:1:1", "rule-test-missing")] * 2


def test_the_work_does_not_grow_with_the_number_of_tenants(root: Path) -> None:
    """Thirty tenants with entries and parameters of their own bring one query to compile beside that of the file."""
    for number in range(30):
        entry, other = (f"value: {net}.{number}, reason: known, owner: jo" for net in ("192.0.2", "198.51.100"))
        text = f"""{TENANT.replace("NAME", f"tenant-{number}")}
allowlists: {{servers: [{{{entry}}}, {{{other}, hosts: [h{number}]}}]}}
overlay: {{example: {{sentinel: {{parameters: {{Least: {number + 1}}}}}}}}}
"""
        (root / ENVIRONMENT / f"tenants/t{number}.yaml").write_text(text)
    bench = Counting(lambda: None)

    seen = inspect(root, None, None, bench=bench)

    assert (seen.findings, seen.targets, len(bench.asked)) == ((), 64, 2)
    assert "let Least = 1;" in bench.asked[1]
    assert "192.0.2.0" in bench.asked[1]


def test_a_form_that_is_new_is_compiled(root: Path) -> None:
    """An entry that expires is compared with the clock."""
    with (root / ENVIRONMENT / "tenants/globex.yaml").open("a") as file:
        file.write("allowlists: {servers: [{value: 192.0.2.1, expires: 2099-01-01, reason: known, owner: jo}]}\n")
    bench = Counting(lambda: None)

    assert inspect(root, None, None, bench=bench).findings == ()
    assert [query.partition("let AllowedServers = ")[2].partition("(")[0] for query in bench.asked] == [
        "dynamic",
        "toscalar",
    ]
