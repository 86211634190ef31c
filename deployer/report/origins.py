"""Where values come from: in words, for people, and as JSON, for scripts."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from deployer import queries
from deployer.diff import FieldChange
from deployer.findings import Location
from deployer.origins import Origin
from deployer.origins import Origins
from deployer.origins import Said
from deployer.origins import Voice
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.report.wording import count
from deployer.report.wording import plain
from deployer.state import as_json

PLACES = 3
"""Places of one value that are named in text; the rest is counted."""
MOST = 200
"""The same of JSON, for allowlists of thousands of entries that every rule's query repeats."""
WIDE = 44
"""Characters of a value in a table; what is longer is cut. JSON has it whole."""
_SHORT = 24
_NAMED = {Voice.ENVIRONMENT, Voice.DATA, Voice.TENANT, Voice.TARGET, Voice.EXCEPTION}


def words(origin: Origin) -> str:
    """Who has the last word and where, and what it would be without: `FILE:9 (tenant, tag:noisy), over "high" of …`."""
    filled = any(one.voice is Voice.ALLOWLIST for one in origin.said)  # then the file's own is an empty one, always
    others = () if filled else origin.without
    over = [f"over {_value(one, _SHORT)} of {_said([one])}" for one in others]
    made = f"{origin.how}: " if origin.how else ""
    return plain(", ".join([made + _said(origin.said), *over]))


def document(origin: Origin) -> dict[str, Any]:
    """The same for scripts; `more` counts what is left out of a very long `said`."""
    whole = origin.path == ("query",)
    said = _grouped(origin.said)
    return {
        "said": [_document(one, whole) for one in said[:MOST]],
        "more": len(said[MOST:]),
        "without": [_document(one, whole) for one in origin.without],
        "how": origin.how or None,
    }


def table(origins: Iterable[Origin]) -> Iterator[str]:
    """A line for each value: its path, the value, where it comes from."""
    rows = [(plain(one.name), _shown(one), words(one)) for one in origins]
    wide = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for name, value, where in rows:
        yield f"    {name:<{wide[0]}}  {value:<{wide[1]}}  {where}"


def of_field(change: Change, field: FieldChange, origins: Origins) -> list[Origin]:
    """The origins of what a change would write into one field: of the field itself, or of each value in it.

    Of a query, those `let` statements are left out that have the same value before and after.
    """
    if isinstance(change, Delete):
        return []
    told = origins.get(str(change.key), ())
    mine = [one for one in told if one.path[: len(field.keys)] == field.keys or not one.path]
    if field.keys != ("query",):
        return mine
    before = {f"let {let.name}": let.value for let in queries.lets(str(field.before or ""))}
    return [one for one in mine if len(one.path) == 1 or before.get(one.path[1]) != one.value]


def of_change(change: Change, origins: Origins) -> Iterator[str]:
    """What a new object has from elsewhere than its rule's own files: one line a value."""
    if isinstance(change, Create):
        for one in origins.get(str(change.key), ()):
            filled = one.said[:1] and one.said[0].voice is Voice.ALLOWLIST and isinstance(one.said[0].value, list)
            if one.path and one.tuned and not filled:
                yield f"      {plain(one.name)} {_shown(one)}: {words(one)}"


def lines(change: Change, field: FieldChange, origins: Origins) -> Iterator[str]:
    """What is said under a field of a change."""
    for one in of_field(change, field, origins):
        part = "" if one.path in (field.keys, ()) else f"{plain('.'.join(one.path[len(field.keys) :]))}: "
        yield f"        origin: {part}{words(one)}"


def field_document(change: Change, field: FieldChange, origins: Origins) -> dict[str, Any]:
    """The `origin` of a field; where it holds several values, the origin of each by its path."""
    found = {one.name: one for one in of_field(change, field, origins)}
    whole = found.pop(field.path, None) or found.pop("", None)
    told = document(whole) if whole else {"said": [], "more": 0, "without": [], "how": None}
    return {**told, "parts": {name: document(one) for name, one in found.items()}} if found else told


def _said(said: Sequence[Said]) -> str:
    """Places by who speaks there, in a row: `rules/a/rule.yaml:3, 15`."""
    if not said:
        return "nothing in Git says it"
    first = said[0]
    if first.voice is Voice.DEFAULT:
        return f"default of {first.key}"
    if first.voice is Voice.ALLOWLIST:
        number = sum(one.value != [] for one in said)
        entries = count(number, "entry", "entries") if number else "no entries"
        head = "its ports" if isinstance(first.value, list) and first.value else entries
        return f"allowlist {first.key}, {head}: {_places(said)}"
    groups: dict[str, list[Said]] = {}
    for one in said:
        groups.setdefault(_by(one), []).append(one)
    return " and ".join(_places(group) + (f" ({by})" if by else "") for by, group in groups.items())


def _by(said: Said) -> str:
    """Who speaks, where a place alone does not say it: `tenant, tag:noisy`, `data source network.firewall`."""
    if said.voice not in _NAMED:
        return ""
    if said.voice is Voice.DATA:
        return f"data source {said.key}"
    return f"{said.voice}, {said.key}" if said.key else said.voice


def _places(said: Sequence[Said]) -> str:
    places = sorted({(one.where.path, one.where.line) for one in said if one.where})
    told: list[str] = []
    before = ""
    for path, line in places[:PLACES]:
        told.append(str(line) if path == before else f"{path}:{line}")
        before = path
    more = len(places) - PLACES
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def _value(said: Said, longest: int) -> str:
    """A value as it is written: what stands in a query is text of that query, not a text in it."""
    if said.voice is Voice.QUERY:
        return _cut_text(plain(str(said.value)), longest)
    return _cut(said.value, longest)


def _shown(origin: Origin) -> str:
    value = origin.value
    if isinstance(value, str) and "\n" in value:
        return f"({count(value.count(chr(10)) + 1, 'line')})"
    if len(origin.path) > 1 and origin.path[0] == "query":
        return _cut_text(plain(str(value)), WIDE)
    return _cut(value, WIDE)


def _cut(value: Any, longest: int) -> str:
    return _cut_text(plain(as_json(value)), longest)


def _cut_text(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _grouped(said: Sequence[Said]) -> Sequence[Said]:
    """The entries of an allowlist by where they stand: a shared list that is included stands in one place."""
    places: dict[Location | None, list[Said]] = {}
    for one in said:
        places.setdefault(one.where, []).append(one)
    if all(len(group) == 1 for group in places.values()):
        return said
    return [group[0] if len(group) == 1 else replace(group[0], value=[one.value for one in group])
            for group in places.values()]  # fmt: skip


def _document(said: Said, whole_query: bool) -> dict[str, Any]:
    where = said.where
    return {
        "voice": said.voice,
        "key": said.key or None,
        "path": where.path if where else None,
        "line": where.line if where else None,
        "column": where.column if where else None,
        "value": None if whole_query else said.value,
    }
