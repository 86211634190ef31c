"""What the allowlist commands say of entries and of edits, in words and as JSON."""

from collections.abc import Iterator
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from deployer.allowlist import excepted
from deployer.allowlist import words
from deployer.allowlist.outcomes import Broken
from deployer.allowlist.outcomes import Edited
from deployer.allowlist.outcomes import Honoured
from deployer.allowlist.outcomes import Listed
from deployer.allowlist.outcomes import ListedException
from deployer.allowlist.outcomes import Listing
from deployer.allowlist.outcomes import Refusal
from deployer.allowlist.outcomes import Standing
from deployer.findings import Location
from deployer.findings import Severity
from deployer.model import Allowance
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Exemption
from deployer.model import Platform
from deployer.report import as_json
from deployer.report.wording import count
from deployer.report.wording import plain

Document = dict[str, Any]
_MOST = 20
"""Entries that are named one by one."""


def listing(listings: Sequence[Listing], broken: Sequence[Broken]) -> str:
    """Every entry, by tenant and category, and every exception."""
    lines = [line for one in listings for line in (*_listing(one), "")]
    lines += [line for one in broken for line in (*unreadable(one), "")]
    return "\n".join([*lines, _summary(listings, broken)]) + "\n"


def listing_document(environment: str, code: int, listings: Sequence[Listing], broken: Sequence[Broken]) -> Document:
    """The same for scripts."""
    return {
        **head("list", environment, code),
        "tenants": [
            {
                "tenant": one.tenant,
                "file": one.file,
                "entries": [_listed_document(category, each) for category, found in one.categories for each in found],
                "exceptions": None if one.exceptions is None else list(map(_excepted_document, one.exceptions)),
            }
            for one in listings
        ],
        "unreadable": [unreadable_document(one) for one in broken],
    }


def edited(outcome: Edited) -> str:
    """What an edit did, or why it was not made."""
    return "\n".join(map(plain, _edited(outcome))) + "\n"


def edited_document(environment: str, code: int, outcome: Edited) -> Document:
    """The same for scripts."""
    category = outcome.category
    return {
        **head(outcome.action, environment, code),
        "tenant": outcome.tenant,
        "file": outcome.file or None,
        "category": category.name if category else None,
        "include": outcome.include,
        "written": outcome.written,
        "refusals": refusals_document(outcome.refusals),
        "candidates": [entry_document(one, None) for one in outcome.candidates],
        "entries": [entry_document(one, category) for one in outcome.entries],
        "covers": [entry_document(one, category) for one in outcome.covers],
        "still_allowed_by": [entry_document(one, category) for one in outcome.still],
        "honoured": [
            {
                "target": one.target,
                "platform": one.platform,
                "rules": list(one.rules),
                "disabled": list(one.idle),
                "not_applicable": list(one.not_applicable),
                "deaf": list(one.deaf),
            }
            for one in outcome.honoured
        ],
        "exceptions": list(map(exception_document, outcome.exceptions)),
        "candidate_exceptions": list(map(exception_document, outcome.like)),
        "covers_exceptions": list(map(exception_document, outcome.covers_exceptions)),
        "still_allowed_by_exceptions": list(map(exception_document, outcome.still_exceptions)),
        "findings": [as_json.finding(one) for one in outcome.findings],
        "note": outcome.note or None,
        "diff": outcome.diff,
    }


def head(action: str, environment: str, code: int) -> Document:
    """What every document of these commands begins with."""
    return {
        "schema": as_json.SCHEMA,
        "verb": "allowlist",
        "action": action,
        "environment": environment,
        "exit_code": code,
    }


def entry_document(entry: Entry, category: Category | None) -> Document:
    """An entry, with the ports that it holds on where its category is known."""
    return {
        "category": entry.category,
        "value": entry.value,
        "hosts": list(entry.hosts),
        "processes": list(entry.processes),
        "ports": list(entry.ports or (category.ports if category else ())),
        "expires": entry.expires,
        "reason": entry.reason,
        "owner": entry.owner,
        "ticket": entry.ticket,
        "reviewed": entry.reviewed,
        "shared": entry.shared,
        "written": _place(entry.written) if entry.written else None,
        **_place(entry.location),
    }


def exception_document(one: Exemption) -> Document:
    """A free-form exception."""
    return {
        "rules": list(one.rules),
        "lets_through": excepted.named(one),
        "kibana": [dict(each) for each in one.kibana],
        "sentinel": {"let": one.let, "values": list(one.values)} if one.let else None,
        "expires": one.expires,
        "reason": one.reason,
        "owner": one.owner,
        "ticket": one.ticket,
        "reviewed": one.reviewed,
        **_place(one.location),
    }


def unreadable(one: Broken) -> Iterator[str]:
    """A tenant of which nothing can be told."""
    yield f"{plain(one.tenant)}: its file cannot be used, so what it allows cannot be told"
    yield from (f"  x {plain(str(finding))}" for finding in one.findings if finding.severity is Severity.ERROR)


def unreadable_document(one: Broken) -> Document:
    """The same for scripts."""
    return {"tenant": one.tenant, "findings": [as_json.finding(finding) for finding in one.findings]}


def refusal(one: Refusal) -> Iterator[str]:
    """Why something was refused."""
    place = words.place(one.location) if one.location else ""
    where = f"{place}: " if place and place not in one.message else ""
    yield f"  x {f'{one.option}: ' if one.option else where}{one.message}"


def refusals_document(refusals: Sequence[Refusal]) -> list[Document]:
    """The same for scripts."""
    return [{"message": one.message, "option": one.option, **_place(one.location)} for one in refusals]


def _listing(one: Listing) -> Iterator[str]:
    entries = one.entries
    yield f"{plain(one.tenant)}: {count(len(entries), 'entry', 'entries')}{_tally(entries)}{_apart(one.exceptions)}"
    for category, found in one.categories:
        yield f"  {plain(category.name)}: {plain(category.title)}, {words.on_ports(category.ports)}"
        for included, group in groupby(found, key=lambda each: (each.entry.shared, each.entry.location)):
            if included[0] is None:
                yield from (line for each in group for line in _own(each))
            else:
                yield from _shared(list(group))
    if one.exceptions:
        yield "  exceptions of single rules"
    for each in one.exceptions or ():
        what, place = excepted.named(each.exemption), words.place(each.exemption.location)
        yield f"    {plain(what)}"
        yield f"        {plain(f'in {_rules(each)}')}"
        yield f"        {plain(f'{state(each.exemption, each.standing, each.days)} ({place})')}"
        yield f"        {plain(about(each.exemption))}"


def _rules(one: ListedException) -> str:
    """The rules that it names, and the globs where they stand for others."""
    written, meant = ", ".join(one.exemption.rules), ", ".join(one.rules) or "no rule here"
    return meant if set(one.exemption.rules) == set(one.rules) else f"{meant} ({written})"


def _own(one: Listed) -> Iterator[str]:
    yield f"    {plain(words.named(one.entry))}"
    yield f"        {plain(f'{_state(one)} ({words.place(one.entry.location)}){_covered(one)}')}"
    yield f"        {plain(about(one.entry))}"


def _shared(group: Sequence[Listed]) -> Iterator[str]:
    """The values of one include: what they have in common is said once."""
    first = group[0].entry
    yield f"    {plain(f'shared list {first.shared}, included at {words.place(first.location)}')}"
    yield f"        {plain(about(first))}"
    for one in group:
        where = f" ({words.place(one.entry.written)})" if one.entry.written else ""
        yield f"        {plain(f'{words.named(one.entry)}: {_state(one)}{where}{_covered(one)}')}"


def _state(one: Listed) -> str:
    return state(one.entry, one.standing, one.days)


def state(one: Allowance, standing: Standing, days: int | None) -> str:
    """What an entry or an exception does today."""
    match standing:
        case Standing.EXPIRED:
            return f"expired on {one.expires}, allows nothing"
        case Standing.EXPIRES:
            left = f"in {count(days or 0, 'day')}" if days else "within a day"
            return f"expires {left}, {words.until(one)}"
        case Standing.HOLDS | Standing.COVERED:
            return f"holds {words.until(one)}"


def _covered(one: Listed) -> str:
    by = ", ".join(f"{words.named(each)} ({words.places(each)})" for each in one.covered_by)
    return f", covered by {by}" if by else ""


def about(one: Allowance) -> str:
    """Why, and by whose word."""
    ticket = f", {one.ticket}" if one.ticket else ""
    reviewed = f", reviewed {one.reviewed}" if one.reviewed else ", never reviewed"
    return f"{one.owner}: {one.reason}{ticket}{reviewed}"


def _apart(exceptions: Sequence[ListedException] | None) -> str:
    """Exceptions are counted beside the entries, where there are any."""
    return f", {count(len(exceptions), 'exception')}{_tally(exceptions)}" if exceptions else ""


def _tally(entries: Sequence[Listed | ListedException]) -> str:
    told = [
        f"{number} {word}"
        for standing, word in (
            (Standing.EXPIRES, "expiring soon"),
            (Standing.EXPIRED, "expired"),
            (Standing.COVERED, "covered by others"),
        )
        if (number := sum(one.standing is standing for one in entries))
    ]
    return f" ({', '.join(told)})" if told else ""


def _summary(listings: Sequence[Listing], broken: Sequence[Broken]) -> str:
    entries = [entry for one in listings for entry in one.entries]
    lost = f", {len(broken)} not looked at" if broken else ""
    total = f"{count(len(entries), 'entry', 'entries')}{_tally(entries)}"
    exceptions = [one for each in listings for one in each.exceptions or ()]
    return f"{count(len(listings), 'tenant')}{lost}: {total}{_apart(exceptions)}."


def _listed_document(category: Category, one: Listed) -> Document:
    return {
        **entry_document(one.entry, category),
        "state": one.standing,
        "days_left": one.days,
        "covered_by": [{"value": each.value, **_place(each.location)} for each in one.covered_by],
    }


def _excepted_document(one: ListedException) -> Document:
    return {
        **exception_document(one.exemption),
        "named_rules": list(one.rules),
        "state": one.standing,
        "days_left": one.days,
    }


def _place(location: Location | None) -> Document:
    return {"path": location.path if location else None, "line": location.line if location else None}


def _edited(outcome: Edited) -> Iterator[str]:
    what = f"the shared list {outcome.include}" if outcome.include else _named(outcome)
    where = f" {'to' if outcome.action == 'add' else 'from'} {outcome.category.name}" if outcome.category else ""
    if outcome.refused:
        yield f"{outcome.tenant}: nothing was written"
        yield from (line for one in outcome.refusals for line in refusal(one))
        yield from (f"      {line}" for line in _some(outcome.candidates))
        yield from (f"      {one}" for one in _exceptions(outcome.like))
    else:
        done = {"add": "added", "remove": "removed"}[outcome.action]
        will = done if outcome.written else f"would be {done}"
        yield f"{outcome.tenant}: {what} {will}{where}"
    if outcome.diff:
        yield from ["  it was to be:"] if outcome.refused else []
        yield from (f"      {line}" for line in outcome.diff.split("\n"))
    if outcome.refused:
        return
    yield from (f"  {one}" for one in outcome.findings)
    if outcome.note:
        yield f"  {outcome.note}"
    if any(one.severity is Severity.ERROR for one in outcome.findings):
        yield "  With these errors nothing is applied for this tenant."
    else:
        yield from _meaning(outcome)
    if outcome.written:
        yield f"  Look at it before it is committed: git diff {outcome.file}"


def _exceptions(found: Sequence[Exemption]) -> Iterator[str]:
    """Exceptions with their places, a line each, and how many there are beyond those that somebody would read."""
    for one in found[:_MOST]:
        yield f"{excepted.named(one)}, in {', '.join(one.rules)} ({words.place(one.location)})"
    if len(found) > _MOST:
        yield f"and {len(found) - _MOST} more"


def _named(outcome: Edited) -> str:
    if outcome.excepts:
        return f"the exception {excepted.named(outcome.exceptions[0])}" if outcome.exceptions else "the exception"
    return words.named(outcome.entries[0]) if outcome.entries else "the entry"


def _meaning(outcome: Edited) -> Iterator[str]:
    """What the edit brings at the tenant's targets."""
    if outcome.exceptions:
        yield from _meaning_of_exception(outcome, outcome.exceptions[0])
    if outcome.category is None or not outcome.entries:
        return
    ports, first = words.ports(outcome.entries[0], outcome.category), outcome.entries[0]
    if outcome.action == "add":
        yield f"  It is allowed {ports}, {words.until(first)}:"
    elif outcome.still:
        yield "  Nothing comes out otherwise: it is allowed all the same"
        yield from (f"    by {words.named(one)}, {words.until(one)} ({words.places(one)})" for one in outcome.still)
        return
    else:
        yield f"  From the next apply on it allows nothing any more {ports}:"
    for one in outcome.honoured:
        yield f"    {outcome.tenant}/{one.target}: {_honouring(one)}"
    if outcome.covers:
        yield "  It covers these, which could go:"
        yield from (f"    {line}" for line in _some(outcome.covers))


def _meaning_of_exception(outcome: Edited, one: Exemption) -> Iterator[str]:
    if outcome.action == "add":
        yield f"  It lets through, {words.until(one)}:"
    elif outcome.still_exceptions:
        yield "  Nothing comes out otherwise: it is let through all the same by"
        yield from (f"    {line}" for line in _exceptions(outcome.still_exceptions))
        return
    else:
        yield "  From the next apply on it lets nothing through any more:"
    for at in outcome.honoured:
        kibana = at.platform is Platform.KIBANA
        what = f"where {' and '.join(excepted.conditions(one.kibana))}," if kibana else f"{excepted.added(one)},"
        deaf = f"; without this let: {', '.join(at.deaf)}" if at.deaf else ""
        yield f"    {outcome.tenant}/{at.target}: {what} {_honouring(at)}{deaf}"
    if outcome.covers_exceptions:
        yield "  It covers these, which could go:"
        yield from (f"    {line}" for line in _exceptions(outcome.covers_exceptions))


def _some(entries: Sequence[Entry]) -> Iterator[str]:
    """Entries a line each, and how many there are beyond those that somebody would read."""
    lines = list(words.gathered(entries))
    yield from lines[:_MOST]
    if len(lines) > _MOST:
        yield f"and {len(lines) - _MOST} more"


def _honouring(one: Honoured) -> str:
    rules = [f"{rule} (disabled)" if rule in one.idle else rule for rule in one.rules]
    told = f"in {', '.join(rules)}" if rules else "in no rule"
    return f"{told}; not applicable here: {', '.join(one.not_applicable)}" if one.not_applicable else told
