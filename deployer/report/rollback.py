"""What a rollback says beyond the report of its targets: of which run, and what is left to do."""

from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from deployer.outcome import Applied
from deployer.outcome import Outcome
from deployer.outcome import Planned
from deployer.report import as_json
from deployer.report import as_text
from deployer.report.wording import count
from deployer.report.wording import plain

ADVICE = "Git still wants what was undone: revert it there, too, or the next apply does it again."


def text(runs: Sequence[str], began: datetime, writes: int, outcomes: Sequence[Outcome], recorded: str | None) -> str:
    """The report for people; `recorded` is the run of the rollback itself, if it wrote anything."""
    which = "which" if len(runs) == 1 else "the first of which"
    when = f"{which} began {began:%Y-%m-%d %H:%M:%S} UTC"
    head = f"Rollback of {plain(', '.join(runs))}, {when}: {count(writes, 'object')} written."
    return "\n".join([head, "", as_text.render(outcomes) + "\n".join([*_advice(outcomes, recorded), ""])])


def json(
    environment: str,
    runs: Sequence[str],
    outcomes: Sequence[Outcome],
    recorded: str | None,
    said: Mapping[str, Any] = {},
) -> str:
    """The document for scripts; `said` is what else it is to say."""
    told: Mapping[str, Any] = {"runs": list(runs), "recorded_as": recorded, "advice": _advice(outcomes, recorded)}
    return as_json.render("rollback", environment, outcomes, {**told, **said})


def _advice(outcomes: Sequence[Outcome], recorded: str | None) -> list[str]:
    changed = any(
        (isinstance(outcome, Applied) and outcome.done) or (isinstance(outcome, Planned) and outcome.plan.changes)
        for outcome in outcomes
    )
    own = [f"This rollback is run {recorded}; it can be undone in the same way."] if recorded else []
    return [*([ADVICE] if changed else []), *own]
