"""A tenant's free-form exceptions as values of the query's own `let` statements. Pure.

A value that expires is compared with `now()` at every run of the rule, so that it stops to count by itself.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime

from deployer import queries
from deployer.findings import Finding
from deployer.model import Exemption
from deployer.model import PlatformRule
from deployer.model import Rule
from deployer.providers.sentinel.allowlist import FOREVER
from deployer.providers.sentinel.allowlist import moment


def declared(rule: Rule, half: PlatformRule, lets: Mapping[str, queries.Let]) -> Iterator[Finding]:
    """Errors for what the rule names for exceptions and its query could not take."""
    for name in half.exceptions:
        if name not in lets:
            message = f"{rule.id} names {name} in `sentinel.exceptions`, and its query has no `let {name}`"
            yield Finding("let-missing", message, location=half.query_location)
        elif lets[name].type != "dynamic":
            message = f"{rule.id}: `let {name}` is named in `sentinel.exceptions`, so it must be `dynamic([...])`"
            yield Finding("let-shape", message, location=half.query_location)
        elif not queries.uses(half.query, name):
            message = f"{rule.id} names {name} in `sentinel.exceptions`, and its query never uses it"
            yield Finding("let-unused", message, location=half.query_location)


def fill(
    rule: Rule,
    half: PlatformRule,
    exemptions: Sequence[Exemption],
    lets: Mapping[str, queries.Let],
    values: dict[str, str],
) -> list[Finding]:
    """Add the values of the rule's exceptions to what its lets hold already; `values` holds the texts that change."""
    faults: list[Finding] = []
    for name in half.exceptions:
        own = [one for one in exemptions if one.let == name and one.is_for(rule.id)]
        if not own or name not in lets or lets[name].type != "dynamic":
            continue
        held = queries.elements(values.get(name, lets[name].value))
        if held is None:
            message = f"{rule.id}: `let {name}` holds more than texts and whole numbers: no exception can be added"
            faults.append(Finding("let-shape", message, location=half.query_location))
            continue
        try:
            values[name] = _text(held, own, lets[name])
        except ValueError as error:
            faults.append(Finding("exception-type", f"{rule.id}: `let {name}`: {error}", location=own[0].location))
    return faults


def _text(held: Sequence[int | str], own: Sequence[Exemption], let: queries.Let) -> str:
    """The array of everything, or an expression that leaves out what has expired."""
    until: dict[int | str, datetime | None] = dict.fromkeys(held)
    for one in own:
        for value in one.values:
            end = one.until
            if value in until:
                before = until[value]
                end = None if before is None or end is None else max(before, end)
            until[value] = end
    added = sorted((value for value in until if value not in held), key=lambda value: (isinstance(value, str), value))
    everything = [*held, *added]
    if len({isinstance(value, str) for value in everything}) > 1:
        raise ValueError("it would hold texts and numbers, and compare only one of them")
    plain = queries.literal(everything, let)
    if not any(until.values()):
        return plain
    kind = "string" if isinstance(everything[0], str) else "long"
    rows = ", ".join(f"{_element(value)}, {moment(end) if (end := until[value]) else FOREVER}" for value in everything)
    return (
        f"toscalar(datatable(value: {kind}, until: datetime)[{rows}] "
        "| where until > now() | summarize make_list(value))"
    )


def _element(value: int | str) -> str:
    return queries.string(value) if isinstance(value, str) else str(value)
