"""`deployer tenants`: who the customers are, how they are dealt out to a CI matrix, and a customer that leaves."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

from deployer.cli import apply
from deployer.cli import common
from deployer.cli import completing
from deployer.cli import running

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from deployer.manifest.load import Manifest
    from deployer.report.tenants import Row

_MOST_JOBS = 256
"""Of a matrix: docs.github.com, Actions limits, "Job matrix"."""


class _Group(click.Group):
    """A group whose first word may be left out: `tenants ENV` is `tenants list ENV`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word in where it is missing."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Its words, and the environments, which may stand in the place of one."""
        from click.shell_completion import CompletionItem

        found = super().shell_complete(ctx, incomplete)
        return [*found, *map(CompletionItem, completing.environments_of(ctx, incomplete))]


@click.group(cls=_Group)
def tenants() -> None:
    """The customers of an environment: list them, or take everything out of one who leaves.

    `deployer tenants ENV` is `deployer tenants list ENV`.
    """


@tenants.command("list")
@common.environment
@common.tenants
@common.wave
@click.option(
    "--shards",
    type=click.IntRange(1, _MOST_JOBS),
    metavar="N",
    help="Deal them out to N jobs, each of which takes its part by --shard I/N.",
)
@common.matrix_output
@click.pass_obj
def show(root: Path, /, **options: Any) -> int:
    """List the tenants of an environment with their waves and targets. Offline.

    With --format github-matrix it is one line that `fromJSON` takes as a matrix, a job for each shard: N of them, or
    as many as there are tenants. A tenant whose file cannot be used is in a shard, too, whose run says what is wrong.

    \b
    Exit codes: 0 listed or dealt out, 1 failed, 3 listed, and the file of some tenant cannot be used.

    \b
    Examples:
      deployer tenants demo
      deployer tenants prod --shards 10 --format github-matrix
    """
    from deployer.errors import DeployerError
    from deployer.report import as_json
    from deployer.report import tenants as report
    from deployer.request import names
    from deployer.shards import deal

    environment, form, shards = options["environment"], options["form"], options["shards"]
    if form == "github-matrix" and shards is None:
        raise click.UsageError("--format github-matrix needs --shards N: how many jobs there are to be at most")
    try:
        manifest, selection = common.selected(root, options)
    except DeployerError as error:
        if form == "json":
            common.put_out(as_json.text(as_json.failed("tenants", environment, error)), options["out"])
        raise common.complaint(error) from None
    found = names(manifest, selection)
    dealt = deal(found, shards) if shards else []
    rows = _rows(manifest, found, dealt)
    broken = [row for row in rows if row.faults]
    if form == "github-matrix":
        # Not 3: no shard could be run then, for the sake of one customer, of whom the run of a shard tells.
        click.echo(report.text(broken), err=True, nl=False)
        common.put_out(report.matrix(dealt), options["out"])
        return 0
    code = 3 if broken else 0
    told = as_json.text(report.document(environment, code, rows)) if form == "json" else report.text(rows)
    common.put_out(told, options["out"])
    return code


def _rows(manifest: "Manifest", found: Sequence[str], dealt: Sequence[Sequence[str]]) -> "list[Row]":
    from deployer.report.tenants import Row
    from deployer.request import in_waves
    from deployer.shards import Shard
    from deployer.waves import home

    told = in_waves(manifest)
    sound = {tenant.name: tenant.targets for tenant in manifest.tenants}
    shards = {name: Shard(index, len(dealt)) for index, part in enumerate(dealt, 1) for name in part}
    faults = manifest.broken_tenants
    return [Row(name, sound.get(name, ()), faults.get(name, ()), shards.get(name), home(told, name)) for name in found]


@tenants.command()
@common.environment
@click.argument("tenant", metavar="TENANT", shell_complete=completing.tenants)
@common.output
@common.recorded
@click.option("--allow-deletes", type=click.IntRange(0), help="Allow this many rule deletes per target.")
@click.option("--yes", is_flag=True, help="Do not ask, on a terminal either.")
@click.pass_obj
def retire(root: Path, /, tenant: str, yes: bool, folder: Path | None, **options: Any) -> int:
    """Take everything that is ours out of the targets of a customer who leaves; what is not ours stays.

    It goes through plan and limits as any delete does: the refusal names the number to allow. When it is done, take
    the tenant's file out of Git. A target whose file went first is named by `deployer drift`, if a journal knows it.

    \b
    Exit codes: 0 done, 1 failed or refused, 3 partly done.

    \b
    Example:
      deployer tenants retire demo globex --allow-deletes 8
    """
    from deployer.request import Consent

    consent = Consent(deletes=options.pop("allow_deletes"))
    options |= {"tenants": (common.exactly(tenant),), "rules": (), "jobs": None}
    ask = apply.asking(yes, "Take all of it out?")
    with common.recording(root, folder, options["environment"]) as journal:
        return running.run("tenants retire", root, options, lambda fleet: fleet.retire(consent, ask, journal))
