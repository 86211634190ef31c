"""allowlist import: what a vendor publishes becomes a shared list, whole or not at all."""

import json
import threading
from collections.abc import Callable
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import responses

from deployer.allowlist import fetching
from deployer.errors import CannotImport
from deployer.manifest.load import inspect
from tests.cli.conftest import Run

RANGES = {
    "agents": {
        "prefixes_ipv4": ["192.0.2.0/25", "192.0.2.128/25", "198.51.100.7/32"],
        "prefixes_ipv6": ["2001:db8::/48"],
    },
    "apm": {"prefixes_ipv4": ["203.0.113.0/24"], "prefixes_ipv6": []},
}
NEW = ("--category", "apm_vendors", "--owner", "soc@acme.example", "--reason", "Agents: report there")
LIST = """\
# Approved by the platform team.
category: apm_vendors
title: Monitoring vendor
owner: platform@acme.example
reason: Agents report there
# what they publish
values:
  # Europe
  - 192.0.2.0/24   # Frankfurt
  - 198.51.100.7
  - 203.0.113.0/25
"""


class Vendor(BaseHTTPRequestHandler):
    """A web server with everything that can go wrong at a vendor's."""

    def do_GET(self) -> None:
        self.server.seen.append(dict(self.headers))  # type: ignore[attr-defined]
        path = self.path.partition("?")[0]
        match path:
            case "/ranges.json":
                self.answer(200, json.dumps(RANGES).encode())
            case "/moved":
                self.answer(302, b"", Location="/ranges.json")
            case "/elsewhere":
                self.answer(302, b"", Location="https://ranges.example/ranges.json")
            case "/round":
                self.answer(302, b"", Location="/round")
            case "/page":
                self.answer(200, b"<!doctype html><title>Please log in</title>")
            case "/compressed":
                self.answer(200, b"\x1f\x8b", Content_Encoding="gzip")
            case "/half":
                self.answer(200, b"192.0.2.1\n", length=1000)
            case "/huge":
                self.send_response(200)
                self.end_headers()
                self.endless()
            case _:
                self.answer(404, b"192.0.2.1\n")

    def answer(self, status: int, body: bytes, /, *, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def endless(self) -> None:
        try:
            while True:
                self.wfile.write(b"192.0.2.1\n" * 6000)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def vendor() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def url(vendor: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{vendor.server_address[1]}"


@pytest.fixture
def ranges(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """A file with a text, by its path."""

    def write(text: str) -> str:
        file = tmp_path_factory.mktemp("download") / "ranges.txt"
        file.write_text(text)
        return str(file)

    return write


def shared(root: Path, text: str | None = None) -> Path:
    file = root / "rules/allowlists/vendor.yaml"
    if text is not None:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return file


def test_a_new_list_is_written_from_an_address(deployer: Callable[..., Run], root: Path, url: str) -> None:
    done = deployer(
        "allowlist", "import", f"{url}/ranges.json?key=S3cr3t", "--list", "vendor", *NEW,
        "--select", "agents.prefixes_ipv4", "--select", "agents.prefixes_ipv6", "--reviewed", "2026-11-22",
    )  # fmt: skip

    assert done.code == 0, done
    assert "rules/allowlists/vendor.yaml: 3 added, 0 removed, 0 kept\n" in done.out
    assert "4 addresses and ranges read from `agents.prefixes_ipv4`, `agents.prefixes_ipv6`; 3 ranges after" in done.out
    assert shared(root).read_text() == (
        "category: apm_vendors\n"
        "title: vendor\n"
        "owner: soc@acme.example\n"
        "reason: 'Agents: report there'\n"
        f"source: '{url}/ranges.json'\n"
        "reviewed: 2026-11-22\n"
        "values:\n"
        "  - 192.0.2.0/24\n"
        "  - 198.51.100.7\n"
        "  - '2001:db8::/48'\n"
    )
    assert "S3cr3t" not in done.out + done.err
    assert {finding.code for finding in inspect(root, "demo")} == {"unused-list"}


def test_a_list_that_is_there_becomes_equal_and_keeps_its_comments(
    deployer: Callable[..., Run], root: Path, ranges: Callable[[str], str]
) -> None:
    file = shared(root, LIST)
    source = ranges("192.0.2.0/24\n203.0.113.0/24\n2001:db8::/48\n")

    dry = deployer("allowlist", "import", source, "--list", "vendor", "--reviewed", "2026-11-22", "--dry-run")

    assert (dry.code, file.read_text()) == (0, LIST)
    assert "rules/allowlists/vendor.yaml: 2 added, 2 removed, 1 kept\n" in dry.out
    assert "      -  - 198.51.100.7\n" in dry.out
    assert dry.out.endswith("  Nothing was written: --dry-run.\n")

    done = deployer("allowlist", "import", source, "--list", "vendor", "--reviewed", "2026-11-22")

    assert done.code == 0, done
    assert file.read_text() == (
        "# Approved by the platform team.\n"
        "category: apm_vendors\n"
        "title: Monitoring vendor\n"
        "owner: platform@acme.example\n"
        "reason: Agents report there\n"
        "source: ranges.txt\n"
        "reviewed: 2026-11-22\n"
        "# what they publish\n"
        "values:\n"
        "  # Europe\n"
        "  - 192.0.2.0/24   # Frankfurt\n"
        "  - 203.0.113.0/24\n"
        "  - '2001:db8::/48'\n"
    )
    again = deployer("allowlist", "import", source, "--list", "vendor", "--reviewed", "2026-11-22", "--format", "json")
    assert (again.json["added"], again.json["removed"], again.json["kept"], again.json["diff"]) == ([], [], 3, "")


def test_a_list_that_would_lose_most_of_itself_wants_a_word(
    deployer: Callable[..., Run], root: Path, ranges: Callable[[str], str]
) -> None:
    """A download that broke off, or a wrong path, looks like this."""
    file = shared(root, LIST)
    source = ranges("192.0.2.0/24\n")

    refused = deployer("allowlist", "import", source, "--list", "vendor")

    assert (refused.code, file.read_text()) == (1, LIST)
    assert "x nothing was written: 2 of its 3 ranges would be allowed no longer, such as 198.51.100.7" in refused.out
    assert deployer("allowlist", "import", source, "--list", "vendor", "--yes").code == 0
    assert "203.0.113.0/25" not in file.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no address in its lines"),
        ("0.0.0.0/1\n128.0.0.0/1\n", "together are 0.0.0.0/0: every address there is"),
        ("192.0.2.1\nnot an address\n", "line 2: 'not an address'"),
        ("::ffff:192.0.2.1\n", "is IPv4 written as IPv6; write the IPv4 form (192.0.2.1)"),
        ("\x1b[2J192.0.2.1\n", "line 1: '\\x1b[2J192.0.2.1'"),
    ],
)
def test_what_cannot_be_a_list_is_refused(
    deployer: Callable[..., Run], root: Path, ranges: Callable[[str], str], text: str, message: str
) -> None:
    done = deployer("allowlist", "import", ranges(text), "--list", "vendor", *NEW)

    assert done.code == 1
    assert message in done.err
    assert "\x1b" not in done.err
    assert not shared(root).exists()


def test_private_ranges_are_remarked_on(deployer: Callable[..., Run], ranges: Callable[[str], str]) -> None:
    done = deployer("allowlist", "import", ranges("10.0.0.0/8\n192.0.2.1\n"), "--list", "vendor", *NEW)

    assert done.code == 0
    assert "note: private, so no vendor's: 10.0.0.0/8; a rule that looks at public addresses never sees" in done.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "the list 'vendor' is new: say --category, one of apm_vendors"),
        (("--category", "apm_vendors"), "the list 'vendor' is new: say --owner and --reason"),
        (("--category", "apm_vendor", *NEW[2:]), "no category `apm_vendor` in rules/allowlists.yaml; did you mean"),
        (("--list", "../vendor", *NEW), "a list's name is of a-z, 0-9"),
        (("--reviewed", "yesterday", *NEW), "--reviewed must be a date"),
    ],
)
def test_what_is_asked_for_wrongly_is_a_usage_error(
    deployer: Callable[..., Run], ranges: Callable[[str], str], options: tuple[str, ...], message: str
) -> None:
    done = deployer("allowlist", "import", ranges("192.0.2.1\n"), "--list", "vendor", *options)

    assert done.code == 64
    assert message in done.err


def test_a_list_of_another_category_or_with_faults_is_left_alone(
    deployer: Callable[..., Run], root: Path, ranges: Callable[[str], str]
) -> None:
    file = shared(root, LIST)
    other = deployer("allowlist", "import", ranges("192.0.2.1\n"), "--list", "vendor", "--category", "proxies")
    file.write_text(LIST + "ownr: typo\n")
    broken = deployer("allowlist", "import", ranges("192.0.2.1\n"), "--list", "vendor")

    assert (other.code, broken.code) == (64, 1)
    assert "the list 'vendor' is of `apm_vendors`, not of `proxies`" in other.err
    assert "rules/allowlists/vendor.yaml:12:1: error: unknown key `ownr`; did you mean 'owner'?" in broken.err


def test_a_redirect_is_followed_on_the_same_server_only(deployer: Callable[..., Run], root: Path, url: str) -> None:
    select = ("--select", "apm.prefixes_ipv4")
    moved = deployer("allowlist", "import", f"{url}/moved", "--list", "vendor", *NEW, *select)
    away = deployer("allowlist", "import", f"{url}/elsewhere", "--list", "vendor", *select)
    round = deployer("allowlist", "import", f"{url}/round", "--list", "vendor", *select)

    assert (moved.code, away.code, round.code) == (0, 1, 1)
    assert "redirects to 'ranges.example', which is another server" in away.err
    assert "redirects more than 5 times" in round.err
    assert f"source: '{url}/moved'" in shared(root).read_text()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/gone", "404 from"),
        ("/page", "this is HTML or XML"),
        ("/compressed", "is compressed although asked not to be"),
        ("/half", "it ended before its end"),
    ],
)
def test_an_answer_that_is_not_the_list_or_not_whole_is_refused(
    deployer: Callable[..., Run], root: Path, url: str, path: str, message: str
) -> None:
    done = deployer("allowlist", "import", url + path, "--list", "vendor", *NEW)

    assert done.code == 1
    assert message in done.err
    assert not shared(root).exists()


def test_an_answer_without_end_is_cut_off(url: str, tmp_path: Path) -> None:
    with pytest.raises(CannotImport, match="holds more than 1 MB"):
        fetching.fetch(f"{url}/huge", most=1024 * 1024)
    file = tmp_path / "huge.txt"
    file.write_bytes(b" " * (1024 * 1024 + 1))
    with pytest.raises(CannotImport, match="holds more than 1 MB"):
        fetching.fetch(str(file), most=1024 * 1024)
    with pytest.raises(CannotImport, match="was not there in full"):
        fetching.fetch(f"{url}/huge", longest=0)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("http://ranges.example/x", "must start with https://; http:// is for this machine only"),
        ("ftp://ranges.example/x", "must start with https://"),
        ("https://jo:S3cr3t@ranges.example/x", "must not hold a user name or password"),
        ("https://127.0.0.1:1/x", "no whole answer from 'https://127.0.0.1:1/x': the connection failed"),
        ("nowhere.json", "'nowhere.json' cannot be read: No such file or directory"),
    ],
)
def test_an_address_is_https_and_carries_no_secret(deployer: Callable[..., Run], source: str, message: str) -> None:
    done = deployer("allowlist", "import", source, "--list", "vendor", *NEW)

    assert done.code == 1
    assert message in done.err
    assert "S3cr3t" not in done.err


@responses.activate
def test_no_credential_goes_with_the_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not to this machine, where no netrc is asked anyway."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login jo password S3cr3t\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    responses.get("https://ranges.example/x", body=b"192.0.2.1\n")

    assert fetching.fetch("https://ranges.example/x?id=1") == b"192.0.2.1\n"
    [call] = responses.calls
    assert "Authorization" not in call.request.headers
    assert call.request.url == "https://ranges.example/x?id=1"
