"""`deployer apply`: make live tenants equal to Git."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

from deployer.cli import common

if TYPE_CHECKING:
    from deployer.outcome import Outcome


@click.command()
@common.targets
@common.output
@common.consents
@click.option("--yes", is_flag=True, help="Do not ask, on a terminal either.")
@click.option(
    "--journal",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Record every write in this folder, one file a run (default: .deployer/journal under the root).",
)
@click.pass_obj
def apply(root: Path, /, yes: bool, folder: Path | None, **options: Any) -> int:
    """Make the targets equal to Git.

    On a terminal the plan is shown and you are asked first; in a pipeline it goes ahead, within limits. Every write is
    recorded before it is sent and after it: what was there, what came of it.

    \b
    Exit codes: 0 done, 1 failed or refused, 3 partly done.

    \b
    Example:
      deployer apply demo --yes
    """
    from deployer.journal import Journal

    ask = None if yes or not (sys.stdin.isatty() and sys.stderr.isatty()) else _ask
    with Journal(folder or root / ".deployer" / "journal", options["environment"]) as journal:
        return common.run("apply", root, options, lambda fleet: fleet.apply(common.consent(options), ask, journal))


def _ask(outcomes: "Sequence[Outcome]") -> bool:
    from deployer.outcome import Planned
    from deployer.report import as_text

    click.echo(as_text.render(outcomes), err=True)
    if not any(isinstance(outcome, Planned) and outcome.plan.changes for outcome in outcomes):
        return True
    return click.confirm("Apply this?", err=True)
