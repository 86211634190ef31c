"""`show` and `plan --explain`: where each value of a rule comes from, and what it would be without."""

import shutil
from pathlib import Path

import pytest

ALONE = ("--tenant", "acme", "--rule", "beacon")


@pytest.fixture
def root(tmp_path: Path, repo_root: Path) -> Path:
    for folder in ("rules", "environments"):
        shutil.copytree(repo_root / "tests/cases/explained" / folder, tmp_path / folder)
    return tmp_path


@pytest.fixture
def cases(repo_root: Path) -> Path:
    return repo_root / "tests/cases/explained"


def test_show_tells_of_one_rule_where_each_value_comes_from(deployer, cases, golden):
    golden(cases / "show.txt", deployer("show", "test", *ALONE).out)


def test_show_keeps_its_form_for_several_rules_and_where_asked_to(deployer):
    several, plain = deployer("show", "test"), deployer("show", "test", *ALONE, "--no-explain")

    assert '"severity": "low"' in several.out
    assert '"severity": "low"' in plain.out
    assert "environment.yaml" not in several.out + plain.out


def test_show_explains_every_rule_where_asked_to(deployer):
    shown = deployer("show", "test", "--explain").out

    assert "# acme/sentinel rule/relay (from rules/relay/rule.yaml:1)\n    description " in shown
    assert "(environment, tag:attack.t1584*)" in shown


def test_a_script_gets_the_origin_of_every_value_and_the_body_as_before(deployer):
    report = deployer("show", "test", *ALONE, "--format", "json").json

    [kibana, sentinel] = [
        next(one for one in target["objects"] if one["kind"] == "rule") for target in report["targets"]
    ]
    assert kibana["body"]["threshold"] == {"field": ["host.name"], "value": 40}
    acme, everybody = "environments/test/tenants/acme.yaml", "environments/test/environment.yaml"
    found = kibana["origins"]["threshold.value"]
    assert found["said"] == [
        {"voice": "tenant", "key": "tag:NOISY", "path": acme, "line": 45, "column": 19, "value": 40}
    ]
    assert [(one["path"], one["line"], one["value"]) for one in found["without"]] == [
        (everybody, 8, 25), ("rules/beacon/rule.yaml", 26, 20),
    ]  # fmt: skip
    allowed = sentinel["origins"]["query.let Allowed"]
    assert [(one["voice"], one["line"], one["value"]) for one in allowed["said"]] == [
        ("allowlist", 22, "192.0.2.1"), ("allowlist", 25, "192.0.2.8/29"),
    ]  # fmt: skip
    assert kibana["origins"]["max_signals"] == {
        "said": [
            {"voice": "default", "key": "Kibana", "path": None, "line": None, "column": None, "value": 100},
        ],
        "more": 0,
        "without": [],
        "how": None,
    }


def test_a_plan_explains_what_new_rules_have_from_elsewhere(deployer, cases, golden):
    golden(cases / "plan-created.txt", deployer("plan", "test", "--rule", "beacon", "--explain").out)


def test_a_plan_explains_each_field_that_changes(deployer, root, cases, golden):
    assert deployer("apply", "test", "--yes").code == 0
    file = root / "environments/test/tenants/acme.yaml"
    text = file.read_text()
    for before, after in (
        ("severity: low", "severity: critical"),
        ("Threshold: 40,", "Threshold: 50,"),
        ('"be*"', '"tag:detection"'),
        ("{interval: null}", "{alert_suppression: {duration: {value: 5, unit: m}}, tags: [Quiet], data_view: null}"),
        ("reason: Known.", "reason: Still known."),
    ):
        assert before in text
        text = text.replace(before, after, 1)
    file.write_text(text)

    told = deployer("plan", "test", "--explain").out
    golden(cases / "plan-changed.txt", told[: told.rindex("Plan ")])  # its digest holds versions of live objects


def test_a_script_gets_an_origin_for_every_field_of_an_explained_plan_and_none_otherwise(deployer):
    plain, explained = (deployer("plan", "test", *more, "--format", "json").json for more in ((), ("--explain",)))

    def fields(report):
        return [field for target in report["targets"] for change in target["changes"] for field in change["fields"]]

    assert all("origin" not in field for field in fields(plain))
    assert all(field["origin"]["said"] or field["origin"]["parts"] for field in fields(explained))
    assert [{name: field[name] for name in ("path", "before", "after")} for field in fields(explained)] == fields(plain)


def test_an_explained_plan_is_applied_like_any_other(deployer, root):
    saved = root / "plan.json"
    assert deployer("plan", "test", "--explain", "--out", str(saved)).code == 2

    assert deployer("apply", "test", "--plan", str(saved), "--yes").code == 0
