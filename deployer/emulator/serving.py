"""Starting and stopping the emulator, here or for others."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO
from typing import TYPE_CHECKING
from typing import Any
from typing import Protocol
from typing import Self
from typing import TypeVar

from deployer.emulator import sharing
from deployer.emulator.sharing import LOOPBACK

if TYPE_CHECKING:
    from deployer.emulator.calls import Document
    from deployer.emulator.web import Server
    from deployer.emulator.world import World

T = TypeVar("T")
PATIENCE_SECONDS = 10.0
# How long a process that owns the state waits for its guests before it leaves all the same.
HOSPITALITY_SECONDS = 600.0


class EmulatorError(Exception):
    """The emulator cannot start."""


class StateTaken(EmulatorError):
    """Another process owns the state directory."""


class UnusableState(EmulatorError):
    """The state directory holds what is no state, or cannot be written."""


class PortTaken(EmulatorError):
    """Another program listens on the port."""


class MissingExtra(EmulatorError):
    """The web server is not installed."""


class Serving(Protocol):
    """An emulator that answers, here or in another process."""

    @property
    def url(self) -> str:
        """Where it answers."""
        ...


class Emulator:
    """Both platforms on loopback, from entering until leaving the `with`."""

    def __init__(self, state: Path | None = None, port: int = 0) -> None:
        self._state = Path(state).resolve() if state is not None else None
        self._port = port
        self._lock: IO[str] | None = None
        self._running: tuple[World, Server] | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            if self._state is not None:
                if self._lock is None:
                    self._lock = _lock(self._state)
                if self._lock is None:
                    raise StateTaken(f"{self._state}: another process serves this state")
                undo.callback(self._release)
            self._running = _start(self._state, self._port)
            undo.pop_all()
        if self._state is not None:
            sharing.announce(self._state, self._running[1].port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        world, server = self._require()
        if self._state is not None:
            sharing.withdraw(self._state)
        world.faults.clear()
        server.end()
        world.close()
        self._running = None
        self._release()

    @classmethod
    @contextmanager
    def attach_or_start(cls, state: Path) -> Iterator[Serving]:
        """The emulator of this state directory: one that already serves it, else one started here.

        One started here stays until the processes that found it are done with it.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        state = Path(state).resolve()
        while True:
            if (entered := sharing.enter(state)) is not None:
                try:
                    yield Attached(entered[0])
                finally:
                    sharing.leave(*entered)
                return
            if (lock := _lock(state)) is not None:
                emulator = cls(state)
                emulator._lock = lock
                with emulator:
                    try:
                        yield emulator
                    finally:
                        emulator._wait_for_guests()
                return
            if time.monotonic() > deadline:
                raise StateTaken(f"{state}: locked by another process that does not answer")
            time.sleep(0.05)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`; the services are below it."""
        return f"http://{LOOPBACK}:{self._require()[1].port}"

    @property
    def requests(self) -> list[Document]:
        """Every request since the last clear; see `deployer.emulator.app` for what is told of each."""
        world = self._require()[0]
        with world.lock:
            return world.store.requests()

    def clear_requests(self) -> None:
        """Forget the logged requests."""
        world = self._require()[0]
        with world.lock:
            world.store.clear_requests()

    def fault(self, **spec: Any) -> None:
        """Inject a failure; see `deployer.emulator.faults` for the fields."""
        world = self._require()[0]
        with world.lock:
            world.faults.add(spec, world.store.writes)

    def clear_faults(self) -> None:
        """Take all injected failures back."""
        self._require()[0].faults.clear()

    def stalled(self, seconds: float, requests: int = 1) -> bool:
        """Whether so many requests wait in a `timeout` or `late` fault by now; asks for so many seconds."""
        return self._require()[0].faults.stalled(seconds, requests)

    def queued(self, seconds: float) -> bool:
        """Whether a request waits for room that a limit leaves by now; asks for so many seconds."""
        return self._require()[0].limits.places.queued(seconds)

    def load(
        self,
        kibana: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]] | None = None,
        sentinel: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]] | None = None,
    ) -> Document:
        """Load telemetry: space -> index -> documents, workspace -> table -> rows. Raises ValueError for a misfit."""
        from deployer.emulator import telemetry

        return self._told(lambda world: telemetry.load(world, _as_json(kibana=kibana or {}, sentinel=sentinel or {})))

    def clear_telemetry(self) -> None:
        """Forget the telemetry, and the alerts that runs made of it."""
        from deployer.emulator import telemetry

        self._told(lambda world: telemetry.clear(world))

    def run(self, **asked: Any) -> Document:
        """Run rules; see `deployer.emulator.running` for what may be asked. Raises ValueError for what is not there."""
        from deployer.emulator import running

        return self._told(lambda world: running.run(world, _as_json(**asked)))

    def set_clock(self, now: datetime, *, frozen: bool = True) -> None:
        """From here on it is `now`."""
        self._require()[0].clock.set(now, frozen=frozen)

    def set(self, name: str, value: Any) -> None:
        """Change a setting; see `deployer.emulator.world` for those there are. Raises ValueError."""
        self._told(lambda world: world.set(name, value))

    @property
    def kibana_version(self) -> str:
        """The version the emulated Kibana says it is, and behaves as."""
        world = self._require()[0]
        with world.lock:
            return str(world.setting("kibana_version"))

    @kibana_version.setter
    def kibana_version(self, version: str) -> None:
        world = self._require()[0]
        with world.lock:
            world.set("kibana_version", version)

    def _told(self, order: Callable[[World], T]) -> T:
        """Carry out what a control call would, durable at once."""
        from deployer.emulator.calls import Refused

        world = self._require()[0]
        try:
            with world.lock, world.store.transaction():
                return order(world)
        except Refused as refusal:
            raise ValueError(refusal.answer.body["message"]) from None

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _wait_for_guests(self) -> None:
        deadline = time.monotonic() + HOSPITALITY_SECONDS
        guests = self._require()[0].guests
        while not guests.close_if_empty() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _require(self) -> tuple[World, Server]:
        if self._running is None:
            raise RuntimeError("the emulator is not running; use it in a `with`")
        return self._running


@dataclass(frozen=True, slots=True)
class Attached:
    """An emulator that another process serves."""

    url: str


def serve(state: Path | None, port: int, ready: Callable[[str], None] | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM; `ready` is told the address once requests are answered."""
    stop = threading.Event()
    previous = {name: signal.signal(name, lambda *_: stop.set()) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Emulator(state, port) as emulator:
            if ready is not None:
                ready(emulator.url)
            stop.wait()
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)


def _as_json(**body: Any) -> Document:
    """The body as a control call would bring it."""
    told: Document = json.loads(json.dumps(body))
    return told


def _lock(state: Path) -> IO[str] | None:
    try:
        return sharing.lock(state)
    except OSError as error:
        raise UnusableState(f"{state} cannot be used ({error.strerror})") from error


def _start(state: Path | None, port: int) -> tuple[World, Server]:
    # Flask and werkzeug are an optional extra: loaded when an emulator starts, not when this module is imported.
    try:
        from deployer.emulator.app import build_app
        from deployer.emulator.web import Server
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the emulator needs its extra ({error.name}): pip install '.[local]'") from None
    from deployer.emulator.world import World

    try:
        listening = socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise PortTaken(f"cannot listen on {LOOPBACK}:{port}: {error.strerror}") from error
    with listening:
        try:
            world = World(state)
        except (OSError, sqlite3.Error) as error:
            raise UnusableState(f"{state} cannot be used ({error}); remove it to start anew") from error
        server = Server(build_app(world), listening)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return world, server
