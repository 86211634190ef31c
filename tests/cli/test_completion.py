"""What a shell is offered on TAB, as bash asks for it."""

import pytest

from deployer.cli.main import VERBS
from deployer.cli.main import cli
from deployer.cli.main import run
from deployer.cli.main import verb


@pytest.fixture
def offered(root, monkeypatch, capsys):
    def ask(line):
        *before, _ = words = f"deployer --root {root} {line}".split(" ")
        monkeypatch.setenv("_DEPLOYER_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(before)))
        with pytest.raises(SystemExit, match="0"):
            run([])
        return [row.removeprefix("plain,") for row in capsys.readouterr().out.split()]

    return ask


@pytest.mark.parametrize(
    ("line", "names"),
    {
        "p": ["plan", "pull"],
        "plan ": ["demo", "prod", "workshop"],
        "check w": ["workshop"],
        "allowlist l": ["list"],
        "allowlist list d": ["demo"],
        "plan demo --tenant ": ["acme", "globex"],
        "plan demo --tenant=a": ["acme"],
        "tenants retire demo gl": ["globex"],
        "tenants ": ["list", "retire", "demo", "prod", "workshop"],
        "tenants d": ["demo"],
        "tenants demo --tenant g": ["globex"],
        "allowlist add workshop --tenant i": ["initech"],
        "plan nowhere --tenant ": [],
        "plan ../rules --tenant ": [],
        "test --rule t1584.005-b": ["t1584.005-botnet-node"],
        "plan demo --rule t1584.005-botnet-node --rule t1584.005-d": ["t1584.005-dns-burst"],
        "plan demo --allow-": ["--allow-deletes", "--allow-updates"],
    }.items(),
    ids=str,
)
def test_verbs_environments_tenants_and_rules_are_offered_by_name(offered, line, names) -> None:
    assert offered(line) == names


def test_before_the_environment_is_said_the_tenants_of_all_are_offered(offered, root) -> None:
    (root / "environments/workshop/tenants/umbrella.yaml").touch()

    assert offered("plan --tenant u") == ["umbrella"]


def test_files_that_cannot_be_read_as_a_manifest_are_offered_all_the_same(offered, root) -> None:
    """Their names are looked at, never what is in them."""
    for file in root.rglob("*.yaml"):
        file.write_text("not: [a manifest")

    assert offered("plan d") == ["demo"]
    assert offered("plan demo --tenant a") == ["acme"]
    assert offered("plan demo --rule t1584.005-b") == ["t1584.005-botnet-node"]


def test_a_name_that_a_shell_would_run_is_not_offered(offered, root) -> None:
    """The shell puts it into the line as it is, and the branch may be anybody's."""
    for name in ("$(touch pwned)", "a;b", "-x", "new\nline"):
        (root / "rules" / name).mkdir()
        (root / "rules" / name / "rule.yaml").touch()

    assert offered("test --rule ") == sorted(file.parent.name for file in root.glob("rules/t1*/rule.yaml"))


def test_completing_a_line_leaves_its_files_alone(offered, root) -> None:
    report = root / "report.txt"
    report.write_text("what was written before")

    assert offered(f"plan demo --out {report} --tenant a") == ["acme"]

    assert report.read_text() == "what was written before"


def test_the_list_of_verbs_says_what_their_own_help_says() -> None:
    """The list is written down, so that showing it imports none of them."""
    with cli.make_context("deployer", [], resilient_parsing=True) as context:
        assert cli.list_commands(context) == sorted(VERBS)
    assert {name: verb(name).get_short_help_str(1000) for name in VERBS} == VERBS
