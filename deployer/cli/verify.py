"""`deployer verify`: read back what is live."""

import re
from typing import TYPE_CHECKING
from typing import Any

import click

from deployer.cli import common
from deployer.cli import running

if TYPE_CHECKING:
    from deployer.fleet import Fleet
    from deployer.outcome import Outcome

_UNITS = {"s": 1, "m": 60, "h": 3600}
_TOLD_BY_TIME = {"ran", "healthy", "data"}


class Duration(click.ParamType[float]):
    """A number with its unit, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """`90s`, `15m` or `1h`."""
        found = re.fullmatch(r"(\d{1,5})([smh])", value) if isinstance(value, str) else None
        if found is None:
            self.fail(f"{value!r} is no duration; write 90s, 15m or 1h", param, ctx)
        return float(int(found[1]) * _UNITS[found[2]])


@click.command()
@common.targets
@common.wave
@click.option(
    "--wait",
    type=Duration(),
    metavar="DURATION",
    help="Look again, this long at most (90s, 15m, 1h), until the required levels are known.",
)
@common.output
@click.pass_obj
def verify(root: Any, /, **options: Any) -> int:
    """Read every object back: is it present, equal to Git, enabled; has the rule run since it was written, is it
    healthy (its last run succeeded), does the data that it reads arrive.

    Each answer is pass, fail or unknown. `verify.require` in environment.yaml says which levels count; with --wave
    those of the wave do, where it names `levels`. A rule that Git wants disabled is not asked the last three.

    \b
    Exit codes: 0 all required levels pass, 1 one fails, 3 one is unknown or a target could not be read.

    \b
    Example:
      deployer verify demo
      deployer verify prod --wait 15m
    """
    said: list[str] = []
    return running.run("verify", root, options, lambda fleet: _verified(fleet, options, said), said=said)


def _verified(fleet: "Fleet", options: dict[str, Any], said: list[str]) -> "list[Outcome]":
    """What counts is put into `said`, where it is not what counts in the whole environment."""
    from deployer.request import wave

    environment = fleet.manifest.environment
    required, whose, where = environment.require, environment.name, "`verify.require`"
    if options["wave"] is not None:
        stage = wave(fleet.manifest, options["wave"])
        if stage.wave.gate.levels != required:
            required, whose, where = stage.wave.gate.levels, stage.title, "`levels`"
            said.append(f"Required are the levels of {whose}: {', '.join(required)}.")
    if options["wait"] is None:
        return fleet.verify(require=required)
    if not _TOLD_BY_TIME & set(required):
        way_out = f"name ran, healthy or data in its {where}"
        click.echo(f"Nothing to wait for: {whose} requires {', '.join(required)}; {way_out}.", err=True)
    return fleet.verify(common.hands(options["wait"]), require=required)
