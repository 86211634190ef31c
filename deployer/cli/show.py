"""`deployer show`: what a target is to hold."""

from typing import Any

import click

from deployer.cli import common


@click.command()
@common.targets
@common.plain_output
@click.pass_obj
def show(root: Any, /, **options: Any) -> int:
    """Show the objects that a target is to hold, as they would be sent, with overlays and allowlists applied. Offline.

    \b
    Example:
      deployer show demo --tenant acme --rule t1583.005-c2-beaconing
    """
    from deployer.errors import DeployerError
    from deployer.report import as_json
    from deployer.report import desired

    json = options["form"] == "json"
    try:
        states = common.fleet(root, options).desired()
    except DeployerError as error:
        if json:
            common.put_out(as_json.failure("show", options["environment"], error), options["out"])
        raise common.complaint(error) from None
    text = as_json.text(desired.document(options["environment"], states)) if json else desired.render(states)
    common.put_out(text, options["out"])
    return 0
