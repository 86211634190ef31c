"""`deployer show`: what a target is to hold."""

from typing import Any

import click

from deployer.cli import common
from deployer.cli import shards


@click.command()
@common.targets
@common.plain_output
@click.option("--explain/--no-explain", default=None, help="Say where each value comes from (default: of one --rule).")
@click.pass_obj
def show(root: Any, /, **options: Any) -> int:
    """Show the objects that a target is to hold, as they would be sent, with overlays and allowlists applied. Offline.

    Of a single rule (--rule that matches one), or with --explain, each value is told with the place it comes from and
    what it would be without. JSON says so always.

    \b
    Examples:
      deployer show demo --tenant acme --rule t1583.005-c2-beaconing
      deployer show demo --tenant acme --explain
    """
    from deployer.errors import DeployerError
    from deployer.report import as_json
    from deployer.report import desired

    json = options["form"] == "json"
    shards.begin(root, options, common.trusted_root())
    try:
        fleet = common.fleet(root, options)
        states = fleet.desired()
    except DeployerError as error:
        if json:
            common.put_out(as_json.failure("show", options["environment"], error, shards.told(options)), options["out"])
        raise common.complaint(error) from None
    explained = options["explain"]
    if explained is None:
        explained = bool(options["rules"]) and desired.is_one_rule(states)
    if json:
        text = as_json.text({**desired.document(options["environment"], states), **shards.told(options, fleet)})
    else:
        text = desired.render(states, explained=explained)
    for note in shards.notes(fleet):
        click.echo(note, err=True)
    common.put_out(text, options["out"])
    return 0
