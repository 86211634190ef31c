"""What a user asks to be allowed, as it was typed, and as the entry or the include that says it."""

import re
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from datetime import date
from datetime import datetime
from datetime import timedelta
from typing import Any

from deployer.allowlist.outcomes import Refusal
from deployer.findings import Location
from deployer.hosts import Unfit
from deployer.manifest import values
from deployer.manifest.wording import shown
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Json
from deployer.model import ValueKind

NOWHERE = Location("", 0, 0)
OPTIONS = {
    "value": "VALUE",
    "list": "--list",
    "hosts": "--host",
    "processes": "--process",
    "ports": "--port",
    "reason": "--reason",
    "owner": "--owner",
    "ticket": "--ticket",
    "expires": "--expires",
    "reviewed": "--reviewed",
}
"""By the keys of an entry, in the order that it is written in."""
_DAYS = re.compile(r"([1-9][0-9]{0,3})d", re.ASCII)


@dataclass(frozen=True, slots=True)
class WantedEntry:
    """What `add` was asked for. Exactly one of `value` and `list` is there."""

    value: str | None = None
    list: str | None = None
    """Name of a shared list."""
    hosts: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    reason: str | None = None
    owner: str | None = None
    ticket: str | None = None
    expires: str | None = None
    """A date, an instant with an offset, or a number of days from today: 90d."""
    reviewed: str | None = None

    def document(self) -> dict[str, Json]:
        """The item that says it in a tenant's file, in the order of `OPTIONS`."""
        said: dict[str, Json] = {}
        for key in OPTIONS:
            value = getattr(self, key)
            if value not in (None, ()):
                said[key] = list(value) if isinstance(value, tuple) else value
        return said


def days(text: str) -> int | None:
    """The number of days that `14d` says; None for what says none."""
    match = _DAYS.fullmatch(text)
    return int(match[1]) if match else None


def canonical(wanted: WantedEntry, category: Category, now: datetime) -> tuple[WantedEntry, list[Refusal]]:
    """The same in the spelling of the files, and all that is wrong with what was typed."""
    faults: list[Refusal] = []

    def names(option: str, texts: Sequence[str]) -> tuple[str, ...]:
        found = [_read(option, text, values.name, faults) for text in texts]
        return tuple(sorted({name for name in found if name}))

    expires, reviewed, late = dated(wanted.expires, wanted.reviewed, now)
    found = replace(
        wanted,
        value=_read("VALUE", wanted.value, lambda text: values.canonical(text, category.kinds)[1], faults),
        hosts=names("--host", wanted.hosts),
        processes=names("--process", wanted.processes),
        ports=tuple(sorted(set(wanted.ports))),
        expires=expires,
        reviewed=reviewed,
    )
    return found, [*faults, *unsayable(wanted), *late]


def unsayable(wanted: Any) -> list[Refusal]:
    """What of the words is no text that a file could hold."""
    texts = {OPTIONS[name]: getattr(wanted, name) for name in ("reason", "owner", "ticket")}
    return [
        Refusal(f"{shown(text)} is no text in UTF-8", option)
        for option, text in texts.items()
        if text and not is_text(text)
    ]


def is_text(text: str) -> bool:
    """Whether it is text in UTF-8."""
    return text == text.encode("utf-8", "replace").decode()


def dated(expires: str | None, reviewed: str | None, now: datetime) -> tuple[str | None, str | None, list[Refusal]]:
    """The last day and that of the review in the spelling of the files, and all that is wrong with them."""
    faults: list[Refusal] = []
    end = _read("--expires", _day(expires, now.date()), values.moment, faults, "; or days from now, such as 90d")
    today = now.date().isoformat()
    day = _read("--reviewed", today if reviewed == "today" else reviewed, values.day, faults, "; or today")
    if end and (instant := _until(end)) and instant <= now:
        faults.append(Refusal(f"{end} is over: it would allow nothing", "--expires"))
    if day and day > today:
        faults.append(Refusal(f"{day} is still to come", "--reviewed"))
    return end, day, faults


def _read(
    option: str, text: str | None, as_read: Callable[[str], str], faults: list[Refusal], way_out: str = ""
) -> str | None:
    if text is None:
        return None
    try:
        return as_read(text)
    except Unfit as unfit:
        faults.append(Refusal(f"{shown(text)} {unfit}{way_out}", option))
        return None


def entry(wanted: WantedEntry, category: Category) -> Entry:
    """The entry that canonical words for a value make, placed nowhere."""
    kind, value = values.canonical(wanted.value or "", category.kinds)
    return Entry(
        category=category.name,
        value=value,
        kind=kind,
        reason=(wanted.reason or "").strip(),
        owner=(wanted.owner or "").strip(),
        location=NOWHERE,
        hosts=wanted.hosts,
        processes=wanted.processes,
        ports=wanted.ports,
        expires=wanted.expires,
        ticket=wanted.ticket,
        reviewed=wanted.reviewed,
    )


def _day(text: str | None, today: date) -> str | None:
    number = days(text) if text else None
    return (today + timedelta(days=number)).isoformat() if number else text


def _until(expires: str) -> datetime | None:
    return Entry("", "", ValueKind.IP, "", "", NOWHERE, expires=expires).until
