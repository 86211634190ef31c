"""One process owns a state directory, others use its address: the lock, the announcement, the guests."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import IO
from typing import Any

LOOPBACK = "127.0.0.1"
_ANNOUNCEMENT = "server.json"


class Guests:
    """Other processes that use this emulator; the one that owns it stays until they are gone."""

    def __init__(self) -> None:
        self._guests: dict[str, int] = {}
        self._closed = False
        self._lock = threading.Lock()

    def add(self, pid: int) -> str | None:
        """Let a process in: its token, or None when the emulator is about to go."""
        with self._lock:
            if self._closed:
                return None
            token = uuid.uuid4().hex
            self._guests[token] = pid
            return token

    def remove(self, token: str) -> None:
        """A process has left."""
        with self._lock:
            self._guests.pop(token, None)

    def close_if_empty(self) -> bool:
        """Let nobody in any more, if nobody is in; who died without leaving is not."""
        with self._lock:
            self._guests = {token: pid for token, pid in self._guests.items() if _alive(pid)}
            self._closed = not self._guests
            return self._closed


def lock(state: Path) -> IO[str] | None:
    """The state directory's lock, or None while another process has it."""
    state.mkdir(parents=True, exist_ok=True)
    file = (state / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def announce(state: Path, port: int) -> None:
    """Say where this process serves; written aside and moved, so that no reader sees half of it."""
    aside = state / f"{_ANNOUNCEMENT}.new"
    aside.write_text(json.dumps({"pid": os.getpid(), "port": port}))
    aside.replace(state / _ANNOUNCEMENT)


def withdraw(state: Path) -> None:
    """Take the announcement back."""
    (state / _ANNOUNCEMENT).unlink(missing_ok=True)


def enter(state: Path) -> tuple[str, str] | None:
    """Address and token at the process that serves this state, or None when none does.

    The server itself is asked: a file may outlive its process, and its port may by then belong to another.
    """
    try:
        announced = json.loads((state / _ANNOUNCEMENT).read_text())
        url = f"http://{LOOPBACK}:{int(announced['port'])}"
        health = _ask("GET", f"{url}/_emulator/health")
        if health["state"] != str(state) or health["pid"] != announced["pid"]:
            return None
        return url, str(_ask("POST", f"{url}/_emulator/guests", {"pid": os.getpid()})["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def leave(url: str, token: str) -> None:
    """Tell the owner that this process needs it no more; an owner that is gone need not be told."""
    try:
        _ask("DELETE", f"{url}/_emulator/guests/{token}")
    except (OSError, ValueError):
        return


def _ask(method: str, url: str, body: Any = None) -> Any:
    # No proxy is asked: this is loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, method=method)  # noqa: S310 - always http on loopback
    try:
        with opener.open(request, timeout=2) as response:
            return json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        error.close()
        raise


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
