"""Lists of known bad addresses and domains, from files that the user gives, and what of them somebody allows.

What cannot be read is an error: a list that could not be looked at must never read as "nothing on it".
"""

import ipaddress
from bisect import bisect_left
from bisect import bisect_right
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from operator import attrgetter
from pathlib import Path

from deployer.blocklists import formats
from deployer.findings import Finding
from deployer.findings import Location
from deployer.findings import Severity
from deployer.hosts import Unfit
from deployer.manifest.wording import shown
from deployer.model import ValueKind

MOST_SAID = 5
"""More lines that cannot be read than these are counted, not listed."""
_WAY_OUT = "take it out, or have the list corrected where it is wrong"


@dataclass(frozen=True, slots=True)
class Listed:
    """One value of a blocklist."""

    kind: ValueKind
    """ip or domain."""
    value: str
    """Canonical."""
    location: Location
    about: str = ""
    """What the list says about it, such as the name of the malware; text from outside."""
    version: int = 0
    """4 or 6 for addresses, which are numbers here."""
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class Blocklists:
    """Everything that some blocklists name, to be looked up."""

    sizes: tuple[tuple[str, int], ...] = ()
    """The files that could be read as a whole, and how many values each names."""
    ranges: dict[int, list[Listed]] = field(default_factory=dict)
    """By version: the widest ranges only, which are apart, in order."""
    domains: dict[str, Listed] = field(default_factory=dict)
    above: dict[str, Listed] = field(default_factory=dict)
    """Domains above a listed one."""

    def finding(self, kind: ValueKind, value: str, location: Location) -> Finding | None:
        """What to say of a canonical value that somebody allows at `location`; None where no list concerns it.

        An error for an address, a range that holds a listed one or lies in one, and a domain that is listed itself or
        by one above it. A remark for a domain above a listed one: who allows a domain allows nothing below it.
        """
        if kind is ValueKind.IP:
            return self._address(value, location)
        return self._domain(value, location) if kind is ValueKind.DOMAIN else None

    def _address(self, value: str, location: Location) -> Finding | None:
        network = ipaddress.ip_network(value)
        first, last = int(network.network_address), int(network.broadcast_address)
        known = self.ranges.get(network.version, [])
        start = bisect_left(known, first, key=attrgetter("last"))
        end = bisect_right(known, last, key=attrgetter("first"))
        if start >= end:
            return None
        one, more = known[start], end - start - 1
        relation = "lies in" if one.first <= first and last <= one.last else "holds"
        what = "is" if (one.first, one.last) == (first, last) else f"{relation} {shown(one.value)}, which is"
        others = f", and holds {more} more that are listed" if more else ""
        message = f"{shown(value)} {what} {_on(one)}{others}; {_WAY_OUT}"
        return Finding("on-blocklist", message, location=location)

    def _domain(self, value: str, location: Location) -> Finding | None:
        for name in (value, *_above(value)):
            if one := self.domains.get(name):
                what = "is" if name == value else f"lies below {shown(name)}, which is"
                return Finding("on-blocklist", f"{shown(value)} {what} {_on(one)}; {_WAY_OUT}", location=location)
        if one := self.above.get(value):
            message = f"{shown(value)} lies above {shown(one.value)}, which is {_on(one)}; is it still to be trusted?"
            return Finding("near-blocklist", message, Severity.WARNING, location)
        return None


def read(paths: Iterable[Path]) -> tuple[Blocklists, tuple[Finding, ...]]:
    """All that the files name, and an error for each file or line that could not be read.

    Whoever gets errors must not take a value for one that is on no list.
    """
    listed: list[Listed] = []
    sizes: list[tuple[str, int]] = []
    findings: list[Finding] = []
    for path in paths:
        found, faults = _file(path)
        listed += found
        findings += faults
        if not faults:
            sizes.append((str(path), len(found)))
    return _indexed(listed, tuple(sizes)), tuple(findings)


def _file(path: Path) -> tuple[list[Listed], list[Finding]]:
    def fault(message: str, line: int = 1) -> Finding:
        return Finding("bad-blocklist", message, location=Location(str(path), line))

    found: list[Listed] = []
    faults: list[Finding] = []
    try:
        text = path.read_bytes().decode("utf-8-sig")
        for line, written, about in formats.rows(text):
            try:
                found.append(_listed(written, about, Location(str(path), line)))
            except Unfit as unfit:
                faults.append(fault(f"{shown(written)} {unfit}", line))
    except OSError as error:
        return [], [fault(f"the blocklist cannot be read: {error.strerror}")]
    except UnicodeDecodeError:
        return [], [fault(f"the blocklist is no text in UTF-8; {formats.KNOWN}")]
    except Unfit as unfit:
        return [], [fault(f"the blocklist {unfit}")]
    if not found:
        lacking = f"is in no known format; {formats.KNOWN}" if faults else "names no address and no domain"
        return [], [fault(f"the blocklist {lacking}")]
    if len(faults) > MOST_SAID:
        more, line = len(faults) - MOST_SAID, (faults[MOST_SAID].location or Location("")).line
        faults = [*faults[:MOST_SAID], fault(f"{more} more lines of the blocklist cannot be read", line)]
    return found, faults


def _listed(written: str, about: str, location: Location) -> Listed:
    kind, value = formats.value(written)
    if kind is not ValueKind.IP:
        return Listed(kind, value, location, about)
    network = ipaddress.ip_network(value)
    ends = int(network.network_address), int(network.broadcast_address)
    return Listed(kind, value, location, about, network.version, *ends)


def _indexed(listed: Iterable[Listed], sizes: tuple[tuple[str, int], ...]) -> Blocklists:
    """Of ranges within each other the widest stays: two ranges lie within each other or apart."""
    made = Blocklists(sizes)
    numbers = [one for one in listed if one.kind is ValueKind.IP]
    for one in sorted(numbers, key=lambda each: (each.version, each.first, -each.last)):
        known = made.ranges.setdefault(one.version, [])
        if not known or known[-1].last < one.first:
            known.append(one)
    for one in listed:
        if one.kind is ValueKind.DOMAIN:
            made.domains.setdefault(one.value, one)
            for name in _above(one.value):
                made.above.setdefault(name, one)
    return made


def _above(name: str) -> Iterator[str]:
    """The domains above one, of two labels and more."""
    labels = name.split(".")
    return (".".join(labels[start:]) for start in range(1, len(labels) - 1))


def _on(one: Listed) -> str:
    about = f" ({shown(one.about)})" if one.about else ""
    return f"on the blocklist {one.location}{about}"
