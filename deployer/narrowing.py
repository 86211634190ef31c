"""The part of a plan that is about some rules only: they, what they need, and what stands in that."""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace

from deployer.diff import field_changes
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.plan import Update
from deployer.plan import matches
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.widening import joint


def narrow(plan: Plan, desired: DesiredState, live: LiveState, globs: Sequence[str]) -> Plan:
    """The part of a plan that is about some rules: they, what they need, and what still stands in their lists."""
    keys = concerned(desired, live, globs)
    others = {
        need
        for one in live.resources.values()
        if one.key.kind is Kind.RULE and one.key not in keys and desired.owns(one)
        for need in one.needs
        if need not in desired.resources
    }
    readers = {need for one in plan.changes if one.key not in keys for need in _stands_on(one)}
    chosen = (change for change in plan.changes if change.key in keys and not _still_needed(change, others))
    return replace(
        plan,
        changes=tuple(one for change in chosen for one in _for_readers(change, readers, desired)),
        unchanged=tuple(key for key in plan.unchanged if key in keys),
        not_applicable=tuple(item for item in plan.not_applicable if matches(item.rule, globs)),
        carried=tuple(pair for pair in plan.carried if pair[0] in keys),
        notes=tuple(pair for pair in plan.notes if pair[0] in keys),
        accepted=tuple(one for one in plan.accepted if one.key in keys),
        idle=tuple(pair for pair in plan.idle if pair[0].object in set(map(str, keys))),
        waiting=tuple(pair for pair in plan.waiting if pair[0] in keys),
        remarks=tuple(pair for pair in plan.remarks if pair[0] in keys),
    )


def _still_needed(change: Change, others: set[Key]) -> bool:
    """Whether a delete would take away what another rule of ours stands on: it waits until that rule is looked at.

    That is a list, what stands in it, or a data view. A rule itself goes all the same.
    """
    if not isinstance(change, Delete) or change.key.kind is Kind.RULE:
        return False
    return bool(others.intersection((change.key, *change.live.needs)))


def _stands_on(change: Change) -> tuple[Key, ...]:
    """What a rule that is to be changed reads as it is."""
    return change.live.needs if change.key.kind is Kind.RULE and not isinstance(change, Create) else ()


def _for_readers(change: Change, readers: set[Key], desired: DesiredState) -> Iterator[Change]:
    """The change; nothing is taken out of a watchlist which a rule reads that was not chosen and is to be changed: what
    stands in its query from then on does not yet."""
    if change.key.kind is not Kind.WATCHLIST or change.key not in readers or not isinstance(change, Update):
        yield change
        return
    both = joint(change.live, change.desired) or change.desired
    if both.digest != change.live.digest:
        fields = field_changes(change.live.body, both.body)
        yield replace(change, desired=both, mark=desired.mark(both), fields=fields)


def concerned(desired: DesiredState, live: LiveState, globs: Sequence[str]) -> set[Key]:
    """Every key that the chosen rules are about: themselves, what they need or needed, and what stands in that."""
    owned = [one for one in live.resources.values() if desired.owns(one)]
    rules = [
        one
        for one in (*desired.resources.values(), *owned)
        if one.key.kind is Kind.RULE and matches(one.known_as, globs)
    ]
    keys = {rule.key for rule in rules} | {need for rule in rules for need in rule.needs}
    return keys | {one.key for one in owned if one.key.kind is not Kind.RULE and keys.intersection(one.needs)}
