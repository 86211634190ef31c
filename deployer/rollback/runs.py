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
    """What the run did to one object; `before` None is a create, `after` None a delete."""

    key: Key
    before: State | None
    after: State | None
    at: datetime
    sure: bool
    """Whether the run saw that it was done."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that one run wrote, or may have written."""

    id: str
    began: datetime
    ended: datetime
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


def read(path: Path, environment: str, owner: str) -> Run:
    """What the journal at `path` tells; raise `CannotStart` unless it is one, of this environment and this owner."""
    try:
        lines = journal.read(path)
        known = [line for line in lines if line["phase"] in ("writing", "written", "failed")]
        if odd := sorted({str(line["schema"]) for line in known} - {journal.SCHEMA}):
            raise CannotStart(f"{path} is of schema {odd[0]!r}, this version reads {journal.SCHEMA}")
        if not known:
            raise CannotStart(f"{path} tells of no write: there is nothing to undo")
        foreign = sorted({str(line["environment"]) for line in known} - {environment})
        if foreign:
            raise CannotStart(f"{path} is the journal of a run on {foreign[0]}, not on {environment}")
        writes = {where: tuple(_writes(lines)) for where, lines in _by_target(known).items()}
        times = [_moment(line) for line in known]
        addresses = {_where(line): str(line["address"]) for line in known if line.get("address")}
        run = Run(str(known[0]["run"]), min(times), max(times), writes, addresses)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CannotStart(f"{path} is not a journal of deployer: {type(error).__name__}: {error}") from None
    owners = {mark.owner for told in run.writes.values() for one in told for mark in _marks(one)}
    if owners - {owner}:
        text = f"{path} is the journal of a run of owner {min(owners - {owner})}, and {environment} is now {owner}'s"
        raise CannotStart(text)
    return run


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
            before = found[key].before if key in found else _state(line["before"])
            found[key] = Write(key, before, _state(line["after"]), at, sure=False)
        elif line["phase"] == "written":
            found[key] = replace(found[key], at=at, sure=True)
    yield from found.values()


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
    mark = whole_mark(write.after.mark) if write.after else None
    if isinstance(mark, Mark):
        yield mark


def _where(line: Mapping[str, Any]) -> Where:
    return str(line["tenant"]), str(line["target"])


def _moment(line: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(line["at"])


def listed(names: Sequence[str]) -> str:
    """The last of some names; runs begin with their time, so these are the newest."""
    return ", ".join(names[-5:])
