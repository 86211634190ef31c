"""--format markdown, wherever there is a report for it."""

import pytest


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["plan", "demo", "--tenant", "acme"], 2, "| `acme/kibana` | "),
        (["apply", "demo", "--tenant", "acme", "--rule", "t1584.005-botnet-node", "--yes"], 0, "changes made"),
        (["verify", "demo", "--tenant", "globex"], 1, "| `globex/kibana` | **fail** |"),
        (["drift", "demo", "--tenant", "globex"], 3, "| `globex/kibana` | **"),
        (["check", "demo", "--rule", "t1584.005-port-scan-burst"], 0, "No findings."),
        (["test", "--rule", "t1583.005-orb-relay"], 0, "not run: t1583.005-orb-relay kibana: "),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_each_verb_begins_with_its_marker(deployer, words, code, said):
    done = deployer(*words, "--format", "markdown")

    first = done.out.split("\n")[0]
    where = "rules" if words[0] == "test" else "demo"
    assert (done.code, first) == (code, f"<!-- deployer:{words[0]}:{where} -->")
    assert said in done.out


@pytest.mark.parametrize("verb", ["plan", "drift", "verify", "apply"])
def test_a_run_that_cannot_begin_says_so_in_markdown_too(deployer, root, verb):
    (root / "environments/demo/environment.yaml").write_text("owner: x\nlimitz: {}\n")

    done = deployer(verb, "demo", "--format", "markdown")

    assert done.code == 1
    assert done.out.startswith(f"<!-- deployer:{verb}:demo -->\n")
    assert "environments/demo/environment.yaml:2:1: error: " in done.out


def test_rule_tests_that_cannot_begin_say_so_in_markdown_too(deployer, root):
    (root / "rules/t1583.005-orb-relay/rule.yaml").write_text("id: [")

    done = deployer("test", "--format", "markdown")

    assert done.code == 1
    assert done.out.startswith("<!-- deployer:test:rules -->\n")


def test_show_has_no_report_in_markdown(deployer):
    assert deployer("show", "demo", "--format", "markdown").code == 64
