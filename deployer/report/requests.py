"""What `--stats` says: the requests that a run made, and those that its plan will take."""

from collections.abc import Sequence
from typing import Any

from deployer.outcome import Outcome
from deployer.outcome import Planned
from deployer.report.wording import count
from deployer.tally import Ahead
from deployer.tally import Tally


def lines(made: Tally, outcomes: Sequence[Outcome]) -> list[str]:
    """For people: one line, and one more of a plan."""
    told = [
        f"{count(made.reads, 'read')} and {count(made.writes, 'write')}",
        f"over {count(made.connections, 'connection')}",
        f"{count(made.tokens, 'token')} asked for",
        f"{made.refused:,} put off by a server",
    ]
    said = [f"Requests made: {', '.join(told)}."]
    if (ahead := _ahead(outcomes)) is not None:
        least = "at least " if ahead.least else ""
        what = f"{count(ahead.reads + len(ahead.once), 'read')} and {count(ahead.writes, 'write')}"
        said.append(f"Requests of the changes: {least}{what}, after the reads of this plan once more.")
    return said


def document(made: Tally, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """For scripts."""
    told = {name: getattr(made, name) for name in ("reads", "writes", "tokens", "refused", "connections")}
    ahead = _ahead(outcomes)
    if ahead is None:
        return {"made": told}
    return {
        "made": told,
        "changes": {"reads": ahead.reads + len(ahead.once), "writes": ahead.writes, "at_least": ahead.least},
    }


def _ahead(outcomes: Sequence[Outcome]) -> Ahead | None:
    """Of all plans together; None where nothing was planned."""
    plans = [one for one in outcomes if isinstance(one, Planned)]
    if not plans:
        return None
    return sum((one.ahead for one in plans), Ahead())
