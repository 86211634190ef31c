"""The exception that a user asks for, as it was typed, and as the item of a tenant's file that says it."""

import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime

from deployer.allowlist.outcomes import Refusal
from deployer.allowlist.wanted_entries import NOWHERE
from deployer.allowlist.wanted_entries import dated
from deployer.allowlist.wanted_entries import is_text
from deployer.allowlist.wanted_entries import unsayable
from deployer.errors import CannotStart
from deployer.manifest.wording import shown
from deployer.model import Exemption
from deployer.model import Json

OPTIONS = {
    "rules": "--rule",
    "kibana": "--field",
    "sentinel": "--let",
    "reason": "--reason",
    "owner": "--owner",
    "ticket": "--ticket",
    "expires": "--expires",
    "reviewed": "--reviewed",
}
"""By the keys of an exception, in the order that it is written in."""
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)


@dataclass(frozen=True, slots=True)
class WantedException:
    """What `add` was asked for: rules, and conditions on fields, values of one `let`, or both."""

    rules: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]
    """Values by field, in the order given."""
    let: str | None
    values: tuple[int | str, ...]
    reason: str = ""
    owner: str = ""
    ticket: str | None = None
    expires: str | None = None
    reviewed: str | None = None

    @classmethod
    def of(cls, rules: Sequence[str], fields: Sequence[str], lets: Sequence[str]) -> "WantedException":
        """What FIELD=VALUE and NAME=VALUE say. Raises `CannotStart` for what says neither."""
        by_field: dict[str, tuple[str, ...]] = {}
        for text in fields:
            field, value = _split(text, "--field", "FIELD=VALUE")
            by_field[field] = tuple(dict.fromkeys((*by_field.get(field, ()), value)))
        pairs = [_split(text, "--let", "NAME=VALUE") for text in lets]
        names = list(dict.fromkeys(name for name, _ in pairs))
        if len(names) > 1:
            raise CannotStart(f"an exception fills one let, these are {', '.join(names)}: write one for each")
        values = tuple(dict.fromkeys(_value(value) for _, value in pairs))
        return cls(tuple(dict.fromkeys(rules)), by_field, names[0] if names else None, values)

    def document(self) -> dict[str, Json]:
        """The item that says it in a tenant's file, in the order of `OPTIONS`."""
        said: dict[str, Json] = {"rules": list(self.rules)}
        if self.fields:
            said["kibana"] = [*self.conditions()]
        if self.let:
            said["sentinel"] = {"let": self.let, "values": list(self.values)}
        for key in ("reason", "owner", "ticket", "expires", "reviewed"):
            if (text := getattr(self, key)) is not None:
                said[key] = text
        return said

    def conditions(self) -> tuple[Mapping[str, Json], ...]:
        """The entries of Kibana's exception item."""
        return tuple(
            {
                "field": field,
                "operator": "included",
                "type": "match" if len(values) == 1 else "match_any",
                "value": values[0] if len(values) == 1 else list(values),
            }
            for field, values in self.fields.items()
        )

    def exemption(self) -> Exemption:
        """The exception that it is to be, placed nowhere."""
        return Exemption(
            self.rules,
            self.conditions(),
            self.let,
            self.values,
            self.reason.strip(),
            self.owner.strip(),
            NOWHERE,
            self.expires,
            self.ticket,
            self.reviewed,
        )


def canonical(wanted: WantedException, now: datetime) -> tuple[WantedException, list[Refusal]]:
    """The same in the spelling of the files, and what is wrong with its dates."""
    expires, reviewed, faults = dated(wanted.expires, wanted.reviewed, now)
    said = {"--field": [text for each in wanted.fields.items() for text in (each[0], *each[1])], "--rule": wanted.rules}
    said["--let"] = [wanted.let or "", *map(str, wanted.values)]
    unfit = [
        Refusal(f"{shown(text)} is no text in UTF-8", option)
        for option, texts in said.items()
        for text in texts
        if not is_text(text)
    ]
    return replace(wanted, expires=expires, reviewed=reviewed), [*unfit, *unsayable(wanted), *faults]


def _split(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value:
        raise CannotStart(f"{option} {shown(text)}: write {form}")
    return name.strip(), value


def _value(text: str) -> int | str:
    """A whole number as one, and anything else, or what stands in double quotes, as text."""
    if _NUMBER.fullmatch(text):
        return int(text)
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] == '"' else text
