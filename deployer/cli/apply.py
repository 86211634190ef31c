"""`deployer apply`: make live tenants equal to Git."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import TextIO

import click

from deployer.cli import common
from deployer.cli import running

if TYPE_CHECKING:
    from deployer.fleet import Approve
    from deployer.fleet import Fleet
    from deployer.outcome import Outcome
    from deployer.saved import SavedPlan
    from deployer.waves import Went


@click.command()
@common.targets
@common.wave
@common.output
@common.consents
@common.recorded
@common.grouping
@click.option("--yes", is_flag=True, help="Do not ask, on a terminal either.")
@click.option(
    "--plan", "file", type=common.Opened(encoding="utf-8"), help="Apply exactly this plan (`plan --out FILE`)."
)
@click.option("--digest", metavar="DIGEST", help="Apply only if the plan still has the digest that `plan` printed.")
@click.pass_obj
def apply(
    root: Path, /, yes: bool, file: TextIO | None, digest: str | None, folder: Path | None, **options: Any
) -> int:
    """Make the targets equal to Git.

    On a terminal the plan is shown and you are asked first; in a pipeline it goes ahead, within limits. Every write is
    recorded before it is sent and after it: what was there, what came of it. With --plan or --digest exactly what was
    planned is done: a target that has changed since, or whose files have, is stopped, with every object named.

    Where environment.yaml orders the tenants in `waves`, each wave is applied and verified before the next begins; a
    wave that fails stops the run. To go on, mend it and run the same again. --wave is one wave alone.

    \b
    Exit codes: 0 done, 1 failed or refused, 3 partly done.

    \b
    Example:
      deployer apply demo --yes
    """
    saved = _saved(file, options) if file else None
    if file and digest:
        raise click.UsageError("--plan and --digest both say what was approved: give one of them")
    approve = _same(digest) if digest else asking(yes or saved is not None, by=options["by"])
    waves: list[Went] = []
    with common.recording(root, folder, options["environment"]) as journal:

        def call(fleet: "Fleet") -> "list[Outcome]":
            from deployer.rollout import apply as roll_out

            outcomes, went = roll_out(fleet, common.consent(options), approve, journal, saved, common.hands())
            waves.extend(went)
            return outcomes

        return running.run("apply", root, options, call, waves)


def asking(yes: bool, question: str = "Apply this?", by: str | None = "target") -> "Approve | None":
    """Show the plan and ask, on a terminal; None where nobody is to be asked."""

    def ask(outcomes: "Sequence[Outcome]") -> bool:
        from deployer.outcome import Planned

        click.echo(running.text(outcomes, by=by), err=True)
        if not any(isinstance(outcome, Planned) and outcome.plan.changes for outcome in outcomes):
            return True
        return click.confirm(question, err=True)

    return None if yes or not (sys.stdin.isatty() and sys.stderr.isatty()) else ask


def _same(digest: str) -> "Approve":
    """Approval of one plan only, known by its digest."""
    from deployer.errors import StalePlan
    from deployer.saved import digest_of

    def approve(outcomes: "Sequence[Outcome]") -> bool:
        if (now := digest_of(outcomes)) != digest:
            raise StalePlan(
                f"the plan's digest is {now} by now, not {digest}: Git or a target has changed since, a target that "
                "was read then cannot be read, or the plan was made with other options (--tenant, --rule, ...). "
                "Nothing was written; plan again"
            )
        return True

    return approve


def _saved(file: TextIO, options: dict[str, Any]) -> "SavedPlan":
    """The plan in `file`; what it was asked with goes into the options."""
    from deployer.errors import CannotStart
    from deployer.saved import read

    asked_with = {name: options[name] for name in common.ASKED if options[name]}
    if asked_with:
        raise click.UsageError(f"--plan says everything; leave out {', '.join(map(common.flag, asked_with))}")
    try:
        saved = read(json.load(file), options["environment"])
    except (ValueError, RecursionError):
        raise click.UsageError(f"{file.name} is not JSON: write it with `deployer plan ENV --out FILE`") from None
    except CannotStart as error:
        raise click.UsageError(f"{file.name}: {error}") from None
    options |= {name: saved.asked.get(name, options[name]) for name in common.ASKED} | {"plan": file.name}
    return saved
