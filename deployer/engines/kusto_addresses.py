"""Kusto's functions of IP addresses as DuckDB SQL: numbers only, without DuckDB's `inet` extension.

Documented at learn.microsoft.com/kusto/query/ipv4-is-private-function, ipv4-is-in-range-function,
ipv4-is-in-any-range-function, ipv4-is-match-function, ipv6-is-in-range-function, ipv6-is-in-any-range-function and
ipv6-is-match-function: all give null where a text is no address, and the IPv6 ones take IPv4 as well.
The pages leave open, and it is settled here so: a list without a match but with a range that is no range gives null;
an address with a prefix is in a range when the first address of its network is.
"""

import ipaddress
import re
from collections.abc import Sequence

_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(\.{_OCTET}){{3}}"
_GROUPS = r"[0-9a-f]{1,4}(:[0-9a-f]{1,4})*"
_IPV6 = rf"({_GROUPS})?::({_GROUPS})?|[0-9a-f]{{1,4}}(:[0-9a-f]{{1,4}}){{7}}"
_NUMBERS = {4: "BIGINT", 6: "UHUGEINT"}
_BITS = {4: 32, 6: 128}


def within(version: int, address: str, ranges: str) -> str:
    """SQL of: is the address (SQL of a text) in one of the ranges (SQL of networks); null where it is no address."""
    return _steps(
        f"{{address: {_low(version, address)}, ranges: {ranges}}}",
        """CASE WHEN kql_v.address IS NULL OR kql_v.ranges IS NULL THEN NULL
            WHEN len(list_filter(kql_v.ranges, lambda kql_r: kql_v.address BETWEEN kql_r.low AND kql_r.high)) > 0
            THEN true
            WHEN len(list_filter(kql_v.ranges, lambda kql_r: kql_r IS NULL)) > 0 THEN NULL ELSE false END""",
    )


def match(version: int, one: str, other: str) -> str:
    """SQL of: are two addresses the same under the shorter of their prefixes, that is, is one network in the other."""
    return _steps(
        f"{{a: {_network(version, one)}, b: {_network(version, other)}}}",
        """CASE WHEN kql_v.a IS NULL OR kql_v.b IS NULL THEN NULL
            ELSE (kql_v.a.low BETWEEN kql_v.b.low AND kql_v.b.high)
            OR (kql_v.b.low BETWEEN kql_v.a.low AND kql_v.a.high) END""",
    )


def networks(version: int, texts: str) -> str:
    """SQL of the networks that a list of texts names, null for each that names none.

    A query of its own: DuckDB works it out once where the list is the same for all rows.
    """
    return f"(SELECT list_transform({texts}, lambda kql_t: {_network(version, 'kql_t')})::{_kind(version)})"


def constant_networks(version: int, texts: Sequence[str | None]) -> str:
    """The same for texts that are known now, without work for DuckDB."""
    ends = (None if text is None else _ends(version, text.strip().lower()) for text in texts)
    number = _NUMBERS[version]
    members = ", ".join(f"{{low: {end[0]}::{number}, high: {end[1]}::{number}}}" if end else "NULL" for end in ends)
    return f"[{members}]::{_kind(version)}"


def _kind(version: int) -> str:
    return f"STRUCT(low {_NUMBERS[version]}, high {_NUMBERS[version]})[]"


def _ends(version: int, text: str) -> tuple[int, int] | None:
    """The first and last address of the network that a text names."""
    address, slash, prefix = re.sub(r"%[^/]*", "", text).partition("/")
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    most = 32 if "." in address else 128
    if (slash and not re.fullmatch(r"[0-9]{1,3}", prefix)) or (version == 4 and parsed.version == 6):
        return None
    bits = int(prefix) if slash else most
    if bits > most:
        return None
    mapped = 0xFFFF << 32 if (version, parsed.version) == (6, 4) else 0
    size = 1 << (most - bits)
    low = (mapped + int(parsed)) // size * size
    return low, low + size - 1


def _steps(first: str, *steps: str) -> str:
    """SQL that works out each step once a row, as `kql_v` in the next: written in place it would be copied to each use.

    One inside the other they would bind in exponential time: a lambda's body is bound more than once. The names are
    such that no column has them: a column of a lambda's name is taken for it in places.
    """
    for step in steps:
        first = f"list_transform([{first}], lambda kql_v: {step})[1]"
    return first


def _low(version: int, address: str) -> str:
    """SQL of the first address of the network that a text names: the address itself where it has no prefix."""
    return _steps(f"trim({address})", *_STEPS[version], _first(version))


def _network(version: int, address: str) -> str:
    """SQL of {low, high}, the ends of the network that a text names; null where it names none."""
    last = f"{2 ** _BITS[version] - 1}::{_NUMBERS[version]}"
    return _steps(
        f"trim({address})",
        *_STEPS[version],
        f"{{low: {_first(version)}, bits: kql_v.bits}}",
        f"""CASE WHEN kql_v.low IS NOT NULL THEN {{low: kql_v.low, high:
            CASE WHEN kql_v.bits = 0 THEN {last} ELSE kql_v.low + ({_size(version)} - 1) END}} END""",
    )


def _first(version: int) -> str:
    # A prefix of 0 is apart: its size does not fit the number.
    return f"""CASE WHEN kql_v.bits = 0 THEN kql_v.number * 0
        WHEN kql_v.bits BETWEEN 1 AND {_BITS[version]} THEN kql_v.number - kql_v.number % {_size(version)} END"""


def _size(version: int) -> str:
    number = _NUMBERS[version]
    return f"(1::{number} << ({_BITS[version]} - kql_v.bits)::{number})"


def _quad(text: str) -> str:
    """A dotted quad's number. Octets with leading zeros are no address (as parse_ipv4 has it)."""
    octets = (f"TRY_CAST(split_part({text}, '.', {place}) AS BIGINT) * {256 ** (4 - place)}" for place in range(1, 5))
    return f"CASE WHEN regexp_full_match({text}, '{_IPV4}') THEN {' + '.join(octets)} END"


def _prefix(most: str) -> str:
    """The bits of a prefix; -1, which no network has, where what is written is no number."""
    written = r"TRY_CAST(regexp_extract(kql_v, '^[^/]*/([0-9]{1,3})$', 1) AS INTEGER)"
    return f"CASE WHEN contains(kql_v, '/') THEN coalesce({written}, -1) ELSE {most} END"


def _padded(part: int) -> str:
    """The groups on one side of `::` as hex digits, four a group."""
    side = f"split_part(kql_v.groups, '::', {part})"
    return (
        f"CASE WHEN {side} = '' THEN '' ELSE regexp_replace("
        rf"regexp_replace({side}, '(^|:)', '\1000', 'g'), '0*([0-9a-f]{{4}})(:|$)', '\1', 'g') END"
    )


_IPV4_STEPS = (
    f"{{text: split_part(kql_v, '/', 1), bits: {_prefix('32')}}}",
    f"{{number: {_quad('kql_v.text')}, bits: kql_v.bits}}",
)
# A zone (%eth0) says nothing of the address. A dotted tail is written as two groups, and a prefix counts from its
# start: 192.0.2.1/24 is ::ffff:192.0.2.0/120. Room is for the digits: `::` stands for one group at least.
_IPV6_STEPS = (
    "regexp_replace(lower(kql_v), '%[^/]*', '')",
    f"{{text: split_part(kql_v, '/', 1), prefix: {_prefix('NULL')}}}",
    "{text: kql_v.text, prefix: kql_v.prefix, tail: regexp_extract(kql_v.text, '(^|:)([0-9.]*[.][0-9.]*)$', 2)}",
    f"{{text: kql_v.text, prefix: kql_v.prefix, tail: kql_v.tail, number: {_quad('kql_v.tail')}}}",
    """{groups: CASE WHEN kql_v.tail = '' THEN kql_v.text ELSE
            CASE WHEN contains(kql_v.text, ':') THEN left(kql_v.text, length(kql_v.text) - length(kql_v.tail))
            ELSE '::ffff:' END || printf('%x:%x', kql_v.number // 65536, kql_v.number % 65536) END,
        bits: CASE WHEN kql_v.prefix IS NULL THEN 128 WHEN kql_v.tail = '' THEN kql_v.prefix
            WHEN kql_v.prefix BETWEEN 0 AND 32 THEN 96 + kql_v.prefix END}""",
    f"{{bits: kql_v.bits, groups: CASE WHEN regexp_full_match(kql_v.groups, '{_IPV6}') THEN kql_v.groups END}}",
    f"""{{bits: kql_v.bits, room: CASE WHEN contains(kql_v.groups, '::') THEN 28 ELSE 32 END,
        head: {_padded(1)}, rest: {_padded(2)}}}""",
    """{bits: kql_v.bits, digits: CASE WHEN length(kql_v.head) + length(kql_v.rest) <= kql_v.room
        THEN kql_v.head || repeat('0', 32 - length(kql_v.head) - length(kql_v.rest)) || kql_v.rest END}""",
    """{bits: kql_v.bits, number:
        TRY_CAST('0x' || left(kql_v.digits, 16) AS UBIGINT)::UHUGEINT * 18446744073709551616::UHUGEINT
        + TRY_CAST('0x' || right(kql_v.digits, 16) AS UBIGINT)::UHUGEINT}""",
)
_STEPS = {4: _IPV4_STEPS, 6: _IPV6_STEPS}
