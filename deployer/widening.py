"""How two states of one allowlist object differ in what they let through, and what both of them do together. Pure."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from typing import Any
from typing import NamedTuple

from deployer.state import Kind
from deployer.state import Resource
from deployer.state import as_json

_LISTS = frozenset({Kind.VALUE_LIST, Kind.WATCHLIST})
_MATCHES = frozenset({"match", "match_any"})


class Move(NamedTuple):
    """What a write changes in what an object lets through."""

    gains: bool
    loses: bool


def move(live: Resource, wanted: Resource) -> Move:
    """Whether `wanted` lets something through that `live` does not, and the other way round.

    Where that cannot be told, it is taken to gain: such a write is not put off.
    """
    if wanted.key.kind in _LISTS:
        before, after = set(live.body["values"]), set(wanted.body["values"])
        return Move(bool(after - before), bool(before - after))
    found = _values(live, wanted) if wanted.key.kind is Kind.ITEM else None
    if found is None:
        return Move(gains=True, loses=False)
    before, after = set(found[0]), set(found[1])
    ends, end = _end(live), _end(wanted)
    return Move(bool(after - before) or end > ends, bool(before - after) or end < ends)


def joint(live: Resource, wanted: Resource) -> Resource | None:
    """`wanted`, with the values of `live` besides; None where that would let through what neither of them does."""
    if wanted.key.kind in _LISTS:
        # Those that stand there twice, too: the write that takes values out sees to them.
        held = list(live.body["values"])
        more = set(wanted.body["values"]).difference(held)
        return replace(wanted, body={**wanted.body, "values": sorted([*held, *more])})
    found = _values(live, wanted)
    if found is None or _end(live) != _end(wanted):
        return None
    own = _conditions(wanted)
    kept = [one for text, one in own.items() if text in _conditions(live)]
    changed = [one for text, one in own.items() if text not in _conditions(live)]
    whole = [{**one, "type": "match_any", "value": sorted({*found[0], *found[1]})} for one in changed]
    return replace(wanted, body={**wanted.body, "entries": sorted([*kept, *whole], key=as_json)})


def _values(live: Resource, wanted: Resource) -> tuple[Sequence[str], Sequence[str]] | None:
    """The values of the one condition in which two items differ; nothing where they differ in none, None in more."""
    if any(live.body.get(name) != wanted.body.get(name) for name in ("type", "list_id", "os_types")):
        return None
    before, after = _conditions(live), _conditions(wanted)
    gone = [one for text, one in before.items() if text not in after]
    come = [one for text, one in after.items() if text not in before]
    if not gone and not come:
        return (), ()
    if len(gone) != 1 or len(come) != 1 or len(before) != len(after):
        return None
    [one], [other] = gone, come
    same = all(one.get(name) == other.get(name) for name in ("field", "operator"))
    if not same or one.get("operator") != "included" or not {one.get("type"), other.get("type")} <= _MATCHES:
        return None
    return _texts(one["value"]), _texts(other["value"])


def _conditions(item: Resource) -> dict[str, Mapping[str, Any]]:
    return {as_json(one): one for one in item.body.get("entries", ())}


def _texts(value: Any) -> Sequence[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _end(item: Resource) -> datetime:
    text = item.body.get("expire_time")
    return datetime.fromisoformat(text) if text else datetime.max.replace(tzinfo=UTC)
