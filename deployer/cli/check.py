"""`deployer check`: everything that needs no network."""

from pathlib import Path
from typing import TextIO

import click

from deployer.cli import common
from deployer.cli import completing


@click.command()
@click.argument("environment", metavar="[ENV]", required=False, shell_complete=completing.environments)
@common.selection
@common.blocklists("Refuse allowed values that are on it: Feodo Tracker's CSV or JSON, MISP's CSV, or one a line")
@common.output
@click.pass_obj
def check(
    root: Path,
    /,
    environment: str | None,
    tenants: tuple[str, ...],
    rules: tuple[str, ...],
    blocklists: tuple[Path, ...],
    form: str,
    out: TextIO | None,
) -> int:
    """Check rules/ and environments/ offline and report every finding at once.

    \b
    Exit codes: 0 no errors, 1 at least one finding of severity error.

    \b
    Example:
      deployer check prod
      deployer check prod --blocklist ipblocklist.csv
    """
    from deployer.check import inspect
    from deployer.check import unmatched
    from deployer.findings import Severity
    from deployer.report import as_json
    from deployer.report import as_markdown
    from deployer.report import as_text

    if lost := unmatched(root, environment, tenants, rules):
        raise click.UsageError(f"nothing matches {', '.join(map(repr, lost))}")
    seen = inspect(root, environment, common.trusted_hosts(), tenants=tenants, rules=rules, blocklists=blocklists)
    code = int(any(finding.severity is Severity.ERROR for finding in seen.findings))
    if form == "json":
        text = as_json.findings(environment, code, seen.findings, seen.without, seen.blocklists)
    elif form == "markdown":
        text = as_markdown.findings(environment, seen.findings, seen.checked)
    else:
        text = as_text.findings(seen.findings, seen.checked)
    common.put_out(text, out)
    return code
