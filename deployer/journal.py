"""A record of every write of a run: one line before it is sent, with what was there and what is to be there, and one
after it, with what came of it. It is for people, for audits and for undoing, and nothing reads it to decide what to
write. `drift` asks it whether an object that is missing was ever there.

One file a run, `<folder>/<run>.jsonl`, of JSON documents a line, each in the file before the request goes out:

    {"schema": "deployer-journal/1", "run": ..., "at": ..., "environment": ..., "tenant": ..., "target": ...,
     "phase": "writing" | "written" | "failed", "action": ..., "kind": ..., "id": ..., ...}

    {..., "phase": "settled", "owned": [[kind, id], ...]}    what is ours in a target once the run is through with it

`writing` has `before` (null for a create) and `after` (null for a delete): the canonical body, what is carried over,
and the mark. Secrets of the run are left out of both, so `digest` and `carried_digest` tell what they were with them.
`switched_off` has the rules that are switched off before a data view is deleted, in the same way. `address` is where
the target was. `failed` has the error; a `writing` that nothing follows was cut short, and the
target must be looked at. The journal of a rollback names in `undoes` the run that it undoes.
"""

import json
import os
import threading
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from deployer.drift import Witness
from deployer.errors import CannotStart
from deployer.errors import Unrecorded
from deployer.outcome import Place
from deployer.outcome import conceal
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource
from deployer.state import as_json
from deployer.state import digest

SCHEMA = "deployer-journal/1"
_WRITES = ("writing", "written", "failed")


class Journal(AbstractContextManager["Journal"]):
    """The record of one run, shared by all of its targets. The file appears with the first line."""

    def __init__(
        self,
        folder: Path,
        environment: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        undoes: str | None = None,
    ) -> None:
        self.run = _free(folder, f"{clock():%Y%m%dT%H%M%SZ}-{environment}-{os.getpid()}")
        self.path = folder / f"{self.run}.jsonl"
        self.addresses: Mapping[Place, str] = {}
        """Where each target is; set once they can be known."""
        self.redact: Callable[[str], str] = lambda text: text
        """Takes the secrets of the run out of every text; set once they can be known."""
        self._environment = environment
        self._undoes = undoes
        self._lock = threading.Lock()
        self._file: Any = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def writing(self, place: Place, change: Change, switched_off: Sequence[Resource] = ()) -> None:
        """Say that `change` is about to be sent, and that these rules are switched off before it."""
        before = None if isinstance(change, Create) else _of(change.live, str(change.live.mark or ""))
        mark = "" if isinstance(change, Delete) else str(change.mark or "")
        after = None if isinstance(change, Delete) else _of(change.desired, mark)
        told = {"phase": "writing", "before": before, "after": after}
        self._append(place, change, {**told, "switched_off": [_off(rule) for rule in switched_off]})

    def written(self, place: Place, change: Change) -> None:
        """Say that it was done, and read back."""
        self._append(place, change, {"phase": "written"})

    def failed(self, place: Place, change: Change, error: str) -> None:
        """Say that it is not known to have been done, and why."""
        self._append(place, change, {"phase": "failed", "error": error})

    def settled(self, place: Place, owned: Iterable[Key]) -> None:
        """Say what is ours in a target, now that the run is through with it."""
        self._write(place, {"phase": "settled", "owned": [[key.kind, key.id] for key in sorted(owned)]})

    def _append(self, place: Place, change: Change, told: Mapping[str, Any]) -> None:
        self._write(place, {"action": change.action, "kind": change.key.kind, "id": change.key.id, **told})

    def _write(self, place: Place, told: Mapping[str, Any]) -> None:
        line = {
            "schema": SCHEMA,
            "run": self.run,
            "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "environment": self._environment,
            **({"undoes": self._undoes} if self._undoes else {}),
            "tenant": place.tenant,
            "target": place.target,
            "address": self.redact(self.addresses.get(place, "")) or None,
            **conceal(told, self.redact),
        }
        try:
            with self._lock:
                if self._file is None:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    self._file = self.path.open("a", encoding="utf-8", errors="surrogatepass")
                self._file.write(as_json(line) + "\n")
                self._file.flush()
                os.fsync(self._file.fileno())
        except OSError as error:
            raise Unrecorded(f"the journal {self.path} cannot be written: {error.strerror}") from None


def _of(resource: Resource, mark: str) -> dict[str, Any]:
    told = {"body": resource.body, "carried": resource.carried, "mark": mark, "version": resource.version}
    edited = {"edited_by": resource.edited_by, "edited_at": str(resource.edited_at) if resource.edited_at else None}
    return {**told, **edited, "digest": resource.digest, "carried_digest": digest(resource.carried)}


def _off(rule: Resource) -> dict[str, Any]:
    off = replace(rule, body={**rule.body, "enabled": False})
    mark = str(rule.mark or "")
    return {"kind": rule.key.kind, "id": rule.key.id, "before": _of(rule, mark), "after": _of(off, mark)}


def _free(folder: Path, run: str) -> str:
    """`run`, numbered if a run of that name wrote here: two runs never share a file."""
    names = (run if number == 1 else f"{run}-{number}" for number in count(1))
    return next(name for name in names if not (folder / f"{name}.jsonl").exists())


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a journal, oldest first. A last line that a crash cut short is left out."""
    lines = path.read_bytes().split(b"\n")  # a line may be cut short inside a character
    found: list[dict[str, Any]] = []
    for number, line in enumerate(lines):
        try:
            found += [json.loads(line)] if line else []
        except ValueError:
            if any(lines[number + 1 :]):
                raise
    return found


def witnesses(folder: Path, environment: str) -> dict[tuple[str, str], Witness]:
    """What the journals in a folder say is ours in each target of an environment, by tenant and target: the last word.

    A run that was cut short has no last word on a target: what it wrote is added to that of the run before. Without any
    journal there is no witness. Raises `CannotStart` for one that is damaged: half a record tells nothing.
    """
    found: dict[tuple[str, str], Witness] = {}
    lines: list[tuple[Path, dict[str, Any]]] = []
    for path in folder.glob("*.jsonl") if folder.is_dir() else ():
        with _damaged(path):
            told = [(path, line) for line in read(path)]
            lines += [one for one in told if (one[1].get("schema"), one[1].get("environment")) == (SCHEMA, environment)]
    # By the time of each line: runs may overlap, and the name of a run's file does not order them.
    for path, line in sorted(lines, key=lambda one: str(one[1].get("at"))):
        with _damaged(path):
            _witness(line, found)
    return found


@contextmanager
def _damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        said = f"{type(error).__name__}: {error}" if not isinstance(error, OSError) else str(error)
        raise CannotStart(f"the journal {path} cannot be read: {said}; mend it or take it out") from None


def _witness(line: Mapping[str, Any], found: dict[tuple[str, str], Witness]) -> None:
    place = str(line["tenant"]), str(line["target"])
    at = datetime.fromisoformat(str(line["at"]))
    if line["phase"] == "settled":
        owned = frozenset(Key(Kind(kind), str(id)) for kind, id in line["owned"])
        found[place] = Witness(str(line["run"]), at, owned)
        return
    if line["phase"] not in _WRITES:
        return  # of a later version
    before = found.get(place)
    key = Key(Kind(str(line["kind"])), str(line["id"]))
    owned, unsure = (before.owned, before.unsure) if before else (frozenset[Key](), frozenset[Key]())
    match line["phase"], line["action"]:
        case "writing", _:
            unsure |= {key}
        case "written", "delete":
            owned, unsure = owned - {key}, unsure - {key}
        case "written", _:
            owned, unsure = owned | {key}, unsure - {key}
        case _:  # a write that failed may have happened all the same
            pass
    found[place] = Witness(str(line["run"]), at, owned, unsure, whole=before is not None and before.whole)
