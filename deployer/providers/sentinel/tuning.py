"""What a live analytics rule says, as an overlay's `sentinel:` block. Pure."""

from collections.abc import Iterator
from collections.abc import Mapping

from deployer import queries
from deployer.model import Category
from deployer.model import Json
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.plan import Update
from deployer.providers.deltas import delta


def fixed(name: str) -> str | None:
    """Why a property is none that a tenant's overlay can say."""
    return "a rule of another kind is another rule: give it a new id in rules/" if name == "kind" else None


def blocks(rule: Rule, change: Update, name: str, categories: Mapping[str, Category]) -> Iterator[Mapping[str, Json]]:
    """The ways to write one property of a live rule, the best first. Raises `ValueError` where none is right."""
    git, live = change.desired.body.get(name), change.live.body.get(name)
    if name == "query" and rule.sentinel:
        filled = {let for each in rule.allowlists for key, let in categories[each].sentinel.items()}
        yield from _query(rule.sentinel, filled, str(git), str(live))
    else:
        yield {name: delta(git, live)}


def _query(half: PlatformRule, filled: set[str], git: str, live: str) -> Iterator[Mapping[str, Json]]:
    """Other values for the query's own parameters, if that is all; else the query itself."""
    before = {let.name: let for let in queries.lets(git)}
    after = {let.name: let for let in queries.lets(live)}
    changed = {name for name in before if name in after and before[name].value != after[name].value}
    if filled & changed:
        names = ", ".join(f"`let {name}`" for name in sorted(filled & changed))
        raise ValueError(f"{names} is filled from an allowlist: what is allowed belongs into `allowlists:`")
    if queries.replace_lets(live, {name: before[name].value for name in changed}) == git:
        values = {name: queries.value(after[name]) for name in sorted(changed)}
        if all(value is not None for value in values.values()):
            yield {"parameters": values}
    own = {let.name: let.value for let in queries.lets(half.query)}
    text = queries.replace_lets(live, {name: own[name] for name in filled & own.keys() & after.keys()})
    # A parameter would be filled into the new query, too: it has to say what that says.
    kept = {name: queries.value(after[name]) for name in half.parameters if name in after}
    known = {name: value for name, value in kept.items() if value is not None}
    whole = text + "\n" if "\n" in text else text
    yield {"query": whole, **({"parameters": known} if known else {})}
    yield {"query": whole, "parameters": None}  # where the overlay names one that the new query has not
