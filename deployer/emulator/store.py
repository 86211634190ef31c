"""Documents, telemetry and the request log, in one SQLite file: durable before the answer, or in memory only.

A document is JSON under (collection, scope, id); documents are listed in the order they were created. Each one
remembers what it was before its last write, so that a late reader can be shown the past.

Telemetry is JSON lists under (collection, scope, name): appended, read whole, discarded whole. It has no past.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployer.emulator.calls import Document

KEPT_REQUESTS = 20_000
SETTINGS = "emulator"  # the one collection that has no past

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL,
    body TEXT, previous TEXT, created INTEGER NOT NULL, written INTEGER NOT NULL,
    PRIMARY KEY (collection, scope, id)
);
CREATE TABLE IF NOT EXISTS batches (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    collection TEXT NOT NULL, scope TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS batches_of_scope ON batches (collection, scope, name);
CREATE TABLE IF NOT EXISTS requests (number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counter (only INTEGER PRIMARY KEY CHECK (only = 1), value INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES (1, 0);
"""


class Store:
    """Everything the emulator remembers. Not thread-safe: the caller serialises."""

    def __init__(self, file: Path | None) -> None:
        self._database = sqlite3.connect(file or ":memory:", check_same_thread=False, isolation_level=None)
        # WAL: a commit is one append, handed to the system before the answer, so it outlives kill -9. Documents
        # of a machine that loses power may be lost, which is fine for an emulator.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)
        self._stale_since: int | None = None
        self.showed_past = False
        self._rollbacks = 0

    def close(self) -> None:
        """Close the file; the store is of no use afterwards."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside become durable together, or none does."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            # The numbers of batches that are gone with it are given again.
            self._rollbacks += 1
            raise
        self._database.execute("COMMIT")

    @property
    def writes(self) -> int:
        """How many documents were written so far; grows with every `put` and `remove`."""
        return int(self._database.execute("SELECT value FROM counter").fetchone()[0])

    def get(self, collection: str, scope: str, id: str) -> Document | None:
        """One document, or None."""
        row = self._database.execute(
            "SELECT body, previous, written FROM documents WHERE collection = ? AND scope = ? AND id = ?",
            (collection, scope, id),
        ).fetchone()
        if row and collection == SETTINGS:
            return None if row[0] is None else dict(json.loads(row[0]))
        return self._seen(row) if row else None

    def all(self, collection: str, scope: str) -> list[Document]:
        """All documents of a collection in a scope, in the order of their creation."""
        rows = self._database.execute(
            "SELECT body, previous, written FROM documents WHERE collection = ? AND scope = ? ORDER BY created",
            (collection, scope),
        )
        return [document for row in rows if (document := self._seen(row)) is not None]

    def where(self, collection: str, scope: str, name: str, value: str) -> list[Document]:
        """The documents of which one top-level text has this value."""
        if self._stale_since is not None:
            return [document for document in self.all(collection, scope) if document.get(name) == value]
        rows = self._database.execute(
            "SELECT body FROM documents WHERE collection = ? AND scope = ? AND body IS NOT NULL "
            "AND json_extract(body, '$.' || ?) = ? ORDER BY created",
            (collection, scope, name, value),
        )
        return [json.loads(row[0]) for row in rows]

    def size(self, collection: str, scope: str) -> int:
        """How many documents there are."""
        query = "SELECT COUNT(*) FROM documents WHERE collection = ? AND scope = ? AND body IS NOT NULL"
        return int(self._database.execute(query, (collection, scope)).fetchone()[0])

    def scopes(self, collection: str) -> list[str]:
        """The scopes that hold documents or batches of this collection, sorted."""
        rows = self._database.execute(
            "SELECT scope FROM documents WHERE collection = ? AND body IS NOT NULL "
            "UNION SELECT scope FROM batches WHERE collection = ? ORDER BY scope",
            (collection, collection),
        )
        return [str(row[0]) for row in rows]

    def append(self, collection: str, scope: str, name: str, rows: list[Document]) -> None:
        """Keep one more batch under this name; no rows are a batch too: the name is then known."""
        self._database.execute(
            "INSERT INTO batches (collection, scope, name, body) VALUES (?, ?, ?, ?)",
            (collection, scope, name, json.dumps(rows)),
        )

    def batches(self, collection: str, scope: str) -> list[tuple[int, str, list[Document]]]:
        """Number, name and rows of each batch, oldest first."""
        rows = self._database.execute(
            "SELECT number, name, body FROM batches WHERE collection = ? AND scope = ? ORDER BY number",
            (collection, scope),
        )
        return [(number, name, json.loads(body)) for number, name, body in rows]

    def names(self, collection: str, scope: str) -> list[str]:
        """The names of the batches, sorted."""
        query = "SELECT DISTINCT name FROM batches WHERE collection = ? AND scope = ? ORDER BY name"
        return [str(row[0]) for row in self._database.execute(query, (collection, scope))]

    def edition(self, collection: str, scope: str) -> tuple[int, int]:
        """Two equal answers mean that the batches are the same: nothing was added, discarded or rolled back between."""
        query = "SELECT MAX(number) FROM batches WHERE collection = ? AND scope = ?"
        return int(self._database.execute(query, (collection, scope)).fetchone()[0] or 0), self._rollbacks

    def discard(self, collection: str) -> None:
        """Forget all batches and documents of a collection, their past too."""
        self._database.execute("DELETE FROM batches WHERE collection = ?", (collection,))
        self._database.execute("DELETE FROM documents WHERE collection = ?", (collection,))

    def put(self, collection: str, scope: str, id: str, body: Document) -> None:
        """Create or replace one document."""
        number = self._next()
        text = json.dumps(body)
        self._database.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, NULL, ?, ?) ON CONFLICT DO UPDATE SET "
            "created = CASE WHEN body IS NULL THEN excluded.created ELSE created END, "
            "previous = body, body = excluded.body, written = excluded.written",
            (collection, scope, id, text, number, number),
        )

    def remove(self, collection: str, scope: str, id: str) -> None:
        """Remove one document; only the past can still see it."""
        self._database.execute(
            "UPDATE documents SET previous = body, body = NULL, written = ? "
            "WHERE collection = ? AND scope = ? AND id = ? AND body IS NOT NULL",
            (self._next(), collection, scope, id),
        )

    @contextmanager
    def looking_back(self, since: int) -> Iterator[None]:
        """Inside, reads show documents written after `since` as they were before their last write."""
        self._stale_since, self.showed_past = since, False
        try:
            yield
        finally:
            self._stale_since = None

    def log(self, entry: Document) -> None:
        """Append one request to the log; the oldest of very many are forgotten."""
        cursor = self._database.execute("INSERT INTO requests (body) VALUES (?)", (json.dumps(entry),))
        self._database.execute("DELETE FROM requests WHERE number <= ?", ((cursor.lastrowid or 0) - KEPT_REQUESTS,))

    def requests(self) -> list[Document]:
        """The logged requests since the last clear, oldest first."""
        return [json.loads(row[0]) for row in self._database.execute("SELECT body FROM requests ORDER BY number")]

    def clear_requests(self) -> None:
        """Forget the logged requests."""
        self._database.execute("DELETE FROM requests")

    def _next(self) -> int:
        row = self._database.execute("UPDATE counter SET value = value + 1 RETURNING value").fetchall()
        return int(row[0][0])

    def _seen(self, row: tuple[Any, Any, int]) -> Document | None:
        body, previous, written = row
        if self._stale_since is not None and written > self._stale_since:
            self.showed_past = True
            body = previous
        return None if body is None else json.loads(body)
