"""Values of allowlist entries: one canonical form, and nothing that could mean more than it seems to."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.hosts import Unfit
from deployer.manifest import values
from deployer.model import ValueKind


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.1/32", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("2001:db8::1/128", "2001:db8::1"),
        ("128.0.0.0/1", "128.0.0.0/1"),
        ("8000::/1", "8000::/1"),
        ("::/96", "::/96"),
        ("::fffe:0:0/96", "::fffe:0:0/96"),
    ],
)
def test_addresses_have_one_form(text: str, canonical: str) -> None:
    assert values.address(text) == canonical


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "192.0.2.7/24",
            "has bits set after its prefix; write 192.0.2.0/24 for the network, or 192.0.2.7 for the address",
        ),
        (
            "2001:db8::1/32",
            "has bits set after its prefix; write 2001:db8::/32 for the network, or 2001:db8::1 for the address",
        ),
        ("0.0.0.0/0", "allows every address; name the networks that are meant"),
        ("::/0", "allows every address; name the networks that are meant"),
        ("192.0.2.1/0", "allows every address; name the networks that are meant"),
        ("::ffff:192.0.2.1", "is IPv4 written as IPv6; write the IPv4 form (192.0.2.1)"),
        ("::ffff:c000:201", "is IPv4 written as IPv6; write the IPv4 form (192.0.2.1)"),
        ("::ffff:192.0.2.0/120", "is IPv4 written as IPv6; write the IPv4 form (192.0.2.0)"),
        *(
            (network, "holds IPv4 addresses written as IPv6 (::ffff:0:0/96); name the IPv6 networks that are meant")
            for network in ("::/80", "::/1", "::fffe:0:0/95", "::/79")
        ),
        ("fe80::1%eth0", "must not name a zone (%...)"),
        ("192.0.02.1", "has a number with a leading zero, which some read as octal; write it without"),
        ("192.0.2.0/024", "must end with a prefix length of /1 to /32"),
        ("192.0.2.0/33", "must end with a prefix length of /1 to /32"),
        ("192.0.2.0/", "must end with a prefix length of /1 to /32"),
        ("192.0.2.0/255.255.255.0", "must end with a prefix length of /1 to /32"),
        ("2001:db8::/129", "must end with a prefix length of /1 to /128"),
        ("192.0.2.٣", "is no address and no CIDR range; write 192.0.2.7 or 192.0.2.0/24"),
        ("192.0.2.0/٢٤", "must end with a prefix length of /1 to /32"),
        ("192.0.2", "is no address and no CIDR range; write 192.0.2.7 or 192.0.2.0/24"),
        ("3221225985", "is no address and no CIDR range; write 192.0.2.7 or 192.0.2.0/24"),
        ("0x7f.0.0.1", "is no address and no CIDR range; write 192.0.2.7 or 192.0.2.0/24"),
        ("192.0.2.1-192.0.2.9", "is no address and no CIDR range; write 192.0.2.7 or 192.0.2.0/24"),
        (" 192.0.2.1", "is no address and no CIDR range; write 192.0.2.7 or 192.0.2.0/24"),
        ("192.0.2.1\n", "is no address and no CIDR range; write 192.0.2.7 or 192.0.2.0/24"),
        ("", "is no address and no CIDR range; write 192.0.2.7 or 192.0.2.0/24"),
    ],
)
def test_addresses_that_are_not_plain_are_refused_with_a_way_out(text: str, reason: str) -> None:
    with pytest.raises(Unfit) as refused:
        values.address(text)

    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("IRC.Acme.Example", "irc.acme.example"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ("a-1.b", "a-1.b"),
    ],
)
def test_domains_are_lower_case(text: str, canonical: str) -> None:
    assert values.domain(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *(
            "*.acme.example",
            "acme",
            "acme.example.",
            ".acme.example",
            "a..b",
            "-a.example",
            "a-.example",
            "a_b.example",
        ),
        *("münchen.example", "acme.example/x", "acme.example:80", "a b.example", "192.0.2.1", "a." + "b" * 64, ""),
        *("a.example\n", ".".join(["abcdefg"] * 40)),
    ],
)
def test_domains_of_other_characters_are_refused(text: str) -> None:
    with pytest.raises(Unfit):
        values.domain(text)


@pytest.mark.parametrize("text", ["hexchat.exe", "Google Chrome Helper (GPU)", 'we"ird', "c++", "évolution"])
def test_process_names_are_taken_as_they_are(text: str) -> None:
    assert values.name(text) == text


@pytest.mark.parametrize(
    "text", ["a/b", "C:\\a.exe", "ws-*", "a?", " a", "a ", "", "a\tb", "a\x1b[0m", "a\u200bb", "x" * 256]
)
def test_names_with_paths_wildcards_or_hidden_characters_are_refused(text: str) -> None:
    with pytest.raises(Unfit):
        values.name(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2027-01-31", "2027-01-31"),
        ("2027-01-31T12:00:00+01:00", "2027-01-31T11:00:00Z"),
        ("2027-01-31T12:00Z", "2027-01-31T12:00:00Z"),
        ("2028-02-29", "2028-02-29"),
    ],
)
def test_moments_are_dates_or_instants_in_utc(text: str, canonical: str) -> None:
    assert values.moment(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2027-02-29",
            "20270131",
            "2027-W01-1",
            "2027-1-31",
            "0001-01-01",
            "9999-12-31",
            "tomorrow",
            "",
            "٢٠٢٧-01-31",
        ),
        *("2027-01-31T12:00:00", "2027-01-31T24:00:00Z", "2027-01-31 12:00Z", "2027-01-31T12:00:00.5Z"),
        "2027-01-31T12:00:00+25:00",
    ],
)
def test_other_moments_are_refused(text: str) -> None:
    with pytest.raises(Unfit):
        values.moment(text)


@pytest.mark.parametrize(
    ("text", "kinds", "expected"),
    [
        ("192.0.2.1", {ValueKind.IP, ValueKind.DOMAIN}, (ValueKind.IP, "192.0.2.1")),
        ("2001:db8::1", {ValueKind.IP, ValueKind.DOMAIN}, (ValueKind.IP, "2001:db8::1")),
        ("a.example", {ValueKind.IP, ValueKind.DOMAIN}, (ValueKind.DOMAIN, "a.example")),
        ("a.exe", {ValueKind.IP, ValueKind.PROCESS}, (ValueKind.PROCESS, "a.exe")),
    ],
)
def test_the_category_says_what_a_value_may_be(
    text: str, kinds: set[ValueKind], expected: tuple[ValueKind, str]
) -> None:
    assert values.canonical(text, kinds) == expected


@given(st.text(), st.sets(st.sampled_from(ValueKind)))
def test_reading_a_value_gives_a_canonical_one_or_says_why_not(text: str, kinds: set[ValueKind]) -> None:
    try:
        kind, value = values.canonical(text, kinds)
    except Unfit:
        return
    assert values.canonical(value, {kind}) == (kind, value)


@given(st.ip_addresses(), st.integers(1, 128))
def test_an_accepted_network_is_the_one_that_was_written(address: ipaddress._BaseAddress, prefix: int) -> None:
    try:
        value = values.address(f"{address}/{prefix}")
    except Unfit:
        return
    assert ipaddress.ip_network(value) == ipaddress.ip_network(f"{address}/{prefix}")


@given(st.text(alphabet="0123456789-+:TZ. ", max_size=30))
def test_a_moment_is_read_or_refused(text: str) -> None:
    try:
        value = values.moment(text)
    except Unfit:
        return
    assert values.moment(value) == value
