"""Paths into JSON: `prefixes[].ip_prefix`, `agents.prefixes_ipv4`, `prefixes[service=S3,region=eu-west-1].ip_prefix`.

A name goes into a mapping, `*` into all of its values, `[]` into a list, `[name=text]` into those of its mappings that
say so. A name with other characters than letters, digits, `_`, `-` and `$` stands in double quotes, as JSON has it.
"""

import json
import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import TypeAlias

from deployer.errors import CannotImport
from deployer.manifest.wording import shown

_QUOTED = r'"(?P<quoted>(?:[^"\\]|\\.)*)"'
_TOKEN = re.compile(
    r'\[(?P<where>(?:[^\[\]"]|"(?:[^"\\]|\\.)*")*)\]' rf'|{_QUOTED}|(?P<any>\*)|(?P<name>[^."*\[\]=,\s]+)'
)
_CONDITION = re.compile(rf'\s*(?P<name>[^=,"\s]+)\s*=\s*(?:{_QUOTED}|(?P<text>[^,"]*))\s*')
_PLAIN = re.compile(r"[A-Za-z0-9_$-]+", re.ASCII)
EXAMPLES = "`prefixes[].ip_prefix` or `agents.prefixes_ipv4`"
MOST_ALIKE = 20
"""More paths than these that differ in names only are shown as one, with `*`."""

Place: TypeAlias = tuple[str | int, ...]
"""Names and indices from the root of a document to a part of it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: into a mapping, or into a list where `name` is None."""

    name: str | None
    any: bool = False
    where: Mapping[str, str] = field(default_factory=dict)


def parsed(text: str) -> tuple[Step, ...]:
    """The steps of a path as written; raises `CannotImport`."""
    steps: list[Step] = []
    position = 0
    while position < len(text) or not steps:
        dotted = bool(steps) and text[position] == "."
        match = _TOKEN.match(text, position + dotted)
        bracket = match is not None and match["where"] is not None
        if match is None or (steps and bracket == dotted):
            raise CannotImport(f"{shown(text)} is no path; paths are such as {EXAMPLES}")
        steps.append(_step(match, text))
        position = match.end()
    return tuple(steps)


def _step(match: re.Match[str], text: str) -> Step:
    if match["where"] is not None:
        return Step(None, where=_conditions(match["where"], text))
    if match["any"]:
        return Step("", any=True)
    return Step(match["name"] if match["quoted"] is None else _unquoted(match["quoted"], text))


def _conditions(written: str, text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    position = 0
    while written.strip() and position <= len(written):
        match = _CONDITION.match(written, position)
        if match is None or (match.end() < len(written) and written[match.end()] != ","):
            raise CannotImport(f"{shown(text)}: write a condition as `[service=S3]` or `[service=S3,region=eu-west-1]`")
        quoted = match["quoted"]
        found[match["name"]] = match["text"].strip() if quoted is None else _unquoted(quoted, text)
        position = match.end() + 1
    return found


def _unquoted(quoted: str, text: str) -> str:
    try:
        return str(json.loads(f'"{quoted}"'))
    except ValueError:
        raise CannotImport(f"{shown(text)}: what stands in double quotes is not as JSON has it") from None


def selected(document: Any, steps: Sequence[Step]) -> Iterator[tuple[Place, Any]]:
    """Everything that a path leads to, with its place; a list that it ends at stands for its items."""
    found: list[tuple[Place, Any]] = [((), document)]
    for step in steps:
        found = [inner for place, value in found for inner in _inside(step, place, value)]
    for place, value in found:
        if isinstance(value, list):
            yield from (((*place, index), inner) for index, inner in enumerate(value))
        else:
            yield place, value


def _inside(step: Step, place: Place, value: Any) -> Iterator[tuple[Place, Any]]:
    if step.name is None and isinstance(value, list):
        for index, inner in enumerate(value):
            if not step.where or (isinstance(inner, dict) and _says(inner, step.where)):
                yield (*place, index), inner
    elif step.any and isinstance(value, dict):
        yield from (((*place, name), inner) for name, inner in value.items())
    elif step.name is not None and not step.any and isinstance(value, dict) and step.name in value:
        yield (*place, step.name), value[step.name]


def _says(value: Mapping[str, Any], where: Mapping[str, str]) -> bool:
    return all(isinstance(value.get(name), str) and value[name] == text for name, text in where.items())


def texts(document: Any) -> Iterator[tuple[Place, str]]:
    """Every text of a document, with its place."""
    left: list[tuple[Place, Any]] = [((), document)]
    while left:
        place, value = left.pop()
        if isinstance(value, str):
            yield place, value
        elif isinstance(value, dict):
            left += [((*place, name), inner) for name, inner in reversed(value.items())]
        elif isinstance(value, list):
            left += [((*place, index), inner) for index, inner in reversed(list(enumerate(value)))]


def written(place: Place) -> str:
    """A place as a message names it: `prefixes[3].ip_prefix`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{_name(step)}" for step in place)
    return text.removeprefix(".") or "the document"


def merged(places: Iterable[Place]) -> dict[str, int]:
    """The paths to places, each with the number of places that it leads to.

    Those that differ in names on the way only are shown as one, where they are too many to choose from.
    """
    groups: dict[Place, dict[Place, int]] = {}
    for place in places:
        like = tuple(0 if isinstance(step, int) else step for step in place)
        last = max((index for index, step in enumerate(like) if isinstance(step, str)), default=-1)
        shape = tuple(step if isinstance(step, int) or index == last else "" for index, step in enumerate(like))
        alike = groups.setdefault(shape, {})
        alike[like] = alike.get(like, 0) + 1
    found: dict[str, int] = {}
    for alike in groups.values():
        if len(alike) > MOST_ALIKE:
            found[_path(list(alike))] = sum(alike.values())
        else:
            found.update((_path([place]), number) for place, number in alike.items())
    return found


def _path(places: Sequence[Place]) -> str:
    """The path that leads to places of one shape; the `[]` that it ends with goes without saying."""
    steps = []
    for each in zip(*places, strict=True):
        first = each[0]
        steps.append("[]" if isinstance(first, int) else f".{_name(first)}" if len(set(each)) == 1 else ".*")
    if len(steps) > 1 and steps[-1] == "[]":
        steps.pop()
    return "".join(steps).removeprefix(".")


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else json.dumps(name)
