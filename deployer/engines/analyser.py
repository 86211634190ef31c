"""Microsoft's own analyser of KQL, where it is installed: what its editor says of a query, and the query's columns.

The analyser is the npm package `@kusto/language-service-next` (MIT), JavaScript without any input or output of its own.
It runs in a JavaScript engine from a Python wheel, needs no node, and is never part of this repository: `install` takes
it from the user's own npm. Only files with the digests below are ever run.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deployer.engines.tables import Table
from deployer.errors import CannotStart
from deployer.errors import NotRunnable

PACKAGE, VERSION = "@kusto/language-service-next", "12.4.1"
FILES: Mapping[str, str] = {
    "bridge.min.js": "5edc505e5634daf2922197797740180d587d15b5f0f505c95ad7b5dd6b5daae8",
    "Kusto.Language.Bridge.min.js": "3a96a4ac1bff095ba49d6606e7d591f5d00519b529c51a6850032f62b0960a86",
}
"""What is needed of the package, in the order of loading, each with its SHA-256."""
FOLDER_VARIABLE = "DEPLOYER_ANALYSER"
SECONDS_PER_QUERY = 60
"""A rule's query takes under a tenth of a second; what takes this long is stuck."""
_STACK_BYTES = 4 * 1024 * 1024
"""Of the eight megabytes that the engine's own thread has. Some 300 nested conditions need more than the default."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the workspace that queries may call for a table."""

    name: str
    parameters: str
    """In brackets, as KQL declares them: (alias:string)."""
    body: str | None
    """In braces, the KQL that it stands for; None where that is not known, which lets any column of it pass."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that the analyser says; `line` and `column` count from 1."""

    code: str
    """Microsoft's own, such as KS142."""
    message: str
    severity: str
    """error, warning, suggestion or information."""
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the analyser makes of one query."""

    diagnostics: tuple[Diagnostic, ...]
    columns: Mapping[str, str] | None
    """What the query returns, in order: name -> Kusto type, "unknown" where it cannot tell; None for no table."""


class Analyser:
    """The analyser, loaded once: that takes half a second, the first query another one, and each later one 50 ms."""

    def __init__(self, folder: Path) -> None:
        """Raises `NotRunnable` where the files are missing or not those of the version above, or cannot be run here."""
        if fault := _fault(folder):
            raise NotRunnable(f"Microsoft's analyser in {folder}: {fault}; install it by `deployer analyser install`")
        try:
            quickjs: Any = import_module("quickjs")
        except ModuleNotFoundError:
            raise NotRunnable("Microsoft's analyser needs quickjs-ng: pip install '.[local]'") from None
        glue = resources.files(__package__).joinpath("analyser.js").read_text(encoding="utf-8")
        parts = [(folder / name).read_text(encoding="utf-8-sig") for name in FILES]
        # The files look for `self`; with `window` they would take the engine for a browser.
        self._check = quickjs.Function("check", "\n".join(["var self = globalThis;", *parts, glue]), own_executor=True)
        self._check.set_max_stack_size(_STACK_BYTES)
        self._check.set_time_limit(SECONDS_PER_QUERY)
        self._failure: type[Exception] = quickjs.JSException

    def check(self, query: str, tables: Iterable[Table], functions: Iterable[Function] = ()) -> Analysis:
        """What it says of `query` in a workspace with these tables and functions, and no others.

        A table without any column is one whose columns are not known: any column passes. Raises `NotRunnable` where the
        analyser itself gives up (a query nested hundreds of levels deep).
        """
        declared = [{"name": table.name, "columns": _pairs(table.columns or None)} for table in tables]
        callable_ = [{"name": each.name, "parameters": each.parameters, "body": each.body} for each in functions]
        try:
            # QuickJS collects what it no longer needs by itself; asking for it doubles the time of a short query.
            answer: Any = self._check(query, declared, callable_, run_gc=False)
        except self._failure as error:
            reason = str(error).splitlines()[0]
            raise NotRunnable(f"Microsoft's analyser gave up on the query: {reason}") from None
        columns = answer["columns"]
        return Analysis(
            tuple(Diagnostic(**found) for found in answer["diagnostics"]),
            dict(columns) if columns is not None else None,
        )


def folder() -> Path:
    """Where the analyser belongs: the folder that the variable names, or one of this Python environment."""
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given)
    return Path(sys.prefix) / "share" / "deployer" / f"kusto-language-service-{VERSION}"


def find() -> Path | None:
    """The folder of the analyser, whole and runnable; None where it is not installed."""
    try:
        runs = find_spec("quickjs") is not None
    except ModuleNotFoundError:
        runs = False
    return folder() if runs and not _fault(folder()) else None


def install() -> Path:
    """Have the user's own npm fetch the package, and put the needed files where `find` looks.

    npm's own settings say from where and how. Nothing of the package is executed. Raises `CannotStart`.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise CannotStart("npm is not installed, and the analyser is an npm package; npm comes with Node.js")
    with tempfile.TemporaryDirectory(prefix="deployer-analyser-") as temporary:
        _fetch(npm, temporary)
        fetched = Path(temporary, "node_modules", *PACKAGE.split("/"))
        if fault := _fault(fetched):
            raise CannotStart(f"npm fetched something other than {PACKAGE} {VERSION}: {fault}; nothing was installed")
        return _put(fetched, folder())


def _fetch(npm: str, prefix: str) -> None:
    command = [npm, "install", "--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--prefix", prefix]
    done = subprocess.run(  # noqa: S603 - the path of npm and words of our own
        [*command, f"{PACKAGE}@{VERSION}"], cwd=prefix, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = [f"  {line}" for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise CannotStart("\n".join([f"npm could not fetch {PACKAGE} {VERSION}:", *said[:10]]))


def _put(source: Path, target: Path) -> Path:
    """Copies the files, each moved into place whole."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            partial = target / f".{name}.part"
            shutil.copyfile(source / name, partial)
            partial.replace(target / name)
    except OSError as error:
        way_out = f"set {FOLDER_VARIABLE} to a folder that you may write to"
        raise CannotStart(f"the analyser could not be put into {target}: {error.strerror}; {way_out}") from None
    return target


def _fault(folder: Path) -> str | None:
    """What is wrong with the files in `folder`."""
    for name, digest in FILES.items():
        try:
            content = (folder / name).read_bytes()
        except OSError:
            return f"{name} is missing"
        if hashlib.sha256(content).hexdigest() != digest:
            return f"{name} is not the one of version {VERSION}"
    return None


def _pairs(columns: Mapping[str, str] | None) -> Sequence[tuple[str, str]] | None:
    return None if columns is None else list(columns.items())
