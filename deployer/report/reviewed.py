"""What is due for review, in words and as JSON."""

from collections.abc import Iterator
from typing import Any

from deployer.allowlist.outcomes import Due
from deployer.allowlist.outcomes import Reminder
from deployer.allowlist.outcomes import Review
from deployer.allowlist.words import place
from deployer.report import allowlists
from deployer.report.wording import count
from deployer.report.wording import plain

_HEADS = {
    Due.EXPIRED: "Expired: allows nothing any more; take it out or renew it",
    Due.EXPIRES: "Expires within {within}",
    Due.OVERDUE: "Not reviewed for longer than the policy allows",
    Due.UNREVIEWED: "Never reviewed: look at it, and write the day into `reviewed`",
}


def text(found: Review) -> str:
    """The report for people, what presses most first."""
    lines: list[str] = []
    for due, head in _HEADS.items():
        mine = [one for one in found.reminders if one.dues[0] is due]
        if mine:
            lines += [f"{head.format(within=count(found.within, 'day'))}:"]
            lines += [line for one in mine for line in _reminder(one)]
            lines += [""]
    lines += [line for one in found.broken for line in (*allowlists.unreadable(one), "")]
    return "\n".join([*lines, _summary(found)]) + "\n"


def document(environment: str, code: int, found: Review) -> dict[str, Any]:
    """The same for scripts."""
    return {
        **allowlists.head("review", environment, code),
        "within_days": found.within,
        "looked_at": found.looked_at,
        "due": [
            {
                "kind": one.kind,
                "what": one.what,
                "category": one.category,
                "why": list(one.dues),
                "expires": one.expires,
                "days_left": one.days,
                "reviewed": one.reviewed,
                "owner": one.owner,
                "reason": one.reason,
                "ticket": one.ticket,
                "path": one.location.path,
                "line": one.location.line,
                "tenants": [{"tenant": tenant, "path": where.path, "line": where.line} for tenant, where in one.held],
            }
            for one in found.reminders
        ],
        "unreadable": [allowlists.unreadable_document(one) for one in found.broken],
    }


def _reminder(one: Reminder) -> Iterator[str]:
    where = place(one.location) if one.kind != "list" else one.location.path
    whose = ", ".join(tenant for tenant, _ in one.held)
    category = f" in {one.category}" if one.category else ""
    yield f"  {plain(f'{whose}: {one.what}{category} ({where})')}"
    ticket = f", {one.ticket}" if one.ticket else ""
    yield f"      {plain(f'{one.owner}: {one.reason}{ticket}')}"
    if one.reviewed or one.dues != (Due.UNREVIEWED,):  # which the heading says
        yield f"      {plain('; '.join(_why(one)))}"
    if one.kind == "list":
        yield f"      included at {plain(', '.join(place(at) for _, at in one.held))}"


def _why(one: Reminder) -> Iterator[str]:
    for due in one.dues:
        match due:
            case Due.EXPIRED:
                yield f"expired on {one.expires}"
            case Due.EXPIRES:
                left = f"in {count(one.days, 'day')}" if one.days else "within a day"
                yield f"expires on {one.expires}, {left}"
            case Due.OVERDUE:
                yield f"last reviewed on {one.reviewed}"
            case Due.UNREVIEWED:
                yield f"`reviewed` says {one.reviewed}, which is still to come" if one.reviewed else "never reviewed"


def _summary(found: Review) -> str:
    lost = f", {count(len(found.broken), 'tenant')} not looked at" if found.broken else ""
    if not found.reminders:
        what = f"of {count(found.looked_at, 'allowance')}{lost}."
        return f"Nothing is known to be due {what}" if lost else f"Nothing is due {what}"
    told = [
        f"{number} {word}"
        for due, word in (
            (Due.EXPIRED, "expired"),
            (Due.EXPIRES, "about to"),
            (Due.OVERDUE, "overdue"),
            (Due.UNREVIEWED, "never reviewed"),
        )
        if (number := sum(due in one.dues for one in found.reminders))
    ]
    return f"{len(found.reminders)} of {count(found.looked_at, 'allowance')} due: {', '.join(told)}{lost}."
