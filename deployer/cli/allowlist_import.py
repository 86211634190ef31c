"""`deployer allowlist import`: a vendor's published ranges into a shared list."""

from pathlib import Path
from typing import Any

import click

from deployer.cli import common


@click.command("import")
@click.argument("source", metavar="SOURCE")
@click.option("--list", "name", required=True, metavar="NAME", help="The list: rules/allowlists/NAME.yaml.")
@click.option("--category", metavar="NAME", help="Of rules/allowlists.yaml; of a list that is new.")
@click.option("--title", metavar="TEXT", help="Whose ranges these are (default: the list's name).")
@click.option("--owner", metavar="WHO", help="Who answers for the list.")
@click.option("--reason", metavar="TEXT", help="Why its ranges are allowed.")
@click.option("--select", multiple=True, metavar="PATH", help="Path into JSON: what is meant; repeatable.")
@click.option("--column", metavar="NAME", help="Column of CSV, by name or number.")
@click.option("--host-bits", type=click.Choice(("network", "address")), help="What 192.0.2.7/24 means.")
@click.option("--reviewed", metavar="DATE", help="When it was looked at (default: today, UTC).")
@click.option("--yes", "anyhow", is_flag=True, help="Write it also where it loses more than half of its ranges.")
@click.option("--dry-run", "dry", is_flag=True, help="Show what would be written, and write nothing.")
@common.plain_output
@click.pass_obj
def import_(root: Path, /, **options: Any) -> int:
    """Make the addresses of a shared list equal to what a vendor publishes, and show the difference.

    SOURCE is a file, or an https address. It is JSON, CSV or one address a line, told apart by its content. Addresses
    are collapsed into the fewest ranges that hold the same. Whatever stands where an address is expected and is none
    is an error, so that nothing is left out in silence. Comments in the list stay. Where there are addresses at
    several places, all are named, and nothing is guessed.

    A path goes through names with `.`, through lists with `[]`, through all of an object with `*`; `[service=S3]` takes
    the objects of a list that say so.

    \b
    Exit codes: 0 done, 1 refused or failed.

    \b
    Examples:
      deployer allowlist import https://ip-ranges.datadoghq.com/ --list datadog --category apm_vendors \\
        --select agents.prefixes_ipv4 --owner soc@acme.example --reason "Agents send their traces there"
      deployer allowlist import ranges.csv --list datadog --column cidr --dry-run
    """
    from deployer.allowlist.importing import Wanted
    from deployer.allowlist.importing import run
    from deployer.allowlist.published import Choice
    from deployer.errors import CannotStart
    from deployer.errors import DeployerError
    from deployer.report import as_json
    from deployer.report import imported

    choice = Choice(options["select"], options["column"], options["host_bits"])
    asked = ("source", "name", "category", "title", "owner", "reason", "anyhow", "dry")
    words = {name: options[name] for name in asked}
    try:
        found = run(root, Wanted(today=_day(options["reviewed"]), choice=choice, **words))
    except CannotStart as error:
        raise click.UsageError(str(common.complaint(error))) from None
    except DeployerError as error:
        raise common.complaint(error) from None
    code = int(bool(found.refused))
    json = options["form"] == "json"
    text = as_json.text(imported.document(found, code)) if json else imported.render(found)
    common.put_out(text, options["out"])
    return code


def _day(given: str | None) -> str:
    from datetime import UTC
    from datetime import datetime

    from deployer.hosts import Unfit
    from deployer.manifest.values import day

    if given is None:
        return datetime.now(UTC).date().isoformat()
    try:
        return day(given)
    except Unfit as unfit:
        raise click.UsageError(f"--reviewed {unfit}") from None
