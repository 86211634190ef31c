"""The engines that say whether a KQL query compiles: ours, which runs it on empty tables, and Microsoft's analyser.

Each is loaded when it is first needed, once, and may be missing: what was not asked is said, never passed over.
"""

import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from functools import cache
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from deployer import queries
from deployer.engines import analyser
from deployer.engines import kusto_workspace
from deployer.engines import tables
from deployer.engines.analyser import Analyser
from deployer.engines.analyser import Diagnostic
from deployer.engines.analyser import Function
from deployer.engines.tables import Table
from deployer.errors import BadQuery
from deployer.errors import NotRunnable
from deployer.findings import Severity
from deployer.manifest.wording import guess
from deployer.providers.sentinel import watchlist

NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""Any instant will do: the tables are empty."""
_DEFINITION = re.compile(r"function (\w+)(\(.*?\)) (\{.*\})", re.DOTALL)
_OUR_LISTS = f"{{ datatable(SearchKey: string, {watchlist.COLUMN}: string)[] }}"
"""What a query sees of the watchlists that deployer keeps."""
_BETTER_KNOWN = ("cannot be read", "there is no")
"""What our own engine says of grammar and names, of which it knows less than Microsoft's analyser."""
_SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARNING}


@dataclass(frozen=True, slots=True)
class Said:
    """What an engine says of a query. Line and column count from 1; None where it does not say."""

    code: str
    message: str
    severity: Severity
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of one query."""

    said: tuple[Said, ...]
    columns: Mapping[str, str] | None
    """What it returns, with Kusto's types; None where that is not known, as of a query with errors."""

    @property
    def sound(self) -> bool:
        """No engine found an error."""
        return all(each.severity is not Severity.ERROR for each in self.said)


_NO_TABLES = Said(
    "tables-not-named",
    "`data` names no table, so the query was not compiled: whether a name in it is right cannot be told",
    Severity.WARNING,
)


class Workbench:
    """Both engines, and what they have said already."""

    def __init__(self, load: Callable[[], Analyser | None]) -> None:
        """`load` gives Microsoft's analyser, if it is there; asked once, before the first query."""
        self._load = load
        self._compiled: dict[tuple[str, tuple[str, ...]], Compiled] = {}

    def compile(self, query: str, data: tuple[str, ...]) -> Compiled:
        """What both engines say of `query`, which is meant to read the tables in `data`."""
        key = (query, data)
        if not data:
            return Compiled((_NO_TABLES,), None)
        if key not in self._compiled:
            self._compiled[key] = self._compile(query, data, both=True)
        return self._compiled[key]

    def compile_variant(self, query: str, data: tuple[str, ...]) -> Compiled:
        """The same by one engine, for a query that differs from a sound one in its lets only."""
        return self._compile(query, data, both=False) if data else Compiled((_NO_TABLES,), None)

    @cached_property
    def runs(self) -> bool:
        """Whether our own engine is installed."""
        return self._kusto is not None

    @cached_property
    def analyses(self) -> bool:
        """Whether Microsoft's analyser is installed."""
        return self._analyser is not None

    @cached_property
    def _kusto(self) -> Any:
        return optional("deployer.engines.kusto")

    @cached_property
    def _analyser(self) -> Analyser | None:
        return self._load()

    def _compile(self, query: str, data: tuple[str, ...], both: bool) -> Compiled:
        known, unknown = _tables(query, data)
        said = [_unknown_table(name) for name in unknown]
        columns = None
        if self._analyser is not None:
            found, columns = self._analysed(self._analyser, query, (*known, *(Table(name, {}) for name in unknown)))
            said += found
        # Ours stops at the first fault, and Microsoft's has named them all.
        runs = self.runs and not unknown and Compiled(tuple(said), None).sound and (both or not self.analyses)
        if runs:
            ran, run_columns = self._ran(query, known)
            said += ran
            columns = columns or run_columns
        compiled = Compiled(tuple(said), columns)
        return compiled if compiled.sound else replace(compiled, columns=None)

    def _analysed(
        self, engine: Analyser, query: str, declared: Sequence[Table]
    ) -> tuple[list[Said], Mapping[str, str] | None]:
        try:
            analysis = engine.check(query, declared, _called(query))
        except NotRunnable as error:
            return [Said("query-not-analysed", str(error), Severity.WARNING)], None
        names = {name for table in declared for name in table.columns}
        said = [
            Said(
                f"kql-{each.code}", _with_guess(each.message, names), _SEVERITIES[each.severity], each.line, each.column
            )
            for each in _first_hand(analysis.diagnostics)
            if each.severity in _SEVERITIES
        ]
        return said, analysis.columns

    def _ran(self, query: str, known: Iterable[Table]) -> tuple[list[Said], Mapping[str, str] | None]:
        """The query on empty tables."""
        if watchlist.reads_others(query):
            message = "not run: what columns a watchlist has is not known here"
            return [Said("query-not-run", message, Severity.WARNING)], None
        try:
            with self._kusto.Kusto(known, dict.fromkeys(watchlist.aliases(query), ())) as database:
                return [], database.run(query, NOW).columns
        except NotRunnable as error:
            return [Said("query-not-run", f"not run, so not known to be sound: {error}", Severity.WARNING)], None
        except BadQuery as error:
            if self.analyses and str(error).startswith(_BETTER_KNOWN):
                message = f"not run: {error}, says our own engine; Microsoft's analyser has nothing against it"
                return [Said("query-not-run", message, Severity.WARNING, error.line, error.column)], None
            return [Said("query-invalid", str(error), Severity.ERROR, error.line, error.column)], None


def installed() -> Analyser | None:
    """Microsoft's analyser, where `deployer analyser install` has put it."""
    folder = analyser.find()
    return _loaded(folder) if folder else None


@cache
def _loaded(folder: Path) -> Analyser:
    """One analyser a process: loading it takes longer than a query does."""
    return Analyser(folder)


def optional(name: str) -> Any:
    """A module of ours that needs the extra `local`; None where that is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "deployer":
            raise
        return None
    except NotRunnable:
        return None


def _tables(query: str, data: tuple[str, ...]) -> tuple[list[Table], list[str]]:
    """The tables that the query can read, as far as their columns are known, and the names of the others."""
    text = "\n".join([query, *(each.body or "" for each in _called(query))])
    read = (name for name in tables.sentinel_names() if queries.uses(text, name))
    functions = {each.name for each in _functions()}
    found = {name: tables.sentinel(name) for name in dict.fromkeys((*data, *read)) if name not in functions}
    return [table for table in found.values() if table], [name for name, table in found.items() if table is None]


def _called(query: str) -> list[Function]:
    called = [each for each in _functions() if queries.uses(query, each.name)]
    if watchlist.reads_others(query):
        return called
    return [replace(each, body=_OUR_LISTS) if each.name == "_GetWatchlist" else each for each in called]


@cache
def _functions() -> tuple[Function, ...]:
    """The functions of every Sentinel workspace, as our own engine has them; what a watchlist holds is not known."""
    found = [match for text in kusto_workspace.definitions() for match in _DEFINITION.findall(text)]
    return tuple(
        Function(name, parameters, None if name == "_GetWatchlist" else body) for name, parameters, body in found
    )


def _first_hand(diagnostics: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Those in their order, up to the first fault of grammar: what is said of the text behind it is made up by it."""
    for each in sorted(diagnostics, key=lambda each: (each.line, each.column, each.code)):
        yield each
        if re.fullmatch(r"KS0\d\d", each.code):
            return


def _with_guess(message: str, names: Iterable[str]) -> str:
    """A message about a name that does not exist, with the column that may be meant."""
    unknown = re.match(r"The name '([^']+)' does not refer", message)
    return message.removesuffix(".") + guess(unknown[1], names) if unknown else message.removesuffix(".")


def _unknown_table(name: str) -> Said:
    message = f"the columns of {name} are not known here, so what the query reads of it is not checked"
    return Said("table-unknown", message, Severity.WARNING)
