"""What the report of one shard says of itself, so that nobody takes a part for the whole."""

from typing import Any

from deployer.report.wording import count
from deployer.shards import Dealt
from deployer.shards import Shard


def line(dealt: Dealt) -> str:
    """For people."""
    own, among = len(dealt.own), count(len(dealt.names), "tenant")
    if dealt.names and not own:
        return f"Shard {dealt.shard} holds no tenant: there are {among} for {dealt.shard.of} shards. That is in order."
    return f"Shard {dealt.shard}: {own} of {among}; nothing is said of the others."


def document(shard: Shard, dealt: Dealt | None = None) -> dict[str, Any]:
    """For scripts, and for `report merge`, which tells from `dealt` whether all shards are of the same tenants.

    Without `dealt` the run stopped before it knew the tenants.
    """
    said = {"index": shard.number, "of": shard.of}
    if dealt is None:
        return said
    return {**said, "tenants": len(dealt.own), "among": len(dealt.names), "dealt": dealt.digest}
