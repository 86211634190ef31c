"""`deployer` as a command for scripts, forked from a process that has imported it: to import it takes longer than most
of its runs. `python -m tests.warm SOCKET` answers at a socket; the command hands over its arguments, folder,
environment and open files, and ends as the process does that was forked for it.

To kill the command kills the client alone: a test that wants to kill a run starts it as a `Process`.
"""

import contextlib
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIENT = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    asked = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(asked).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(asked)
    server.recv(4)
    code = server.recv(1)
sys.exit(code[0] if code else "deployer ended without an exit code")
"""
SOCKET = "deployer.socket"
BESIDES = ("azure.identity", "azure.mgmt.securityinsight", "elasticsearch", "flask", "lark")
"""What deployer imports only when it needs it."""


@contextlib.contextmanager
def command(folder: Path) -> Iterator[Path]:
    """The command, made in `folder`."""
    address = folder / SOCKET
    client = folder / "client.py"
    client.write_text(CLIENT)
    tool = folder / "deployer"
    # Without site, which takes longer than the client.
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {client} {address} "$@"\n')
    tool.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "tests.warm", str(address)]
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield tool
        finally:
            server.terminate()


class Process:
    """One run of the command, to be looked at and to be killed; what it says goes into a file."""

    def __init__(self, tool: Path, arguments: list[str], says: Path) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.connect(str(tool.with_name(SOCKET)))
        asked = json.dumps([arguments, str(Path.cwd()), dict(os.environ)]).encode()
        with says.open("wb") as out, Path(os.devnull).open("rb") as nothing:
            files = [nothing.fileno(), out.fileno(), out.fileno()]
            socket.send_fds(self._server, [len(asked).to_bytes(4, "big")], files)
        self._server.sendall(asked)
        self.pid = int.from_bytes(self._server.recv(4), "big")

    def has_ended(self) -> bool:
        """Whether it runs no longer."""
        return bool(select.select([self._server], [], [], 0)[0])

    def code(self) -> int | None:
        """Its exit code once it has ended, None where it was killed."""
        with self._server:
            code = self._server.recv(1)
        return code[0] if code else None


def main(address: str) -> None:
    """Fork for every caller, until terminated."""
    import deployer

    for module in pkgutil.walk_packages(deployer.__path__, "deployer."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in BESIDES:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        os.write(1, b"ready\n")
        while True:
            caller, _ = listening.accept()
            with caller:
                if os.fork() == 0:
                    listening.close()
                    _run(caller)


def _run(caller: socket.socket) -> None:
    """Become the caller's process."""
    code = 70
    try:
        size, files, _, _ = socket.recv_fds(caller, 4, 3)
        caller.sendall(os.getpid().to_bytes(4, "big"))
        with caller.makefile("rb") as told:
            arguments, folder, environment = json.loads(told.read(int.from_bytes(size, "big")))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        code = _deployer(arguments)
        caller.sendall(bytes([code]))
    finally:
        os._exit(code)


def _deployer(arguments: list[str]) -> int:
    from deployer.cli.main import main as entry

    sys.argv = ["deployer", *arguments]
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - as at any start
        for number, mode in enumerate("rww")
    )
    try:
        entry()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    main(sys.argv[1])
