"""What a live rule or data view says, as an overlay's `kibana:` block. Pure."""

from collections.abc import Iterator
from collections.abc import Mapping

from deployer.model import Json
from deployer.model import Rule
from deployer.plan import Update
from deployer.providers.deltas import delta
from deployer.state import Key
from deployer.state import Kind


def fixed(rule: Rule, key: Key, name: str) -> str | None:
    """Why a field is none that a tenant's overlay can say."""
    if key.kind is not Kind.RULE or rule.kibana is None:
        return None
    if name == "exceptions_list":
        return "which lists a rule honours is said by `allowlists` in its rule.yaml; the next apply puts it back"
    if name == "type":
        return "a rule of another type is another rule: give it a new id in rules/"
    if name in ("data_view_id", "index") and "data_view" in rule.kibana.fields:
        return "the rule has a data view of its own, by `data_view` in its rule.yaml; the next apply puts it back"
    return None


def blocks(change: Update, name: str) -> Iterator[Mapping[str, Json]]:
    """The ways to write one field of a live object, the best first."""
    value = delta(change.desired.body.get(name), change.live.body.get(name))
    if change.key.kind is Kind.DATA_VIEW:
        title = str(change.live.body.get("title"))
        yield {"index": title.split(",")} if name == "title" else {"data_view": {name: value}}
    else:
        yield {name: value}
