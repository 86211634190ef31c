"""`deployer verify`: read back what is live."""

from typing import Any

import click

from deployer.cli import common


@click.command()
@common.targets
@common.output
@click.pass_obj
def verify(root: Any, /, **options: Any) -> int:
    """Read every object back: present, equal to Git, enabled, run since it was written.

    Each answer is pass, fail or unknown. `verify.require` in environment.yaml says which levels count.

    \b
    Exit codes: 0 all required levels pass, 1 one fails, 3 one is unknown or a target could not be read.

    \b
    Example:
      deployer verify demo
    """
    return common.run("verify", root, options, lambda fleet: fleet.verify())
