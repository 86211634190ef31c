"""`deployer plan`: what apply would do."""

from typing import Any

import click

from deployer.cli import common
from deployer.cli import running


@click.command()
@common.targets
@common.wave
@common.output
@common.consents
@common.grouping
@click.option(
    "--explain", is_flag=True, help="Say of each new value where it comes from, and what it would be without."
)
@click.pass_obj
def plan(root: Any, /, **options: Any) -> int:
    """Show what apply would do, and write nothing.

    `--out FILE` saves the plan for `apply --plan FILE`, and shows it; with --format the report in that format is saved.

    \b
    Exit codes: 0 nothing to do, 2 changes, 1 refused or nothing could be read, 3 some targets could not be read.

    \b
    Examples:
      deployer plan demo --tenant acme
      deployer plan demo --tenant acme --explain
      deployer plan demo --by change
    """
    if options["explain"]:
        options["by"] = options["by"] or "target"
    return running.run(
        "plan", root, options, lambda fleet: fleet.plan(common.consent(options), explained=options["explain"])
    )
