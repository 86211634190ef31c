"""`deployer emulator`: both platforms on loopback."""

from pathlib import Path
from typing import Any
from typing import TextIO

import click

from deployer.cli import common


@click.group()
def emulator() -> None:
    """Kibana and Sentinel on loopback, for trying and testing."""


@emulator.command()
@click.option("--port", type=click.IntRange(0, 65535), default=5601, show_default=True, help="0 picks a free one.")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), help="Keep its state in this folder.")
def serve(port: int, state: Any) -> int:
    """Answer on 127.0.0.1 with /kibana, /elasticsearch, /arm and /loganalytics until Ctrl-C.

    \b
    Example:
      deployer emulator serve --port 5601 --state .deployer/emulator
    """
    from deployer.emulator import EmulatorError
    from deployer.emulator import serve as run

    try:
        run(state, port, ready=lambda url: click.echo(f"Listening on {url}", err=True))
    except EmulatorError as error:
        raise click.ClickException(str(error)) from None
    return 0


@emulator.command()
@common.environment
@click.option("--at", "written", metavar="MOMENT", help="The day ends then (2027-01-31, or an instant), not now.")
@common.out("Write the report to a file.")
@click.pass_obj
def rehearse(root: Path, /, environment: str, written: str | None, out: TextIO | None) -> int:
    """Let the emulator live through ENV's made-up day and say what was detected.

    Loads environments/ENV/telemetry.yaml, lets the emulator run every rule that it holds, and reports per tenant what
    was detected and what the allowlists kept silent. Replaces the telemetry and the alerts that the emulator held.

    \b
    Example:
      deployer emulator rehearse demo
    """
    from deployer.errors import DeployerError
    from deployer.manifest.load import load
    from deployer.rehearsal import rehearse as run
    from deployer.report import rehearsal

    at = common.moment(written) if written else None
    try:
        rehearsed = run(load(root, environment, trusted_hosts=common.trusted_hosts()), root, at)
    except DeployerError as error:
        raise common.complaint(error) from None
    common.put_out(rehearsal.render(rehearsed), out)
    return 0
