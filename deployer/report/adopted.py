"""What was taken over into rules/, in words and as JSON."""

from collections.abc import Iterator
from typing import Any

from deployer.outcome import Adopted
from deployer.outcome import Fate
from deployer.report.wording import count
from deployer.report.wording import plain

Document = dict[str, Any]

_MANY = 10
"""Rules that Git has already are counted and not named from this number on."""


def lines(outcome: Adopted) -> Iterator[str]:
    """One section of the text report."""
    new, known, refused = (outcome.those(fate) for fate in Fate)
    verb = "to be taken over" if outcome.dry_run else "taken over"
    parts = [f"{count(len(new), 'rule')} {verb}"] if new or not outcome.adoptions else []
    parts += [f"{len(refused)} refused"] if refused else []
    parts += [f"{count(len(known), 'rule')} in Git already"] if known else []
    yield f"{outcome.place}: {', '.join(parts)}"
    for one in new:
        yield f"  + {one.rule}: {plain(one.live.name)} ({plain(one.live.key.id)})"
        yield from (f"      {path}" for path in one.files)
    for one in refused:
        yield f"  x {one.live.key.kind}/{plain(one.live.key.id)} ({plain(one.live.name)}): {plain(one.reason)}"
    for one in known if len(known) < _MANY else ():
        yield f"  = {one.live.key.kind}/{plain(one.live.key.id)} ({plain(one.live.name)}): {plain(one.reason)}"
    yield from (f"  note: {plain(note)}" for note in outcome.notes)


def document(outcome: Adopted) -> Document:
    """What the JSON report says of the target."""
    adoptions = [
        {
            "kind": one.live.key.kind,
            "id": one.live.key.id,
            "name": one.live.name,
            "outcome": one.fate,
            "rule": one.rule or None,
            "reason": one.reason or None,
            "files": list(one.files),
        }
        for one in outcome.adoptions
    ]
    return {"dry_run": outcome.dry_run, "adoptions": adoptions, "notes": list(outcome.notes)}
