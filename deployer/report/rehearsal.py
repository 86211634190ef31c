"""The report of a rehearsal: per tenant and rule, what was detected and what the allowlists kept silent."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from itertools import groupby

from deployer.outcome import Rehearsed
from deployer.report.wording import count
from deployer.report.wording import plain


def render(rehearsed: Sequence[Rehearsed]) -> str:
    """A block a target, then the totals per tenant as a table."""
    lines = ["! an alert    . what the rule would have found without the tenant's allowlists", ""]
    for (tenant, target), rules in groupby(rehearsed, key=lambda one: (one.tenant, one.target)):
        lines += [f"{tenant}/{target}", *(line for rule in rules for line in _rule(rule)), ""]
    return "\n".join([*lines, *_table(rehearsed)]) + "\n"


def _rule(one: Rehearsed) -> Iterator[str]:
    if one.note:
        yield plain(f"  {one.rule}: {one.note}")
        return
    yield f"  {one.rule}: {count(len(one.detected), 'alert')}, {len(one.silenced)} kept silent"
    if one.warning:
        yield plain(f"    warning: {one.warning}")
    for mark, titles in (("!", one.detected), (".", one.silenced)):
        for title, times in Counter(titles).items():
            yield plain(f"    {mark} {title}{f' ({times} times)' if times > 1 else ''}")


def _table(rehearsed: Sequence[Rehearsed]) -> Iterator[str]:
    width = max((len(one.tenant) for one in rehearsed), default=0)
    yield f"{'tenant':<{max(width, 6)}}    alerts  kept silent by allowlists"
    for tenant, rules in groupby(rehearsed, key=lambda one: one.tenant):
        ran = list(rules)
        detected, silenced = (sum(len(titles) for titles in column) for column in _columns(ran))
        yield f"{tenant:<{max(width, 6)}}  {detected:>8}  {silenced:>25}"
    for note, times in Counter(one.note for one in rehearsed if one.note).items():
        yield plain(f"Did not run: {count(times, 'rule')}: {note}")


def _columns(ran: Sequence[Rehearsed]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    return [one.detected for one in ran], [one.silenced for one in ran]
