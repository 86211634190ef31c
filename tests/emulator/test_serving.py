"""State outlives its process; a state directory has one owner; others find it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployer.emulator import Emulator
from deployer.emulator import MissingExtra
from deployer.emulator import PortTaken
from deployer.emulator import StateTaken
from deployer.emulator import serve
from deployer.emulator.app import build_app
from deployer.emulator.world import World
from tests.emulator.make import arm_client
from tests.emulator.make import control_client
from tests.emulator.make import kibana_client
from tests.emulator.make import scheduled_rule
from tests.emulator.make import threshold_rule

RULES = "/api/detection_engine/rules"
SERVE = "import sys, pathlib; from deployer.emulator import serve; serve(pathlib.Path(sys.argv[1]), 0, print)"
ATTACH = """
import sys, pathlib
from deployer.emulator import Emulator
with Emulator.attach_or_start(pathlib.Path(sys.argv[1])) as emulator:
    print(emulator.url, type(emulator).__name__, flush=True)
    sys.stdin.readline()
"""


@contextmanager
def _running(code: str, state: Path, root: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-u", "-c", code, str(state)]
    with subprocess.Popen(
        command,
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _make_rule(url: str, name: str) -> int:
    client = kibana_client(url)
    try:
        return client("POST", RULES, threshold_rule(rule_id=name)).status_code
    finally:
        client.session.close()


def _rules(url: str) -> list[str]:
    client = kibana_client(url)
    try:
        return [rule["rule_id"] for rule in client("GET", f"{RULES}/_find").json()["data"]]
    finally:
        client.session.close()


def test_what_was_answered_survives_kill_9(tmp_path: Path, repo_root: Path) -> None:
    with _running(SERVE, tmp_path, repo_root) as process:
        url = _line(process)
        for number in range(20):
            assert _make_rule(url, f"r{number}") == 200
        arm = arm_client(url)
        arm("PUT", "/r", scheduled_rule())
        arm("DELETE", "/r")
        arm.session.close()
        process.kill()
        process.wait()

    assert (tmp_path / "server.json").exists()
    with Emulator(tmp_path) as emulator:
        assert _rules(emulator.url) == [f"r{number}" for number in range(20)]
        assert sum(entry["method"] != "GET" for entry in emulator.requests) == 22
        arm = arm_client(emulator.url)
        assert arm("PUT", "/r", scheduled_rule()).status_code == 400
        arm.session.close()


def test_state_and_settings_survive_a_restart(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator:
        emulator.kibana_version = "8.19.3"
        _make_rule(emulator.url, "kept")
    with Emulator(tmp_path) as emulator:
        assert (emulator.kibana_version, _rules(emulator.url)) == ("8.19.3", ["kept"])


def test_without_a_state_nothing_is_kept() -> None:
    with Emulator() as emulator:
        _make_rule(emulator.url, "lost")
    with Emulator() as emulator:
        assert _rules(emulator.url) == []


def test_an_emulator_that_does_not_run_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = Emulator().url


def test_a_state_has_one_owner(tmp_path: Path) -> None:
    with Emulator(tmp_path), pytest.raises(StateTaken), Emulator(tmp_path):
        pass


def test_a_taken_port_is_an_error_and_frees_the_state(tmp_path: Path) -> None:
    with Emulator() as first:
        port = int(first.url.rsplit(":", 1)[1])
        with pytest.raises(PortTaken, match=str(port)), Emulator(tmp_path, port):
            pass
    with Emulator(tmp_path) as second:
        assert _rules(second.url) == []


def test_without_the_web_server_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "deployer.emulator.web", raising=False)
    monkeypatch.setitem(sys.modules, "werkzeug.serving", None)
    with pytest.raises(MissingExtra, match=r"pip install '\.\[local\]'"), Emulator(tmp_path):
        pass
    monkeypatch.undo()
    with Emulator(tmp_path) as emulator:
        assert _rules(emulator.url) == []


def test_who_asks_while_it_stops_is_told_so() -> None:
    world = World(None)
    world.close()
    answer = build_app(world).test_client().get("/kibana/api/status")

    assert (answer.status_code, answer.get_json()["statusCode"]) == (503, 503)


def test_the_second_process_uses_the_first(tmp_path: Path, repo_root: Path) -> None:
    with _running(SERVE, tmp_path, repo_root) as process:
        url = _line(process)
        with Emulator.attach_or_start(tmp_path) as attached:
            assert attached.url == url
            _make_rule(attached.url, "shared")
        assert _rules(url) == ["shared"]


def test_the_first_process_stays_until_the_second_is_done(tmp_path: Path, repo_root: Path) -> None:
    with _running(ATTACH, tmp_path, repo_root) as owner:
        url, kind = _line(owner).split()
        assert kind == "Emulator"
        with _running(ATTACH, tmp_path, repo_root) as guest:
            assert _line(guest) == f"{url} Attached"
            _finish(owner)
            assert _make_rule(url, "late") == 200
            _finish(guest)
            assert guest.wait(10) == 0
        assert owner.wait(10) == 0
    with Emulator.attach_or_start(tmp_path) as emulator:
        assert _rules(emulator.url) == ["late"]


def test_the_first_process_does_not_wait_for_the_dead(tmp_path: Path, repo_root: Path) -> None:
    with _running(ATTACH, tmp_path, repo_root) as owner:
        _line(owner)
        with _running(ATTACH, tmp_path, repo_root) as guest:
            _line(guest)
            guest.kill()
            guest.wait()
        _finish(owner)
        assert owner.wait(10) == 0


def _finish(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_an_announcement_of_the_dead_is_not_believed(tmp_path: Path) -> None:
    with Emulator() as stranger:
        port = int(stranger.url.rsplit(":", 1)[1])
        (tmp_path / "server.json").write_text(json.dumps({"pid": os.getpid(), "port": port}))
        with Emulator.attach_or_start(tmp_path) as started:
            assert started.url != stranger.url


def test_the_next_owner_waits_for_the_last_to_stop(tmp_path: Path) -> None:
    """The other is just starting or stopping: it holds the lock and does not answer."""
    first = Emulator(tmp_path)
    first.__enter__()
    (tmp_path / "server.json").unlink()
    timer = threading.Timer(0.3, first.__exit__, (None, None, None))
    timer.start()
    with Emulator.attach_or_start(tmp_path) as second:
        assert type(second) is Emulator
    timer.join()


def test_serve_ends_on_sigterm_and_withdraws(tmp_path: Path, repo_root: Path) -> None:
    with _running(SERVE, tmp_path, repo_root) as process:
        url = _line(process)
        assert _make_rule(url, "kept") == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not (tmp_path / "server.json").exists()


def test_serve_ends_on_ctrl_c() -> None:
    clients = []

    def ready(url: str) -> None:
        client = control_client(url)
        assert client("GET", "/health").json()["state"] is None
        clients.append(client)  # its connection is open when the end comes
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()

    serve(None, 0, ready)
    assert len(clients) == 1
    clients[0].session.close()
