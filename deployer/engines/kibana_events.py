"""Documents of Elasticsearch indices in one in-memory DuckDB, typed as their mappings say.

The table `events` has a row for each document; each field of type nested has a table of its own, with a row for each of
its objects.
"""

import json
from collections.abc import Iterable
from collections.abc import Mapping
from functools import lru_cache
from types import TracebackType
from typing import Self

import duckdb

from deployer.engines.kibana_documents import Batch
from deployer.engines.kibana_documents import Column
from deployer.engines.kibana_documents import Misfit
from deployer.engines.kibana_sql import column
from deployer.engines.kibana_sql import nested_table
from deployer.engines.kibana_types import NESTED
from deployer.engines.kibana_types import family
from deployer.engines.kibana_types import nested_parent
from deployer.engines.kibana_types import sql_type
from deployer.engines.rows import Row
from deployer.errors import BadEvents
from deployer.errors import NotRunnable

_BATCH = 50_000
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
    "threads": "2",
}


class Events:
    """ECS documents of one or many indices; a context manager.

    `fields` gives the Elasticsearch type of each field, as an index mapping does; `@timestamp` is a date always. A
    field `a.text`, `a.caseless` or `a.keyword` beside a field `a` that holds values is a multi-field: it is filled
    from `a`.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields: dict[str, str] = {"@timestamp": "date", **fields}
        self.documents: list[Row] = []
        self.indices: dict[str, int] = {}
        self.connection = _database().cursor()
        self._events = _Table(self.connection, "events", self.fields, None)
        self._nested = {
            path: _Table(self.connection, nested_table(path), self.fields, path)
            for path, type in fields.items()
            if type == NESTED
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def load(self, index: str, documents: Iterable[Row]) -> None:
        """Adds documents to an index; keys may be nested, dotted or both, values single or lists.

        `BadEvents` names the field where a value does not fit its type; an index may be loaded empty, to exist.
        """
        self.indices.setdefault(index, 0)
        batch: list[Row] = []
        for document in documents:
            batch.append(document)
            if len(batch) == _BATCH:
                self._load(index, batch)
                batch = []
        self._load(index, batch)

    def _load(self, index: str, documents: list[Row]) -> None:
        batch = Batch(self.fields, len(documents))
        for row, document in enumerate(documents):
            try:
                batch.write(row, document)
            except Misfit as fault:
                raise self._misfit(index, row, fault) from None
        first = len(self.documents)
        self._events.insert(index, range(first, first + len(documents)), batch.columns)
        for path, objects in batch.nested.items():
            self._load_nested(index, path, objects)
        self.documents.extend(documents)
        self.indices[index] += len(documents)

    def _load_nested(self, index: str, path: str, objects: list[tuple[int, Row]]) -> None:
        batch = Batch(self.fields, len(objects))
        for number, (row, document) in enumerate(objects):
            try:
                batch.write(number, document, f"{path}.")
            except Misfit as fault:
                raise self._misfit(index, row, fault) from None
        self._nested[path].insert(index, [len(self.documents) + row for row, _ in objects], batch.columns)

    def _misfit(self, index: str, row: int, fault: Misfit) -> BadEvents:
        return BadEvents(f"{index}, document {self.indices[index] + row + 1}: {fault}")


class _Table:
    """A table with the columns of the fields that are directly within one nested field, or within none."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, name: str, fields: Mapping[str, str], path: str | None
    ) -> None:
        self._connection = connection
        self._name = name
        self._fields = fields
        self._columns: dict[str, str] = {}
        own = [name for name in fields if nested_parent(name, fields) == path]
        typed = "".join(f", {column(name)} {type}[]" for name, type in self._new_columns(own))
        connection.execute(f"create temporary table {self._name} (_index varchar, _id bigint{typed})")

    def insert(self, index: str, ids: Iterable[int], columns: Mapping[str, Column]) -> None:
        """Adds rows: of each its document and its values."""
        for name, type in self._new_columns(columns):
            self._connection.execute(f"alter table {self._name} add column {column(name)} {type}[]")
        values = ["unnest(from_json(?, '[\"bigint\"]'))"]
        values += [f"unnest(from_json(?, '[[\"{self._columns[name]}\"]]'))" for name in columns]
        names = ", ".join(["_index", "_id", *map(column, columns)])
        self._connection.execute(
            f"insert into {self._name} ({names}) select ?, {', '.join(values)}",
            [index, json.dumps(list(ids)), *(json.dumps(kept) for kept in columns.values())],
        )

    def _new_columns(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Name and type of the columns that have to be made for these fields."""
        found = []
        for name in names:
            kind = family(name, self._fields[name])
            if name in self._columns or kind is None:
                continue
            if name.lower() in (known.lower() for known in self._columns):
                raise NotRunnable(f"{name}: another field differs from it in case only")
            self._columns[name] = sql_type(kind)
            found.append((name, self._columns[name]))
        return found


@lru_cache(maxsize=1)
def _database() -> duckdb.DuckDBPyConnection:
    """One for the process: opening one takes longer than most rules. A temporary table is its own cursor's alone."""
    return duckdb.connect(":memory:", config=_CONFIG)
