"""Running cases of made-up rules; the two rules of tests/cases/rule-tests are run in tests/cli/test_rule_tests.py."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from deployer.manifest import rules
from deployer.manifest import tests
from deployer.model import Platform
from deployer.providers.sentinel.alerts import triggers
from deployer.ruletests.deployed import desired
from deployer.ruletests.outcomes import Outcome
from deployer.ruletests.run import run_case
from deployer.ruletests.suite import run_all
from deployer.state import Kind

CASES = Path(__file__).parents[2] / "cases" / "rule-tests"
HEAD = """\
now: 2026-11-20T12:00:00Z
base:
  sentinel:
    DeviceNetworkEvents: {DeviceName: ws-1, RemoteIP: 192.0.2.7, RemotePort: 6667}
cases:
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(CASES / "rules", tmp_path / "rules")
    shutil.rmtree(tmp_path / "rules/silent")
    return tmp_path


def edit(root: Path, file: str, before: str, after: str) -> None:
    path = root / "rules/connections" / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def answers(root: Path, cases: str) -> list[tuple[str, str]]:
    """Outcome and reason of each case."""
    (root / "rules/connections/tests.yaml").write_text(HEAD + cases)
    return [(case.outcome, case.reason) for case in run_all(root).cases]


@pytest.mark.parametrize(
    ("operator", "threshold", "alerts"),
    [
        ("GreaterThan", 2, [False, False, False, True]),
        ("LessThan", 2, [True, True, False, False]),
        ("Equal", 2, [False, False, True, False]),
        ("NotEqual", 2, [True, True, False, True]),
    ],
)
def test_the_trigger_compares_the_number_of_results(operator: str, threshold: int, alerts: list[bool]) -> None:
    rule = {"triggerOperator": operator, "triggerThreshold": threshold}

    assert [triggers(rule, count) for count in range(4)] == alerts


def test_an_alert_on_too_few_results_is_a_match_although_it_has_no_row(root: Path) -> None:
    edit(root, "rule.yaml", "triggerOperator: GreaterThan", "triggerOperator: LessThan")
    edit(root, "rule.yaml", "triggerThreshold: 0", "triggerThreshold: 1")
    case = "- {name: silence, sentinel: {events: [], matches: 1}}\n"

    assert answers(root, case) == [("passed", "")]

    [(outcome, reason)] = answers(root, case.replace("matches: 1", "matches: 0"))

    assert outcome == "failed"
    assert reason.split("\n") == [
        "no match was expected, there is 1",
        "match 1: {}",
        "the query has no result, which makes an alert with the trigger LessThan 1",
    ]


def test_a_column_that_the_query_does_not_return_is_not_taken_for_an_empty_one(root: Path) -> None:
    events = "{DeviceNetworkEvents: {}, before: 3h, times: 3}"

    [(outcome, reason)] = answers(
        root, f"- {{name: a, sentinel: {{events: [{events}], matches: [{{Cuont: null}}]}}}}\n"
    )

    assert (outcome, reason.split("\n")[0][:35]) == ("failed", "the matches have no column `Cuont`;"), reason


def test_a_rule_in_near_real_time_is_not_run_for_its_cases_do_not_say_when_events_were_taken_in(root: Path) -> None:
    """Run with all events of the case in sight it would find a series that it never sees together."""
    edit(root, "rule.yaml", "kind: Scheduled", "kind: NRT")
    for line in ("queryFrequency: PT1H", "queryPeriod: P1D", "triggerOperator: GreaterThan", "triggerThreshold: 0"):
        edit(root, "rule.yaml", f"  {line}\n", "")
    events = "{DeviceNetworkEvents: {}, before: 3h, times: 3}"

    [(outcome, reason)] = answers(root, f"- {{name: series, sentinel: {{events: [{events}], matches: 1}}}}\n")

    assert (outcome, "time of ingestion" in reason) == ("not run", True)


def test_results_below_the_trigger_are_no_match_and_the_reason_says_how_many_there_were(root: Path) -> None:
    edit(root, "rule.yaml", "triggerThreshold: 0", "triggerThreshold: 1")
    events = "{DeviceNetworkEvents: {}, before: 3h, times: 3}"

    [(outcome, reason)] = answers(root, f"- {{name: one, sentinel: {{events: [{events}], matches: 1}}}}\n")

    assert outcome == "failed"
    assert reason.split("\n") == [
        "1 match was expected, there is none",
        "the number of results is 1, which makes no alert with the trigger GreaterThan 1",
    ]


def test_the_service_lets_a_query_read_no_further_back_than_its_period(root: Path) -> None:
    """The query itself asks for seven days; an event of the period's very beginning is seen, one second more is not."""
    events = "{{DeviceNetworkEvents: {{}}, before: {0}, times: 3}}"
    case = "- {{name: {0}, sentinel: {{events: [" + events + "], matches: {1}}}}}\n"

    assert answers(root, case.format("1d", 1) + case.format("1d1s", 0)) == [("passed", ""), ("passed", "")]

    edit(root, "rule.yaml", "queryPeriod: P1D", "queryPeriod: P2D")

    assert [outcome for outcome, _ in answers(root, case.format("1d1s", 1))] == ["passed"]


def test_events_that_do_not_fit_their_table_are_a_failure(root: Path) -> None:
    events = "{DeviceNetworkEvents: {RemotePort: no number}, before: 3h}"

    [(outcome, reason)] = answers(root, f"- {{name: unfit, sentinel: {{events: [{events}], matches: 0}}}}\n")

    assert outcome == "failed"
    assert reason.startswith("the events do not fit: ")
    assert "RemotePort" in reason


def test_what_is_run_is_what_would_be_deployed(root: Path) -> None:
    """Entries and overlays go through the code that plans use: the objects are those of `show`."""
    book = rules.read(root)
    case = next(case for case in tests.read(root, book).tests["connections"].cases if case.overlay)

    kibana = desired(book.rules["connections"], case, Platform.KIBANA, book.categories)
    sentinel = desired(book.rules["connections"], case, Platform.SENTINEL, book.categories)

    def rule(state: Any) -> Any:
        return next(one.body for one in state.resources.values() if one.key.kind is Kind.RULE)

    assert rule(kibana)["threshold"] == {"field": ["host.name", "destination.ip"], "value": 2}
    assert rule(kibana)["exceptions_list"] == ["deployer-servers"]
    assert rule(sentinel)["query"].startswith("let MinConnections = 2;\nlet AllowedServers = dynamic([]);")


def test_an_entry_becomes_the_exception_item_that_a_tenant_would_have(root: Path) -> None:
    book = rules.read(root)
    cases = tests.read(root, book).tests["connections"].cases
    case = next(case for case in cases if any(entry.hosts for entry in case.allowlists.get("servers", ())))

    state = desired(book.rules["connections"], case, Platform.KIBANA, book.categories)

    [item] = [one.body for one in state.resources.values() if one.key.kind is Kind.ITEM]
    assert {entry["field"]: entry["value"] for entry in item["entries"]} == {
        "destination.ip": "192.0.2.7",
        "destination.port": ["6667"],
        "host.name": ["ws-2"],
    }


def test_a_case_of_a_half_that_the_rule_has_not_is_a_mistake_of_the_caller(root: Path) -> None:
    book = rules.read(root)
    rule = book.rules["connections"]
    case = tests.read(root, book).tests["connections"].cases[0]

    assert run_case(case, rule, Platform.KIBANA, book.categories).outcome is Outcome.PASSED
    with pytest.raises(KeyError):
        run_case(case.__class__(case.name, case.now, {}, case.location), rule, Platform.KIBANA, book.categories)


def test_many_cases_are_shared_out_among_processes_and_come_back_in_order(root: Path) -> None:
    case = "- {{name: case {0:03}, kibana: {{events: [], matches: {1}}}}}\n"
    (root / "rules/connections/tests.yaml").write_text(
        HEAD + "".join(case.format(number, int(number == 7)) for number in range(60))
    )

    found = run_all(root).cases

    assert [each.name for each in found] == [f"case {number:03}" for number in range(60)]
    assert [each.name for each in found if each.outcome is Outcome.FAILED] == ["case 007"]


def test_events_in_an_index_that_the_rule_does_not_read_show_nothing_and_fail_their_case(root: Path) -> None:
    """Else a mistyped index would make every "matches: 0" pass."""
    event = "{event.category: [network]}"
    case = f"- {{name: quiet, kibana: {{events: [{{NAME: {event}, before: 1h}}], matches: 0}}}}\n"

    [(read, _)] = answers(root, case.replace("NAME", "logs-endpoint.events.network-x"))
    [(unread, reason)] = answers(root, case.replace("NAME", "logs-network.firewall-x"))

    assert (read, unread) == ("passed", "failed")
    assert (
        "none lies in an index that the rule reads (logs-endpoint.events.network-*): logs-network.firewall-x" in reason
    )
