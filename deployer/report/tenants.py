"""The tenants of an environment: as lines, as a document, and as the matrix of a workflow on GitHub."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployer.findings import Finding
from deployer.model import Target
from deployer.report.as_json import SCHEMA
from deployer.report.as_json import finding
from deployer.report.wording import plain
from deployer.shards import Shard
from deployer.waves import Stage


@dataclass(frozen=True, slots=True)
class Row:
    """One tenant."""

    name: str
    targets: Sequence[Target] = ()
    faults: Sequence[Finding] = ()
    """Why its file cannot be used, if it cannot."""
    shard: Shard | None = None
    """The one it is in, where tenants were dealt out."""
    stage: Stage | None = None
    """The wave it is in, where the environment has waves."""


def text(rows: Sequence[Row]) -> str:
    """A line a tenant."""
    return "".join(f"{_line(row)}{f' [shard {row.shard}]' if row.shard else ''}\n" for row in rows)


def document(environment: str, code: int, rows: Sequence[Row]) -> dict[str, Any]:
    """The same for scripts."""
    return {
        "schema": SCHEMA,
        "verb": "tenants",
        "environment": environment,
        "exit_code": code,
        "tenants": [
            {
                "tenant": row.name,
                "targets": [{"target": one.name, "platform": one.platform} for one in row.targets],
                "usable": not row.faults,
                "findings": [finding(each) for each in row.faults],
                "shard": str(row.shard) if row.shard else None,
                "wave": {"number": row.stage.number, "name": row.stage.wave.name} if row.stage else None,
            }
            for row in rows
        ],
    }


def matrix(dealt: Sequence[Sequence[str]]) -> str:
    """One line of ASCII that `fromJSON` takes as `strategy.matrix`: a job for each shard.

    `index` is there because a shard's own name, 3/10, cannot be part of an artifact's.
    """
    include = [
        {
            "shard": str(Shard(index, len(dealt))),
            "index": index,
            "of": len(dealt),
            "tenants": " ".join(map(plain, names)),
        }
        for index, names in enumerate(dealt, 1)
    ]
    return json.dumps({"include": include}, separators=(",", ":")) + "\n"


def _line(row: Row) -> str:
    who = f"{plain(row.name)}{f', {row.stage.title}' if row.stage else ''}"
    if row.faults:
        return f"{who}: its file cannot be used: {plain(str(row.faults[0]))}"
    return f"{who}: {', '.join(f'{target.name} ({target.platform})' for target in row.targets)}"
