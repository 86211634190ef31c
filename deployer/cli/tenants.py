"""`deployer tenants`: who the customers are, and a customer that leaves."""

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

from deployer.cli import apply
from deployer.cli import common
from deployer.cli import completing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer.waves import Stage


@click.group()
def tenants() -> None:
    """The customers of an environment: list them, or take everything out of one who leaves."""


@tenants.command("list")
@common.environment
@click.pass_obj
def show(root: Path, /, environment: str) -> int:
    """List the tenants of an environment with their waves and targets. Offline.

    \b
    Example:
      deployer tenants list demo
    """
    from deployer.errors import DeployerError
    from deployer.manifest.load import load
    from deployer.report.wording import plain
    from deployer.request import in_waves

    try:
        manifest = load(root, environment, trusted_hosts=common.trusted_hosts())
    except DeployerError as error:
        raise common.complaint(error) from None
    told = in_waves(manifest)
    for tenant in manifest.tenants:
        targets = ", ".join(f"{target.name} ({target.platform})" for target in tenant.targets)
        click.echo(f"{tenant.name}{_wave(told, tenant.name)}: {targets}")
    for name, findings in manifest.broken_tenants.items():
        click.echo(f"{name}{_wave(told, name)}: its file cannot be used: {plain(str(findings[0]))}")
    return 3 if manifest.broken_tenants else 0


def _wave(told: "Sequence[Stage]", tenant: str) -> str:
    from deployer.waves import home

    stage = home(told, tenant)
    return f", {stage.title}" if stage else ""


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
        return common.run("tenants retire", root, options, lambda fleet: fleet.retire(consent, ask, journal))
