"""Drift that is to stay as it is, into `accepted:`."""

from collections.abc import Collection
from collections.abc import Iterator
from datetime import date
from typing import Any

from deployer.outcome import Taken
from deployer.plan import Update
from deployer.pull.draft import Draft
from deployer.pull.sights import Acceptance
from deployer.state import Key
from deployer.state import as_json

PLACE = "accepted"


def accept(draft: Draft, target: str, change: Update, until: Acceptance) -> Iterator[Taken]:
    """Write the live value of every field that differs.

    Into the entry for this object that says the same of it, or speaks of nothing else. What other entries accept for
    other reasons, or until another day, stays as it is.
    """
    found = draft.items(PLACE)
    values = {field.path: field.before for field in change.fields}
    said = {"until": until.until.isoformat(), "reason": until.reason, "owner": until.owner}
    own = [one for one in found if _is_of(one, target, change.key)]
    mine = next((one for one in own if said.items() <= one.items()), None)
    mine = mine or next((one for one in own if one["fields"].keys() <= values.keys()), None)
    _take_out(found, [one for one in own if one is not mine], values)
    if mine is None:
        mine = {"object": str(change.key), "target": target, "fields": {}}
        found.append(mine)
    mine["fields"] = {**mine["fields"], **values}
    mine |= said
    for field in change.fields:
        yield Taken(target, change.key, field.path, field.after, field.before, (PLACE,))


def release(draft: Draft, target: str, key: Key, paths: Collection[str], today: date) -> None:
    """Take fields that are Git's now out of acceptances whose time is over."""
    found = draft.items(PLACE)
    _take_out(found, [one for one in found if _is_of(one, target, key) and one["until"] < today.isoformat()], paths)


def lapsed_for_all(draft: Draft, target: str, change: Update, today: date) -> str | None:
    """Why a change is left: an acceptance that has run out speaks of other targets, too."""
    if all(one.name == target for one in draft.tenant.targets):
        return None
    live = {(field.path, as_json(field.before)) for field in change.fields}
    for one in draft.items(PLACE):
        if one is None or (one["object"], one.get("target")) != (str(change.key), None):
            continue
        said = {(path, as_json(value)) for path, value in one["fields"].items()}
        if one["until"] < today.isoformat() and said & live:
            return (
                f"it was accepted at every target until {one['until']}: give that entry of `{PLACE}` a `target`, a new "
                "day, or take it out"
            )
    return None


def _is_of(entry: dict[str, Any] | None, target: str, key: Key) -> bool:
    return entry is not None and (entry["object"], entry.get("target")) == (str(key), target)


def _take_out(found: list[Any], entries: Collection[dict[str, Any]], paths: Collection[str]) -> None:
    for index, one in enumerate(found):
        if any(one is each for each in entries) and not one["fields"].keys().isdisjoint(paths):
            one["fields"] = {path: value for path, value in one["fields"].items() if path not in paths}
            found[index] = one if one["fields"] else None
