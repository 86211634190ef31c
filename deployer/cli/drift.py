"""`deployer drift`: what was changed in the targets, by whom, when, in which field."""

from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from deployer.cli import common
from deployer.cli import running


@click.command()
@common.targets
@common.wave
@common.output
@common.grouping
@common.journal("Where the journals of `apply` lie: they tell whether what is missing was ever there")
@click.pass_obj
def drift(root: Path, /, folder: Path | None, **options: Any) -> int:
    """Find what was changed in the targets since it was last applied: which field, by whom, when.

    What Git has changed and nobody applied yet is pending, and no drift. Of an object that is missing, the journal of
    the last apply tells whether it is new in Git or was deleted; without a journal it may be that nobody can tell.

    \b
    Exit codes: 0 no drift, 2 drift, 3 some targets could not be read or it cannot be told, 1 none could be read.

    \b
    Example:
      deployer drift demo
    """
    if folder is not None and not folder.is_dir():
        raise click.UsageError(f"there is no folder {folder} with journals")
    today = datetime.now(UTC).date()
    journals = common.journals(root, folder)
    options["by"] = options["by"] or "target"  # with the commands that settle it
    return running.run("drift", root, options, lambda fleet: fleet.drift(journals, today))
