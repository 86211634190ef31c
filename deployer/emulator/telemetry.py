"""Telemetry: the events that rules run on. Loaded by a control call, kept like everything else, read by the engines.

`{"kibana": {space: {index: [documents]}}, "sentinel": {workspace: {table: [rows]}}}`. Everything is held against the
columns and types that deployer knows before anything is kept: what is misspelt would otherwise never match, in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeAlias

from deployer.emulator.arm import workspaces
from deployer.emulator.arm.workspaces import TELEMETRY as SENTINEL
from deployer.emulator.calls import Answer
from deployer.emulator.calls import Document
from deployer.emulator.calls import Refused
from deployer.emulator.conditions import moment
from deployer.emulator.world import World
from deployer.errors import BadEvents
from deployer.errors import NotRunnable

if TYPE_CHECKING:
    from deployer.engines.rows import Row
    from deployer.engines.tables import Table

KIBANA = "telemetry.kibana"
# What runs made of telemetry goes with it.
PRODUCTS = ("kibana.alerts", "kibana.preview_alerts", "kibana.threshold_history", "arm.suppressions")
_Batch: TypeAlias = tuple[int, str, list[Document]]
_INDEX = re.compile(r"[^-]+-(?P<dataset>[^-]+)-.+")


def load(world: World, body: Document) -> Document:
    """Check and keep telemetry; the answer counts it. Raises Refused naming what does not fit; then nothing is kept."""
    if odd := set(body) - {"kibana", "sentinel"}:
        raise _refuse(f"unknown: {', '.join(sorted(odd))}; telemetry is {{kibana: …, sentinel: …}}")
    kibana = _nested(body.get("kibana", {}), "kibana")
    sentinel = _nested(body.get("sentinel", {}), "sentinel")
    scopes = {name: _workspace(world, name) for name in sentinel}
    for space, indices in kibana.items():
        _check_documents(space, indices, world.store.batches(KIBANA, space))
    for name, tables in sentinel.items():
        _check_rows(name, tables, world.store.batches(SENTINEL, scopes[name]))
    for space, indices in kibana.items():
        for index, documents in indices.items():
            world.store.append(KIBANA, space, index, documents)
    for name, tables in sentinel.items():
        for table, rows in tables.items():
            world.store.append(SENTINEL, scopes[name], table, rows)
    return {"emulated": True, "kibana": _counted(kibana), "sentinel": _counted(sentinel)}


def clear(world: World) -> None:
    """Forget all telemetry, and the alerts and memories that runs made of it."""
    for collection in (KIBANA, SENTINEL, *PRODUCTS):
        world.store.discard(collection)


def dataset_fields(indices: Iterable[str]) -> dict[str, str]:
    """The fields of the datasets that these indices hold, with their types. Raises Refused for an unknown dataset."""
    from deployer.engines import tables

    fields: dict[str, str] = {}
    for index in sorted(indices):
        found = _INDEX.fullmatch(index)
        table = tables.kibana(found["dataset"]) if found else None
        if table is None:
            known = ", ".join(tables.kibana_names())
            raise _refuse(f"index {index}: no such dataset; an index is TYPE-DATASET-NAMESPACE, and known are {known}")
        for name, kind in table.columns.items():
            if fields.setdefault(name, kind) != kind:
                raise _refuse(f"index {index}: field {name} is {kind} here and {fields[name]} in another index")
    return fields


def workspace_table(name: str, rows: Sequence[Row]) -> Table | None:
    """The table, with the custom columns (suffix _CF) that its rows bring. None for an unknown table."""
    from deployer.engines import tables
    from deployer.engines.kusto_events import with_custom_columns

    table = tables.sentinel(name)
    return None if table is None else with_custom_columns(table, rows)


def _check_documents(space: str, indices: Mapping[str, list[Document]], held: Sequence[_Batch]) -> None:
    """Beside what is held already: the first value of a field without a mapping settles its type for all."""
    from deployer.engines.kibana import Events

    with Events(dataset_fields({*indices, *(index for _, index, _ in held)})) as events:
        for _, index, documents in held:
            events.load(index, documents)
        for index, documents in indices.items():
            _check_times(f"space {space}, index {index}", "@timestamp", documents)
            try:
                events.load(index, documents)
            except (BadEvents, NotRunnable) as error:
                raise _refuse(f"space {space}, index {index}: {error}") from None


def _check_rows(workspace: str, tables: Mapping[str, list[Document]], held: Sequence[_Batch]) -> None:
    from deployer.engines import tables as known
    from deployer.engines.kusto import Kusto

    for name, rows in tables.items():
        where = f"workspace {workspace}, table {name}"
        try:
            table = workspace_table(name, [*(row for _, one, batch in held if one == name for row in batch), *rows])
            if table is None:
                raise _refuse(f"{where}: no such table; known are {', '.join(known.sentinel_names())}")
            _check_times(where, "TimeGenerated", rows)
            with Kusto([table]) as database:
                database.load(name, rows)
        except BadEvents as error:
            raise _refuse(f"{where}: {error}") from None


def _check_times(where: str, field: str, rows: list[Document]) -> None:
    for number, row in enumerate(rows, start=1):
        if moment(row.get(field)) is None:
            raise _refuse(f"{where}, event {number}: {field} must be a date and time, not {row.get(field)!r}")


def _workspace(world: World, name: str) -> str:
    try:
        return workspaces.find(world, name)
    except LookupError as error:
        raise _refuse(str(error)) from None


def _nested(value: Any, what: str) -> dict[str, dict[str, list[Document]]]:
    """The value, once it is seen to be an object of objects of lists of objects."""
    for name, lists in _object(value, what).items():
        for inner, rows in _object(lists, f"{what}.{name}").items():
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise _refuse(f"{what}.{name}.{inner} must be a list of objects")
    return dict(value)


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _refuse(f"{what} must be an object")
    return value


def _counted(told: Mapping[str, Mapping[str, list[Document]]]) -> Document:
    return {name: {inner: len(rows) for inner, rows in lists.items()} for name, lists in told.items()}


def _refuse(message: str) -> Refused:
    return Refused(Answer({"message": message}, 400))
