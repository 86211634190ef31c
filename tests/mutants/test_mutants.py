"""The mutation run itself: what is changed, that a case catches it, and what is said of survivors."""

from dataclasses import replace
from datetime import UTC
from datetime import datetime
from pathlib import Path

import pytest

from deployer.cases import Case
from deployer.cases import CaseHalf
from deployer.cases import EventSeries
from deployer.cases import Matches
from deployer.model import Platform
from deployer.model import Rule
from tests import make
from tests.mutants import accepted
from tests.mutants import kql
from tests.mutants import kuery
from tests.mutants import sequence
from tests.mutants.accepted import Accepted
from tests.mutants.cases import Bench
from tests.mutants.mutant import Mutant
from tests.mutants.mutant import apply_edits
from tests.mutants.of_rule import mutants
from tests.mutants.trial import judge

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KQL = """// One >= 1 in a comment
let Ports = dynamic([22, 80]);
let Allowed = dynamic(["192.0.2.0/24"]);
DeviceNetworkEvents
| where TimeGenerated > ago(1h) and not(RemotePort !in~ (Ports))
| summarize Count = count() by DeviceName
| where Count >= 3
"""
KUERY = 'event.action : "a" and not destination.ip : ("10.0.0.0/8" or "b") and source.bytes < 10'


def test_a_query_of_sentinel_is_changed_in_each_place() -> None:
    changed = [(number, change) for number, _, change, _ in apply_edits(KQL, kql.edits(KQL, ["Allowed"]))]

    assert changed == [
        (2, "22 -> (nothing)"),
        (2, "80 -> (nothing)"),
        (5, "(clause removed)"),
        (5, "> -> >="),
        (5, "> -> <="),
        (5, "1h -> 2h"),
        (5, "1h -> 59m"),
        (5, "and -> or"),
        (5, "not -> (nothing)"),
        (5, "!in~ -> in~"),
        (5, "!in~ -> !in"),
        (7, "(clause removed)"),
        (7, ">= -> >"),
        (7, ">= -> <"),
        (7, "3 -> 4"),
        (7, "3 -> 2"),
    ]


@pytest.mark.parametrize(
    ("change", "line", "text"),
    [
        ("22 -> (nothing)", 2, "let Ports = dynamic([ 80]);"),
        ("80 -> (nothing)", 2, "let Ports = dynamic([22]);"),
        ("not -> (nothing)", 5, "| where TimeGenerated > ago(1h) and (RemotePort !in~ (Ports))"),
        ("(clause removed)", 5, "| summarize Count = count() by DeviceName"),
    ],
)
def test_a_mutant_is_the_query_with_that_change(change: str, line: int, text: str) -> None:
    found = {said: query for number, _, said, query in apply_edits(KQL, kql.edits(KQL)) if number == line}

    assert found[change].splitlines()[line - 1] == text


def test_lines_and_changes_that_are_alike_are_numbered() -> None:
    query = "A | where B == 1 and C == 1\n| where D == 2\n| where D == 2"
    found = [(line, change) for _, line, change, _ in apply_edits(query, kql.edits(query)) if "==" in change]

    assert found == [
        ("A | where B == 1 and C == 1", "== -> !="),
        ("A | where B == 1 and C == 1", "== -> != (2)"),
        ("| where D == 2", "== -> !="),
        ("| where D == 2 [2]", "== -> !="),
    ]


def test_a_range_is_removed_halved_and_doubled() -> None:
    query = 'T | where ipv4_is_in_any_range(A, dynamic(["172.16.0.0/12", "b"]))'

    assert [edit.text for edit in kql.edits(query) if edit.said.startswith('"172')] == [
        "", '"172.16.0.0/13"', '"172.24.0.0/13"', '"172.0.0.0/11"'
    ]  # fmt: skip


def test_a_query_of_kibana_is_changed_in_each_place() -> None:
    changed = {change for _, _, change, _ in apply_edits(KUERY, kuery.edits(KUERY))}

    assert changed == {
        '"a" -> "ax"',
        "and -> or",
        "and -> or (2)",
        "not -> (nothing)",
        '"10.0.0.0/8" -> "10.0.0.0/9"',
        '"10.0.0.0/8" -> "10.128.0.0/9"',
        '"10.0.0.0/8" -> "10.0.0.0/7"',
        '"10.0.0.0/8" -> (nothing)',
        "or -> and",
        '"b" -> (nothing)',
        "< -> <=",
        "< -> >=",
        "10 -> 11",
        "10 -> 9",
        'event.action : "a" and -> (nothing)',
        'and not destination.ip : ("10.0.0.0/8" or "b") -> (nothing)',
        "and source.bytes < 10 -> (nothing)",
    }


def test_a_sequence_is_changed_in_each_place() -> None:
    query = 'sequence by a, b with maxspan=5m [network where c == "d" and not e in (80, 443)] [network where f < 9]'

    assert {change for _, _, change, _ in apply_edits(query, sequence.edits(query))} == {
        "a -> (nothing)",
        "b -> (nothing)",
        "5m -> 6m",
        "5m -> 4m",
        '[network where c == "d" and not e in (80, 443)] -> (nothing)',
        "[network where f < 9] -> (nothing)",
        "network -> any",
        "network -> any (2)",
        "== -> !=",
        '"d" -> "dx"',
        "and -> or",
        "not -> (nothing)",
        "80 -> (nothing)",
        "443 -> (nothing)",
        'c == "d" and -> (nothing)',
        "and not e in (80, 443) -> (nothing)",
        "< -> <=",
        "< -> >=",
        "9 -> 10",
        "9 -> 8",
    }


def test_the_fields_that_decide_in_kibana_are_changed() -> None:
    rule = make.rule()
    fields = [(one.line, one.change) for one in mutants(rule, Platform.KIBANA, {"servers": make.category()})][1:]

    assert fields == [
        ("from", "now-24h -> now-23h"),
        ("from", "now-24h -> now-25h"),
        ("threshold.value", "20 -> 19"),
        ("threshold.value", "20 -> 21"),
        ("threshold.field", "host.name -> (nothing)"),
        ("threshold.cardinality.value", "3 -> 2"),
        ("threshold.cardinality.value", "3 -> 4"),
        ("threshold.cardinality", "deployer.epoch_hour -> (nothing)"),
        ("data_view.runtimeFieldMap.deployer.epoch_hour", "1L -> 0L"),
        ("data_view.runtimeFieldMap.deployer.epoch_hour", "1L -> 2L"),
    ]


def test_a_port_that_a_case_needs_is_caught_and_one_that_no_case_needs_is_not() -> None:
    """On both platforms, by the very path that the run takes."""
    kql_query = "DeviceNetworkEvents\n| where RemotePort in (22, 80)\n| project DeviceName"
    kuery_half = make.kibana_half()
    fields = {"type": "query", "language": "kuery", "index": ["logs-*"], "from": "now-24h"}
    rule = make.rule(
        kibana=replace(kuery_half, query="destination.port : (22 or 80)", fields=fields),
        sentinel=make.sentinel_half(kql_query),
        allowlists=(),
    )
    case = _case(
        {
            Platform.KIBANA: ("logs-x", {"destination.port": 22}),
            Platform.SENTINEL: ("DeviceNetworkEvents", {"RemotePort": 22, "DeviceName": "a"}),
        }
    )

    assert {platform: _outcomes(rule, platform, case) for platform in Platform} == {
        Platform.KIBANA: {"22 -> (nothing)": "killed", "80 -> (nothing)": "survived", "or -> and": "killed"},
        Platform.SENTINEL: {
            "(clause removed)": "survived", "in -> !in": "killed", "22 -> 23": "killed", "22 -> 21": "killed",
            "80 -> 81": "survived", "80 -> 79": "survived", "0 -> 1": "killed",
        },
    }  # fmt: skip


def test_an_accepted_survivor_that_is_killed_or_gone_is_told() -> None:
    entry = Accepted("t*", "sentinel", "| where [a] * 1", ("1 -> ?",), "Why.")
    like = Mutant("t1", Platform.SENTINEL, "sentinel.kql", 3, "| where [a] >= 1", "1 -> ?", "", {})

    assert list(accepted.outdated([entry], [], [like])) == []
    assert list(accepted.outdated([entry], [like], [])) == [
        f"accepted, but killed: {like}",
        "accepted, but there is no such survivor: t* sentinel: | where [a] * 1: ('1 -> ?',)",
    ]


def test_every_accepted_survivor_has_a_reason() -> None:
    assert [one for one in accepted.read() if len(one.reason) < 10] == []


def test_an_entry_without_a_reason_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text("- {rule: a, platform: kibana, line: b, changes: [c]}\n")

    with pytest.raises(KeyError, match="reason"):
        accepted.read(file)


def _case(events: dict[Platform, tuple[str, dict[str, object]]]) -> Case:
    halves = {
        platform: CaseHalf((EventSeries(source, fields, (NOW,), make.HERE),), Matches(1), make.HERE)  # type: ignore[arg-type]
        for platform, (source, fields) in events.items()
    }
    return Case("A connection to port 22", NOW, halves, make.HERE)


def _outcomes(rule: Rule, platform: Platform, case: Case) -> dict[str, str]:
    with Bench(rule, platform, (case,), {}) as bench:
        assert list(bench.failing()) == []
        verdicts = [judge(bench, mutant) for mutant in mutants(rule, platform, {})]
    return {verdict.mutant.change: verdict.outcome for verdict in verdicts if verdict.mutant.line != "from"}
