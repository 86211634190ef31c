"""Drift that is to stay as it is, into `accepted:`."""

from collections.abc import Iterator

from deployer.outcome import Taken
from deployer.plan import Update
from deployer.pull.draft import Draft
from deployer.pull.sights import Acceptance

PLACE = "accepted"


def accept(draft: Draft, target: str, change: Update, until: Acceptance) -> Iterator[Taken]:
    """Write the live value of every field that differs, into the entry for this object if there is one."""
    found = draft.items(PLACE)
    mine = next((one for one in found if (one["object"], one.get("target")) == (str(change.key), target)), None)
    values = {field.path: field.before for field in change.fields}
    if mine is None:
        mine = {"object": str(change.key), "target": target, "fields": {}}
        found.append(mine)
    mine["fields"] = {**mine["fields"], **values}
    mine |= {"until": until.until.isoformat(), "reason": until.reason, "owner": until.owner}
    for field in change.fields:
        yield Taken(target, change.key, field.path, field.after, field.before, (PLACE,))
