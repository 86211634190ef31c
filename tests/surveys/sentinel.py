"""How much of other people's Sentinel rules our engine runs: `python -m tests.surveys.sentinel [FOLDER]`.

Each query is run on tables without events, which have the vendor's documented columns where these are at hand; its
watchlists are empty but for the columns that the query names. Prints each rule's outcome and the sums.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from pathlib import Path

import duckdb_kql
import yaml

from deployer.engines.kusto import Kusto
from deployer.engines.rows import Row
from deployer.engines.tables import Table
from deployer.errors import BadQuery
from deployer.errors import NotRunnable

SHARED = Path(__file__).parents[3] / "shared"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_WATCHLIST = re.compile(r"_GetWatchlist\('([^']+)'\)((?:\s*\|[^;|]*)*)")


@dataclass(frozen=True, slots=True)
class Sample:
    """One rule's way through the engine: run, refused (by name), no table (that is at hand), or bad."""

    name: str
    parsed: bool
    outcome: str
    reason: str


def survey(shared: Path) -> Iterator[Sample]:
    """Every rule of the samples, in the order of their names; any error but the engine's own is let through."""
    tables = tuple(_tables(shared / "schemas"))
    for file in sorted((shared / "samples" / "sentinel-yaml").glob("*.yaml")):
        query = yaml.safe_load(file.read_text(encoding="utf-8"))["query"]
        yield Sample(file.stem, not duckdb_kql.validate(query), *_run(query, tables))


def _tables(folder: Path) -> Iterator[Table]:
    for file in sorted(folder.glob("*.json")):
        # The other variant of a table is no table of a workspace.
        if "." not in file.stem:
            yield Table(file.stem, json.loads(file.read_text(encoding="utf-8")))


def _run(query: str, tables: tuple[Table, ...]) -> tuple[str, str]:
    try:
        with Kusto(tables, dict(_watchlists(query))) as database:
            database.run(query, NOW)
    except NotRunnable as fault:
        return "refused", str(fault)
    except BadQuery as fault:
        return ("no table" if str(fault).startswith("there is no table") else "bad"), str(fault)
    return "run", ""


def _watchlists(query: str) -> Iterator[tuple[str, list[Row]]]:
    """The lists that a query reads, with a column for each name that it says right behind."""
    for alias, rest in _WATCHLIST.findall(query):
        yield alias, [dict.fromkeys(re.findall(r"\b[A-Z]\w+", rest), "")]


def _tell(samples: list[Sample]) -> str:
    lines = [f"{sample.outcome:9}{sample.name:66}{sample.reason}" for sample in samples]
    sums = ", ".join(f"{count} {outcome}" for outcome, count in Counter(one.outcome for one in samples).most_common())
    parsed = sum(sample.parsed for sample in samples)
    return "\n".join([*lines, "", f"{len(samples)} rules: {parsed} parsed; {sums}", ""])


if __name__ == "__main__":
    sys.stdout.write(_tell(list(survey(Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED))))
