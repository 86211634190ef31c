"""What was taken over into Git, in words and as JSON."""

from collections.abc import Iterator
from typing import Any

from deployer.outcome import Left
from deployer.outcome import Pulled
from deployer.outcome import Taken
from deployer.report.wording import count
from deployer.report.wording import plain
from deployer.report.wording import value
from deployer.state import Key

Document = dict[str, Any]


def lines(outcome: Pulled) -> Iterator[str]:
    """One section of the text report."""
    yield f"{outcome.place}: {sentence(outcome)}{f' to {plain(outcome.file)}' if outcome.taken else ''}"
    for one in outcome.taken:
        yield from _taken(one)
    for key in outcome.effects:
        yield f"  comes out otherwise with it: {plain(key)}"
    for left in outcome.left:
        yield from _left(left)
    if outcome.refused:
        first, *more = outcome.refused.split("\n")
        yield f"  x nothing was written: {plain(first)}"
        yield from (f"    {plain(line)}" for line in more)
        yield "      by hand, as far as it is right:"
    if outcome.diff and not outcome.written:
        yield from (f"      {plain(line)}" for line in outcome.diff.split("\n"))
    if outcome.written:
        yield f"  Look at it before it is committed: git diff {plain(outcome.file)}"


def document(outcome: Pulled) -> Document:
    """What the JSON report says of the tenant."""
    return {
        "file": outcome.file,
        "written": outcome.written,
        "refused": outcome.refused or None,
        "taken": [
            {
                "target": one.target, **_key(one.key), "path": one.path, "git": one.git, "live": one.live,
                "place": ".".join(map(str, one.place)), "note": one.note or None,
            }
            for one in outcome.taken
        ],
        "left": [
            {
                "target": one.target, **_key(one.key), "path": one.path, "reason": one.reason,
                "lines": list(one.lines), "advice": one.advice,
            }
            for one in outcome.left
        ],
        "effects": list(outcome.effects),
        "diff": outcome.diff,
    }  # fmt: skip


def sentence(outcome: Pulled) -> str:
    """What came of it, in words of ours."""
    if not outcome.taken:
        return "nothing was pulled" if outcome.left else "nothing to pull"
    what = count(len(outcome.taken), "difference")
    done = "not written" if outcome.refused else "written" if outcome.written else "would be written"
    return f"{what} {done}"


def _taken(one: Taken) -> Iterator[str]:
    yield f"  ~ {one.target}: {one.key}{f': {plain(one.path)}' if one.path else ''}"
    for sign, side in (("-", one.git), ("+", one.live)):
        if side is not None:
            yield f"        {sign} {value(side)}"
    if one.note:
        yield f"      ({plain(one.note)})"


def _left(one: Left) -> Iterator[str]:
    path = f": {plain(one.path)}" if one.path else ""
    yield f"  {'i' if one.advice else 'x'} {one.target}: {one.key}{path}: not pulled: {plain(one.reason)}"
    if one.lines:
        yield "      by hand it would be"
        yield from (f"        {plain(line)}" for line in one.lines)


def _key(key: Key) -> Document:
    return {"kind": key.kind, "id": key.id}
