"""`deployer test`: the rules on their cases, on this machine."""

from pathlib import Path
from typing import TextIO

import click

from deployer.cli import common


@click.command()
@common.rules
@common.out("Write the report to a file.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit", "markdown"]),
    default="text",
    help="Of the report.",
)
@click.pass_obj
def test(root: Path, /, rules: tuple[str, ...], form: str, out: TextIO | None) -> int:
    """Run the cases of rules/*/tests.yaml against the rules as they would be deployed. Offline.

    What no engine here can run is "not run": counted and named, neither passed nor failed.

    \b
    Exit codes: 0 no case failed, 1 a case failed or a file has errors, 64 usage error.

    \b
    Example:
      deployer test --rule 't1584*'
    """
    from deployer.errors import DeployerError
    from deployer.plan import matches
    from deployer.report import as_junit
    from deployer.report import as_markdown
    from deployer.report import rule_tests
    from deployer.ruletests import suite

    if lost := [glob for glob in rules if not any(matches(name, [glob]) for name in suite.known_rules(root))]:
        raise click.UsageError(f"no rule matches {', '.join(map(repr, lost))}")
    try:
        report = suite.run_all(root, rules)
    except DeployerError as error:
        if form == "markdown":
            common.put_out(as_markdown.failure("test", "rules", error), out)
        elif form != "text":
            common.put_out((as_junit if form == "junit" else rule_tests).failure(error), out)
        raise common.complaint(error) from None
    render = {
        "text": rule_tests.render,
        "json": rule_tests.document,
        "junit": as_junit.render,
        "markdown": as_markdown.rule_tests,
    }[form]
    common.put_out(render(report), out)
    return rule_tests.exit_code(report)
