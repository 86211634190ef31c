"""The benchmark of many tenants measures what it says: its servers, its estate and its floor fit deployer."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from deployer.cli.main import run
from tests.benchmarks import estate
from tests.benchmarks import floor
from tests.benchmarks.measure import Stubs
from tests.benchmarks.tally import tally

TENANTS, RULES, OBJECTS = 3, 2, 35


@pytest.fixture
def deployer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    for name, value in estate.SECRETS.items():
        monkeypatch.setenv(name, value)

    def call(verb: str) -> Any:
        code = run(["--root", str(tmp_path / "root"), verb, estate.ENVIRONMENT, "--format", "json"])
        return code, json.loads(capsys.readouterr().out)["summary"]

    return call


def test_a_plan_after_an_apply_is_empty_and_the_floor_sends_what_both_sent(tmp_path: Path, deployer: Any) -> None:
    with Stubs(2) as stubs:
        urls = [stubs.all[number % 2].url for number in range(TENANTS)]
        estate.write(tmp_path / "root", TENANTS, RULES, [{"kibana": url, "sentinel": url} for url in urls])

        code, summary = deployer("apply")
        assert (code, summary["create"], stubs.counts()["objects"]) == (0, OBJECTS, OBJECTS)
        applied = stubs.counts()
        files = stubs.save(tmp_path)
        told = tally(files, pause=0)
        assert (told["written"], told["most_often"], told["refused"]) == (OBJECTS, 1, 0)

        stubs.reset(documents=True)
        assert floor.replay(floor.lanes(files), jobs=4) == 0
        again = stubs.counts()
        assert [again[name] for name in ("kinds", "objects")] == [applied[name] for name in ("kinds", "objects")]

        code, summary = deployer("plan")
        assert (code, summary["create"], summary["update"], summary["unchanged"]) == (0, 0, 0, OBJECTS)

        stubs.settings(refused=1.0, latency_ms=1)
        otherwise = floor.replay(floor.lanes(files), jobs=4)
        assert otherwise == stubs.counts()["kinds"]["refused"] > OBJECTS


def test_a_dead_tenant_refuses_connections_or_is_waited_for_and_the_log_says_how_long(tmp_path: Path) -> None:
    with Stubs(1) as stubs:
        stub = stubs.all[0]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((stub.address, stub.refusing))
        with socket.create_connection((stub.address, stub.silent)) as waiting:
            waiting.sendall(b"GET /s/acme/api/status HTTP/1.1\r\n\r\n")
            waiting.settimeout(0.1)
            with pytest.raises(TimeoutError):
                waiting.recv(1)
        while not stubs.counts()["requests"]:
            time.sleep(0.01)
        told = tally(stubs.save(tmp_path), pause=0)

    assert (told["unanswered"], told["longest"] > 0.09) == (1, True)


def test_the_log_tells_an_object_that_was_written_twice(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    put = ["acme", "PUT rules", "PUT", "/s/acme/api/detection_engine/rules", '{"rule_id":"one"}', 200, 1.0, 1.5]
    refused = [*put[:5], 429, 0.0, 0.5]
    log.write_text("\n".join(["http://127.0.0.1:1", *map(json.dumps, (refused, put, put))]))

    told = tally([log], pause=2)

    assert (told["written"], told["most_often"], told["refused"], told["waited"]) == (1, 2, 1, 3.5)
