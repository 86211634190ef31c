"""`deployer pull`: bring what stands live into Git."""

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

from deployer.cli import common

if TYPE_CHECKING:
    from deployer.fleet import Fleet
    from deployer.outcome import Outcome


@click.command()
@common.targets
@common.output
@click.option("--target", metavar="NAME", help="Only this target of the tenants.")
@click.option(
    "--adopt",
    "names",
    multiple=True,
    metavar="GLOB",
    help="Take over live rules that are not ours, by name or id; repeatable.",
)
@click.option("--all", "everything", is_flag=True, help="Take over every live rule that is not ours.")
@click.option("--id-prefix", default="", metavar="TEXT", help="What the ids of adopted rules begin with.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.pass_obj
def pull(root: Path, /, **options: Any) -> int:
    """Take live rules that are not ours over into rules/, field for field; nothing is written to any target.

    \b
    Exit codes: 0 done, 1 nothing was taken over, 3 some rules or targets were not.

    \b
    Example:
      deployer pull demo --tenant acme --all --dry-run
    """
    return adopted(root, options)


def adopted(root: Path, options: dict[str, Any]) -> int:
    """The rules that `--adopt` and `--all` ask for."""
    from deployer.adopt import Wish
    from deployer.adopt import adopt
    from deployer.adopt import nothing_found

    names = tuple(options["names"])
    if bool(names) is options["everything"]:
        raise click.UsageError("say which rules: --adopt NAME-OR-ID (a glob will do), or --all")
    if not options["tenants"]:
        raise click.UsageError("say whose rules: --tenant NAME")
    wish = Wish(names, options["everything"], options["id_prefix"], options["target"], options["dry_run"])
    missing: list[str] = []

    def call(fleet: "Fleet") -> "list[Outcome]":
        done = adopt(fleet, wish)
        missing.extend(nothing_found(done, wish))
        return done

    code = common.run("pull", root, options, call)
    for name in missing:
        click.echo(
            f"No rule there answers to {name!r}. Rules that the vendor ships cannot be taken over: duplicate one, "
            "and adopt the copy.",
            err=True,
        )
    return 1 if missing and len(missing) == len(names) else 3 if missing else code
