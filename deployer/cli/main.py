"""The `deployer` command and its exit codes. A usage error is 64, so that a mistyped option never reads as drift."""

import sys
from io import TextIOWrapper
from pathlib import Path

import click

from deployer import __version__
from deployer.cli import allowlist
from deployer.cli import analyser
from deployer.cli import apply
from deployer.cli import backtest
from deployer.cli import check
from deployer.cli import drift
from deployer.cli import emulator
from deployer.cli import plan
from deployer.cli import pull
from deployer.cli import report
from deployer.cli import rollback
from deployer.cli import schema
from deployer.cli import show
from deployer.cli import tenants
from deployer.cli import test
from deployer.cli import verify

USAGE = 64


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="deployer")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The folder that holds rules/ and environments/ (default: this one).",
)
@click.pass_context
def cli(context: click.Context, root: Path) -> None:
    """Keep SIEM detections in Git and make live tenants equal to them.

    \b
    Exit codes: 0 clean or done, 1 failed, 2 differences, 3 partial, 64 usage error.

    \b
    Example:
      deployer plan demo
    """
    context.obj = root


_COMMANDS = (
    allowlist.allowlist,
    analyser.analyser,
    apply.apply,
    backtest.backtest,
    check.check,
    drift.drift,
    emulator.emulator,
    plan.plan,
    pull.pull,
    report.report,
    rollback.rollback,
    schema.schema,
    show.show,
    tenants.tenants,
    test.test,
    verify.verify,
)
for command in _COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line and exit with one of the published codes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name in another script must not cost the report
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of one command line; everything it says has been said."""
    try:
        code = cli.main(args=arguments, prog_name="deployer", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.exceptions.Abort:
        click.echo("Interrupted. What was written until then shows in `deployer plan`.", err=True)
        return 1
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return 1
    except OSError as error:
        click.echo(f"Error: {error}", err=True)
        return 1
