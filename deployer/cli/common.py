"""What the commands share: their options, loading the manifest, and putting out a report."""

import os
import sys
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import TextIO
from typing import TypeVar

import click

if TYPE_CHECKING:
    from deployer.errors import DeployerError
    from deployer.fleet import Consent
    from deployer.fleet import Fleet
    from deployer.outcome import Outcome

Command = TypeVar("Command", bound=Callable[..., Any])

_COLOURS = {"+": "green", "~": "yellow", "!": "magenta", "-": "red", "x": "red"}


def targets(command: Command) -> Command:
    """ENV, --tenant, --rule and --jobs."""
    for decorate in (
        click.option("--jobs", type=click.IntRange(1, 256), help="Targets worked on side by side (default: 16)."),
        selection,
        click.argument("environment", metavar="ENV"),
    ):
        command = decorate(command)
    return command


def selection(command: Command) -> Command:
    """--tenant and --rule."""
    for decorate in (
        click.option("--rule", "rules", multiple=True, metavar="GLOB", help="Only rules whose id matches; repeatable."),
        click.option("--tenant", "tenants", multiple=True, metavar="GLOB", help="Only tenants that match; repeatable."),
    ):
        command = decorate(command)
    return command


def output(command: Command, forms: Sequence[str] = ("text", "json", "markdown")) -> Command:
    """--format and --out."""
    for decorate in (
        # Opened before anything is asked of a target: a report that cannot be written must not follow a write.
        click.option("--out", type=click.File("w", encoding="utf-8", lazy=False), help="Write the report to a file."),
        click.option("--format", "form", type=click.Choice(forms), default="text", help="Of the report."),
    ):
        command = decorate(command)
    return command


def plain_output(command: Command) -> Command:
    """--format and --out of what has no report in Markdown."""
    return output(command, ("text", "json"))


def consents(command: Command) -> Command:
    """What a plan may do beyond the ordinary."""
    for decorate in (
        click.option("--allow-updates", type=click.IntRange(0), help="Allow this many rule updates per target."),
        click.option("--allow-deletes", type=click.IntRange(0), help="Allow this many rule deletes per target."),
        click.option("--reenable", is_flag=True, help="Write rules that Sentinel has switched off by itself, too."),
        click.option("--adopt", is_flag=True, help="Take over objects that stand where ours belong, without a mark."),
    ):
        command = decorate(command)
    return command


def fleet(root: Path, options: dict[str, Any]) -> "Fleet":
    """The targets that the options select; every fault of the manifest is said before anything is asked of a target."""
    from deployer.errors import CannotStart
    from deployer.fleet import JOBS
    from deployer.fleet import Fleet
    from deployer.fleet import Selection
    from deployer.fleet import require_matches
    from deployer.manifest.load import load

    trusted = trusted_hosts()
    manifest = load(root, options["environment"], trusted_hosts=trusted, trusted_root=trusted_root())
    selection = Selection(tuple(options["tenants"]), tuple(options["rules"]))
    try:
        require_matches(manifest, selection)
    except CannotStart as error:
        raise click.UsageError(str(error)) from None
    return Fleet(manifest, root, selection=selection, trusted_hosts=trusted, jobs=options["jobs"] or JOBS)


def consent(options: dict[str, Any]) -> "Consent":
    """What the options agree to."""
    from deployer.fleet import Consent

    return Consent(options["adopt"], options["reenable"], options["allow_deletes"], options["allow_updates"])


def trusted_hosts() -> tuple[str, ...] | None:
    """The list of trusted hosts given from outside the repository, which wins over the one inside."""
    given = os.environ.get("DEPLOYER_TRUSTED_HOSTS")
    return None if given is None else tuple(host.strip() for host in given.split(",") if host.strip())


def trusted_root() -> Path | None:
    """The checkout whose credentials and trusted hosts count, where the one under --root is not to be trusted."""
    given = os.environ.get("DEPLOYER_TRUSTED_ROOT")
    if given == "":
        # A variable that a pipeline left empty must not give the credentials back to what is not trusted.
        raise click.UsageError("DEPLOYER_TRUSTED_ROOT is empty: name the trusted checkout, or take the variable away")
    return None if given is None else Path(given)


def run(verb: str, root: Path, options: dict[str, Any], call: "Callable[[Fleet], list[Outcome]]") -> int:
    """One verb over the selected targets: its report is put out, its exit code returned."""
    from deployer.errors import DeployerError
    from deployer.outcome import exit_code
    from deployer.report import as_json
    from deployer.report import as_markdown
    from deployer.report import as_text

    environment = options["environment"]
    form = {"json": as_json, "markdown": as_markdown}.get(options["form"])
    try:
        outcomes = call(fleet(root, options))
    except DeployerError as error:
        if form:
            put_out(form.failure(verb, environment, error), options["out"])
        raise complaint(error) from None
    report = form.render(verb, environment, outcomes) if form else as_text.render(outcomes)
    put_out(report, options["out"])
    return exit_code(outcomes)


def put_out(text: str, out: TextIO | None) -> None:
    """The report, to a file or to standard output; colour only on a terminal, where it repeats what the symbols say."""
    if out is not None:
        out.write(text)
        return
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        text = "\n".join(_coloured(line) for line in text.split("\n"))
    click.echo(text, nl=False)


def complaint(error: "DeployerError") -> click.ClickException:
    """What deployer raised on purpose, as a message on standard error and exit code 1."""
    from deployer.report.wording import plain

    return click.ClickException("\n".join(plain(line) for line in str(error).split("\n")))


def _coloured(line: str) -> str:
    colour = _COLOURS.get(line.strip()[:1])
    return click.style(line, fg=colour) if colour and line.startswith("  ") else line
