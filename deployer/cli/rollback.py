"""`deployer rollback`: undo a run of apply."""

from pathlib import Path
from typing import Any

import click

from deployer.cli import apply
from deployer.cli import common
from deployer.cli import shards


@click.command()
@common.targets
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@common.plain_output
@click.option("--allow-updates", type=click.IntRange(0), help="Allow this many rule updates per target.")
@click.option("--allow-deletes", type=click.IntRange(0), help="Allow this many rule deletes per target.")
@click.option("--dry-run", "dry", is_flag=True, help="Show what would be undone, and write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask, on a terminal either.")
@common.journal("Where the run was recorded, and this one will be")
@click.pass_obj
def rollback(root: Path, /, names: tuple[str, ...], folder: Path | None, dry: bool, yes: bool, **options: Any) -> int:
    """Undo what a run of apply wrote. RUN is its id, the beginning of it, or the path of its journal.

    Several runs are undone together: what was there before the first of them is there again.
    What somebody changed since then is left alone and named. On a terminal the plan is shown and you are asked first.
    Git is not touched: revert it there as well, or the next apply does it again.

    \b
    Exit codes: 0 undone, 1 failed or refused, 3 partly undone; with --dry-run 2 if there is something to undo.

    \b
    Example:
      deployer rollback prod 20261122T0402 --dry-run
    """
    from deployer.errors import CannotStart
    from deployer.errors import DeployerError
    from deployer.exits import exit_code
    from deployer.fleet import Fleet
    from deployer.journal import Journal
    from deployer.manifest.load import load
    from deployer.outcome import DONE
    from deployer.report import as_json
    from deployer.report import rollback as report
    from deployer.request import Consent
    from deployer.rollback import narrowed
    from deployer.rollback import rollback as undo
    from deployer.rollback.runs import find
    from deployer.rollback.runs import read

    environment, json = options["environment"], options["form"] == "json"
    folder, trusted = common.journals(root, folder), common.trusted_hosts()
    shards.begin(root, options, common.trusted_root())
    try:
        manifest = load(root, environment, trusted_hosts=trusted, trusted_root=common.trusted_root())
        try:
            told = read([find(folder, name) for name in names], environment, manifest.environment.owner)
            selection = narrowed(manifest, told, options["tenants"], options["rules"], options["shard"])
        except CannotStart as error:
            raise click.UsageError(str(common.complaint(error))) from None
        fleet = Fleet(manifest, root, selection=selection, trusted_hosts=trusted, jobs=options["jobs"])
        consent = Consent(deletes=options["allow_deletes"], updates=options["allow_updates"])
        ask = apply.asking(dry or yes, "Undo this?")
        with Journal(folder, environment, undoes=", ".join(told.ids)) as journal:
            outcomes = undo(fleet, told, consent, ask, journal, dry=dry)
            recorded = journal.run if journal.path.exists() else None
    except DeployerError as error:
        if json:
            common.put_out(as_json.failure("rollback", environment, error, shards.told(options)), options["out"])
        raise common.complaint(error) from None
    # Nothing was written to the tenants of this shard: it is in order that there is nothing to undo.
    code = DONE if options["shard"] and not selection.tenants else exit_code(outcomes)
    if json:
        said = {"exit_code": code, **shards.told(options, targets=len(outcomes))}
        text = report.json(environment, told.ids, outcomes, recorded, said)
    else:
        writes = sum(len(told.writes[where]) for where in told.writes if where[0] in selection.tenants)
        text = report.text(told.ids, told.began, writes, outcomes, recorded)
        text += f"Shard {options['shard']} only.\n" if options["shard"] else ""
    common.put_out(text, options["out"])
    return code
