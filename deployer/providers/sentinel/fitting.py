"""Makes a rule's query fit into what Sentinel takes: the longest allowlists are read from watchlists instead. Pure."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple
from typing import TypeAlias

from deployer import queries
from deployer.findings import Finding
from deployer.model import Assignment
from deployer.model import Rule
from deployer.providers.sentinel import allowlist
from deployer.providers.sentinel import canonical
from deployer.providers.sentinel import watchlist
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource

QUERY_LIMIT = 10_000
"""Characters of a query, the mark line included (scheduled-rules-overview)."""

Rendered: TypeAlias = tuple[list[Finding], str]
"""What stands in a query's way, and the query."""
Render: TypeAlias = Callable[[Collection[str]], Rendered]
"""Renders a rule's query so that it reads these categories from watchlists."""


class Fitted(NamedTuple):
    """A query that fits, or what stands in its way."""

    faults: list[Finding]
    query: str
    spilled: tuple[str, ...] = ()
    """The categories that it reads from watchlists."""


def fit(rule: Rule, written: str, assignment: Assignment, render: Render, overhead: int) -> Fitted:
    """The rule's query; `written` is the one of its file, and `overhead` the length of the mark.

    Only a query that is too long reads a watchlist: written out, a list changes with its rule in one write, and can
    neither be late nor be edited apart from it. The longest goes first, then the next, until the query fits.
    """
    faults, inline = render(())
    room = QUERY_LIMIT - overhead
    if len(inline) <= room:
        return Fitted(faults, inline)
    saved = {name: _saved(name, assignment) for name in rule.allowlists}
    spilled: tuple[str, ...] = ()
    for name in sorted((name for name in saved if saved[name] > 0), key=lambda name: (-saved[name], name)):
        spilled = (*spilled, name)
        found, query = render(spilled)
        if len(query) <= room:
            return Fitted(found, query, spilled)
    return Fitted([*faults, _too_long(rule, written, inline, overhead, assignment, spilled)], inline)


def watchlists(categories: Collection[str], assignment: Assignment) -> tuple[list[Finding], list[Resource]]:
    """The watchlists of these categories, and what stands in their way."""
    found = [_watchlist(name, assignment) for name in sorted(categories)]
    return [fault for faults, _ in found for fault in faults], [resource for _, resource in found]


def notes(spilled: Mapping[str, Sequence[str]], lists: Sequence[Resource]) -> tuple[tuple[Key, str], ...]:
    """What is to be known of each watchlist: why it is there, and which rules read it."""
    found = {one.key.id: one for one in lists}
    return tuple(_note(name, found[watchlist.alias(name)], rules) for name, rules in sorted(spilled.items()))


def _note(name: str, held: Resource, rules: Sequence[str]) -> tuple[Key, str]:
    count = len(held.body["values"])
    who = f"{', '.join(sorted(rules))}, which {'reads' if len(rules) == 1 else 'read'} them from this watchlist"
    return held.key, f"{count:,} ranges of {name} do not fit into the query of {who}"


def _watchlist(name: str, assignment: Assignment) -> tuple[list[Finding], Resource]:
    target = assignment.target
    values = allowlist.spillable(assignment.categories[name], assignment.entries[name])
    body = watchlist.body(name, assignment.categories[name].title, values)
    resource = Resource(Key(Kind.WATCHLIST, body["name"]), body, name=body["name"], source=target.location)
    if (size := watchlist.too_large(values)) is None:
        return [], resource
    message = (
        f"{target.tenant}/{target.name}: the {len(values):,} ranges of {name} are {size:,} bytes, a query reads "
        f"{watchlist.LARGEST:,} of a watchlist and family of address: drop entries that no longer hold"
    )
    return [Finding("list-too-large", message, location=target.location)], resource


def _saved(name: str, assignment: Assignment) -> int:
    """By how many characters a query gets shorter that reads this category from a watchlist."""
    category, entries = assignment.categories[name], assignment.entries.get(name, ())
    if not allowlist.spillable(category, entries):
        return 0
    try:
        inline, read = (allowlist.compile(category, entries, spilled=one) for one in (False, True))
    except allowlist.Inexpressible:
        return 0
    return sum(map(len, inline.values())) - sum(map(len, read.values()))


def _too_long(
    rule: Rule, written: str, query: str, overhead: int, assignment: Assignment, spilled: Sequence[str]
) -> Finding:
    target = assignment.target
    written = canonical.text(written)
    own = len(written)
    message = (
        f"{target.tenant}/{target.name}: {rule.id}: the query would be {len(query) + overhead:,} characters, "
        f"Sentinel takes {QUERY_LIMIT:,}: the query itself {own:,}, "
        f"allowlists and parameters {len(query) - own:,}, the mark {overhead:,}. "
        f"{_sizes(rule, written, query, assignment)}"
    )
    if spilled:
        message += f"With {', '.join(spilled)} in watchlists it is too long all the same. "
    message += "Collapse ranges, drop entries that no longer hold, or split the rule's allowlist"
    if rule.allowlists and not spilled:
        message += "; only entries without scope and expiry, of a category without ports, can go into a watchlist"
    return Finding("query-too-long", message, location=target.location)


def _sizes(rule: Rule, written: str, query: str, assignment: Assignment) -> str:
    """What each allowlist takes: its entries, and the characters of its lets."""
    before = {let.name: len(let.value) for let in queries.lets(written)}
    after = {let.name: len(let.value) for let in queries.lets(query)}
    parts = []
    for name in rule.allowlists:
        lets = [let for let in assignment.categories[name].sentinel.values() if after.get(let, 0) > before.get(let, 0)]
        sizes = ", ".join(f"{let} {after[let]:,}" for let in sorted(lets, key=lambda let: (-after[let], let)))
        if sizes:
            parts.append(f"{name} with {len(assignment.entries.get(name, ())):,} entries: {sizes}")
    return f"Characters by let: {'; '.join(parts)}. " if parts else ""
