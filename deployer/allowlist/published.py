"""The addresses in what a vendor publishes: JSON, CSV or plain lines, told apart by their content.

Nothing is left out in silence: whatever stands where an address is expected and is none is an error with its place.
"""

import csv
import ipaddress
import json
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployer.allowlist import selecting
from deployer.errors import CannotImport
from deployer.hosts import Unfit
from deployer.manifest import values
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key

_COMMENTS = ("#", ";", "//")
_DELIMITERS = (",", ";", "\t", "|")
_MOST_SAID = 10
_MOST_PATHS = 60


@dataclass(frozen=True, slots=True)
class Choice:
    """What of it is meant, where it does not go without saying."""

    select: tuple[str, ...] = ()
    """Paths into JSON."""
    column: str | None = None
    """Of CSV: its name in the first line, or its number from 1."""
    host_bits: str | None = None
    """What 192.0.2.7/24 means: the `network`, or the `address`; None for refusing it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A text that stands where an address is expected; empty where there is nothing."""

    text: str
    place: str


@dataclass(frozen=True, slots=True)
class Published:
    """What was read."""

    addresses: tuple[str, ...]
    """Canonical, in the order published."""
    where: str
    """What of it was read, e.g. `prefixes[].ip_prefix`."""
    blank: int = 0
    """Places for an address that hold nothing."""


def read(data: bytes, choice: Choice) -> Published:
    """The addresses; raises `CannotImport` with everything that is wrong."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise CannotImport(f"line {line} is not UTF-8; this is no list of addresses") from None
    start = text.lstrip()[:1]
    if start == "<":
        raise CannotImport("this is HTML or XML, no list; is it a page about the list, or one to log in?")
    if start in ("{", "["):
        _refuse(choice.column, "--column is for CSV, and this is JSON: --select says what is meant")
        where, cells = _of_json(text, choice.select)
    else:
        _refuse(choice.select, "--select is for JSON, and this is not: --column says what is meant in CSV")
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if not _is_remark(line)]
        if choice.column or any(delimiter in _bare(line) for _, line in lines for delimiter in _DELIMITERS):
            where, cells = _of_csv(lines, choice.column)
        else:
            where, cells = "its lines", [Cell(_bare(line), f"line {number}") for number, line in lines]
    return _published(where, cells, choice.host_bits)


def _refuse(given: object, message: str) -> None:
    if given:
        raise CannotImport(message)


def _published(where: str, cells: Sequence[Cell], host_bits: str | None) -> Published:
    found, faults = [], []
    for cell in cells:
        if cell.text:
            try:
                found.append(_address(cell.text, host_bits))
            except Unfit as unfit:
                faults.append(f"{cell.place}: {shown(cell.text)} {unfit}")
    if faults:
        more = [f"and {len(faults) - _MOST_SAID} more"] if len(faults) > _MOST_SAID else []
        raise CannotImport("\n".join([*faults[:_MOST_SAID], *more]))
    if not found:
        raise CannotImport(f"there is no address in {where}")
    return Published(tuple(found), where, sum(not cell.text for cell in cells))


def _address(text: str, host_bits: str | None) -> str:
    try:
        return values.address(text)
    except Unfit as unfit:
        parsed = _interface(text)
        if parsed is None or parsed.ip == parsed.network.network_address:
            raise
        if host_bits is None:
            way_out = "if the source means one of the two, say --host-bits network or --host-bits address"
            raise Unfit(f"{unfit}; {way_out}") from None
        return values.address(str(parsed.network if host_bits == "network" else parsed.ip))


def _interface(text: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface | None:
    try:
        return ipaddress.ip_interface(text)
    except ValueError:
        return None


def _of_json(text: str, select: Sequence[str]) -> tuple[str, list[Cell]]:
    try:
        document = json.loads(text, object_pairs_hook=_unrepeated)
    except json.JSONDecodeError as error:
        raise CannotImport(f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "nested too deep"
        raise CannotImport(f"this JSON cannot be read: {reason}") from None
    if select:
        return listed(map(shown_key, select)), [cell for path in select for cell in _selected(document, path)]
    paths = _paths(document)
    if not paths:
        raise CannotImport("no text in this JSON is an address")
    if len(paths) > 1:
        raise CannotImport(f"there are addresses at {len(paths)} paths; choose with --select:\n{_told(paths)}")
    [path] = paths
    return shown_key(path), list(_selected(document, path))


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        again = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {shown(again)} stands twice in one object")
    return found


def _paths(document: Any) -> dict[str, int]:
    """The paths to addresses, each with how many there are."""
    return selecting.merged(place for place, text in selecting.texts(document) if _interface(text) is not None)


def _told(paths: dict[str, int]) -> str:
    told = [f"  {shown_key(path, 120)} ({number})" for path, number in sorted(paths.items())]
    return "\n".join([*told[:_MOST_PATHS], *([f"  and {len(told) - _MOST_PATHS} more"] if told[_MOST_PATHS:] else [])])


def _selected(document: Any, path: str) -> Iterator[Cell]:
    found = list(selecting.selected(document, selecting.parsed(path)))
    if not found:
        told = _told(_paths(document)) or "  nowhere"
        raise CannotImport(f"{shown_key(path)} leads to nothing; there are addresses at\n{told}")
    for place, value in found:
        where = shown_key(selecting.written(place), 120)
        if isinstance(value, dict | list):
            inside = list(_paths(value))[:1]
            way_out = f"; go on to what is in it, such as {shown_key(inside[0])}" if inside else ""
            raise CannotImport(
                f"{where} is {'a list' if isinstance(value, list) else 'an object'}, no address{way_out}"
            )
        yield Cell("" if value is None else value if isinstance(value, str) else json.dumps(value), where)


def _is_remark(line: str) -> bool:
    return not line.strip() or line.strip().startswith(_COMMENTS)


def _bare(line: str) -> str:
    """A line without the remark behind it."""
    for sign in (" #", "\t#", " ;", "\t;"):
        line = line.partition(sign)[0]
    return line.strip()


def _of_csv(lines: Sequence[tuple[int, str]], column: str | None) -> tuple[str, list[Cell]]:
    rows = list(_rows(lines))
    if not rows:
        raise CannotImport("there is no line in it")
    _, first = rows[0]
    headed = not any(_interface(cell) for cell in first)
    names = first if headed else [str(number) for number in range(1, len(first) + 1)]
    body = rows[1:] if headed else rows
    for number, row in body:
        if len(row) != len(first):
            raise CannotImport(
                f"line {number} holds {len(row)} cells, the first line {len(first)}; this may not be whole"
            )
    index = _column(names, column, body)
    name = shown_key(names[index])
    return f"column {name}", [Cell(row[index], f"line {number}, column {name}") for number, row in body]


def _rows(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of their line; a cell of several lines is none that a list of addresses has."""
    sample = lines[0][1] if lines else ""
    delimiter = next((each for each in _DELIMITERS if each in sample), ",")
    for number, line in lines:
        try:
            [row] = csv.reader([line], delimiter=delimiter, strict=True)
        except csv.Error as error:
            raise CannotImport(f"line {number} is not CSV: {error}") from None
        yield number, [cell.strip() for cell in row]


def _column(names: Sequence[str], column: str | None, body: Sequence[tuple[int, list[str]]]) -> int:
    counts = [sum(_interface(row[index]) is not None for _, row in body) for index in range(len(names))]
    if column is not None:
        if column in names:
            return names.index(column)
        if column.isdecimal() and 1 <= int(column) <= len(names):
            return int(column) - 1
        raise CannotImport(f"there is no column {shown(column)}; there are {listed(map(shown_key, names))}")
    filled = [index for index, number in enumerate(counts) if number]
    if len(filled) != 1:
        told = "\n".join(f"  {shown_key(names[index])} ({counts[index]})" for index in filled)
        if not filled:
            raise CannotImport("no column holds addresses")
        raise CannotImport(f"there are addresses in {len(filled)} columns; choose with --column:\n{told}")
    return filled[0]
