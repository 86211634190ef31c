"""The `deployer` command and its exit codes. A usage error is 64, so that a mistyped option never reads as drift."""

import gc
import importlib
import os
import signal
import sys
import threading
from io import TextIOWrapper
from typing import NoReturn

import click

from deployer import __version__

USAGE = 64

VERBS = {
    "allowlist": "What tenants allow: list it, add to it, remove from it, review it, explain it.",
    "analyser": "Microsoft's own KQL analyser, for `check`.",
    "apply": "Make the targets equal to Git.",
    "backtest": (
        "Run rules over the past: alerts per day with the tenant's allowlists and without, and what each entry hid."
    ),
    "check": "Check rules/ and environments/ offline and report every finding at once.",
    "drift": "Find what was changed in the targets since it was last applied: which field, by whom, when.",
    "emulator": "Kibana and Sentinel on loopback, for trying and testing.",
    "plan": "Show what apply would do, and write nothing.",
    "pull": "Write what was changed by hand in tenants into their files, as overlays and allowlist entries.",
    "report": "Reports that are there already: join those of the shards of one run.",
    "rollback": "Undo what a run of apply wrote.",
    "schema": "Print the JSON Schema of a kind of file, for editors; without NAME, the names.",
    "show": "Show the objects that a target is to hold, as they would be sent, with overlays and allowlists applied.",
    "tenants": "The customers of an environment: list them, or take everything out of one who leaves.",
    "test": "Run the cases of rules/*/tests.yaml against the rules as they would be deployed.",
    "verify": (
        "Read every object back: is it present, equal to Git, enabled; has the rule run since it was written, is it "
        "healthy (its last run succeeded), does the data that it reads arrive."
    ),
}
"""Each verb, which is the name of its module too, with the first sentence of its help."""


class Verbs(click.Group):
    """Imports the module of the one verb that was asked for; the list of verbs needs none of them."""

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that the first argument names, as its module has it, and the arguments that are left."""
        name, listed, rest = super().resolve_command(context, arguments)
        return name, verb(name) if name and listed else None, rest


def verb(name: str) -> click.Command:
    """A verb with its options and all of its help."""
    command: click.Command = getattr(importlib.import_module(f"deployer.cli.{name}"), name)
    return command


@click.group(
    cls=Verbs,
    commands=[click.Command(name, help=summary) for name, summary in VERBS.items()],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="deployer")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False),
    default=".",
    help="The folder that holds rules/ and environments/ (default: this one).",
)
@click.pass_context
def cli(context: click.Context, root: str) -> None:
    """Keep SIEM detections in Git and make live tenants equal to them.

    \b
    Exit codes: 0 clean or done, 1 failed, 2 differences, 3 partial, 64 usage error.

    \b
    Example:
      deployer plan demo
    """
    from pathlib import Path

    context.obj = Path(root)


def main() -> None:
    """Run the command line and exit with one of the published codes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name in another script must not cost the report
    # A run makes a million small objects that last until its end, and no rings of them: to look for some takes a tenth.
    gc.set_threshold(50_000, 20, 100)
    # So long waits a thread whose answer has come for one that computes; five times as long shows in every request.
    sys.setswitchinterval(0.001)
    # What ends a job of a pipeline is Ctrl-C, too: writes under way are finished, and the report says what was done.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    leave(run(sys.argv[1:]))


def leave(code: int) -> NoReturn:
    """Exit, and wait for no thread that works on a target: somebody asked twice to stop."""
    # All is said: whoever asks once more to stop must not change the exit code.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if any(thread.name.startswith("deployer-target") for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of one command line; everything it says has been said."""
    try:
        code = cli.main(args=arguments, prog_name="deployer", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.exceptions.Abort:
        click.echo(_interrupted(arguments), err=True)
        return 1
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return 1
    except OSError as error:
        click.echo(f"Error: {error}", err=True)
        return 1


def _interrupted(arguments: list[str]) -> str:
    """What is said to whoever interrupts; of writes only where there may have been some."""
    verb = next((place for place, one in enumerate(arguments) if one in VERBS), 0)
    named = arguments[verb : verb + 2]
    if named[:1] in (["apply"], ["rollback"]) or named == ["tenants", "retire"]:
        return "Interrupted. What was written until then shows in `deployer plan`."
    return "Interrupted."
