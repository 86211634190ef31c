"""`deployer test` on a repository of two small rules: every outcome, every format."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as etree

import pytest

from deployer.cli.main import run

CASES = Path(__file__).parents[1] / "cases" / "rule-tests"
TESTS = "rules/connections/tests.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The two rules, of which `connections` passes and `silent` is of kinds that no engine runs."""
    shutil.copytree(CASES / "rules", tmp_path / "rules")
    return tmp_path


@pytest.fixture
def call(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["--root", str(root), "test", *arguments])
        return (code, *capsys.readouterr())

    return call


def edit(root: Path, before: str, after: str, path: str = TESTS) -> None:
    text = (root / path).read_text()
    assert before in text
    (root / path).write_text(text.replace(before, after, 1))


def break_three(root: Path) -> None:
    """A wrong number, a wrong column, and a match that nobody finds."""
    edit(root, "Connections: 3,", "Connections: 4,")
    edit(root, ", Ports: [1026, 1025, 1024]", "")  # shown in the engine's order, which is any
    edit(root, "threshold_result.count: 3", "threshold_result.counts: 3")
    edit(root, "before: [3h, 2h]}], matches: 0}", "before: [3h, 2h]}], matches: 1}")


def test_every_case_is_named_and_what_was_not_run_is_no_failure(call, golden) -> None:
    code, out, err = call()

    golden(CASES / "passed.txt", out)
    assert (code, err) == (0, "")


def test_a_failed_case_says_where_it_stands_and_what_was_found(root, call, golden) -> None:
    break_three(root)

    code, out, err = call("--rule", "conn*")

    golden(CASES / "failed.txt", out)
    assert (code, err) == (1, "")


def test_the_document_for_scripts_holds_every_case(root, call, golden) -> None:
    break_three(root)

    code, out, _ = call("--format", "json")

    golden(CASES / "failed.json", out)
    document: Any = json.loads(out)
    assert document["exit_code"] == code == 1
    outcomes = [case["outcome"] for case in document["cases"]]
    assert {name: outcomes.count(name) for name in outcomes} == {"failed": 3, "passed": 9, "not run": 2}


def test_the_document_for_ci_holds_failures_and_skips(root, call, golden) -> None:
    break_three(root)

    code, out, _ = call("--format", "junit")

    golden(CASES / "failed.xml", out)
    document = etree.fromstring(out)  # noqa: S314 - our own
    assert code == 1
    assert document.attrib == {
        "name": "deployer test", "tests": "14", "failures": "3", "errors": "0", "skipped": "2",
    }  # fmt: skip


def test_a_report_goes_to_a_file(root, call) -> None:
    code, out, err = call("--format", "junit", "--out", str(root / "report.xml"))

    assert (code, out, err) == (0, "", "")
    assert etree.parse(root / "report.xml").getroot().tag == "testsuites"  # noqa: S314 - our own


def test_one_rule_alone_is_run_even_where_another_is_broken(root, call) -> None:
    (root / "rules/silent/rule.yaml").write_text("id: silent\n")
    (root / "rules/silent/tests.yaml").write_text("cases: 7\n")

    code, out, _ = call("--rule", "connections")

    assert (code, out.split("\n")[-2]) == (0, "12 cases of 1 rule: 12 passed, 0 failed, 0 not run.")


def test_a_fault_in_a_file_stops_the_run_before_any_case(root, call) -> None:
    edit(root, "now: 2026-11-20T12:00:00Z", "now: noon")
    edit(root, "before: 3h", "before: 3 hours")

    code, out, err = call()
    json_code, json_out, _ = call("--format", "json")

    assert (code, out) == (1, "")
    assert err == (
        "Error: rules/connections/tests.yaml:1:6: error: "
        "`now`: 'noon' must be an instant with its offset (2026-11-20T12:00:00Z) [bad-value]\n"
        "rules/connections/tests.yaml:15:19: error: `cases[0].sentinel.events[0].before` does not fit: '3 hours'; "
        "it must be a length of time such as 2h55m (d, h, m, s) [wrong-value]\n"
    )
    document = json.loads(json_out)
    assert (json_code, document["verb"], document["cases"], len(document["findings"])) == (1, "test", [], 2)


def test_a_glob_that_matches_no_rule_is_a_usage_error(call) -> None:
    code, out, err = call("--rule", "conections")

    assert (code, out) == (64, "")
    assert "no rule matches 'conections'" in err


def test_a_query_that_is_refused_and_a_rule_that_cannot_be_deployed_are_failures(root, call) -> None:
    edit(root, "summarize Connections", "summarise Connections", "rules/connections/sentinel.kql")
    edit(root, "{value: 2}}}", "{value: 2}}, severity: low}")
    edit(root, "parameters: {MinConnections: 2}", "parameters: {MinConnection: 2}")

    code, out, _ = call("--rule", "connections")

    lines = [line.strip() for line in out.split("\n")]
    assert code == 1
    assert sum(line.startswith("the query is refused: ") for line in lines) == 6
    at = lines.index("the rule cannot be deployed like this:")
    assert lines[at + 1] == (
        "rules/connections/tests.yaml:29:14: error: connections has no parameter MinConnection; "
        "did you mean MinConnections? [unknown-parameter]"
    )


def test_what_xml_cannot_hold_is_replaced(root, call) -> None:
    """An event may hold anything, and a match shows it."""
    edit(root, "{DeviceName: ws-1,", '{DeviceName: "ws\\u0000\\e[31m<&>\\uFFFE",')

    code, out, _ = call("--rule", "connections", "--format", "junit")

    assert code == 1
    failure = etree.fromstring(out).find(".//failure")  # noqa: S314 - our own
    assert failure is not None
    assert "ws" in (failure.text or "")


def test_nothing_that_an_event_holds_reaches_the_terminal(root, call) -> None:
    edit(root, "name: Two connections\n", 'name: "Two \\e[31mconnections ##[error]x"\n')
    edit(root, "{DeviceName: ws-1,", '{DeviceName: "ws\\e[31m",')

    _, out, _ = call("--rule", "connections")

    assert "\x1b" not in out
    assert "##[" not in out


def test_rules_without_a_case_are_said(root, call) -> None:
    (root / TESTS).unlink()

    code, out, _ = call("--rule", "connections")

    said = "".join(
        f"rules/connections/rule.yaml:1:1: warning: the {platform} half has no case: nothing shows that it can fire "
        "[rule-test-missing]\n"
        for platform in ("kibana", "sentinel")
    )
    assert (code, out) == (0, f"{said}\nNo case. Looked at 1 rule.\n")


def test_a_file_with_faults_is_a_document_for_ci_too(deployer, root):
    """Else CI would show nothing exactly where something is broken."""
    (root / "rules/connections/tests.yaml").write_text("now: 2026-11-20T12:00:00Z\ncases: [{nam: x}]\n")

    tested = deployer("test", "--rule", "connections", "--format", "junit")

    document = etree.fromstring(tested.out)  # noqa: S314 - our own
    assert tested.code == 1
    assert document.get("errors") == str(len(document.findall(".//error"))) != "0"
    assert {case.get("file") for case in document.iter("testcase")} == {"rules/connections/tests.yaml"}
