"""Blocklists: what is allowed and known to be bad is an error, and so is a list that cannot be read."""

from pathlib import Path

import pytest

from deployer.blocklists import read
from deployer.findings import Location
from deployer.model import ValueKind

HERE = Location("environments/test/tenants/acme.yaml", 7)
FEODO = """\
################################################################
# abuse.ch Feodo Tracker Botnet C2 IP Blocklist (CSV)          #
################################################################
#
"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"
"2026-01-17 07:30:05","{}","443","offline","2026-08-18","Dridex"
"2026-01-17 07:44:46","192.0.2.201","4643","online","2026-08-18","QakBot"
# END 2 entries
"""
FEODO_JSON = """[
    {{
        "ip_address": "192.0.2.201", "port": 4643, "status": "online", "hostname": null, "malware": "QakBot"
    }},
    {{
        "ip_address": "{}",
        "port": 443, "status": "offline", "hostname": null, "malware": "Dridex"
    }}
]
"""
MISP = """\
uuid,event_id,category,type,value,comment,to_ids,date,object_relation,attribute_tag
1-1,7,"Network activity",ip-dst,192.0.2.201,"of ""two"" lines,
no less",1,2026,,
1-2,7,"Payload delivery",sha256,{0},,1,2026,,
1-3,7,"Network activity",ip-dst|port,{0}|443,,1,2026,,
"""
PLAIN = "# a list\r\n; another comment\r\n\r\n192.0.2.201\r\n{}   # of a botnet\r\n"
DROP = "; Spamhaus DROP List\n1.10.16.0/20 ; SBL256894\n{}/28 ; SBL459831\n"


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """`listed(text, …)`: lists of these texts, and what is wrong with them."""
    monkeypatch.chdir(tmp_path)

    def call(*texts):
        files = [Path(f"list-{number}") for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(files)

    return call


@pytest.mark.parametrize(
    ("text", "line", "about"),
    [
        (FEODO, 6, " ('Dridex')"),
        (FEODO_JSON, 6, " ('Dridex')"),
        (MISP, 5, " ('Network activity')"),
        (PLAIN, 5, " ('of a botnet')"),
    ],
    ids=["feodo-csv", "feodo-json", "misp", "plain"],
)
def test_an_allowed_address_on_a_list_is_an_error_that_names_both_places(listed, text, line, about):
    lists, faults = listed(text.format("198.51.100.33"))

    found = lists.finding(ValueKind.IP, "198.51.100.33", HERE)
    assert (faults, lists.sizes) == ((), (("list-0", 2),))
    assert str(found) == (
        f"{HERE}: error: '198.51.100.33' is on the blocklist list-0:{line}:1{about}; take it out, or have the list "
        "corrected where it is wrong [on-blocklist]"
    )


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("198.51.100.32/28\n", "198.51.100.33", "lies in '198.51.100.32/28', which is on the blocklist list-0:1:1"),
        (
            DROP.format("198.51.100.35"),
            "198.51.100.33",
            "lies in '198.51.100.32/28', which is on the blocklist list-0:3",
        ),
        ("::ffff:198.51.100.33\n", "198.51.100.33", "is on the blocklist list-0:1:1"),
        ("198.51.100.33\n", "198.51.100.33", "is on the blocklist list-0:1:1"),
        ("203.0.113.77\n", "203.0.113.0/25", "holds '203.0.113.77', which is on the blocklist list-0:1:1"),
        (
            "203.0.113.78\n203.0.113.77\n203.0.113.64/27\n203.0.113.3\n",
            "203.0.113.0/25",
            "holds '203.0.113.3', which is on the blocklist list-0:4:1, and holds 1 more that are listed",
        ),
        ("2001:db8:a9:7::1\n", "2001:db8:a9::/48", "holds '2001:db8:a9:7::1', which is on the blocklist list-0:1:1"),
    ],
)
def test_ranges_are_found_from_either_side(listed, text, value, said):
    lists, _ = listed(text)

    found = lists.finding(ValueKind.IP, value, HERE)
    assert found.message.startswith(f"'{value}' {said}")
    for other in ("198.51.100.31", "198.51.100.48", "203.0.113.128/25", "2001:db8:a8::/48", "2001:db8:aa::1"):
        assert lists.finding(ValueKind.IP, other, HERE) is None


KNOWN = "known are Feodo Tracker's CSV and JSON, MISP's CSV, and plain lists of one address, range or domain a line"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "the blocklist names no address and no domain"),
        ("# only\n; comments\n\n", 1, "the blocklist names no address and no domain"),
        (FEODO.partition('"2026')[0] + "# END 0 entries\n", 1, "the blocklist names no address and no domain"),
        (MISP.partition("1-1")[0] + "1-2,7,x,md5,0123,,1,2026,,\n", 1, "the blocklist names no address and no domain"),
        ("[]", 1, "the blocklist names no address and no domain"),
        ("<html>\n<body>Service unavailable</body>\n", 1, f"the blocklist is in no known format; {KNOWN}"),
        ("ip,port\n198.51.100.33,443\n", 1, f"the blocklist is in no known format; {KNOWN}"),
        ('{"error": "quota"}', 1, f"the blocklist is JSON, and no list of objects with `ip_address`; {KNOWN}"),
        ('[{"ip": "1.2.3.4"}]', 1, f"the blocklist is JSON, and no list of objects with `ip_address`; {KNOWN}"),
        ("[" * 100000, 1, "the blocklist begins as JSON and is none: "),
        ('[{"ip_address": "192.0.2.1"}', 1, "the blocklist begins as JSON and is none: "),
        (b"192.0.2.1\n\xff\xfe\n", 1, f"the blocklist is no text in UTF-8; {KNOWN}"),
        ("192.0.2.1\n192.0.2.256\n", 2, "'192.0.2.256' is no address, no CIDR range and no domain"),
        ("192.0.2.1\n0.0.0.0/0\n", 2, "'0.0.0.0/0' names every address"),
        ("192.0.2.1\n192.0.2.3 192.0.2.4\n", 2, "'192.0.2.3 192.0.2.4' is no address, no CIDR range and no domain"),
        (FEODO.format("198[.]51"), 6, "'198[.]51' is no address, no CIDR range and no domain"),
        (FEODO.format('1.2.3.4","x'), 6, "is no address, no CIDR range and no domain"),
        (FEODO.format("192.0.2.1").replace("Dridex", 'Dri"d'), 1, "the blocklist breaks off as CSV near line 6"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read_is_an_error_and_never_nothing_on_it(listed, text, line, said):
    lists, (found,) = listed(text)

    assert (lists.sizes, found.code, found.severity) == ((), "bad-blocklist", "error")
    assert found.location == Location("list-0", line)
    assert said in found.message


def test_many_lines_that_cannot_be_read_are_counted(listed):
    lists, faults = listed("192.0.2.201\n" + "nonsense\n" * 40)

    assert (len(faults), lists.sizes) == (6, ())
    assert str(faults[-1]) == "list-0:7:1: error: 35 more lines of the blocklist cannot be read [bad-blocklist]"
    assert lists.finding(ValueKind.IP, "192.0.2.201", HERE)


def test_domains_are_found_alone_and_below_a_listed_one(listed):
    lists, faults = listed("EVIL.example.\n*.bad.vendor.example\n_dmarc.else.example\n")

    said = {
        name: (found.severity, found.message.partition(";")[0].replace("is on the blocklist ", "@"))
        for name in ("evil.example", "www.evil.example", "vendor.example", "bad.vendor.example", "other.example")
        if (found := lists.finding(ValueKind.DOMAIN, name, HERE))
    }
    assert faults == ()
    assert said == {
        "evil.example": ("error", "'evil.example' @list-0:1:1"),
        "www.evil.example": ("error", "'www.evil.example' lies below 'evil.example', which @list-0:1:1"),
        "vendor.example": ("warning", "'vendor.example' lies above 'bad.vendor.example', which @list-0:2:1"),
        "bad.vendor.example": ("error", "'bad.vendor.example' @list-0:2:1"),
    }
    assert lists.finding(ValueKind.PROCESS, "evil.example", HERE) is None


def test_what_a_list_says_about_an_address_is_shown_as_text(listed):
    lists, _ = listed('[{"ip_address": "203.0.113.226", "malware": "\\u001b[31mred"}]')

    assert "('\\x1b[31mred')" in lists.finding(ValueKind.IP, "203.0.113.226", HERE).message


def test_ten_thousand_entries_against_a_hundred_thousand_addresses_take_a_moment(listed):
    lists, _ = listed("".join(f"{a}.{b}.7.9\n" for a in range(11, 255) for b in range(250)))

    found = [lists.finding(ValueKind.IP, f"20.{n // 250}.{n % 250}.0/24", HERE) for n in range(10000)]
    assert sum(each is not None for each in found) == 40


def test_a_long_list_in_json_is_read_in_a_moment_and_each_line_is_told(listed):
    there = [f'{{"ip_address": "{a}.{b}.7.9", "malware": "x"}}' for a in range(11, 91) for b in range(250)]
    lists, faults = listed("[\n" + ",\n".join(there) + "\n]", "[" + ",\n".join(there).replace(".", "\\u002e") + "]")

    assert faults == ()
    assert "list-0:2752:1" in lists.finding(ValueKind.IP, "22.0.7.9", HERE).message


@pytest.mark.parametrize("text", ['"dst_ip";"port"\n"1.2.3.4";"80"\n', "1.2.3.4\r5.6.7.8\r"])
def test_what_is_no_csv_in_its_first_line_is_refused_in_words(listed, text):
    _, faults = listed(text)

    assert [one.code for one in faults] == ["bad-blocklist"]
