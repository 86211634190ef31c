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

from deployer.cli import completing
from deployer.cli import shards

if TYPE_CHECKING:
    from datetime import datetime

    from deployer.errors import DeployerError
    from deployer.fleet import Fleet
    from deployer.journal import Journal
    from deployer.manifest.load import Manifest
    from deployer.request import Consent
    from deployer.request import Selection
    from deployer.verify import Waiting

Command = TypeVar("Command", bound=Callable[..., Any])

_COLOURS = {"+": "green", "~": "yellow", "!": "magenta", "-": "red", "x": "red"}


class Opened(click.File):
    """A file that is opened with the command line, except where a shell only completes the line."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """The open file; the name where nothing is to be run: opened to be written, a file would be emptied."""
        if context is not None and context.resilient_parsing:
            return value
        return super().convert(value, parameter, context)


environment = click.argument("environment", metavar="ENV", shell_complete=completing.environments)
"""ENV."""
tenants = click.option(
    "--tenant",
    "tenants",
    multiple=True,
    metavar="GLOB",
    shell_complete=completing.tenants,
    help="Only tenants that match; repeatable.",
)
"""--tenant."""
rules = click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="GLOB",
    shell_complete=completing.rules,
    help="Only rules whose id matches; repeatable.",
)
"""--rule."""


def targets(command: Command) -> Command:
    """ENV, --tenant, --rule, --shard, --jobs and --stats."""
    for decorate in (
        click.option("--stats", is_flag=True, help="Say how many requests were made; of a plan, what apply will take."),
        click.option(
            "--jobs",
            type=click.IntRange(1, 256),
            help="Targets worked on side by side (default: 16 per core, 64 at most).",
        ),
        shards.option,
        selection,
        environment,
    ):
        command = decorate(command)
    return command


def selection(command: Command) -> Command:
    """--tenant and --rule."""
    return tenants(rules(command))


def wave(command: Command) -> Command:
    """--wave."""
    words = "Only the tenants of this wave, by number from 1 or by name; no other wave is asked."
    return click.option("--wave", metavar="N|NAME", help=words)(command)


def blocklists(help: str) -> Callable[[Command], Command]:
    """--blocklist."""
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option(
        "--blocklist", "blocklists", multiple=True, metavar="FILE", type=kind, help=f"{help}; repeatable."
    )


def out(help: str, *, last: bool = False) -> Callable[[Command], Command]:
    """--out; opened, and emptied with it, at once or `last` of all."""
    return click.option("--out", type=Opened("w", encoding="utf-8", lazy=last), help=help)


def output(command: Command, forms: Sequence[str] = ("text", "json", "markdown"), *, last: bool = False) -> Command:
    """--format and --out."""
    for decorate in (
        # Opened before anything is asked of a target: a report that cannot be written must not follow a write.
        out("Write the report to a file.", last=last),
        click.option("--format", "form", type=click.Choice(forms), help="Of the report (default: text)."),
    ):
        command = decorate(command)
    return command


def grouping(command: Command) -> Command:
    """--by."""
    told = "Tell changes target by target, or each once with the targets that have it (default: of more than 10)."
    return click.option("--by", type=click.Choice(("target", "change")), help=told)(command)


def joined_output(command: Command) -> Command:
    """--format and --out of what is made of reports: one of these may be the file that it goes to."""
    return output(command, last=True)


def plain_output(command: Command) -> Command:
    """--format and --out of what has no report in Markdown."""
    return output(command, ("text", "json"))


def matrix_output(command: Command) -> Command:
    """--format and --out of what a workflow on GitHub takes as its matrix."""
    return output(command, ("text", "json", "github-matrix"))


def consents(command: Command) -> Command:
    """What a plan may do beyond the ordinary."""
    for decorate in (
        click.option("--allow-updates", type=click.IntRange(0), help="Allow this many rule updates per target."),
        click.option("--allow-deletes", type=click.IntRange(0), help="Allow this many rule deletes per target."),
        click.option("--rekey", is_flag=True, help="Write equal Kibana rules again, to run with the API key in use."),
        click.option("--reenable", is_flag=True, help="Write rules that Sentinel has switched off by itself, too."),
        click.option("--adopt", is_flag=True, help="Take over objects that stand where ours belong, without a mark."),
    ):
        command = decorate(command)
    return command


ASKED = ("tenants", "rules", "wave", "shard", "adopt", "reenable", "rekey", "allow_deletes", "allow_updates")
"""The options that decide what a plan holds, by the names of their parameters."""


def asked(options: dict[str, Any]) -> dict[str, Any]:
    """The options of `ASKED` that a command has, as a report tells them."""
    told = {name: options[name] for name in ASKED if name in options}
    return {**told, "shard": str(told["shard"])} if told.get("shard") else told


def flag(name: str) -> str:
    """How an option of `ASKED` is written."""
    from deployer.report.wording import flag as written

    return written(name)


def journal(help: str) -> Callable[[Command], Command]:
    """--journal."""
    return click.option(
        "--journal",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        help=f"{help} (default: .deployer/journal under the root).",
    )


def recorded(command: Command) -> Command:
    """--journal of a command that writes."""
    return journal("Record every write in this folder, one file a run")(command)


def journals(root: Path, folder: Path | None) -> Path:
    """The folder of the journals."""
    return folder or root / ".deployer" / "journal"


def recording(root: Path, folder: Path | None, environment: str) -> "Journal":
    """The journal of this run."""
    from deployer.journal import Journal

    return Journal(journals(root, folder), environment)


def moment(written: str) -> "datetime":
    """An instant as people write it: with its offset, or a date, which is its midnight, UTC."""
    from datetime import UTC
    from datetime import datetime

    from deployer.hosts import Unfit
    from deployer.manifest.values import moment as read

    try:
        found = datetime.fromisoformat(read(written))
    except Unfit as unfit:
        raise click.UsageError(f"{written!r} {unfit}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def exactly(name: str) -> str:
    """A glob that matches this name only."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)


def fleet(root: Path, options: dict[str, Any]) -> "Fleet":
    """The targets that the options select; every fault of the manifest is said before anything is asked of a target."""
    from deployer.fleet import Fleet

    manifest, selection = selected(root, options)
    return Fleet(manifest, root, selection=selection, trusted_hosts=trusted_hosts(), jobs=options["jobs"])


def selected(root: Path, options: dict[str, Any]) -> "tuple[Manifest, Selection]":
    """The environment, and the part of it that the options select; what selects nothing is a usage error."""
    from deployer.errors import CannotStart
    from deployer.manifest.load import load
    from deployer.request import Selection
    from deployer.request import require_matches
    from deployer.request import wave as wave_of

    manifest = load(root, options["environment"], trusted_hosts=trusted_hosts(), trusted_root=trusted_root())
    rules = tuple(options.get("rules", ()))
    try:
        wave = options.get("wave")
        members = None if wave is None else frozenset(wave_of(manifest, wave).tenants)
        selection = Selection(tuple(options["tenants"]), rules, wave=members, shard=options.get("shard"))
        require_matches(manifest, selection)
    except CannotStart as error:
        raise click.UsageError(str(error)) from None
    return manifest, selection


def hands(seconds: float = 0.0) -> "Waiting":
    """What waiting is done with, its words on standard error."""
    from deployer.report.wording import plain
    from deployer.verify import Waiting

    return Waiting(seconds, lambda line: click.echo(plain(line), err=True))


def consent(options: dict[str, Any]) -> "Consent":
    """What the options agree to."""
    from deployer.request import Consent

    return Consent(
        adopt=options["adopt"],
        reenable=options["reenable"],
        deletes=options["allow_deletes"],
        updates=options["allow_updates"],
        rekey=options["rekey"],
    )


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
