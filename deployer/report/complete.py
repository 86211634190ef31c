"""Whether a JSON document holds all that it was written with: sums and tenants tell what was cut out of it."""

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from deployer.plan import Cause
from deployer.state import Kind

Document = Mapping[str, Any]

_ACTIONS = ("create", "update", "delete", "claim")
_ALL_NAMED = ("plan", "apply", "verify", "drift", "backtest")
"""Verbs that say something of every tenant that they are about."""
_STRANGERS = ("apply", "drift")
"""Verbs that also speak of tenants that no file names any more: a plan or a journal knows them."""


def lacking(document: Document) -> str:
    """What shows that targets are missing, or were put in; empty for a document that is whole."""
    faults = (*_sums(document), *_tenants(document))
    return f"{faults[0]}: it was damaged" if faults else ""


def is_stopped(target: Document) -> bool:
    """Whether it was stopped before anything was done there."""
    done = target["changes"] or any(name in target for name in ("taken", "adoptions", "could_go"))
    return target["outcome"] == "failed" and not done


def _sums(document: Document) -> Iterator[str]:
    told, targets = document["summary"], document["targets"]
    changes = [one for target in targets for one in target["changes"]]
    counted = [one for one in changes if one.get("done") is not False]
    unchanged = sum(target["unchanged"] for target in targets)
    made = {action: sum(one["action"] == action for one in counted) for action in _ACTIONS}
    made["unchanged"] = unchanged
    made["unmanaged"] = sum(_number(target, "unmanaged") for target in targets if "levels" not in target)
    made["unreadable"] = sum(target["outcome"] == "unreadable" for target in targets)
    made["failed"] = sum(map(_failures, targets))
    if document["verb"] == "drift":
        made |= {str(cause): sum(one["cause"] == cause for one in changes) for cause in Cause}
    for name, number in made.items():
        if told.get(name, 0) != number:
            yield f"its `summary` has {told.get(name, 0)} {name}, and its targets make {number}"
    # How many of the objects that are equal are rules stands in the summary alone.
    rules = sum(one["kind"] == Kind.RULE for one in counted) + sum(map(_rules, targets))
    if not rules <= told.get("rules", rules) <= rules + unchanged:
        yield f"its `summary` has {told['rules']} rules, and its targets make {rules}"


def _failures(target: Document) -> int:
    """As the summary of a run counts them."""
    if "levels" in target:
        return int(target["exit_code"] == 1)
    if "could_go" in target:
        return sum(bool(one["error"]) for one in target["rules"])
    return sum(one.get("done") is False for one in target["changes"]) + is_stopped(target)


def _rules(target: Document) -> int:
    """Those that were verified or run over the past."""
    if "could_go" in target:
        return len(target["rules"])
    return len({one["id"] for one in target.get("levels", ()) if one["kind"] == Kind.RULE})


def _number(target: Document, name: str) -> int:
    return int(target.get(name) or 0)


def _tenants(document: Document) -> Iterator[str]:
    """Of a shard: whether it is about the tenants that it holds."""
    shard = document.get("shard", {})
    there = {target["tenant"] for target in document["targets"]}
    if len(document["targets"]) != shard.get("targets", len(document["targets"])):
        yield f"it was written with {shard['targets']} targets, and has {len(document['targets'])}"
    if "dealt" not in shard:
        return  # the run stopped before it knew them, or is about no part of them
    own = set(shard.get("names", ()))
    if len(own) != shard["tenants"]:
        yield f"its shard holds {shard['tenants']} tenants, and {len(own)} are named"
    if document["verb"] in _ALL_NAMED and (lost := sorted(own - there)):
        yield f"it says nothing of {', '.join(lost[:5])}, which its shard holds"
    if document["verb"] not in _STRANGERS and (strange := sorted(there - own)):
        yield f"it speaks of {', '.join(strange[:5])}, which its shard does not hold"
