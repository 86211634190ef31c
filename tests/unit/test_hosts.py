"""Where a credential may go: addresses and patterns have one reading, the one that the HTTP library has too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer import hosts
from deployer.hosts import Server
from deployer.hosts import Unfit


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("https://kb.acme.example", Server("https", "kb.acme.example", 443, "")),
        ("https://KB.Acme.Example:443/", Server("https", "kb.acme.example", 443, "")),
        ("https://kb.acme.example:9243/base/", Server("https", "kb.acme.example", 9243, "/base")),
        ("https://[2001:DB8::1]:5601", Server("https", "2001:db8::1", 5601, "")),
        ("http://localhost:5601", Server("http", "localhost", 5601, "")),
        ("http://127.8.8.8", Server("http", "127.8.8.8", 80, "")),
        ("http://[::1]", Server("http", "::1", 80, "")),
    ],
)
def test_an_address_has_one_form(url: str, server: Server) -> None:
    assert hosts.server(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "kb.acme.example",
        "//kb.acme.example",
        "ftp://kb.acme.example",
        "https://",
        "https://:443",
        "https://kb.acme.example:",
        "https://kb.acme.example:0",
        "https://kb.acme.example:99999",
        "https://kb.acme.example:x",
        "https://user:PLANTED@kb.acme.example",
        "https://kb.acme.example@evil.example",
        "https://kb.acme.example\\@evil.example",
        "https://kb.acme.example?x=1",
        "https://kb.acme.example/#x",
        "https://kb.acme.example/a b",
        "https://kb.acme.example\n",
        "https://kb.acmé.example",
        "https://kb..example",
        "https://2130706433",
        "https://0x7f.1",
        "https://[::1",
        "http://kb.acme.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://[::ffff:127.0.0.1]",
        "http://0.0.0.0",
    ],
)
def test_other_addresses_are_refused_without_being_shown(url: str) -> None:
    with pytest.raises(Unfit) as refused:
        hosts.server(url)

    assert "PLANTED" not in str(refused.value)
    assert "evil" not in str(refused.value)


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("kb.acme.example", "kb.acme.example", True),
        ("kb.acme.example", "evil-kb.acme.example", False),
        ("*.es.example", "a.es.example", True),
        ("*.es.example", "a.b.es.example", True),
        ("*.es.example", "es.example", False),
        ("*.es.example", "evil-es.example", False),
        ("*.es.example", "a.es.example.evil.example", False),
    ],
)
def test_a_pattern_covers_its_host_or_what_lies_beneath_its_suffix(pattern: str, host: str, covered: bool) -> None:
    assert hosts.covers([pattern], host) is covered


@pytest.mark.parametrize(
    "pattern", ["*", "*.example", "*.*.example", "a*.acme.example", "*.0.0.1", "https://a.example", ""]
)
def test_patterns_that_cover_too_much_are_refused(pattern: str) -> None:
    with pytest.raises(Unfit):
        hosts.canonical_pattern(pattern)


@given(st.one_of(st.text(), st.text(alphabet="ahtps:/.@[]?#%\\019*").map("https://".__add__)))
def test_an_address_is_read_or_refused(url: str) -> None:
    try:
        server = hosts.server(url)
    except Unfit:
        return
    assert hosts.canonical_host(server.host) == server.host


@pytest.mark.parametrize("pattern", ["127.0.0.1:9", "kb.acme.example:9243", "*.acme.example:443", "[::1]:9", "a:"])
def test_a_port_beside_a_host_is_said_to_be_one_too_many(pattern: str) -> None:
    with pytest.raises(Unfit, match="must be a host name or an address alone, without a port"):
        hosts.canonical_pattern(pattern)


@pytest.mark.parametrize("address", ["::1", "2001:db8::9", "1::"])
def test_an_address_of_ipv6_has_no_port(address: str) -> None:
    assert hosts.canonical_pattern(address) == address
