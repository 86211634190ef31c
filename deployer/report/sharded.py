"""What the report of one shard says of itself, so that nobody takes a part for the whole."""

from datetime import datetime
from typing import Any
from typing import NamedTuple

from deployer.report.wording import count
from deployer.shards import Dealt
from deployer.shards import Shard


class Run(NamedTuple):
    """What all shards of one run have in common, and what is left over from an earlier one has not."""

    git: str
    """A digest of what Git says for the environment, of all tenants."""
    ci_run: str | None
    """The CI system's own id of the run; None where it is no CI system that runs it."""
    began: datetime
    """UTC."""


def line(dealt: Dealt) -> str:
    """For people."""
    own, among = len(dealt.own), count(len(dealt.names), "tenant")
    if dealt.names and not own:
        return f"Shard {dealt.shard} holds no tenant: there are {among} for {dealt.shard.of} shards. That is in order."
    return f"Shard {dealt.shard}: {own} of {among}; nothing is said of the others."


def document(shard: Shard, run: Run, dealt: Dealt | None = None, targets: int | None = None) -> dict[str, Any]:
    """For scripts, and for `report merge`, which tells from it whether all shards are of the same run and tenants.

    Without `dealt` the run stopped before it knew the tenants. `targets` is of how many it tells.
    """
    said: dict[str, Any] = {
        "index": shard.number,
        "of": shard.of,
        "git": run.git,
        "ci_run": run.ci_run,
        "began": run.began.isoformat(timespec="seconds"),
    }
    if targets is not None:
        said["targets"] = targets
    if dealt is None:
        return said
    among = {"tenants": len(dealt.own), "among": len(dealt.names), "dealt": dealt.digest}
    return {**said, **among, "names": list(dealt.own)}
