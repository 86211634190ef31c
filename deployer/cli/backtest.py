"""`deployer backtest`: what rules would have raised in the past, and what each allowlist entry hid."""

import re
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

from deployer.cli import common
from deployer.cli import running

if TYPE_CHECKING:
    from deployer.fleet import Fleet
    from deployer.outcome import Outcome

_MOST_DAYS = 90
_FIRST_YEAR = 1970
_DAY = re.compile(r"\d{4}-?\d\d-?\d\d|\d{4}-?W\d\d(?:-?\d)?")
"""A day without a time, in the spellings that ISO 8601 has for it."""


@click.command()
@common.targets
@click.option("--days", type=click.IntRange(1, _MOST_DAYS), default=7, help="How far back (default: 7).")
@click.option("--until", metavar="MOMENT", help="The last day, or a moment such as 2026-11-21T18:00Z (default: now).")
@click.option("--entries", type=click.IntRange(0), help="Entries of a rule that are tried alone (default: 25).")
@common.output
@click.pass_obj
def backtest(root: Path, /, days: int, until: str | None, entries: int | None, **options: Any) -> int:
    """Run rules over the past: alerts per day with the tenant's allowlists and without, and what each entry hid.

    The platform itself runs them (Kibana's rule preview; the query in Log Analytics). Nothing is written, no rule
    changes. Rules, overlays and entries are taken from the files as they stand: to try an entry or an overlay, write
    it (`deployer allowlist add`, or by hand), run this, and commit it if you like what you see.

    What was not looked at is named, and the numbers are then "at least".

    \b
    Exit codes: 0 done, 3 parts could not be looked at, 1 nothing could be looked at.

    \b
    Example:
      deployer backtest demo --tenant acme --rule t1584.005-botnet-node --days 3
    """
    end = _moment(until)

    def call(fleet: "Fleet") -> "list[Outcome]":
        from deployer.backtest import ENTRIES
        from deployer.backtest import Wish
        from deployer.backtest import backtest
        from deployer.backtest import most_previews
        from deployer.backtest import span

        wish = Wish(*span(end, days), ENTRIES if entries is None else entries)
        rules, previews = most_previews(fleet, wish)
        said = f"Running {_count(rules, 'rule')} over {_count(days, 'day')}"
        click.echo(f"{said}: at most {_count(previews, 'preview')}.", err=True)
        return backtest(fleet, wish)

    return running.run("backtest", root, options, call)


def _moment(text: str | None) -> datetime:
    """The moment that is meant, UTC: a day is meant to its end. What is still to come is not looked at."""
    now = datetime.now(UTC)
    if text is None:
        return now
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (OverflowError, ValueError):
        raise click.UsageError(f"--until: {text!r} is no day and no moment such as 2026-11-21T18:00Z") from None
    if found > now:
        raise click.UsageError(f"--until: {text} is still to come")
    if found.year < _FIRST_YEAR:
        raise click.UsageError(f"--until: there is nothing to look at before {_FIRST_YEAR}, so not in {text}")
    return min(found + timedelta(days=1), now) if _DAY.fullmatch(text) else found


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
