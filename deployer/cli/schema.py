"""`deployer schema`: the JSON Schemas of the files that people write."""

from typing import Any

import click

from deployer.cli import common


@click.command()
@click.argument("name", metavar="[NAME]", required=False)
@common.out("Write the schema to a file.")
def schema(name: str | None, out: Any) -> int:
    """Print the JSON Schema of a kind of file, for editors; without NAME, the names.

    \b
    Example:
      deployer schema tenant
    """
    from deployer.manifest.schema import schemas
    from deployer.report import as_json

    known = schemas()
    if name is None:
        common.put_out("\n".join(known) + "\n", out)
        return 0
    if name not in known:
        raise click.UsageError(f"there is no schema {name!r}; there are {', '.join(known)}")
    common.put_out(as_json.text(known[name]), out)
    return 0
