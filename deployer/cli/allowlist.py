"""`deployer allowlist`: what tenants allow, and edits of it."""

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

from deployer.cli import common
from deployer.cli import completing
from deployer.cli.allowlist_import import import_

if TYPE_CHECKING:
    from deployer.allowlist.checkout import Checkout
    from deployer.allowlist.outcomes import Edited

_SCOPES = (
    click.option("--host", "hosts", multiple=True, metavar="NAME", help="Only on this host; repeatable."),
    click.option("--process", "processes", multiple=True, metavar="NAME", help="Only for this process; repeatable."),
    click.option(
        "--port", "ports", multiple=True, type=click.IntRange(1, 65535), help="Only on this port; repeatable."
    ),
)


@click.group()
def allowlist() -> None:
    """What tenants allow: list it, add to it, remove from it, review it, explain it."""


allowlist.add_command(import_)


_EXCEPTION = (
    click.option(
        "--rule",
        "rules",
        multiple=True,
        metavar="GLOB",
        shell_complete=completing.rules,
        help="An exception: of these rules; repeatable.",
    ),
    click.option(
        "--field",
        "fields",
        multiple=True,
        metavar="FIELD=VALUE",
        help="An exception: what has this in Kibana; repeatable, all fields must hold, one value of each.",
    ),
    click.option(
        "--let",
        "lets",
        multiple=True,
        metavar="NAME=VALUE",
        help="An exception: add this to a let of the Sentinel query; repeatable. 22 is a number, '\"22\"' a text.",
    ),
)


def _exception(command: common.Command) -> common.Command:
    """--rule, --field and --let."""
    for option in reversed(_EXCEPTION):
        command = option(command)
    return command


def _scopes(command: common.Command) -> common.Command:
    """--host, --process and --port."""
    for option in reversed(_SCOPES):
        command = option(command)
    return command


@allowlist.command("list")
@common.environment
@common.tenants
@click.option("--category", "categories", multiple=True, metavar="GLOB", help="Only categories that match; repeatable.")
@common.plain_output
@click.pass_obj
def show(root: Path, /, **options: Any) -> int:
    """List every entry and exception: what it allows, until when, why, by whose word, where from, whether it holds.

    An entry is covered where others allow all of it for as long: it is put into no target. Exceptions of single rules
    follow, unless --category asks for entries only.

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
    from deployer.report import allowlists as report

    environment = options["environment"]
    with _told(options):
        manifest = _checkout(root, environment).manifest
        chosen(manifest, options["tenants"], options["categories"])
    found, broken = listed(manifest, datetime.now(UTC), options["tenants"], options["categories"])
    code = 3 if broken else 0
    _put_out(options, report.listing_document(environment, code, found, broken), report.listing(found, broken))
    return code


@allowlist.command()
@common.environment
@click.argument("value", metavar="[VALUE]", required=False)
@click.option("--tenant", required=True, metavar="NAME", shell_complete=completing.tenants, help="Whose.")
@click.option("--category", metavar="NAME", help="Of rules/allowlists.yaml.")
@click.option("--list", "shared", metavar="NAME", help="Instead of VALUE: include this list of rules/allowlists/.")
@_scopes
@_exception
@click.option("--reason", metavar="TEXT", help="Why it is allowed.")
@click.option("--owner", metavar="WHO", help="Who answers for it.")
@click.option("--ticket", metavar="TEXT", help="Where it was asked for.")
@click.option("--expires", metavar="DATE", help="The last day (UTC), an instant with its offset, or in days: 90d.")
@click.option("--reviewed", metavar="DATE", help="When somebody last looked at it: a date, or today.")
@common.blocklists("Refuse what stands on this list, in a form that `check --blocklist` takes")
@click.option("--dry-run", "dry", is_flag=True, help="Show what would be written, and write nothing.")
@common.plain_output
@click.pass_obj
def add(root: Path, /, **options: Any) -> int:
    """Add an entry to a tenant's file, and say what it means. Comments and order stay as they are.

    What no category covers is an exception of single rules: --rule with --field, --let or both, instead of --category
    and VALUE. Its values are compared as they are; for other conditions edit the file.

    Refused is what is there already, what other entries allow already, and whatever `check` would call an error.

    \b
    Exit codes: 0 written, 1 refused.

    \b
    Example:
      deployer allowlist add demo --tenant globex --category irc_servers 192.0.2.10 --host dev-1 \\
        --reason "Support channel of a product" --owner it@globex.example --expires 90d
      deployer allowlist add demo --tenant globex --rule t1584.005-botnet-node --field process.name=backup.exe \\
        --let ExcludedProcesses=backup.exe --reason "Backup agent" --owner it@globex.example --expires 90d
    """
    from datetime import UTC
    from datetime import datetime

    from deployer.allowlist.adding import add as run
    from deployer.allowlist.wanted_entries import WantedEntry

    if _is_exception(options):
        return _add_exception(root, options)
    value, shared = options["value"], options["shared"]
    _one_of(value, shared)
    if options["category"] is None:
        raise click.UsageError("Missing option '--category'; or say --rule with --field or --let for an exception")
    if value is not None and (missing := [name for name in ("reason", "owner") if not options[name]]):
        raise click.UsageError(f"an entry has {' and '.join(f'--{name}' for name in missing)}, too: say it")
    words = {name: options[name] for name in ("reason", "owner", "ticket", "expires", "reviewed")}
    scope = {name: options[name] for name in ("hosts", "processes", "ports")}
    wanted = WantedEntry(value, shared, **scope, **words)
    tenant, category, now = options["tenant"], options["category"], datetime.now(UTC)
    dry, lists = options["dry"], options["blocklists"]
    return _edit(root, options, lambda checkout: run(checkout, tenant, category, wanted, now, dry, lists))


@allowlist.command()
@common.environment
@click.argument("value", metavar="[VALUE]", required=False)
@click.option("--tenant", required=True, metavar="NAME", shell_complete=completing.tenants, help="Whose.")
@click.option("--category", metavar="NAME", help="Of rules/allowlists.yaml.")
@click.option("--list", "shared", metavar="NAME", help="Instead of VALUE: include this shared list no longer.")
@_scopes
@_exception
@click.option("--unscoped", is_flag=True, help="Only the entry that names no hosts, processes and ports.")
@click.option("--dry-run", "dry", is_flag=True, help="Show what would be written, and write nothing.")
@common.plain_output
@click.pass_obj
def remove(root: Path, /, **options: Any) -> int:
    """Take an entry out of a tenant's file, with the comment that is its own, and say what that means.

    Where several entries have the value, name the category, or the whole scope of the one that is meant. An exception
    is named by its --rule with --field or --let, as `add` takes them: of several all that is in it.

    \b
    Exit codes: 0 written, 1 refused.

    \b
    Example:
      deployer allowlist remove demo --tenant globex 198.51.100.77 --dry-run
    """
    from deployer.allowlist.removing import Sought
    from deployer.allowlist.removing import remove as run

    if _is_exception(options):
        return _remove_exception(root, options)
    _one_of(options["value"], options["shared"])
    scope = {name: options[name] for name in ("category", "hosts", "processes", "ports", "unscoped")}
    sought = Sought(options["value"], options["shared"], **scope)
    return _edit(root, options, lambda checkout: run(checkout, options["tenant"], sought, options["dry"]))


@allowlist.command()
@common.environment
@common.tenants
@click.option("--within", default="14d", metavar="DAYS", help="What expires within this time is due (default: 14d).")
@common.plain_output
@click.pass_obj
def review(root: Path, /, **options: Any) -> int:
    """List what expires soon, what has expired, and what nobody has looked at, ever or for longer than the policy says.

    Looks at entries, at shared lists (each once for all tenants), at exceptions and at accepted drift.

    \b
    Exit codes: 0 nothing is due, 1 failed, 2 something is due, 3 the file of some tenant cannot be used.

    \b
    Example:
      deployer allowlist review demo --within 30d
    """
    from datetime import UTC
    from datetime import datetime

    from deployer.allowlist.checkout import chosen
    from deployer.allowlist.review import review as run
    from deployer.allowlist.wanted_entries import days
    from deployer.report import reviewed as report

    environment, within = options["environment"], days(options["within"])
    if within is None:
        raise click.UsageError("--within is a number of days, such as 14d")
    with _told(options):
        manifest = _checkout(root, environment).manifest
        chosen(manifest, options["tenants"])
        found = run(manifest, datetime.now(UTC), within, options["tenants"])
    code = 3 if found.broken else 2 if found.reminders else 0
    _put_out(options, report.document(environment, code, found), report.text(found))
    return code


@allowlist.command()
@common.environment
@click.argument("what", metavar="WHAT")
@click.option("--tenant", required=True, metavar="NAME", shell_complete=completing.tenants, help="At whom.")
@click.option("--host", metavar="NAME", help="On this host.")
@click.option("--process", metavar="NAME", help="By this process.")
@click.option("--port", type=click.IntRange(1, 65535), help="On this port.")
@common.rules
@common.plain_output
@click.pass_obj
def explain(root: Path, /, **options: Any) -> int:
    """Say which entries let WHAT (an address, a range, a domain, a process) through, where, how far, and which do not.

    Of what is not said (host, process, port) the answer names the limits. Exceptions of single rules are judged, too:
    those of Kibana by their conditions, of which those on other fields are named; of those of Sentinel it is said
    what they add to the query, which alone knows how it compares.

    \b
    Exit codes: 0 answered, 1 the tenant's file cannot be used.

    \b
    Example:
      deployer allowlist explain demo --tenant acme 203.0.113.9 --process apm-agent.exe
    """
    from datetime import UTC
    from datetime import datetime

    from deployer.allowlist.answers import Question
    from deployer.allowlist.explain import explain as run
    from deployer.report import explained as report

    environment = options["environment"]
    question = Question(*(options[name] for name in ("what", "host", "process", "port", "rules")))
    with _told(options):
        answer = run(_checkout(root, environment), options["tenant"], question, datetime.now(UTC))
    code = int(bool(answer.refusals))
    _put_out(options, report.document(environment, code, answer), report.text(answer))
    return code


def _is_exception(options: dict[str, Any]) -> bool:
    """Whether an exception is asked for. What goes not together is a usage error."""
    own = [name for name, key in (("--rule", "rules"), ("--field", "fields"), ("--let", "lets")) if options[key]]
    if not own:
        return False
    entry = {"VALUE": "value", "--category": "category", "--list": "shared", "--host": "hosts",
             "--process": "processes", "--port": "ports", "--unscoped": "unscoped"}  # fmt: skip
    foreign = [name for name, key in entry.items() if options.get(key)]
    if foreign:
        message = f"{', '.join(own)} and {', '.join(foreign)} do not go together: an exception of single rules is"
        way_out = "--rule with --field or --let; an entry is --category with VALUE or --list, and its scope"
        raise click.UsageError(f"{message} {way_out}")
    if "--rule" not in own or len(own) == 1:
        raise click.UsageError("an exception of single rules is --rule with --field, --let or both")
    return True


def _add_exception(root: Path, options: dict[str, Any]) -> int:
    from dataclasses import replace
    from datetime import UTC
    from datetime import datetime

    from deployer.allowlist.adding_exceptions import add as run
    from deployer.allowlist.wanted_exceptions import WantedException

    if missing := [name for name in ("reason", "owner") if not options[name]]:
        raise click.UsageError(f"an exception has {' and '.join(f'--{name}' for name in missing)}, too: say it")
    words = {name: options[name] for name in ("reason", "owner", "ticket", "expires", "reviewed")}
    tenant, now, dry, lists = options["tenant"], datetime.now(UTC), options["dry"], options["blocklists"]
    with _told(options):
        wanted = replace(WantedException.of(options["rules"], options["fields"], options["lets"]), **words)
    return _edit(root, options, lambda checkout: run(checkout, tenant, wanted, now, dry, lists))


def _remove_exception(root: Path, options: dict[str, Any]) -> int:
    from deployer.allowlist.removing_exceptions import remove as run
    from deployer.allowlist.wanted_exceptions import WantedException

    with _told(options):
        sought = WantedException.of(options["rules"], options["fields"], options["lets"])
    return _edit(root, options, lambda checkout: run(checkout, options["tenant"], sought, options["dry"]))


def _one_of(value: str | None, shared: str | None) -> None:
    if (value is None) == (shared is None):
        raise click.UsageError("say what: a VALUE, or --list with the name of a shared list")


def _checkout(root: Path, environment: str) -> "Checkout":
    from deployer.allowlist.checkout import Checkout

    return Checkout.of(root, environment, common.trusted_hosts(), common.trusted_root())


def _edit(root: Path, options: dict[str, Any], call: "Callable[[Checkout], Edited]") -> int:
    """One edit: its report is put out, its exit code returned."""
    from deployer.report import allowlists as report

    with _told(options):
        outcome = call(_checkout(root, options["environment"]))
    code = int(outcome.refused)
    _put_out(options, report.edited_document(options["environment"], code, outcome), report.edited(outcome))
    return code


@contextmanager
def _told(options: dict[str, Any]) -> Iterator[None]:
    """What was raised on purpose, said as a usage error or as a failure."""
    from deployer.errors import CannotStart
    from deployer.errors import DeployerError
    from deployer.report import as_json

    try:
        yield
    except CannotStart as error:
        raise click.UsageError(str(common.complaint(error))) from None
    except DeployerError as error:
        if options["form"] == "json":
            common.put_out(as_json.text(as_json.failed("allowlist", options["environment"], error)), options["out"])
        raise common.complaint(error) from None


def _put_out(options: dict[str, Any], document: dict[str, Any], text: str) -> None:
    from deployer.report import as_json

    common.put_out(as_json.text(document) if options["form"] == "json" else text, options["out"])
