"""Pieces of text that several reports for people have in common."""

import difflib
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

from deployer.accepted import Accepted
from deployer.model import NotApplicable
from deployer.plan import Change
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.report.wording import count
from deployer.report.wording import plain
from deployer.report.wording import value
from deployer.state import Kind
from deployer.state import Resource
from deployer.state import Unmanaged


def title(change: Change) -> str:
    """The key; an item is better known by its name than by its id, a rule with an id of before by that in Git."""
    resource = change.live if isinstance(change, Delete) else change.desired
    if change.key.kind is Kind.RULE:
        known = resource.known_as
        return f"{change.key} ({plain(known)})" if known != change.key.id else str(change.key)
    return f"{change.key} ({plain(resource.name)})" if change.key.kind is Kind.ITEM else str(change.key)


def origin(resource: Resource) -> str:
    """Where a desired object was written, and where a tenant includes it if that is another place."""
    places = [f"{place.path}:{place.line}" for place in (resource.written, resource.source) if place]
    return ", included in ".join(places)


def asides(plan: Plan) -> Iterator[str]:
    """What a plan leaves alone, and why."""
    for key, remark in plan.remarks:
        yield f"  note on {key}: {plain(remark)}"
    yield from idle(plan.not_applicable)
    for key, note in plan.notes:
        yield f"  equal to Git, but not ours: {key}: {plain(note)}"
    for key, note in plan.waiting:
        yield f"  no longer in Git: {key}: {plain(note)}"
    for one in plan.accepted:
        yield f"  accepted: {accepted(one)}"
    for acceptance, path in plan.idle:
        said = f"{acceptance.object} {path} is not live as {acceptance.location} accepts it"
        yield f"  accepted in vain: {plain(said)}"
    for key, names in plan.carried:
        yield f"  left as it is in {key}: {', '.join(map(plain, names))}"
    if plan.unmanaged:
        kinds = {kind: sum(one.kind is kind for one in plan.unmanaged) for kind in Kind}
        words = ", ".join(count(number, kind.value.replace("_", " ")) for kind, number in kinds.items() if number)
        yield f"  left alone, not ours: {words}"
        yield from noted(plan.unmanaged)


def accepted(one: Accepted) -> str:
    """An accepted field, by whose word and how long."""
    said = f"until {one.acceptance.until} by {one.acceptance.owner}: {one.acceptance.reason}"
    return f"{one.key} {plain(one.field.path)} is {value(one.field.before)}, {plain(said)}"


def noted(unmanaged: Sequence[Unmanaged]) -> Iterator[str]:
    """The objects that are not ours and worth a line."""
    for one in unmanaged:
        if one.note:
            yield f"      {one.kind}/{plain(one.id)} ({plain(one.name)}): {plain(one.note)}"


def idle(items: Sequence[NotApplicable]) -> Iterator[str]:
    """The rules that have nothing to run on here."""
    yield from (f"  not applicable: {item.rule}: {plain(item.reason)}" for item in items)


def text_change(before: str, after: str) -> Iterator[str]:
    """The lines of a text that differ, with a line around them."""
    lines: Iterable[str] = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    for line in list(lines)[2:]:
        yield f"        |{plain(line)}"
