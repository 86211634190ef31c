"""The tables and datasets that rules read: their columns and types, from files beside this module.

A file holds the columns that rules of that kind read, not all that a vendor documents; `source` names the document
that they were taken from.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    """A table's columns, in order, with the platform's own type names, and the document that says so."""

    name: str
    columns: Mapping[str, str]
    source: str = ""

    def with_columns(self, columns: Mapping[str, str]) -> "Table":
        """The same table with more columns (or other types of those it has), as a workspace's own table may have."""
        return replace(self, columns={**self.columns, **columns})


def sentinel(name: str) -> Table | None:
    """The Sentinel table of that name, with Kusto types; None where no file describes it."""
    return _table("sentinel", name)


def kibana(dataset: str) -> Table | None:
    """The Kibana dataset of that name (endpoint.events.network), with Elasticsearch types; None where there is none."""
    return _table("kibana", dataset)


def sentinel_names() -> tuple[str, ...]:
    """Every Sentinel table that has a file, sorted."""
    return _names("sentinel")


def kibana_names() -> tuple[str, ...]:
    """Every Kibana dataset that has a file, sorted."""
    return _names("kibana")


def _table(platform: str, name: str) -> Table | None:
    return _read(platform, name) if name in _names(platform) else None


@lru_cache(maxsize=256)
def _read(platform: str, name: str) -> Table:
    file = resources.files(__package__) / platform / f"{name}.json"
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return Table(name, document["columns"], document["source"])


@lru_cache(maxsize=2)
def _names(platform: str) -> tuple[str, ...]:
    folder = resources.files(__package__) / platform
    files = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return tuple(sorted(name.removesuffix(".json") for name in files if name.endswith(".json")))
