"""`deployer check` says what it found and what it could not hold the rules against, for people and for scripts."""

import pytest

from deployer.engines import analyser


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path_factory):
    """Microsoft's analyser is not there."""
    monkeypatch.setenv(analyser.FOLDER_VARIABLE, str(tmp_path_factory.mktemp("nothing")))


def test_a_missing_analyser_is_named_in_the_last_line_and_changes_no_exit_code(deployer):
    done = deployer("check", "demo", "--rule", "t1583.005-c2-beaconing")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1].endswith(
        " targets in demo, without Microsoft's analyser: install it by `deployer analyser install`."
    )


def test_scripts_see_it_too(deployer):
    document = deployer("check", "demo", "--rule", "t1583.005-c2-beaconing", "--format", "json").json

    assert (document["exit_code"], document["without"]) == (
        0,
        ["Microsoft's analyser: install it by `deployer analyser install`"],
    )


def test_a_query_that_does_not_compile_fails_the_check(deployer, root):
    query = root / "rules/t1583.005-c2-beaconing/sentinel.kql"
    query.write_text(query.read_text().replace("| where RemotePort !in", "| where RemotePrt !in"))
    done = deployer("check", "demo", "--rule", "t1583.005-c2-beaconing", "--format", "json")

    found = [one for one in done.json["findings"] if one["severity"] == "error"]
    assert (done.code, [(one["code"], one["path"]) for one in found]) == (
        1,
        [("query-invalid", "rules/t1583.005-c2-beaconing/sentinel.kql")],
    )


def test_an_analyser_that_cannot_be_installed_is_an_error_in_words(deployer, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = deployer("analyser", "install")

    assert (done.code, done.out) == (1, "")
    assert done.err == "Error: npm is not installed, and the analyser is an npm package; npm comes with Node.js\n"
    assert deployer("analyser").code == 64


def test_errors_in_rules_are_said_to_hide_what_targets_would_be_told(deployer, root):
    rule = root / "rules/t1584.005-port-scan-burst/rule.yaml"
    rule.write_text(rule.read_text().replace("severity:", "severty:", 1))

    checked = deployer("check", "demo")

    assert checked.code == 1
    assert "what targets of demo would be told was not looked at, for the errors above." in checked.out
    assert "Looked at 0 rules" not in checked.out
