"""What vendors publish, in every form that they publish it in."""

import json

import pytest

from deployer.allowlist.published import Choice
from deployer.allowlist.published import Published
from deployer.allowlist.published import read
from deployer.errors import CannotImport

AWS = {
    "syncToken": "1",
    "prefixes": [
        {"ip_prefix": "192.0.2.0/25", "region": "eu-west-1", "service": "S3"},
        {"ip_prefix": "192.0.2.128/25", "region": "us-east-1", "service": "S3"},
        {"ip_prefix": "198.51.100.0/24", "region": "eu-west-1", "service": "AMAZON"},
    ],
    "ipv6_prefixes": [{"ipv6_prefix": "2001:db8::/32", "region": "eu-west-1", "service": "S3"}],
}
DATADOG = {
    "version": 7,
    "agents": {"prefixes_ipv4": ["192.0.2.0/24"], "prefixes_ipv6": ["2001:db8::/48"]},
    "apm": {"prefixes_ipv4": ["198.51.100.7/32"], "prefixes_ipv6": []},
}
ZSCALER = {"zscaler.net": {"continent : EMEA": {f"city : {n}": [{"range": f"192.0.2.{n}"}] for n in range(25)}}}
OFFICE = [{"id": 1, "ips": ["192.0.2.0/24", "2001:db8::/40"], "urls": ["a.example"]}, {"id": 2, "urls": ["b.example"]}]
GITHUB = {"hooks": ["192.0.2.0/24"], "web": ["192.0.2.0/24", "198.51.100.0/24"], "ssh_keys": ["ssh-ed25519 AAAA"]}


def of(value: object, *select: str, **choice: str) -> Published:
    return read(json.dumps(value).encode(), Choice(select, **choice))


def refused(data: bytes, *select: str, **choice: str) -> str:
    with pytest.raises(CannotImport) as caught:
        read(data, Choice(select, **choice))
    return str(caught.value)


@pytest.mark.parametrize(
    ("document", "select", "addresses"),
    [
        (AWS, "prefixes[service=S3].ip_prefix", ("192.0.2.0/25", "192.0.2.128/25")),
        (AWS, 'prefixes[service=S3, region="us-east-1"].ip_prefix', ("192.0.2.128/25",)),
        (AWS, "ipv6_prefixes[].ipv6_prefix", ("2001:db8::/32",)),
        (DATADOG, "agents.prefixes_ipv4", ("192.0.2.0/24",)),
        (DATADOG, "agents.prefixes_ipv4[]", ("192.0.2.0/24",)),
        (DATADOG, "*.prefixes_ipv4", ("192.0.2.0/24", "198.51.100.7")),
        (OFFICE, "[].ips", ("192.0.2.0/24", "2001:db8::/40")),
        (GITHUB, "web", ("192.0.2.0/24", "198.51.100.0/24")),
        (ZSCALER, '"zscaler.net"."continent : EMEA"."city : 7"[].range', ("192.0.2.7",)),
    ],
)
def test_a_path_says_what_of_json_is_meant(document: object, select: str, addresses: tuple[str, ...]) -> None:
    assert of(document, select).addresses == addresses


def test_a_single_path_goes_without_saying() -> None:
    assert of(OFFICE) == Published(("192.0.2.0/24", "2001:db8::/40"), "`[].ips`")


def test_several_paths_are_shown_with_their_numbers_and_none_is_guessed() -> None:
    assert refused(json.dumps(AWS).encode()) == (
        "there are addresses at 2 paths; choose with --select:\n"
        "  `ipv6_prefixes[].ipv6_prefix` (1)\n"
        "  `prefixes[].ip_prefix` (3)"
    )


def test_many_paths_that_differ_in_names_are_one() -> None:
    both = {**ZSCALER, "hubs": ["198.51.100.1"]}

    assert refused(json.dumps(both).encode()) == (
        "there are addresses at 2 paths; choose with --select:\n"
        '  `"zscaler.net"."continent : EMEA".*[].range` (25)\n'
        "  `hubs` (1)"
    )
    assert len(of(both, '"zscaler.net"."continent : EMEA".*[].range').addresses) == 25


@pytest.mark.parametrize(
    ("data", "choice", "message"),
    [
        (b'{"a": ["192.0.2.1", "example.com"]}', {}, "`a[1]`: 'example.com' is"),
        (b'{"a": ["192.0.2.1", 7]}', {}, "`a[1]`: '7' is no address"),
        (b'{"a": {"b": ["192.0.2.1"]}}', {"select": ("a",)}, "`a` is an object, no address; go on to what is in it"),
        (b'{"a": ["192.0.2.1"]}', {"select": ("b",)}, "`b` leads to nothing; there are addresses at\n  `a` (1)"),
        (b'{"a": [{"s": "x", "ip": "192.0.2.1"}]}', {"select": ("a[s=y].ip",)}, "leads to nothing"),
        (b'{"a": ["192.0.2.1"], "a": []}', {}, "the name 'a' stands twice"),
        (b'{"a": ["192.0.2.1"', {}, "line 1, column 19: not JSON"),
        (b"[" * 100_000, {}, "nested too deep"),
        (b'{"a": []}', {}, "no text in this JSON is an address"),
        (b'{"a": ["192.0.2.1"]}', {"column": "a"}, "--column is for CSV"),
        (b'{"a": ["192.0.2.1"]}', {"select": ("a..b",)}, "is no path"),
        (b'{"a": ["192.0.2.1"]}', {"select": ("a.",)}, "is no path"),
        (b'{"a": ["192.0.2.1"]}', {"select": ("",)}, "is no path"),
        (b'{"a": ["192.0.2.1"]}', {"select": ("a[s].b",)}, "write a condition as"),
        (b"<!doctype html><html>", {}, "this is HTML or XML"),
        (b"192.0.2.1\n\xff\n", {}, "line 2 is not UTF-8"),
        (b"", {}, "there is no address in its lines"),
        (b"192.0.2.1\nirc.example\n", {}, "line 2: 'irc.example' is"),
        (b"192.0.2.1\n::ffff:192.0.2.2\n", {}, "line 2: '::ffff:192.0.2.2' is IPv4 written as IPv6"),
        (b"0.0.0.0/0\n", {}, "line 1: '0.0.0.0/0' allows every address"),
        ("192.0.2.\u0661\n".encode(), {}, "line 1: "),
        (
            b"192.0.2.7/24\n",
            {},
            "or 192.0.2.7 for the address; if the source means",
        ),
        (b"192.0.2.1\n", {"select": ("a",)}, "--select is for JSON"),
        (b"name,ip\nweb,192.0.2.1\nmail\n", {}, "line 3 holds 1 cells, the first line 2"),
        (b"name,ip\nweb,192.0.2.1\nmail,none\n", {}, "line 3, column `ip`: 'none' is"),
        (b'name,ip\n"web,192.0.2.1\n', {}, "line 2 is not CSV"),
        (b"a,b\n192.0.2.1,192.0.2.2\n", {}, "in 2 columns; choose with --column:\n  `a` (1)\n  `b` (1)"),
        (b"a,b\n192.0.2.1,x\n", {"column": "c"}, "there is no column 'c'; there are `a`, `b`"),
        (b"a,b\nx,y\n", {}, "no column holds addresses"),
    ],
)
def test_what_is_no_list_of_addresses_is_refused_with_its_place(data: bytes, choice: dict, message: str) -> None:
    with pytest.raises(CannotImport) as caught:
        read(data, Choice(**choice))

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "choice", "addresses"),
    [
        ("# Ours\n\n192.0.2.1 # web\n192.0.2.0/24\t; SBL7\n// end\n", {}, ("192.0.2.1", "192.0.2.0/24")),
        ("\ufeff192.0.2.1\r\n2001:DB8::1\r\n", {}, ("192.0.2.1", "2001:db8::1")),
        ("192.0.2.7/24\n", {"host_bits": "network"}, ("192.0.2.0/24",)),
        ("192.0.2.7/24\n", {"host_bits": "address"}, ("192.0.2.7",)),
        ("ip;name\n192.0.2.1;web\n", {}, ("192.0.2.1",)),
        ('"name","ip, v4"\n"a, b",192.0.2.1\n', {"column": "ip, v4"}, ("192.0.2.1",)),
        ("192.0.2.1,192.0.2.2\n", {"column": "2"}, ("192.0.2.2",)),
        ("# first\nname\tip\nweb\t192.0.2.1\n", {}, ("192.0.2.1",)),
    ],
)
def test_lines_and_columns_are_told_apart_by_what_they_hold(text: str, choice: dict, addresses: tuple) -> None:
    assert read(text.encode(), Choice(**choice)).addresses == addresses


def test_what_is_blank_is_counted() -> None:
    assert read(b"v4,v6\n192.0.2.1,\n,2001:db8::1\n", Choice(column="v6")) == Published(
        ("2001:db8::1",), "column `v6`", blank=1
    )


def test_faults_are_told_ten_at_a_time() -> None:
    said = refused("\n".join(f"host-{number}" for number in range(30)).encode())

    assert len(said.split("\n")) == 11
    assert said.endswith("and 20 more")
