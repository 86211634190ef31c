"""What a journal tells of a run: every object that it wrote, what was there before, and what it left."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from typing import TypeAlias

from deployer import journal
from deployer.errors import CannotStart
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Mark
from deployer.state import digest
from deployer.state import whole_mark

Where: TypeAlias = tuple[str, str]
"""Tenant and target."""


@dataclass(frozen=True, slots=True)
class State:
    """An object as the journal tells it."""

    body: Mapping[str, Any]
    carried: Mapping[str, Any]
    mark: str
    """Its text; empty if there was none."""
    digest: str
    """Of the body as it was: the journal's own body has the secrets of the run taken out."""
    carried_digest: str


@dataclass(frozen=True, slots=True)
class Write:
    """What the run did to one object; a state of None is that it was not there."""

    key: Key
    before: State | None
    left: tuple[State | None, ...]
    """What the run may have left, the last state last: one, unless a write was not seen through."""
    at: datetime
    sure: bool
    """Whether the run saw that it was done."""
    torn: bool = False
    """Whether somebody else wrote it between two writes of the runs."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that one run wrote, or may have written; or several, one after the other."""

    ids: tuple[str, ...]
    began: datetime
    writes: Mapping[Where, tuple[Write, ...]]
    addresses: Mapping[Where, str] = field(default_factory=dict)
    """Where the targets were, as far as the journal tells."""


def find(folder: Path, name: str) -> Path:
    """The journal of a run, by its id, the beginning of its id, or the path of the file."""
    if name.endswith(".jsonl") or "/" in name:
        if not Path(name).is_file():
            raise CannotStart(f"there is no journal {name}")
        return Path(name)
    runs = {file.stem: file for file in sorted(folder.glob("*.jsonl"))}
    if name in runs:
        return runs[name]
    found = [run for run in runs if run.startswith(name)]
    if len(found) == 1:
        return runs[found[0]]
    if found:
        raise CannotStart(f"{name!r} is the beginning of {len(found)} runs: {listed(found)}; write more of it")
    there = f"the last ones there are {listed(list(runs))}" if runs else "no run has written there"
    raise CannotStart(f"{folder} has no journal of a run {name!r}; {there} (see --journal)")


def read(paths: Sequence[Path], environment: str, owner: str) -> Run:
    """What these journals tell, taken together as one run.

    Raise `CannotStart` unless each is the journal of a run of this owner on this environment.
    """
    lines = [line for path in dict.fromkeys(paths) for line in _lines(path, environment, owner)]
    if not lines:
        raise CannotStart(f"{listed([str(path) for path in paths])} tells of no write: there is nothing to undo")
    lines.sort(key=lambda line: str(line["at"]))
    return Run(
        tuple(dict.fromkeys(str(line["run"]) for line in lines)),
        _moment(lines[0]),
        {where: tuple(_writes(told)) for where, told in _by_target(lines).items()},
        {_where(line): str(line["address"]) for line in lines if line.get("address")},
    )


def _lines(path: Path, environment: str, owner: str) -> list[Mapping[str, Any]]:
    """The lines about writes in one journal, every one of them fit to be read."""
    try:
        lines = [line for line in journal.read(path) if line["phase"] in ("writing", "written", "failed")]
        if odd := sorted({str(line["schema"]) for line in lines} - {journal.SCHEMA}):
            raise CannotStart(f"{path} is of schema {odd[0]!r}, this version reads {journal.SCHEMA}")
        if foreign := sorted({str(line["environment"]) for line in lines} - {environment}):
            raise CannotStart(f"{path} is the journal of a run on {foreign[0]}, not on {environment}")
        times = {_moment(line).tzinfo for line in lines}
        writes = [write for told in _by_target(lines).values() for write in _writes(told)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CannotStart(f"{path} is not a journal of deployer: {type(error).__name__}: {error}") from None
    if None in times:
        raise CannotStart(f"{path} is not a journal of deployer: a time without a zone")
    if others := sorted({mark.owner for write in writes for mark in _marks(write)} - {owner}):
        raise CannotStart(f"{path} is the journal of a run of owner {others[0]}, and {environment} is now {owner}'s")
    return [*lines]


def _by_target(lines: Iterable[Mapping[str, Any]]) -> dict[Where, list[Mapping[str, Any]]]:
    found: dict[Where, list[Mapping[str, Any]]] = {}
    for line in lines:
        found.setdefault(_where(line), []).append(line)
    return found


def _writes(lines: Iterable[Mapping[str, Any]]) -> Iterator[Write]:
    """One per object: what was there before the first line about it, and what the last one left."""
    found: dict[Key, Write] = {}
    for line in lines:
        key, at = Key(Kind(line["kind"]), str(line["id"])), _moment(line)
        if line["phase"] == "writing":
            for off in line.get("switched_off", ()):
                rule = Key(Kind(off["kind"]), str(off["id"]))
                found[rule] = _written(rule, found.get(rule), off, at)
            found[key] = _written(key, found.get(key), line, at)
        elif line["phase"] == "written":
            found[key] = replace(found[key], left=found[key].left[-1:], at=at, sure=True)
    yield from found.values()


def _written(key: Key, earlier: Write | None, told: Mapping[str, Any], at: datetime) -> Write:
    """A write that is not yet known to have been done, after those before it."""
    before, after = _state(told["before"]), _state(told["after"])
    if earlier is None:
        return Write(key, before, (after,), at, sure=False)
    known = [_identity(state) for state in (earlier.before, *earlier.left)]
    torn = earlier.torn or _identity(before) not in known
    return Write(key, earlier.before, (*earlier.left, after), at, sure=False, torn=torn)


def _identity(state: State | None) -> tuple[str, str] | None:
    return (state.digest, state.mark) if state else None


def _state(told: Mapping[str, Any] | None) -> State | None:
    if told is None:
        return None
    body, carried = told["body"], told["carried"]
    if not isinstance(body, dict) or not isinstance(carried, dict):
        raise ValueError("an object without a body")
    return State(
        body,
        carried,
        str(told["mark"]),
        str(told.get("digest") or digest(body)),
        str(told.get("carried_digest") or digest(carried)),
    )


def _marks(write: Write) -> Iterator[Mark]:
    """What the run itself wrote says whose it is."""
    for mark in (whole_mark(state.mark) for state in write.left if state):
        if isinstance(mark, Mark):
            yield mark


def _where(line: Mapping[str, Any]) -> Where:
    return str(line["tenant"]), str(line["target"])


def _moment(line: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(line["at"])


def listed(names: Sequence[str]) -> str:
    """The last of some names; runs begin with their time, so these are the newest."""
    return ", ".join(names[-5:])
