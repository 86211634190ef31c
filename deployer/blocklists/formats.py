"""The forms that blocklists come in, told apart by what they hold and never by their names.

- Feodo Tracker's CSV and JSON (https://feodotracker.abuse.ch/blocklist/): lines of `#`, then the columns
  first_seen_utc, dst_ip, dst_port, c2_status, last_online, malware; or a list of objects with `ip_address`.
- MISP's CSV export (restSearch with `returnFormat: csv`): columns uuid, event_id, category, type, value and more.
  Attributes of other types than addresses and domains are passed over.
- Plain lists: one address, range or domain a line; `#` and `;` begin comments, as in Spamhaus DROP
  (`1.10.16.0/20 ; SBL256894`).
"""

import csv
import ipaddress
import json
import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import TypeAlias

from deployer.covering import text as spelled
from deployer.hosts import Unfit
from deployer.model import ValueKind

KNOWN = "known are Feodo Tracker's CSV and JSON, MISP's CSV, and plain lists of one address, range or domain a line"
Row: TypeAlias = tuple[int, str, str]
"""Line, the value as it is written, and what the list says about it."""
_Columns: TypeAlias = Callable[[Mapping[str, str]], Iterator[tuple[str, str]]]
"""What a row, by its columns, names, and what is said about it."""
_TYPES = frozenset("ip-dst ip-src ip-dst|port ip-src|port domain hostname hostname|port domain|ip".split())
"""Types of MISP's attributes that name addresses and domains (https://www.circl.lu/doc/misp/categories-and-types/)."""
_COMMENT = re.compile(r"[#;]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)


def rows(text: str) -> Iterator[Row]:
    """The values of a file. Raises `Unfit` where the whole has no form that is known."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    start = next((number for number, line in enumerate(lines) if line.strip() and line.strip()[0] not in "#;"), None)
    if start is None:
        raise Unfit("names no address and no domain")
    if lines[start].lstrip()[0] in "[{":
        return _objects(text)
    header = _header(lines[start])
    if "dst_ip" in header:
        return _table(lines, start, header, _of_feodo)
    if {"type", "value"} <= set(header):
        return _table(lines, start, header, _of_misp)
    return _plain(lines)


def _header(line: str) -> list[str]:
    """The names of columns, if it is these; a line that is no CSV may still be one of a plain list."""
    try:
        return [name.strip().lower() for name in next(_reader([line]), [])]
    except csv.Error:
        return []


def value(text: str) -> tuple[ValueKind, str]:
    """What a list names, in canonical form; raises `Unfit`. Lists are read with less care than what people allow:
    a range with bits set after its prefix means the whole range."""
    try:
        network: ipaddress.IPv4Network | ipaddress.IPv6Network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ValueKind.DOMAIN, _domain(text)
    first = network.network_address
    if isinstance(first, ipaddress.IPv6Address) and first.ipv4_mapped and network.prefixlen >= 96:
        network = ipaddress.ip_network(f"{first.ipv4_mapped}/{network.prefixlen - 96}")
    if network.prefixlen == 0:
        raise Unfit("names every address")
    return ValueKind.IP, spelled(network)


def _domain(text: str) -> str:
    """A domain in lower case. Names on such lists hold underscores, and `*.` for whatever is below."""
    try:
        lower = text.lower().removeprefix("*.").removesuffix(".")
        name = lower if lower.isascii() else lower.encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    labels = name.split(".")
    if len(name) > 253 or len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise Unfit("is no address, no CIDR range and no domain")
    return name


def _objects(text: str) -> Iterator[Row]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"begins as JSON and is none: {str(error)[:100]}") from None
    if not isinstance(found, list) or not all(isinstance(one, dict) and "ip_address" in one for one in found):
        raise Unfit(f"is JSON, and no list of objects with `ip_address`; {KNOWN}")
    position, line = 0, 1
    for one in found:
        # JSON tells no lines; the values stand in order, so the next one that reads so is it. From one on that is
        # spelled otherwise the lines are not known, and looking for each to the end would take hours.
        if position >= 0:
            before, position = position, text.find(json.dumps(one["ip_address"]), position)
            line += text.count("\n", before, position) if position >= 0 else 0
        yield line, str(one["ip_address"]), str(one.get("malware") or "")


def _table(
    lines: Sequence[str],
    start: int,
    header: Sequence[str],
    of: Callable[[Mapping[str, str]], Iterator[tuple[str, str]]],
) -> Iterator[Row]:
    reader = _reader(lines[start:])
    before = 0
    try:
        for cells in reader:
            line, before = start + before + 1, reader.line_num
            if line == start + 1 or not cells or cells[0].startswith("#"):
                continue
            if len(cells) != len(header):
                yield line, ",".join(cells), ""  # which nobody can read
                continue
            for found, about in of(dict(zip(header, cells, strict=True))):
                yield line, found.strip(), about
    except csv.Error as error:
        raise Unfit(f"breaks off as CSV near line {start + reader.line_num}: {error}") from None


def _reader(lines: Sequence[str]) -> Any:
    return csv.reader((f"{line}\n" for line in lines), strict=True)


def _of_feodo(row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield row["dst_ip"], row.get("malware", "")


def _of_misp(row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    kind = row["type"].strip()
    if kind in _TYPES:
        parts = row["value"].split("|")
        wanted = parts if kind == "domain|ip" else parts[:1]
        yield from ((part, row.get("category", "")) for part in wanted)


def _plain(lines: Sequence[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        words, *about = _COMMENT.split(line, maxsplit=1)
        if words.strip():
            yield number, words.strip(), "".join(about).strip(" \t#;")
