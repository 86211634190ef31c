"""`deployer allowlist`: what tenants allow, and edits of it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

from deployer.cli import common
from deployer.cli.allowlist_import import import_

if TYPE_CHECKING:
    from deployer.allowlist.checkout import Checkout
    from deployer.allowlist.outcomes import Edited
    from deployer.errors import DeployerError

_SCOPES = (
    click.option("--host", "hosts", multiple=True, metavar="NAME", help="Only on this host; repeatable."),
    click.option("--process", "processes", multiple=True, metavar="NAME", help="Only for this process; repeatable."),
    click.option(
        "--port", "ports", multiple=True, type=click.IntRange(1, 65535), help="Only on this port; repeatable."
    ),
)


@click.group()
def allowlist() -> None:
    """What tenants allow: list it, add to it, remove from it, review it, explain it. Offline."""


allowlist.add_command(import_)


def _scopes(command: common.Command) -> common.Command:
    """--host, --process and --port."""
    for option in reversed(_SCOPES):
        command = option(command)
    return command


@allowlist.command("list")
@click.argument("environment", metavar="ENV")
@click.option("--tenant", "tenants", multiple=True, metavar="GLOB", help="Only tenants that match; repeatable.")
@click.option("--category", "categories", multiple=True, metavar="GLOB", help="Only categories that match; repeatable.")
@common.plain_output
@click.pass_obj
def show(root: Path, /, **options: Any) -> int:
    """List every entry: what it allows, until when, why, by whose word, from which line, and whether it holds.

    An entry is covered where others allow all of it for as long: it is put into no target.

    \b
    Exit codes: 0 done, 3 the file of some tenant cannot be used.

    \b
    Example:
      deployer allowlist list demo --tenant acme --category proxies
    """
    from datetime import UTC
    from datetime import datetime

    from deployer.allowlist.checkout import chosen
    from deployer.allowlist.listing import listed
    from deployer.errors import CannotStart
    from deployer.errors import DeployerError
    from deployer.report import allowlists as report

    environment = options["environment"]
    try:
        checkout = _checkout(root, environment)
        chosen(checkout.manifest, options["tenants"], options["categories"])
    except CannotStart as error:
        raise click.UsageError(str(common.complaint(error))) from None
    except DeployerError as error:
        raise _failed(options, error) from None
    found, broken = listed(checkout.manifest, datetime.now(UTC), options["tenants"], options["categories"])
    code = 3 if broken else 0
    if options["form"] == "json":
        _put_out(options, report.listing_document(environment, code, found, broken))
    else:
        common.put_out(report.listing(found, broken), options["out"])
    return code


@allowlist.command()
@click.argument("environment", metavar="ENV")
@click.argument("value", metavar="[VALUE]", required=False)
@click.option("--tenant", required=True, metavar="NAME", help="Whose.")
@click.option("--category", required=True, metavar="NAME", help="Of rules/allowlists.yaml.")
@click.option("--list", "shared", metavar="NAME", help="Instead of VALUE: include this list of rules/allowlists/.")
@_scopes
@click.option("--reason", metavar="TEXT", help="Why it is allowed.")
@click.option("--owner", metavar="WHO", help="Who answers for it.")
@click.option("--ticket", metavar="TEXT", help="Where it was asked for.")
@click.option("--expires", metavar="DATE", help="The last day (UTC), an instant with its offset, or in days: 90d.")
@click.option("--reviewed", metavar="DATE", help="When somebody last looked at it.")
@click.option("--dry-run", "dry", is_flag=True, help="Show what would be written, and write nothing.")
@common.plain_output
@click.pass_obj
def add(root: Path, /, **options: Any) -> int:
    """Add an entry to a tenant's file, and say what it means. Comments and order stay as they are.

    Refused is what is there already, what other entries allow already, and whatever `check` would call an error.

    \b
    Exit codes: 0 written, 1 refused.

    \b
    Example:
      deployer allowlist add demo --tenant globex --category irc_servers 192.0.2.10 --host dev-1 \\
        --reason "Support channel of a product" --owner it@globex.example --expires 90d
    """
    from datetime import UTC
    from datetime import datetime

    from deployer.allowlist.adding import add as run
    from deployer.allowlist.wish import Wanted

    value, shared = options["value"], options["shared"]
    _one_of(value, shared)
    if value is not None and (missing := [name for name in ("reason", "owner") if not options[name]]):
        raise click.UsageError(f"an entry has {' and '.join(f'--{name}' for name in missing)}, too: say it")
    words = {name: options[name] for name in ("reason", "owner", "ticket", "expires", "reviewed")}
    scope = {name: options[name] for name in ("hosts", "processes", "ports")}
    wanted = Wanted(value, shared, **scope, **words)
    tenant, category, now = options["tenant"], options["category"], datetime.now(UTC)
    return _edit(root, options, lambda checkout: run(checkout, tenant, category, wanted, now, options["dry"]))


@allowlist.command()
@click.argument("environment", metavar="ENV")
@click.argument("value", metavar="[VALUE]", required=False)
@click.option("--tenant", required=True, metavar="NAME", help="Whose.")
@click.option("--category", metavar="NAME", help="Of rules/allowlists.yaml.")
@click.option("--list", "shared", metavar="NAME", help="Instead of VALUE: include this shared list no longer.")
@_scopes
@click.option("--unscoped", is_flag=True, help="Only the entry that names no hosts, processes and ports.")
@click.option("--dry-run", "dry", is_flag=True, help="Show what would be written, and write nothing.")
@common.plain_output
@click.pass_obj
def remove(root: Path, /, **options: Any) -> int:
    """Take an entry out of a tenant's file, with the comment that is its own, and say what that means.

    Where several entries have the value, name the category, or the whole scope of the one that is meant.

    \b
    Exit codes: 0 written, 1 refused.

    \b
    Example:
      deployer allowlist remove demo --tenant globex 198.51.100.77 --dry-run
    """
    from deployer.allowlist.removing import Sought
    from deployer.allowlist.removing import remove as run

    _one_of(options["value"], options["shared"])
    scope = {name: options[name] for name in ("category", "hosts", "processes", "ports", "unscoped")}
    sought = Sought(options["value"], options["shared"], **scope)
    return _edit(root, options, lambda checkout: run(checkout, options["tenant"], sought, options["dry"]))


def _one_of(value: str | None, shared: str | None) -> None:
    if (value is None) == (shared is None):
        raise click.UsageError("say what: a VALUE, or --list with the name of a shared list")


def _checkout(root: Path, environment: str) -> "Checkout":
    from deployer.allowlist.checkout import Checkout

    return Checkout.of(root, environment, common.trusted_hosts(), common.trusted_root())


def _edit(root: Path, options: dict[str, Any], call: "Callable[[Checkout], Edited]") -> int:
    """One edit: its report is put out, its exit code returned."""
    from deployer.errors import CannotStart
    from deployer.errors import DeployerError
    from deployer.report import allowlists as report

    try:
        outcome = call(_checkout(root, options["environment"]))
    except CannotStart as error:
        raise click.UsageError(str(common.complaint(error))) from None
    except DeployerError as error:
        raise _failed(options, error) from None
    code = int(outcome.refused)
    if options["form"] == "json":
        _put_out(options, report.edited_document(options["environment"], code, outcome))
    else:
        common.put_out(report.edited(outcome), options["out"])
    return code


def _failed(options: dict[str, Any], error: "DeployerError") -> click.ClickException:
    """A run that stopped before any tenant was looked at."""
    from deployer.report import as_json

    if options["form"] == "json":
        _put_out(options, as_json.failed("allowlist", options["environment"], error))
    return common.complaint(error)


def _put_out(options: dict[str, Any], document: dict[str, Any]) -> None:
    from deployer.report import as_json

    common.put_out(as_json.text(document), options["out"])
