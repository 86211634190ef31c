"""A record of every write of a run: one line before it is sent, with what was there and what is to be there, and one
after it, with what came of it. It is for people, for audits and for undoing, and nothing reads it to decide what to
write. `drift` asks it whether an object that is missing was ever there.

One file a run, `<folder>/<run>.jsonl`, of JSON documents a line, each in the file before the request goes out:

    {"schema": "deployer-journal/1", "run": ..., "at": ..., "environment": ..., "tenant": ..., "target": ...,
     "phase": "writing" | "written" | "failed", "action": ..., "kind": ..., "id": ..., ...}

    {..., "phase": "settled", "owned": [[kind, id], ...],    what is ours in a target once the run is through with it,
     "missing": [[kind, id], ...],                           what Git wants there and is not ours for all that, and
     "equal": [[kind, id, digest], ...]}                     what is as Git has it although its mark does not say so

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
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any
from typing import TypeAlias

from deployer.concealing import conceal
from deployer.drift import Witness
from deployer.errors import CannotStart
from deployer.errors import Unrecorded
from deployer.outcome import Place
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource
from deployer.state import as_json
from deployer.state import digest

SCHEMA = "deployer-journal/1"
_PHASES = ("writing", "written", "failed", "settled")

Where: TypeAlias = tuple[str, str, str]
"""Tenant, target, and the address that it had then; empty if it was not told."""


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
        self.owner = ""
        """Whose objects they are; set once it can be known."""
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

    def settled(
        self, place: Place, owned: Iterable[Key], missing: Iterable[Key] = (), equal: Mapping[Key, str] = {}
    ) -> None:
        """Say what is ours in a target, now that the run is through with it, and what is not although Git wants it.

        `equal` are the digests of what is as Git has it by somebody else's hand: its mark tells of another state.
        """
        named = {"owned": owned, "missing": missing}
        told = {name: [[key.kind, key.id] for key in sorted(keys)] for name, keys in named.items()}
        alike = [[key.kind, key.id, text] for key, text in sorted(equal.items())]
        self._write(place, {"phase": "settled", **told, "equal": alike})

    def _append(self, place: Place, change: Change, told: Mapping[str, Any]) -> None:
        self._write(place, {"action": change.action, "kind": change.key.kind, "id": change.key.id, **told})

    def _write(self, place: Place, told: Mapping[str, Any]) -> None:
        line = {
            "schema": SCHEMA,
            "run": self.run,
            "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "environment": self._environment,
            **({"owner": self.owner} if self.owner else {}),
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


def witnesses(folder: Path, environment: str, owner: str) -> dict[Where, Witness]:
    """What the journals in a folder say is ours in each target of an environment: the last word.

    The runs of other owners are none of ours, though their environment may have the same name and their targets too.

    A run has no word on what it left missing, and none on the rest if it was cut short: then that of the run before
    stands. Without any journal there is no witness. Raises `CannotStart` for one that is damaged: half a record tells
    nothing.
    """
    told: list[tuple[datetime, Mapping[str, Any], Path]] = []
    for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
        try:
            lines = [line for line in read(path) if line.get("schema") == SCHEMA]
            told += [
                (datetime.fromisoformat(line["at"]).astimezone(UTC), line, path)
                for line in lines
                if line["environment"] == environment and line["phase"] in _PHASES and line.get("owner", owner) == owner
            ]
        except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
            raise _damaged(path, error) from None
    found: dict[Where, Witness] = {}
    for at, line, path in sorted(told, key=lambda one: one[0]):  # runs overlap, and names tell only when they began
        try:
            where = str(line["tenant"]), str(line["target"]), str(line.get("address") or "")
            found[where] = _witness(line, at, found.get(where))
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(path, error) from None
    return found


def _damaged(path: Path, error: Exception) -> CannotStart:
    why = error if isinstance(error, OSError | json.JSONDecodeError) else f"{type(error).__name__}: {error}"
    return CannotStart(f"the journal {path} cannot be read: {why}; mend it or take it out")


def _witness(line: Mapping[str, Any], at: datetime, before: Witness | None) -> Witness:
    run = str(line["run"])
    before = before or Witness(run, at, frozenset(), whole=False)
    if line["phase"] == "settled":
        owned, missing = _keys(line["owned"]), _keys(line.get("missing", ()))
        return Witness(
            run,
            at,
            owned,
            # a write without a clear answer may come late: a run that did not see it has not settled it
            unsure=before.unsure & missing,
            earlier={key: before.of(key) for key in missing if key in before.of(key).owned},
            equal={Key(Kind(kind), str(id)): str(text) for kind, id, text in line.get("equal", ())},
            untold=missing & before.untold if before.whole else missing - before.owned,
            found=before.found or (not before.whole and bool(owned - before.owned)),
        )
    key = Key(Kind(line["kind"]), str(line["id"]))
    owned, unsure = before.owned, before.unsure
    match line["phase"], line["action"]:
        case "writing", _:
            unsure |= {key}
        case "written", "delete":
            owned, unsure = owned - {key}, unsure - {key}
        case "written", _:
            owned, unsure = owned | {key}, unsure - {key}
        case _:  # a write that failed may have happened all the same
            pass
    equal = {each: text for each, text in before.equal.items() if each != key}
    earlier = {each: one for each, one in before.earlier.items() if each not in owned}
    return replace(before, run=run, at=at, owned=owned, unsure=unsure, earlier=earlier, equal=equal)


def _keys(pairs: Iterable[Sequence[str]]) -> frozenset[Key]:
    return frozenset(Key(Kind(kind), str(id)) for kind, id in pairs)
