"""Processes of a benchmark: the stubs, and commands whose time, CPU and memory are taken as the kernel counts them.

Only the standard library, and nothing large is kept: a child's peak memory begins with that of whoever started it.
"""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from types import TracebackType
from typing import Any
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 900
"""How long a command may take before it is ended."""
_CHOSEN = ("PATH", "PYTHONPATH", "HOME", "TMPDIR", "LANG", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Run:
    """One command, from its start to its end."""

    seconds: float
    cpu: float
    """Seconds of both kinds, user and system."""
    megabytes: float
    """At its largest."""
    code: int
    out: str
    err: str


@dataclass(slots=True)
class Stub:
    """A stub process."""

    process: subprocess.Popen[str]
    port: int
    silent: int
    refusing: int
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    def ask(self, path: str, body: object = None) -> Any:
        """A control call."""
        with self._open(path, body) as answer:
            return json.load(answer)

    def save(self, file: Path) -> None:
        """The log, below a line with the address, as the floor reads it."""
        with self._open("requests", None) as answer, file.open("wb") as out:
            out.write(f"{self.url}\n".encode())
            while chunk := answer.read(1 << 16):
                out.write(chunk)

    def _open(self, path: str, body: object) -> Any:
        content = None if body is None else json.dumps(body).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return opener.open(f"{self.url}/_stub/{path}", content, timeout=60)


@dataclass(slots=True)
class Stubs:
    """Several stub processes, which end with the block."""

    count: int = 2
    addresses: Sequence[str] = ("127.0.0.1",)
    """Where each of them listens, on its own port."""
    all: list[Stub] = field(default_factory=list)

    def __enter__(self) -> Self:
        for _ in range(self.count):
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.stub", *self.addresses],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean({}),
            )  # fmt: skip
            self.all.append(Stub(process, 0, 0, 0))
        for stub in self.all:
            assert stub.process.stdout
            ports = json.loads(stub.process.stdout.readline())
            stub.port, stub.silent, stub.refusing = ports["port"], ports["silent"], ports["refusing"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stub in self.all:
            stub.process.kill()
            stub.process.communicate()

    def settings(self, **settings: float) -> None:
        """Latency and faults, from now on."""
        for stub in self.all:
            stub.ask("settings", settings)

    def reset(self, *, documents: bool = False) -> None:
        """Forget the log; with `documents`, what was written, too."""
        for stub in self.all:
            stub.ask(f"reset?{'documents' if documents else ''}", {})

    def counts(self) -> dict[str, Any]:
        """What all of them count, together."""
        found = [stub.ask("counts") for stub in self.all]
        kinds: Counter[str] = Counter()
        for one in found:
            kinds.update(one.pop("kinds"))
        return {**{name: sum(one[name] for one in found) for name in found[0]}, "kinds": dict(kinds)}

    def save(self, folder: Path) -> list[Path]:
        """Everybody's log."""
        files = [folder / f"requests-{number}.jsonl" for number in range(len(self.all))]
        for stub, file in zip(self.all, files, strict=True):
            stub.save(file)
        return files


def python(arguments: Sequence[str], cwd: Path, variables: Mapping[str, str], stdin: str = "") -> Run:
    """`python` with these arguments in a fresh process."""
    given = cwd / f"in-{time.monotonic_ns()}"
    given.write_text(stdin)
    out, err = given.with_suffix(".out"), given.with_suffix(".err")
    try:
        with given.open("rb") as reads, out.open("wb") as writes, err.open("wb") as complains:
            begun = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=clean(variables),
                stdin=reads, stdout=writes, stderr=complains,
            )  # fmt: skip
            enough = threading.Timer(SECONDS, process.kill)
            enough.start()
            try:
                _, status, used = os.wait4(process.pid, 0)
            except BaseException:
                process.kill()
                process.wait()
                raise
            finally:
                enough.cancel()
            seconds = time.perf_counter() - begun
            process.returncode = os.waitstatus_to_exitcode(status)
        cpu, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
        return Run(seconds, cpu, memory, process.returncode, out.read_text(), err.read_text())
    finally:
        for file in (given, out, err):
            file.unlink(missing_ok=True)


def clean(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of a child: few of ours, so that no proxy and no credential of the developer takes part."""
    kept = {name: os.environ[name] for name in _CHOSEN if name in os.environ}
    path = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH", ""))))
    return {**kept, "PYTHONPATH": path, **variables}
