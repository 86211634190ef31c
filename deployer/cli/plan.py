"""`deployer plan`: what apply would do."""

from typing import Any

import click

from deployer.cli import common


@click.command()
@common.targets
@common.output
@common.consents
@click.pass_obj
def plan(root: Any, /, **options: Any) -> int:
    """Show what apply would do, and write nothing.

    \b
    Exit codes: 0 nothing to do, 2 changes, 1 refused or nothing could be read, 3 some targets could not be read.

    \b
    Example:
      deployer plan demo --tenant acme
    """
    from deployer.outcome import exit_code
    from deployer.report import as_json
    from deployer.report import as_text

    with common.refusals():
        fleet = common.fleet(root, options)
        outcomes = fleet.plan(common.consent(options))
    json = options["form"] == "json"
    report = as_json.render("plan", options["environment"], outcomes) if json else as_text.render(outcomes)
    common.put_out(fleet.redact(report), options["out"])
    return exit_code(outcomes)
