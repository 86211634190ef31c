"""What every test stands on: a clean environment, no network, fixed places, golden files."""

import fnmatch
import gc
import ipaddress
import os
import socket
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests import warm

# An example may be slow the first time on a busy machine; in CI the examples are the same in every run.
hypothesis.settings.register_profile("deployer", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "deployer")

LONGEST = {
    "test_every_field.py",
    "test_every_shipped_rule_test_passes.py",
    "test_everything_converges.py",
    "test_kibana.py",
    "test_pull.py",
    "test_rehearsal.py",
    "test_sentinel.py",
    "test_shipped.py",
    "test_types.py",
}
FOREIGN_VARIABLES = (
    # what deployer, its libraries and the Azure chain of credentials would read
    *("DEPLOYER_*", "AZURE_*", "IDENTITY_*", "MSI_*", "ELASTIC*", "KIBANA*", "NETRC"),
    *("*_KEY", "*_KEY_ID", "*_TOKEN", "*_SECRET", "*_PASSWORD"),
    *("*_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_*"),
    # what changes an output
    *("CI", "GITHUB_*", "COLUMNS", "LINES", "*COLOR*", "TERM", "XDG_*", "PYTHONWARNINGS"),
    *("CI_PIPELINE_ID", "BUILD_BUILDID"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files; review them as a diff")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the live tests out unless a -m expression was given; begin with the files that take longest."""
    if not config.getoption("markexpr"):
        live = [item for item in items if item.get_closest_marker("live")]
        config.hook.pytest_deselected(items=live)
        items[:] = [item for item in items if item not in live]
    # Whole files go to a worker, and a long one that came last would keep the others waiting.
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_sessionstart() -> None:
    """Thousands of tests and their parameters live as long as the session: to look at them again and again, for
    garbage, took a tenth of the suite's time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From here on there is garbage, and what is there by now is none."""
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


def pytest_sessionfinish() -> None:
    """So that what is left at the end is taken apart in order."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def clean_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing of the developer's shell reaches a test: no credential, proxy, CA bundle, netrc or colour setting."""
    if request.node.get_closest_marker("live"):
        return
    for name in os.environ:
        if any(fnmatch.fnmatchcase(name.upper(), pattern) for pattern in FOREIGN_VARIABLES):
            monkeypatch.delenv(name)
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture(autouse=True)
def loopback_only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that looks up or connects to anything but this machine fails.

    `pytest.fail` is no OSError, so that code under test cannot take it for an unreachable host.
    """
    if request.node.get_closest_marker("live"):
        return

    def refuse_outside(host: Any) -> None:
        if not _is_loopback(host):
            pytest.fail(f"the test reached for the network: {host!r}")

    def guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
        def connect_inside(self: socket.socket, address: Any) -> Any:
            if self.family in {socket.AF_INET, socket.AF_INET6}:
                refuse_outside(address[0])
            return connect(self, address)

        return connect_inside

    resolve = socket.getaddrinfo

    def resolve_inside(host: Any, *args: Any, **options: Any) -> Any:
        refuse_outside(host)
        return resolve(host, *args, **options)

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", resolve_inside)


def _is_loopback(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def deployer_command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`deployer` for scripts: a program that starts sooner than `python -m deployer` and does the same."""
    with warm.command(tmp_path_factory.mktemp("command")) as tool:
        yield tool


@pytest.fixture(scope="session")
def shared(repo_root: Path) -> Path:
    """The vendors' descriptions and samples that may lie beside the checkout and are no part of it."""
    folder = repo_root.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"no vendor descriptions beside the checkout ({folder.name}/)")
    return folder


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with a golden file as a whole; `pytest --update-golden` writes the file instead."""
    update = request.config.getoption("--update-golden")

    def compare(file: Path, text: str) -> None:
        if update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        assert file.exists(), f"{file} is missing: write it with pytest --update-golden and review it"
        assert text == file.read_bytes().decode()

    return compare
