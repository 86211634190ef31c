"""`deployer report`: reports of several runs, made into one."""

from pathlib import Path
from typing import Any

import click

from deployer.cli import common


@click.group()
def report() -> None:
    """Reports that are there already: join those of the shards of one run."""


@report.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@common.joined_output
def merge(files: tuple[Path, ...], **options: Any) -> int:
    """Join the JSON reports of the shards of one run into the report of the whole run.

    As a saved plan, what --format json makes of all shards of `plan` is that of all tenants. A shard that is missing,
    there twice, damaged, of another environment, made with other options, or left over from another run is named, and
    never left out without a word.

    \b
    Exit codes: that of one run over all of it; with anything missing or left out 3, or 1.

    \b
    Example:
      deployer report merge plan-*.json --format markdown --out plan.md
    """
    from deployer.errors import DeployerError
    from deployer.report import as_json
    from deployer.report import merged
    from deployer.report.merging import merge as run

    try:
        document = run([_given(file) for file in files])
    except DeployerError as error:
        if options["form"] == "json":
            common.put_out(as_json.text(as_json.failed("report merge", None, error)), options["out"])
        raise common.complaint(error) from None
    form = {"json": as_json.text, "markdown": merged.markdown}.get(options["form"], merged.text)
    common.put_out(form(document), options["out"])
    return int(document["exit_code"])


def _given(file: Path) -> Any:
    """What stands in a file. One that is not there is a shard that is not known, and no reason to say nothing."""
    from deployer.report.given import Given

    try:
        return Given.read(str(file), file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        return Given(str(file), fault=str(said))
