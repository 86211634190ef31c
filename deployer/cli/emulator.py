"""`deployer emulator`: both platforms on loopback."""

from pathlib import Path
from typing import Any

import click


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
