"""`deployer pull`: take what was changed in a tenant over into Git."""

from datetime import UTC
from datetime import date
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

from deployer.cli import common
from deployer.cli import running

if TYPE_CHECKING:
    from deployer.fleet import Fleet
    from deployer.outcome import Outcome
    from deployer.pull.sights import Acceptance


@click.command()
@common.targets
@click.option("--target", metavar="NAME", help="Only the targets of this name.")
@click.option(
    "--removed",
    multiple=True,
    metavar="GLOB",
    help="Take out the entry of an item that was deleted by hand: its value, or the item's id.",
)
@click.option("--accept-until", metavar="DATE", help="Write no overlays: accept what is live until this day (UTC).")
@click.option("--reason", help="Why it is accepted.")
@click.option("--owner", help="Who answers for it, or for new allowlist entries.")
@click.option(
    "--adopt",
    "names",
    multiple=True,
    metavar="GLOB",
    help="Take over whole rules that are not ours into rules/, by name or id; repeatable.",
)
@click.option("--all", "everything", is_flag=True, help="Take over every rule that is not ours into rules/.")
@click.option("--id-prefix", default="", metavar="TEXT", help="What the ids of rules taken over begin with.")
@click.option("--dry-run", is_flag=True, help="Show what would be written to which file, and write nothing.")
@common.output
@click.pass_obj
def pull(root: Path, /, **options: Any) -> int:
    """Write what was changed by hand in tenants into their files, as overlays and allowlist entries.

    Targets are only read. What is to be written is loaded first, and must make exactly what is live; else nothing of
    that tenant is written. Look at the difference and commit it: the next plan is empty for it. An item that was
    deleted by hand looks like an entry that is new in Git: name it with --removed.

    With --adopt or --all, live rules that are not ours become folders under rules/ instead, field for field: the next
    plan shows a claim of each and nothing else. A rule that cannot be held so is refused, and named with the reason.

    \b
    Exit codes: 0 done, 1 nothing was taken over, 3 some of it was not.

    \b
    Examples:
      deployer pull demo --tenant acme --rule t1584.005-botnet-node
      deployer pull demo --tenant acme --all --dry-run
    """
    if options["names"] or options["everything"]:
        return _adopt(root, options)
    from deployer.pull import pull as run
    from deployer.pull.sights import Wish

    wish = Wish(
        options["target"], options["removed"], options["owner"], _acceptance(options), dry_run=options["dry_run"]
    )

    def call(fleet: "Fleet") -> "list[Outcome]":
        names = {target.name for tenant in fleet.manifest.tenants for target in tenant.targets}
        if wish.target not in (None, *names):
            raise click.UsageError(f"no target is named {wish.target!r}; there are {', '.join(sorted(names))}")
        return run(fleet, wish, common.trusted_hosts())

    return running.run("pull", root, options, call)


def _acceptance(options: dict[str, Any]) -> "Acceptance | None":
    from deployer.pull.sights import Acceptance

    if options["accept_until"] is None:
        if options["reason"] is not None:
            raise click.UsageError("--reason belongs to --accept-until")
        return None
    if not options["reason"] or not options["owner"]:
        raise click.UsageError("--accept-until needs --reason and --owner")
    try:
        until = date.fromisoformat(options["accept_until"])
    except ValueError:
        raise click.UsageError("--accept-until must be a date such as 2027-01-31") from None
    if until < datetime.now(UTC).date():
        raise click.UsageError(f"--accept-until {until} is over: nothing would be accepted")
    return Acceptance(until, options["reason"], options["owner"])


def _adopt(root: Path, options: dict[str, Any]) -> int:
    """The rules that `--adopt` and `--all` ask for."""
    from deployer.adopt import Wish
    from deployer.adopt import adopt
    from deployer.adopt import nothing_found

    names = tuple(options["names"])
    if names and options["everything"]:
        raise click.UsageError("--all asks for every rule, --adopt for some; say one of the two")
    if not options["tenants"]:
        raise click.UsageError("say whose rules: --tenant NAME")
    drift = ("rules", "removed", "accept_until", "reason", "owner")
    if others := [f"--{name.replace('_', '-')}" for name in drift if options[name]]:
        raise click.UsageError(f"{' and '.join(others)} cannot be said of rules that Git does not have yet")
    wish = Wish(names, options["everything"], options["id_prefix"], options["target"], options["dry_run"])
    missing: list[str] = []

    def call(fleet: "Fleet") -> "list[Outcome]":
        done = adopt(fleet, wish)
        missing.extend(nothing_found(done, wish))
        return done

    code = running.run("pull", root, options, call)
    for name in missing:
        click.echo(
            f"No rule there answers to {name!r}. Rules that the vendor ships cannot be taken over: duplicate one, "
            "and adopt the copy.",
            err=True,
        )
    return 1 if missing and len(missing) == len(names) else 3 if missing else code
