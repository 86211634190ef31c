"""rules/*/tests.yaml as values; what is wrong with one is in tests/cases/manifest/rule-tests."""

import shutil
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from pathlib import Path

import pytest

from deployer.cases import AddressesFrom
from deployer.cases import Case
from deployer.cases import CaseHalf
from deployer.cases import Cycle
from deployer.cases import EventSeries
from deployer.cases import Matches
from deployer.cases import NumbersFrom
from deployer.cases import RuleTest
from deployer.cases import TextOf
from deployer.findings import Location
from deployer.findings import Severity
from deployer.manifest import rules
from deployer.manifest import tests
from deployer.manifest.load import inspect
from deployer.manifest.load import load
from deployer.model import Entry
from deployer.model import Platform
from deployer.model import ValueKind

PATH = "rules/beacon/tests.yaml"
TEXT = """\
now: 2026-11-20T13:00:00+01:00
base:
  sentinel:
    DeviceNetworkEvents: {DeviceName: ws-1, RemotePort: 6667}
  kibana:
    logs-endpoint.events.network-default: {host: {name: ws-1}, source.ip: 192.0.2.1, source.port: 5}
cases:
  - name: Everything there is
    about: "Boundary: all of it"
    now: 2026-11-20T11:00:00Z
    allowlists: {irc_servers: [{value: 192.0.2.7, expires: 2026-11-19}]}
    overlay: {severity: low, kibana: {threshold: {value: 7}}}
    sentinel:
      events:
        - DeviceNetworkEvents: {RemotePort: null, DeviceName: ws-2}
          before: 1d2h3m4s
          times: 20
          every: 1m30s
          vary: {RemoteIP: {address_from: "2001:DB8::1"}, RemotePort: {count_from: 7}, RemoteUrl: {text: "{n}.example"}}
        - DeviceNetworkEvents: {}
          at: [2026-11-20T10:00:00Z, 2026-11-20T10:30:00Z]
          vary: {DeviceName: [a, b]}
      matches: [{DeviceName: ws-2}]
    kibana:
      events:
        - logs-endpoint.events.network-default: {source: null, destination: {port: 6697}}
          before: [2h, 1h]
      matches: 3
"""


@pytest.fixture
def root(tmp_path: Path, repo_root: Path) -> Path:
    shutil.copytree(repo_root / "tests/cases/manifest/sound", tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_a_file_becomes_values_with_its_base_laid_under_every_event(root: Path) -> None:
    (root / PATH).write_text(TEXT)
    book = rules.read(root)

    found = tests.read(root, book)

    def at(line: int, column: int) -> Location:
        return Location(PATH, line, column)

    now = datetime(2026, 11, 20, 11, tzinfo=UTC)
    sentinel = CaseHalf(
        events=(
            EventSeries(
                source="DeviceNetworkEvents",
                fields={"DeviceName": "ws-2"},
                starts=(now - timedelta(days=1, hours=2, minutes=3, seconds=4),),
                location=at(15, 11),
                times=20,
                every=timedelta(seconds=90),
                vary={
                    "RemoteIP": AddressesFrom("2001:db8::1"),
                    "RemotePort": NumbersFrom(7),
                    "RemoteUrl": TextOf("{n}.example"),
                },
            ),
            EventSeries(
                source="DeviceNetworkEvents",
                fields={"DeviceName": "ws-1", "RemotePort": 6667},
                starts=(datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 20, 10, 30, tzinfo=UTC)),
                location=at(20, 11),
                vary={"DeviceName": Cycle(("a", "b"))},
            ),
        ),
        matches=Matches(1, ({"DeviceName": "ws-2"},)),
        location=at(23, 16),
    )
    kibana = CaseHalf(
        events=(
            EventSeries(
                source="logs-endpoint.events.network-default",
                fields={"host.name": "ws-1", "destination.port": 6697},
                starts=(now - timedelta(hours=2), now - timedelta(hours=1)),
                location=at(26, 11),
            ),
        ),
        matches=Matches(3),
        location=at(28, 16),
    )
    entry = Entry(
        category="irc_servers",
        value="192.0.2.7",
        kind=ValueKind.IP,
        reason="",
        owner="",
        location=at(11, 32),
        expires="2026-11-19",
    )
    case = Case(
        name="Everything there is",
        now=now,
        halves={Platform.KIBANA: kibana, Platform.SENTINEL: sentinel},
        location=at(8, 5),
        about="Boundary: all of it",
        allowlists={"irc_servers": (entry,)},
        overlay={"severity": "low", "kibana": {"threshold": {"value": 7}}},
        overlay_location=at(12, 14),
    )
    assert found == tests.CaseBook({"beacon": RuleTest("beacon", (case,), at(1, 1))}, ())


def test_a_rule_without_the_file_has_no_tests(root: Path) -> None:
    assert tests.read(root, rules.read(root)) == tests.CaseBook({}, ())


@pytest.mark.parametrize("before", ["99999999999999d", "999999d", "30000d"])
def test_a_time_before_all_computers_is_a_fault_of_its_event(root: Path, before: str) -> None:
    (root / PATH).write_text(TEXT.replace("before: 1d2h3m4s", f"before: {before}"))

    book = tests.read(root, rules.read(root))

    [finding] = [finding for finding in book.findings if finding.severity is Severity.ERROR]
    assert str(finding).startswith(
        f"{PATH}:16:19: error: `cases[0].sentinel.events[0].before` does not fit: '{before}'"
    )


def test_the_longest_times_that_the_schema_lets_pass_are_read(root: Path) -> None:
    for before in ("9999d", "99999h", "99999m", "999999s"):
        (root / PATH).write_text(TEXT.replace("before: 1d2h3m4s", f"before: {before}"))

        assert (
            len(tests.read(root, rules.read(root)).tests["beacon"].cases[0].halves[Platform.SENTINEL].events[0].starts)
            == 1
        )


def test_a_file_with_errors_fails_check_and_never_keeps_a_plan_from_being_made(root: Path) -> None:
    (root / PATH).write_text("now: yesterday\ncases: []\n")

    found = inspect(root, "test", today=date(2026, 11, 21))
    manifest = load(root, "test")

    said = [str(finding) for finding in found if finding.severity is Severity.ERROR]
    assert said == [
        f"{PATH}:1:6: error: `now`: 'yesterday' must be an instant with its offset (2026-11-20T12:00:00Z) [bad-value]",
        f"{PATH}:2:8: error: `cases` must not be empty [empty]",
    ]
    assert sorted(manifest.rules) == ["beacon", "relay"]
    assert manifest.findings == ()


def test_a_folder_in_place_of_the_file_is_an_error_and_not_an_absent_file(root: Path) -> None:
    (root / PATH).mkdir()

    found = tests.read(root, rules.read(root))

    assert [str(finding) for finding in found.findings] == [f"{PATH}:1:1: error: this is not a file [unreadable]"]
    assert found.broken == {"beacon"}
